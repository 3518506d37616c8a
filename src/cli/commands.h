/*
 * Every command, one file each (cmd_*.c); commands.c has the table in the order --help shows.
 */
#ifndef SY_CLI_COMMANDS_H
#define SY_CLI_COMMANDS_H

#include "cli/cli_int.h"

extern const struct cli_command cli_serve;
extern const struct cli_command cli_version;

#endif
