#include "triage/tree.h"

struct triage_verdict triage_decide(const struct triage_evidence *evidence, unsigned count,
                                    const struct sy_policy *policy, enum sy_criticality criticality,
                                    bool can_wait, unsigned needs)
{
    struct triage_verdict verdict = {0};

    for (unsigned i = 0; i < count; i++) {
        if (evidence[i].asked == TRIAGE_FAILED && !verdict.blocked_by.ptr)
            verdict.blocked_by = evidence[i].vendor;
        if (!evidence[i].hit)
            continue;
        /* A native hit needs no other answer; a later one does: what could not be asked stands
         * before it. Two native vendors are equals here: either will do. */
        if (evidence[i].path != SY_PATH_NATIVE && verdict.blocked_by.ptr) {
            verdict.undecided = true;
            return verdict;
        }
        verdict.hit = &evidence[i];
        break;
    }
    if (verdict.hit && (verdict.hit->path == SY_PATH_NATIVE || !needs)) {
        verdict.path = verdict.hit->path;
        verdict.because = verdict.path == SY_PATH_NATIVE
                              ? "a native vendor has it: always first"
                              : "no native vendor has it, Pipedream has: the default for every gap";
        return verdict;
    }
    if (verdict.blocked_by.ptr) {
        verdict.undecided = true;
        return verdict;
    }
    verdict.ruled_out = verdict.hit != NULL;
    if (verdict.ruled_out) {
        verdict.path = SY_PATH_WORKER;
        verdict.because = "Pipedream has it, but a stated need rules Pipedream out";
    } else if (criticality <= policy->pending_max_criticality && can_wait) {
        verdict.path = SY_PATH_PENDING;
        verdict.because = "in no catalogue, not critical, and it can wait";
    } else {
        verdict.path = SY_PATH_WORKER;
        verdict.because = can_wait ? "in no catalogue and too critical to wait"
                                   : "in no catalogue and it cannot wait";
    }
    return verdict;
}
