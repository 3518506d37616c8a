#include "harness.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"

static const char policy[] = "version: 1\n"
                             "order: [native, pipedream, pending, worker]\n"
                             "native: [composio, scalekit]\n"
                             "unlisted: probe\n"
                             "fallback: {on: [vendor_unavailable], tries: 1, total: 10s}\n"
                             "limits: {tenant: {rate: 1000/s, burst: 1000, in_flight: 50}}\n";

static const char rows[] =
    "- {toolkit: solo, vendor: composio, status: LIVE}\n"
    "- {tool: solo_send, toolkit: solo, vendor: composio, vendor_tool: SOLO_SEND, match: exact, "
    "effect: write}\n"
    "- {tool: solo_read, toolkit: solo, vendor: composio, vendor_tool: SOLO_READ, match: exact, "
    "effect: read}\n";

/* At the second vendor nothing says what the tool is called. */
static const char unmapped[] = "- {toolkit: duo, vendor: composio, status: LIVE}\n"
                               "- {toolkit: duo, vendor: scalekit, status: LIVE}\n"
                               "- {tool: duo_send, toolkit: duo, vendor: composio, vendor_tool: "
                               "DUO_SEND, match: exact, effect: write}\n";

static const struct scripted token = {.status = 200, .body = "token-1"};
static const struct scripted ok = {.status = 200, .body = "{}"};
static const struct scripted silent = {.started = true, .delay_ms = -1};

static unsigned sent_to(const struct harness *h, const char *path)
{
    unsigned count = 0;

    for (unsigned i = 0; i < h->sent_count; i++)
        count += strstr(h->sent[i].url, path) != NULL;
    return count;
}

/* ---- what the vendor says besides the result ---- */

static void a_large_vendor_reply_leaves_the_answer_whole(void **state)
{
    enum { SIZE = 600 * 1024 };
    char *text = malloc(SIZE + 1);
    struct harness h;

    (void)state;
    assert_non_null(text);
    memset(text, 'x', SIZE);
    memcpy(text, "{\"log\":\"", 8);
    memcpy(text + SIZE - 2, "\"}", 3);
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.status = 206, .body = text});
    harness_call(&h, "solo_send", NULL, 1000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    assert_true(h.answers[0].valid);
    assert_true(h.answers[0].bytes > SIZE);
    harness_stop(&h);
    free(text);
}

/* ---- deadlines ---- */

static void impatient_callers_do_not_close_a_vendor_for_others(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "solo_read", NULL, 1000);
    harness_run(&h);
    for (unsigned i = 1; i <= 8; i++) {
        harness_answer_with(&h, silent);
        harness_call(&h, "solo_read", NULL, 20);
        harness_run(&h);
        assert_int_equal(h.answers[i].status, 504);
    }
    assert_int_equal(sent_to(&h, "run/"), 9);
    harness_answer_with(&h, ok);
    harness_call(&h, "solo_read", NULL, 1000);
    harness_run(&h);
    assert_int_equal(h.answers[9].status, 200);
    harness_stop(&h);
}

static void an_open_breaker_moves_no_call_to_a_vendor_that_is_not_mapped(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, unmapped);
    harness_answer_with(&h, token);
    for (int i = 0; i < 5; i++) {
        harness_answer_with(
            &h,
            (struct scripted){.failure = SY_NET_RESET, .cause = SY_CAUSE_RESET, .started = true});
        harness_call(&h, "duo_send", NULL, 1000);
        harness_run(&h);
    }
    harness_call(&h, "duo_send", NULL, 1000);
    harness_run(&h);
    assert_int_equal(h.answers[5].status, 503);
    assert_true(sy_str_eq(harness_member(&h, 5, "cause"), SY_STR("\"breaker_open\"")));
    assert_int_equal(sent_to(&h, "run/"), 5);
    harness_stop(&h);
}

static void a_401_that_comes_late_finds_the_token_minted_since(void **state)
{
    const struct scripted refused = {.status = 401, .body = "{}"},
                          refused_late = {.status = 401, .body = "{}", .delay_ms = 60};
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "solo_read", NULL, 1000);
    harness_run(&h);
    harness_answer_with(&h, refused_late);
    harness_answer_with(&h, refused);
    harness_answer_with(&h, token);
    harness_call(&h, "solo_read", NULL, 1000);
    harness_call(&h, "solo_read", NULL, 1000);
    harness_run(&h);
    assert_int_equal(h.answers[1].status, 200);
    assert_int_equal(h.answers[2].status, 200);
    assert_int_equal(sent_to(&h, "mint/"), 2);
    harness_stop(&h);
}

struct asked {
    struct harness *h;
    bool ok;
    enum sy_code code;
};

static void ask_answered(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx)
{
    struct asked *asked = ctx;

    (void)ask;
    asked->ok = result->ok;
    asked->code = result->ok ? SY_CODE_NONE : result->failure->code;
    sy_loop_stop(asked->h->loop);
}

static void a_question_does_not_outlive_its_deadline_while_a_token_is_minted(void **state)
{
    struct sy_operation what = {
        .op = SY_OP_EXECUTE, .tool = SY_STR("X"), .arguments = SY_STR("{}")};
    struct harness h;
    struct asked asked = {.h = &h};
    int64_t began_ms;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "late", .delay_ms = 1500});
    began_ms = sy_clock_ms();
    assert_non_null(
        sy_engine_ask(h.el, 0, &what, SY_STR("s"), began_ms + 50, ask_answered, &asked));
    sy_loop_run(h.loop);
    assert_true(sy_clock_ms() - began_ms < 1000);
    assert_false(asked.ok);
    assert_int_equal(asked.code, SY_CODE_VENDOR_TIMEOUT);
    assert_int_equal(sent_to(&h, "run/"), 0);
    harness_run_ms(&h, 1700); /* the mint lands with nobody left */
    harness_stop(&h);
}

static void a_call_that_hangs_up_while_its_intent_is_written_sends_nothing(void **state)
{
    struct sy_call *call;
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}", .delay_ms = 50});
    harness_call(&h, "solo_read", NULL, 1000);
    harness_run(&h);
    call = harness_call(&h, "solo_send", NULL, 1000);
    sy_call_hangup(call);
    harness_run(&h);
    assert_int_equal(h.answers[1].status, 408);
    assert_int_equal(sent_to(&h, "run/"), 1);
    harness_stop(&h);
}

/* ---- snapshots and loops that come and go ---- */

static void *publish(void *arg)
{
    struct sy_engine *engine = arg;

    /* The same snapshot again is enough: nobody frees it. */
    sy_engine_publish(engine, (struct sy_snapshot *)(uintptr_t)sy_engine_published(engine), NULL,
                      NULL);
    return NULL;
}

static void a_loop_that_ends_does_not_hold_up_a_publisher(void **state)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_engine_loop *el;
    struct sy_transfers none = {0};
    struct sy_loop *loop;
    pthread_t thread;
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    assert_int_equal(sy_loop_create(1, &loop, &err), SY_OK);
    assert_int_equal(sy_engine_attach(h.engine, loop, none, &el, &err), SY_OK);
    assert_int_equal(pthread_create(&thread, NULL, publish, h.engine), 0);
    harness_run_ms(&h, 50); /* takes its own part; the other loop never turns */
    sy_engine_leave(el);
    assert_int_equal(pthread_join(thread, NULL), 0);
    /* And from now on nobody waits for it at all. */
    assert_int_equal(pthread_create(&thread, NULL, publish, h.engine), 0);
    harness_run_ms(&h, 50);
    assert_int_equal(pthread_join(thread, NULL), 0);
    sy_engine_detach(el);
    sy_loop_destroy(loop);
    harness_stop(&h);
}

static void count_drain(void *ctx)
{
    (*(unsigned *)ctx)++;
}

static void a_drain_waits_for_a_question_to_the_store_that_its_call_has_left(void **state)
{
    unsigned drained = 0;
    struct sy_call *call;
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}"});
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}"});
    call = harness_call(&h, "newkit_run", NULL, 1000);
    for (int i = 0; i < 3 && h.waiting; i++)
        harness_run_ms(&h, 1);
    if (h.waiting)
        sy_call_hangup(call);
    sy_engine_drain(h.el, count_drain, &drained);
    harness_run_ms(&h, 100);
    assert_int_equal(drained, 1);
    assert_int_equal(h.waiting, 0);
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_large_vendor_reply_leaves_the_answer_whole),
        cmocka_unit_test(impatient_callers_do_not_close_a_vendor_for_others),
        cmocka_unit_test(an_open_breaker_moves_no_call_to_a_vendor_that_is_not_mapped),
        cmocka_unit_test(a_401_that_comes_late_finds_the_token_minted_since),
        cmocka_unit_test(a_question_does_not_outlive_its_deadline_while_a_token_is_minted),
        cmocka_unit_test(a_call_that_hangs_up_while_its_intent_is_written_sends_nothing),
        cmocka_unit_test(a_loop_that_ends_does_not_hold_up_a_publisher),
        cmocka_unit_test(a_drain_waits_for_a_question_to_the_store_that_its_call_has_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
