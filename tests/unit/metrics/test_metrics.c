#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include <pthread.h>

#include "metrics/metrics.h"

static struct sy_metrics *metrics;

static int setup(void **state)
{
    (void)state;
    return sy_metrics_create(&metrics, NULL);
}

static int teardown(void **state)
{
    (void)state;
    sy_metrics_free(metrics);
    return 0;
}

static void page_holds(const char *line)
{
    struct sy_buf out;

    sy_buf_init(&out, (size_t)8 << 20);
    sy_metrics_write(metrics, &out);
    assert_true(sy_buf_ok(&out));
    if (sy_str_find(sy_buf_str(&out), sy_str_of(line)) == (size_t)-1)
        fail_msg("no \"%s\" in:\n%.*s", line, SY_FMT(sy_buf_str(&out)));
    sy_buf_release(&out);
}

static void series_of_two_sets_add_up(void **state)
{
    struct sy_metrics_set *one = sy_metrics_set_new(metrics), *two = sy_metrics_set_new(metrics);
    struct sy_str labels[3] = {SY_STR("composio"), SY_STR("native"), SY_STR("ok")};

    (void)state;
    sy_metric_add(one, SY_METRIC_CALLS, labels, 2);
    sy_metric_add(two, SY_METRIC_CALLS, labels, 3);
    labels[2] = SY_STR("tool_failed");
    sy_metric_add(two, SY_METRIC_CALLS, labels, 1);
    page_holds(
        "# TYPE switchyard_calls_total counter\n"
        "switchyard_calls_total{vendor=\"composio\",path=\"native\",code=\"ok\"} 5\n"
        "switchyard_calls_total{vendor=\"composio\",path=\"native\",code=\"tool_failed\"} 1\n");
}

static void a_gauge_without_labels_has_no_braces(void **state)
{
    struct sy_metrics_set *set = sy_metrics_set_new(metrics);

    (void)state;
    sy_metric_set(set, SY_METRIC_CALLS_IN_FLIGHT, NULL, 7);
    sy_metric_set(set, SY_METRIC_CALLS_IN_FLIGHT, NULL, -1);
    page_holds("\nswitchyard_calls_in_flight -1\n");
}

static void label_values_are_escaped(void **state)
{
    struct sy_metrics_set *set = sy_metrics_set_new(metrics);
    struct sy_str label = SY_STR("a\"b\\c\nd");

    (void)state;
    sy_metric_add(set, SY_METRIC_LIMITED, &label, 1);
    page_holds("switchyard_limited_total{limit=\"a\\\"b\\\\c\\nd\"} 1\n");
}

static void buckets_are_cumulative_and_in_seconds(void **state)
{
    struct sy_metrics_set *set = sy_metrics_set_new(metrics);
    struct sy_str vendor = SY_STR("worker");

    (void)state;
    sy_metric_observe(set, SY_METRIC_CALL_SECONDS, &vendor, 900);
    sy_metric_observe(set, SY_METRIC_CALL_SECONDS, &vendor, 1000);
    sy_metric_observe(set, SY_METRIC_CALL_SECONDS, &vendor, 90000000);
    page_holds("switchyard_call_seconds_bucket{vendor=\"worker\",le=\"0.0005\"} 0\n"
               "switchyard_call_seconds_bucket{vendor=\"worker\",le=\"0.001\"} 2\n");
    page_holds("switchyard_call_seconds_bucket{vendor=\"worker\",le=\"30\"} 2\n"
               "switchyard_call_seconds_bucket{vendor=\"worker\",le=\"+Inf\"} 3\n"
               "switchyard_call_seconds_sum{vendor=\"worker\"} 90.0019\n"
               "switchyard_call_seconds_count{vendor=\"worker\"} 3\n");
}

static void beyond_the_cap_values_become_other(void **state)
{
    struct sy_metrics_set *set = sy_metrics_set_new(metrics);
    char name[32];

    (void)state;
    for (int i = 0; i < 2500; i++) {
        struct sy_str label = sy_str_from(name, (size_t)snprintf(name, sizeof(name), "v%d", i));

        sy_metric_add(set, SY_METRIC_PROBES, &label, 1);
    }
    page_holds("switchyard_probes_total{result=\"other\"} 500\n");
    page_holds("switchyard_probes_total{result=\"v1999\"} 1\n");
}

static void *writer(void *ctx)
{
    struct sy_metrics_set *set = ctx;
    char name[32];

    for (int i = 0; i < 20000; i++) {
        struct sy_str label =
            sy_str_from(name, (size_t)snprintf(name, sizeof(name), "v%d", i % 200));

        sy_metric_add(set, SY_METRIC_LIMITED, &label, 1);
    }
    return NULL;
}

static void pages_are_written_while_threads_count(void **state)
{
    pthread_t threads[2];
    struct sy_buf out;

    (void)state;
    for (int i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, writer, sy_metrics_set_new(metrics)), 0);
    sy_buf_init(&out, (size_t)1 << 20);
    for (int i = 0; i < 20; i++) {
        sy_buf_clear(&out);
        sy_metrics_write(metrics, &out);
        assert_true(sy_buf_ok(&out));
    }
    sy_buf_release(&out);
    for (int i = 0; i < 2; i++)
        pthread_join(threads[i], NULL);
    page_holds("switchyard_limited_total{limit=\"v7\"} 200\n");
}

static void every_metric_stands_in_the_docs(void **state)
{
    static const char *const names[] = {
#define SY_METRIC(id, name, kind, labels, help) "| `" name "` |",
#include "contract/metric.def"
#undef SY_METRIC
    };
    struct sy_buf out;

    (void)state;
    sy_buf_init(&out, (size_t)1 << 20);
    sy_metrics_write_docs(&out);
    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++)
        assert_true(sy_str_find(sy_buf_str(&out), sy_str_of(names[i])) != (size_t)-1);
    sy_buf_release(&out);
}

#define TEST(fn) cmocka_unit_test_setup_teardown(fn, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(series_of_two_sets_add_up),          TEST(a_gauge_without_labels_has_no_braces),
        TEST(label_values_are_escaped),           TEST(buckets_are_cumulative_and_in_seconds),
        TEST(beyond_the_cap_values_become_other), TEST(pages_are_written_while_threads_count),
        TEST(every_metric_stands_in_the_docs),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
