/* A connection from accept to close: its watch, its phases' events, and how it ends. */
#include "net/server_conn.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

bool sy_conn_has_output(const struct sy_conn *conn)
{
    return conn->out.len > conn->out_done;
}

/* What the phase listens for. While a handler works, RDHUP tells that the client left even when its
 * read-ahead is full; while a reply is written, only a lost connection matters, which epoll always
 * reports. */
static uint32_t events_of(const struct sy_conn *conn)
{
    uint32_t out = sy_conn_has_output(conn) || conn->tls_wants_out ? EPOLLOUT : 0;

    switch (conn->phase) {
    case SY_CONN_HEAD:
    case SY_CONN_BODY:
    case SY_CONN_LINGER:
        return EPOLLIN | EPOLLRDHUP | out;
    case SY_CONN_HANDLER:
        return (conn->in_len < SY_CONN_PIPELINE_MAX ? EPOLLIN : 0) | EPOLLRDHUP | out;
    case SY_CONN_FLUSH:
    case SY_CONN_CLOSED:
        break;
    }
    return out;
}

bool sy_conn_has_unread(const struct sy_conn *conn)
{
    return conn->tls && conn->phase != SY_CONN_CLOSED && events_of(conn) & EPOLLIN &&
           sy_conn_tls_pending(conn);
}

void sy_conn_rewatch(struct sy_conn *conn)
{
    uint32_t events = events_of(conn);

    if (conn->phase == SY_CONN_CLOSED)
        return;
    if (sy_conn_has_unread(conn))
        sy_conn_chore(conn);
    if (events == conn->watch.events)
        return;
    if (sy_loop_rewatch(conn->server->loop, &conn->watch, events) < 0)
        sy_conn_close(conn);
}

/* Reads and throws away until the client has closed, too, or has had enough of us. */
static void linger_readable(struct sy_conn *conn)
{
    ssize_t got = recv(conn->watch.fd, conn->server->scratch, sizeof(conn->server->scratch), 0);

    if (got < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (got <= 0 || (size_t)got >= conn->linger_left)
        sy_conn_close(conn);
    else
        conn->linger_left -= (size_t)got;
}

/* What TLS has to do first; false when there is nothing left to do for the event. */
static bool tls_event(struct sy_conn *conn, uint32_t *events)
{
    if (*events & EPOLLOUT && conn->tls_wants_out) {
        conn->tls_wants_out = false;
        *events |= EPOLLIN;
        sy_conn_rewatch(conn);
    }
    return conn->phase != SY_CONN_CLOSED && sy_conn_tls_handshake(conn);
}

static void on_event(struct sy_loop *loop, struct sy_watch *watch, uint32_t events)
{
    struct sy_conn *conn = watch->ctx;

    (void)loop;
    if (events & EPOLLERR || (events & EPOLLHUP && !(events & EPOLLIN))) {
        sy_conn_close(conn);
        return;
    }
    if (conn->tls && !tls_event(conn, &events))
        return;
    if (events & EPOLLOUT)
        sy_conn_flush(conn);
    if (!(events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP)))
        return;
    if (conn->phase == SY_CONN_LINGER)
        linger_readable(conn);
    else if (conn->phase == SY_CONN_HANDLER && events & (EPOLLRDHUP | EPOLLHUP))
        sy_conn_close(conn);
    else
        sy_conn_readable(conn);
}

static unsigned char peer_text(const struct sockaddr_storage *address, char out[SY_CONN_PEER_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";
    int len = 0;

    if (address->ss_family == AF_INET) {
        const struct sockaddr_in *in = (const void *)address;

        inet_ntop(AF_INET, &in->sin_addr, host, sizeof(host));
        len = snprintf(out, SY_CONN_PEER_TEXT, "%s:%u", host, ntohs(in->sin_port));
    } else if (address->ss_family == AF_INET6) {
        const struct sockaddr_in6 *in6 = (const void *)address;

        inet_ntop(AF_INET6, &in6->sin6_addr, host, sizeof(host));
        len = snprintf(out, SY_CONN_PEER_TEXT, "[%s]:%u", host, ntohs(in6->sin6_port));
    }
    return (unsigned char)(len < 0 ? 0 : len);
}

void sy_conn_open(struct sy_server *server, int fd, const struct sockaddr_storage *address)
{
    struct sy_conn *conn = calloc(1, sizeof(*conn));

    if (!conn) {
        close(fd);
        sy_server_uncount(server);
        return;
    }
    conn->server = server;
    conn->watch = (struct sy_watch){.fd = fd, .fn = on_event, .ctx = conn};
    conn->timer = (struct sy_timer){.fn = sy_conn_expired, .ctx = conn};
    conn->peer_len = peer_text(address, conn->peer);
    conn->next = server->conns;
    if (conn->next)
        conn->next->prev = conn;
    server->conns = conn;
    server->conn_count++;
    sy_buf_init(&conn->out, SY_CONN_OUT_MAX);
    conn->head_timed = true;
    if ((server->tls && !sy_conn_tls_begin(conn)) ||
        sy_loop_watch(server->loop, &conn->watch, events_of(conn)) < 0)
        sy_conn_close(conn);
    else
        sy_conn_deadline(conn, server->draining ? SY_CONN_DRAIN_FIRST_MS
                                                : server->limits.head_deadline_ms);
}

void sy_conn_close(struct sy_conn *conn)
{
    struct sy_exchange *x = conn->x;
    void (*on_hangup)(struct sy_exchange * gone, void *ctx) = x ? x->on_hangup : NULL;

    if (conn->phase == SY_CONN_CLOSED)
        return;
    conn->phase = SY_CONN_CLOSED;
    sy_loop_unwatch(conn->server->loop, &conn->watch);
    sy_timer_cancel(conn->server->loop, &conn->timer);
    sy_conn_tls_end(conn, /* notify= */ !sy_conn_has_output(conn));
    close(conn->watch.fd);
    conn->watch.fd = -1;
    sy_conn_input_drop(conn);
    sy_buf_release(&conn->out);
    conn->out_done = 0;
    sy_server_discharge(conn->server, &conn->charged, conn->charged);
    if (on_hangup) {
        x->on_hangup = NULL;
        on_hangup(x, x->hangup_ctx);
    } else if (x && !x->owned) {
        sy_exchange_finish(x);
    }
    if (!conn->x)
        sy_conn_chore(conn);
}

void sy_conn_reset(struct sy_conn *conn)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (conn->phase != SY_CONN_CLOSED) {
        sy_conn_tls_end(conn, /* notify= */ false);
        (void)setsockopt(conn->watch.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    }
    sy_conn_close(conn);
}

void sy_conn_finish(struct sy_conn *conn)
{
    /* Closing with unread bytes would send a reset, which can overtake the answer. */
    if (conn->phase == SY_CONN_CLOSED)
        return;
    sy_conn_tls_end(conn, /* notify= */ true);
    if ((!conn->linger && conn->in_len == 0) || shutdown(conn->watch.fd, SHUT_WR) < 0) {
        sy_conn_close(conn);
        return;
    }
    sy_conn_input_drop(conn);
    conn->phase = SY_CONN_LINGER;
    conn->linger_left = SY_CONN_LINGER_BYTES;
    sy_conn_deadline(conn, SY_CONN_LINGER_MS);
    sy_conn_rewatch(conn);
}

void sy_conn_free(struct sy_conn *conn)
{
    struct sy_server *server = conn->server;

    if (server) {
        if (conn->prev)
            conn->prev->next = conn->next;
        else
            server->conns = conn->next;
        if (conn->next)
            conn->next->prev = conn->prev;
        server->conn_count--;
        sy_server_uncount(server);
    }
    free(conn);
}
