/* The writer thread: two lanes, answers on the loop that asked, nothing dropped at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "ledger/writer.h"
#include "registry/registry.h"

#define JOBS 64

struct order {
    struct sy_writer *writer;
    char ran[2 * JOBS + 1];
    _Atomic size_t count;
    atomic_bool go;
};

struct letter {
    struct sy_writer_job job;
    struct order *order;
    char name;
};

static void order_start(struct order *order)
{
    struct sy_store_options options = {.url = SY_STR("memory:")};
    struct sy_err err = SY_ERR_INIT;
    struct sy_store *store;

    memset(order, 0, sizeof(*order));
    assert_int_equal(sy_store_open(&options, &store, &err), SY_OK);
    assert_int_equal(sy_writer_create(store, &order->writer, &err), SY_OK);
}

static void write_letter(struct sy_store *store, struct sy_writer_job *job)
{
    struct letter *letter = job->ctx;

    (void)store;
    letter->order->ran[atomic_fetch_add(&letter->order->count, 1)] = letter->name;
}

/* Holds the thread until all jobs are queued, so that the order is the lanes' own. */
static void hold(struct sy_store *store, struct sy_writer_job *job)
{
    struct letter *letter = job->ctx;

    (void)store;
    while (!atomic_load(&letter->order->go))
        usleep(1000);
}

static void letter_post(struct letter *letter, struct order *order, char name, bool ledger)
{
    *letter = (struct letter){.order = order, .name = name};
    letter->job.work = write_letter;
    letter->job.ctx = letter;
    letter->job.ledger = ledger;
    assert_true(sy_writer_submit(order->writer, &letter->job));
}

static void control_goes_before_rows_and_each_lane_in_turn(void **state)
{
    struct order order;
    struct letter first = {.order = &order}, letters[8];

    (void)state;
    order_start(&order);
    first.job.work = hold;
    first.job.ctx = &first;
    assert_true(sy_writer_submit(order.writer, &first.job));
    for (unsigned i = 0; i < 8; i++)
        letter_post(&letters[i], &order, (char)((i % 2 ? 'A' : 'a') + (char)(i / 2)), i % 2 == 0);
    atomic_store(&order.go, true);
    sy_writer_destroy(order.writer);
    assert_string_equal(order.ran, "ABCDabcd");
}

static void what_is_queued_at_the_end_still_runs(void **state)
{
    struct order order;
    struct letter letters[JOBS];

    (void)state;
    order_start(&order);
    for (unsigned i = 0; i < JOBS; i++)
        letter_post(&letters[i], &order, 'x', i % 3 == 0);
    sy_writer_destroy(order.writer);
    assert_int_equal(atomic_load(&order.count), JOBS);
}

static void a_row_that_has_not_begun_can_be_taken_back(void **state)
{
    struct order order;
    struct letter first = {.order = &order}, rows[3];

    (void)state;
    order_start(&order);
    first.job.work = hold;
    first.job.ctx = &first;
    assert_true(sy_writer_submit(order.writer, &first.job));
    for (unsigned i = 0; i < 3; i++)
        letter_post(&rows[i], &order, (char)('a' + i), true);
    assert_true(sy_writer_withdraw(order.writer, &rows[2].job));
    assert_false(sy_writer_withdraw(order.writer, &rows[2].job));
    letter_post(&rows[2], &order, 'd', true);
    assert_true(sy_writer_withdraw(order.writer, &rows[1].job));
    atomic_store(&order.go, true);
    sy_writer_destroy(order.writer);
    assert_string_equal(order.ran, "ad");
}

static void stop_loop(struct sy_loop *loop, struct sy_task *task)
{
    (void)task;
    sy_loop_stop(loop);
}

static void the_answer_comes_on_the_loop_that_asked(void **state)
{
    struct order order;
    struct letter letter = {.order = &order, .name = 'z'};
    struct sy_err err = SY_ERR_INIT;
    struct sy_loop *loop;

    (void)state;
    order_start(&order);
    assert_int_equal(sy_loop_create(0, &loop, &err), SY_OK);
    letter.job.work = write_letter;
    letter.job.ctx = &letter;
    letter.job.loop = loop;
    letter.job.done.fn = stop_loop;
    assert_true(sy_writer_submit(order.writer, &letter.job));
    sy_loop_run(loop); /* ends only when `done` has run here */
    assert_string_equal(order.ran, "z");
    sy_writer_destroy(order.writer);
    sy_loop_destroy(loop);
}

static void run_is_over_when_the_work_is_done(void **state)
{
    struct order order;
    struct letter letter = {.order = &order, .name = 'r'};

    (void)state;
    order_start(&order);
    sy_writer_run(order.writer, write_letter, &letter);
    assert_string_equal(order.ran, "r");
    sy_writer_destroy(order.writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(control_goes_before_rows_and_each_lane_in_turn),
        cmocka_unit_test(what_is_queued_at_the_end_still_runs),
        cmocka_unit_test(a_row_that_has_not_begun_can_be_taken_back),
        cmocka_unit_test(the_answer_comes_on_the_loop_that_asked),
        cmocka_unit_test(run_is_over_when_the_work_is_done),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
