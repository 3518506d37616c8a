/*
 * What the tests of net/server share: one server on one loop, a handler that does what the path says,
 * and clients on non-blocking sockets in the same thread.
 */
#ifndef SY_TESTS_SERVER_RIG_H
#define SY_TESTS_SERVER_RIG_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/server.h"

#define REPLY_BIG (8u << 20)
#define CLIENT_BYTES (REPLY_BIG + 4096)

#define RIG static __attribute__((unused))

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

RIG void reply_text(struct sy_exchange *x, int status, struct sy_str body)
{
    struct sy_reply reply = {
        .status = status,
        .content_type = SY_STR("text/plain"),
        .body = {body},
        .body_count = 1,
    };

    sy_exchange_reply(x, &reply);
}

RIG void reply_later(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    reply_text(task->ctx, 200, SY_STR("later"));
}

RIG void on_hangup(struct sy_exchange *x, void *ctx)
{
    (void)ctx;
    env.hangups++;
    if (env.reply_in_hangup) {
        env.held = NULL;
        reply_text(x, 200, SY_STR("too late"));
    }
}

RIG void reply_split(struct sy_exchange *x)
{
    static const struct sy_http_header evil = {SY_STR_INIT("X-A"),
                                               SY_STR_INIT("b\r\nSet-Cookie: c")};
    struct sy_reply reply = {.status = 200, .headers = &evil, .header_count = 1};

    sy_exchange_reply(x, &reply);
}

RIG void reply_pieces(struct sy_exchange *x)
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

RIG void on_request(struct sy_exchange *x, void *ctx)
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

RIG bool on_head(struct sy_exchange *x, void *ctx)
{
    struct sy_str path = sy_exchange_head(x)->path;

    (void)ctx;
    if (sy_str_eq(path, SY_STR("/nothing-at-head")))
        return false;
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

RIG void on_refusal(struct sy_exchange *x, int status, const char *cause,
                    struct sy_str *ret_content_type, struct sy_str *ret_body, void *ctx)
{
    (void)ctx;
    env.refusals++;
    *ret_content_type = SY_STR("text/plain");
    *ret_body = sy_arena_printf(sy_exchange_arena(x), "%d because %s", status, cause);
}

RIG void on_turn(struct sy_loop *loop, void *ctx)
{
    (void)ctx;
    if (env.done && env.done(env.done_ctx))
        sy_loop_stop(loop);
}

RIG void on_tick(struct sy_loop *loop, struct sy_timer *timer)
{
    sy_timer_set(loop, timer, sy_loop_now_ms(loop) + 1);
}

RIG void on_end(struct sy_loop *loop, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(loop);
}

RIG void start(void)
{
    assert_int_equal(
        sy_server_create(env.loop, env.listen_fd, &env.limits, &env.events, &env.server, NULL),
        SY_OK);
}

RIG int set_up(void **state)
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

RIG int tear_down(void **state)
{
    (void)state;
    sy_server_destroy(env.server);
    sy_loop_destroy(env.loop);
    close(env.listen_fd);
    free(env.big);
    return 0;
}

/* Runs the loop until `done` or for `ms`; true if `done`. */
RIG bool run_until(bool (*done)(void *ctx), void *ctx, int64_t ms)
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

RIG void run_for(int64_t ms)
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

RIG void client_open(struct client *client)
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

RIG void client_close(struct client *client)
{
    close(client->fd);
    free(client->bytes);
}

RIG void client_send(struct client *client, const char *text)
{
    size_t len = strlen(text);

    assert_int_equal(send(client->fd, text, len, MSG_NOSIGNAL), len);
}

RIG void client_read(struct client *client)
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

RIG bool client_has_want(void *ctx)
{
    struct client *client = ctx;

    client_read(client);
    return client->len >= client->want || client->closed;
}

RIG bool client_is_closed(void *ctx)
{
    struct client *client = ctx;

    client_read(client);
    return client->closed;
}

/* Waits until exactly `text` more is there. */
RIG void client_expect(struct client *client, const char *text)
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

RIG void client_expect_end(struct client *client)
{
    assert_true(run_until(client_is_closed, client, 5000));
    assert_false(client->reset);
    assert_int_equal(client->len, client->want);
}

RIG bool requests_reached(void *ctx)
{
    return env.requests >= *(unsigned *)ctx;
}

RIG void await_requests(unsigned count)
{
    assert_true(run_until(requests_reached, &count, 5000));
}

RIG bool nobody_is_connected(void *ctx)
{
    (void)ctx;
    return sy_server_connections(env.server) == 0;
}

#define OK_LINE "HTTP/1.1 200 OK\r\n"
#define GET(path) "GET " path " HTTP/1.1\r\nHost: a\r\n\r\n"

#endif
