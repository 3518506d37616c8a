#include "cli/commands.h"

static int version(struct cli *cli)
{
    struct sy_json_writer w;
    struct sy_buf out;

    if (!cli->json) {
        printf("switchyard %s\n", SY_VERSION);
        return SY_EXIT_DONE;
    }
    cli_writer(cli, &out, &w);
    sy_jw_object(&w);
    sy_jw_member_z(&w, "version", SY_VERSION);
    sy_jw_object_end(&w);
    cli_print_json(cli, sy_buf_str(&out));
    return SY_EXIT_DONE;
}

const struct cli_command cli_version = {
    .name = "version",
    .arguments = "",
    .summary = "Prints the version.",
    .run = version,
};
