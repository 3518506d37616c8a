/*
 * One transfer: from the free list through its host's queue and libcurl to its `done`, and back.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/transfers_int.h"

/* ---- memory ---- */

bool sy_transfer_count(struct sy_transfer *transfer, size_t bytes)
{
    struct sy_curl_transfers *owner = transfer->owner;

    if (bytes > transfer->counted &&
        bytes - transfer->counted > owner->options.memory - owner->held)
        return false;
    owner->held = owner->held - transfer->counted + bytes;
    transfer->counted = bytes;
    return true;
}

/* ---- getting and putting back ---- */

void sy_transfer_free(struct sy_transfer *transfer)
{
    curl_easy_cleanup(transfer->easy);
    sy_net_reply_clear(&transfer->reply, false);
    free(transfer->text);
    free(transfer->body);
    free(transfer);
}

static void transfer_due(struct sy_loop *loop, struct sy_timer *timer);
static void transfer_ends(struct sy_loop *loop, struct sy_task *task);

static struct sy_transfer *transfer_new(struct sy_curl_transfers *owner)
{
    struct sy_transfer *transfer = calloc(1, sizeof(*transfer));

    if (!transfer)
        return NULL;
    transfer->owner = owner;
    transfer->timer = (struct sy_timer){.fn = transfer_due, .ctx = transfer};
    transfer->ending = (struct sy_task){.fn = transfer_ends, .ctx = transfer};
    transfer->easy = curl_easy_init();
    if (!transfer->easy || sy_transfer_set_constants(transfer) < 0) {
        sy_transfer_free(transfer);
        return NULL;
    }
    return transfer;
}

static struct sy_transfer *transfer_take(struct sy_curl_transfers *owner)
{
    struct sy_transfer *transfer = owner->idle;

    if (transfer) {
        owner->idle = transfer->next;
        owner->idle_count--;
        transfer->next = NULL;
        if (owner->idle_count < owner->idle_least)
            owner->idle_least = owner->idle_count;
    } else {
        transfer = transfer_new(owner);
        if (!transfer)
            return NULL;
    }
    transfer->all_before = NULL;
    transfer->all_next = owner->all;
    if (owner->all)
        owner->all->all_before = transfer;
    owner->all = transfer;
    return transfer;
}

/* Without memory for the timer the pool is trimmed another time. */
static void trim_later(struct sy_curl_transfers *owner)
{
    owner->idle_least = owner->idle_count;
    (void)sy_timer_set(owner->loop, &owner->trim, sy_loop_now_ms(owner->loop) + SY_NET_TRIM_MS);
}

/* Forgets the call; buffers and the handle stay for the next one. */
static void transfer_reset(struct sy_transfer *transfer)
{
    (void)sy_transfer_count(transfer, 0);
    sy_net_reply_clear(&transfer->reply, true);
    if (transfer->body_cap > SY_NET_KEEP) {
        free(transfer->body);
        transfer->body = NULL;
        transfer->body_cap = 0;
    }
    if (transfer->text_cap > SY_NET_KEEP) {
        free(transfer->text);
        transfer->text = NULL;
        transfer->text_cap = 0;
    }
    transfer->phase = SY_NET_PHASE_IDLE;
    transfer->what = (struct sy_transfer_request){0};
    transfer->result = (struct sy_transfer_result){0};
    transfer->host = NULL;
    transfer->pool = NULL;
    transfer->starts = 0;
    transfer->started = transfer->resend_refused = false;
    transfer->egress_refused = transfer->dialled = false;
}

static void transfer_put_back(struct sy_transfer *transfer)
{
    struct sy_curl_transfers *owner = transfer->owner;
    /* A handle that met an error keeps its system error number into the next transfer. */
    bool tainted = transfer->result.failure != SY_NET_OK || transfer->starts > 1;

    if (transfer->all_before)
        transfer->all_before->all_next = transfer->all_next;
    else
        owner->all = transfer->all_next;
    if (transfer->all_next)
        transfer->all_next->all_before = transfer->all_before;
    transfer_reset(transfer);
    if (tainted || owner->idle_count >= SY_NET_POOLED_MAX) {
        sy_transfer_free(transfer);
        return;
    }
    transfer->next = owner->idle;
    owner->idle = transfer;
    owner->idle_count++;
    if (!owner->trim.slot)
        trim_later(owner);
}

void sy_transfers_trim(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_curl_transfers *owner = timer->ctx;

    (void)loop;
    for (unsigned left = owner->idle_least; left; left--) {
        struct sy_transfer *transfer = owner->idle;

        owner->idle = transfer->next;
        owner->idle_count--;
        sy_transfer_free(transfer);
    }
    if (owner->idle_count)
        trim_later(owner);
}

/* ---- ending ---- */

void sy_transfer_fault(struct sy_transfer *transfer, enum sy_net_failure failure,
                       enum sy_cause cause)
{
    if (transfer->result.failure != SY_NET_OK)
        return;
    transfer->result.failure = failure;
    transfer->result.cause = cause;
}

/* Tells the caller; it may release the transfer in there. */
static void tell(struct sy_transfer *transfer)
{
    struct sy_transfer_result *result = &transfer->result;
    /* Not the loop's clock, which stands still within a turn: a near vendor takes less than one. */
    int64_t now = sy_clock_us();

    sy_timer_cancel(transfer->owner->loop, &transfer->timer);
    transfer->phase = SY_NET_PHASE_ENDED;
    result->started = transfer->started;
    result->sends = transfer->starts;
    result->total_us = now - transfer->start_us;
    if (transfer->reply.first_us)
        result->first_byte_us = transfer->reply.first_us - transfer->start_us;
    transfer->done(transfer, result, transfer->ctx);
}

static void transfer_ends(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    tell(task->ctx);
}

void sy_transfer_end_later(struct sy_transfer *transfer, enum sy_net_failure failure,
                           enum sy_cause cause)
{
    sy_transfer_fault(transfer, failure, cause);
    sy_timer_cancel(transfer->owner->loop, &transfer->timer);
    transfer->phase = SY_NET_PHASE_ENDING;
    sy_loop_defer(transfer->owner->loop, &transfer->ending);
}

/* Takes a running transfer out of libcurl's hands and lets the next one in. */
static void leave(struct sy_transfer *transfer)
{
    struct sy_net_host *host = transfer->host;

    curl_multi_remove_handle(transfer->pool->multi, transfer->easy);
    transfer->phase = SY_NET_PHASE_ENDED;
    transfer->pool->active--;
    sy_net_pool_left(transfer->pool);
    host->active--;
    sy_net_host_pump(host);
}

void sy_transfer_finished(struct sy_transfer *transfer, CURLcode code)
{
    sy_transfer_judge(transfer, code);
    if (transfer->reply.whole_head)
        sy_net_host_replied(transfer->host, transfer->reply.head_total + transfer->reply.body_len);
    leave(transfer);
    tell(transfer);
}

/* What has not happened in time. */
static enum sy_cause late_for(const struct sy_transfer *transfer)
{
    if (transfer->phase == SY_NET_PHASE_WAITING)
        return transfer->host->asking ? SY_CAUSE_DNS_TIMEOUT : SY_CAUSE_CONNECT_TIMEOUT;
    if (!transfer->started)
        return SY_CAUSE_CONNECT_TIMEOUT;
    return sy_transfer_was_answered(transfer) ? SY_CAUSE_TOTAL : SY_CAUSE_FIRST_BYTE;
}

static void transfer_due(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_transfer *transfer = timer->ctx;
    bool waiting = transfer->phase == SY_NET_PHASE_WAITING;
    /* The one that goes ahead has not got through either. */
    bool unconnected = waiting && transfer->host->http2 && transfer->host->links == 0;

    if (waiting && !transfer->host->asking && !unconnected &&
        sy_loop_now_ms(loop) < transfer->what.deadline_ms) {
        /* Its addresses are known; it waits for its turn. */
        (void)sy_timer_set(loop, timer, transfer->what.deadline_ms);
        return;
    }
    sy_transfer_fault(transfer, SY_NET_TIMEOUT, late_for(transfer));
    if (waiting)
        sy_net_host_dequeue(transfer->host, transfer);
    else
        leave(transfer);
    tell(transfer);
}

/* ---- starting ---- */

static int64_t connect_by(const struct sy_transfer *transfer)
{
    int64_t now = sy_loop_now_ms(transfer->owner->loop);
    int64_t most = transfer->what.deadline_ms;
    int64_t timeout = transfer->what.connect_timeout_ms;

    return timeout > 0 && timeout < most - now ? now + timeout : most;
}

/* Its host has an address and room: hands the transfer to libcurl. */
void sy_transfer_run(struct sy_transfer *transfer)
{
    struct sy_curl_transfers *owner = transfer->owner;
    struct sy_net_pool *pool = owner->pools[transfer->host->http2 ? 1 : 0];
    struct curl_slist *pin = transfer->url.literal ? NULL : sy_net_host_pin(transfer->host, pool);

    transfer->pool = pool;
    if (curl_easy_setopt(transfer->easy, CURLOPT_RESOLVE, pin) != CURLE_OK ||
        sy_timer_set(owner->loop, &transfer->timer, connect_by(transfer)) < 0 ||
        curl_multi_add_handle(pool->multi, transfer->easy) != CURLM_OK) {
        transfer->host->pinned_generation = 0;
        sy_transfer_end_later(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
        return;
    }
    transfer->phase = SY_NET_PHASE_RUNNING;
    pool->active++;
    transfer->host->active++;
}

/* Everything that can be refused before an address is asked for. */
static void begin(struct sy_transfer *transfer)
{
    const struct sy_request *request = transfer->what.request;
    struct sy_curl_transfers *owner = transfer->owner;
    struct sy_loop *loop = owner->loop;
    bool http2;

    if (sy_egress_read_url(request->url, &transfer->url, NULL) < 0) {
        sy_transfer_end_later(transfer, SY_NET_REFUSED_HERE,
                              sy_str_has_control(request->url) ? SY_CAUSE_HEADER_REFUSED
                                                               : SY_CAUSE_EGRESS_REFUSED);
        return;
    }
    if (transfer->what.deadline_ms <= sy_loop_now_ms(loop)) {
        sy_transfer_end_later(transfer, SY_NET_TIMEOUT, SY_CAUSE_DEADLINE);
        return;
    }
    http2 = transfer->url.tls && request->effect != SY_REQUEST_WRITE;
    transfer->host = sy_net_host_of(owner, &transfer->url, http2);
    if (!transfer->host || sy_timer_set(loop, &transfer->timer, connect_by(transfer)) < 0) {
        sy_transfer_end_later(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
        return;
    }
    if (sy_transfer_set_request(transfer) < 0) {
        sy_transfer_end_later(transfer, transfer->result.failure, transfer->result.cause);
        return;
    }
    if (!sy_net_host_enqueue(transfer->host, transfer)) {
        sy_transfer_end_later(transfer, SY_NET_OVERLOADED, SY_CAUSE_IN_FLIGHT);
        return;
    }
    transfer->phase = SY_NET_PHASE_WAITING;
    sy_net_host_pump(transfer->host);
}

/* ---- the vtable ---- */

static struct sy_transfer *start(void *self, const struct sy_transfer_request *what,
                                 sy_transfer_done_fn *done, void *ctx)
{
    struct sy_curl_transfers *owner = self;
    struct sy_transfer *transfer = transfer_take(owner);
    size_t cap = what->request->reply_cap;

    if (!transfer)
        return NULL;
    transfer->what = *what;
    transfer->done = done;
    transfer->ctx = ctx;
    transfer->start_us = sy_clock_us();
    transfer->reply.limit = cap ? cap : SY_NET_REPLY_MAX;
    begin(transfer);
    return transfer;
}

static bool cancel(void *self, struct sy_transfer *transfer)
{
    struct sy_curl_transfers *owner = self;

    switch (transfer->phase) {
    case SY_NET_PHASE_WAITING:
        sy_net_host_dequeue(transfer->host, transfer);
        break;
    case SY_NET_PHASE_RUNNING:
        leave(transfer);
        break;
    case SY_NET_PHASE_ENDING:
        sy_loop_undefer(owner->loop, &transfer->ending);
        break;
    case SY_NET_PHASE_IDLE:
    case SY_NET_PHASE_ENDED:
        break;
    }
    sy_timer_cancel(owner->loop, &transfer->timer);
    transfer->phase = SY_NET_PHASE_ENDED;
    return transfer->started;
}

static void release(void *self, struct sy_transfer *transfer)
{
    (void)cancel(self, transfer);
    transfer_put_back(transfer);
}

const struct sy_transfers_ops sy_curl_transfers_ops = {
    .start = start, .cancel = cancel, .release = release};
