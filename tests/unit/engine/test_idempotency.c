#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "engine/idempotency.h"

struct rig {
    struct sy_idempotency *index;
    struct sy_loop *loop;
    unsigned woken;
};

static void woken(struct sy_loop *loop, struct sy_task *task)
{
    (*(unsigned *)task->ctx)++;
    sy_loop_stop(loop);
}

static void rig_start(struct rig *rig)
{
    struct sy_err err = SY_ERR_INIT;

    rig->woken = 0;
    assert_int_equal(sy_idempotency_create(&rig->index, &err), SY_OK);
    assert_int_equal(sy_loop_create(0, &rig->loop, &err), SY_OK);
}

static void rig_stop(struct rig *rig)
{
    sy_idempotency_free(rig->index);
    sy_loop_destroy(rig->loop);
}

static struct sy_idempotency_key key_of(const char *tenant, const char *key, const char *body)
{
    return sy_idempotency_key_make(sy_str_of(tenant), sy_str_of(key), sy_str_of(body));
}

static enum sy_idempotency_verdict begin(struct rig *rig, const struct sy_idempotency_key *key,
                                         int64_t now_ms, struct sy_idempotency_wait *wait,
                                         struct sy_idempotency_answer *answer)
{
    memset(wait, 0, sizeof(*wait));
    wait->task.fn = woken;
    wait->task.ctx = &rig->woken;
    wait->loop = rig->loop;
    return sy_idempotency_begin(rig->index, key, now_ms, wait, answer);
}

static enum sy_idempotency_verdict verdict(struct rig *rig, const struct sy_idempotency_key *key,
                                           int64_t now_ms)
{
    struct sy_idempotency_wait wait;
    struct sy_idempotency_answer answer;
    enum sy_idempotency_verdict verdict = begin(rig, key, now_ms, &wait, &answer);

    sy_blob_unref(answer.body);
    return verdict;
}

static void settle(struct rig *rig, const struct sy_idempotency_key *key, const char *answer,
                   bool unknown)
{
    struct sy_str text = sy_str_of(answer);

    sy_idempotency_settle(rig->index, key, 200, SY_STR("call_1"), answer ? &text : NULL, unknown,
                          IDEMPOTENCY_KEEP_MS);
}

static void the_same_key_and_body_get_the_same_answer(void **state)
{
    struct sy_idempotency_key key = key_of("acme", "k", "body");
    struct sy_idempotency_answer answer;
    struct sy_idempotency_wait wait;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    assert_int_equal(verdict(&rig, &key, 0), SY_IDEMPOTENCY_FIRST);
    settle(&rig, &key, "{\"n\":1}", false);
    assert_int_equal(begin(&rig, &key, 1, &wait, &answer), SY_IDEMPOTENCY_REPLAY);
    assert_int_equal(answer.status, 200);
    assert_string_equal(answer.call_id, "call_1");
    assert_true(sy_str_eq(sy_blob_str(answer.body), SY_STR("{\"n\":1}")));
    sy_blob_unref(answer.body);
    rig_stop(&rig);
}

static void another_body_is_a_conflict_and_another_tenant_is_not(void **state)
{
    struct sy_idempotency_key key = key_of("acme", "k", "body"),
                              body = key_of("acme", "k", "other"),
                              tenant = key_of("zeta", "k", "body"),
                              shifted = key_of("acm", "ek", "body");
    struct rig rig;

    (void)state;
    rig_start(&rig);
    assert_int_equal(verdict(&rig, &key, 0), SY_IDEMPOTENCY_FIRST);
    assert_int_equal(verdict(&rig, &body, 0), SY_IDEMPOTENCY_CONFLICT);
    assert_int_equal(verdict(&rig, &tenant, 0), SY_IDEMPOTENCY_FIRST);
    assert_int_equal(verdict(&rig, &shifted, 0), SY_IDEMPOTENCY_FIRST);
    settle(&rig, &key, "{}", false);
    assert_int_equal(verdict(&rig, &body, 0), SY_IDEMPOTENCY_CONFLICT);
    rig_stop(&rig);
}

static void a_key_that_kept_nothing_is_free_again(void **state)
{
    struct sy_idempotency_key key = key_of("acme", "k", "body"), body = key_of("acme", "k", "new");
    struct rig rig;

    (void)state;
    rig_start(&rig);
    assert_int_equal(verdict(&rig, &key, 0), SY_IDEMPOTENCY_FIRST);
    settle(&rig, &key, NULL, false);
    assert_int_equal(verdict(&rig, &body, 0), SY_IDEMPOTENCY_FIRST);
    rig_stop(&rig);
}

static void a_lost_outcome_stays_unknown_for_a_day(void **state)
{
    struct sy_idempotency_key key = key_of("acme", "k", "body");
    struct rig rig;

    (void)state;
    rig_start(&rig);
    assert_int_equal(verdict(&rig, &key, 0), SY_IDEMPOTENCY_FIRST);
    settle(&rig, &key, NULL, true);
    assert_int_equal(verdict(&rig, &key, IDEMPOTENCY_KEEP_MS - 1), SY_IDEMPOTENCY_UNKNOWN);
    assert_int_equal(verdict(&rig, &key, IDEMPOTENCY_KEEP_MS), SY_IDEMPOTENCY_FIRST);
    rig_stop(&rig);
}

static void an_answer_that_left_memory_is_fetched(void **state)
{
    enum { SIZE = 1 << 20 };
    struct sy_idempotency_key first = key_of("acme", "0", "body");
    char *text = malloc(SIZE + 1);
    struct rig rig;
    char name[2] = "0";

    (void)state;
    rig_start(&rig);
    memset(text, 'x', SIZE);
    text[SIZE] = '\0';
    for (int i = 0; i < 70; i++) {
        struct sy_idempotency_key key;

        name[0] = (char)('0' + i);
        key = key_of("acme", name, "body");
        assert_int_equal(verdict(&rig, &key, 0), SY_IDEMPOTENCY_FIRST);
        settle(&rig, &key, text, false);
    }
    assert_int_equal(verdict(&rig, &first, 1), SY_IDEMPOTENCY_FETCH);
    rig_stop(&rig);
    free(text);
}

static void one_who_stops_waiting_is_not_woken(void **state)
{
    struct sy_idempotency_key key = key_of("acme", "k", "body");
    struct sy_idempotency_wait stays, leaves;
    struct sy_idempotency_answer answer;
    struct rig rig;

    (void)state;
    rig_start(&rig);
    assert_int_equal(verdict(&rig, &key, 0), SY_IDEMPOTENCY_FIRST);
    assert_int_equal(begin(&rig, &key, 0, &stays, &answer), SY_IDEMPOTENCY_WAIT);
    assert_int_equal(begin(&rig, &key, 0, &leaves, &answer), SY_IDEMPOTENCY_WAIT);
    assert_true(sy_idempotency_cancel(rig.index, &key, &leaves));
    settle(&rig, &key, "{}", false);
    assert_false(sy_idempotency_cancel(rig.index, &key, &stays));
    sy_loop_run(rig.loop);
    assert_int_equal(rig.woken, 1);
    rig_stop(&rig);
}

/* ---- equals on two loops ---- */

#define CALLS 100

struct caller {
    struct side *side;
    struct sy_idempotency_wait wait;
};

struct side {
    struct sy_idempotency *index;
    struct sy_idempotency_key key;
    struct sy_loop *loop;
    pthread_t thread;
    struct sy_task task;
    struct caller callers[CALLS];
    unsigned firsts, replays;
    _Atomic unsigned *sent;
};

static void caller_begins(struct sy_loop *loop, struct sy_task *task)
{
    struct caller *caller = task->ctx;
    struct side *side = caller->side;
    struct sy_idempotency_answer answer;
    struct sy_str text = SY_STR("{}");

    (void)loop;
    switch (sy_idempotency_begin(side->index, &side->key, 0, &caller->wait, &answer)) {
    case SY_IDEMPOTENCY_FIRST:
        side->firsts++;
        /* The first two attempts fail without effect, so their keys are free again. */
        if (atomic_fetch_add(side->sent, 1) < 2)
            sy_idempotency_settle(side->index, &side->key, 0, SY_STR("c"), NULL, false, 0);
        else
            sy_idempotency_settle(side->index, &side->key, 200, SY_STR("c"), &text, false,
                                  IDEMPOTENCY_KEEP_MS);
        break;
    case SY_IDEMPOTENCY_WAIT:
        return;
    case SY_IDEMPOTENCY_REPLAY:
        side->replays++;
        sy_blob_unref(answer.body);
        break;
    case SY_IDEMPOTENCY_FETCH:
    case SY_IDEMPOTENCY_CONFLICT:
    case SY_IDEMPOTENCY_UNKNOWN:
    case SY_IDEMPOTENCY_FULL:
        abort();
    }
    if (side->firsts + side->replays == CALLS)
        sy_loop_stop(side->loop);
}

static void side_begins(struct sy_loop *loop, struct sy_task *task)
{
    struct side *side = task->ctx;

    for (unsigned i = 0; i < CALLS; i++) {
        struct caller *caller = &side->callers[i];

        caller->side = side;
        caller->wait.task.fn = caller_begins;
        caller->wait.task.ctx = caller;
        caller->wait.loop = loop;
        caller_begins(loop, &caller->wait.task);
    }
}

static void *side_main(void *arg)
{
    struct side *side = arg;

    sy_loop_run(side->loop);
    return NULL;
}

static void equals_on_two_loops_are_sent_one_at_a_time_until_one_is_kept(void **state)
{
    static struct side sides[2];

    (void)state;
    for (int round = 0; round < 50; round++) {
        struct sy_err err = SY_ERR_INIT;
        struct sy_idempotency *index;
        _Atomic unsigned sent = 0;

        assert_int_equal(sy_idempotency_create(&index, &err), SY_OK);
        memset(sides, 0, sizeof(sides));
        for (unsigned i = 0; i < 2; i++) {
            sides[i].index = index;
            sides[i].key = key_of("acme", "k", "body");
            sides[i].sent = &sent;
            assert_int_equal(sy_loop_create(i, &sides[i].loop, &err), SY_OK);
            sides[i].task = (struct sy_task){.fn = side_begins, .ctx = &sides[i]};
            sy_loop_post(sides[i].loop, &sides[i].task);
            assert_int_equal(pthread_create(&sides[i].thread, NULL, side_main, &sides[i]), 0);
        }
        for (unsigned i = 0; i < 2; i++)
            assert_int_equal(pthread_join(sides[i].thread, NULL), 0);
        assert_int_equal(sides[0].firsts + sides[1].firsts, 3);
        assert_int_equal(sides[0].replays + sides[1].replays, 2 * CALLS - 3);
        for (unsigned i = 0; i < 2; i++)
            sy_loop_destroy(sides[i].loop);
        sy_idempotency_free(index);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_same_key_and_body_get_the_same_answer),
        cmocka_unit_test(another_body_is_a_conflict_and_another_tenant_is_not),
        cmocka_unit_test(a_key_that_kept_nothing_is_free_again),
        cmocka_unit_test(a_lost_outcome_stays_unknown_for_a_day),
        cmocka_unit_test(an_answer_that_left_memory_is_fetched),
        cmocka_unit_test(one_who_stops_waiting_is_not_woken),
        cmocka_unit_test(equals_on_two_loops_are_sent_one_at_a_time_until_one_is_kept),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
