#include "cli/commands.h"

static const struct cli_option options[] = {
    {"--state", "STATE", "open (default), closed or all", false},
    {NULL, NULL, NULL, false},
};

static int cases(struct cli *cli)
{
    static const char *const columns[] = {"calls", "name", "state", "last seen", "last tool", "id"};
    static const char *const members[] = {"calls", "name", "state", "last_seen", "last_tool", "id"};
    struct sy_json items;
    struct sy_buf path;
    int code;

    sy_buf_init_arena(&path, &cli->arena, 65536);
    sy_buf_append_z(&path, "/v1/cases");
    cli_query(&path, "state", cli_get(cli, "--state"));
    code = cli_list(cli, sy_buf_str(&path), &items);
    if (code != SY_EXIT_DONE || cli->json)
        return code;
    if (!sy_json_count(items))
        cli_note(cli, "no cases: nobody has asked for a toolkit that no vendor has");
    else
        cli_print_items(cli, items, columns, members, SY_ARRAY_LEN(columns));
    return SY_EXIT_DONE;
}

const struct cli_command cli_cases = {
    .name = "cases",
    .arguments = "",
    .summary = "Lists missing toolkits by demand.",
    .details =
        "A call for a toolkit that no vendor has opens a case, or counts in one that is open;\n"
        "`switchyard triage NAME` is how one is worked off.",
    .options = options,
    .run = cases,
    .client = true,
};
