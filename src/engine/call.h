/*
 * One call as a state machine: contract/call_state.def has the states and their successors.
 *
 * Files: admit.c lets a call in; call.c moves it between states and settles it; attempt.c runs
 * routes and decides what follows a failure; answer.c writes the reply and the ledger row.
 */
#ifndef SY_ENGINE_CALL_H
#define SY_ENGINE_CALL_H

#include "engine/engine_int.h"

enum sy_call_state {
#define SY_CALL_STATE(id, name, next, awaited) SY_CALL_##id,
#include "contract/call_state.def"
#undef SY_CALL_STATE
    SY_CALL_STATE_COUNT
};

const char *sy_call_state_name(enum sy_call_state state);

struct sy_call {
    struct sy_engine_loop *el;
    struct sy_call *next, **at; /* in el->calls */
    enum sy_call_state state;
    struct sy_arena mem;
    struct sy_call_request request; /* slices in mem */
    sy_call_done_fn *done;
    void *done_ctx;
    char id[40];
    size_t id_len;
    int64_t started_us, started_unix_ms;
    int64_t deadline_ms; /* the caller's: bounds all attempts together */
    struct sy_timer timer;
    struct sy_task task; /* goes on from a clean stack */
    bool hung_up;
    bool stopped; /* deadline or hang-up: settle with stop_failure as soon as nothing is pending */
    struct sy_failure stop_failure;

    /* What must be given back. */
    struct sy_tenant_slot *slot;
    size_t memory_taken;
    bool reserved;
    size_t reserved_bytes;

    /* Idempotency */
    bool has_key, key_pinned;
    struct sy_idempotency_key key;
    struct sy_idempotency_wait twin;
    struct sy_idempotency_answer replay;
    struct sy_timer claim_again; /* another process has the key */

    struct sy_unlisted_wait probe;
    bool probed;
    struct side_job *side; /* the store is asked for this call */

    /* Attempts */
    unsigned candidate; /* index of the one tried */
    unsigned tries;
    struct sy_run *run;      /* the attempt, in mem */
    struct sy_run *last_run; /* ended, its replies still borrowed by the answer */
    bool fell_back;
    struct sy_ask *check; /* whether a fallback's account is active */
    unsigned checking_index;
    uint32_t connected_mask; /* candidates where the user is connected */
    int64_t survey_until_ms;
    struct sy_failure first_failure; /* answered when the fallback fails as well */
    bool has_first_failure;
    bool first_maybe_applied;
    unsigned first_candidate;
    int64_t vendor_us;

    /* Outcome */
    bool successful;
    bool replayed;
    struct sy_result result;
    struct sy_failure failure;
    bool maybe_applied;
    bool intent_written;
    struct sy_ledger_ticket intent_ticket;
    struct sy_ledger_ticket ticket;
    struct sy_timer backoff;
    struct sy_call_answer answer;
    bool bare; /* the answer is a problem without memory: written when it is given */

    struct sy_decision decision; /* its arrays in mem */
};

/* The one way to another state: checks the allowed successors, counts, keeps the deadline. */
void sy_call_to(struct sy_call *call, enum sy_call_state state);
/* Ends the call with a failure, or with call->result when `failure` is NULL. */
void sy_call_settle(struct sy_call *call, const struct sy_failure *failure, bool maybe_applied);

/* call.c: the decision, and what follows from it. */
void sy_call_resolve(struct sy_call *call);
/* call.c: the ledger row of call->answer; `done` is called when it is written. */
void sy_call_record_outcome(struct sy_call *call);
/* admit.c: the first state, run from the call's own task. */
void sy_call_admit(struct sy_loop *loop, struct sy_task *task);
/* admit.c: gives back what the call took of the process's memory for calls. */
void sy_call_give_memory(struct sy_call *call);
/* admit.c: a refusal of ours, counted as a limit where it is one. */
void sy_call_refuse(struct sy_call *call, enum sy_code code, enum sy_cause cause,
                    int64_t retry_after_ms);
/* admit.c: answers with call->replay. */
void sy_call_replay(struct sy_call *call);
/* admit.c: answers that the first call's outcome is not known: call->replay says which it was. */
void sy_call_unknown(struct sy_call *call);
/* admit.c: one more in the metric of keys. */
void sy_call_count_key(struct sy_call *call, const char *result);
/* side.c: the key is pinned here; claims it in the store, which two processes share, and goes on or
 * answers as the other process's call was answered. */
void sy_call_claim_key(struct sy_call *call);
/* side.c: drops the claim of a call whose key is free again. */
void sy_call_drop_claim(struct sy_call *call);
/* side.c: opens or bumps the case of a missing toolkit, then settles with `failure`. */
void sy_call_open_case(struct sy_call *call, const struct sy_failure *failure);
/* side.c: reads a kept answer from the store, then replays it. */
void sy_call_fetch_answer(struct sy_call *call);
/* side.c: the call no longer waits for the store. */
void sy_call_leave_side(struct sy_call *call);
/* attempt.c: runs candidate `index`; ends in sy_call_settle sooner or later. */
void sy_call_attempt(struct sy_call *call, unsigned index);
/* attempt.c: stops what runs because the deadline passed or the client left. */
void sy_call_stop(struct sy_call *call, enum sy_code code, enum sy_cause cause);
/* survey.c: call->failure is about a connection: asks the other candidates' vendors whether the
 * user is connected there, then settles. False: nothing to ask. */
bool sy_call_survey(struct sy_call *call);
/* survey.c: whether an ACCOUNTS fact holds one that can be used. */
bool sy_accounts_have_active(struct sy_str accounts);
/* attempt.c: the candidate at work, or NULL before one. */
const struct sy_candidate *sy_call_candidate(const struct sy_call *call);

/* answer.c: fills call->answer. */
void sy_call_write_answer(struct sy_call *call);
/* answer.c: the public ledger row with the outcome ("ok", "failed", "unknown", "replayed"). */
struct sy_str sy_call_write_row(struct sy_call *call, const char *outcome);

#endif
