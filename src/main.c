/*
 * The program: everything is in cli/.
 */
#include "cli/cli.h"

#include <malloc.h>
#include <poll.h>
#include <stdio.h>
#include <unistd.h>

/* The reader of a pipe took its fill and left (`| head`). */
static bool reader_is_gone(void)
{
    struct pollfd out = {.fd = STDOUT_FILENO};

    return poll(&out, 1, 0) == 1 && (out.revents & POLLERR);
}

/*
 * Large blocks are mapped and given back by themselves. Left alone, glibc raises the limit with
 * each one that is freed, and what a registry's load took stays with the thread's heap for good.
 */
static void keep_little(void)
{
    (void)mallopt(M_MMAP_THRESHOLD, 128 << 10);
    (void)mallopt(M_TRIM_THRESHOLD, 128 << 10);
}

int main(int argc, char **argv)
{
    int code;

    keep_little();
    code = sy_cli_main(argc, argv);

    /* An export onto a full disk has failed, however well it was read. */
    if ((fflush(stdout) != 0 || ferror(stdout)) && !reader_is_gone()) {
        fputs("switchyard: the output could not be written\n", stderr);
        return code == SY_EXIT_DONE ? SY_EXIT_FAILED : code;
    }
    return code;
}
