#include "cli/commands.h"

static int version(struct cli *cli)
{
    if (cli->json)
        printf("{\"version\":\"%s\"}\n", SY_VERSION);
    else
        printf("switchyard %s\n", SY_VERSION);
    return SY_EXIT_DONE;
}

const struct cli_command cli_version = {
    .name = "version",
    .arguments = "",
    .summary = "Prints the version.",
    .run = version,
};
