#include "engine/call.h"

/* Room for the intent and the outcome row of one call, without a kept answer. */
#define RECORD_BYTES 4096
#define MEMORY_STEP_MAX ((size_t)256 << 10)

static void call_admit_key(struct sy_call *call);

void sy_call_refuse(struct sy_call *call, enum sy_code code, enum sy_cause cause,
                    int64_t retry_after_ms)
{
    struct sy_failure failure = {
        .code = code,
        .cause = cause,
        .detail = sy_str_of(sy_cause_text(cause)),
        .retry_after_ms = retry_after_ms,
        .limited_by = code == SY_CODE_RATE_LIMITED ? "gateway" : NULL,
    };
    struct sy_str label = sy_str_of(sy_cause_word(cause));

    if (cause != SY_CAUSE_NONE && cause != SY_CAUSE_BAD_FIELD)
        sy_metric_add(call->el->metrics, SY_METRIC_LIMITED, &label, 1);
    sy_call_settle(call, &failure, false);
}

static void twin_settled(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_call *call = task->ctx;

    (void)loop;
    if (call->stopped) {
        sy_call_settle(call, &call->stop_failure, false);
        return;
    }
    sy_call_to(call, SY_CALL_ADMIT);
    call_admit_key(call);
}

void sy_call_replay(struct sy_call *call)
{
    call->replayed = true;
    call->successful = call->replay.status < 400;
    sy_call_to(call, SY_CALL_SETTLE);
    sy_timer_cancel(call->el->loop, &call->timer);
    call->answer = (struct sy_call_answer){
        .status = call->replay.status,
        .content_type =
            call->successful ? SY_STR("application/json") : SY_STR("application/problem+json"),
        .call_id = sy_str_of(call->replay.call_id),
        .replayed = true,
        .body = {sy_blob_str(call->replay.body)},
        .body_count = 1,
    };
    sy_call_record_outcome(call);
}

void sy_call_count_key(struct sy_call *call, const char *result)
{
    struct sy_str label = sy_str_of(result);

    sy_metric_add(call->el->metrics, SY_METRIC_IDEMPOTENCY, &label, 1);
}

void sy_call_unknown(struct sy_call *call)
{
    bool lost = !call->replay.status;
    struct sy_failure failure = {
        .code = SY_CODE_OUTCOME_UNKNOWN,
        .cause = lost ? SY_CAUSE_LOST : SY_CAUSE_ANSWER_NOT_KEPT,
        .detail = sy_arena_printf(&call->mem,
                                  lost ? "the first call was %s; look its effect up at the "
                                         "provider before calling with another key"
                                       : "the first call was %s and was answered; its answer "
                                         "was too large to keep",
                                  call->replay.call_id),
    };

    sy_call_settle(call, &failure, true);
}

static void call_admit_key(struct sy_call *call)
{
    struct sy_idempotency *index = call->el->engine->idempotency;

    call->twin.task.fn = twin_settled;
    call->twin.task.ctx = call;
    call->twin.loop = call->el->loop;
    switch (sy_idempotency_begin(index, &call->key, call->started_unix_ms, &call->twin,
                                 &call->replay)) {
    case SY_IDEMPOTENCY_FIRST:
        call->key_pinned = true;
        if (call->replay.claim) {
            sy_call_to(call, SY_CALL_WAIT_TWIN);
            sy_call_claim_key(call);
            return;
        }
        sy_call_count_key(call, "first");
        sy_call_to(call, SY_CALL_RESOLVE);
        sy_call_resolve(call);
        return;
    case SY_IDEMPOTENCY_WAIT:
        sy_call_count_key(call, "waited");
        sy_call_to(call, SY_CALL_WAIT_TWIN);
        return;
    case SY_IDEMPOTENCY_REPLAY:
        sy_call_count_key(call, "replayed");
        sy_call_replay(call);
        return;
    case SY_IDEMPOTENCY_FETCH:
        sy_call_count_key(call, "replayed");
        sy_call_fetch_answer(call);
        return;
    case SY_IDEMPOTENCY_CONFLICT:
        sy_call_count_key(call, "conflict");
        sy_call_refuse(call, SY_CODE_IDEMPOTENCY_CONFLICT, SY_CAUSE_NONE, 0);
        return;
    case SY_IDEMPOTENCY_UNKNOWN:
        sy_call_count_key(call, "unknown");
        sy_call_unknown(call);
        return;
    case SY_IDEMPOTENCY_FULL:
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, 60000);
        return;
    }
}

/* How much a loop takes of the process's memory at once, and keeps at most without a call. */
static size_t memory_step(const struct sy_engine *engine)
{
    size_t share = engine->options.memory / (ENGINE_LOOPS_MAX * (size_t)4);

    return share < MEMORY_STEP_MAX ? share : MEMORY_STEP_MAX;
}

static bool memory_fetch(struct sy_engine_loop *el, size_t bytes)
{
    struct sy_engine *engine = el->engine;

    if (atomic_fetch_add(&engine->memory_used, bytes) + bytes <= engine->options.memory) {
        el->memory_spare += bytes;
        return true;
    }
    atomic_fetch_sub(&engine->memory_used, bytes);
    return false;
}

static bool take_memory(struct sy_call *call)
{
    struct sy_engine_loop *el = call->el;
    size_t want = CALL_ARENA_ESTIMATE + call->request.arguments.len;

    if (want > el->memory_spare && !memory_fetch(el, want + memory_step(el->engine)) &&
        !memory_fetch(el, want - el->memory_spare))
        return false;
    el->memory_spare -= want;
    call->memory_taken = want;
    return true;
}

void sy_call_give_memory(struct sy_call *call)
{
    struct sy_engine_loop *el = call->el;
    size_t step = memory_step(el->engine), surplus;

    el->memory_spare += call->memory_taken;
    call->memory_taken = 0;
    if (el->memory_spare <= 2 * step)
        return;
    surplus = el->memory_spare - step;
    atomic_fetch_sub(&el->engine->memory_used, surplus);
    el->memory_spare -= surplus;
}

/* The tenant's slot, from the loop's own table where it was asked for last. */
static struct sy_tenant_slot *tenant_slot(struct sy_engine_loop *el, struct sy_str tenant)
{
    struct sy_tenant_slot **known = &el->tenants[sy_str_hash(tenant) % LOOP_TENANTS];

    if (!*known || !sy_str_eq(sy_hot_tenant_name(*known), tenant))
        *known = sy_hot_tenant(el->engine->hot, tenant);
    return *known;
}

/* One state of the call; runs from the call's own task so that `done` never comes from inside. */
void sy_call_admit(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_call *call = task->ctx;
    struct sy_engine_loop *el = call->el;
    const struct sy_policy *policy = sy_snapshot_policy(el->snapshot);
    struct sy_tenant_slot *slot;
    enum sy_admission admission;
    int64_t wait_us;

    (void)loop;
    if (call->stopped) {
        sy_call_settle(call, &call->stop_failure, false);
        return;
    }
    if (el->draining) {
        sy_call_refuse(call, SY_CODE_SHUTTING_DOWN, SY_CAUSE_NONE, 1000);
        return;
    }
    call->reserved_bytes = RECORD_BYTES;
    call->reserved = sy_ledger_reserve(el->ledger, call->reserved_bytes);
    if (!call->reserved && !el->engine->options.mark_on_ledger_failure) {
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_JOURNAL, 1000);
        return;
    }
    slot = tenant_slot(el, call->request.caller.tenant);
    if (!slot || !take_memory(call)) {
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, 1000);
        return;
    }
    admission = sy_hot_admit(slot, &policy->tenant_rate, sy_loop_now_us(el->loop), &wait_us);
    if (admission != SY_ADMITTED) {
        sy_call_refuse(call, SY_CODE_RATE_LIMITED,
                       admission == SY_LIMITED_RATE ? SY_CAUSE_RATE : SY_CAUSE_IN_FLIGHT,
                       admission == SY_LIMITED_RATE ? wait_us / 1000 + 1 : 1000);
        return;
    }
    call->slot = slot;
    if (call->has_key) {
        call_admit_key(call);
        return;
    }
    sy_call_to(call, SY_CALL_RESOLVE);
    sy_call_resolve(call);
}
