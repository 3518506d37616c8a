#include "cli/commands.h"

static const struct cli_option create_options[] = {
    {"--tenant", "T", "whose key it is (default: default)", false},
    {"--scopes", "LIST", "of call, connect, registry, admin (default: call)", false},
    {"--environment", "E", "production (default) or development", false},
    {"--name", "TEXT", "what it is for", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option list_options[] = {
    {"--tenant", "T", "only this tenant's", false},
    {NULL, NULL, NULL, false},
};
static const struct cli_option revoke_options[] = {
    {"--yes", NULL, "do not ask", false},
    {NULL, NULL, NULL, false},
};

static struct sy_str create_body(struct cli *cli)
{
    struct sy_str tenant = cli_get(cli, "--tenant"), scopes = cli_get(cli, "--scopes"), scope;
    struct sy_json_writer w;
    struct sy_buf body;

    if (!scopes.ptr)
        scopes = SY_STR("call");
    cli_writer(cli, &body, &w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "tenant", tenant.ptr ? tenant : SY_STR("default"));
    sy_jw_name(&w, "scopes");
    sy_jw_array(&w);
    while (sy_str_split(&scopes, ',', &scope))
        sy_jw_str(&w, sy_str_trim(scope));
    sy_jw_array_end(&w);
    sy_jw_opt_str(&w, "environment", cli_get(cli, "--environment"));
    sy_jw_opt_str(&w, "name", cli_get(cli, "--name"));
    sy_jw_object_end(&w);
    return sy_buf_str(&body);
}

static int key_create(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_POST, .path = SY_STR("/v1/keys")};
    struct cli_reply reply;
    int code;

    ask.body = create_body(cli);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json) {
        cli_print_json(cli, reply.body);
        return SY_EXIT_DONE;
    }
    cli_print(cli, CLI_PLAIN, cli_text(cli, reply.root, "secret"));
    cli_newline(cli);
    cli_to_remarks(cli);
    cli_printf(cli, "%.*s of tenant %.*s, %.*s, scopes %.*s; the secret is shown this once\n",
               SY_FMT(cli_text(cli, reply.root, "id")), SY_FMT(cli_text(cli, reply.root, "tenant")),
               SY_FMT(cli_text(cli, reply.root, "environment")),
               SY_FMT(cli_join(cli, sy_json_get_z(reply.root, "scopes"), ",")));
    cli_to_results(cli);
    return SY_EXIT_DONE;
}

static int key_list(struct cli *cli)
{
    static const char *const columns[] = {"key",     "tenant",  "scopes", "environment",
                                          "created", "revoked", "name"};
    static const char *const members[] = {"id",         "tenant",     "scopes", "environment",
                                          "created_at", "revoked_at", "name"};
    struct sy_json items;
    struct sy_buf path;
    int code;

    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/keys");
    cli_query(&path, "tenant", cli_get(cli, "--tenant"));
    code = cli_list(cli, sy_buf_str(&path), &items);
    if (code == SY_EXIT_DONE && !cli->json)
        cli_print_items(cli, items, columns, members, SY_ARRAY_LEN(columns));
    return code;
}

static int key_revoke(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_DELETE};
    struct cli_reply reply;
    struct sy_buf path;
    int code;

    if (!cli_confirm(cli, "Revoke the key? Calls with it are refused at once."))
        return cli_fail(cli, "nothing was revoked; --yes does it without asking");
    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/keys");
    cli_segment(&path, cli->words[0]);
    ask.path = sy_buf_str(&path);
    code = cli_get_done(cli, &ask, &reply);
    if (code == SY_EXIT_DONE)
        cli_note(cli, "%.*s is revoked", SY_FMT(cli->words[0]));
    return code;
}

const struct cli_command cli_key_create = {
    .name = "key create",
    .arguments = "--tenant T --scopes LIST",
    .summary = "Creates a key; its secret is printed first, and this once.",
    .details = "  switchyard key create --tenant ascend --scopes call,connect",
    .options = create_options,
    .run = key_create,
    .client = true,
};

const struct cli_command cli_key_list = {
    .name = "key list",
    .arguments = "",
    .summary = "Lists keys, without their secrets.",
    .options = list_options,
    .run = key_list,
    .client = true,
};

const struct cli_command cli_key_revoke = {
    .name = "key revoke",
    .arguments = "KEY_ID",
    .summary = "Revokes a key.",
    .options = revoke_options,
    .words_min = 1,
    .words_max = 1,
    .run = key_revoke,
    .client = true,
};
