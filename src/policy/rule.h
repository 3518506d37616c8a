/* A compiled rule. Read by the evaluator and by those who show it; made by the loader only. */
#ifndef SY_POLICY_RULE_H
#define SY_POLICY_RULE_H

#include "policy/policy.h"

enum sy_when {
    SY_WHEN_TENANT,
    SY_WHEN_TENANT_LABEL,
    SY_WHEN_USER,
    SY_WHEN_TOOLKIT,
    SY_WHEN_TOOL,
    SY_WHEN_EFFECT,
    SY_WHEN_ENVIRONMENT,
    SY_WHEN_CRITICALITY,
    SY_WHEN_COUNT
};
extern const char *const sy_when_names[SY_WHEN_COUNT + 1];

/* One key of `when`: any of the values has to match. */
struct sy_condition {
    enum sy_when key;
    struct sy_str label; /* TENANT_LABEL: which */
    const struct sy_str *values;
    unsigned value_count;
};

struct sy_rule {
    struct sy_str name;
    enum sy_verdict_kind kind;
    const struct sy_condition *conditions; /* all have to match; none: always */
    unsigned condition_count;
    const struct sy_str *names; /* USE, AVOID: paths or vendors */
    unsigned name_count;
    struct sy_str text; /* DENY: what the caller is told */
    struct sy_str file;
    unsigned line;
};

#endif
