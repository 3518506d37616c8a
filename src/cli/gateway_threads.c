#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "cli/gateway_int.h"

/* Files, the store, epoll and the listeners; everything else is a connection. */
#define OTHER_DESCRIPTORS 128

static void *thread_main(void *arg)
{
    struct gateway_thread *thread = arg;

    sy_loop_run(thread->loop);
    /* Others may still run and publish. */
    sy_engine_leave(thread->engine);
    return NULL;
}

/* Each loop's share. A call takes a descriptor to its caller and one to its vendor: beyond half of
 * them a connection could not be opened, while in the queue a call only waits. */
static unsigned connections_per_host(const struct sy_gateway *gateway, unsigned count)
{
    uint64_t most = gateway->config->settings.egress_connections;
    struct rlimit limit;
    unsigned share;

    if (getrlimit(RLIMIT_NOFILE, &limit) == 0 && limit.rlim_cur != RLIM_INFINITY) {
        uint64_t left = limit.rlim_cur > 2 * OTHER_DESCRIPTORS ? limit.rlim_cur - OTHER_DESCRIPTORS
                                                               : OTHER_DESCRIPTORS;

        most = most < left / 2 ? most : left / 2;
    }
    share = (unsigned)(most / count);
    return share ? share : 1;
}

static int thread_parts(struct sy_gateway *gateway, struct gateway_thread *thread, unsigned index,
                        unsigned count, struct sy_err *err)
{
    struct sy_transfers_options transfers = {
        .egress = &gateway->egress,
        .dns = gateway->dns,
        .connections_per_host = connections_per_host(gateway, count),
        .memory = (size_t)gateway->config->settings.memory / count,
    };
    int status = sy_loop_create(index, &thread->loop, err);

    thread->gateway = gateway;
    if (status == SY_OK)
        status = sy_transfers_create(thread->loop, &transfers, &thread->transfers, err);
    if (status == SY_OK)
        status = sy_engine_attach(gateway->engine, thread->loop,
                                  sy_transfers_view(thread->transfers), &thread->engine, err);
    if (status == SY_OK)
        status = sy_api_attach(gateway->api, thread->engine, &thread->api, err);
    return status;
}

static int thread_listen(struct sy_gateway *gateway, struct gateway_thread *thread, unsigned index,
                         unsigned count, struct sy_err *err)
{
    struct sy_server_limits limits;
    struct sy_server_events events;
    int status;

    sy_server_limits_default(&limits);
    limits.memory = (size_t)gateway->config->settings.memory / count;
    sy_api_limits(gateway->api, &limits);
    memset(&events, 0, sizeof(events));
    sy_api_server_events(thread->api, &events);
    status =
        sy_server_create(thread->loop, gateway->listen_fd, &limits, &events, &thread->server, err);
    if (status == SY_OK && gateway->tls)
        status = sy_server_use_tls(thread->server, gateway->tls);
    if (status == SY_OK)
        sy_api_watch_server(thread->api, thread->server);
    if (status == SY_OK)
        status = sy_server_join(thread->server, gateway->group);
    if (status != SY_OK || index > 0 || gateway->admin_fd < 0)
        return status;
    memset(&events, 0, sizeof(events));
    sy_api_admin_events(thread->api, &events);
    status =
        sy_server_create(thread->loop, gateway->admin_fd, &limits, &events, &thread->admin, err);
    return status == SY_OK && gateway->tls ? sy_server_use_tls(thread->admin, gateway->tls)
                                           : status;
}

int gateway_threads_start(struct sy_gateway *gateway, unsigned count, struct sy_err *err)
{
    int status = sy_server_group_create(count, &gateway->group, err);

    for (unsigned i = 0; i < count && status == SY_OK; i++) {
        gateway->thread_count = i + 1;
        status = thread_parts(gateway, &gateway->threads[i], i, count, err);
        if (status == SY_OK)
            status = thread_listen(gateway, &gateway->threads[i], i, count, err);
    }
    for (unsigned i = 0; i < count && status == SY_OK; i++) {
        struct gateway_thread *thread = &gateway->threads[i];

        if (pthread_create(&thread->thread, NULL, thread_main, thread) != 0)
            status = sy_err_set(err, SY_UNAVAILABLE, "thread %u cannot be started", i);
        else
            thread->started = true;
    }
    return status;
}

static void engine_drained(void *ctx)
{
    struct gateway_thread *thread = ctx;

    sy_loop_stop(thread->loop);
}

static void server_drained(void *ctx)
{
    struct gateway_thread *thread = ctx;

    if (--thread->undrained == 0)
        sy_engine_drain(thread->engine, engine_drained, thread);
}

static void grace_over(struct sy_loop *loop, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(loop);
}

static void let_go(struct gateway_thread *thread, struct sy_server *server)
{
    if (server && thread->gateway->handed_over)
        sy_server_retire(server, server_drained, thread);
    else if (server)
        sy_server_drain(server, server_drained, thread);
}

/* No accepted call is lost: connections go first, each when it has its answer; then what goes on
 * without one (a write whose client left, a question to the store). */
static void drain_thread(struct sy_loop *loop, struct sy_task *task)
{
    struct gateway_thread *thread = task->ctx;

    thread->undrained = thread->admin ? 2 : 1;
    thread->grace.fn = grace_over;
    thread->grace.ctx = thread;
    if (sy_timer_set(loop, &thread->grace, sy_loop_now_ms(loop) + thread->gateway->grace_ms) !=
        SY_OK)
        sy_loop_stop(loop);
    let_go(thread, thread->admin);
    let_go(thread, thread->server);
    /* Every backlog has been taken in: who comes now is refused at once instead of left waiting. */
    if (atomic_fetch_sub(&thread->gateway->accepting, 1) == 1) {
        close(thread->gateway->listen_fd);
        thread->gateway->listen_fd = -1;
    }
}

static void nothing(struct sy_store *store, struct sy_writer_job *job)
{
    (void)store;
    (void)job;
}

void gateway_threads_stop(struct sy_gateway *gateway, int64_t grace_ms)
{
    gateway->grace_ms = grace_ms;
    for (unsigned i = 0; i < gateway->thread_count; i++)
        if (gateway->threads[i].started)
            atomic_fetch_add(&gateway->accepting, 1);
    for (unsigned i = 0; i < gateway->thread_count; i++) {
        struct gateway_thread *thread = &gateway->threads[i];

        if (!thread->started)
            continue;
        thread->drain.fn = drain_thread;
        thread->drain.ctx = thread;
        sy_loop_post(thread->loop, &thread->drain);
    }
    for (unsigned i = 0; i < gateway->thread_count; i++)
        if (gateway->threads[i].started)
            pthread_join(gateway->threads[i].thread, NULL);
        else if (gateway->threads[i].engine)
            sy_engine_leave(gateway->threads[i].engine);
    /* What a cut-off call still asks of the store is done before its memory goes. */
    if (gateway->writer)
        sy_writer_run(gateway->writer, nothing, NULL);
    for (unsigned i = 0; i < gateway->thread_count; i++) {
        struct gateway_thread *thread = &gateway->threads[i];

        if (thread->server)
            sy_server_destroy(thread->server);
        if (thread->admin)
            sy_server_destroy(thread->admin);
        if (thread->api)
            sy_api_detach(thread->api);
        sy_engine_detach(thread->engine);
        if (thread->transfers)
            sy_transfers_destroy(thread->transfers);
    }
}
