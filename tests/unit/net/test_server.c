#include "server_rig.h"

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
    client_open(&client);
    client_send(&client, GET("/nothing-at-head"));
    client_expect_end(&client);
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

static void a_held_exchange_keeps_the_handlers_state(void **state)
{
    struct client client;
    int mine;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    assert_null(sy_exchange_state(env.held));
    sy_exchange_set_state(env.held, &mine);
    assert_ptr_equal(sy_exchange_state(env.held), &mine);
    assert_ptr_equal(sy_exchange_loop(env.held), env.loop);
    assert_true(sy_exchange_started_us(env.held) <= sy_loop_now_us(env.loop));
    reply_text(env.held, 200, SY_STR("held"));
    client_response(&client, OK_LINE, "held");
    client_close(&client);
}

static void raw_bytes_that_wait_are_sent_before_the_end(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, GET("/hold"));
    await_requests(1);
    client.paused = true;
    sy_exchange_raw_write(env.held, sy_str_from(env.big, REPLY_BIG));
    sy_exchange_raw_write(env.held, SY_STR("end"));
    sy_exchange_abort(env.held, SY_END_CLOSE);
    run_for(20);
    client.paused = false;
    assert_true(run_until(client_is_closed, &client, 5000));
    assert_int_equal(client.len, REPLY_BIG + 3);
    assert_memory_equal(client.bytes, env.big, REPLY_BIG);
    assert_memory_equal(client.bytes + REPLY_BIG, "end", 3);
    client_close(&client);
}

static void a_long_head_in_small_pieces_is_read_once_it_is_whole(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, "GET / HTTP/1.1\r\nHost: a\r\nX-A: ");
    for (int i = 0; i < 60; i++) {
        assert_int_equal(send(client.fd, env.big, 100, MSG_NOSIGNAL), 100);
        run_for(1);
    }
    client_send(&client, "\r\n\r\n");
    client_response(&client, OK_LINE, "ok");
    client_close(&client);
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
        TEST(a_held_exchange_keeps_the_handlers_state),
        TEST(raw_bytes_that_wait_are_sent_before_the_end),
        TEST(a_long_head_in_small_pieces_is_read_once_it_is_whole),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
