/*
 * The runbook's decision tree. Pure: evidence and the policy in, a path and its reasons out.
 */
#ifndef SY_TRIAGE_TREE_H
#define SY_TRIAGE_TREE_H

#include "policy/policy.h"
#include "triage/triage.h"

#define TRIAGE_VENDORS_MAX 8
#define TRIAGE_SUGGESTIONS_MAX 8

enum triage_asked {
    TRIAGE_NOT_ASKED, /* no adapter, no credentials or no catalogue */
    TRIAGE_ASKED,
    TRIAGE_FAILED, /* it could not be asked */
};

/* What one vendor's catalogue says about a provider. */
struct triage_evidence {
    struct sy_str vendor;
    enum sy_path path; /* NATIVE or PIPEDREAM */
    enum triage_asked asked;
    struct sy_str why; /* not asked, failed */
    bool hit;          /* slug, display name or alias is equal after normalisation */
    struct sy_str slug, name;
    struct sy_str connection; /* the vendor's, for the row; or absent */
    bool configured, connectable;
    struct sy_str suggestions[TRIAGE_SUGGESTIONS_MAX]; /* slugs that resemble it */
    unsigned suggestion_count;
    unsigned questions; /* look-ups made */
};

struct triage_verdict {
    bool undecided;           /* a vendor that stands before the answer could not be asked */
    struct sy_str blocked_by; /* its name */
    enum sy_path path;
    const struct triage_evidence *hit; /* NATIVE, PIPEDREAM */
    bool ruled_out;                    /* Pipedream has it, a need rules it out */
    const char *because;
};

/* `evidence` in the policy's order: native vendors first, then Pipedream. */
struct triage_verdict triage_decide(const struct triage_evidence *evidence, unsigned count,
                                    const struct sy_policy *policy, enum sy_criticality criticality,
                                    bool can_wait, unsigned needs);

#endif
