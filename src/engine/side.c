#include <stdlib.h>
#include <string.h>

#include "engine/call.h"

/*
 * A question of a call to the store. It owns copies of what the writer thread reads, so that a call
 * whose deadline passes can leave it behind.
 */
struct side_job {
    struct sy_writer_job job;
    struct sy_engine_loop *el;
    struct sy_call *call; /* NULL once the call has left */
    struct sy_arena mem;
    int status;
    struct sy_case_bump bump;
    struct sy_case the_case;
    struct sy_str tenant;
    unsigned char key[32];
    struct sy_idempotency_row row;
    bool claimed;
};

static struct side_job *side_new(struct sy_call *call, sy_writer_work_fn *work, sy_task_fn *done)
{
    struct side_job *side = calloc(1, sizeof(*side));

    if (!side)
        return NULL;
    sy_arena_init(&side->mem, IDEMPOTENCY_ANSWER_MAX + ((size_t)1 << 20));
    side->call = call;
    side->el = call->el;
    side->el->asks++;
    side->job.work = work;
    side->job.loop = call->el->loop;
    side->job.ctx = side;
    side->job.done.fn = done;
    side->job.done.ctx = side;
    return side;
}

static void side_free(struct side_job *side)
{
    struct sy_engine_loop *el = side->el;

    if (side->call)
        side->call->side = NULL;
    sy_arena_release(&side->mem);
    free(side);
    /* One that its call has left still comes back to this loop: a drain waits for it. */
    el->asks--;
    sy_engine_ended(el);
}

static bool side_submit(struct side_job *side)
{
    struct sy_call *call = side->call;

    if (side->mem.failed || !sy_writer_submit(call->el->engine->options.writer, &side->job)) {
        side_free(side);
        return false;
    }
    call->side = side;
    return true;
}

void sy_call_leave_side(struct sy_call *call)
{
    if (call->side)
        call->side->call = NULL;
    call->side = NULL;
}

/* ---- a missing toolkit's case ---- */

static void case_bump(struct sy_store *store, struct sy_writer_job *job)
{
    struct side_job *side = job->ctx;
    struct sy_err err = SY_ERR_INIT;

    side->status = store->ops->bump_case(store, &side->bump, &side->mem, &side->the_case, &err);
}

static void case_bumped(struct sy_loop *loop, struct sy_task *task)
{
    struct side_job *side = task->ctx;
    struct sy_call *call = side->call;
    struct sy_str result = side->status == SY_DENIED  ? SY_STR("capped")
                           : side->status != SY_OK    ? SY_STR("failed")
                           : side->the_case.calls > 1 ? SY_STR("bumped")
                                                      : SY_STR("opened");

    (void)loop;
    if (call) {
        sy_metric_add(call->el->metrics, SY_METRIC_CASES, &result, 1);
        if (side->status == SY_OK)
            call->failure.case_id = sy_arena_copy(&call->mem, side->the_case.id);
        side_free(side);
        sy_call_settle(call, &call->failure, false);
        return;
    }
    side_free(side);
}

void sy_call_open_case(struct sy_call *call, const struct sy_failure *failure)
{
    struct sy_str spelling =
        call->decision.probe_slug.ptr ? call->decision.probe_slug : call->decision.toolkit;
    struct side_job *side = NULL;
    char folded[SY_NAME_MAX];

    call->failure = *failure;
    if (spelling.len > 0 && spelling.len <= SY_NAME_MAX)
        side = side_new(call, case_bump, case_bumped);
    if (!side) {
        sy_call_settle(call, failure, false);
        return;
    }
    side->bump = (struct sy_case_bump){
        .name = sy_arena_copy(&side->mem, spelling),
        .normalised = sy_arena_copy(&side->mem, sy_name_normalise(spelling, folded)),
        .tenant = sy_arena_copy(&side->mem, call->request.caller.tenant),
        .tool = sy_arena_copy(&side->mem, call->request.tool),
        .at_ms = call->started_unix_ms,
        .daily_cap = CASES_A_TENANT_A_DAY,
    };
    if (side_submit(side))
        sy_call_to(call, SY_CALL_CASE);
    else
        sy_call_settle(call, failure, false);
}

/* ---- a kept answer that is no longer in memory ---- */

static void answer_read(struct sy_store *store, struct sy_writer_job *job)
{
    struct side_job *side = job->ctx;
    struct sy_err err = SY_ERR_INIT;

    side->status =
        store->ops->get_idempotency(store, side->tenant, side->key, &side->mem, &side->row, &err);
}

static void answer_came(struct sy_loop *loop, struct sy_task *task)
{
    struct side_job *side = task->ctx;
    struct sy_call *call = side->call;
    struct sy_failure lost = {.code = SY_CODE_OUTCOME_UNKNOWN,
                              .cause = SY_CAUSE_ANSWER_NOT_KEPT,
                              .detail = sy_str_of(sy_cause_text(SY_CAUSE_ANSWER_NOT_KEPT))};
    bool is_gone = side->status == SY_NOT_FOUND || (side->status == SY_OK && !side->row.answer.ptr);

    (void)loop;
    if (call && side->status == SY_OK && !is_gone) {
        call->replay.status = side->row.status;
        call->replay.body = sy_blob_new(side->row.answer, false);
    }
    side_free(side);
    if (!call)
        return;
    if (call->replay.body)
        sy_call_replay(call);
    else if (is_gone)
        sy_call_settle(call, &lost, true);
    else
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_STORE, 1000);
}

void sy_call_fetch_answer(struct sy_call *call)
{
    struct side_job *side = side_new(call, answer_read, answer_came);

    sy_call_to(call, SY_CALL_WAIT_TWIN);
    if (side) {
        side->tenant = sy_arena_copy(&side->mem, call->request.caller.tenant);
        memcpy(side->key, call->key.key, sizeof(side->key));
    }
    if (!side || !side_submit(side))
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_STORE, 1000);
}

/* ---- a key that another process may have ---- */

#define CLAIM_AGAIN_MS 50

static void row_of_call(struct side_job *side, const struct sy_call *call)
{
    side->row = (struct sy_idempotency_row){
        .tenant = sy_arena_copy(&side->mem, call->key.tenant),
        .call_id = sy_arena_copy(&side->mem, call->key.call_id),
        .expires_at_ms = call->started_unix_ms + IDEMPOTENCY_KEEP_MS,
        .unknown = true,
    };
    memcpy(side->row.key_hash, call->key.key, sizeof(side->row.key_hash));
    memcpy(side->row.body_hash, call->key.body, sizeof(side->row.body_hash));
}

static void key_claim(struct sy_store *store, struct sy_writer_job *job)
{
    struct side_job *side = job->ctx;
    struct sy_err err = SY_ERR_INIT;

    side->status = store->ops->claim_idempotency(
        store, &side->row, side->row.expires_at_ms - IDEMPOTENCY_KEEP_MS, &err);
    side->claimed = side->status == SY_OK;
    if (side->status != SY_EXISTS)
        return;
    side->tenant = side->row.tenant;
    memcpy(side->key, side->row.key_hash, sizeof(side->key));
    side->status =
        store->ops->get_idempotency(store, side->tenant, side->key, &side->mem, &side->row, &err);
}

static void claim_once_more(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_call *call = timer->ctx;

    (void)loop;
    if (call->stopped)
        sy_call_settle(call, &call->stop_failure, false);
    else
        sy_call_claim_key(call);
}

/* The other process's call has the key and no answer yet; or nobody will ever know it. */
static bool wait_for_other(struct sy_call *call)
{
    struct sy_engine_loop *el = call->el;

    if (!sy_idempotency_is_shared(el->engine->idempotency))
        return false;
    call->claim_again.fn = claim_once_more;
    call->claim_again.ctx = call;
    return sy_timer_set(el->loop, &call->claim_again, sy_loop_now_ms(el->loop) + CLAIM_AGAIN_MS) ==
           SY_OK;
}

/* What the other process's call was answered is now known here, too. */
static void key_known(struct sy_call *call, const struct sy_idempotency_row *row)
{
    struct sy_idempotency *index = call->el->engine->idempotency;
    size_t len = row->call_id.len < sizeof(call->replay.call_id) ? row->call_id.len : 0;
    bool conflict = memcmp(row->body_hash, call->key.body, sizeof(row->body_hash)) != 0;
    bool unknown = row->unknown || !row->answer.ptr;

    call->key_pinned = false;
    if (conflict) {
        (void)sy_idempotency_settle(index, &call->key, 0, row->call_id, NULL, false, 0);
        sy_call_count_key(call, "conflict");
        sy_call_refuse(call, SY_CODE_IDEMPOTENCY_CONFLICT, SY_CAUSE_NONE, 0);
        return;
    }
    (void)sy_idempotency_settle(index, &call->key, row->status, row->call_id, &row->answer, unknown,
                                row->expires_at_ms);
    call->replay.status = row->status;
    memcpy(call->replay.call_id, row->call_id.ptr, len);
    call->replay.call_id[len] = '\0';
    call->replay.body = unknown ? NULL : sy_blob_new(row->answer, false);
    sy_call_count_key(call, call->replay.body ? "replayed" : "unknown");
    if (call->replay.body)
        sy_call_replay(call);
    else
        sy_call_unknown(call);
}

static void key_claimed(struct sy_loop *loop, struct sy_task *task)
{
    struct side_job *side = task->ctx;
    struct sy_call *call = side->call;
    bool in_flight =
        side->status == SY_OK && !side->claimed && side->row.unknown && !side->row.status;

    (void)loop;
    if (!call) {
        /* It was settled meanwhile, which has asked for the claim to be dropped. */
    } else if (side->claimed) {
        sy_call_count_key(call, "first");
        sy_call_to(call, SY_CALL_RESOLVE);
        sy_call_leave_side(call);
        sy_call_resolve(call);
    } else if (side->status == SY_NOT_FOUND) {
        sy_call_leave_side(call);
        if (!wait_for_other(call))
            sy_call_claim_key(call);
    } else if (in_flight) {
        sy_call_leave_side(call);
        if (!wait_for_other(call))
            key_known(call, &side->row);
    } else if (side->status == SY_OK) {
        sy_call_leave_side(call);
        key_known(call, &side->row);
    } else {
        sy_call_leave_side(call);
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_STORE, 1000);
    }
    side_free(side);
}

void sy_call_claim_key(struct sy_call *call)
{
    struct side_job *side = side_new(call, key_claim, key_claimed);

    if (side)
        row_of_call(side, call);
    if (!side || !side_submit(side))
        sy_call_refuse(call, SY_CODE_OVERLOADED, SY_CAUSE_STORE, 1000);
}

static void claim_drop(struct sy_store *store, struct sy_writer_job *job)
{
    struct side_job *side = job->ctx;
    struct sy_err err = SY_ERR_INIT;

    side->status = store->ops->drop_idempotency(store, &side->row, &err);
}

static void claim_dropped(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    side_free(task->ctx);
}

void sy_call_drop_claim(struct sy_call *call)
{
    struct side_job *side = side_new(call, claim_drop, claim_dropped);

    if (!side)
        return;
    row_of_call(side, call);
    /* A claim that stays for want of memory is answered with outcome_unknown: safe, if unkind. */
    if (side_submit(side))
        sy_call_leave_side(call);
}
