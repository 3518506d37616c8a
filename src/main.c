/*
 * The program: everything is in cli/.
 */
#include "cli/cli.h"

#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* The reader of a pipe took its fill and left (`| head`). */
static bool reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

int main(int argc, char **argv)
{
    int code = sy_cli_main(argc, argv);

    /* An export onto a full disk has failed, however well it was read. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && !reader_is_gone()) {
        fputs("switchyard: the output could not be written\n", stderr);
        return code == SY_EXIT_DONE ? SY_EXIT_FAILED : code;
    }
    return code;
}
