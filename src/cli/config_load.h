/*
 * Configuration and policy from disk, judged as a whole: every fault of every file at once.
 */
#ifndef SY_CLI_CONFIG_LOAD_H
#define SY_CLI_CONFIG_LOAD_H

#include "cli/files.h"
#include "config/settings.h"
#include "policy/policy.h"

#define SY_CONFIG_FILE_DEFAULT "switchyard.yaml"

struct sy_config {
    struct sy_arena arena; /* settings live here */
    struct sy_settings settings;
    struct sy_str folder; /* of the file; relative paths start here */
};

/* Reads `file`. All faults in `faults`; SY_INVALID if one is an error, SY_NOT_FOUND without file.
 */
int sy_config_load(struct sy_str file, struct sy_config *ret, struct sy_faults *faults);
/* Defaults only, as the sandbox runs. */
void sy_config_default(struct sy_config *ret);
void sy_config_release(struct sy_config *config);

/* A compiled policy with the arena it lives in. */
struct sy_loaded_policy {
    struct sy_arena arena;
    struct sy_policy *policy;
    bool built_in; /* there is no file */
};
/* The settings' policies, or the built-in default (with a warning) if that path does not exist. */
int sy_policy_from_config(const struct sy_config *config, struct sy_loaded_policy *ret,
                          struct sy_faults *faults);

#endif
