#include "cli/arguments.h"
#include "cli/commands.h"

static const struct cli_option list_options[] = {
    {"--vendor", "V", "only rows at this vendor", false},
    {"--status", "S", "only rows in this state, such as LIVE", false},
    {"--search", "TEXT", "only toolkits whose name contains this", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option no_options[] = {{NULL, NULL, NULL, false}};
static const struct cli_option set_options[] = {
    {"--reason", "TEXT", "why, for the history", false},
    {"--dry-run", NULL, "show the effect, change nothing", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option rm_options[] = {
    {"--reason", "TEXT", "why, for the history", false},
    {"--dry-run", NULL, "check only, change nothing", false},
    {"--yes", NULL, "do not ask", false},
    {NULL, NULL, NULL, false},
};

static struct sy_str toolkit_path(struct cli *cli, struct sy_str vendor)
{
    struct sy_buf path;

    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/registry/toolkits");
    cli_segment(&path, cli->words[0]);
    if (cli_has(cli, "--dry-run"))
        cli_query(&path, "dry_run", SY_STR("true"));
    cli_query(&path, "reason", cli_get(cli, "--reason"));
    cli_query(&path, "vendor", vendor);
    return sy_buf_str(&path);
}

static int get_toolkit(struct cli *cli, struct cli_reply *ret)
{
    struct cli_ask ask = {.verb = SY_VERB_GET};
    struct sy_buf path;

    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/registry/toolkits");
    cli_segment(&path, cli->words[0]);
    ask.path = sy_buf_str(&path);
    return cli_ask(cli, &ask, ret);
}

/* ---- list ---- */

static void add_rows(struct cli *cli, struct cli_table *table, struct sy_json toolkit)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(toolkit, "rows"));
    struct sy_json row;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &row)) {
        struct sy_str wanted = cli_get(cli, "--vendor"), slug = cli_text(cli, row, "vendor_slug");
        struct sy_str notes = cli_text(cli, row, "notes"),
                      endpoint = cli_text(cli, row, "endpoint");
        const struct sy_str cells[] = {
            cli_text(cli, row, "toolkit"),
            cli_text(cli, row, "vendor"),
            cli_text(cli, row, "status"),
            endpoint.len ? endpoint
            : slug.len   ? slug
                         : cli_text(cli, row, "toolkit"),
            notes.len ? notes : SY_STR("-"),
        };

        if (!wanted.ptr || sy_str_eq_nocase(wanted, cells[1]))
            cli_table_add(cli, table, cells);
    }
}

static int registry_list(struct cli *cli)
{
    static const char *const columns[] = {"toolkit", "vendor", "status", "there", "notes"};
    struct sy_json items, item;
    struct sy_json_iter iter;
    struct cli_table table;
    struct sy_buf path;
    struct sy_str name;
    int code;

    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/registry/toolkits");
    cli_query(&path, "vendor", cli_get(cli, "--vendor"));
    cli_query(&path, "status", cli_get(cli, "--status"));
    cli_query(&path, "search", cli_get(cli, "--search"));
    code = cli_list(cli, sy_buf_str(&path), &items);
    if (code != SY_EXIT_DONE || cli->json)
        return code;
    cli_table_init(&table, columns, SY_ARRAY_LEN(columns));
    iter = sy_json_iter(items);
    while (sy_json_next(&iter, &name, &item))
        add_rows(cli, &table, item);
    cli_table_print(cli, &table);
    return SY_EXIT_DONE;
}

/* ---- show ---- */

static void print_rows(struct cli *cli, struct sy_json root)
{
    struct sy_json rows = root.type == SY_JSON_ARRAY ? root : sy_json_get_z(root, "rows"), row;
    struct sy_json_iter iter = sy_json_iter(rows);
    struct sy_str name;

    while (sy_json_next(&iter, &name, &row)) {
        cli_print(cli, CLI_BOLD, cli_text(cli, row, "toolkit"));
        cli_printz(cli, CLI_PLAIN, " at ");
        cli_print(cli, CLI_CYAN, cli_text(cli, row, "vendor"));
        cli_newline(cli);
        cli_print_members(cli, row, "  ");
    }
}

/* "composio, scalekit", or the code of a refusal. */
static struct sy_str way_text(struct cli *cli, struct sy_json decision)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(decision, "candidates"));
    struct sy_json candidate;
    struct sy_str name;
    struct sy_buf out;

    sy_buf_init_arena(&out, &cli->arena, 65536);
    while (sy_json_next(&iter, &name, &candidate)) {
        sy_buf_append_z(&out, out.len ? ", " : "");
        sy_buf_append(&out, cli_text(cli, candidate, "vendor"));
    }
    return out.len ? sy_buf_str(&out) : cli_text(cli, decision, "code");
}

/* The toolkit after a change; of a dry run also what calls would do. */
static void print_effect(struct cli *cli, struct sy_json root)
{
    struct sy_json after = sy_json_get_z(root, "after");

    if (!cli_has(cli, "--dry-run")) {
        print_rows(cli, root);
        return;
    }
    print_rows(cli, after);
    if (sy_json_is_true(sy_json_path(root, "decision.changes")))
        cli_printf(cli, "calls would go to %.*s instead of %.*s\n",
                   SY_FMT(way_text(cli, sy_json_path(root, "decision.after"))),
                   SY_FMT(way_text(cli, sy_json_path(root, "decision.before"))));
    else
        cli_printz(cli, CLI_PLAIN, "calls would go where they go now\n");
    cli_note(cli, "nothing was changed (--dry-run)");
}

static int registry_show(struct cli *cli)
{
    struct cli_reply reply;
    int code = get_toolkit(cli, &reply);

    if (code != SY_EXIT_DONE)
        return code;
    if (reply.status != 200)
        return cli_problem(cli, &reply);
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_rows(cli, reply.root);
    return SY_EXIT_DONE;
}

/* ---- set ---- */

/* Numbers, booleans and null would be texts to the gateway; only these fields are anything else. */
static bool is_integer_field(struct sy_str name)
{
    return sy_str_eq(name, SY_STR("rank"));
}

static bool is_list_field(struct sy_str name)
{
    return sy_str_eq(name, SY_STR("aliases"));
}

static int write_field(struct cli *cli, struct sy_json_writer *w, struct sy_str word)
{
    struct sy_err err = SY_ERR_INIT;
    struct cli_pair pair;
    struct sy_str rest, item;
    int64_t number;

    if (cli_pair_read(word, &pair, &err) != SY_OK)
        return cli_usage(cli, "%s", err.text);
    sy_jw_name_str(w, pair.name);
    if (pair.raw) {
        sy_jw_raw(w, pair.value);
    } else if (!pair.value.len) {
        sy_jw_null(w);
    } else if (is_list_field(pair.name)) {
        sy_jw_array(w);
        for (rest = pair.value; sy_str_split(&rest, ',', &item);)
            sy_jw_str(w, sy_str_trim(item));
        sy_jw_array_end(w);
    } else if (is_integer_field(pair.name) && sy_str_to_i64(pair.value, &number)) {
        sy_jw_i64(w, number);
    } else {
        sy_jw_str(w, pair.value);
    }
    return SY_EXIT_DONE;
}

static int write_patch(struct cli *cli, struct sy_buf *out)
{
    struct sy_json_writer w;
    int code = SY_EXIT_DONE;

    cli_writer(cli, out, &w);
    sy_jw_array(&w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "vendor", cli->words[1]);
    for (unsigned i = 2; i < cli->word_count && code == SY_EXIT_DONE; i++)
        code = write_field(cli, &w, cli->words[i]);
    sy_jw_object_end(&w);
    sy_jw_array_end(&w);
    return code;
}

static int registry_set(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_PATCH};
    struct cli_reply before, reply;
    struct sy_buf body;
    int code = write_patch(cli, &body);

    if (code == SY_EXIT_DONE)
        code = get_toolkit(cli, &before);
    if (code != SY_EXIT_DONE)
        return code;
    if (before.status == 404) {
        ask.verb = SY_VERB_PUT;
        ask.must_be_new = true;
    } else if (before.status == 200) {
        ask.if_match = before.etag;
    } else {
        return cli_problem(cli, &before);
    }
    ask.path = toolkit_path(cli, (struct sy_str){NULL, 0});
    ask.body = sy_buf_str(&body);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_effect(cli, reply.root);
    return SY_EXIT_DONE;
}

/* ---- rm ---- */

static int registry_rm(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_DELETE};
    struct sy_str vendor = cli->word_count > 1 ? cli->words[1] : (struct sy_str){NULL, 0};
    struct cli_reply before, reply;
    int code = get_toolkit(cli, &before);

    if (code != SY_EXIT_DONE)
        return code;
    if (before.status != 200)
        return cli_problem(cli, &before);
    if (!cli_has(cli, "--dry-run")) {
        if (!cli->json) {
            cli_to_remarks(cli);
            print_rows(cli, before.root);
            cli_to_results(cli);
        }
        if (!cli_confirm(cli, vendor.ptr ? "Remove the row at this vendor?"
                                         : "Remove the toolkit with all its rows?"))
            return cli_fail(cli, "nothing was removed; --yes does it without asking");
    }
    ask.path = toolkit_path(cli, vendor);
    ask.if_match = before.etag;
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (reply.body.len && cli->json)
        cli_print_json(cli, reply.body);
    else if (reply.body.len)
        print_effect(cli, reply.root);
    if (!cli_has(cli, "--dry-run"))
        cli_note(cli, "%.*s%s%.*s is removed", SY_FMT(cli->words[0]), vendor.ptr ? "/" : "",
                 SY_FMT(vendor));
    return SY_EXIT_DONE;
}

const struct cli_command cli_registry_list = {
    .name = "registry list",
    .arguments = "",
    .summary = "Lists the registry's rows.",
    .options = list_options,
    .run = registry_list,
    .client = true,
};

const struct cli_command cli_registry_show = {
    .name = "registry show",
    .arguments = "TOOLKIT",
    .summary = "Shows a toolkit's rows with all their fields.",
    .options = no_options,
    .words_min = 1,
    .words_max = 1,
    .run = registry_show,
    .client = true,
};

const struct cli_command cli_registry_set = {
    .name = "registry set",
    .arguments = "TOOLKIT VENDOR field=text | field:=json...",
    .summary = "Changes fields of a row, or adds the row.",
    .details = "field= alone takes the field away. A change that somebody else made meanwhile is\n"
               "refused (precondition_failed), not overwritten:\n"
               "  switchyard registry set googletagmanager pipedream status=LIVE "
               "vendor_slug=google_tag_manager\n"
               "  switchyard registry set gmail scalekit rank=1 --reason \"trial\"",
    .options = set_options,
    .words_min = 3,
    .words_max = 64,
    .run = registry_set,
    .client = true,
};

const struct cli_command cli_registry_rm = {
    .name = "registry rm",
    .arguments = "TOOLKIT [VENDOR]",
    .summary = "Removes a toolkit, or its row at one vendor; asks first.",
    .options = rm_options,
    .words_min = 1,
    .words_max = 2,
    .run = registry_rm,
    .client = true,
};
