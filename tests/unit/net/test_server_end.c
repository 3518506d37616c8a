#include <errno.h>

#include "server_rig.h"

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
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n\r\nGET / HTTP/1.1\r\n",
         "HTTP/1.1 400 "},
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

static void a_line_end_behind_the_last_request_is_no_harm(void **state)
{
    struct client client;

    (void)state;
    start();
    client_open(&client);
    client_send(&client, "POST /echo HTTP/1.1\r\nHost: a\r\nConnection: close\r\n"
                         "Content-Length: 3\r\n\r\nabc\r\n");
    client_response(&client, OK_LINE, "abc");
    client_expect_end(&client);
    client_close(&client);
}

static void a_refused_client_that_never_stops_is_cut_off(void **state)
{
    struct client clients[2];
    int64_t start_ms = sy_clock_ms();
    ssize_t got = 0;

    (void)state;
    start();
    client_open(&clients[0]);
    client_open(&clients[1]);
    client_send(&clients[0], "GET / HTTP/9.9\r\n\r\n");
    client_send(&clients[1], "GET / HTTP/9.9\r\n\r\n");
    /* One floods, the other holds the line. */
    for (int i = 0; i < 4000 && (got >= 0 || errno == EAGAIN); i++) {
        got = send(clients[0].fd, env.big, 16384, MSG_NOSIGNAL | MSG_DONTWAIT);
        run_for(1);
    }
    assert_true(got < 0);
    assert_int_equal(sy_server_connections(env.server), 1);
    assert_true(run_until(nobody_is_connected, NULL, 4000));
    assert_in_range(sy_clock_ms() - start_ms, 1900, 3500);
    client_close(&clients[0]);
    client_close(&clients[1]);
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
    start_ms = sy_clock_ms(); /* before the reply, whose first byte starts the deadline */
    client_send(&client, GET("/big"));
    await_requests(1);
    assert_true(run_until(nobody_is_connected, NULL, 3000));
    assert_in_range(sy_clock_ms() - start_ms, 90, 2500);
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

static void a_client_that_takes_no_raw_bytes_has_hung_up(void **state)
{
    struct client client;

    (void)state;
    env.limits.write_deadline_ms = 60;
    start();
    client_open(&client);
    client.paused = true;
    client_send(&client, GET("/hold"));
    await_requests(1);
    sy_exchange_raw_write(env.held, sy_str_from(env.big, REPLY_BIG));
    run_for(200);
    assert_int_equal(env.hangups, 1);
    reply_text(env.held, 200, SY_STR("dropped"));
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

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
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
        TEST(a_line_end_behind_the_last_request_is_no_harm),
        TEST(a_refused_client_that_never_stops_is_cut_off),
        TEST(a_client_that_takes_no_raw_bytes_has_hung_up),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
