#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/loop.h"

static struct sy_loop *loop;

static int set_up(void **state)
{
    (void)state;
    return sy_loop_create(3, &loop, NULL);
}

static int tear_down(void **state)
{
    (void)state;
    sy_loop_destroy(loop);
    return 0;
}

/* What happened, in order, one letter each. */
struct journal {
    char text[64];
    size_t len;
};

static void note(struct journal *journal, char what)
{
    if (journal->len + 1 < sizeof(journal->text))
        journal->text[journal->len++] = what;
    journal->text[journal->len] = '\0';
}

static void stop_on_timer(struct sy_loop *l, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(l);
}

static void run_for(int64_t ms)
{
    struct sy_timer end = {.fn = stop_on_timer};

    assert_int_equal(sy_timer_set(loop, &end, sy_clock_ms() + ms), SY_OK);
    sy_loop_run(loop);
    sy_timer_cancel(loop, &end);
}

/* Timers. */

struct tick {
    struct sy_timer timer;
    int64_t want_ms;
    int64_t *last_ms;
    unsigned *fired;
};

static void on_tick(struct sy_loop *l, struct sy_timer *timer)
{
    struct tick *tick = timer->ctx;

    assert_true(sy_loop_now_ms(l) >= tick->want_ms);
    assert_true(tick->want_ms >= *tick->last_ms);
    *tick->last_ms = tick->want_ms;
    (*tick->fired)++;
}

static void timers_fire_in_order_and_never_early(void **state)
{
    enum { COUNT = 1000 };
    struct tick *ticks = calloc(COUNT, sizeof(*ticks));
    int64_t start = sy_clock_ms();
    int64_t last_ms = 0;
    unsigned fired = 0;
    unsigned want = 0;
    uint32_t random = 7;

    (void)state;
    assert_non_null(ticks);
    for (unsigned i = 0; i < COUNT; i++) {
        random = random * 1664525 + 1013904223;
        ticks[i] = (struct tick){.timer = {.fn = on_tick, .ctx = &ticks[i]},
                                 .want_ms = start + (random >> 16) % 60,
                                 .last_ms = &last_ms,
                                 .fired = &fired};
        assert_int_equal(sy_timer_set(loop, &ticks[i].timer, ticks[i].want_ms), SY_OK);
    }
    for (unsigned i = 0; i < COUNT; i++) {
        if (i % 3 == 0) {
            sy_timer_cancel(loop, &ticks[i].timer);
            continue;
        }
        if (i % 3 == 1) {
            ticks[i].want_ms = start + 60 - (ticks[i].want_ms - start);
            sy_timer_set(loop, &ticks[i].timer, ticks[i].want_ms);
        }
        want++;
    }
    run_for(90);
    assert_int_equal(fired, want);
    for (unsigned i = 0; i < COUNT; i++)
        assert_int_equal(ticks[i].timer.slot, 0);
    free(ticks);
}

static void cancelling_a_timer_twice_does_nothing(void **state)
{
    struct sy_timer timer = {.fn = stop_on_timer};

    (void)state;
    sy_timer_cancel(loop, &timer);
    assert_int_equal(sy_timer_set(loop, &timer, sy_clock_ms() + 1000), SY_OK);
    sy_timer_cancel(loop, &timer);
    sy_timer_cancel(loop, &timer);
    assert_int_equal(timer.slot, 0);
}

struct again {
    struct sy_timer timer;
    unsigned fired;
};

static void arm_again_for_now(struct sy_loop *l, struct sy_timer *timer)
{
    struct again *again = timer->ctx;

    again->fired++;
    sy_timer_set(l, timer, sy_loop_now_ms(l));
}

static void a_timer_that_arms_itself_for_now_does_not_stop_the_loop(void **state)
{
    struct again again = {.timer = {.fn = arm_again_for_now, .ctx = &again}};

    (void)state;
    sy_timer_set(loop, &again.timer, sy_clock_ms());
    run_for(10);
    assert_true(again.fired > 1);
    sy_timer_cancel(loop, &again.timer);
}

/* Tasks and the order of a turn. */

struct step {
    struct sy_task task;
    struct journal *journal;
    char name;
    struct step *then;
    bool stop;
};

static void on_step(struct sy_loop *l, struct sy_task *task)
{
    struct step *step = task->ctx;

    note(step->journal, step->name);
    if (step->then)
        sy_loop_defer(l, &step->then->task);
    if (step->stop)
        sy_loop_stop(l);
}

static struct step step_of(struct journal *journal, char name)
{
    return (struct step){.task = {.fn = on_step}, .journal = journal, .name = name};
}

static void on_turn_end(struct sy_loop *l, void *ctx)
{
    (void)l;
    note(ctx, '|');
}

static void deferred_tasks_run_in_order_in_the_same_turn_before_the_hooks(void **state)
{
    struct journal journal = {{0}, 0};
    struct sy_turn_hook first = {.fn = on_turn_end, .ctx = &journal};
    struct step a = step_of(&journal, 'a');
    struct step b = step_of(&journal, 'b');
    struct step c = step_of(&journal, 'c');

    (void)state;
    a.task.ctx = &a;
    b.task.ctx = &b;
    c.task.ctx = &c;
    a.then = &c;
    c.stop = true;
    sy_loop_on_turn_end(loop, &first);
    sy_loop_defer(loop, &a.task);
    sy_loop_defer(loop, &b.task);
    sy_loop_defer(loop, &a.task);
    sy_loop_run(loop);
    assert_string_equal(journal.text, "abc|");
}

static void an_undeferred_task_does_not_run(void **state)
{
    struct journal journal = {{0}, 0};
    struct step steps[4];

    (void)state;
    for (unsigned i = 0; i < 4; i++) {
        steps[i] = step_of(&journal, (char)('a' + i));
        steps[i].task.ctx = &steps[i];
        sy_loop_defer(loop, &steps[i].task);
    }
    steps[2].stop = true;
    sy_loop_undefer(loop, &steps[0].task);
    sy_loop_undefer(loop, &steps[3].task);
    sy_loop_undefer(loop, &steps[3].task);
    sy_loop_run(loop);
    assert_string_equal(journal.text, "bc");
    sy_loop_defer(loop, &steps[2].task);
    sy_loop_run(loop);
    assert_string_equal(journal.text, "bcc");
}

struct poster {
    struct sy_loop *loop;
    struct sy_task task;
    _Atomic unsigned *ran;
    unsigned want;
};

static void on_post(struct sy_loop *l, struct sy_task *task)
{
    struct poster *poster = task->ctx;

    if (++*poster->ran == poster->want)
        sy_loop_stop(l);
}

static void *post_from_thread(void *ctx)
{
    struct poster *poster = ctx;

    sy_loop_post(poster->loop, &poster->task);
    return NULL;
}

static void posts_from_many_threads_all_arrive(void **state)
{
    enum { THREADS = 16 };
    _Atomic unsigned ran = 0;
    struct poster posters[THREADS];
    pthread_t threads[THREADS];

    (void)state;
    for (unsigned i = 0; i < THREADS; i++) {
        posters[i] = (struct poster){.loop = loop,
                                     .task = {.fn = on_post, .ctx = &posters[i]},
                                     .ran = &ran,
                                     .want = THREADS};
        assert_int_equal(pthread_create(&threads[i], NULL, post_from_thread, &posters[i]), 0);
    }
    sy_loop_run(loop);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(ran, THREADS);
}

static void post_again(struct sy_loop *l, struct sy_task *task)
{
    struct step *step = task->ctx;

    note(step->journal, step->name);
    if (step->journal->len < 6)
        sy_loop_post(l, task);
    else
        sy_loop_stop(l);
}

static void a_task_posted_by_itself_runs_in_a_later_turn(void **state)
{
    struct journal journal = {{0}, 0};
    struct sy_turn_hook hook = {.fn = on_turn_end, .ctx = &journal};
    struct step step = {.task = {.fn = post_again, .ctx = &step}, .journal = &journal, .name = 'p'};

    (void)state;
    sy_loop_on_turn_end(loop, &hook);
    sy_loop_post(loop, &step.task);
    sy_loop_run(loop);
    assert_memory_equal(journal.text, "p|p|p|p|", 7);
}

/* Watches. */

struct pair {
    struct sy_watch watch;
    int other;
    unsigned seen;
    struct pair **kill; /* unwatched, freed and forgotten when this one is seen */
};

static void pair_close(struct pair *pair)
{
    sy_loop_unwatch(loop, &pair->watch);
    close(pair->watch.fd);
    close(pair->other);
    free(pair);
}

static void on_readable(struct sy_loop *l, struct sy_watch *watch, uint32_t events)
{
    struct pair *pair = watch->ctx;

    assert_true(events & EPOLLIN);
    pair->seen++;
    if (pair->kill && *pair->kill) {
        pair_close(*pair->kill);
        *pair->kill = NULL;
    }
    sy_loop_stop(l);
}

static struct pair *pair_open(void)
{
    struct pair *pair = calloc(1, sizeof(*pair));
    int fds[2];

    assert_non_null(pair);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    pair->watch = (struct sy_watch){.fd = fds[0], .fn = on_readable, .ctx = pair};
    pair->other = fds[1];
    assert_int_equal(sy_loop_watch(loop, &pair->watch, EPOLLIN), SY_OK);
    return pair;
}

static void an_unwatched_watch_gets_nothing_not_even_from_the_running_batch(void **state)
{
    struct pair *pairs[2] = {pair_open(), pair_open()};
    struct pair *left;

    (void)state;
    /* Whichever comes first frees the other one, whose event is in the same batch. */
    pairs[0]->kill = &pairs[1];
    pairs[1]->kill = &pairs[0];
    assert_int_equal(write(pairs[0]->other, "x", 1), 1);
    assert_int_equal(write(pairs[1]->other, "x", 1), 1);
    sy_loop_run(loop);
    left = pairs[0] ? pairs[0] : pairs[1];
    assert_true(!pairs[0] != !pairs[1]);
    assert_int_equal(left->seen, 1);
    pair_close(left);
}

static void level_triggered_events_come_until_read(void **state)
{
    struct pair *pair = pair_open();
    char byte;

    (void)state;
    assert_int_equal(write(pair->other, "x", 1), 1);
    sy_loop_run(loop);
    sy_loop_run(loop);
    assert_int_equal(pair->seen, 2);
    assert_int_equal(read(pair->watch.fd, &byte, 1), 1);
    run_for(5);
    assert_int_equal(pair->seen, 2);
    pair_close(pair);
}

static void a_rewatch_changes_what_is_reported(void **state)
{
    struct pair *pair = pair_open();

    (void)state;
    assert_int_equal(write(pair->other, "x", 1), 1);
    assert_int_equal(sy_loop_rewatch(loop, &pair->watch, EPOLLRDHUP), SY_OK);
    run_for(5);
    assert_int_equal(pair->seen, 0);
    assert_int_equal(sy_loop_rewatch(loop, &pair->watch, EPOLLIN), SY_OK);
    sy_loop_run(loop);
    assert_int_equal(pair->seen, 1);
    pair_close(pair);
}

static void a_watch_whose_number_went_to_another_leaves_that_one_alone(void **state)
{
    struct pair *old = pair_open();
    struct pair *fresh = calloc(1, sizeof(*fresh));
    int fd = old->watch.fd;
    int fds[2];

    (void)state;
    assert_non_null(fresh);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, fds), 0);
    assert_int_equal(dup2(fds[0], fd), fd);
    close(fds[0]);
    fresh->watch = (struct sy_watch){.fd = fd, .fn = on_readable, .ctx = fresh};
    fresh->other = fds[1];
    assert_int_equal(sy_loop_watch(loop, &fresh->watch, EPOLLIN), SY_OK);
    sy_loop_unwatch(loop, &old->watch);
    assert_int_equal(write(fresh->other, "x", 1), 1);
    sy_loop_run(loop);
    assert_int_equal(fresh->seen, 1);
    assert_int_equal(old->seen, 0);
    close(old->other);
    free(old);
    pair_close(fresh);
}

static void the_clocks_stand_still_within_a_turn(void **state)
{
    (void)state;
    int64_t before = sy_loop_now_us(loop);

    usleep(2000);
    assert_int_equal(sy_loop_now_us(loop), before);
    assert_int_equal(sy_loop_now_ms(loop), before / 1000);
    run_for(1);
    assert_true(sy_loop_now_us(loop) >= before + 2000);
    assert_true(sy_loop_unix_ms(loop) > 1600000000000);
    assert_int_equal(sy_loop_index(loop), 3);
}

static void a_stop_before_the_run_ends_it_at_once(void **state)
{
    int64_t start = sy_clock_ms();

    (void)state;
    sy_loop_stop(loop);
    sy_loop_run(loop);
    assert_true(sy_clock_ms() - start < 1000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
        TEST(timers_fire_in_order_and_never_early),
        TEST(cancelling_a_timer_twice_does_nothing),
        TEST(a_timer_that_arms_itself_for_now_does_not_stop_the_loop),
        TEST(deferred_tasks_run_in_order_in_the_same_turn_before_the_hooks),
        TEST(an_undeferred_task_does_not_run),
        TEST(posts_from_many_threads_all_arrive),
        TEST(a_task_posted_by_itself_runs_in_a_later_turn),
        TEST(an_unwatched_watch_gets_nothing_not_even_from_the_running_batch),
        TEST(level_triggered_events_come_until_read),
        TEST(a_rewatch_changes_what_is_reported),
        TEST(a_watch_whose_number_went_to_another_leaves_that_one_alone),
        TEST(the_clocks_stand_still_within_a_turn),
        TEST(a_stop_before_the_run_ends_it_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
