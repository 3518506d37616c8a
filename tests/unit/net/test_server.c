#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <malloc.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/server.h"

#if defined(__SANITIZE_ADDRESS__)
#define HAVE_ASAN 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer)
#define HAVE_ASAN 1
#endif
#endif
#ifdef HAVE_ASAN
/* gcc's packages do not bring the header. */
size_t __sanitizer_get_current_allocated_bytes(void);
#endif

#define REPLY_BIG (8u << 20)
#define CLIENT_BYTES (REPLY_BIG + 4096)

/* One server on one loop, with a handler that does what the path says. */
static struct {
    struct sy_loop *loop;
    struct sy_server *server;
    struct sy_server_limits limits;
    struct sy_server_events events;
    int listen_fd;
    int port;
    struct sy_exchange *held; /* of GET /hold */
    unsigned requests;
    unsigned hangups;
    unsigned drained;
    unsigned refusals;
    bool reply_in_hangup;
    char *big;
    char last_body[64];
    struct sy_task later;
    struct sy_timer tick;
    struct sy_timer end;
    struct sy_turn_hook hook;
    bool (*done)(void *ctx);
    void *done_ctx;
} env;

static void reply_text(struct sy_exchange *x, int status, struct sy_str body)
{
    struct sy_reply reply = {
        .status = status,
        .content_type = SY_STR("text/plain"),
        .body = {body},
        .body_count = 1,
    };

    sy_exchange_reply(x, &reply);
}

static void reply_later(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    reply_text(task->ctx, 200, SY_STR("later"));
}

static void on_hangup(struct sy_exchange *x, void *ctx)
{
    (void)ctx;
    env.hangups++;
    if (env.reply_in_hangup) {
        env.held = NULL;
        reply_text(x, 200, SY_STR("too late"));
    }
}

static void reply_split(struct sy_exchange *x)
{
    static const struct sy_http_header evil = {SY_STR_INIT("X-A"),
                                               SY_STR_INIT("b\r\nSet-Cookie: c")};
    struct sy_reply reply = {.status = 200, .headers = &evil, .header_count = 1};

    sy_exchange_reply(x, &reply);
}

static void reply_pieces(struct sy_exchange *x)
{
    static const struct sy_http_header header = {SY_STR_INIT("X-A"), SY_STR_INIT("b")};
    struct sy_reply reply = {
        .status = 201,
        .headers = &header,
        .header_count = 1,
        .body = {SY_STR("one "), SY_STR(""), sy_exchange_peer(x), SY_STR(" three")},
        .body_count = 4,
    };

    sy_exchange_reply(x, &reply);
}

static void on_request(struct sy_exchange *x, void *ctx)
{
    struct sy_str path = sy_exchange_head(x)->path;
    struct sy_str body = sy_exchange_body(x);

    (void)ctx;
    env.requests++;
    if (sy_str_eq(path, SY_STR("/echo"))) {
        reply_text(x, 200, body);
    } else if (sy_str_eq(path, SY_STR("/later"))) {
        env.later = (struct sy_task){.fn = reply_later, .ctx = x};
        sy_loop_defer(env.loop, &env.later);
    } else if (sy_str_eq(path, SY_STR("/hold"))) {
        sy_exchange_on_hangup(x, on_hangup, NULL);
        env.held = x;
    } else if (sy_str_eq(path, SY_STR("/big"))) {
        reply_text(x, 200, sy_str_from(env.big, REPLY_BIG));
    } else if (sy_str_eq(path, SY_STR("/split"))) {
        reply_split(x);
    } else if (sy_str_eq(path, SY_STR("/pieces"))) {
        reply_pieces(x);
    } else if (sy_str_eq(path, SY_STR("/garbage"))) {
        sy_exchange_raw_write(x, SY_STR("garb"));
        sy_exchange_raw_write(x, SY_STR("age"));
        sy_exchange_abort(x, SY_END_CLOSE);
    } else if (sy_str_eq(path, SY_STR("/reset"))) {
        sy_exchange_raw_write(x, SY_STR("half"));
        sy_exchange_abort(x, SY_END_RESET);
    } else {
        reply_text(x, 200, SY_STR("ok"));
    }
}

static bool on_head(struct sy_exchange *x, void *ctx)
{
    struct sy_str path = sy_exchange_head(x)->path;

    (void)ctx;
    if (sy_str_eq(path, SY_STR("/abort-at-head"))) {
        sy_exchange_abort(x, SY_END_CLOSE);
        return false;
    }
    if (sy_str_eq(path, SY_STR("/reset-at-head"))) {
        sy_exchange_abort(x, SY_END_RESET);
        return false;
    }
    if (sy_str_eq(path, SY_STR("/reply-at-head"))) {
        reply_text(x, 401, SY_STR("no"));
        return false;
    }
    return true;
}

static void on_refusal(struct sy_exchange *x, int status, const char *cause,
                       struct sy_str *ret_content_type, struct sy_str *ret_body, void *ctx)
{
    (void)ctx;
    env.refusals++;
    *ret_content_type = SY_STR("text/plain");
    *ret_body = sy_arena_printf(sy_exchange_arena(x), "%d because %s", status, cause);
}

static void on_turn(struct sy_loop *loop, void *ctx)
{
    (void)ctx;
    if (env.done && env.done(env.done_ctx))
        sy_loop_stop(loop);
}

static void on_tick(struct sy_loop *loop, struct sy_timer *timer)
{
    sy_timer_set(loop, timer, sy_loop_now_ms(loop) + 1);
}

static void on_end(struct sy_loop *loop, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(loop);
}

static void start(void)
{
    assert_int_equal(
        sy_server_create(env.loop, env.listen_fd, &env.limits, &env.events, &env.server, NULL),
        SY_OK);
}

static int set_up(void **state)
{
    (void)state;
    memset(&env, 0, sizeof(env));
    env.big = malloc(REPLY_BIG);
    for (size_t i = 0; i < REPLY_BIG; i++)
        env.big[i] = (char)('a' + i * 7 % 26);
    sy_server_limits_default(&env.limits);
    env.events = (struct sy_server_events){.on_request = on_request, .on_refusal = on_refusal};
    env.tick.fn = on_tick;
    env.end.fn = on_end;
    env.hook.fn = on_turn;
    if (sy_loop_create(0, &env.loop, NULL) < 0 ||
        sy_listen(SY_STR("127.0.0.1:0"), &env.listen_fd, NULL) < 0)
        return -1;
    env.port = sy_listen_port(env.listen_fd);
    sy_loop_on_turn_end(env.loop, &env.hook);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    sy_server_destroy(env.server);
    sy_loop_destroy(env.loop);
    close(env.listen_fd);
    free(env.big);
    return 0;
}

/* Runs the loop until `done` or for `ms`; true if `done`. */
static bool run_until(bool (*done)(void *ctx), void *ctx, int64_t ms)
{
    int64_t now_ms = sy_clock_ms();

    env.done = done;
    env.done_ctx = ctx;
    sy_timer_set(env.loop, &env.tick, now_ms + 1);
    sy_timer_set(env.loop, &env.end, now_ms + ms);
    sy_loop_run(env.loop);
    sy_timer_cancel(env.loop, &env.tick);
    sy_timer_cancel(env.loop, &env.end);
    env.done = NULL;
    return done && done(ctx);
}

static void run_for(int64_t ms)
{
    run_until(NULL, NULL, ms);
}

/* A client on a non-blocking socket of its own. */
struct client {
    int fd;
    char *bytes;
    size_t len;
    size_t want;
    bool closed;
    bool reset;
    bool paused; /* does not read */
};

static void client_open(struct client *client)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)env.port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };

    *client = (struct client){.fd = socket(AF_INET, SOCK_STREAM, 0)};
    assert_true(client->fd >= 0);
    client->bytes = calloc(1, CLIENT_BYTES);
    assert_non_null(client->bytes);
    assert_int_equal(connect(client->fd, (struct sockaddr *)&address, sizeof(address)), 0);
}

static void client_close(struct client *client)
{
    close(client->fd);
    free(client->bytes);
}

static void client_send(struct client *client, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(client->fd, text, len, MSG_NOSIGNAL), len);
}

static void client_read(struct client *client)
{
    ssize_t got = 1;

    while (got > 0 && client->len < CLIENT_BYTES - 1 && !client->closed && !client->paused) {
        got = recv(client->fd, client->bytes + client->len, CLIENT_BYTES - 1 - client->len,
                   MSG_DONTWAIT);
        if (got > 0)
            client->len += (size_t)got;
        client->closed = got == 0 || (got < 0 && errno != EAGAIN);
        client->reset = client->reset || (got < 0 && errno == ECONNRESET);
    }
}

static bool client_has_want(void *ctx)
{
    struct client *client = ctx;

    client_read(client);
    return client->len >= client->want || client->closed;
}

static bool client_is_closed(void *ctx)
{
    struct client *client = ctx;

    client_read(client);
    return client->closed;
}

/* Waits until exactly `text` more is there. */
static void client_expect(struct client *client, const char *text)
{
    size_t from = client->want;

    client->want += strlen(text);
    run_until(client_has_want, client, 5000);
    client->bytes[client->len] = '\0';
    assert_string_equal(client->bytes + from, text);
}

/* Waits for a response whose head starts with `status_line` and whose body is `body`; gives back
 * its head. */
static const char *client_response(struct client *client, const char *status_line, const char *body)
{
    char *at = client->bytes + client->want;
    char *end;

    client_read(client);
    client->bytes[client->len] = '\0';
    end = strstr(at, "\r\n\r\n");
    while (!end && !client->closed) {
        client->want = client->len + 1;
        if (!run_until(client_has_want, client, 5000))
            break;
        client->bytes[client->len] = '\0';
        end = strstr(at, "\r\n\r\n");
    }
    assert_non_null(end);
    assert_memory_equal(at, status_line, strlen(status_line));
    client->want = (size_t)(end - client->bytes) + 4 + strlen(body);
    run_until(client_has_want, client, 5000);
    client->bytes[client->len] = '\0';
    assert_true(client->len >= client->want);
    assert_memory_equal(end + 4, body, strlen(body));
    end[2] = '\0';
    return at;
}

static void client_expect_end(struct client *client)
{
    assert_true(run_until(client_is_closed, client, 5000));
    assert_false(client->reset);
    assert_int_equal(client->len, client->want);
}

static bool requests_reached(void *ctx)
{
    return env.requests >= *(unsigned *)ctx;
}

static void await_requests(unsigned count)
{
    assert_true(run_until(requests_reached, &count, 5000));
}

static bool nobody_is_connected(void *ctx)
{
    (void)ctx;
    return sy_server_connections(env.server) == 0;
}

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

/* Requests and replies. */

static void a_connection_answers_one_request_after_the_other(void **state)
{
    struct client client;
    const char *head;

    (void)state;
    start();
    client_open(&client);
    for (int i = 0; i < 3; i++) {
        client_send(&client, GET("/"));
        head = client_response(&client, OK_LINE, "ok");
        assert_non_null(strstr(head, "Content-Length: 2\r\n"));
        assert_non_null(strstr(head, "Date: "));
        assert_null(strstr(head, "Connection: close"));
    }
    assert_int_equal(sy_server_connections(env.server), 1);
    client_close(&client);
    assert_true(run_until(nobody_is_connected, NULL, 2000));
}

static void a_request_that_comes_byte_by_byte_gets_the_same_answer(void **state)
{
    const char *text = "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                       "3\r\nabc\r\n2\r\nde\r\n0\r\n\r\n"
                       "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 4\r\n\r\nfghi";
    struct client client;
    int one = 1;

    (void)state;
    start();
    client_open(&client);
    setsockopt(client.fd, IPPROTO_TCP, 1 /* TCP_NODELAY */, &one, sizeof(one));
    for (const char *at = text; *at; at++) {
        assert_int_equal(send(client.fd, at, 1, MSG_NOSIGNAL), 1);
        run_for(1);
    }
    client_response(&client, OK_LINE, "abcde");
    client_response(&client, OK_LINE, "fghi");
    client_close(&client);
}

static void pipelined_requests_are_answered_in_order(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/later") "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\n"
                                       "two" GET("/later") GET("/") GET("/later"));
    client_response(&client, OK_LINE, "later");
    client_response(&client, OK_LINE, "two");
    client_response(&client, OK_LINE, "later");
    client_response(&client, OK_LINE, "ok");
    client_response(&client, OK_LINE, "later");
    client_close(&client);
}

static void many_pipelined_requests_behind_a_slow_one_are_read_with_bounds(void **state)
{
    enum { COUNT = 2000 };
    struct client client;
    size_t sent = 0;
    size_t total = COUNT * strlen(GET("/"));
    char *all = malloc(total + 1);

    (void)state;
    assert_non_null(all);
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    for (size_t i = 0; i < COUNT; i++)
        memcpy(all + i * strlen(GET("/")), GET("/"), strlen(GET("/")) + 1);
    while (sent < total) {
        ssize_t got = send(client.fd, all + sent, total - sent, MSG_NOSIGNAL | MSG_DONTWAIT);

        assert_true(got > 0 || errno == EAGAIN);
        sent += got > 0 ? (size_t)got : 0;
        run_for(1);
    }
    run_for(20);
    assert_int_equal(env.requests, 1);
    assert_int_equal(env.hangups, 0);
    reply_text(env.held, 200, SY_STR("held"));
    client_response(&client, OK_LINE, "held");
    for (size_t i = 0; i < COUNT; i++)
        client_response(&client, OK_LINE, "ok");
    assert_int_equal(env.requests, COUNT + 1);
    free(all);
    client_close(&client);
}

static void a_body_in_many_pieces_arrives_whole(void **state)
{
    static const struct {
        const char *head;
        bool chunked;
        size_t piece;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n", false, 300000},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 300000\r\n\r\n", false, 1300},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true, 300000},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n", true, 1000},
    };
    struct client client;

    (void)state;
    start();
    client_open(&client);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        char keep = env.big[300000];

        client_send(&client, rows[i].head);
        for (size_t at = 0; at < 300000; at += rows[i].piece) {
            char line[32];
            size_t left = 300000 - at < rows[i].piece ? 300000 - at : rows[i].piece;

            snprintf(line, sizeof(line), "%zx\r\n", left);
            if (rows[i].chunked)
                client_send(&client, line);
            assert_int_equal(send(client.fd, env.big + at, left, MSG_NOSIGNAL), left);
            if (rows[i].chunked)
                client_send(&client, "\r\n");
            if (at % 7 == 0)
                run_for(1);
        }
        if (rows[i].chunked)
            client_send(&client, "0\r\n\r\n");
        env.big[300000] = '\0';
        client_response(&client, OK_LINE, env.big);
        env.big[300000] = keep;
    }
    client_close(&client);
}

static void head_gets_the_head_alone(void **state)
{
    struct client client;
    const char *head;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, "HEAD / HTTP/1.1\r\nHost: a\r\n\r\n" GET("/"));
    head = client_response(&client, OK_LINE, "");
    assert_non_null(strstr(head, "Content-Length: 2\r\n"));
    client_response(&client, OK_LINE, "ok");
    client_close(&client);
}

static void a_reply_in_pieces_is_joined(void **state)
{
    struct sockaddr_in self;
    socklen_t len = sizeof(self);
    struct client client;
    char body[64];

    (void)state;
    start();
    client_open(&client);
    getsockname(client.fd, (struct sockaddr *)&self, &len);
    snprintf(body, sizeof(body), "one 127.0.0.1:%u three", ntohs(self.sin_port));
    client_send(&client, GET("/pieces"));
    assert_non_null(strstr(client_response(&client, "HTTP/1.1 201 ", body), "X-A: b\r\n"));
    client_close(&client);
}

static void a_header_with_control_bytes_is_a_500_and_no_split_response(void **state)
{
    struct client client;
    const char *head;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/split"));
    head = client_response(&client, "HTTP/1.1 500 ", "");
    assert_null(strstr(head, "Set-Cookie"));
    client_expect_end(&client);
    client_close(&client);
}

static void continue_is_sent_only_when_a_body_is_awaited_and_accepted(void **state)
{
    struct client client;

    (void)state;
    env.events.on_head = on_head;
    start();
    client_open(&client);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                         "Content-Length: 3\r\n\r\n");
    client_expect(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&client, "abc");
    client_response(&client, OK_LINE, "abc");
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                         "Transfer-Encoding: chunked\r\n\r\n");
    client_expect(&client, "HTTP/1.1 100 Continue\r\n\r\n");
    client_send(&client, "1\r\nd\r\n0\r\n\r\n");
    client_response(&client, OK_LINE, "d");
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                         "Content-Length: 3\r\n\r\nefg");
    client_response(&client, OK_LINE, "efg");
    client_send(&client, "POST /reply-at-head HTTP/1.1\r\nHost: a\r\nExpect: 100-continue\r\n"
                         "Content-Length: 3\r\n\r\n");
    client_response(&client, "HTTP/1.1 401 ", "no");
    client_expect_end(&client);
    client_close(&client);
}

static void a_handler_may_stop_at_the_head(void **state)
{
    struct client client;

    (void)state;
    env.events.on_head = on_head;
    start();
    client_open(&client);
    client_send(&client, "POST /abort-at-head HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    client_expect_end(&client);
    client_close(&client);
    client_open(&client);
    client_send(&client, "POST /reset-at-head HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\nabc");
    assert_true(run_until(client_is_closed, &client, 2000));
    assert_true(client.reset);
    client_close(&client);
    assert_int_equal(env.requests, 0);
}

static void raw_bytes_go_out_as_they_are(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/garbage"));
    client_expect(&client, "garbage");
    client_expect_end(&client);
    client_close(&client);
    client_open(&client);
    client_send(&client, GET("/reset"));
    assert_true(run_until(client_is_closed, &client, 2000));
    assert_true(client.reset);
    client_close(&client);
}

static void a_held_exchange_may_drip_raw_bytes_and_then_reply(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    for (int i = 0; i < 3; i++) {
        sy_exchange_raw_write(env.held, SY_STR("drip"));
        client_expect(&client, "drip");
    }
    reply_text(env.held, 200, SY_STR("done"));
    client_response(&client, OK_LINE, "done");
    client_close(&client);
}

/* Refusals and ends. */

static void refusals_are_seen_by_the_client_and_close(void **state)
{
    static const struct {
        const char *request;
        const char *status_line;
    } rows[] = {
        {"GET / HTTP/1.1\r\nHost : a\r\n\r\n", "HTTP/1.1 400 "},
        {"GET / HTTP/2.0\r\nHost: a\r\n\r\n", "HTTP/1.1 505 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 9999999999\r\n\r\n", "HTTP/1.1 413 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n", "HTTP/1.1 400 "},
        {"POST / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n",
         "HTTP/1.1 400 "},
        {"GET / HTTP/1.1\r\nHost: a\r\nExpect: wonders\r\n\r\n", "HTTP/1.1 417 "},
    };

    (void)state;
    start();
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct client client;
        const char *head;

        client_open(&client);
        client_send(&client, rows[i].request);
        /* Bytes that nobody will read must not turn the answer into a reset. */
        assert_int_equal(send(client.fd, env.big, 30000, MSG_NOSIGNAL), 30000);
        head = client_response(&client, rows[i].status_line, "");
        assert_non_null(strstr(head, "Connection: close"));
        run_until(client_is_closed, &client, 3000);
        assert_true(client.closed);
        assert_false(client.reset);
        client_close(&client);
    }
    assert_int_equal(env.requests, 0);
    assert_int_equal(env.refusals, SY_ARRAY_LEN(rows));
}

static void a_head_beyond_the_limit_is_refused_while_it_comes(void **state)
{
    struct client client;

    (void)state;
    env.limits.http.head_bytes = 4096;
    start();
    client_open(&client);
    client_send(&client, "GET / HTTP/1.1\r\nHost: a\r\nX-A: ");
    assert_int_equal(send(client.fd, env.big, 20000, MSG_NOSIGNAL), 20000);
    client_response(&client, "HTTP/1.1 431 ", "431");
    client_close(&client);
}

static void a_tls_hello_is_closed_at_once(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, "\x16\x03\x01");
    client_expect_end(&client);
    assert_int_equal(env.refusals, 0);
    client_close(&client);
}

static void http_1_0_gets_one_answer(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, "GET / HTTP/1.0\r\nHost: a\r\nConnection: keep-alive\r\n\r\n");
    client_response(&client, "HTTP/1.1 200 ", "ok");
    client_expect_end(&client);
    client_close(&client);
}

static void a_connection_serves_no_more_requests_than_its_cap(void **state)
{
    struct client client;

    (void)state;
    env.limits.requests_per_connection = 2;
    start();
    client_open(&client);
    client_send(&client, GET("/") GET("/") GET("/"));
    assert_null(strstr(client_response(&client, OK_LINE, "ok"), "Connection: close"));
    assert_non_null(strstr(client_response(&client, OK_LINE, "ok"), "Connection: close"));
    client_expect_end(&client);
    assert_int_equal(env.requests, 2);
    client_close(&client);
}

/* Deadlines. */

static void a_silent_connection_is_closed_without_a_word(void **state)
{
    struct client client;
    int64_t start_ms = sy_clock_ms();

    (void)state;
    env.limits.head_deadline_ms = 60;
    start();
    client_open(&client);
    client_expect_end(&client);
    assert_in_range(sy_clock_ms() - start_ms, 60, 1000);
    client_close(&client);
}

static void a_dripping_head_ends_at_its_deadline(void **state)
{
    struct client client;
    int64_t start_ms = sy_clock_ms();

    (void)state;
    env.limits.head_deadline_ms = 100;
    start();
    client_open(&client);
    client_send(&client, "GET / HTTP/1.1\r\nHost: a\r\nX: ");
    for (int i = 0; i < 12; i++) {
        (void)send(client.fd, "x", 1, MSG_NOSIGNAL);
        run_for(10);
    }
    client_response(&client, "HTTP/1.1 408 ", "408 because request_timeout");
    assert_in_range(sy_clock_ms() - start_ms, 100, 1000);
    client_close(&client);
}

static void the_second_head_has_its_own_deadline_from_its_first_byte(void **state)
{
    struct client client;
    int64_t start_ms;

    (void)state;
    env.limits.head_deadline_ms = 80;
    env.limits.idle_ms = 10000;
    start();
    client_open(&client);
    client_send(&client, GET("/"));
    client_response(&client, OK_LINE, "ok");
    run_for(150);
    start_ms = sy_clock_ms();
    client_send(&client, "GET /");
    client_response(&client, "HTTP/1.1 408 ", "408 because request_timeout");
    assert_in_range(sy_clock_ms() - start_ms, 75, 1000);
    client_close(&client);
}

static void an_idle_connection_is_closed(void **state)
{
    struct client client;
    int64_t start_ms;

    (void)state;
    env.limits.idle_ms = 60;
    start();
    client_open(&client);
    client_send(&client, GET("/"));
    client_response(&client, OK_LINE, "ok");
    start_ms = sy_clock_ms();
    client_expect_end(&client);
    assert_in_range(sy_clock_ms() - start_ms, 50, 1000);
    client_close(&client);
}

static void a_body_ends_at_its_deadline(void **state)
{
    struct client client;
    int64_t start_ms = sy_clock_ms();

    (void)state;
    env.limits.body_deadline_ms = 100;
    start();
    client_open(&client);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 100\r\n\r\n");
    for (int i = 0; i < 12; i++) {
        (void)send(client.fd, "x", 1, MSG_NOSIGNAL);
        run_for(10);
    }
    client_response(&client, "HTTP/1.1 408 ", "408 because request_timeout");
    assert_in_range(sy_clock_ms() - start_ms, 100, 1000);
    assert_int_equal(env.requests, 0);
    client_close(&client);
}

static void a_handler_has_all_the_time_it_needs(void **state)
{
    struct client client;

    (void)state;
    env.limits.head_deadline_ms = env.limits.body_deadline_ms = 40;
    env.limits.idle_ms = env.limits.write_deadline_ms = 40;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    run_for(200);
    reply_text(env.held, 200, SY_STR("held"));
    client_response(&client, OK_LINE, "held");
    client_close(&client);
}

static void a_client_that_does_not_read_is_closed(void **state)
{
    struct client client;
    int64_t start_ms;

    (void)state;
    env.limits.write_deadline_ms = 100;
    start();
    client_open(&client);
    client.paused = true;
    client_send(&client, GET("/big"));
    await_requests(1);
    start_ms = sy_clock_ms();
    assert_true(run_until(nobody_is_connected, NULL, 3000));
    assert_in_range(sy_clock_ms() - start_ms, 90, 1500);
    client_close(&client);
}

static void a_big_reply_reaches_a_slow_reader_whole(void **state)
{
    struct client client;
    char *body;

    (void)state;
    env.limits.write_deadline_ms = 200;
    start();
    client_open(&client);
    client_send(&client, GET("/big") GET("/"));
    client.paused = true;
    await_requests(1);
    client.want = 1;
    for (int i = 0; i < 40; i++) {
        ssize_t got = recv(client.fd, client.bytes + client.len, 65536, MSG_DONTWAIT);

        client.len += got > 0 ? (size_t)got : 0;
        run_for(10);
    }
    client.paused = false;
    client.want = REPLY_BIG;
    assert_true(run_until(client_has_want, &client, 5000));
    body = strstr(client.bytes, "\r\n\r\n") + 4;
    client.want = (size_t)(body - client.bytes) + REPLY_BIG;
    assert_true(run_until(client_has_want, &client, 5000));
    assert_memory_equal(body, env.big, REPLY_BIG);
    client_response(&client, OK_LINE, "ok");
    client_close(&client);
}

/* Hang-ups. */

static void a_hang_up_is_told_once_and_the_late_reply_is_dropped(void **state)
{
    (void)state;
    start();
    for (int how = 0; how < 2; how++) {
        struct linger now = {.l_onoff = how, .l_linger = 0};
        struct client client;

        env.requests = env.hangups = 0;
        client_open(&client);
        client_send(&client, GET("/hold"));
        await_requests(1);
        setsockopt(client.fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
        client_close(&client);
        run_for(30);
        assert_int_equal(env.hangups, 1);
        assert_int_equal(sy_server_connections(env.server), 1);
        reply_text(env.held, 200, SY_STR("dropped"));
        assert_true(run_until(nobody_is_connected, NULL, 1000));
        assert_int_equal(env.hangups, 1);
    }
}

static void a_handler_may_reply_inside_the_hang_up(void **state)
{
    struct client client;

    (void)state;
    env.reply_in_hangup = true;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    client_close(&client);
    assert_true(run_until(nobody_is_connected, NULL, 1000));
    assert_int_equal(env.hangups, 1);
}

static void a_client_that_half_closes_gets_what_is_answered_at_once(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/") GET("/"));
    shutdown(client.fd, SHUT_WR);
    client_response(&client, OK_LINE, "ok");
    client_response(&client, OK_LINE, "ok");
    client_expect_end(&client);
    client_close(&client);
}

static void a_client_that_half_closes_while_a_handler_works_has_hung_up(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    shutdown(client.fd, SHUT_WR);
    run_for(20);
    assert_int_equal(env.hangups, 1);
    reply_text(env.held, 200, SY_STR("dropped"));
    client_expect_end(&client);
    client_close(&client);
}

static void a_client_that_half_closes_while_a_reply_is_written_gets_it_whole(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client.paused = true;
    client_send(&client, GET("/big"));
    await_requests(1);
    shutdown(client.fd, SHUT_WR);
    run_for(20);
    client.paused = false;
    assert_true(run_until(client_is_closed, &client, 5000));
    assert_true(client.len > REPLY_BIG);
    assert_memory_equal(client.bytes + client.len - REPLY_BIG, env.big, REPLY_BIG);
    client_close(&client);
}

static void a_server_may_end_before_its_handlers(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    sy_server_destroy(env.server);
    env.server = NULL;
    assert_int_equal(env.hangups, 1);
    reply_text(env.held, 200, SY_STR("nobody listens"));
    client_expect_end(&client);
    client_close(&client);
}

/* Limits. */

static void bodies_beyond_the_memory_budget_are_a_503(void **state)
{
    struct client clients[3];

    (void)state;
    env.limits.memory = 300000;
    start();
    for (int i = 0; i < 2; i++) {
        client_open(&clients[i]);
        client_send(&clients[i],
                    "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 140000\r\n\r\n");
        assert_int_equal(send(clients[i].fd, env.big, 130000, MSG_NOSIGNAL), 130000);
        run_for(20);
    }
    client_open(&clients[2]);
    client_send(&clients[2], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 140000\r\n\r\n");
    client_response(&clients[2], "HTTP/1.1 503 ", "503 because overloaded");
    client_close(&clients[2]);
    client_close(&clients[1]);
    run_for(20);
    client_open(&clients[2]);
    client_send(&clients[2], "POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 3\r\n\r\nabc");
    client_response(&clients[2], OK_LINE, "abc");
    client_close(&clients[2]);
    client_close(&clients[0]);
}

static void a_chunked_body_beyond_its_limit_is_a_413(void **state)
{
    struct client client;

    (void)state;
    env.limits.http.body_bytes = 1000;
    start();
    client_open(&client);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n"
                         "320\r\n");
    assert_int_equal(send(client.fd, env.big, 800, MSG_NOSIGNAL), 800);
    client_send(&client, "\r\n320\r\n");
    assert_int_equal(send(client.fd, env.big, 800, MSG_NOSIGNAL), 800);
    client_response(&client, "HTTP/1.1 413 ", "413");
    client_close(&client);
}

static void accept_is_paused_at_the_connection_limit(void **state)
{
    struct client clients[3];

    (void)state;
    env.limits.connections = 2;
    start();
    for (int i = 0; i < 3; i++) {
        client_open(&clients[i]);
        client_send(&clients[i], GET("/"));
    }
    client_response(&clients[0], OK_LINE, "ok");
    client_response(&clients[1], OK_LINE, "ok");
    run_for(30);
    client_read(&clients[2]);
    assert_int_equal(clients[2].len, 0);
    assert_int_equal(sy_server_connections(env.server), 2);
    client_close(&clients[0]);
    client_response(&clients[2], OK_LINE, "ok");
    client_close(&clients[1]);
    client_close(&clients[2]);
}

static void running_out_of_descriptors_is_told_and_passes(void **state)
{
    struct rlimit before;
    struct rlimit tight;
    struct client clients[3];

    (void)state;
    start();
    for (int i = 0; i < 3; i++)
        client_open(&clients[i]);
    getrlimit(RLIMIT_NOFILE, &before);
    tight = before;
    tight.rlim_cur = (rlim_t)clients[2].fd + 1;
    setrlimit(RLIMIT_NOFILE, &tight);
    client_response(&clients[0], "HTTP/1.1 503 ", "");
    client_response(&clients[2], "HTTP/1.1 503 ", "");
    setrlimit(RLIMIT_NOFILE, &before);
    for (int i = 0; i < 3; i++)
        client_close(&clients[i]);
    client_open(&clients[0]);
    client_send(&clients[0], GET("/"));
    client_response(&clients[0], OK_LINE, "ok");
    client_close(&clients[0]);
}

static size_t bytes_allocated(void)
{
#ifdef HAVE_ASAN
    return __sanitizer_get_current_allocated_bytes();
#else
    return mallinfo2().uordblks;
#endif
}

static bool two_thousand_are_in(void *ctx)
{
    (void)ctx;
    return sy_server_connections(env.server) == 2001;
}

static void two_thousand_half_heads_cost_less_than_five_kilobytes_each(void **state)
{
    enum { COUNT = 2000 };
    struct sockaddr_in address = {
        .sin_family = AF_INET,
        .sin_port = htons((uint16_t)env.port),
        .sin_addr = {htonl(INADDR_LOOPBACK)},
    };
    int *fds = calloc(COUNT, sizeof(int));
    struct rlimit files;
    struct client client;
    size_t before;
    size_t after;

    (void)state;
    getrlimit(RLIMIT_NOFILE, &files);
    files.rlim_cur = files.rlim_max;
    setrlimit(RLIMIT_NOFILE, &files);
    env.limits.head_deadline_ms = 30000;
    start();
    client_open(&client);
    before = bytes_allocated();
    for (int i = 0; i < COUNT; i++) {
        fds[i] = socket(AF_INET, SOCK_STREAM, 0);
        assert_true(fds[i] >= 0);
        assert_int_equal(connect(fds[i], (struct sockaddr *)&address, sizeof(address)), 0);
        assert_int_equal(send(fds[i], "GET / HTTP/1.1\r\nHost: a\r\nX-", 27, 0), 27);
        if (i % 50 == 0)
            run_for(1);
    }
    assert_true(run_until(two_thousand_are_in, NULL, 5000));
    run_for(50);
    after = bytes_allocated();
    client_close(&client);
    print_message("%zu bytes per connection with half a head\n", (after - before) / COUNT);
    assert_true((after - before) / COUNT <= 5000);
    client_open(&client);
    client_send(&client, GET("/"));
    client_response(&client, OK_LINE, "ok");
    client_close(&client);
    for (int i = 0; i < COUNT; i++)
        close(fds[i]);
    free(fds);
    assert_true(run_until(nobody_is_connected, NULL, 5000));
}

static void an_idle_connection_holds_no_buffer(void **state)
{
    enum { COUNT = 200 };
    struct client *clients = calloc(COUNT, sizeof(*clients));
    size_t before;

    (void)state;
    start();
    for (int i = 0; i < COUNT; i++)
        client_open(&clients[i]);
    run_for(20);
    before = bytes_allocated();
    for (int i = 0; i < COUNT; i++) {
        client_send(&clients[i], GET("/"));
        client_response(&clients[i], OK_LINE, "ok");
    }
    /* The pools of one server, not a buffer per connection. */
    assert_true(bytes_allocated() < before + 32768);
    for (int i = 0; i < COUNT; i++)
        client_close(&clients[i]);
    free(clients);
}

/* Draining. */

static void on_drained(void *ctx)
{
    (void)ctx;
    env.drained++;
}

static bool is_drained(void *ctx)
{
    (void)ctx;
    return env.drained > 0;
}

static void a_drain_answers_what_is_under_way_and_then_tells(void **state)
{
    struct client idle;
    struct client busy;
    struct client half;
    struct client fresh;

    (void)state;
    start();
    client_open(&idle);
    client_send(&idle, GET("/"));
    client_response(&idle, OK_LINE, "ok");
    client_open(&busy);
    client_send(&busy, GET("/hold"));
    client_open(&half);
    client_send(&half, "GET / HTTP/1.1\r\n");
    await_requests(2);
    client_open(&fresh); /* in the backlog only */
    sy_server_drain(env.server, on_drained, NULL);
    client_expect_end(&idle);
    client_send(&half, "Host: a\r\n\r\n");
    assert_non_null(strstr(client_response(&half, OK_LINE, "ok"), "Connection: close"));
    client_send(&fresh, GET("/"));
    assert_non_null(strstr(client_response(&fresh, OK_LINE, "ok"), "Connection: close"));
    run_for(20);
    assert_int_equal(env.drained, 0);
    reply_text(env.held, 200, SY_STR("held"));
    assert_non_null(strstr(client_response(&busy, OK_LINE, "held"), "Connection: close"));
    client_close(&idle);
    client_close(&half);
    client_close(&fresh);
    client_close(&busy);
    assert_true(run_until(is_drained, NULL, 3000));
    run_for(20);
    assert_int_equal(env.drained, 1);
}

static void destroy_in_drained(void *ctx)
{
    (void)ctx;
    sy_server_destroy(env.server);
    env.server = NULL;
    env.drained++;
}

static void a_drain_of_nothing_tells_soon_and_may_destroy(void **state)
{
    (void)state;
    start();
    sy_server_drain(env.server, destroy_in_drained, NULL);
    assert_int_equal(env.drained, 0);
    assert_true(run_until(is_drained, NULL, 1000));
}

/* Addresses. */

static void listen_addresses_are_checked(void **state)
{
    static const char *const bad[] = {
        "",      "127.0.0.1",      "127.0.0.1:",         "::1:80",
        "[::1]", "127.0.0.1:http", "127.0.0.1:99999999", "999.0.0.1:1"};
    struct sy_err err = SY_ERR_INIT;
    int fd;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++) {
        err = (struct sy_err)SY_ERR_INIT;
        assert_int_equal(sy_listen(sy_str_of(bad[i]), &fd, &err), SY_INVALID);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(sy_listen(SY_STR("localhost:0"), &fd, NULL), SY_OK);
    assert_true(sy_listen_port(fd) > 0);
    close(fd);
    if (sy_listen(SY_STR("[::1]:0"), &fd, NULL) == SY_OK) {
        assert_true(sy_listen_port(fd) > 0);
        close(fd);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(a_connection_answers_one_request_after_the_other),
        TEST(a_request_that_comes_byte_by_byte_gets_the_same_answer),
        TEST(pipelined_requests_are_answered_in_order),
        TEST(many_pipelined_requests_behind_a_slow_one_are_read_with_bounds),
        TEST(a_body_in_many_pieces_arrives_whole),
        TEST(head_gets_the_head_alone),
        TEST(a_reply_in_pieces_is_joined),
        TEST(a_header_with_control_bytes_is_a_500_and_no_split_response),
        TEST(continue_is_sent_only_when_a_body_is_awaited_and_accepted),
        TEST(a_handler_may_stop_at_the_head),
        TEST(raw_bytes_go_out_as_they_are),
        TEST(a_held_exchange_may_drip_raw_bytes_and_then_reply),
        TEST(refusals_are_seen_by_the_client_and_close),
        TEST(a_head_beyond_the_limit_is_refused_while_it_comes),
        TEST(a_tls_hello_is_closed_at_once),
        TEST(http_1_0_gets_one_answer),
        TEST(a_connection_serves_no_more_requests_than_its_cap),
        TEST(a_silent_connection_is_closed_without_a_word),
        TEST(a_dripping_head_ends_at_its_deadline),
        TEST(the_second_head_has_its_own_deadline_from_its_first_byte),
        TEST(an_idle_connection_is_closed),
        TEST(a_body_ends_at_its_deadline),
        TEST(a_handler_has_all_the_time_it_needs),
        TEST(a_client_that_does_not_read_is_closed),
        TEST(a_big_reply_reaches_a_slow_reader_whole),
        TEST(a_hang_up_is_told_once_and_the_late_reply_is_dropped),
        TEST(a_handler_may_reply_inside_the_hang_up),
        TEST(a_client_that_half_closes_gets_what_is_answered_at_once),
        TEST(a_client_that_half_closes_while_a_handler_works_has_hung_up),
        TEST(a_client_that_half_closes_while_a_reply_is_written_gets_it_whole),
        TEST(a_server_may_end_before_its_handlers),
        TEST(bodies_beyond_the_memory_budget_are_a_503),
        TEST(a_chunked_body_beyond_its_limit_is_a_413),
        TEST(accept_is_paused_at_the_connection_limit),
        TEST(running_out_of_descriptors_is_told_and_passes),
        TEST(two_thousand_half_heads_cost_less_than_five_kilobytes_each),
        TEST(an_idle_connection_holds_no_buffer),
        TEST(a_drain_answers_what_is_under_way_and_then_tells),
        TEST(a_drain_of_nothing_tells_soon_and_may_destroy),
        TEST(listen_addresses_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
