#include "engine/call.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "base/encode.h"
#include "base/json.h"

#define SPARE_CALLS_MAX 256
/* The transfer's own deadline strikes first and knows the finer cause; this one is the net below.
 */
#define BACKSTOP_MS 20
#define TOOL_SUGGESTIONS_MAX 5

static const struct {
    const char *name;
    unsigned next;
} states[SY_CALL_STATE_COUNT] = {
#define SY_CALL_STATE(id, name, next, awaited) [SY_CALL_##id] = {name, next},
#define TO(s) (1u << SY_CALL_##s)
#include "contract/call_state.def"
#undef SY_CALL_STATE
};

const char *sy_call_state_name(enum sy_call_state state)
{
    return state < SY_CALL_STATE_COUNT ? states[state].name : "?";
}

void sy_call_to(struct sy_call *call, enum sy_call_state state)
{
    assert(states[call->state].next & (1u << state));
    call->state = state;
}

static void call_later(struct sy_call *call, sy_task_fn *fn)
{
    call->task.fn = fn;
    call->task.ctx = call;
    sy_loop_defer(call->el->loop, &call->task);
}

/* ---- the end ---- */

static void call_give_back(struct sy_call *call)
{
    if (call->slot)
        sy_hot_leave(call->slot);
    call->slot = NULL;
    sy_call_give_memory(call);
    if (call->reserved)
        sy_ledger_unreserve(call->el->ledger, call->reserved_bytes);
    call->reserved = false;
}

static void call_free(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_call *call = task->ctx;
    struct sy_engine_loop *el = call->el;

    (void)loop;
    if (call->last_run)
        sy_run_close(call->last_run);
    sy_blob_unref(call->replay.body);
    *call->at = call->next;
    if (call->next)
        call->next->at = call->at;
    el->in_flight--;
    if (el->spare_count < SPARE_CALLS_MAX) {
        sy_arena_clear(&call->mem);
        call->next = el->spare;
        el->spare = call;
        el->spare_count++;
    } else {
        sy_arena_release(&call->mem);
        free(call);
    }
    sy_engine_ended(el);
}

static void count_call(struct sy_call *call)
{
    const struct sy_candidate *candidate = sy_call_candidate(call);
    struct sy_str vendor = candidate ? candidate->vendor : SY_STR("none");
    struct sy_str labels[3] = {
        vendor,
        sy_str_of(candidate ? sy_path_name(candidate->path) : "none"),
        sy_str_of(call->successful ? "ok" : sy_code_name(call->failure.code)),
    };
    struct sy_metrics_set *metrics = call->el->metrics;

    sy_metric_add(metrics, SY_METRIC_CALLS, labels, 1);
    sy_metric_observe(metrics, SY_METRIC_CALL_SECONDS, &vendor,
                      sy_loop_now_us(call->el->loop) - call->started_us);
    if (call->vendor_us)
        sy_metric_observe(metrics, SY_METRIC_VENDOR_SECONDS, &vendor, call->vendor_us);
}

static void call_answer(struct sy_call *call)
{
    sy_call_to(call, SY_CALL_CLOSED);
    sy_timer_cancel(call->el->loop, &call->timer);
    count_call(call);
    call_give_back(call);
    if (call->bare) {
        call->answer.body[0] = sy_failure_write_bare(call->el->bare, &call->failure,
                                                     call->maybe_applied, call->answer.call_id);
        call->answer.body_count = 1;
    }
    call->done(call, &call->answer, call->done_ctx);
    call_later(call, call_free);
}

/* What the product keeps under a key: success, tool_failed, anything that may have been applied. */
static bool answer_is_kept(const struct sy_call *call)
{
    return call->successful || call->failure.code == SY_CODE_TOOL_FAILED || call->maybe_applied;
}

static void key_settle(struct sy_call *call)
{
    struct sy_idempotency *index = call->el->engine->idempotency;
    struct sy_str id = sy_str_from(call->id, call->id_len);
    int64_t expires = call->started_unix_ms + IDEMPOTENCY_KEEP_MS;
    struct sy_str body;

    if (!call->key_pinned)
        return;
    call->key_pinned = false;
    if (!answer_is_kept(call)) {
        if (sy_idempotency_settle(index, &call->key, 0, id, NULL, false, expires))
            sy_call_drop_claim(call);
        return;
    }
    body = sy_arena_join(&call->mem, call->answer.body, call->answer.body_count);
    (void)sy_idempotency_settle(index, &call->key, call->answer.status, id, &body,
                                call->bare || !body.ptr || body.len > IDEMPOTENCY_ANSWER_MAX,
                                expires);
}

static void outcome_written(struct sy_ledger_ticket *ticket, bool written)
{
    struct sy_call *call = ticket->ctx;

    if (!written && !call->el->engine->options.mark_on_ledger_failure) {
        call->maybe_applied =
            call->maybe_applied ||
            (call->successful && call->decision.effect != SY_EFFECT_READ && call->tries > 0);
        call->successful = false;
        call->failure = (struct sy_failure){
            .code = SY_CODE_OVERLOADED,
            .cause = SY_CAUSE_JOURNAL,
            .detail = SY_STR("the ledger cannot be written; the result is withheld"),
            .retry_after_ms = 1000,
        };
        sy_call_write_answer(call);
    }
    key_settle(call);
    call_answer(call);
}

void sy_call_record_outcome(struct sy_call *call)
{
    struct sy_outcome_record record = {
        .row = {.id = sy_str_from(call->id, call->id_len),
                .tenant = call->request.caller.tenant,
                .at_ms = call->started_unix_ms},
    };

    record.row.json = sy_call_write_row(call, call->replayed     ? "replayed"
                                              : call->successful ? "ok"
                                                                 : "failed");
    if (call->key_pinned) {
        record.answer.tenant = call->request.caller.tenant;
        memcpy(record.answer.key_hash, call->key.key, 32);
        memcpy(record.answer.body_hash, call->key.body, 32);
        record.answer.call_id = record.row.id;
        record.answer.expires_at_ms = call->started_unix_ms + IDEMPOTENCY_KEEP_MS;
        record.keep_answer = answer_is_kept(call);
        record.frees_key = !record.keep_answer && call->intent_written;
        if (record.keep_answer) {
            record.answer.status = call->answer.status;
            record.answer.answer =
                sy_arena_join(&call->mem, call->answer.body, call->answer.body_count);
            record.answer.unknown = call->bare || !record.answer.answer.ptr ||
                                    record.answer.answer.len > IDEMPOTENCY_ANSWER_MAX;
            if (record.answer.unknown)
                record.answer.answer = (struct sy_str){NULL, 0};
        }
    }
    call->ticket.fn = outcome_written;
    call->ticket.ctx = call;
    sy_ledger_outcome(call->el->ledger, &record, &call->ticket);
}

/* What the toolkit's mapped tools offer instead of one that the vendor does not know. */
static void suggest_tools(struct sy_call *call)
{
    struct sy_str near[TOOL_SUGGESTIONS_MAX];
    size_t count = sy_snapshot_near_tools(call->el->snapshot, call->decision.toolkit,
                                          call->decision.tool, near, TOOL_SUGGESTIONS_MAX);
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, &call->mem, 4096);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (size_t i = 0; i < count; i++)
        if (!sy_str_eq(near[i], call->decision.tool))
            sy_jw_str(&w, near[i]);
    sy_jw_array_end(&w);
    if (sy_buf_ok(&out))
        call->failure.suggestions = sy_buf_str(&out);
}

void sy_call_settle(struct sy_call *call, const struct sy_failure *failure, bool maybe_applied)
{
    sy_call_to(call, SY_CALL_SETTLE);
    sy_timer_cancel(call->el->loop, &call->timer);
    call->successful = !failure;
    call->maybe_applied = maybe_applied;
    if (failure)
        call->failure = *failure;
    if (failure && failure->code == SY_CODE_TOOL_NOT_FOUND && !failure->suggestions.ptr)
        suggest_tools(call);
    sy_call_write_answer(call);
    sy_call_record_outcome(call);
}

/* ---- an unlisted toolkit's probe ---- */

/* The decision's own refusal; a missing toolkit that resembles no known one opens a case. */
static void call_refused(struct sy_call *call)
{
    if (call->decision.opens_case)
        sy_call_open_case(call, &call->decision.failure);
    else
        sy_call_settle(call, &call->decision.failure, false);
}

static void call_after_probe(struct sy_call *call, enum sy_unlisted_result result)
{
    struct sy_failure failure = {.code = SY_CODE_VENDOR_UNAVAILABLE,
                                 .cause = SY_CAUSE_NOT_ASKED,
                                 .detail = sy_str_of(sy_cause_text(SY_CAUSE_NOT_ASKED))};

    call->probed = true;
    switch (result) {
    case SY_UNLISTED_HIT:
        sy_call_to(call, SY_CALL_RESOLVE);
        sy_call_resolve(call);
        return;
    case SY_UNLISTED_MISS:
        call_refused(call);
        return;
    case SY_UNLISTED_UNAVAILABLE:
        sy_call_settle(call, &failure, false);
        return;
    }
}

static void probe_landed(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_call *call = task->ctx;

    (void)loop;
    if (call->stopped)
        sy_call_settle(call, &call->stop_failure, false);
    else
        call_after_probe(call, call->probe.result);
}

static void call_probe(struct sy_call *call)
{
    enum sy_unlisted_result result;

    sy_call_to(call, SY_CALL_PROBE);
    call->probe.task.fn = probe_landed;
    call->probe.task.ctx = call;
    call->probe.loop = call->el->loop;
    if (sy_unlisted_ask(call->el, &call->decision, &call->probe, &result))
        call_after_probe(call, result);
}

/* ---- resolve ---- */

void sy_call_resolve(struct sy_call *call)
{
    const struct sy_call_request *request = &call->request;
    struct sy_resolve_request what = {
        .tool = request->tool,
        .toolkit = request->toolkit,
        .vendor = request->vendor,
        .user_id = request->user_id,
        .tenant = request->caller.tenant,
        .environment = request->caller.environment,
        .account = request->connection_id,
        .brief = !request->explain,
    };
    struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};

    if (sy_engine_resolve(call->el, &what, &call->mem, &call->decision) != SY_OK) {
        sy_call_settle(call, &failure, false);
        return;
    }
    switch (call->decision.kind) {
    case SY_DECIDED:
        sy_call_to(call, SY_CALL_STEP);
        sy_call_attempt(call, 0);
        return;
    case SY_DECIDED_PROBE:
        if (!call->probed) {
            call_probe(call);
            return;
        }
        failure =
            (struct sy_failure){.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = SY_CAUSE_NOT_ASKED};
        sy_call_settle(call, &failure, false);
        return;
    case SY_DECIDED_NOT:
        call_refused(call);
        return;
    }
}

/* ---- deadline and hang-up ---- */

static void call_times_out(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_call *call = timer->ctx;

    (void)loop;
    sy_call_stop(call, SY_CODE_VENDOR_TIMEOUT, SY_CAUSE_DEADLINE);
}

void sy_call_hangup(struct sy_call *call)
{
    call->hung_up = true;
    /* A write that is on its way runs on: its outcome must be known. */
    if (call->run && (call->run->write_started || sy_run_has_write_out(call->run)))
        return;
    sy_call_stop(call, SY_CODE_REQUEST_TIMEOUT, SY_CAUSE_CLIENT_GONE);
}

/* ---- the beginning ---- */

static struct sy_call *call_take(struct sy_engine_loop *el)
{
    struct sy_call *call = el->spare;
    struct sy_arena mem;

    if (call) {
        el->spare = call->next;
        el->spare_count--;
        mem = call->mem;
        memset(call, 0, sizeof(*call));
        call->mem = mem;
        return call;
    }
    call = calloc(1, sizeof(*call));
    if (call)
        sy_arena_init_sized(&call->mem, CALL_ARENA_MAX, CALL_ARENA_USUAL);
    return call;
}

static bool request_copy(struct sy_call *call, const struct sy_call_request *from)
{
    struct sy_call_request *to = &call->request;
    struct sy_str *slices[] = {&to->caller.tenant, &to->caller.key_id, &to->caller.environment,
                               &to->tool,          &to->toolkit,       &to->user_id,
                               &to->vendor,        &to->connection_id, &to->idempotency_key,
                               &to->arguments,     &to->traceparent};

    size_t size = 0;
    char *at;

    *to = *from;
    for (size_t i = 0; i < SY_ARRAY_LEN(slices); i++)
        size += slices[i]->len;
    at = sy_arena_alloc(&call->mem, size + 1);
    for (size_t i = 0; at && i < SY_ARRAY_LEN(slices); i++) {
        if (!slices[i]->ptr)
            continue;
        memcpy(at, slices[i]->ptr, slices[i]->len);
        slices[i]->ptr = at;
        at += slices[i]->len;
    }
    if (!to->arguments.ptr)
        to->arguments = SY_STR("{}");
    to->body = (struct sy_str){NULL, 0};
    return !call->mem.failed;
}

static void call_name(struct sy_call *call)
{
    unsigned char random[10];

    memcpy(call->id, "call_", 5);
    sy_engine_random(call->el, random, sizeof(random));
    sy_ulid(call->started_unix_ms, random, call->id + 5);
    call->id_len = 31;
}

struct sy_call *sy_engine_execute(struct sy_engine_loop *el, const struct sy_call_request *request,
                                  sy_call_done_fn *done, void *ctx)
{
    struct sy_call *call = call_take(el);
    int64_t timeout_ms = request->timeout_ms > 0 ? request->timeout_ms : DEFAULT_TIMEOUT_MS;

    if (!call)
        return NULL;
    call->el = el;
    call->state = SY_CALL_ADMIT;
    call->done = done;
    call->done_ctx = ctx;
    call->started_unix_ms = sy_loop_unix_ms(el->loop);
    call->started_us = request->started_us ? request->started_us : sy_loop_now_us(el->loop);
    if (timeout_ms > MAX_TIMEOUT_MS)
        timeout_ms = MAX_TIMEOUT_MS;
    call->deadline_ms = sy_loop_now_ms(el->loop) + timeout_ms;
    call->timer.fn = call_times_out;
    call->timer.ctx = call;
    if (!request_copy(call, request) ||
        sy_timer_set(el->loop, &call->timer, call->deadline_ms + BACKSTOP_MS) != SY_OK) {
        sy_arena_release(&call->mem);
        free(call);
        return NULL;
    }
    if (request->idempotency_key.len) {
        call->has_key = true;
        call->key = sy_idempotency_key_make(request->caller.tenant, request->idempotency_key,
                                            request->body);
    }
    call_name(call);
    call->key.tenant = call->request.caller.tenant;
    call->key.call_id = sy_str_from(call->id, call->id_len);
    call->next = el->calls;
    call->at = &el->calls;
    if (call->next)
        call->next->at = &call->next;
    el->calls = call;
    el->in_flight++;
    call_later(call, sy_call_admit);
    return call;
}
