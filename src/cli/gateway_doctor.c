#include <string.h>

#include "base/clock.h"
#include "cli/gateway_int.h"

#define PING_TIMEOUT_MS 15000

/* One question, posted to the first loop and waited for by the asking thread. */
struct pinging {
    struct sy_task task;
    struct gateway_thread *thread;
    size_t index;
    struct sy_arena *arena;
    struct sy_ping *ret;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool done;
};

static void wake(struct pinging *pinging)
{
    pthread_mutex_lock(&pinging->lock);
    pinging->done = true;
    pthread_cond_signal(&pinging->woken);
    pthread_mutex_unlock(&pinging->lock);
}

static void pinged(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx)
{
    struct pinging *pinging = ctx;

    (void)ask;
    pinging->ret->ok = result->ok;
    if (!result->ok) {
        pinging->ret->failure = *result->failure;
        sy_failure_copy(&pinging->ret->failure, pinging->arena);
    }
    wake(pinging);
}

static void ping_now(struct sy_loop *loop, struct sy_task *task)
{
    struct pinging *pinging = task->ctx;
    struct sy_operation what = {.op = SY_OP_PING, .tenant = SY_STR("default")};

    if (sy_engine_ask(pinging->thread->engine, pinging->index, &what, SY_STR("default:"),
                      sy_loop_now_ms(loop) + PING_TIMEOUT_MS, pinged, pinging))
        return;
    pinging->ret->failure = (struct sy_failure){.code = SY_CODE_OVERLOADED};
    wake(pinging);
}

static void ping(struct sy_gateway *gateway, size_t index, struct sy_arena *arena,
                 struct sy_ping *ret)
{
    struct pinging pinging = {
        .thread = &gateway->threads[0], .index = index, .arena = arena, .ret = ret};
    int64_t started_ms = sy_clock_ms();

    pinging.task.fn = ping_now;
    pinging.task.ctx = &pinging;
    pthread_mutex_init(&pinging.lock, NULL);
    pthread_cond_init(&pinging.woken, NULL);
    sy_loop_post(gateway->threads[0].loop, &pinging.task);
    pthread_mutex_lock(&pinging.lock);
    while (!pinging.done)
        pthread_cond_wait(&pinging.woken, &pinging.lock);
    pthread_mutex_unlock(&pinging.lock);
    pthread_cond_destroy(&pinging.woken);
    pthread_mutex_destroy(&pinging.lock);
    ret->asked = true;
    ret->took_ms = sy_clock_ms() - started_ms;
}

size_t sy_gateway_ping(struct sy_gateway *gateway, struct sy_arena *arena,
                       struct sy_ping rets[SY_VENDORS_MAX])
{
    struct sy_vendor_runtime runtimes[SY_VENDORS_MAX];
    size_t count = 0;

    gateway_vendors(gateway, &gateway->config->settings, runtimes, &count);
    for (size_t i = 0; i < count; i++) {
        memset(&rets[i], 0, sizeof(rets[i]));
        rets[i].vendor = sy_str_of(runtimes[i].vendor->name);
        rets[i].present = runtimes[i].present && !runtimes[i].unavailable;
        rets[i].why = runtimes[i].why;
        if (rets[i].present && (runtimes[i].vendor->can & SY_CAN(SY_OP_PING)))
            ping(gateway, i, arena, &rets[i]);
    }
    return count;
}
