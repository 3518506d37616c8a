/*
 * A multi handle on the loop. A socket is registered once, level-triggered, and stays registered
 * while its connection is idle, so that a small call costs no epoll_ctl; what nobody wants any more
 * is taken out when it fires.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/transfers_int.h"

#define ALWAYS (EPOLLIN | EPOLLRDHUP)

static void harvest(struct sy_net_pool *pool)
{
    CURLMsg *message;
    int left;

    while ((message = curl_multi_info_read(pool->multi, &left))) {
        struct sy_transfer *transfer = NULL;
        CURLcode code = message->data.result;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
        sy_transfer_finished(transfer, code);
    }
}

static void act(struct sy_net_pool *pool, curl_socket_t fd, int mask)
{
    int running;

    curl_multi_socket_action(pool->multi, fd, mask, &running);
    harvest(pool);
}

/* ---- sockets ---- */

struct sy_net_socket *sy_net_socket_of(const struct sy_curl_transfers *transfers, int fd)
{
    return fd >= 0 && (size_t)fd < transfers->sockets_cap ? transfers->sockets[fd] : NULL;
}

static void socket_ready(struct sy_loop *loop, struct sy_watch *watch, uint32_t events)
{
    struct sy_net_socket *socket = watch->ctx;
    uint32_t hurt = events & (EPOLLERR | EPOLLHUP);
    int mask = 0;

    if (socket->wanted == 0) {
        /* An idle connection was closed or spoke out of turn. What it said after its last reply
         * libcurl would take for the answer to the next request, which may be another tenant's: a
         * socket that is shut is found dead when libcurl looks. Frames of HTTP/2 name their own. */
        if (!socket->pool->http2)
            (void)shutdown(watch->fd, SHUT_RDWR);
        sy_loop_unwatch(loop, watch);
        socket->watched = false;
        return;
    }
    if (events & EPOLLRDHUP)
        events |= EPOLLIN;
    if (!hurt && !(events & socket->wanted)) {
        /* Not what libcurl waits for: it would come again and again. */
        (void)sy_loop_rewatch(loop, watch, socket->wanted);
        return;
    }
    if (events & EPOLLIN)
        mask |= CURL_CSELECT_IN;
    if (events & EPOLLOUT)
        mask |= CURL_CSELECT_OUT;
    if (hurt)
        mask |= CURL_CSELECT_ERR;
    act(socket->pool, watch->fd, mask);
}

static int sockets_reach(struct sy_curl_transfers *transfers, size_t fd)
{
    size_t cap = transfers->sockets_cap ? transfers->sockets_cap : 64;
    struct sy_net_socket **grown;

    if (fd < transfers->sockets_cap)
        return SY_OK;
    while (cap <= fd)
        cap *= 2;
    grown = realloc(transfers->sockets, cap * sizeof(struct sy_net_socket *));
    if (!grown)
        return SY_NOMEM;
    memset(grown + transfers->sockets_cap, 0,
           (cap - transfers->sockets_cap) * sizeof(struct sy_net_socket *));
    transfers->sockets = grown;
    transfers->sockets_cap = cap;
    return SY_OK;
}

static void socket_drop(struct sy_curl_transfers *transfers, struct sy_net_socket *socket)
{
    if (socket->watched)
        sy_loop_unwatch(transfers->loop, &socket->watch);
    if (socket->host)
        socket->host->links--;
    transfers->sockets[socket->watch.fd] = NULL;
    free(socket);
}

struct sy_net_socket *sy_net_socket_add(struct sy_net_pool *pool, int fd)
{
    struct sy_net_socket *socket;

    if (sockets_reach(pool->owner, (size_t)fd) < 0)
        return NULL;
    /* libcurl closes a socket that never connected without telling. */
    if (pool->owner->sockets[fd])
        socket_drop(pool->owner, pool->owner->sockets[fd]);
    socket = calloc(1, sizeof(*socket));
    if (!socket)
        return NULL;
    socket->watch = (struct sy_watch){.fd = fd, .fn = socket_ready, .ctx = socket};
    socket->pool = pool;
    pool->owner->sockets[fd] = socket;
    return socket;
}

void sy_net_sockets_free(struct sy_curl_transfers *transfers)
{
    for (size_t fd = 0; fd < transfers->sockets_cap; fd++) {
        if (transfers->sockets[fd])
            socket_drop(transfers, transfers->sockets[fd]);
    }
    free(transfers->sockets);
}

int sy_net_socket_close(void *transfers, curl_socket_t fd)
{
    struct sy_net_socket *socket = sy_net_socket_of(transfers, fd);

    if (socket)
        socket_drop(transfers, socket);
    return close(fd);
}

/* What libcurl wants of a socket from now on. Never answers an error: it would end the whole multi
 * handle, while a socket that cannot be watched only costs its transfer the deadline. */
static int socket_wanted(CURL *easy, curl_socket_t fd, int what, void *ctx, void *socket_ctx)
{
    struct sy_net_pool *pool = ctx;
    struct sy_net_socket *socket = sy_net_socket_of(pool->owner, fd);
    struct sy_loop *loop = pool->owner->loop;
    uint32_t events;

    (void)easy;
    (void)socket_ctx;
    if (!socket)
        return 0;
    socket->wanted = 0;
    if (what == CURL_POLL_IN || what == CURL_POLL_INOUT)
        socket->wanted |= EPOLLIN;
    if (what == CURL_POLL_OUT || what == CURL_POLL_INOUT)
        socket->wanted |= EPOLLOUT;
    events = ALWAYS | (socket->wanted & EPOLLOUT);
    if (socket->watched && socket->watch.events == events)
        return 0;
    if (socket->wanted == 0) {
        /* It never got as far as being idle; libcurl may have closed it without a word. */
        if (socket->watched)
            sy_loop_unwatch(loop, &socket->watch);
        socket->watched = false;
    } else if (!socket->watched) {
        socket->watched = sy_loop_watch(loop, &socket->watch, events) == SY_OK;
    } else {
        (void)sy_loop_rewatch(loop, &socket->watch, events);
    }
    return 0;
}

/* ---- time ---- */

static void kick(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    act(task->ctx, CURL_SOCKET_TIMEOUT, 0);
}

static void timer_due(struct sy_loop *loop, struct sy_timer *timer)
{
    (void)loop;
    act(timer->ctx, CURL_SOCKET_TIMEOUT, 0);
}

static int timer_wanted(CURLM *multi, long timeout_ms, void *ctx)
{
    struct sy_net_pool *pool = ctx;
    struct sy_loop *loop = pool->owner->loop;

    (void)multi;
    if (timeout_ms > 0)
        return sy_timer_set(loop, &pool->timer, sy_loop_now_ms(loop) + timeout_ms) == SY_OK ? 0
                                                                                            : -1;
    sy_timer_cancel(loop, &pool->timer);
    if (timeout_ms == 0)
        sy_loop_defer(loop, &pool->kick);
    return 0;
}

/* ---- life ---- */

struct sy_net_pool *sy_net_pool_create(struct sy_curl_transfers *transfers, bool http2)
{
    struct sy_net_pool *pool = calloc(1, sizeof(*pool));
    long per_host = (long)transfers->options.connections_per_host;

    if (!pool)
        return NULL;
    pool->owner = transfers;
    pool->http2 = http2;
    pool->generation = ++transfers->generation;
    pool->timer = (struct sy_timer){.fn = timer_due, .ctx = pool};
    pool->kick = (struct sy_task){.fn = kick, .ctx = pool};
    pool->multi = curl_multi_init();
    if (!pool->multi) {
        free(pool);
        return NULL;
    }
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETFUNCTION, socket_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_SOCKETDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERFUNCTION, timer_wanted);
    curl_multi_setopt(pool->multi, CURLMOPT_TIMERDATA, pool);
    curl_multi_setopt(pool->multi, CURLMOPT_PIPELINING, http2 ? CURLPIPE_MULTIPLEX : 0L);
    curl_multi_setopt(pool->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
    curl_multi_setopt(pool->multi, CURLMOPT_MAXCONNECTS, per_host > 64 ? per_host * 4 : 256L);
    return pool;
}

void sy_net_pool_free(struct sy_net_pool *pool)
{
    if (!pool)
        return;
    curl_multi_cleanup(pool->multi);
    sy_timer_cancel(pool->owner->loop, &pool->timer);
    sy_loop_undefer(pool->owner->loop, &pool->kick);
    free(pool);
}

void sy_net_pool_retire(struct sy_net_pool *pool)
{
    pool->retired = true;
    pool->next = pool->owner->retired;
    pool->owner->retired = pool;
    sy_net_pool_left(pool);
}

void sy_net_pool_left(struct sy_net_pool *pool)
{
    /* Not here and now: libcurl may be calling. */
    if (pool->retired && pool->active == 0)
        sy_loop_defer(pool->owner->loop, &pool->owner->reap);
}
