#include <malloc.h>
#include <sys/resource.h>

#include "server_rig.h"

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

static void every_buffer_counts_for_the_memory_budget(void **state)
{
    static const struct {
        const char *start;
        size_t more;
    } rows[] = {
        {"POST /echo HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\n20000\r\n", 0x20000},
        {"POST /echo HTTP/1.1\r\nHost: a\r\nContent-Length: 200000\r\n\r\n", 1},
        {"GET / HTTP/1.1\r\nHost: a\r\nX-A: ", 20000},
    };

    (void)state;
    env.limits.memory = 10000;
    start();
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct client client;

        client_open(&client);
        client_send(&client, rows[i].start);
        (void)send(client.fd, env.big, rows[i].more, MSG_NOSIGNAL | MSG_DONTWAIT);
        client_response(&client, "HTTP/1.1 503 ", "503 because overloaded");
        client_close(&client);
    }
    assert_true(run_until(nobody_is_connected, NULL, 3000));
}

static void a_reply_that_fits_neither_socket_nor_budget_ends_the_connection(void **state)
{
    struct client client;

    (void)state;
    env.limits.memory = 100000;
    start();
    client_open(&client);
    client.paused = true;
    client_send(&client, GET("/big"));
    await_requests(1);
    assert_true(run_until(nobody_is_connected, NULL, 1000));
    client_close(&client);
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

static bool so_many_are_in(void *count)
{
    return sy_server_connections(env.server) == *(const unsigned *)count;
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
    unsigned all = COUNT + 1;
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
    assert_true(run_until(so_many_are_in, &all, 5000));
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
    unsigned all = COUNT;
    size_t before;

    (void)state;
    start();
    for (int i = 0; i < COUNT; i++)
        client_open(&clients[i]);
    assert_true(run_until(so_many_are_in, &all, 5000));
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

/* Several loops. The second one runs when the test lets it. */

struct second {
    struct sy_loop *loop;
    struct sy_server *server;
    struct sy_server_group *group;
    struct sy_timer end;
};

static void second_start(struct second *second)
{
    *second = (struct second){.end = {.fn = on_end}};
    assert_int_equal(sy_server_group_create(2, &second->group, NULL), SY_OK);
    start();
    assert_int_equal(sy_loop_create(1, &second->loop, NULL), SY_OK);
    assert_int_equal(sy_server_create(second->loop, env.listen_fd, &env.limits, &env.events,
                                      &second->server, NULL),
                     SY_OK);
    assert_int_equal(sy_server_join(env.server, second->group), SY_OK);
    assert_int_equal(sy_server_join(second->server, second->group), SY_OK);
    assert_int_equal(sy_server_join(second->server, second->group), SY_NOMEM);
}

static void second_run(struct second *second)
{
    sy_timer_set(second->loop, &second->end, sy_clock_ms() + 20);
    sy_loop_run(second->loop);
}

static void second_end(struct second *second)
{
    sy_server_destroy(second->server);
    sy_loop_destroy(second->loop);
    sy_server_destroy(env.server);
    env.server = NULL;
    sy_server_group_destroy(second->group);
}

static void loops_of_a_group_share_the_connections(void **state)
{
    enum { COUNT = 20 };
    struct client clients[COUNT];
    struct second second;

    (void)state;
    second_start(&second);
    for (int i = 0; i < COUNT; i++) {
        client_open(&clients[i]);
        client_send(&clients[i], GET("/"));
    }
    run_for(30);
    assert_int_equal(sy_server_connections(env.server), COUNT / 2);
    assert_int_equal(env.requests, COUNT / 2);
    second_run(&second);
    assert_int_equal(sy_server_connections(second.server), COUNT / 2);
    for (int i = 0; i < COUNT; i++)
        client_response(&clients[i], OK_LINE, "ok");
    /* The loop that lost its connections gets the next ones. */
    for (int i = 0; i < COUNT; i++)
        client_close(&clients[i]);
    run_for(20);
    assert_int_equal(sy_server_connections(env.server), 0);
    client_open(&clients[0]);
    run_for(20);
    assert_int_equal(sy_server_connections(env.server), 1);
    client_close(&clients[0]);
    second_end(&second);
}

static void a_connection_handed_to_a_server_that_drains_is_served(void **state)
{
    struct client clients[2];
    struct second second;

    (void)state;
    second_start(&second);
    for (int i = 0; i < 2; i++) {
        client_open(&clients[i]);
        client_send(&clients[i], GET("/"));
    }
    run_for(20);
    assert_int_equal(env.requests, 1);
    sy_server_drain(second.server, on_drained, NULL);
    second_run(&second);
    assert_int_equal(env.requests, 2);
    for (int i = 0; i < 2; i++)
        client_response(&clients[i], OK_LINE, "ok");
    client_close(&clients[0]);
    client_close(&clients[1]);
    second_end(&second);
}

static void a_connection_handed_to_a_server_that_ends_is_closed(void **state)
{
    struct client clients[2];
    struct second second;

    (void)state;
    second_start(&second);
    client_open(&clients[0]);
    client_open(&clients[1]);
    run_for(20);
    sy_server_destroy(second.server);
    second.server = NULL;
    second_run(&second);
    client_expect_end(&clients[1]);
    client_close(&clients[0]);
    client_close(&clients[1]);
    second_end(&second);
}

/* Addresses. */

static void listen_addresses_are_checked(void **state)
{
    static const char *const bad[] = {"",
                                      "127.0.0.1",
                                      "127.0.0.1:",
                                      "::1:80",
                                      "[::1]",
                                      "127.0.0.1:http",
                                      "127.0.0.1:99999999",
                                      "999.0.0.1:1",
                                      "127.0.0.1:65536",
                                      "127.0.0.1:-1"};
    struct sy_err err = SY_ERR_INIT;
    char busy[32];
    int fd;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++) {
        err = (struct sy_err)SY_ERR_INIT;
        assert_int_equal(sy_listen(sy_str_of(bad[i]), &fd, &err), SY_INVALID);
        assert_true(err.text[0] != '\0');
    }
    snprintf(busy, sizeof(busy), "127.0.0.1:%d", env.port);
    err = (struct sy_err)SY_ERR_INIT;
    assert_int_equal(sy_listen(sy_str_of(busy), &fd, &err), SY_UNAVAILABLE);
    assert_non_null(strstr(err.text, busy));
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
        TEST(bodies_beyond_the_memory_budget_are_a_503),
        TEST(every_buffer_counts_for_the_memory_budget),
        TEST(a_reply_that_fits_neither_socket_nor_budget_ends_the_connection),
        TEST(a_chunked_body_beyond_its_limit_is_a_413),
        TEST(accept_is_paused_at_the_connection_limit),
        TEST(running_out_of_descriptors_is_told_and_passes),
        TEST(two_thousand_half_heads_cost_less_than_five_kilobytes_each),
        TEST(an_idle_connection_holds_no_buffer),
        TEST(a_drain_answers_what_is_under_way_and_then_tells),
        TEST(a_drain_of_nothing_tells_soon_and_may_destroy),
        TEST(loops_of_a_group_share_the_connections),
        TEST(a_connection_handed_to_a_server_that_drains_is_served),
        TEST(a_connection_handed_to_a_server_that_ends_is_closed),
        TEST(listen_addresses_are_checked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
