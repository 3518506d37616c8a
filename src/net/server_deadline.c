/* Deadlines of a connection. They are absolute: a client cannot move one by sending another byte.
 */
#include <linux/sockios.h>
#include <sys/ioctl.h>

#include "base/clock.h"
#include "net/server_conn.h"

static void set_deadline(struct sy_conn *conn, int64_t deadline_ms)
{
    conn->deadline_ms = deadline_ms;
    if (conn->timer.slot && conn->timer.due_ms <= conn->deadline_ms)
        return;
    if (sy_timer_set(conn->server->loop, &conn->timer, conn->deadline_ms) < 0)
        sy_conn_close(conn);
}

void sy_conn_deadline(struct sy_conn *conn, int64_t after_ms)
{
    set_deadline(conn, sy_loop_now_ms(conn->server->loop) + after_ms);
}

void sy_conn_no_deadline(struct sy_conn *conn)
{
    conn->deadline_ms = INT64_MAX;
}

static bool is_blank(const struct sy_conn *conn)
{
    for (size_t i = 0; i < conn->in_len; i++) {
        if (conn->in[i] != '\r' && conn->in[i] != '\n')
            return false;
    }
    return true;
}

/* What came so far may have been past saying: the parser is not asked for every single byte. */
static void head_expired(struct sy_conn *conn)
{
    struct sy_http_refusal refusal = {408, "request_timeout"};
    struct sy_server *server = conn->server;
    size_t consumed;

    if (is_blank(conn)) {
        sy_conn_close(conn);
        return;
    }
    (void)sy_http_head_parse(sy_str_from(conn->in, conn->in_len), &server->limits.http,
                             &server->parsed, &consumed, &refusal);
    sy_conn_refuse(conn, refusal.status, refusal.cause);
}

static void body_expired(struct sy_conn *conn)
{
    const struct sy_server_limits *limits = &conn->server->limits;
    int64_t elapsed_ms = sy_loop_now_ms(conn->server->loop) - conn->body_started_ms;
    int64_t left_ms = limits->body_deadline_ms - elapsed_ms;
    uint64_t got = conn->x->body_buf.len;

    if (left_ms <= 0 || (elapsed_ms >= SY_CONN_RATE_GRACE_MS &&
                         got < limits->body_min_rate * (uint64_t)elapsed_ms / 1000))
        sy_conn_refuse(conn, 408, "request_timeout");
    else
        sy_conn_deadline(conn, left_ms < 1000 ? left_ms : 1000);
}

/* What the client took is asked of the socket: epoll reports room only when a third of a send queue
 * of megabytes is free, which a slow and honest reader may not reach in time. */
static uint64_t delivered(const struct sy_conn *conn)
{
    uint64_t sent = conn->tls ? sy_conn_tls_written(conn) : conn->sent;
    int queued = 0;

    if (ioctl(conn->watch.fd, SIOCOUTQ, &queued) < 0 || queued < 0)
        queued = 0;
    return sent - (uint64_t)queued;
}

/* Not from the turn's clock: a turn that took long before it came to this reply would be taken off
 * the client's time. */
void sy_conn_write_deadline(struct sy_conn *conn)
{
    conn->delivered = delivered(conn);
    set_deadline(conn, sy_clock_ms() + conn->server->limits.write_deadline_ms);
}

static void write_expired(struct sy_conn *conn)
{
    if (delivered(conn) - conn->delivered < SY_CONN_WRITE_STEP)
        sy_conn_close(conn);
    else
        sy_conn_write_deadline(conn);
}

void sy_conn_expired(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_conn *conn = timer->ctx;

    if (conn->deadline_ms > sy_loop_now_ms(loop)) {
        if (conn->deadline_ms != INT64_MAX && sy_timer_set(loop, timer, conn->deadline_ms) < 0)
            sy_conn_close(conn);
        return;
    }
    switch (conn->phase) {
    case SY_CONN_HEAD:
        head_expired(conn);
        return;
    case SY_CONN_BODY:
        body_expired(conn);
        return;
    case SY_CONN_HANDLER: /* raw bytes that the client does not take */
    case SY_CONN_FLUSH:
        write_expired(conn);
        return;
    case SY_CONN_LINGER:
    case SY_CONN_CLOSED:
        sy_conn_close(conn);
        return;
    }
}
