/*
 * The policy: order, native vendors, rules, limits, fallback. Loaded from YAML, immutable, pure.
 */
#ifndef SY_POLICY_POLICY_H
#define SY_POLICY_POLICY_H

#include "base/json.h"
#include "config/yaml.h"
#include "contract/registry.h"

#define SY_POLICY_VENDORS_MAX 16
#define SY_POLICY_CHAIN_MAX 16

enum sy_unlisted { SY_UNLISTED_PROBE, SY_UNLISTED_REFUSE };

struct sy_rule; /* policy/rule.h */

/* One entry of a flattened order: a vendor with the path that brought it here. */
struct sy_order_entry {
    struct sy_str vendor;
    enum sy_path path;
};

struct sy_subject_template {
    struct sy_str scope; /* "", "vendor:NAME", "tenant:NAME" */
    struct sy_str text;  /* "{tenant}:{user}" */
};

struct sy_rate {
    uint64_t per_second_milli; /* calls per 1000 s, so 50/s = 50000; 0: no limit */
    uint64_t burst;
    uint64_t in_flight; /* 0: no limit */
};

struct sy_policy {
    struct sy_str digest; /* hex SHA-256 over the files, names and bytes */
    enum sy_path order[SY_PATH_COUNT];
    unsigned order_count;
    struct sy_str native[SY_POLICY_VENDORS_MAX];
    unsigned native_count;
    struct sy_order_entry chain[SY_POLICY_CHAIN_MAX]; /* order with `native` unrolled */
    unsigned chain_count;
    enum sy_unlisted unlisted;
    bool pinning;
    int64_t pending_wait_ms;
    enum sy_criticality pending_max_criticality;
    bool worker_requires_adr;
    struct sy_str session_environments[4];
    unsigned session_environment_count;
    struct sy_subject_template *subjects;
    unsigned subject_count;
    struct sy_rule *rules; /* list, in order */
    unsigned rule_count;
    unsigned avoid_names;   /* members of all avoid lists together */
    uint64_t fallback_mask; /* SY_CODE_BITs */
    unsigned fallback_tries;
    int64_t fallback_total_ms;
    struct sy_rate tenant_rate;
    uint64_t request_bytes;
    uint64_t response_bytes;
    struct sy_str budgets_yaml; /* kept, checked for shape, enforced later */
};

/* One policy file's text. */
struct sy_policy_source {
    struct sy_str file;
    struct sy_str text;
};

/*
 * Compiles the sources (in order) into *ret; everything lives in `arena`. All faults at once, each
 * with file:line:column; SY_INVALID if any is an error. `vendors` are the known vendor names
 * (adapters present or not).
 */
int sy_policy_load(const struct sy_policy_source *sources, size_t count,
                   const struct sy_str *vendors, size_t vendor_count, struct sy_arena *arena,
                   struct sy_policy *ret, struct sy_faults *faults);
/* The built-in default policy's text (policies/default.yaml, compiled in). */
struct sy_str sy_policy_default_text(void);

/* What rules look at. */
struct sy_policy_input {
    const struct sy_tenant *tenant;
    struct sy_str user;
    struct sy_str toolkit; /* canonical */
    struct sy_str tool;    /* canonical, or absent when a toolkit is resolved */
    enum sy_effect effect;
    struct sy_str environment;
    enum sy_criticality criticality;
};

enum sy_verdict_kind { SY_RULE_DENY, SY_RULE_AVOID, SY_RULE_USE };

/* What matching rules say: deny wins, avoids add up, the first use restricts and orders. */
struct sy_policy_verdict {
    bool denied;
    struct sy_str deny_rule;
    struct sy_str deny_text;
    /* Vendors or paths named by the first matching `use`, in order; none: no restriction. */
    const struct sy_str *use;
    unsigned use_count;
    struct sy_str use_rule;
    /* All matching avoids: vendor-or-path name and its rule, parallel arrays in `arena`. */
    const struct sy_str *avoid;
    const struct sy_str *avoid_rule;
    unsigned avoid_count;
};
/* Pure. SY_NOMEM only. */
int sy_policy_evaluate(const struct sy_policy *policy, const struct sy_policy_input *input,
                       struct sy_arena *arena, struct sy_policy_verdict *ret);
/*
 * The subject for tenant and user (absent: the tenant's shared connection) at a vendor, by the
 * tenant's template, else the vendor's, else the default. Injective: '%' ',' ':' and control bytes
 * of the user are percent-escaped, and templates are checked at load. The shared connection's
 * user part is empty, or "%shared" where the template has no tenant.
 * SY_INVALID when longer than max bytes (0: no limit); SY_NOMEM.
 */
int sy_policy_subject(const struct sy_policy *policy, struct sy_str vendor, struct sy_str tenant,
                      struct sy_str user, size_t max, struct sy_arena *arena, struct sy_str *ret);
/* The policy in words, one line a rule, for `policy explain` and /v1/resolve. */
void sy_policy_write_json(struct sy_json_writer *w, const struct sy_policy *policy);

#endif
