#include "cli/cli_int.h"

/* What a person does next, by whose move it is. */
static const char *next_step(struct sy_str origin)
{
    static const struct {
        const char *origin, *step;
    } steps[] = {
        {"caller", "the request has to change"},
        {"gateway", "the platform team has to act"},
        {"vendor", "the vendor has to recover; the call may be tried again later"},
        {"provider", "the provider said no; look at its answer"},
        {"user", "the user has to act"},
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(steps); i++)
        if (sy_str_eq(sy_str_of(steps[i].origin), origin))
            return steps[i].step;
    return NULL;
}

static void print_member(struct cli *cli, const struct cli_reply *reply, const char *name)
{
    struct sy_json value = sy_json_get_z(reply->root, name);
    struct sy_str text;

    if (sy_json_is_nothing(value) ||
        ((value.type == SY_JSON_ARRAY || value.type == SY_JSON_OBJECT) && !sy_json_count(value)))
        return;
    text = sy_json_text(value, &cli->arena);
    fprintf(stderr, "  %-16s %.*s\n", name, SY_FMT(text.ptr ? text : value.raw));
}

int cli_problem(struct cli *cli, const struct cli_reply *reply)
{
    static const char *const members[] = {
        "cause",        "connect_url",   "connection_id", "missing_scopes", "fix",
        "todo",         "suggestions",   "renamed_to",    "case_id",        "issue_url",
        "requested_at", "due_at",        "rules",         "errors",         "provider_status",
        "limit_bytes",  "provider_body", "connected_at",  "call_id"};
    struct sy_str code = sy_json_text(sy_json_get_z(reply->root, "code"), &cli->arena);
    struct sy_str detail = sy_json_text(sy_json_get_z(reply->root, "detail"), &cli->arena);
    struct sy_str title = sy_json_text(sy_json_get_z(reply->root, "title"), &cli->arena);
    const char *step = next_step(sy_json_text(sy_json_get_z(reply->root, "origin"), &cli->arena));

    if (cli->json) {
        cli_print_json(cli, reply->body);
        return SY_EXIT_FAILED;
    }
    if (!code.ptr)
        return cli_fail(cli, "the gateway answered %d without a problem document", reply->status);
    fprintf(stderr, "%s%.*s%s (%d): %.*s\n", cli->colour ? "\033[31m" : "", SY_FMT(code),
            cli->colour ? "\033[0m" : "", reply->status, SY_FMT(detail.len ? detail : title));
    for (size_t i = 0; i < SY_ARRAY_LEN(members); i++)
        print_member(cli, reply, members[i]);
    if (sy_json_is_true(sy_json_get_z(reply->root, "maybe_applied")))
        fprintf(stderr, "  %-16s the call may have changed something; look before you repeat it\n",
                "maybe_applied");
    if (step)
        fprintf(stderr, "  %-16s %s\n", "next", step);
    return SY_EXIT_FAILED;
}
