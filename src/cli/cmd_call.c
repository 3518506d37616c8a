#include "base/clock.h"
#include "cli/arguments.h"
#include "cli/commands.h"

#define BODY_MAX ((size_t)32 << 20)

static const struct cli_option options[] = {
    {"--user", "U", "the end user; left out: the tenant's shared connection", false},
    {"--toolkit", "T", "settles the toolkit where the tool's name leaves a choice", false},
    {"--vendor", "V", "only this vendor, if the policy leaves it a candidate", false},
    {"--connection", "ID", "this connection, such as composio:ca_…", false},
    {"--timeout", "TIME", "give up after this time, such as 30s", false},
    {"--idempotency-key", "KEY", "the same key gives the same answer for a day", false},
    {"--json", "FILE", "the arguments as one JSON object, octet for octet; - reads stdin", false},
    {"--explain", NULL, "list every vendor that was considered, and why", false},
    {NULL, NULL, NULL, false},
};

static int read_json(struct cli *cli, struct sy_str *ret_arguments)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_json_fault fault;
    struct sy_json root;
    struct sy_str text;

    if (cli->word_count > 1)
        return cli_usage(cli, "--json holds all arguments: leave \"%.*s\" out",
                         SY_FMT(cli->words[1]));
    if (sy_file_read(cli_get(cli, "--json"), BODY_MAX, &cli->arena, &text, &err) != SY_OK)
        return cli_fail(cli, "%s", err.text);
    if (sy_json_read(text, SY_JSON_DEPTH_MAX, &root, &fault) != SY_OK)
        return cli_fail(cli, "the arguments are not JSON: %s at byte %zu", fault.why, fault.offset);
    if (root.type != SY_JSON_OBJECT)
        return cli_fail(cli, "the arguments are not a JSON object");
    *ret_arguments = root.raw;
    return SY_EXIT_DONE;
}

static int read_arguments(struct cli *cli, struct sy_str *ret_arguments)
{
    struct sy_err err = SY_ERR_INIT;

    if (cli_has(cli, "--json"))
        return read_json(cli, ret_arguments);
    if (cli_arguments(cli->words + 1, cli->word_count - 1, &cli->arena, ret_arguments, &err) !=
        SY_OK)
        return cli_usage(cli, "%s", err.text);
    return SY_EXIT_DONE;
}

static int write_body(struct cli *cli, struct sy_str arguments, struct sy_buf *out)
{
    struct sy_json_writer w;
    int64_t timeout_ms;

    cli_writer(cli, out, &w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "tool", cli->words[0]);
    sy_jw_opt_str(&w, "user_id", cli_get(cli, "--user"));
    sy_jw_opt_str(&w, "toolkit", cli_get(cli, "--toolkit"));
    sy_jw_opt_str(&w, "vendor", cli_get(cli, "--vendor"));
    sy_jw_opt_str(&w, "connection_id", cli_get(cli, "--connection"));
    sy_jw_opt_str(&w, "idempotency_key", cli_get(cli, "--idempotency-key"));
    if (cli_has(cli, "--timeout")) {
        if (!sy_duration_parse(cli_get(cli, "--timeout"), &timeout_ms) || timeout_ms <= 0)
            return cli_usage(cli, "--timeout is a time such as 30s or 500ms");
        sy_jw_member_i64(&w, "timeout_ms", timeout_ms);
    }
    if (cli_has(cli, "--explain"))
        sy_jw_member_bool(&w, "explain", true);
    sy_jw_member_raw(&w, "arguments", arguments);
    sy_jw_object_end(&w);
    return SY_EXIT_DONE;
}

static void print_remark(struct cli *cli, const char *name, struct sy_str text)
{
    if (!text.len)
        return;
    cli_printf(cli, "%-8s ", name);
    cli_print(cli, CLI_PLAIN, text);
    cli_newline(cli);
}

static void print_way(struct cli *cli, struct sy_json root)
{
    struct sy_json_iter warnings = sy_json_iter(sy_json_get_z(root, "warnings"));
    struct sy_json warning;
    struct sy_str name;

    cli_to_remarks(cli);
    cli_printf(cli, "%-8s ", "tool");
    cli_print(cli, CLI_BOLD, cli_text(cli, root, "route.tool"));
    cli_newline(cli);
    print_remark(cli, "path", cli_text(cli, root, "route.path"));
    cli_printf(cli, "%-8s ", "vendor");
    cli_print(cli, CLI_CYAN, cli_text(cli, root, "route.vendor"));
    cli_printz(cli, CLI_DIM, " as ");
    cli_print(cli, CLI_PLAIN, cli_text(cli, root, "route.vendor_tool"));
    cli_newline(cli);
    print_remark(cli, "why", cli_join(cli, sy_json_path(root, "route.because"), "; "));
    print_remark(cli, "took",
                 sy_arena_printf(&cli->arena, "%.*s ms (vendor %.*s ms), %.*s",
                                 SY_FMT(cli_text(cli, root, "timing.total_ms")),
                                 SY_FMT(cli_text(cli, root, "timing.vendor_ms")),
                                 SY_FMT(cli_text(cli, root, "id"))));
    while (sy_json_next(&warnings, &name, &warning))
        print_remark(cli, "warning", cli_text(cli, warning, NULL));
    if (sy_json_get_z(root, "decision").type == SY_JSON_OBJECT)
        cli_print_considered(cli, sy_json_get_z(root, "decision"));
    cli_newline(cli);
    cli_to_results(cli);
}

static int call(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_POST, .path = SY_STR("/v1/execute")};
    struct cli_reply reply;
    struct sy_str arguments;
    struct sy_buf body;
    int code = read_arguments(cli, &arguments);

    if (code == SY_EXIT_DONE)
        code = write_body(cli, arguments, &body);
    if (code != SY_EXIT_DONE)
        return code;
    ask.body = sy_buf_str(&body);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json) {
        fwrite(reply.body.ptr, 1, reply.body.len, stdout);
        putchar('\n');
        return SY_EXIT_DONE;
    }
    print_way(cli, reply.root);
    cli_print_json(cli, sy_json_get_z(reply.root, "data").raw);
    return SY_EXIT_DONE;
}

const struct cli_command cli_call = {
    .name = "call",
    .arguments = "TOOL [name=text | name:=json]...",
    .summary = "Runs a tool and prints its result.",
    .details = "The result goes to standard output, the way it took to standard error; with\n"
               "--output json the reply is printed octet for octet as it came:\n"
               "  switchyard call gmail_fetch_emails --user user_123 query=is:unread "
               "max_results:=5\n"
               "  switchyard call github_create_an_issue --json issue.json --output json",
    .options = options,
    .words_min = 1,
    .words_max = CLI_WORDS_MAX,
    .run = call,
    .client = true,
};
