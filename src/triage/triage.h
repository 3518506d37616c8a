/*
 * The runbook as a program: asks registry and catalogues for a provider, walks the decision tree
 * and answers with the path, the evidence of each step, the row it would write and what a person
 * does next.
 */
#ifndef SY_TRIAGE_TRIAGE_H
#define SY_TRIAGE_TRIAGE_H

#include "engine/engine.h"

/* What a provider's use demands that may rule Pipedream out; a mask. */
enum sy_triage_need {
    SY_NEED_LATENCY = 1,
    SY_NEED_SIGNING = 2,
    SY_NEED_RESIDENCY = 4,
};

struct sy_triage_request {
    struct sy_str provider; /* a name, as people write it: 1..128 bytes of UTF-8 */
    enum sy_criticality criticality;
    bool can_wait;
    unsigned needs;      /* mask of enum sy_triage_need */
    bool apply;          /* write the row, and publish it */
    struct sy_str actor; /* key id or "cli", for the history */
    struct sy_str tenant;
    int64_t now_unix_ms;
};

/* How a triage ended. Slices live until the callback returns. */
struct sy_triage_answer {
    bool ok;
    struct sy_str json;        /* ok: the whole answer as one JSON object */
    struct sy_failure failure; /* else: why there is none */
};
typedef void sy_triage_done_fn(const struct sy_triage_answer *answer, void *ctx);

/*
 * Starts a triage on this loop. Copies the request. SY_OK: `done` is called exactly once on the
 * same loop, never from inside, within the vendors' deadlines. SY_NOMEM: nothing will be called.
 */
int sy_triage_start(struct sy_engine_loop *loop, const struct sy_triage_request *request,
                    sy_triage_done_fn *done, void *ctx);

/* "latency" -> SY_NEED_LATENCY; 0 for any other word. */
unsigned sy_triage_need_from_name(struct sy_str name);

#endif
