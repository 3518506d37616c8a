/* The read side: bytes to requests. One recv per event; epoll tells again when there is more. */
#include <errno.h>
#include <string.h>

#include "net/server_conn.h"

#define TLS_HANDSHAKE 0x16
#define PARSE_EACH_BELOW 1024u /* see worth_parsing */

static size_t input_max(const struct sy_conn *conn)
{
    return conn->server->limits.http.head_bytes + SY_CONN_INPUT_SMALL;
}

static void overloaded(struct sy_conn *conn)
{
    sy_conn_refuse(conn, 503, "overloaded");
}

/* Bytes read; 0 when there is nothing to do, the connection being gone or dry. */
static size_t receive(struct sy_conn *conn, char *into, size_t room)
{
    ssize_t got = sy_conn_recv(conn, into, room);

    if (got > 0)
        return (size_t)got;
    if (got == 0 || (errno != EAGAIN && errno != EINTR))
        sy_conn_close(conn);
    return 0;
}

/* A client that announced the end of its requests and sends more is confused, or wants us to be. A
 * stray line end is old clients' habit. */
static bool contradicts_close(const struct sy_exchange *x, struct sy_str behind)
{
    for (size_t i = 0; i < behind.len && !x->head.keep_alive; i++) {
        if (behind.ptr[i] != '\r' && behind.ptr[i] != '\n')
            return true;
    }
    return false;
}

static void body_complete(struct sy_conn *conn, struct sy_str behind)
{
    struct sy_exchange *x = conn->x;

    if (contradicts_close(x, behind)) {
        sy_conn_refuse(conn, 400, "bytes_after_close");
        return;
    }
    if (!sy_conn_input_stash(conn, behind)) {
        overloaded(conn);
        return;
    }
    conn->phase = SY_CONN_HANDLER;
    sy_conn_no_deadline(conn);
    x->owned = true;
    conn->server->events.on_request(x, conn->server->events.ctx);
}

/* Room for `more` bytes of body, charged to the budget before they come. */
static char *body_room(struct sy_exchange *x, size_t more)
{
    struct sy_server *server = x->conn->server;
    struct sy_buf *body = &x->body_buf;
    size_t cap = body->cap;
    size_t need = more - (cap - body->len);
    char *room;

    if (cap - body->len >= more)
        return sy_buf_reserve(body, more);
    if (!sy_server_charge(server, &x->charged, need))
        return NULL;
    room = sy_buf_reserve(body, more);
    sy_server_discharge(server, &x->charged, need);
    server->held += body->cap - cap;
    x->charged += body->cap - cap;
    return room;
}

static bool body_append(struct sy_exchange *x, struct sy_str data)
{
    char *room;

    if (data.len == 0)
        return true;
    room = body_room(x, data.len);
    if (!room)
        return false;
    memcpy(room, data.ptr, data.len);
    sy_buf_grown(&x->body_buf, data.len);
    return true;
}

static void length_progress(struct sy_conn *conn)
{
    struct sy_exchange *x = conn->x;

    if (x->body_buf.len < x->head.content_length)
        return;
    x->body = sy_buf_str(&x->body_buf);
    body_complete(conn, (struct sy_str){NULL, 0});
}

static void read_length(struct sy_conn *conn)
{
    struct sy_exchange *x = conn->x;
    size_t left = (size_t)x->head.content_length - x->body_buf.len;
    size_t free_now = x->body_buf.cap - x->body_buf.len;
    size_t room = free_now > 0 ? free_now : SY_CONN_BODY_FIRST;
    char *into;

    if (room > left)
        room = left;
    into = body_room(x, room);
    if (!into) {
        overloaded(conn);
        return;
    }
    room = receive(conn, into, room);
    if (room == 0)
        return;
    sy_buf_grown(&x->body_buf, room);
    length_progress(conn);
}

static void feed_chunked(struct sy_conn *conn, struct sy_str bytes)
{
    struct sy_exchange *x = conn->x;
    uint64_t max = conn->server->limits.http.body_bytes;

    while (bytes.len > 0) {
        struct sy_http_refusal refusal = {400, "bad_chunk"};
        struct sy_str data = {NULL, 0};
        size_t consumed = 0;
        enum sy_http_verdict verdict =
            sy_http_chunked_feed(&x->chunked, bytes, max, &consumed, &data, &refusal);

        if (verdict == SY_HTTP_REFUSE) {
            sy_conn_refuse(conn, refusal.status, refusal.cause);
            return;
        }
        if (!body_append(x, data)) {
            overloaded(conn);
            return;
        }
        bytes = sy_str_skip(bytes, consumed);
        if (verdict == SY_HTTP_DONE) {
            x->body = sy_buf_str(&x->body_buf);
            body_complete(conn, bytes);
            return;
        }
        if (consumed == 0)
            return;
    }
}

static void read_chunked(struct sy_conn *conn)
{
    char *scratch = conn->server->scratch;
    size_t got = receive(conn, scratch, SY_CONN_SCRATCH);

    if (got > 0)
        feed_chunked(conn, sy_str_from(scratch, got));
}

/* The rest of the body is still to come. */
static void await_body(struct sy_conn *conn)
{
    const struct sy_server_limits *limits = &conn->server->limits;
    bool rated = limits->body_min_rate > 0 && SY_CONN_RATE_GRACE_MS < limits->body_deadline_ms;

    conn->body_started_ms = sy_loop_now_ms(conn->server->loop);
    sy_conn_deadline(conn, rated ? SY_CONN_RATE_GRACE_MS : limits->body_deadline_ms);
    if (conn->phase == SY_CONN_BODY && conn->x->head.expect_continue)
        sy_conn_send_str(conn, SY_STR("HTTP/1.1 100 Continue\r\n\r\n"));
}

static void start_length(struct sy_conn *conn, struct sy_str rest)
{
    const struct sy_server *server = conn->server;
    struct sy_exchange *x = conn->x;
    size_t length = (size_t)x->head.content_length;

    if (rest.len >= length) {
        x->body = sy_str_head(rest, length);
        body_complete(conn, sy_str_skip(rest, length));
        return;
    }
    sy_buf_init(&x->body_buf, length);
    if (length > server->limits.memory - server->held ||
        !body_room(x, length < SY_CONN_BODY_FIRST ? length : SY_CONN_BODY_FIRST) ||
        !body_append(x, rest)) {
        overloaded(conn);
        return;
    }
    x->head.expect_continue = x->head.expect_continue && rest.len == 0;
    await_body(conn);
}

static void start_chunked(struct sy_conn *conn, struct sy_str rest)
{
    struct sy_exchange *x = conn->x;

    sy_buf_init(&x->body_buf, conn->server->limits.http.body_bytes);
    feed_chunked(conn, rest);
    if (conn->x != x || conn->phase != SY_CONN_BODY)
        return;
    x->head.expect_continue = x->head.expect_continue && rest.len == 0;
    await_body(conn);
}

/* A complete head of `head_len` bytes stands at the start of the read buffer. */
static void start_request(struct sy_conn *conn, size_t head_len)
{
    struct sy_server *server = conn->server;
    struct sy_str rest = sy_str_from(conn->in + head_len, conn->in_len - head_len);
    struct sy_exchange *x = sy_exchange_begin(conn);

    if (!x) {
        sy_conn_close(conn);
        return;
    }
    memcpy(&x->head, &server->parsed,
           offsetof(struct sy_http_head, headers) +
               server->parsed.header_count * sizeof(server->parsed.headers[0]));
    conn->requests++;
    conn->phase = SY_CONN_BODY;
    if (server->events.on_head && !server->events.on_head(x, server->events.ctx)) {
        if (conn->x == x)
            sy_conn_close(conn);
        return;
    }
    if (conn->x != x || conn->phase == SY_CONN_CLOSED)
        return;
    switch (x->head.framing) {
    case SY_HTTP_NO_BODY:
        body_complete(conn, rest);
        return;
    case SY_HTTP_LENGTH:
        start_length(conn, rest);
        return;
    case SY_HTTP_CHUNKED:
        start_chunked(conn, rest);
        return;
    }
}

/* The parser starts over each time: a long head that drips in is looked at only when it has a new
 * line or has grown by an eighth, so that its cost stays linear. */
static bool worth_parsing(const struct sy_conn *conn)
{
    size_t fresh = conn->in_len - conn->in_parsed;

    return conn->in_len < PARSE_EACH_BELOW || fresh >= conn->in_parsed / 8 ||
           memchr(conn->in + conn->in_parsed, '\n', fresh) || conn->in_len >= input_max(conn);
}

static bool take_request(struct sy_conn *conn)
{
    struct sy_server *server = conn->server;
    struct sy_http_refusal refusal = {431, "headers_too_large"};
    enum sy_http_verdict verdict;
    size_t head_len;

    if (!worth_parsing(conn))
        return false;
    verdict = sy_http_head_parse(sy_str_from(conn->in, conn->in_len), &server->limits.http,
                                 &server->parsed, &head_len, &refusal);
    if (verdict == SY_HTTP_DONE) {
        start_request(conn, head_len);
        return true;
    }
    conn->in_parsed = conn->in_len;
    if (verdict == SY_HTTP_REFUSE || conn->in_len >= input_max(conn))
        sy_conn_refuse(conn, refusal.status, refusal.cause);
    return false;
}

static bool is_free(const struct sy_conn *conn)
{
    return conn->phase == SY_CONN_HEAD && conn->in_len > 0;
}

void sy_conn_process(struct sy_conn *conn)
{
    if (conn->processing)
        return;
    conn->processing = true;
    while (is_free(conn) && take_request(conn))
        continue;
    conn->processing = false;
    if (is_free(conn) && !conn->head_timed) {
        conn->head_timed = true;
        sy_conn_deadline(conn, conn->server->limits.head_deadline_ms);
    }
    if (conn->phase == SY_CONN_HEAD && conn->in_len == 0)
        sy_conn_input_drop(conn);
    sy_conn_rewatch(conn);
}

/* Into the read buffer: the next head, or what a client sends ahead while a handler works. */
static void read_input(struct sy_conn *conn, size_t max)
{
    size_t room = sy_conn_input_room(conn, max);
    size_t got;

    if (room == 0) {
        if (conn->phase == SY_CONN_HEAD)
            overloaded(conn);
        else
            sy_conn_close(conn);
        return;
    }
    got = receive(conn, conn->in + conn->in_len, room);
    if (got == 0) {
        if (conn->phase != SY_CONN_CLOSED && conn->in_len == 0)
            sy_conn_input_drop(conn);
        return;
    }
    if (conn->requests == 0 && conn->in_len == 0 && conn->in[0] == TLS_HANDSHAKE) {
        sy_conn_close(conn);
        return;
    }
    conn->in_len += got;
    sy_conn_process(conn);
}

void sy_conn_readable(struct sy_conn *conn)
{
    switch (conn->phase) {
    case SY_CONN_HEAD:
        read_input(conn, input_max(conn));
        return;
    case SY_CONN_HANDLER:
        read_input(conn, SY_CONN_PIPELINE_MAX);
        return;
    case SY_CONN_BODY:
        conn->processing = true;
        if (conn->x->head.framing == SY_HTTP_CHUNKED)
            read_chunked(conn);
        else
            read_length(conn);
        conn->processing = false;
        sy_conn_process(conn);
        return;
    case SY_CONN_FLUSH:
    case SY_CONN_LINGER:
    case SY_CONN_CLOSED:
        return;
    }
}
