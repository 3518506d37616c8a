#include "harness.h"

#include <string.h>

#include "base/clock.h"
#include "engine/idempotency.h"

/* The other process is the store's: what it would have written there is put in by hand. */

static const char policy[] = "version: 1\n"
                             "native: [composio]\n"
                             "unlisted: probe\n"
                             "limits: {tenant: {rate: 1000/s, burst: 1000, in_flight: 50}}\n";

static const char rows[] =
    "- {toolkit: solo, vendor: composio, status: LIVE}\n"
    "- {tool: solo_send, toolkit: solo, vendor: composio, vendor_tool: SOLO_SEND, match: exact, "
    "effect: write}\n";

static const struct scripted token = {.status = 200, .body = "token-1"};
static const struct scripted ok = {.status = 200, .body = "{}"};

#define OTHERS_CALL "call_01JDOTHER0000000000000000"

struct others {
    struct sy_idempotency_row row;
    bool put; /* the answer; else the claim alone */
    int status;
};

static void write_row(struct sy_store *store, struct sy_writer_job *job)
{
    struct others *others = job->ctx;
    struct sy_err err = SY_ERR_INIT;

    others->status =
        others->put ? store->ops->put_idempotency(store, &others->row, 1, &err)
                    : store->ops->claim_idempotency(store, &others->row, sy_clock_unix_ms(), &err);
}

/* What the other process's call with this key and body left; `answer` NULL: it still runs. */
static void other_process(struct harness *h, const char *key, const char *body, const char *answer)
{
    struct sy_idempotency_key made =
        sy_idempotency_key_make(SY_STR("acme"), sy_str_of(key), sy_str_of(body));
    struct others others = {.row = {.tenant = SY_STR("acme"),
                                    .call_id = SY_STR(OTHERS_CALL),
                                    .expires_at_ms = sy_clock_unix_ms() + IDEMPOTENCY_KEEP_MS,
                                    .unknown = !answer,
                                    .status = answer ? 200 : 0,
                                    .answer = sy_str_of(answer)},
                            .put = answer != NULL};

    memcpy(others.row.key_hash, made.key, sizeof(made.key));
    memcpy(others.row.body_hash, made.body, sizeof(made.body));
    sy_writer_run(h->writer, write_row, &others);
    assert_int_equal(others.status, SY_OK);
}

static void begin(struct harness *h)
{
    struct sy_err err = SY_ERR_INIT;

    harness_start(h, policy, rows);
    assert_int_equal(sy_engine_share_keys(h->engine, &err), SY_OK);
}

static void expect(struct harness *h, unsigned n, const char *path, const char *raw)
{
    struct sy_str got = harness_member(h, n, path);

    if (!sy_str_eq(got, sy_str_of(raw)))
        fail_msg("%s is %.*s, want %s, in %s", path, SY_FMT(got), raw, h->answers[n].body);
}

static void a_key_that_is_free_is_claimed_and_runs_once(void **state)
{
    struct harness h;

    (void)state;
    begin(&h);
    harness_answer_with(&h, token);
    harness_answer_with(&h, ok);
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run(&h);
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    assert_int_equal(h.answers[1].status, 200);
    assert_true(h.answers[1].replayed);
    assert_string_equal(h.answers[0].body, h.answers[1].body);
    assert_int_equal(h.sent_count, 2);
    harness_stop(&h);
}

static void a_key_under_way_at_the_other_waits_for_its_answer(void **state)
{
    struct harness h;

    (void)state;
    begin(&h);
    other_process(&h, "k1", "solo_send", NULL);
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run_ms(&h, 150);
    assert_int_equal(h.answer_count, 0);
    other_process(&h, "k1", "solo_send", "{\"data\":7}");
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    assert_true(h.answers[0].replayed);
    assert_string_equal(h.answers[0].body, "{\"data\":7}");
    assert_int_equal(h.sent_count, 0);
    harness_stop(&h);
}

static void a_key_that_the_other_has_for_another_body_is_a_conflict(void **state)
{
    struct harness h;

    (void)state;
    begin(&h);
    other_process(&h, "k1", "another body", "{\"data\":7}");
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run(&h);
    expect(&h, 0, "code", "\"idempotency_conflict\"");
    assert_int_equal(h.sent_count, 0);
    harness_stop(&h);
}

static void a_key_that_nobody_answered_is_unknown_once_the_other_is_gone(void **state)
{
    struct sy_err err = SY_ERR_INIT;
    struct harness h;

    (void)state;
    begin(&h);
    other_process(&h, "k1", "solo_send", NULL);
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run_ms(&h, 150);
    assert_int_equal(sy_engine_own_keys(h.engine, &err), SY_OK);
    harness_run(&h);
    expect(&h, 0, "code", "\"outcome_unknown\"");
    assert_int_equal(h.sent_count, 0);
    harness_stop(&h);
}

static void waiting_for_the_other_ends_at_the_deadline(void **state)
{
    struct harness h;

    (void)state;
    begin(&h);
    other_process(&h, "k1", "solo_send", NULL);
    (void)harness_call(&h, "solo_send", "k1", 300);
    harness_run(&h);
    assert_true(h.answers[0].status >= 400);
    assert_true(h.answers[0].valid);
    assert_int_equal(h.sent_count, 0);
    harness_stop(&h);
}

static void a_call_under_way_is_claimed_when_sharing_begins(void **state)
{
    struct sy_err err = SY_ERR_INIT;
    struct harness h;

    (void)state;
    harness_start(&h, policy, rows);
    harness_answer_with(&h, token);
    harness_answer_with(&h, (struct scripted){.status = 200, .body = "{}", .delay_ms = 300});
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run_ms(&h, 100);
    assert_int_equal(sy_engine_share_keys(h.engine, &err), SY_OK);
    (void)harness_call(&h, "solo_send", "k1", 30000);
    harness_run(&h);
    assert_int_equal(h.answers[0].status, 200);
    assert_int_equal(h.answers[1].status, 200);
    assert_string_equal(h.answers[0].body, h.answers[1].body);
    assert_int_equal(h.sent_count, 2);
    harness_stop(&h);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_that_is_free_is_claimed_and_runs_once),
        cmocka_unit_test(a_key_under_way_at_the_other_waits_for_its_answer),
        cmocka_unit_test(a_key_that_the_other_has_for_another_body_is_a_conflict),
        cmocka_unit_test(a_key_that_nobody_answered_is_unknown_once_the_other_is_gone),
        cmocka_unit_test(waiting_for_the_other_ends_at_the_deadline),
        cmocka_unit_test(a_call_under_way_is_claimed_when_sharing_begins),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
