#include "cli/commands.h"

static const struct cli_option options[] = {
    {"--criticality", "LEVEL", "low (default), medium or high", false},
    {"--cannot-wait", NULL, "it is needed before a vendor could add it", false},
    {"--needs", "NEED", "latency, signing or residency: what may rule Pipedream out", true},
    {"--apply", NULL, "write the row", false},
    {NULL, NULL, NULL, false},
};

/* --needs latency,signing and --needs latency --needs signing mean the same. */
static void write_needs(struct cli *cli, struct sy_json_writer *w)
{
    struct sy_str need, given;

    if (!cli_has(cli, "--needs"))
        return;
    sy_jw_name(w, "needs");
    sy_jw_array(w);
    for (unsigned i = 0; (given = cli_get_nth(cli, "--needs", i)).ptr; i++)
        while (sy_str_split(&given, ',', &need))
            sy_jw_str(w, sy_str_trim(need));
    sy_jw_array_end(w);
}

static struct sy_str write_body(struct cli *cli)
{
    struct sy_json_writer w;
    struct sy_buf out;

    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "provider", cli->words[0]);
    sy_jw_opt_str(&w, "criticality", cli_get(cli, "--criticality"));
    if (cli_has(cli, "--cannot-wait"))
        sy_jw_member_bool(&w, "can_wait", false);
    write_needs(cli, &w);
    if (cli_has(cli, "--apply"))
        sy_jw_member_bool(&w, "apply", true);
    sy_jw_object_end(&w);
    return sy_buf_str(&out);
}

static void print_evidence(struct cli *cli, struct sy_json step)
{
    struct sy_str slug = cli_text(cli, step, "slug"), why = cli_text(cli, step, "why");
    struct sy_str like = cli_join(cli, sy_json_get_z(step, "resembling"), ", ");
    struct sy_json_iter rows = sy_json_iter(sy_json_get_z(step, "rows"));
    struct sy_json row;
    struct sy_str name;

    if (slug.len)
        cli_printf(cli, "     found as %.*s (%.*s)%s%s\n", SY_FMT(slug),
                   SY_FMT(cli_text(cli, step, "name")),
                   sy_json_is_true(sy_json_get_z(step, "configured")) ? "" : ", not set up there",
                   sy_json_is_true(sy_json_get_z(step, "connectable")) ? "" : ", no OAuth app");
    while (sy_json_next(&rows, &name, &row))
        cli_printf(cli, "     row %.*s/%.*s %.*s\n", SY_FMT(cli_text(cli, step, "toolkit")),
                   SY_FMT(cli_text(cli, row, "vendor")), SY_FMT(cli_text(cli, row, "status")));
    if (why.len)
        cli_printf(cli, "     %.*s\n", SY_FMT(why));
    if (like.len)
        cli_printf(cli, "     resembling: %.*s\n", SY_FMT(like));
}

static void print_steps(struct cli *cli, struct sy_json root)
{
    struct sy_json_iter iter = sy_json_iter(sy_json_get_z(root, "steps"));
    struct sy_json step;
    struct sy_str name;

    for (unsigned number = 1; sy_json_next(&iter, &name, &step); number++) {
        struct sy_str answer = cli_text(cli, step, "answer");
        bool yes = sy_str_eq(answer, SY_STR("yes"));

        cli_printf(cli, "  %u. ", number);
        cli_print(cli, CLI_PLAIN, cli_text(cli, step, "question"));
        cli_printz(cli, CLI_PLAIN, "  ");
        cli_print(cli, yes ? CLI_GREEN : CLI_YELLOW, answer);
        cli_newline(cli);
        print_evidence(cli, step);
    }
}

static void print_row(struct cli *cli, struct sy_json root)
{
    struct sy_json row = sy_json_get_z(root, "row");
    struct sy_str lacks = cli_join(cli, sy_json_get_z(root, "row_lacks"), ", ");
    bool by_registry = sy_str_eq(cli_text(cli, root, "decided_by"), SY_STR("registry"));

    if (row.type == SY_JSON_OBJECT) {
        cli_printz(cli, CLI_BOLD,
                   by_registry                                       ? "row that is there\n"
                   : sy_json_is_true(sy_json_get_z(root, "applied")) ? "row written\n"
                                                                     : "row it would write\n");
        cli_print_members(cli, row, "  ");
    }
    if (lacks.len)
        cli_printf(cli, "  it lacks: %.*s\n", SY_FMT(lacks));
}

static void print_answer(struct cli *cli, struct sy_json root)
{
    struct sy_json_iter next = sy_json_iter(sy_json_get_z(root, "next"));
    struct sy_str path = cli_text(cli, root, "path"), vendor = cli_text(cli, root, "vendor");
    struct sy_json item;
    struct sy_str name;

    cli_print(cli, CLI_BOLD, cli_text(cli, root, "provider"));
    cli_printz(cli, CLI_PLAIN, ": ");
    cli_print(cli, CLI_GREEN, path);
    if (!sy_str_eq(path, vendor)) {
        cli_printz(cli, CLI_PLAIN, " via ");
        cli_print(cli, CLI_CYAN, vendor);
    }
    cli_printf(cli, ", because %.*s\n", SY_FMT(cli_text(cli, root, "because")));
    print_steps(cli, root);
    print_row(cli, root);
    cli_printz(cli, CLI_BOLD, "next\n");
    while (sy_json_next(&next, &name, &item)) {
        cli_printz(cli, CLI_PLAIN, "  - ");
        cli_print(cli, CLI_PLAIN, cli_text(cli, item, NULL));
        cli_newline(cli);
    }
}

/* --apply that wrote nothing has failed, unless the registry had the answer already. */
static int verdict(struct cli *cli, struct sy_json root)
{
    struct sy_str by = cli_text(cli, root, "decided_by");

    if (!cli_has(cli, "--apply") || sy_json_is_true(sy_json_get_z(root, "applied")) ||
        sy_str_eq(by, SY_STR("registry")))
        return SY_EXIT_DONE;
    return cli_fail(cli, "nothing was written: the steps under \"next\" come first");
}

static int triage(struct cli *cli)
{
    struct cli_ask ask = {.verb = SY_VERB_POST, .path = SY_STR("/v1/triage")};
    struct cli_reply reply;
    int code;

    ask.body = write_body(cli);
    code = cli_get_done(cli, &ask, &reply);
    if (code != SY_EXIT_DONE)
        return code;
    if (cli->json)
        cli_print_json(cli, reply.body);
    else
        print_answer(cli, reply.root);
    return verdict(cli, reply.root);
}

const struct cli_command cli_triage = {
    .name = "triage",
    .arguments = "PROVIDER",
    .summary = "Walks the runbook for a provider: who has it, what is next.",
    .details =
        "Looks in the registry, then in the vendors' catalogues, walks the decision tree and\n"
        "shows each step's evidence, the row it would write and what a person does next:\n"
        "  switchyard triage \"Google Tag Manager\"\n"
        "  switchyard triage acme-erp --criticality high --cannot-wait",
    .options = options,
    .words_min = 1,
    .words_max = 1,
    .run = triage,
    .client = true,
};
