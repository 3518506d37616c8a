/*
 * Every command, one file each (cmd_*.c); commands.c has the table in the order --help shows.
 */
#ifndef SY_CLI_COMMANDS_H
#define SY_CLI_COMMANDS_H

#include "cli/cli_int.h"

extern const struct cli_command cli_backup;
extern const struct cli_command cli_call;
extern const struct cli_command cli_cases;
extern const struct cli_command cli_check;
extern const struct cli_command cli_doctor;
extern const struct cli_command cli_init;
extern const struct cli_command cli_key_create;
extern const struct cli_command cli_key_list;
extern const struct cli_command cli_key_revoke;
extern const struct cli_command cli_registry_export;
extern const struct cli_command cli_registry_import;
extern const struct cli_command cli_registry_list;
extern const struct cli_command cli_registry_rm;
extern const struct cli_command cli_registry_set;
extern const struct cli_command cli_registry_show;
extern const struct cli_command cli_resolve;
extern const struct cli_command cli_sandbox;
extern const struct cli_command cli_serve;
extern const struct cli_command cli_tenant_create;
extern const struct cli_command cli_tenant_list;
extern const struct cli_command cli_triage;
extern const struct cli_command cli_vendor_list;
extern const struct cli_command cli_vendor_quarantine;
extern const struct cli_command cli_vendor_release;
extern const struct cli_command cli_version;

#endif
