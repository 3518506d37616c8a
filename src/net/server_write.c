/* The write side: replies, refusals, raw bytes; one writev each, the rest when the socket asks. */
#include <errno.h>
#include <string.h>

#include "net/server_conn.h"

/* After a reply: the next request, or the end. */
static void reply_sent(struct sy_conn *conn)
{
    if (conn->closing) {
        sy_conn_finish(conn);
        return;
    }
    conn->phase = SY_CONN_HEAD;
    conn->head_timed = false;
    if (!conn->processing) {
        sy_conn_rewatch(conn);
        if (conn->phase != SY_CONN_CLOSED && conn->in_len > 0)
            sy_conn_chore(conn);
    }
    if (conn->phase == SY_CONN_HEAD)
        sy_conn_deadline(conn, conn->server->limits.idle_ms);
}

static size_t skip_sent(struct iovec *iov, size_t count, size_t sent)
{
    size_t i = 0;

    while (i < count && sent >= iov[i].iov_len)
        sent -= iov[i++].iov_len;
    if (i < count) {
        iov[i].iov_base = (char *)iov[i].iov_base + sent;
        iov[i].iov_len -= sent;
    }
    return i;
}

static bool keep_rest(struct sy_conn *conn, const struct iovec *iov, size_t count)
{
    size_t cap = conn->out.cap;
    size_t more = 0;

    for (size_t i = 0; i < count; i++)
        more += iov[i].iov_len;
    if (!sy_server_charge(conn->server, &conn->charged, more) || !sy_buf_reserve(&conn->out, more))
        return false;
    sy_server_discharge(conn->server, &conn->charged, more);
    for (size_t i = 0; i < count; i++)
        sy_buf_append(&conn->out, sy_str_from(iov[i].iov_base, iov[i].iov_len));
    return sy_server_charge(conn->server, &conn->charged, conn->out.cap - cap);
}

void sy_conn_send(struct sy_conn *conn, struct iovec *iov, size_t count)
{
    ssize_t sent = 0;
    size_t first;

    if (!sy_conn_has_output(conn)) {
        sent = sy_conn_sendmsg(conn, iov, count);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            sy_conn_close(conn);
            return;
        }
    }
    conn->sent += sent > 0 ? (uint64_t)sent : 0;
    first = skip_sent(iov, count, sent > 0 ? (size_t)sent : 0);
    if (first == count)
        return;
    if (!keep_rest(conn, iov + first, count - first)) {
        sy_conn_close(conn);
        return;
    }
    if (conn->phase != SY_CONN_BODY)
        sy_conn_write_deadline(conn);
    if (conn->phase != SY_CONN_CLOSED)
        sy_conn_rewatch(conn);
}

/* sendmsg only reads, but struct iovec has no const. */
static struct iovec iovec_of(struct sy_str bytes)
{
    union {
        const char *in;
        char *out;
    } start = {bytes.ptr};

    return (struct iovec){start.out, bytes.len};
}

void sy_conn_send_str(struct sy_conn *conn, struct sy_str bytes)
{
    struct iovec iov = iovec_of(bytes);

    sy_conn_send(conn, &iov, 1);
}

void sy_conn_flush(struct sy_conn *conn)
{
    struct iovec left = {conn->out.ptr + conn->out_done, conn->out.len - conn->out_done};
    ssize_t sent;

    if (conn->phase == SY_CONN_CLOSED || left.iov_len == 0)
        return;
    sent = sy_conn_sendmsg(conn, &left, 1);
    if (sent < 0) {
        if (errno != EAGAIN && errno != EINTR)
            sy_conn_close(conn);
        return;
    }
    conn->sent += (uint64_t)sent;
    conn->out_done += (size_t)sent;
    if (sy_conn_has_output(conn))
        return;
    sy_server_discharge(conn->server, &conn->charged, conn->out.cap);
    sy_buf_release(&conn->out);
    conn->out_done = 0;
    if (conn->phase == SY_CONN_HANDLER)
        sy_conn_no_deadline(conn);
    if (conn->phase == SY_CONN_FLUSH)
        reply_sent(conn);
    sy_conn_rewatch(conn);
}

static struct sy_str date_text(struct sy_server *server)
{
    int64_t now_ms = sy_loop_unix_ms(server->loop);

    if (server->date_len == 0 || server->date_s != now_ms / 1000) {
        server->date_s = now_ms / 1000;
        server->date_len = sy_http_date(now_ms, server->date).len;
    }
    return sy_str_from(server->date, server->date_len);
}

/* Writes the head into the server's scratch; false if a header would have split the response. */
static bool build_head(struct sy_exchange *x, const struct sy_reply *reply, size_t body_len,
                       bool close)
{
    struct sy_server *server = x->conn->server;
    struct sy_http_header headers[SY_REPLY_HEADERS_MAX + 1];
    size_t count = 0;

    if (reply->header_count > SY_REPLY_HEADERS_MAX)
        return false;
    if (reply->content_type.ptr)
        headers[count++] = (struct sy_http_header){SY_STR("Content-Type"), reply->content_type};
    if (reply->header_count)
        memcpy(headers + count, reply->headers, reply->header_count * sizeof(*headers));
    sy_buf_clear(&server->head);
    sy_http_write_head(&server->head, reply->status, headers, count + reply->header_count, body_len,
                       close, date_text(server));
    return sy_buf_ok(&server->head);
}

static bool has_body(const struct sy_exchange *x, int status)
{
    return x->head.method != SY_HTTP_HEAD && status >= 200 && status != 204 && status != 304;
}

static void decide_close(struct sy_conn *conn, const struct sy_exchange *x, bool asked)
{
    const struct sy_server *server = conn->server;
    unsigned cap = server->limits.requests_per_connection;
    bool ours = asked || server->draining || conn->phase == SY_CONN_BODY ||
                (cap > 0 && conn->requests >= cap);

    conn->linger = conn->linger || ours;
    conn->closing = conn->closing || ours || !x->head.keep_alive || x->head.minor == 0;
}

static void write_reply(struct sy_conn *conn, struct sy_exchange *x, const struct sy_reply *reply)
{
    static const struct sy_reply broken = {.status = 500};
    struct iovec iov[1 + SY_REPLY_SLICES_MAX];
    const struct sy_buf *head = &conn->server->head;
    size_t body_len = 0;
    size_t count = 1;

    decide_close(conn, x, reply->close);
    for (unsigned i = 0; i < reply->body_count; i++)
        body_len += reply->body[i].len;
    if (!build_head(x, reply, body_len, conn->closing)) {
        conn->closing = true;
        reply = &broken;
        if (!build_head(x, reply, 0, true)) {
            sy_conn_close(conn);
            return;
        }
    }
    iov[0] = (struct iovec){head->ptr, head->len};
    for (unsigned i = 0; i < reply->body_count && has_body(x, reply->status); i++) {
        if (reply->body[i].len)
            iov[count++] = iovec_of(reply->body[i]);
    }
    conn->phase = SY_CONN_FLUSH;
    sy_conn_no_deadline(conn);
    sy_conn_send(conn, iov, count);
}

/* Gives the exchange back; what is left of the connection goes on, closes or is freed. */
static void end_exchange(struct sy_exchange *x)
{
    struct sy_conn *conn = x->conn;

    sy_exchange_finish(x);
    if (!conn->server)
        sy_conn_free(conn);
    else if (conn->phase == SY_CONN_CLOSED)
        sy_conn_chore(conn);
    else if (!sy_conn_has_output(conn))
        reply_sent(conn);
}

void sy_exchange_reply(struct sy_exchange *x, const struct sy_reply *reply)
{
    struct sy_conn *conn = x->conn;

    x->owned = true;
    x->on_hangup = NULL;
    if (conn->phase != SY_CONN_CLOSED)
        write_reply(conn, x, reply);
    end_exchange(x);
}

void sy_conn_refuse(struct sy_conn *conn, int status, const char *cause)
{
    const struct sy_server_events *events = &conn->server->events;
    struct sy_exchange *x = conn->x ? conn->x : sy_exchange_begin(conn);
    struct sy_reply reply = {.status = status, .close = true};

    if (!x) {
        sy_conn_close(conn);
        return;
    }
    x->owned = true;
    x->on_hangup = NULL;
    conn->linger = true;
    if (events->on_refusal) {
        events->on_refusal(x, status, cause, &reply.content_type, &reply.body[0], events->ctx);
        reply.body_count = 1;
    }
    if (events->on_refusal_headers)
        reply.header_count = events->on_refusal_headers(x, status, &reply.headers, events->ctx);
    sy_exchange_reply(x, &reply);
}

void sy_exchange_raw_write(struct sy_exchange *x, struct sy_str bytes)
{
    if (x->conn->phase != SY_CONN_CLOSED && bytes.len > 0)
        sy_conn_send_str(x->conn, bytes);
}

void sy_exchange_abort(struct sy_exchange *x, enum sy_exchange_end how)
{
    struct sy_conn *conn = x->conn;

    x->owned = true;
    x->on_hangup = NULL;
    conn->closing = true;
    conn->linger = conn->linger || conn->phase == SY_CONN_BODY;
    if (how == SY_END_RESET && conn->phase != SY_CONN_CLOSED)
        sy_conn_reset(conn);
    else if (conn->phase != SY_CONN_CLOSED)
        conn->phase = SY_CONN_FLUSH;
    end_exchange(x);
    if (conn->phase == SY_CONN_FLUSH)
        sy_conn_rewatch(conn);
}
