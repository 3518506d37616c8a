/* Time, memory, numbers and the life of a transfer. What goes wrong on the wire: test_transfers.c. */
#include "outbound.h"

#include "net/transfers_int.h"

static char megabyte[1024 * 1024];

static const struct fault_row rows[] = {
    {.path = "ok", .head = HEAD_OK JSON_LENGTH JSON_BODY},
    {.path = "silent", .after = FAULT_HOLD},
    {.path = "drip-body",
     .head = HEAD_OK "Content-Length: 1000\r\n\r\n",
     .unit = "x",
     .unit_len = 1,
     .times = 1000,
     .pause_ms = 20},
    {.path = "drip-head",
     .head = HEAD_OK "X-A: ",
     .unit = "y",
     .unit_len = 1,
     .times = 1000,
     .pause_ms = 20},
    {.path = "big",
     .head = HEAD_OK "Content-Length: 1048576\r\n\r\n",
     .unit = megabyte,
     .unit_len = sizeof(megabyte),
     .times = 1},
    {.path = "slow",
     .unit = HEAD_OK JSON_LENGTH JSON_BODY,
     .unit_len = sizeof(HEAD_OK JSON_LENGTH JSON_BODY) - 1,
     .times = 1,
     .pause_ms = 60},
};

static int set_up_group(void **state)
{
    (void)state;
    memset(megabyte, 'm', sizeof(megabyte));
    server = malloc(sizeof(*server));
    return sy_transfers_global_init(NULL) == SY_OK && server &&
                   fault_server_start(server, rows, SY_ARRAY_LEN(rows), "127.0.0.1") == 0
               ? 0
               : -1;
}

static int tear_down_group(void **state)
{
    (void)state;
    fault_server_stop(server);
    free(server);
    sy_transfers_global_cleanup();
    return 0;
}

/* ---- time ---- */

static void deadlines_are_absolute_and_say_what_was_missing(void **state)
{
    static const struct {
        const char *path;
        enum sy_cause cause;
    } table[] = {
        {"silent", SY_CAUSE_FIRST_BYTE},
        {"drip-body", SY_CAUSE_TOTAL},
        {"drip-head", SY_CAUSE_TOTAL},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        struct call call;

        call_init(&call, table[i].path);
        call.what.deadline_ms = sy_clock_ms() + 200;
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_TIMEOUT);
        assert_int_equal(call.cause, table[i].cause);
        assert_true(call.started);
        assert_in_range(call.total_us, 150000, 450000);
    }
}

static void a_deadline_that_has_passed_sends_nothing(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "ok");
    call.what.deadline_ms = sy_clock_ms() - 1000;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_TIMEOUT);
    assert_int_equal(call.cause, SY_CAUSE_DEADLINE);
    assert_false(call.started);
}

static void no_connection_in_time_is_its_own_cause(void **state)
{
    struct sockaddr_in bound = {.sin_family = AF_INET};
    socklen_t len = sizeof(bound);
    int listener = socket(AF_INET, SOCK_STREAM, 0);
    int fillers[8];
    struct call call;

    (void)state;
    /* A listener that never accepts, with its queue full: further connections hang. */
    inet_pton(AF_INET, "127.0.0.1", &bound.sin_addr);
    assert_int_equal(bind(listener, (struct sockaddr *)&bound, sizeof(bound)), 0);
    assert_int_equal(listen(listener, 0), 0);
    assert_int_equal(getsockname(listener, (struct sockaddr *)&bound, &len), 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(fillers); i++) {
        fillers[i] = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
        (void)connect(fillers[i], (struct sockaddr *)&bound, sizeof(bound));
    }
    call_init_write(&call, "ok");
    snprintf(call.url, sizeof(call.url), "http://127.0.0.1:%u/", ntohs(bound.sin_port));
    call.request.url = sy_str_of(call.url);
    call.what.connect_timeout_ms = 200;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_TIMEOUT);
    assert_int_equal(call.cause, SY_CAUSE_CONNECT_TIMEOUT);
    assert_false(call.started);
    assert_in_range(call.total_us, 150000, 450000);
    for (size_t i = 0; i < SY_ARRAY_LEN(fillers); i++)
        close(fillers[i]);
    close(listener);
}

static void a_call_that_never_gets_its_turn_was_not_started(void **state)
{
    struct call slow, waiting;

    (void)state;
    make_transfers(1, 0);
    call_init(&slow, "silent");
    slow.what.deadline_ms = sy_clock_ms() + 300;
    call_init_write(&waiting, "ok");
    waiting.what.deadline_ms = sy_clock_ms() + 150;
    waiting.what.connect_timeout_ms = 50;
    call_start(&slow);
    call_start(&waiting);
    run();
    assert_int_equal(waiting.cause, SY_CAUSE_CONNECT_TIMEOUT);
    assert_false(waiting.started);
    assert_in_range(waiting.total_us, 100000, 290000);
    assert_int_equal(slow.cause, SY_CAUSE_FIRST_BYTE);
}

/* ---- memory ---- */

static void replies_are_held_within_the_budget(void **state)
{
    struct call call;

    (void)state;
    make_transfers(4, 600000);
    call_init(&call, "big");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OVERLOADED);
    assert_int_equal(call.cause, SY_CAUSE_MEMORY);
    call_init(&call, "ok");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    /* What is given back can be used again; what is held cannot. */
    make_transfers(4, 3000000);
    for (int i = 0; i < 4; i++) {
        call_init(&call, "big");
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
    }
    {
        struct call held[3];

        for (size_t i = 0; i < SY_ARRAY_LEN(held); i++) {
            call_init(&held[i], "big");
            held[i].keep = true;
            call_run(&held[i]);
        }
        assert_int_equal(held[0].failure, SY_NET_OK);
        assert_int_equal(held[1].failure, SY_NET_OK);
        assert_int_equal(held[2].failure, SY_NET_OVERLOADED);
        view.ops->release(view.self, held[2].transfer);
        view.ops->release(view.self, held[0].transfer);
        call_init(&call, "big");
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
        view.ops->release(view.self, held[1].transfer);
    }
}

/* ---- many, and stopping ---- */

static void a_thousand_calls_at_once_all_end(void **state)
{
    struct call *calls = calloc(1000, sizeof(*calls));
    static const unsigned limits[] = {32, 1000};

    (void)state;
    for (size_t k = 0; k < SY_ARRAY_LEN(limits); k++) {
        unsigned before = fault_server_hits(server, "slow");
        int64_t begun = sy_clock_ms();

        make_transfers(limits[k], 0);
        atomic_store(&server->most_open, 0);
        for (size_t i = 0; i < 1000; i++) {
            call_init(&calls[i], "slow");
            calls[i].what.deadline_ms += 26000;
            if (i % 2)
                calls[i].request.effect = SY_REQUEST_WRITE;
            call_start(&calls[i]);
        }
        run();
        for (size_t i = 0; i < 1000; i++) {
            assert_int_equal(calls[i].done, 1);
            assert_int_equal(calls[i].failure, SY_NET_OK);
            assert_string_equal(calls[i].body, JSON_BODY);
        }
        assert_int_equal(fault_server_hits(server, "slow"), before + 1000);
        assert_true(atomic_load(&server->most_open) <= limits[k] + 16);
        print_message("1000 calls over %u connections: %d ms\n", limits[k],
                      (int)(sy_clock_ms() - begun));
    }
    free(calls);
}

static void a_cancelled_call_is_not_heard_of_again(void **state)
{
    unsigned before = fault_server_hits(server, "slow");
    struct call calls[4];
    bool started;

    (void)state;
    make_transfers(1, 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(calls); i++) {
        call_init_write(&calls[i], "slow");
        call_start(&calls[i]);
    }
    /* Before anything was sent. */
    assert_false(view.ops->cancel(view.self, calls[0].transfer));
    /* While it waits for its turn. */
    assert_false(view.ops->cancel(view.self, calls[2].transfer));
    run_for(30);
    /* While the vendor works. */
    started = view.ops->cancel(view.self, calls[1].transfer);
    assert_true(started);
    calls_out -= 3;
    run();
    assert_int_equal(calls[3].done, 1);
    assert_int_equal(calls[3].failure, SY_NET_OK);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(calls[i].done, 0);
        view.ops->release(view.self, calls[i].transfer);
    }
    assert_int_equal(fault_server_hits(server, "slow"), before + 2);
}

static void a_refused_call_can_be_cancelled_before_it_is_told(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "ok");
    call.request.url = SY_STR("gopher://127.0.0.1/");
    call_start(&call);
    assert_false(view.ops->cancel(view.self, call.transfer));
    view.ops->release(view.self, call.transfer);
    run_for(20);
    assert_int_equal(call.done, 0);
}

static void release_in_any_order_and_without_cancel(void **state)
{
    struct call calls[3];

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(calls); i++) {
        call_init(&calls[i], "ok");
        calls[i].keep = true;
        call_start(&calls[i]);
    }
    run();
    view.ops->release(view.self, calls[1].transfer);
    view.ops->release(view.self, calls[0].transfer);
    view.ops->release(view.self, calls[2].transfer);
    call_init(&calls[0], "silent");
    call_start(&calls[0]);
    run_for(20);
    view.ops->release(view.self, calls[0].transfer);
    run_for(20);
    assert_int_equal(calls[0].done, 0);
}

static void destroying_takes_running_calls_along(void **state)
{
    struct call calls[6];

    (void)state;
    use_fake_names();
    make_transfers(2, 0);
    for (size_t i = 0; i < 4; i++) {
        call_init(&calls[i], "silent");
        call_start(&calls[i]);
    }
    call_to_name(&calls[4], "hang.test", "ok");
    call_start(&calls[4]);
    call_init(&calls[5], "ok");
    calls[5].request.url = SY_STR("nonsense");
    call_start(&calls[5]);
    sy_transfers_destroy(transfers);
    transfers = NULL;
    for (size_t i = 0; i < SY_ARRAY_LEN(calls); i++)
        assert_int_equal(calls[i].done, 0);
    /* With a turn in between, too. */
    make_transfers(2, 0);
    for (size_t i = 0; i < 4; i++) {
        call_init(&calls[i], "silent");
        call_start(&calls[i]);
    }
    run_for(30);
    sy_transfers_destroy(transfers);
    transfers = NULL;
    run_for(30);
}

static void a_flush_lets_running_calls_end(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "slow");
    call_start(&call);
    run_for(20);
    sy_transfers_flush(transfers);
    sy_transfers_flush(transfers);
    run();
    assert_int_equal(call.failure, SY_NET_OK);
}

static void more_hosts_than_are_remembered_all_work(void **state)
{
    (void)state;
    use_fake_names();
    for (unsigned i = 0; i < 700; i++) {
        struct call call;
        char name[32];

        snprintf(name, sizeof(name), "h%u.test", i % 600);
        call_to_name(&call, name, "ok");
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
    }
}

/* A call that starts the next from inside `done`. */
struct chain {
    struct call call;
    unsigned left;
};

static void chain_done(struct sy_transfer *transfer, const struct sy_transfer_result *result,
                       void *ctx)
{
    struct chain *chain = ctx;

    assert_int_equal(result->failure, SY_NET_OK);
    view.ops->release(view.self, transfer);
    if (--chain->left == 0) {
        sy_loop_stop(loop);
        return;
    }
    chain->call.transfer = view.ops->start(view.self, &chain->call.what, chain_done, chain);
    assert_non_null(chain->call.transfer);
}

static void a_call_may_start_another_when_it_ends(void **state)
{
    struct chain chain = {.left = 200};
    int64_t begun = sy_clock_us();

    (void)state;
    call_init(&chain.call, "ok");
    chain.call.transfer = view.ops->start(view.self, &chain.call.what, chain_done, &chain);
    sy_loop_run(loop);
    assert_int_equal(chain.left, 0);
    print_message("%d us a call, one after the other\n", (int)((sy_clock_us() - begun) / 200));
}

static void a_pool_shrinks_to_what_is_in_use(void **state)
{
    struct call calls[20];

    (void)state;
    make_transfers(20, 0);
    for (size_t i = 0; i < SY_ARRAY_LEN(calls); i++) {
        call_init(&calls[i], "slow");
        call_start(&calls[i]);
    }
    run();
    assert_int_equal(transfers->idle_count, 20);
    assert_true(transfers->trim.slot > 0);
    /* In the time that ends there was one at the least, in the next one call at a time. */
    sy_transfers_trim(loop, &transfers->trim);
    assert_int_equal(transfers->idle_count, 19);
    call_init(&calls[0], "ok");
    call_run(&calls[0]);
    sy_transfers_trim(loop, &transfers->trim);
    assert_int_equal(transfers->idle_count, 1);
    sy_transfers_trim(loop, &transfers->trim);
    assert_int_equal(transfers->idle_count, 0);
    call_init(&calls[0], "ok");
    call_run(&calls[0]);
    assert_int_equal(calls[0].failure, SY_NET_OK);
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(deadlines_are_absolute_and_say_what_was_missing),
        T(a_deadline_that_has_passed_sends_nothing),
        T(no_connection_in_time_is_its_own_cause),
        T(a_call_that_never_gets_its_turn_was_not_started),
        T(replies_are_held_within_the_budget),
        T(a_thousand_calls_at_once_all_end),
        T(a_cancelled_call_is_not_heard_of_again),
        T(a_refused_call_can_be_cancelled_before_it_is_told),
        T(release_in_any_order_and_without_cancel),
        T(destroying_takes_running_calls_along),
        T(a_flush_lets_running_calls_end),
        T(more_hosts_than_are_remembered_all_work),
        T(a_call_may_start_another_when_it_ends),
        T(a_pool_shrinks_to_what_is_in_use),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
