/* Shared by the loader's files only. */
#ifndef SY_POLICY_INTERNAL_H
#define SY_POLICY_INTERNAL_H

#include "policy/rule.h"

#define SY_POLICY_NAMES_MAX 40

struct sy_policy_load {
    struct sy_policy *policy;
    struct sy_arena *arena;
    struct sy_faults *faults;
    const char *vendors[SY_POLICY_NAMES_MAX + 1]; /* known vendor names */
    const char *routes[SY_POLICY_NAMES_MAX + 1];  /* vendors and paths: what use and avoid name */
    struct sy_yaml *rules[64];                    /* the sources' `rules` lists, in order */
    unsigned rules_count;
};

/* ", did you mean …" as a piece of a fault's text, in the load's arena; "" without a near name. */
const char *sy_policy_hint(const struct sy_policy_load *load, struct sy_str name,
                           const char *const *known);
bool sy_policy_is_one_of(struct sy_str name, const char *const *known);
/* A list, or one text that stands for a list of one; faults per member. Count in *ret_count. */
const struct sy_str *sy_policy_texts(const struct sy_policy_load *load, const struct sy_yaml *node,
                                     unsigned *ret_count);
/* Reads all rules lists into the policy. */
void sy_policy_load_rules(struct sy_policy_load *load);
void sy_policy_load_subject(struct sy_policy_load *load, const struct sy_yaml *node);
void sy_policy_load_limits(struct sy_policy_load *load, const struct sy_yaml *node);
void sy_policy_load_fallback(struct sy_policy_load *load, const struct sy_yaml *node);
void sy_policy_load_budgets(struct sy_policy_load *load, const struct sy_yaml *node);

#endif
