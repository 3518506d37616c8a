#include "engine/run.h"

#include <stdlib.h>
#include <string.h>

#include "engine/run_int.h"

/* A vendor that was given less time than this is not called dead for having taken longer. */
#define PATIENCE_MS 1000

static void run_again(struct sy_loop *loop, struct sy_task *task);

void sy_run_goes_on(struct sy_run *run, enum sy_run_again with)
{
    run->again_with = with;
    sy_loop_defer(run->el->loop, &run->again);
}

void sy_run_waits(struct sy_run *run, enum sy_run_waiting what)
{
    run->waiting = what;
    if (run->owner.waits)
        run->owner.waits(run, what, run->owner.ctx);
}

/* ---- the end ---- */

/*
 * What the run says about the vendor: it failed, it answered, or nothing. Nothing is said by a run
 * that we ended ourselves (cancelled, our own limits, an open breaker further down) and by a caller
 * who would not wait: five calls with a timeout of 1 ms must not close a vendor for everybody.
 */
static void breaker_report(struct sy_run *run, const struct sy_failure *failure)
{
    bool failed = failure && sy_code_counts_for_breaker(failure->code) && run->sends &&
                  failure->cause != SY_CAUSE_BREAKER_OPEN;
    bool rushed = failed && failure->code == SY_CODE_VENDOR_TIMEOUT &&
                  failure->cause != SY_CAUSE_VENDOR_5XX && /* the vendor's own word */
                  run->vendor_us < (int64_t)PATIENCE_MS * 1000;

    if (!run->breaker_asked)
        return;
    run->breaker_asked = false;
    if (rushed || (!failed && !run->heard)) {
        if (run->breaker_probe)
            sy_breaker_yield(run->breaker);
        return;
    }
    sy_breaker_report(run->breaker, failed, run->breaker_probe, sy_loop_now_ms(run->el->loop));
}

static void run_end(struct sy_run *run, const struct sy_result *result,
                    const struct sy_failure *failure)
{
    breaker_report(run, failure);
    sy_timer_cancel(run->el->loop, &run->timer);
    run->waiting = RUN_ENDED;
    run->owner.done(run, result, failure, run->owner.ctx);
}

void sy_run_fail(struct sy_run *run, enum sy_code code, enum sy_cause cause, struct sy_str detail)
{
    struct sy_failure failure = {.code = code, .cause = cause, .detail = detail};

    run_end(run, NULL, &failure);
}

void sy_run_end_cancelled(struct sy_run *run)
{
    sy_blob_unref(run->wait.blob);
    sy_blob_unref(run->wait.failure_blob);
    run->wait.blob = NULL;
    run->wait.failure_blob = NULL;
    run_end(run, NULL, &run->failure);
}

/* ---- sending ---- */

/* Invariant: what goes out carries the subject or account bound at resolve, nobody else's. */
static bool is_bound(const struct sy_run *run)
{
    return sy_request_is_bound(&run->wish.request, run->facts.subject, run->what.account);
}

static const char *purpose_name(enum sy_purpose purpose)
{
    static const char *const names[] = {"mint", "lookup", "execute", "probe", "link"};

    return names[purpose];
}

static void count_upstream(struct sy_run *run, const struct sy_transfer_result *result)
{
    static const char *const classes[] = {"other", "1xx", "2xx", "3xx", "4xx", "5xx"};
    static const char *const failures[] = {"ok",       "unreachable", "reset",   "timeout",
                                           "protocol", "too_large",   "refused", "overloaded"};
    int hundred = result->status / 100;
    struct sy_str labels[3] = {
        sy_str_of(run->vendor->name),
        sy_str_of(purpose_name(run->wish.request.purpose)),
        sy_str_of(result->failure == SY_NET_OK ? classes[hundred >= 1 && hundred <= 5 ? hundred : 0]
                                               : failures[result->failure]),
    };

    sy_metric_add(run->el->metrics, SY_METRIC_UPSTREAM, labels, 1);
}

static struct sy_failure net_failure(const struct sy_transfer_result *result)
{
    static const enum sy_code codes[] = {
        [SY_NET_OK] = SY_CODE_VENDOR_PROTOCOL,
        [SY_NET_UNREACHABLE] = SY_CODE_VENDOR_UNAVAILABLE,
        [SY_NET_RESET] = SY_CODE_VENDOR_UNAVAILABLE,
        [SY_NET_TIMEOUT] = SY_CODE_VENDOR_TIMEOUT,
        [SY_NET_PROTOCOL] = SY_CODE_VENDOR_PROTOCOL,
        [SY_NET_TOO_LARGE] = SY_CODE_RESPONSE_TOO_LARGE,
        [SY_NET_REFUSED_HERE] = SY_CODE_POLICY_DENIED,
        [SY_NET_OVERLOADED] = SY_CODE_OVERLOADED,
    };
    struct sy_failure failure = {.code = codes[result->failure], .cause = result->cause};

    if (failure.cause == SY_CAUSE_HEADER_REFUSED)
        failure.code = SY_CODE_INVALID_REQUEST;
    /* A certificate does not mend itself between two tries. */
    if (failure.cause == SY_CAUSE_TLS_UNTRUSTED || failure.cause == SY_CAUSE_TLS_FAILED)
        failure.retryable = SY_TRI_NO;
    failure.detail = sy_str_of(sy_cause_text(failure.cause));
    return failure;
}

static void transfer_done(struct sy_transfer *transfer, const struct sy_transfer_result *result,
                          void *ctx)
{
    struct sy_run *run = ctx;
    struct sy_event event = {.kind = SY_EVENT_REPLY,
                             .status = result->status,
                             .headers = result->headers,
                             .header_count = result->header_count,
                             .body = result->body};

    run->replies[run->reply_count++] = transfer;
    run->transfer = NULL;
    /* The transport's own clock: a loop's stands still within a turn, and a turn may be all it
     * took. */
    run->vendor_us +=
        result->total_us > 0 ? result->total_us : sy_loop_now_us(run->el->loop) - run->sent_us;
    count_upstream(run, result);
    run->resends += result->sends > 1 ? result->sends - 1 : 0;
    if (run->wish.request.effect == SY_REQUEST_WRITE && result->started)
        run->write_started = true;
    run->heard = run->heard || result->failure == SY_NET_OK;
    if (run->wish.request.uses_token && result->failure == SY_NET_OK && result->status != 401)
        sy_run_token_taken(run);
    if (result->failure == SY_NET_OK && (result->status < 300 || result->status >= 400)) {
        sy_run_step(run, &event);
        return;
    }
    if (result->failure == SY_NET_OK)
        run->failure =
            (struct sy_failure){.code = SY_CODE_VENDOR_PROTOCOL,
                                .cause = SY_CAUSE_REDIRECT_REFUSED,
                                .detail = sy_str_of(sy_cause_text(SY_CAUSE_REDIRECT_REFUSED))};
    else
        run->failure = net_failure(result);
    event = (struct sy_event){
        .kind = SY_EVENT_NET_FAILED, .failure = &run->failure, .started = result->started};
    sy_run_step(run, &event);
}

static void run_send_now(struct sy_run *run)
{
    struct sy_transfer_request request = {
        .request = &run->wish.request,
        .vendor = sy_str_of(run->vendor->name),
        .deadline_ms = run->deadline_ms,
        .connect_timeout_ms = 5000,
        .trusted_address = !run->wish.request.from_row,
        .sends_max = run->tries ? run->tries - run->resends : 0,
    };

    if (run->wish.request.purpose == SY_FOR_EXECUTE && !run->wish.request.reply_cap)
        run->wish.request.reply_cap = (size_t)sy_snapshot_policy(run->el->snapshot)->response_bytes;
    run->sends++;
    run->sent_us = sy_loop_now_us(run->el->loop);
    sy_run_waits(run, RUN_FLYING);
    run->transfer =
        run->el->transfers.ops->start(run->el->transfers.self, &request, transfer_done, run);
    if (!run->transfer)
        sy_run_fail(run, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
}

static void run_send(struct sy_run *run)
{
    int64_t now_ms = sy_loop_now_ms(run->el->loop), wait_ms;
    enum sy_breaker_verdict verdict;

    if (run->sends >= SY_OPERATION_SENDS_MAX || !is_bound(run)) {
        sy_run_fail(run, SY_CODE_INTERNAL, SY_CAUSE_BUG,
                    run->sends >= SY_OPERATION_SENDS_MAX
                        ? SY_STR("an adapter asked for too many requests")
                        : SY_STR("a request did not carry the account it was bound to"));
        return;
    }
    /* The kill switch works at once, also for calls that were decided before it was thrown. */
    if (atomic_load(&run->el->engine->quarantined[run->vendor_index])) {
        sy_run_fail(run, SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_QUARANTINED,
                    sy_str_of(sy_cause_text(SY_CAUSE_QUARANTINED)));
        return;
    }
    if (!run->breaker_asked) {
        verdict = sy_breaker_ask(run->breaker, now_ms, &wait_ms);
        if (verdict == SY_BREAKER_OPEN) {
            struct sy_failure failure = {
                .code = SY_CODE_VENDOR_UNAVAILABLE,
                .cause = SY_CAUSE_BREAKER_OPEN,
                .detail = sy_str_of(sy_cause_text(SY_CAUSE_BREAKER_OPEN)),
                .retry_after_ms = wait_ms,
            };

            run_end(run, NULL, &failure);
            return;
        }
        run->breaker_asked = true;
        run->breaker_probe = verdict == SY_BREAKER_PROBE;
    }
    if (run->wish.request.effect != SY_REQUEST_NONE && run->owner.hold && !run->hold_asked) {
        run->hold_asked = true;
        if (run->owner.hold(run, run->owner.ctx)) {
            sy_run_waits(run, RUN_HELD);
            return;
        }
    }
    run_send_now(run);
}

void sy_run_release_hold(struct sy_run *run, const struct sy_failure *failure)
{
    if (failure) {
        run->failure = *failure;
        sy_run_goes_on(run, AGAIN_FAILED);
    } else {
        sy_run_goes_on(run, AGAIN_SEND);
    }
}

/* ---- stepping ---- */

static void timer_rang(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_run *run = timer->ctx;
    struct sy_event event = {.kind = SY_EVENT_TIMER};

    (void)loop;
    sy_run_step(run, &event);
}

static void run_sleep(struct sy_run *run)
{
    int64_t now_ms = sy_loop_now_ms(run->el->loop);

    if (run->wish.wait_ms > run->deadline_ms - now_ms) {
        sy_run_fail(run, SY_CODE_VENDOR_TIMEOUT, SY_CAUSE_DEADLINE,
                    sy_str_of(sy_cause_text(SY_CAUSE_DEADLINE)));
        return;
    }
    run->timer.fn = timer_rang;
    run->timer.ctx = run;
    sy_run_waits(run, RUN_SLEEPING);
    if (sy_timer_set(run->el->loop, &run->timer, now_ms + run->wish.wait_ms) != SY_OK)
        sy_run_fail(run, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
}

static void run_follow(struct sy_run *run, enum sy_step step)
{
    switch (step) {
    case SY_STEP_SEND:
        run_send(run);
        return;
    case SY_STEP_NEED:
        sy_run_need(run);
        return;
    case SY_STEP_WAIT:
        run_sleep(run);
        return;
    case SY_STEP_DONE:
        run_end(run, &run->wish.result, NULL);
        return;
    case SY_STEP_FAIL:
        run->failure = run->wish.failure;
        run_end(run, NULL, &run->failure);
        return;
    case SY_STEP_MORE:
    case SY_STEP_EMIT:
        sy_run_fail(run, SY_CODE_INTERNAL, SY_CAUSE_BUG,
                    SY_STR("an adapter streamed where nobody reads a stream"));
        return;
    }
}

void sy_run_step(struct sy_run *run, const struct sy_event *event)
{
    enum sy_step step;

    run->facts.now_unix_ms = sy_loop_unix_ms(run->el->loop);
    memset(&run->wish.forget, 0, sizeof(run->wish.forget));
    memset(&run->wish.result, 0, sizeof(run->wish.result));
    memset(&run->wish.failure, 0, sizeof(run->wish.failure));
    memset(&run->wish.request, 0, sizeof(run->wish.request));
    step = event ? run->vendor->resume(run->op, &run->what, event, &run->facts, &run->wish)
                 : run->vendor->start(run->op, &run->what, &run->facts, &run->wish);
    sy_run_forget(run);
    if (run->facts.mem->failed) {
        sy_run_fail(run, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY,
                    SY_STR("the call needs more memory than one call may use"));
        return;
    }
    run_follow(run, step);
}

static void run_again(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_run *run = task->ctx;

    (void)loop;
    if (run->cancelled || run->again_with == AGAIN_FAILED) {
        sy_run_end_cancelled(run);
        return;
    }
    switch (run->again_with) {
    case AGAIN_START:
        sy_run_step(run, NULL);
        return;
    case AGAIN_FACT:
        sy_run_take_fact(run);
        return;
    case AGAIN_SEND:
        run_send_now(run);
        return;
    case AGAIN_FAILED:
        return;
    }
}

/* Workers stand on hosts of their own: one dead worker must not open the breaker of the others. */
static struct sy_breaker_slot *run_breaker(struct sy_engine_loop *el, size_t vendor_index,
                                           const struct sy_operation *what, struct sy_arena *mem)
{
    struct sy_str parts[3] = {SY_STR("worker/"), what->target.toolkit, {NULL, 0}};
    struct sy_str key;

    if (el->engine->vendors[vendor_index]->path != SY_PATH_WORKER)
        return el->engine->breakers[vendor_index];
    key = sy_arena_join(mem, parts, 2);
    return key.ptr ? sy_hot_breaker(el->engine->hot, key) : NULL;
}

int sy_run_start(struct sy_run *run, struct sy_engine_loop *el,
                 const struct sy_run_options *options, const struct sy_run_owner *owner)
{
    const struct sy_vendor *vendor = el->engine->vendors[options->vendor_index];

    memset(run, 0, sizeof(*run));
    run->el = el;
    run->owner = *owner;
    run->vendor = vendor;
    run->vendor_index = options->vendor_index;
    run->runtime = sy_engine_runtime(el->engine, options->vendor_index);
    run->what = *options->what;
    run->depth = options->depth;
    run->deadline_ms = options->deadline_ms;
    run->tries = options->tries;
    run->facts = (struct sy_facts){
        .subject = options->subject,
        .idempotency_key = options->idempotency_key,
        .settings = run->runtime->runtime.settings,
        .row_secret = options->row_secret,
        .facts = run->have,
        .mem = options->mem,
    };
    run->again.fn = run_again;
    run->again.ctx = run;
    run->op = sy_arena_zalloc(options->mem, vendor->op_size ? vendor->op_size : 1);
    run->breaker = run_breaker(el, options->vendor_index, options->what, options->mem);
    if (!run->op || !run->breaker)
        return SY_NOMEM;
    sy_run_goes_on(run, AGAIN_START);
    return SY_OK;
}

void sy_run_cancel(struct sy_run *run, const struct sy_failure *failure)
{
    if (run->waiting == RUN_ENDED || run->cancelled)
        return;
    run->failure = *failure;
    run->cancelled = true;
    /* A write was refused, or its run would not look further. */
    if (run->waiting == RUN_NEEDING)
        run->failure.not_applied = true;
    if (run->again.queued)
        return; /* its own task sees `cancelled` */
    if (run->transfer) {
        bool started = run->el->transfers.ops->cancel(run->el->transfers.self, run->transfer);

        if (run->wish.request.effect == SY_REQUEST_WRITE && started)
            run->write_started = true;
        run->replies[run->reply_count++] = run->transfer;
        run->transfer = NULL;
        run->vendor_us += sy_loop_now_us(run->el->loop) - run->sent_us;
    }
    if (run->waiting == RUN_NEEDING && !sy_facts_cancel(run->el->engine->facts, &run->wait))
        return; /* the answer is on its way to run_fact_came */
    sy_timer_cancel(run->el->loop, &run->timer);
    sy_run_goes_on(run, AGAIN_FAILED);
}

void sy_run_close(struct sy_run *run)
{
    for (unsigned i = 0; i < run->reply_count; i++)
        run->el->transfers.ops->release(run->el->transfers.self, run->replies[i]);
    run->reply_count = 0;
    for (size_t i = 0; i < RUN_FACTS_MAX; i++) {
        sy_blob_unref(run->held[i]);
        run->held[i] = NULL;
    }
}

bool sy_run_has_write_out(const struct sy_run *run)
{
    return run->transfer && run->wish.request.effect == SY_REQUEST_WRITE;
}
