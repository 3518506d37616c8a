#include "cli/arguments.h"
#include "cli/commands.h"

static const struct cli_option create_options[] = {
    {"--label", "NAME=TEXT", "a label that policy rules can ask for", true},
    {NULL, NULL, NULL, false},
};
static const struct cli_option no_options[] = {{NULL, NULL, NULL, false}};

static int write_labels(struct cli *cli, struct sy_json_writer *w)
{
    struct sy_str given;

    sy_jw_name(w, "labels");
    sy_jw_object(w);
    for (unsigned i = 0; (given = cli_get_nth(cli, "--label", i)).ptr; i++) {
        struct sy_err err = SY_ERR_INIT;
        struct cli_pair pair;

        if (cli_pair_read(given, &pair, &err) != SY_OK || pair.raw)
            return cli_usage(cli, "--label is name=text, not \"%.*s\"", SY_FMT(given));
        sy_jw_name_str(w, pair.name);
        sy_jw_str(w, pair.value);
    }
    sy_jw_object_end(w);
    return SY_EXIT_DONE;
}

static int tenant_create(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_POST, .path = SY_STR("/v1/tenants")};
    struct cli_reply reply;
    struct sy_json_writer w;
    struct sy_buf body;
    int code = SY_EXIT_DONE;

    cli_writer(cli, &body, &w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "tenant", cli->words[0]);
    if (cli_has(cli, "--label"))
        code = write_labels(cli, &w);
    sy_jw_object_end(&w);
    ask.body = sy_buf_str(&body);
    if (code == SY_EXIT_DONE)
        code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        cli_printf(
            cli,
            "tenant %.*s; its first key: switchyard key create --tenant %.*s --scopes call%s%.*s\n",
            SY_FMT(cli->words[0]), SY_FMT(cli->words[0]),
            cli_has(cli, "--config") ? " --config " : "", SY_FMT(cli_get(cli, "--config")));
    return SY_EXIT_DONE;
}

/* {"region":"eu"} as "region=eu". */
static struct sy_str labels_text(struct cli *cli, struct sy_json labels)
{
    struct sy_json_iter iter = sy_json_iter(labels);
    struct sy_json value;
    struct sy_str name;
    struct sy_buf out;

    sy_buf_init_arena(&out, &cli->arena, 65536);
    while (sy_json_next(&iter, &name, &value)) {
        struct sy_json quoted = {.type = SY_JSON_STRING, .raw = name};

        if (out.len)
            sy_buf_append_char(&out, ' ');
        sy_buf_append(&out, cli_text(cli, quoted, NULL));
        sy_buf_append_char(&out, '=');
        sy_buf_append(&out, cli_text(cli, value, NULL));
    }
    return out.len ? sy_buf_str(&out) : SY_STR("-");
}

static int tenant_list(struct cli *cli)
{
    static const char *const columns[] = {"tenant", "state", "labels"};
    struct sy_json items, item;
    struct sy_json_iter iter;
    struct cli_table table;
    struct sy_str name;
    int code = cli_list(cli, SY_STR("/v1/tenants"), &items);

    if (code != SY_EXIT_DONE || cli->json)
        return code;
    cli_table_init(&table, columns, SY_ARRAY_LEN(columns));
    iter = sy_json_iter(items);
    while (sy_json_next(&iter, &name, &item)) {
        bool disabled = sy_json_is_true(sy_json_get_z(item, "disabled"));
        const struct sy_str cells[] = {
            cli_text(cli, item, "tenant"),
            disabled ? SY_STR("disabled") : SY_STR("enabled"),
            labels_text(cli, sy_json_get_z(item, "labels")),
        };

        cli_table_add(cli, &table, cells);
    }
    cli_table_print(cli, &table);
    return SY_EXIT_DONE;
}

const struct cli_command cli_tenant_create = {
    .name = "tenant create",
    .arguments = "NAME",
    .summary = "Creates a tenant.",
    .details = "A name is 1 to 32 of a-z, 0-9 and '-':\n"
               "  switchyard tenant create ascend --label region=eu",
    .options = create_options,
    .words_min = 1,
    .words_max = 1,
    .run = tenant_create,
    .client = true,
};

const struct cli_command cli_tenant_list = {
    .name = "tenant list",
    .arguments = "",
    .summary = "Lists the tenants.",
    .options = no_options,
    .run = tenant_list,
    .client = true,
};
