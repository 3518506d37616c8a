#include <string.h>

#include "base/crypto.h"
#include "engine/call.h"
#include "engine/next.h"

static void attempt_failed(struct sy_call *call, const struct sy_failure *failure);
static void check_next(struct sy_call *call, unsigned index);

const struct sy_candidate *sy_call_candidate(const struct sy_call *call)
{
    if (call->decision.kind != SY_DECIDED || call->candidate >= call->decision.candidate_count)
        return NULL;
    return &call->decision.candidates[call->candidate];
}

/* Every wait of a run begins and ends at a step. */
static void back_to_step(struct sy_call *call)
{
    if (call->state != SY_CALL_STEP)
        sy_call_to(call, SY_CALL_STEP);
}

/* ---- the intent: written before the first request that may change something ---- */

static void intent_written(struct sy_ledger_ticket *ticket, bool written)
{
    struct sy_call *call = ticket->ctx;
    struct sy_failure failure = {.code = SY_CODE_OVERLOADED,
                                 .cause = SY_CAUSE_JOURNAL,
                                 .detail = SY_STR("the ledger cannot be written; nothing was sent"),
                                 .retry_after_ms = 1000};

    call->intent_written = written;
    if (call->stopped)
        sy_run_release_hold(call->run, &call->stop_failure);
    else if (!written && !call->el->engine->options.mark_on_ledger_failure)
        sy_run_release_hold(call->run, &failure);
    else
        sy_run_release_hold(call->run, NULL);
}

static bool attempt_holds(struct sy_run *run, void *ctx)
{
    struct sy_call *call = ctx;
    struct sy_intent intent = {
        .call_id = sy_str_from(call->id, call->id_len),
        .tenant = call->request.caller.tenant,
        .has_key = call->key_pinned,
        .expires_at_ms = call->started_unix_ms + IDEMPOTENCY_KEEP_MS,
    };

    if (call->intent_written || run->what.effect == SY_EFFECT_READ)
        return false;
    if (call->key_pinned) {
        memcpy(intent.key_hash, call->key.key, 32);
        memcpy(intent.body_hash, call->key.body, 32);
    }
    back_to_step(call);
    intent.json = sy_call_write_row(call, "unknown");
    call->intent_ticket.fn = intent_written;
    call->intent_ticket.ctx = call;
    sy_call_to(call, SY_CALL_INTENT);
    sy_ledger_intent(call->el->ledger, &intent, &call->intent_ticket);
    return true;
}

/* ---- one attempt ---- */

/* The call's state follows what its run waits for. */
static void attempt_waits(struct sy_run *run, enum sy_run_waiting what, void *ctx)
{
    struct sy_call *call = ctx;

    (void)run;
    if (what != RUN_NEEDING && what != RUN_FLYING && what != RUN_SLEEPING)
        return;
    back_to_step(call);
    sy_call_to(call, what == RUN_NEEDING  ? SY_CALL_NEED
                     : what == RUN_FLYING ? SY_CALL_FLIGHT
                                          : SY_CALL_BACKOFF);
}

static void attempt_done(struct sy_run *run, const struct sy_result *result,
                         const struct sy_failure *failure, void *ctx)
{
    struct sy_call *call = ctx;

    back_to_step(call);
    call->vendor_us += run->vendor_us;
    call->tries += run->resends;
    call->last_run = run;
    call->run = NULL;
    if (result) {
        call->result = *result;
        sy_call_settle(call, NULL, run->write_started);
        return;
    }
    attempt_failed(call, failure);
}

static unsigned tries_max(const struct sy_call *call)
{
    const struct sy_policy *policy = sy_snapshot_policy(call->el->snapshot);

    return policy->fallback_tries ? policy->fallback_tries : 1;
}

/* This one included. A reload may have lowered the limit meanwhile. */
static unsigned tries_left(const struct sy_call *call)
{
    return call->tries < tries_max(call) ? tries_max(call) - call->tries + 1 : 1;
}

static int attempt_start(struct sy_call *call, const struct sy_candidate *candidate,
                         struct sy_str arguments)
{
    struct sy_operation what = {
        .op = SY_OP_EXECUTE,
        .target = candidate->target,
        .tool = candidate->vendor_tool,
        .canonical_tool = call->decision.tool,
        .arguments = arguments,
        .effect = candidate->effect,
        .call_id = sy_str_from(call->id, call->id_len),
        .tenant = call->request.caller.tenant,
        .user_id = call->request.user_id,
        .account = candidate->account,
        .traceparent = call->request.traceparent,
    };
    struct sy_engine *engine = call->el->engine;
    struct sy_run_options options = {
        .vendor_index = candidate->vendor_index,
        .what = &what,
        .subject = candidate->subject,
        .idempotency_key = sy_str_from(call->id, call->id_len),
        .mem = &call->mem,
        .deadline_ms = call->deadline_ms,
        .tries = tries_left(call),
    };
    struct sy_run_owner owner = {
        .done = attempt_done, .hold = attempt_holds, .waits = attempt_waits, .ctx = call};

    if (candidate->secret.len && engine->options.named_secret)
        options.row_secret =
            engine->options.named_secret(engine->options.named_secret_ctx, candidate->secret);
    call->run = sy_arena_alloc(&call->mem, sizeof(*call->run));
    if (!call->run)
        return SY_NOMEM;
    return sy_run_start(call->run, call->el, &options, &owner);
}

void sy_call_attempt(struct sy_call *call, unsigned index)
{
    const struct sy_candidate *candidate = &call->decision.candidates[index];
    struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};
    struct sy_str arguments;

    if (call->last_run)
        sy_run_close(call->last_run);
    call->last_run = NULL;
    call->candidate = index;
    call->tries++;
    if (sy_resolve_arguments(candidate, call->request.arguments, &call->mem, &arguments,
                             &failure) != SY_OK ||
        attempt_start(call, candidate, arguments) != SY_OK) {
        call->run = NULL;
        sy_call_settle(call, &failure, false);
    }
}

/* ---- after a failure ---- */

static void settle_first(struct sy_call *call)
{
    if (call->has_first_failure) {
        call->candidate = call->first_candidate;
        call->failure = call->first_failure;
        call->maybe_applied = call->first_maybe_applied;
    }
    if (!sy_call_survey(call))
        sy_call_settle(call, &call->failure, call->maybe_applied);
}

static void backoff_over(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_call *call = timer->ctx;

    (void)loop;
    sy_call_to(call, SY_CALL_STEP);
    sy_call_attempt(call, call->candidate);
}

static void count_attempt(struct sy_call *call, const char *kind)
{
    struct sy_str labels[2] = {call->decision.candidates[call->candidate].vendor, sy_str_of(kind)};

    sy_metric_add(call->el->metrics, SY_METRIC_ATTEMPTS, labels, 1);
}

static void attempt_again(struct sy_call *call, int64_t wait_ms)
{
    count_attempt(call, "retry");
    sy_call_to(call, SY_CALL_BACKOFF);
    call->backoff.fn = backoff_over;
    call->backoff.ctx = call;
    if (sy_timer_set(call->el->loop, &call->backoff, sy_loop_now_ms(call->el->loop) + wait_ms) !=
        SY_OK)
        settle_first(call);
}

static struct sy_next_facts next_facts(const struct sy_call *call)
{
    const struct sy_policy *policy = sy_snapshot_policy(call->el->snapshot);
    int64_t started_ms =
        sy_loop_now_ms(call->el->loop) - (sy_loop_now_us(call->el->loop) - call->started_us) / 1000;
    struct sy_next_facts facts = {
        .failure = &call->failure,
        .maybe_applied = call->maybe_applied,
        .mask = policy->fallback_mask,
        .tries = call->tries,
        .tries_max = tries_max(call),
        .now_ms = sy_loop_now_ms(call->el->loop),
        .deadline_ms = call->deadline_ms,
        .another_candidate = call->candidate + 1 < call->decision.candidate_count,
    };

    if (policy->fallback_total_ms && started_ms + policy->fallback_total_ms < facts.deadline_ms)
        facts.deadline_ms = started_ms + policy->fallback_total_ms;
    sy_random(&facts.jitter, sizeof(facts.jitter));
    return facts;
}

/* The failure in hand is about to be followed by another attempt: its slices must outlive the run
 * whose replies they may borrow. They do: replies are released only when the next attempt starts,
 * so the first failure is copied into the call's arena. */
static void keep_first(struct sy_call *call)
{
    if (call->has_first_failure)
        return;
    call->first_failure = call->failure;
    sy_failure_copy(&call->first_failure, &call->mem);
    call->has_first_failure = true;
    call->first_maybe_applied = call->maybe_applied;
    call->first_candidate = call->candidate;
}

static void attempt_failed(struct sy_call *call, const struct sy_failure *failure)
{
    struct sy_next_facts facts;
    int64_t wait_ms;

    call->failure = *failure;
    call->maybe_applied = call->last_run->write_started && !failure->not_applied;
    if (call->stopped) {
        sy_call_settle(call, &call->failure, call->maybe_applied);
        return;
    }
    facts = next_facts(call);
    switch (sy_next_after(&facts, &wait_ms)) {
    case SY_NEXT_ANSWER:
        settle_first(call);
        return;
    case SY_NEXT_SKIP:
        call->tries--; /* nothing was tried in earnest */
        if (call->fell_back)
            check_next(call, call->candidate + 1);
        else
            sy_call_attempt(call, call->candidate + 1);
        return;
    case SY_NEXT_RETRY:
        keep_first(call);
        attempt_again(call, wait_ms);
        return;
    case SY_NEXT_FALLBACK:
        keep_first(call);
        check_next(call, call->candidate + 1);
        return;
    }
}

/* ---- a fallback needs a known active connection ---- */

static void fall_back(struct sy_call *call, unsigned index)
{
    call->fell_back = true;
    back_to_step(call);
    call->candidate = index;
    count_attempt(call, "fallback");
    sy_call_attempt(call, index);
}

static void check_came(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx)
{
    struct sy_call *call = ctx;
    unsigned index = call->checking_index;

    (void)ask;
    call->check = NULL;
    if (call->stopped)
        sy_call_settle(call, &call->stop_failure, false);
    else if (result->ok && sy_accounts_have_active(result->result->value))
        fall_back(call, index);
    else
        check_next(call, index + 1);
}

/* Looks for the next candidate that may stand in: mapped by hand, and connected or without need. */
static void check_next(struct sy_call *call, unsigned index)
{
    const struct sy_decision *decision = &call->decision;
    struct sy_next_facts facts;
    int64_t wait_ms;

    for (; index < decision->candidate_count; index++) {
        const struct sy_candidate *candidate = &decision->candidates[index];
        const struct sy_vendor *vendor = call->el->engine->vendors[candidate->vendor_index];
        struct sy_operation what = {.op = SY_OP_ACCOUNTS,
                                    .target = candidate->target,
                                    .tenant = call->request.caller.tenant,
                                    .user_id = call->request.user_id};

        if (!candidate->mapped)
            continue;
        if (candidate->target.auth_none || !vendor->user_connection) {
            fall_back(call, index);
            return;
        }
        if (call->state != SY_CALL_CHECK)
            sy_call_to(call, SY_CALL_CHECK);
        call->checking_index = index;
        call->check = sy_engine_ask(call->el, candidate->vendor_index, &what, candidate->subject,
                                    call->deadline_ms, check_came, call);
        if (call->check)
            return;
    }
    call->candidate = call->first_candidate;
    facts = next_facts(call);
    facts.failure = &call->first_failure;
    wait_ms = facts.tries < facts.tries_max ? sy_next_retry_wait(&facts) : -1;
    if (wait_ms < 0 || call->fell_back)
        settle_first(call);
    else
        attempt_again(call, wait_ms);
}

/* ---- deadline and hang-up ---- */

void sy_call_stop(struct sy_call *call, enum sy_code code, enum sy_cause cause)
{
    if (call->stopped || call->state == SY_CALL_SETTLE || call->state == SY_CALL_CLOSED)
        return;
    call->stopped = true;
    call->stop_failure = (struct sy_failure){
        .code = code, .cause = cause, .detail = sy_str_of(sy_cause_text(cause))};
    if (call->run) {
        /* While the intent is being written nothing can be taken back; its ticket sees `stopped`.
         */
        if (call->state != SY_CALL_INTENT)
            sy_run_cancel(call->run, &call->stop_failure);
        return;
    }
    if (call->check)
        return; /* bounded by the same deadline; check_came sees `stopped` */
    if (call->state == SY_CALL_BACKOFF)
        sy_timer_cancel(call->el->loop, &call->backoff);
    if (call->side)
        sy_call_leave_side(call);
    /* Not on the list any more: the answer is on its way and sees `stopped`. */
    else if (call->state == SY_CALL_PROBE &&
             !sy_unlisted_cancel(call->el->engine->unlisted, &call->probe))
        return;
    else if (call->state == SY_CALL_WAIT_TWIN &&
             !sy_idempotency_cancel(call->el->engine->idempotency, &call->key, &call->twin))
        return;
    if (call->task.queued)
        return; /* not admitted yet: admission sees `stopped` */
    sy_call_settle(call, &call->stop_failure, false);
}
