/*
 * The command line: one file per command, a table of them, and what they share.
 *
 * Exit codes: 0 done, 1 refused or failed, 2 usage. Results go to stdout, everything else to
 * stderr.
 */
#ifndef SY_CLI_CLI_H
#define SY_CLI_CLI_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"
#include "base/json.h"

enum { SY_EXIT_DONE = 0, SY_EXIT_FAILED = 1, SY_EXIT_USAGE = 2 };

/* Runs the command named by argv; never returns a code outside the three. */
int sy_cli_main(int argc, char **argv);

#endif
