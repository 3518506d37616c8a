#include <string.h>

#include "cli/cli_int.h"

struct step {
    /* NULL: any. `member` must stand in the document with a value. */
    const char *code, *cause, *member;
    const char *text;
};

/* What a person does next where more is known than whose move it is; the first that fits. */
static const struct step known_steps[] = {
    {NULL, "quarantined", NULL,
     "the platform team has to act: `switchyard vendor release` puts the vendor back"},
    {"connection_pending", NULL, "connect_url",
     "the user has to finish connecting at connect_url; then repeat the call"},
    {"connection_required", NULL, "connect_url",
     "the user has to connect at connect_url; then repeat the call"},
    {"connection_expired", NULL, "connect_url",
     "the user has to connect again at connect_url; then repeat the call"},
    {"connection_revoked", NULL, "connect_url",
     "the user has to connect again at connect_url; then repeat the call"},
    {"connection_error", NULL, "connect_url",
     "the user has to connect again at connect_url; then repeat the call"},
    {"scope_missing", NULL, "connect_url",
     "the user has to allow more at connect_url; then repeat the call"},
    {"scope_missing", NULL, "fix", "the platform team has to ask for more scopes at the vendor"},
    {"rate_limited", NULL, NULL, "wait; then repeat the call"},
    {"unauthorized", NULL, NULL, "the key has to change: SWITCHYARD_KEY, or --key"},
    {"forbidden", NULL, NULL, "use another key; `switchyard key create --scopes` makes one"},
    {"toolkit_missing", "near_miss", NULL, "the name has to change; see suggestions"},
    {"toolkit_missing", "absent", NULL,
     "the platform team has to act: `switchyard triage` says what comes next"},
    {"toolkit_pending", NULL, NULL,
     "wait for the request at issue_url; the platform team decides by due_at"},
    {"tool_not_found", NULL, "suggestions", "the tool's name has to change; see suggestions"},
    {"policy_denied", "pinned", NULL, "the request has to change: another vendor, or none"},
    {"outcome_unknown", NULL, NULL, "look whether it was done; a new key repeats it"},
};

static const struct step steps_by_origin[] = {
    {.code = "caller", .text = "the request has to change"},
    {.code = "gateway", .text = "the platform team has to act"},
    {.code = "vendor", .text = "the vendor has to recover; the call may be tried again later"},
    {.code = "provider", .text = "the provider said no; look at its answer"},
    {.code = "user", .text = "the user has to act"},
};

static bool has_value(struct sy_json root, const char *name)
{
    struct sy_json value = sy_json_get_z(root, name);
    bool container = value.type == SY_JSON_ARRAY || value.type == SY_JSON_OBJECT;

    return !sy_json_is_nothing(value) && !(container && !sy_json_count(value));
}

static const char *next_step(struct cli *cli, struct sy_json root)
{
    struct sy_str code = cli_text(cli, root, "code"), cause = cli_text(cli, root, "cause");
    struct sy_str origin = cli_text(cli, root, "origin");

    for (size_t i = 0; i < SY_ARRAY_LEN(known_steps); i++) {
        const struct step *step = &known_steps[i];

        if ((!step->code || sy_str_eq(sy_str_of(step->code), code)) &&
            (!step->cause || sy_str_eq(sy_str_of(step->cause), cause)) &&
            (!step->member || has_value(root, step->member)))
            return step->text;
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(steps_by_origin); i++)
        if (sy_str_eq(sy_str_of(steps_by_origin[i].code), origin))
            return steps_by_origin[i].text;
    return NULL;
}

static void print_line(struct cli *cli, const char *name, struct sy_str text)
{
    cli_printf(cli, "  %-16s ", name);
    cli_print(cli, CLI_PLAIN, text);
    cli_newline(cli);
}

/* {pointer|parameter|header, detail}: where, then what. */
static void print_errors(struct cli *cli, struct sy_json errors)
{
    static const char *const places[] = {"pointer", "parameter", "header", "place"};
    struct sy_json_iter iter = sy_json_iter(errors);
    struct sy_json item;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &item)) {
        struct sy_str place = {"", 0}, detail = cli_text(cli, item, "detail");

        for (size_t i = 0; i < SY_ARRAY_LEN(places) && !place.len; i++)
            place = cli_text(cli, item, places[i]);
        cli_printz(cli, CLI_PLAIN, "  ");
        cli_print(cli, CLI_CYAN, place);
        cli_printz(cli, CLI_PLAIN, place.len ? ": " : "");
        if (cli->document.len && sy_str_starts(detail, SY_STR("import:"))) {
            cli_print(cli, CLI_PLAIN, cli->document);
            detail = sy_str_skip(detail, strlen("import"));
        }
        cli_print(cli, CLI_PLAIN, detail.len ? detail : item.raw);
        cli_newline(cli);
    }
}

void cli_print_rules(struct cli *cli, struct sy_json rules)
{
    struct sy_json_iter iter = sy_json_iter(rules);
    struct sy_json item;
    struct sy_str name;

    while (sy_json_next(&iter, &name, &item)) {
        struct sy_str removed = cli_text(cli, item, "removed");

        cli_printf(cli, "  rule %.*s", SY_FMT(cli_text(cli, item, "rule")));
        cli_printf(cli, "%s%.*s: ", removed.len ? " took " : "", SY_FMT(removed));
        cli_print(cli, CLI_PLAIN, cli_text(cli, item, "why"));
        cli_newline(cli);
    }
}

static void print_member(struct cli *cli, const struct cli_reply *reply, const char *name)
{
    struct sy_json value = sy_json_get_z(reply->root, name);
    bool of_texts = value.type == SY_JSON_ARRAY;
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json item;
    struct sy_str key;

    if (!has_value(reply->root, name))
        return;
    while (of_texts && sy_json_next(&iter, &key, &item))
        of_texts = item.type == SY_JSON_STRING;
    print_line(cli, name, of_texts ? cli_join(cli, value, ", ") : cli_text(cli, value, NULL));
}

int cli_problem(struct cli *cli, const struct cli_reply *reply)
{
    static const char *const members[] = {"cause",          "by",
                                          "connect_url",    "connection_id",
                                          "missing_scopes", "fix",
                                          "todo",           "suggestions",
                                          "renamed_to",     "case_id",
                                          "issue_url",      "due_at",
                                          "requested_at",   "provider_status",
                                          "limit_bytes",    "budget",
                                          "provider_body",  "connected_at",
                                          "call_id"};
    struct sy_str code = cli_text(cli, reply->root, "code");
    struct sy_str detail = cli_text(cli, reply->root, "detail");
    const char *step = next_step(cli, reply->root);

    if (cli->json) {
        cli_print_json(cli, reply->body);
        return SY_EXIT_FAILED;
    }
    if (!code.len)
        return cli_fail(cli, "the gateway answered %d without a problem document", reply->status);
    cli_to_remarks(cli);
    cli_print(cli, CLI_RED, code);
    cli_printf(cli, " (%d): ", reply->status);
    cli_print(cli, CLI_PLAIN, detail.len ? detail : cli_text(cli, reply->root, "title"));
    cli_newline(cli);
    print_errors(cli, sy_json_get_z(reply->root, "errors"));
    for (size_t i = 0; i < SY_ARRAY_LEN(members); i++)
        print_member(cli, reply, members[i]);
    cli_print_rules(cli, sy_json_get_z(reply->root, "rules"));
    if (sy_json_is_true(sy_json_get_z(reply->root, "maybe_applied")))
        print_line(cli, "maybe_applied",
                   SY_STR("the call may have changed something; look before you repeat it"));
    if (step)
        print_line(cli, "next", sy_str_of(step));
    cli_to_results(cli);
    return SY_EXIT_FAILED;
}
