#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include "engine/facts.h"

#define HOUR_MS 3600000

static struct sy_fact_scope scope_of(const struct sy_target *target, const char *tenant,
                                     const char *subject)
{
    return (struct sy_fact_scope){.vendor_index = 1,
                                  .credentials = 1,
                                  .tenant = sy_str_of(tenant),
                                  .subject = sy_str_of(subject),
                                  .target = target};
}

static const struct sy_target mail = {.toolkit = SY_STR_INIT("mail"),
                                      .vendor_slug = SY_STR_INIT("mail")};

struct asked {
    enum sy_fact_answer answer;
    struct sy_fact_wait wait;
    struct sy_fact_flight *flight;
    bool refresh;
};

static void came(struct sy_loop *loop, struct sy_task *task)
{
    (*(unsigned *)task->ctx)++;
    sy_loop_stop(loop);
}

struct rig {
    struct sy_fact_cache *cache;
    struct sy_loop *loop;
    unsigned came;
};

static void rig_start(struct rig *rig)
{
    struct sy_err err = SY_ERR_INIT;

    rig->came = 0;
    assert_int_equal(sy_facts_create(&rig->cache, &err), SY_OK);
    assert_int_equal(sy_loop_create(0, &rig->loop, &err), SY_OK);
}

static void rig_stop(struct rig *rig)
{
    sy_facts_free(rig->cache);
    sy_loop_destroy(rig->loop);
}

static void ask(struct rig *rig, const struct sy_fact_scope *scope, enum sy_fact_kind kind,
                uint64_t reject, int64_t now_ms, struct asked *asked)
{
    memset(asked, 0, sizeof(*asked));
    asked->wait.task.fn = came;
    asked->wait.task.ctx = &rig->came;
    asked->wait.loop = rig->loop;
    asked->answer = sy_facts_ask(rig->cache, scope, kind, SY_STR(""), reject, now_ms, &asked->wait,
                                 &asked->refresh, &asked->flight);
}

static void let_go(struct asked *asked)
{
    sy_blob_unref(asked->wait.blob);
    sy_blob_unref(asked->wait.failure_blob);
}

/* Asks, lands `value`, and takes it: what a first asker does. */
static uint64_t fetch(struct rig *rig, const struct sy_fact_scope *scope, enum sy_fact_kind kind,
                      const char *value, int64_t ttl_ms, int64_t now_ms)
{
    struct asked asked;
    uint64_t generation;

    ask(rig, scope, kind, 0, now_ms, &asked);
    assert_int_equal(asked.answer, SY_FACT_FLY);
    sy_facts_landed(rig->cache, asked.flight, sy_str_of(value), ttl_ms, NULL, now_ms);
    sy_loop_run(rig->loop);
    assert_true(sy_str_eq(sy_blob_str(asked.wait.blob), sy_str_of(value)));
    generation = asked.wait.generation;
    let_go(&asked);
    return generation;
}

static void expect_hit(struct rig *rig, const struct sy_fact_scope *scope, enum sy_fact_kind kind,
                       int64_t now_ms, const char *value)
{
    struct asked asked;

    ask(rig, scope, kind, 0, now_ms, &asked);
    assert_int_equal(asked.answer, SY_FACT_HIT);
    assert_true(sy_str_eq(sy_blob_str(asked.wait.blob), sy_str_of(value)));
    if (asked.flight)
        sy_facts_landed(rig->cache, asked.flight, sy_str_of(value), 1, NULL, now_ms);
    let_go(&asked);
}

static void expect_miss(struct rig *rig, const struct sy_fact_scope *scope, enum sy_fact_kind kind,
                        int64_t now_ms)
{
    struct asked asked;

    ask(rig, scope, kind, 0, now_ms, &asked);
    assert_int_equal(asked.answer, SY_FACT_FLY);
    assert_true(sy_facts_cancel(rig->cache, &asked.wait));
    sy_facts_landed(rig->cache, asked.flight, SY_STR("none"), 0, NULL, now_ms);
}

/* ---- one loop ---- */

static void users_tenants_and_credentials_share_no_account(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "ab", "c");
    struct rig rig;

    (void)state;
    rig_start(&rig);
    fetch(&rig, &scope, SY_FACT_ACCOUNTS, "[1]", HOUR_MS, 0);
    expect_hit(&rig, &scope, SY_FACT_ACCOUNTS, 1, "[1]");
    scope = scope_of(&mail, "a", "bc");
    expect_miss(&rig, &scope, SY_FACT_ACCOUNTS, 1);
    scope = scope_of(&mail, "ab", "d");
    expect_miss(&rig, &scope, SY_FACT_ACCOUNTS, 1);
    scope = scope_of(&mail, "ab", "c");
    scope.credentials = 2;
    expect_miss(&rig, &scope, SY_FACT_ACCOUNTS, 1);
    scope.credentials = 1;
    scope.vendor_index = 2;
    expect_miss(&rig, &scope, SY_FACT_ACCOUNTS, 1);
    rig_stop(&rig);
}

static void all_tenants_share_a_vendors_token(void **state)
{
    struct sy_fact_scope one = scope_of(&mail, "acme", "u1"), two = scope_of(&mail, "zeta", "u2");
    struct rig rig;

    (void)state;
    rig_start(&rig);
    fetch(&rig, &one, SY_FACT_TOKEN, "t", HOUR_MS, 0);
    expect_hit(&rig, &two, SY_FACT_TOKEN, 1, "t");
    rig_stop(&rig);
}

static void a_refused_generation_is_not_served_again(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct asked asked;
    uint64_t generation;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    generation = fetch(&rig, &scope, SY_FACT_TOKEN, "old", HOUR_MS, 0);
    ask(&rig, &scope, SY_FACT_TOKEN, generation, 1, &asked);
    assert_int_equal(asked.answer, SY_FACT_FLY);
    sy_facts_landed(rig.cache, asked.flight, SY_STR("new"), HOUR_MS, NULL, 1);
    sy_loop_run(rig.loop);
    assert_true(asked.wait.generation > generation);
    let_go(&asked);
    /* A late one who was refused with the old one as well finds the new one. */
    ask(&rig, &scope, SY_FACT_TOKEN, generation, 2, &asked);
    assert_int_equal(asked.answer, SY_FACT_HIT);
    assert_true(sy_str_eq(sy_blob_str(asked.wait.blob), SY_STR("new")));
    let_go(&asked);
    rig_stop(&rig);
}

static void one_asker_refreshes_a_token_before_it_ends(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct asked first, second;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    fetch(&rig, &scope, SY_FACT_TOKEN, "old", HOUR_MS, 0);
    expect_hit(&rig, &scope, SY_FACT_TOKEN, HOUR_MS - 301000, "old");
    ask(&rig, &scope, SY_FACT_TOKEN, 0, HOUR_MS - 299000, &first);
    ask(&rig, &scope, SY_FACT_TOKEN, 0, HOUR_MS - 299000, &second);
    assert_int_equal(first.answer, SY_FACT_HIT);
    assert_true(first.refresh);
    assert_int_equal(second.answer, SY_FACT_HIT);
    assert_false(second.refresh);
    sy_facts_landed(rig.cache, first.flight, SY_STR("new"), HOUR_MS, NULL, HOUR_MS - 298000);
    let_go(&first);
    let_go(&second);
    expect_hit(&rig, &scope, SY_FACT_TOKEN, HOUR_MS + 1, "new");
    rig_stop(&rig);
}

static void a_link_is_not_made_anew_before_it_ends(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct asked asked;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    fetch(&rig, &scope, SY_FACT_LINK, "{}", HOUR_MS, 0);
    ask(&rig, &scope, SY_FACT_LINK, 0, HOUR_MS - 1, &asked);
    assert_int_equal(asked.answer, SY_FACT_HIT);
    assert_false(asked.refresh);
    let_go(&asked);
    rig_stop(&rig);
}

static void a_failed_refresh_leaves_a_value_that_holds(void **state)
{
    const struct sy_failure down = {.code = SY_CODE_VENDOR_UNAVAILABLE, .detail = SY_STR("down")};
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct asked asked;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    fetch(&rig, &scope, SY_FACT_TOKEN, "old", HOUR_MS, 0);
    ask(&rig, &scope, SY_FACT_TOKEN, 0, HOUR_MS - 1000, &asked);
    assert_true(asked.refresh);
    sy_facts_landed(rig.cache, asked.flight, (struct sy_str){NULL, 0}, 0, &down, HOUR_MS - 900);
    let_go(&asked);
    expect_hit(&rig, &scope, SY_FACT_TOKEN, HOUR_MS - 800, "old");
    rig_stop(&rig);
}

static void a_failure_is_remembered_for_a_second(void **state)
{
    struct sy_failure down = {.code = SY_CODE_VENDOR_UNAVAILABLE, .detail = SY_STR("down")};
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct asked asked;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    ask(&rig, &scope, SY_FACT_TOOL, 0, 0, &asked);
    sy_facts_landed(rig.cache, asked.flight, (struct sy_str){NULL, 0}, 0, &down, 0);
    sy_loop_run(rig.loop);
    assert_int_equal(asked.wait.failure.code, SY_CODE_VENDOR_UNAVAILABLE);
    let_go(&asked);
    ask(&rig, &scope, SY_FACT_TOOL, 0, 999, &asked);
    assert_int_equal(asked.answer, SY_FACT_HIT);
    assert_true(sy_str_eq(asked.wait.failure.detail, SY_STR("down")));
    let_go(&asked);
    expect_miss(&rig, &scope, SY_FACT_TOOL, 1001);
    rig_stop(&rig);
}

/* A mint that fails, and what is remembered at `at_ms`: true if nothing is asked. */
static bool mint_is_remembered(struct rig *rig, const struct sy_fact_scope *scope,
                               enum sy_cause cause, int64_t at_ms, int64_t *ret_wait_ms)
{
    struct sy_failure down = {.code = SY_CODE_VENDOR_UNAVAILABLE, .cause = cause};
    struct asked asked;
    bool hit;

    ask(rig, scope, SY_FACT_TOKEN, 0, 0, &asked);
    assert_int_equal(asked.answer, SY_FACT_FLY);
    sy_facts_landed(rig->cache, asked.flight, (struct sy_str){NULL, 0}, 0, &down, 0);
    sy_loop_run(rig->loop);
    let_go(&asked);
    ask(rig, scope, SY_FACT_TOKEN, 0, at_ms, &asked);
    hit = asked.answer == SY_FACT_HIT;
    *ret_wait_ms = asked.wait.failure.retry_after_ms;
    if (!hit) {
        assert_true(sy_facts_cancel(rig->cache, &asked.wait));
        sy_facts_landed(rig->cache, asked.flight, SY_STR("none"), 0, NULL, at_ms);
    }
    let_go(&asked);
    return hit;
}

static void a_mint_that_failed_at_the_vendor_is_not_repeated_for_a_minute(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct rig rig;
    int64_t wait_ms;

    (void)state;
    rig_start(&rig);
    assert_true(mint_is_remembered(&rig, &scope, SY_CAUSE_VENDOR_5XX, 59000, &wait_ms));
    assert_int_equal(wait_ms, 1000);
    rig_stop(&rig);
    rig_start(&rig);
    assert_false(mint_is_remembered(&rig, &scope, SY_CAUSE_VENDOR_5XX, 60001, &wait_ms));
    rig_stop(&rig);
    rig_start(&rig);
    assert_false(mint_is_remembered(&rig, &scope, SY_CAUSE_CONNECT_REFUSED, 1001, &wait_ms));
    rig_stop(&rig);
}

/* A refused token, and the one that is minted instead of it. */
static uint64_t refused_and_minted_anew(struct rig *rig, const struct sy_fact_scope *scope,
                                        bool taken)
{
    uint64_t first = fetch(rig, scope, SY_FACT_TOKEN, "first", HOUR_MS, 0);
    uint64_t second;
    struct asked asked;

    sy_facts_forget(rig->cache, scope, SY_FACT_TOKEN, SY_STR(""), first);
    second = fetch(rig, scope, SY_FACT_TOKEN, "second", HOUR_MS, 10);
    ask(rig, scope, SY_FACT_TOKEN, 0, 11, &asked);
    atomic_store(&asked.wait.blob->proven, taken);
    let_go(&asked);
    sy_facts_forget(rig->cache, scope, SY_FACT_TOKEN, SY_STR(""), second);
    return second;
}

static void a_token_that_nobody_takes_is_minted_once_a_minute(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    struct asked asked;
    struct rig rig;
    uint64_t second;

    (void)state;
    rig_start(&rig);
    second = refused_and_minted_anew(&rig, &scope, false);
    ask(&rig, &scope, SY_FACT_TOKEN, second, 60009, &asked);
    assert_int_equal(asked.answer, SY_FACT_HIT);
    assert_int_equal(asked.wait.failure.code, SY_CODE_VENDOR_AUTH);
    let_go(&asked);
    /* Others go on with it. */
    expect_hit(&rig, &scope, SY_FACT_TOKEN, 60009, "second");
    ask(&rig, &scope, SY_FACT_TOKEN, second, 60011, &asked);
    assert_int_equal(asked.answer, SY_FACT_FLY);
    assert_true(sy_facts_cancel(rig.cache, &asked.wait));
    sy_facts_landed(rig.cache, asked.flight, SY_STR("none"), 0, NULL, 60011);
    rig_stop(&rig);
    rig_start(&rig);
    refused_and_minted_anew(&rig, &scope, true);
    expect_miss(&rig, &scope, SY_FACT_TOKEN, 12);
    rig_stop(&rig);
}

static void only_what_was_seen_is_forgotten(void **state)
{
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");
    uint64_t old, new;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    old = fetch(&rig, &scope, SY_FACT_ACCOUNTS, "[1]", 100, 0);
    new = fetch(&rig, &scope, SY_FACT_ACCOUNTS, "[2]", HOUR_MS, 200);
    sy_facts_forget(rig.cache, &scope, SY_FACT_ACCOUNTS, SY_STR(""), old);
    expect_hit(&rig, &scope, SY_FACT_ACCOUNTS, 300, "[2]");
    sy_facts_forget(rig.cache, &scope, SY_FACT_ACCOUNTS, SY_STR(""), new);
    expect_miss(&rig, &scope, SY_FACT_ACCOUNTS, 300);
    rig_stop(&rig);
}

static void the_cache_keeps_within_its_bytes(void **state)
{
    static char value[1 << 20];
    struct rig rig;
    char user[16];

    (void)state;
    rig_start(&rig);
    memset(value, '1', sizeof(value) - 1);
    for (int i = 0; i < 100; i++) {
        struct sy_fact_scope scope = scope_of(&mail, "acme", user);

        snprintf(user, sizeof(user), "u%d", i);
        scope.subject = sy_str_of(user);
        fetch(&rig, &scope, SY_FACT_ACCOUNTS, value, HOUR_MS, 0);
        expect_hit(&rig, &scope, SY_FACT_ACCOUNTS, 1, value);
    }
    {
        struct sy_fact_scope scope = scope_of(&mail, "acme", "u0");

        expect_miss(&rig, &scope, SY_FACT_ACCOUNTS, 1);
    }
    rig_stop(&rig);
}

/* ---- two loops ---- */

#define ASKERS 200

struct side {
    struct sy_fact_cache *cache;
    struct sy_loop *loop;
    pthread_t thread;
    struct sy_task task;
    struct asked asked[ASKERS];
    unsigned came, cancelled;
    bool cancels; /* every second one changes its mind */
    _Atomic unsigned *flights;
    _Atomic(struct sy_fact_flight *) *flight;
    _Atomic unsigned *have_asked;
};

static void side_ends(struct side *side)
{
    if (side->came + side->cancelled == ASKERS)
        sy_loop_stop(side->loop);
}

static void side_came(struct sy_loop *loop, struct sy_task *task)
{
    struct side *side = task->ctx;

    (void)loop;
    side->came++;
    side_ends(side);
}

static void side_asks(struct sy_loop *loop, struct sy_task *task)
{
    struct side *side = task->ctx;
    struct sy_fact_scope scope = scope_of(&mail, "acme", "u1");

    (void)loop;
    for (unsigned i = 0; i < ASKERS; i++) {
        struct asked *asked = &side->asked[i];

        memset(asked, 0, sizeof(*asked));
        asked->wait.task.fn = side_came;
        asked->wait.task.ctx = side;
        asked->wait.loop = side->loop;
        asked->answer = sy_facts_ask(side->cache, &scope, SY_FACT_TOKEN, SY_STR(""), 0, 0,
                                     &asked->wait, &asked->refresh, &asked->flight);
        if (asked->answer == SY_FACT_FLY) {
            atomic_fetch_add(side->flights, 1);
            atomic_store(side->flight, asked->flight);
        }
        if (asked->answer == SY_FACT_HIT)
            side->came++;
    }
    atomic_fetch_add(side->have_asked, 1);
    /* While the other thread lands the flight. */
    for (unsigned i = 0; side->cancels && i < ASKERS; i += 2)
        if (side->asked[i].answer != SY_FACT_HIT &&
            sy_facts_cancel(side->cache, &side->asked[i].wait))
            side->cancelled++;
    side_ends(side);
}

static void *side_main(void *arg)
{
    struct side *side = arg;

    sy_loop_run(side->loop);
    return NULL;
}

static void two_sides(bool cancels, bool land_early)
{
    static struct side sides[2];
    _Atomic unsigned flights = 0, have_asked = 0;
    _Atomic(struct sy_fact_flight *) flight = NULL;
    struct sy_err err = SY_ERR_INIT;
    struct sy_fact_cache *cache;

    assert_int_equal(sy_facts_create(&cache, &err), SY_OK);
    memset(sides, 0, sizeof(sides));
    for (unsigned i = 0; i < 2; i++) {
        struct side *side = &sides[i];

        side->cache = cache;
        side->cancels = cancels;
        side->flights = &flights;
        side->flight = &flight;
        side->have_asked = &have_asked;
        assert_int_equal(sy_loop_create(i, &side->loop, &err), SY_OK);
        side->task = (struct sy_task){.fn = side_asks, .ctx = side};
        sy_loop_post(side->loop, &side->task);
        assert_int_equal(pthread_create(&side->thread, NULL, side_main, side), 0);
    }
    while (!atomic_load(&flight) || (!land_early && atomic_load(&have_asked) < 2))
        sched_yield();
    sy_facts_landed(cache, atomic_load(&flight), SY_STR("token"), HOUR_MS, NULL, 0);
    for (unsigned i = 0; i < 2; i++)
        assert_int_equal(pthread_join(sides[i].thread, NULL), 0);
    assert_int_equal(atomic_load(&flights), 1);
    for (unsigned i = 0; i < 2; i++) {
        unsigned have = 0;

        for (unsigned k = 0; k < ASKERS; k++) {
            have += sides[i].asked[k].wait.blob != NULL;
            let_go(&sides[i].asked[k]);
        }
        assert_int_equal(have, sides[i].came);
        assert_int_equal(sides[i].came + sides[i].cancelled, ASKERS);
        sy_loop_destroy(sides[i].loop);
    }
    sy_facts_free(cache);
}

static void all_who_ask_on_two_loops_wait_for_one_flight(void **state)
{
    (void)state;
    for (int i = 0; i < 20; i++)
        two_sides(/* cancels= */ false, /* land_early= */ i % 2);
}

static void who_cancels_while_it_lands_gets_either_not_both(void **state)
{
    (void)state;
    for (int i = 0; i < 100; i++)
        two_sides(/* cancels= */ true, /* land_early= */ i % 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(users_tenants_and_credentials_share_no_account),
        cmocka_unit_test(all_tenants_share_a_vendors_token),
        cmocka_unit_test(a_refused_generation_is_not_served_again),
        cmocka_unit_test(one_asker_refreshes_a_token_before_it_ends),
        cmocka_unit_test(a_link_is_not_made_anew_before_it_ends),
        cmocka_unit_test(a_failed_refresh_leaves_a_value_that_holds),
        cmocka_unit_test(a_failure_is_remembered_for_a_second),
        cmocka_unit_test(a_mint_that_failed_at_the_vendor_is_not_repeated_for_a_minute),
        cmocka_unit_test(a_token_that_nobody_takes_is_minted_once_a_minute),
        cmocka_unit_test(only_what_was_seen_is_forgotten),
        cmocka_unit_test(the_cache_keeps_within_its_bytes),
        cmocka_unit_test(all_who_ask_on_two_loops_wait_for_one_flight),
        cmocka_unit_test(who_cancels_while_it_lands_gets_either_not_both),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
