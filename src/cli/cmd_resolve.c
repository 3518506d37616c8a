#include "cli/commands.h"

static const struct cli_option options[] = {
    {"--user", "U", "the end user; left out: the tenant's shared connection", false},
    {"--toolkit", "T", "settles the toolkit where the tool's name leaves a choice", false},
    {"--vendor", "V", "as a call would pin it", false},
    {"--connection", "ID", "as a call would pin it, such as composio:ca_…", false},
    {"--tenant", "T", "another tenant than the key's own; for admins", false},
    {"--explain", NULL, "list every vendor that was considered, and why", false},
    {NULL, NULL, NULL, false},
};

/* A name without '_' or '-' is a toolkit; with them it may be either, and the gateway knows. */
static int is_toolkit(struct cli *cli, struct sy_str name, bool *ret)
{
    struct cli_ask ask = {.verb = SY_VERB_GET};
    struct cli_reply reply;
    struct sy_buf path;
    int code;

    *ret = sy_str_find_char(name, '_') == (size_t)-1 && sy_str_find_char(name, '-') == (size_t)-1;
    if (*ret || cli_has(cli, "--toolkit"))
        return SY_EXIT_DONE;
    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/toolkits");
    cli_segment(&path, name);
    ask.path = sy_buf_str(&path);
    code = cli_ask(cli, &ask, &reply);
    *ret = code == SY_EXIT_DONE && reply.status == 200;
    return code;
}

void cli_print_considered(struct cli *cli, struct sy_json decision)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(decision, "considered"));
    struct sy_json item;
    struct sy_str name;

    cli_printz(cli, CLI_PLAIN, "considered\n");
    while (sy_json_next(&iter, &name, &item)) {
        bool taken = sy_json_is_true(sy_json_get_z(item, "taken"));

        cli_printz(cli, taken ? CLI_GREEN : CLI_DIM, taken ? "  + " : "  - ");
        cli_printf(cli, "%-10.*s ", SY_FMT(cli_text(cli, item, "vendor")));
        cli_print(cli, CLI_PLAIN, cli_text(cli, item, "reason"));
        cli_newline(cli);
    }
}

static void print_candidates(struct cli *cli, struct sy_json root)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(root, "candidates"));
    struct sy_json item;
    struct sy_str name;

    for (unsigned number = 1; sy_json_next(&iter, &name, &item); number++) {
        struct sy_str tool = cli_text(cli, item, "vendor_tool");
        struct sy_str warning = cli_text(cli, item, "warning");
        struct sy_str vendor = cli_text(cli, item, "vendor"), path = cli_text(cli, item, "path");

        cli_printf(cli, "%u. ", number);
        cli_print(cli, CLI_CYAN, vendor);
        if (!sy_str_eq(path, vendor))
            cli_printf(cli, " (%.*s)", SY_FMT(path));
        cli_printz(cli, CLI_PLAIN, " as ");
        cli_print(cli, CLI_PLAIN, tool.len ? tool : cli_text(cli, item, "vendor_slug"));
        cli_printf(cli, ", row %.*s version %.*s, for subject ",
                   SY_FMT(cli_text(cli, item, "state")),
                   SY_FMT(cli_text(cli, item, "row_version")));
        cli_print(cli, CLI_PLAIN, cli_text(cli, item, "subject"));
        cli_newline(cli);
        if (warning.len)
            cli_printf(cli, "   warning: %.*s\n", SY_FMT(warning));
    }
}

static void print_refusal(struct cli *cli, struct sy_json refusal, const char *lead)
{
    struct sy_str suggestions = cli_join(cli, sy_json_get_z(refusal, "suggestions"), ", ");
    struct sy_str issue = cli_text(cli, refusal, "issue_url");

    cli_printz(cli, CLI_PLAIN, lead);
    cli_print(cli, CLI_YELLOW, cli_text(cli, refusal, "code"));
    cli_printz(cli, CLI_PLAIN, ": ");
    cli_print(cli, CLI_PLAIN, cli_text(cli, refusal, "detail"));
    cli_newline(cli);
    if (suggestions.len)
        cli_printf(cli, "  suggestions  %.*s\n", SY_FMT(suggestions));
    cli_print_rules(cli, sy_json_get_z(refusal, "rules"));
    if (issue.len)
        cli_printf(cli, "  issue        %.*s, due %.*s\n", SY_FMT(issue),
                   SY_FMT(cli_text(cli, refusal, "due_at")));
}

static void print_decision(struct cli *cli, struct sy_json root)
{
    struct sy_str kind = cli_text(cli, root, "decision"), effect = cli_text(cli, root, "effect");
    struct sy_str tool = cli_text(cli, root, "tool");

    cli_print(cli, CLI_BOLD, tool.len ? tool : cli_text(cli, root, "toolkit"));
    if (effect.len)
        cli_printf(cli, " (%.*s)", SY_FMT(effect));
    cli_newline(cli);
    print_candidates(cli, root);
    if (sy_json_count(sy_json_get_z(root, "because")))
        cli_printf(cli, "why: %.*s\n", SY_FMT(cli_join(cli, sy_json_get_z(root, "because"), "; ")));
    if (sy_str_eq(kind, SY_STR("probe"))) {
        cli_printf(cli, "no row: a call would ask %.*s for \"%.*s\"\n",
                   SY_FMT(cli_join(cli, sy_json_path(root, "probe.vendors"), ", ")),
                   SY_FMT(cli_text(cli, root, "probe.slug")));
        print_refusal(cli, sy_json_get_z(root, "otherwise"), "if none has it: ");
    } else if (sy_str_eq(kind, SY_STR("refuse"))) {
        print_refusal(cli, sy_json_get_z(root, "refusal"), "a call would be refused: ");
    }
    if (sy_json_count(sy_json_get_z(root, "considered")))
        cli_print_considered(cli, root);
}

static int resolve(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_GET};
    struct cli_reply reply;
    struct sy_buf path;
    bool toolkit;
    int code = is_toolkit(cli, cli->words[0], &toolkit);

    if (code != SY_EXIT_DONE)
        return code;
    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/resolve");
    cli_query(&path, toolkit ? "toolkit" : "tool", cli->words[0]);
    if (!toolkit)
        cli_query(&path, "toolkit", cli_get(cli, "--toolkit"));
    cli_query(&path, "user_id", cli_get(cli, "--user"));
    cli_query(&path, "vendor", cli_get(cli, "--vendor"));
    cli_query(&path, "connection_id", cli_get(cli, "--connection"));
    cli_query(&path, "tenant", cli_get(cli, "--tenant"));
    cli_query(&path, "explain", cli_has(cli, "--explain") ? SY_STR("true") : SY_STR("false"));
    ask.path = sy_buf_str(&path);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_decision(cli, reply.root);
    return sy_str_eq(cli_text(cli, reply.root, "decision"), SY_STR("refuse")) ? SY_EXIT_FAILED
                                                                              : SY_EXIT_DONE;
}

const struct cli_command cli_resolve = {
    .name = "resolve",
    .arguments = "TOOL|TOOLKIT",
    .summary = "Says where a call would run, and why; runs nothing.",
    .details = "Exit code 1 says that a call would be refused.",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = resolve,
    .client = true,
};
