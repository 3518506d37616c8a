/*
 * Inside metrics: the series and where they hang.
 */
#ifndef SY_METRICS_METRICS_INT_H
#define SY_METRICS_METRICS_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "metrics/metrics.h"

#define METRIC_LABELS_MAX 4u
#define METRIC_SERIES_MAX 2000u
#define METRIC_LABEL_BYTES_MAX 128u
#define METRIC_BUCKETS 15u /* finite ones; +Inf is the count */

enum metric_kind { METRIC_COUNTER, METRIC_GAUGE, METRIC_HISTOGRAM };

struct metric_facts {
    const char *name;
    enum metric_kind kind;
    const char *labels; /* "vendor,path" */
    const char *help;
};

const struct metric_facts *metric_facts(enum sy_metric metric);
/* Names separated by commas; none for "". */
unsigned metric_label_count(const struct metric_facts *facts);
/* Upper bounds of the buckets in microseconds, rising. */
extern const int64_t metric_bounds_us[METRIC_BUCKETS];

/* Buckets hold their own observations only; the page makes them cumulative. */
struct metric_histogram {
    _Atomic uint64_t count;
    _Atomic uint64_t sum_us;
    _Atomic uint64_t buckets[METRIC_BUCKETS];
};

/* One set of label values of one metric. Immutable but for its numbers once it is published. */
struct metric_series {
    struct metric_series *next;
    uint64_t hash;
    _Atomic int64_t value; /* counters and gauges */
    struct metric_histogram *histogram;
    struct sy_str labels[METRIC_LABELS_MAX];
};

struct metric_table {
    struct metric_series *_Atomic first; /* read by any thread */
    struct metric_series *last;          /* the one asked for last: the same call makes the same */
    struct metric_series **slots;        /* the writer's own, open addressing, power of two */
    unsigned slot_count;
    unsigned series;
    unsigned label_count;
};

struct sy_metrics_set {
    struct sy_metrics_set *next;
    struct metric_table tables[SY_METRIC_COUNT];
};

struct sy_metrics {
    pthread_mutex_t lock; /* of the list of sets */
    struct sy_metrics_set *sets;
};

#endif
