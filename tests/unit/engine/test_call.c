#include "harness.h"

#include <string.h>

static const char policy[] = "version: 1\n"
                             "order: [native, pipedream, pending, worker]\n"
                             "native: [composio, scalekit]\n"
                             "unlisted: probe\n"
                             "fallback: {on: [vendor_unavailable, vendor_timeout], tries: 2, "
                             "total: 10s}\n"
                             "limits: {tenant: {rate: 1000/s, burst: 1000, in_flight: 50}}\n";

static const char rows[] =
    "- {toolkit: mail, vendor: composio, status: LIVE}\n"
    "- {toolkit: mail, vendor: scalekit, status: LIVE}\n"
    "- {tool: mail_read, toolkit: mail, vendor: composio, vendor_tool: MAIL_READ, match: exact, "
    "effect: read}\n"
    "- {tool: mail_read, toolkit: mail, vendor: scalekit, vendor_tool: mail_get, match: reviewed, "
    "effect: read}\n"
    "- {tool: mail_send, toolkit: mail, vendor: composio, vendor_tool: MAIL_SEND, match: exact, "
    "effect: write}\n"
    "- {tool: mail_send, toolkit: mail, vendor: scalekit, vendor_tool: mail_post, match: reviewed, "
    "effect: write}\n"
    "- {toolkit: solo, vendor: composio, status: LIVE}\n"
    "- {tool: solo_send, toolkit: solo, vendor: composio, vendor_tool: SOLO_SEND, match: exact, "
    "effect: write}\n"
    "- {tool: solo_read, toolkit: solo, vendor: composio, vendor_tool: SOLO_READ, match: exact, "
    "effect: read}\n";

static const struct scripted token = {.status = 200, .body = "token-1"};
static const struct scripted ok = {.status = 200, .body = "{\"big\":12345678901234567890}"};
static const struct scripted reset_sent = {
    .failure = SY_NET_RESET, .cause = SY_CAUSE_RESET, .started = true};
static const struct scripted refused = {.failure = SY_NET_UNREACHABLE,
                                        .cause = SY_CAUSE_CONNECT_REFUSED};

static unsigned sent_to(const struct harness *h, const char *path)
{
    unsigned count = 0;

    for (unsigned i = 0; i < h->sent_count; i++)
        count += strstr(h->sent[i].url, path) != NULL;
    return count;
}

static void expect(struct harness *h, unsigned n, const char *path, const char *raw)
{
    struct sy_str got = harness_member(h, n, path);

    if (!sy_str_eq(got, sy_str_of(raw)))
        fail_msg("%s is %.*s, want %s, in %s", path, SY_FMT(got), raw, h->answers[n].body);
}

static void a_result_passes_octet_for_octet(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "mail_send", NULL, 1000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    expect(&h, 0, "data", "{\"big\":12345678901234567890}");
    expect(&h, 0, "route.vendor", "\"composio\"");
    assert_string_equal(h.sent[1].body, "{\"n\":12345678901234567890}");
    harness_stop(&h);
}

static void a_warm_call_is_one_request(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    for (int i = 0; i < 5; i++) {
        harness_call(&h, "mail_read", NULL, 1000);
        harness_run(&h);
    }
    assert_int_equal(sent_to(&h, "mint/"), 1);
    assert_int_equal(sent_to(&h, "run/"), 5);
    harness_stop(&h);
}

static void many_simultaneous_401s_are_one_mint(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_call(&h, "mail_read", NULL, 1000);
    harness_run(&h);
    for (int i = 0; i < 20; i++) {
        harness_answer_with(&h, (struct scripted){.status = 401, .body = "{}"});
        harness_call(&h, "mail_read", NULL, 1000);
    }
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "token-2", .delay_ms = 20});
    harness_run(&h);
    assert_int_equal(sent_to(&h, "mint/"), 2);
    for (unsigned i = 0; i < h.answer_count; i++)
        assert_int_equal(h.answers[i].status, 200);
    harness_stop(&h);
}

static const struct sent *last_sent(const struct harness *h)
{
    return &h->sent[h->sent_count - 1];
}

static void what_the_transport_sends_again_is_one_of_the_tries(void **state)
{
    struct scripted resent = reset_sent;
    struct harness h;

    (void)state;
    resent.sends = 2;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, resent);
    harness_call(&h, "solo_read", NULL, 5000);
    harness_run(&h);
    assert_int_equal(sent_to(&h, "run/"), 1);
    assert_int_equal(last_sent(&h)->sends_max, 2);
    assert_int_equal(h.answers[0].status, 503);

    harness_answer_with(&h, reset_sent);
    harness_answer_with(&h, ok);
    harness_call(&h, "solo_read", NULL, 5000);
    harness_run(&h);
    assert_int_equal(sent_to(&h, "run/"), 3);
    assert_int_equal(last_sent(&h)->sends_max, 1);
    assert_int_equal(h.answers[1].status, 200);
    expect(&h, 1, "route.attempts", "2");
    harness_stop(&h);
}

static void a_write_that_may_have_arrived_is_not_sent_again(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, reset_sent);
    harness_call(&h, "mail_send", NULL, 1000);
    harness_run(&h);
    assert_int_equal(sent_to(&h, "run/"), 1);
    assert_int_equal(h.answers[0].status, 503);
    expect(&h, 0, "code", "\"vendor_unavailable\"");
    expect(&h, 0, "maybe_applied", "true");
    harness_stop(&h);
}

static void a_write_that_was_not_sent_goes_to_a_connected_vendor(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, refused);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "[{\"status\":\"ACTIVE\"}]"});
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "mail_send", NULL, 5000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    expect(&h, 0, "route.vendor", "\"scalekit\"");
    expect(&h, 0, "route.attempts", "2");
    harness_stop(&h);
}

static void a_fallback_without_an_active_connection_is_not_taken(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, refused);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "[{\"status\":\"EXPIRED\"}]"});
    harness_answer_with(&h, refused);
    harness_call(&h, "mail_read", NULL, 2000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 503);
    expect(&h, 0, "cause", "\"connect_refused\"");
    assert_int_equal(sent_to(&h, "accounts/"), 1);
    harness_stop(&h);
}

static void the_first_error_is_answered_when_the_fallback_fails_too(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, refused);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "[{\"status\":\"ACTIVE\"}]"});
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.status = 422, .body = "{}"});
    harness_call(&h, "mail_read", NULL, 5000);
    harness_run(&h);
    expect(&h, 0, "code", "\"vendor_unavailable\"");
    harness_stop(&h);
}

static void a_toolkit_not_set_up_here_runs_at_the_next_candidate(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.status = 404, .body = "{}"});
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "mail_read", NULL, 5000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    expect(&h, 0, "route.vendor", "\"scalekit\"");
    harness_stop(&h);
}

static void a_missing_connection_names_where_the_user_has_one(void **state)
{
    static const char *const accounts[] = {"[{\"status\":\"ACTIVE\"}]", "[]"};
    static const char *const connected_at[] = {"[\"scalekit\"]", "[]"};

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        struct harness h;

        harness_start(&h, policy, rows);
        harness_answer_with(&h, token);
        harness_answer_with(&h, (struct scripted){.status = 424, .body = "{}"});
        harness_answer_with(&h, (struct scripted){.status = 200, .body = accounts[i]});
        harness_call(&h, "mail_read", NULL, 1000);
        harness_run(&h);
        assert_int_equal(h.answers[0].status, 409);
        expect(&h, 0, "connected_at", connected_at[i]);
        assert_int_equal(sent_to(&h, "run/"), 1);
        harness_stop(&h);
    }
}

static void an_overload_says_when_to_come_again(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h,
                        (struct scripted){.failure = SY_NET_OVERLOADED, .cause = SY_CAUSE_MEMORY});
    harness_call(&h, "solo_read", NULL, 1000);
    harness_run(&h);
    expect(&h, 0, "code", "\"overloaded\"");
    assert_true(h.answers[0].retry_after_ms > 0);
    harness_stop(&h);
}

static void an_open_breaker_sends_nothing(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    for (int i = 0; i < 5; i++) {
        harness_answer_with(&h, reset_sent);
        harness_call(&h, "solo_send", NULL, 1000);
        harness_run(&h);
    }
    assert_int_equal(sent_to(&h, "run/"), 5);
    harness_call(&h, "solo_send", NULL, 1000);
    harness_run(&h);
    assert_int_equal(sent_to(&h, "run/"), 5);
    expect(&h, 5, "cause", "\"breaker_open\"");
    expect(&h, 5, "maybe_applied", "false");
    harness_stop(&h);
}

static void the_deadline_bounds_a_vendor_that_never_answers(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.started = true, .delay_ms = -1});
    harness_call(&h, "solo_send", NULL, 100);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 504);
    expect(&h, 0, "maybe_applied", "true");
    harness_stop(&h);
}

static void a_hung_up_read_is_cancelled_and_a_sent_write_runs_on(void **state)
{
    struct harness h;
    struct sy_call *call;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}", .delay_ms = 500});
    call = harness_call(&h, "solo_read", NULL, 2000);
    harness_run_ms(&h, 20);
    sy_call_hangup(call);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 408);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}", .delay_ms = 100});
    call = harness_call(&h, "solo_send", NULL, 2000);
    harness_run_ms(&h, 20);
    sy_call_hangup(call);
    harness_run(&h);
    assert_int_equal(h.answers[1].status, 200);
    harness_stop(&h);
}

static void every_call_leaves_a_row_before_its_answer(void **state)
{
    struct harness h;
    struct sy_arena arena;
    struct sy_str text;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "solo_read", NULL, 1000);
    harness_call(&h, "nosuch_kit_tool", NULL, 1000);
    harness_run(&h);
    sy_arena_init(&arena, (size_t)4 << 20);
    text = harness_ledger(&h, &arena);
    for (unsigned i = 0; i < h.answer_count; i++)
        assert_true(sy_str_find(text, sy_str_of(h.answers[i].call_id)) != (size_t)-1);
    assert_true(sy_str_find(text, SY_STR("\"outcome\":\"ok\"")) != (size_t)-1);
    sy_arena_release(&arena);
    harness_stop(&h);
}

static void an_unlisted_toolkit_is_asked_for_once_and_then_known(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{\"has\":1}"});
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}"});
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    harness_call(&h, "newkit_run", NULL, 4000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    assert_int_equal(sent_to(&h, "probe/"), 2);
    harness_call(&h, "newkit_run", NULL, 4000);
    harness_run(&h);
    assert_int_equal(h.answers[1].status, 200);
    assert_int_equal(sent_to(&h, "probe/"), 2);
    harness_stop(&h);
}

static void a_toolkit_nobody_has_opens_one_case(void **state)
{
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}"});
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}"});
    harness_call(&h, "quxcorp_run", NULL, 4000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 404);
    expect(&h, 0, "code", "\"toolkit_missing\"");
    assert_true(harness_member(&h, 0, "case_id").len > 7);
    harness_call(&h, "QUXCORP-RUN", NULL, 4000);
    harness_run(&h);
    assert_true(sy_str_eq(harness_member(&h, 0, "case_id"), harness_member(&h, 1, "case_id")));
    assert_int_equal(sent_to(&h, "probe/"), 2);
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_result_passes_octet_for_octet),
        cmocka_unit_test(a_warm_call_is_one_request),
        cmocka_unit_test(many_simultaneous_401s_are_one_mint),
        cmocka_unit_test(a_write_that_may_have_arrived_is_not_sent_again),
        cmocka_unit_test(a_write_that_was_not_sent_goes_to_a_connected_vendor),
        cmocka_unit_test(what_the_transport_sends_again_is_one_of_the_tries),
        cmocka_unit_test(a_fallback_without_an_active_connection_is_not_taken),
        cmocka_unit_test(the_first_error_is_answered_when_the_fallback_fails_too),
        cmocka_unit_test(a_toolkit_not_set_up_here_runs_at_the_next_candidate),
        cmocka_unit_test(a_missing_connection_names_where_the_user_has_one),
        cmocka_unit_test(an_overload_says_when_to_come_again),
        cmocka_unit_test(an_open_breaker_sends_nothing),
        cmocka_unit_test(the_deadline_bounds_a_vendor_that_never_answers),
        cmocka_unit_test(a_hung_up_read_is_cancelled_and_a_sent_write_runs_on),
        cmocka_unit_test(every_call_leaves_a_row_before_its_answer),
        cmocka_unit_test(an_unlisted_toolkit_is_asked_for_once_and_then_known),
        cmocka_unit_test(a_toolkit_nobody_has_opens_one_case),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
