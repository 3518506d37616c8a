/* The server on a loop: creation, drain, end, chores, and what a handler sees of an exchange. */
#include "net/server.h"

#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <unistd.h>

#include "net/server_conn.h"

#define RESPONSE_HEAD_MAX (64u << 10)

void sy_server_limits_default(struct sy_server_limits *limits)
{
    *limits = (struct sy_server_limits){
        .http = {.head_bytes = 32u << 10, .target_bytes = 8u << 10, .body_bytes = 4u << 20},
        .head_deadline_ms = 10000,
        .body_deadline_ms = 30000,
        .body_min_rate = 1000,
        .idle_ms = 60000,
        .write_deadline_ms = 30000,
        .connections = 10000,
        .requests_per_connection = 0,
        .memory = 256u << 20,
    };
}

void sy_conn_chore(struct sy_conn *conn)
{
    struct sy_server *server = conn->server;

    if (conn->chore)
        return;
    conn->chore = true;
    conn->chore_next = server->chore_list;
    server->chore_list = conn;
    sy_loop_defer(server->loop, &server->chores);
}

static void chore(struct sy_conn *conn)
{
    conn->chore = false;
    if (conn->phase != SY_CONN_CLOSED) {
        sy_conn_process(conn);
        if (sy_conn_has_unread(conn))
            sy_conn_readable(conn);
    } else if (!conn->x) {
        sy_conn_free(conn);
    }
}

static void run_chores(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_server *server = task->ctx;
    void (*on_drained)(void *ctx) = NULL;

    (void)loop;
    while (server->chore_list) {
        struct sy_conn *conn = server->chore_list;

        server->chore_list = conn->chore_next;
        chore(conn);
    }
    if (server->conn_count < server->limits.connections)
        (void)sy_server_listener_on(server);
    if (server->draining && server->conn_count == 0) {
        on_drained = server->on_drained;
        server->on_drained = NULL;
    }
    /* Last, because it may destroy the server. */
    if (on_drained)
        on_drained(server->drained_ctx);
}

int sy_server_create(struct sy_loop *loop, int listen_fd, const struct sy_server_limits *limits,
                     const struct sy_server_events *events, struct sy_server **ret_server,
                     struct sy_err *err)
{
    struct sy_server *server = calloc(1, sizeof(*server));
    int one = 1;

    if (!server)
        return sy_err_set(err, SY_NOMEM, "no memory for a server");
    server->loop = loop;
    server->limits = *limits;
    server->events = *events;
    server->listener.fd = listen_fd;
    server->reserve_fd = -1;
    server->resume_accept = (struct sy_timer){.fn = sy_server_accept_resume, .ctx = server};
    server->chores = (struct sy_task){.fn = run_chores, .ctx = server};
    sy_buf_init(&server->head, RESPONSE_HEAD_MAX);
    /* Accepted sockets inherit it. */
    (void)setsockopt(listen_fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    if (sy_server_listener_on(server) < 0) {
        sy_server_destroy(server);
        return sy_err_set(err, SY_ERR, "the listening descriptor cannot be watched");
    }
    *ret_server = server;
    return SY_OK;
}

/* A client that just connected is about to send: it gets a moment. One that idles between requests
 * is read once more, because its next request may be here already. */
static void drain_conn(struct sy_conn *conn)
{
    if (conn->phase != SY_CONN_HEAD || conn->in_len > 0)
        return;
    if (conn->requests == 0) {
        sy_conn_deadline(conn, SY_CONN_DRAIN_FIRST_MS);
        return;
    }
    sy_conn_readable(conn);
    if (conn->phase == SY_CONN_HEAD && conn->in_len == 0)
        sy_conn_close(conn);
}

static void begin_drain(struct sy_server *server, void (*on_drained)(void *ctx), void *ctx)
{
    server->on_drained = on_drained;
    server->drained_ctx = ctx;
    server->draining = true;
    sy_server_leave(server, /* drop= */ false);
    sy_loop_defer(server->loop, &server->chores);
}

void sy_server_retire(struct sy_server *server, void (*on_drained)(void *ctx), void *ctx)
{
    if (server->draining)
        return;
    begin_drain(server, on_drained, ctx);
    sy_server_listener_off(server);
    sy_timer_cancel(server->loop, &server->resume_accept);
}

void sy_server_drain(struct sy_server *server, void (*on_drained)(void *ctx), void *ctx)
{
    if (server->draining)
        return;
    begin_drain(server, on_drained, ctx);
    /* Clients in the backlog are connected as far as they know. */
    if (server->listening)
        sy_server_accept_batch(server, server->limits.connections);
    sy_server_listener_off(server);
    sy_timer_cancel(server->loop, &server->resume_accept);
    for (struct sy_conn *conn = server->conns; conn; conn = conn->next)
        drain_conn(conn);
}

void sy_server_destroy(struct sy_server *server)
{
    struct sy_conn *next;

    if (!server)
        return;
    server->draining = true;
    sy_server_leave(server, /* drop= */ true);
    sy_server_listener_off(server);
    sy_timer_cancel(server->loop, &server->resume_accept);
    for (struct sy_conn *conn = server->conns; conn; conn = next) {
        next = conn->next;
        sy_conn_close(conn);
        conn->server = NULL;
        if (!conn->x)
            sy_conn_free(conn);
    }
    sy_loop_undefer(server->loop, &server->chores);
    sy_server_pools_release(server);
    sy_server_tls_release(server);
    if (server->reserve_fd >= 0)
        close(server->reserve_fd);
    free(server);
}

unsigned sy_server_connections(const struct sy_server *server)
{
    return server->conn_count;
}

const struct sy_http_head *sy_exchange_head(const struct sy_exchange *x)
{
    return &x->head;
}

struct sy_str sy_exchange_body(const struct sy_exchange *x)
{
    return x->body;
}

struct sy_arena *sy_exchange_arena(struct sy_exchange *x)
{
    return &x->arena;
}

struct sy_loop *sy_exchange_loop(struct sy_exchange *x)
{
    return x->loop;
}

struct sy_str sy_exchange_peer(const struct sy_exchange *x)
{
    return sy_str_from(x->conn->peer, x->conn->peer_len);
}

int64_t sy_exchange_started_us(const struct sy_exchange *x)
{
    return x->started_us;
}

void sy_exchange_set_state(struct sy_exchange *x, void *state)
{
    x->state = state;
}

void *sy_exchange_state(const struct sy_exchange *x)
{
    return x->state;
}

void sy_exchange_on_hangup(struct sy_exchange *x, void (*fn)(struct sy_exchange *x, void *ctx),
                           void *ctx)
{
    x->on_hangup = fn;
    x->hangup_ctx = ctx;
}
