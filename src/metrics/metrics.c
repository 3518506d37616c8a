#include "metrics/metrics_int.h"

#include <stdlib.h>
#include <string.h>

#define SLOTS_FIRST 16u

const int64_t metric_bounds_us[METRIC_BUCKETS] = {
    500,    1000,   2500,    5000,    10000,   25000,    50000,    100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000,
};

/* ---- the table of facts ---- */

static const struct metric_facts facts[SY_METRIC_COUNT] = {
#define SY_METRIC(id, name, kind, labels, help)                                                    \
    [SY_METRIC_##id] = {name, METRIC_##kind, labels, help},
#include "contract/metric.def"
#undef SY_METRIC
};

const struct metric_facts *metric_facts(enum sy_metric metric)
{
    return &facts[metric];
}

unsigned metric_label_count(const struct metric_facts *of)
{
    unsigned count = *of->labels ? 1 : 0;

    for (const char *at = of->labels; *at; at++)
        count += *at == ',';
    return count;
}

/* ---- sets ---- */

int sy_metrics_create(struct sy_metrics **ret, struct sy_err *err)
{
    struct sy_metrics *metrics = calloc(1, sizeof(*metrics));

    if (!metrics)
        return sy_err_set(err, SY_NOMEM, "no memory for metrics");
    pthread_mutex_init(&metrics->lock, NULL);
    *ret = metrics;
    return SY_OK;
}

static void table_free(struct metric_table *table)
{
    struct metric_series *series = atomic_load(&table->first);

    while (series) {
        struct metric_series *next = series->next;

        free(series->histogram);
        free(series);
        series = next;
    }
    free(table->slots);
}

void sy_metrics_free(struct sy_metrics *metrics)
{
    if (!metrics)
        return;
    while (metrics->sets) {
        struct sy_metrics_set *set = metrics->sets;

        metrics->sets = set->next;
        for (int i = 0; i < SY_METRIC_COUNT; i++)
            table_free(&set->tables[i]);
        free(set);
    }
    pthread_mutex_destroy(&metrics->lock);
    free(metrics);
}

struct sy_metrics_set *sy_metrics_set_new(struct sy_metrics *metrics)
{
    struct sy_metrics_set *set = calloc(1, sizeof(*set));

    if (!set)
        return NULL;
    for (int i = 0; i < SY_METRIC_COUNT; i++)
        set->tables[i].label_count = metric_label_count(&facts[i]);
    pthread_mutex_lock(&metrics->lock);
    set->next = metrics->sets;
    metrics->sets = set;
    pthread_mutex_unlock(&metrics->lock);
    return set;
}

/* ---- series ---- */

static uint64_t labels_hash(const struct sy_str *labels, unsigned count)
{
    uint64_t hash = UINT64_C(0x9e3779b97f4a7c15);

    for (unsigned i = 0; i < count; i++)
        hash = (hash ^ sy_str_hash(labels[i])) * UINT64_C(0xff51afd7ed558ccd);
    return hash ^ (hash >> 32);
}

static bool labels_eq(const struct metric_series *series, const struct sy_str *labels,
                      unsigned count)
{
    for (unsigned i = 0; i < count; i++)
        if (!sy_str_eq(series->labels[i], labels[i]))
            return false;
    return true;
}

/* The slot of the series, or the free one where it belongs. */
static struct metric_series **slot_of(struct metric_table *table, uint64_t hash,
                                      const struct sy_str *labels, unsigned count)
{
    unsigned mask = table->slot_count - 1;

    for (unsigned at = (unsigned)hash & mask;; at = (at + 1) & mask) {
        struct metric_series *series = table->slots[at];

        if (!series || (series->hash == hash && labels_eq(series, labels, count)))
            return &table->slots[at];
    }
}

static bool grow(struct metric_table *table)
{
    unsigned next_count = table->slot_count ? table->slot_count * 2 : SLOTS_FIRST;
    struct metric_series **slots = calloc(next_count, sizeof(struct metric_series *));

    if (!slots)
        return false;
    free(table->slots);
    table->slots = slots;
    table->slot_count = next_count;
    for (struct metric_series *series = atomic_load(&table->first); series; series = series->next) {
        unsigned at = (unsigned)series->hash & (next_count - 1);

        while (slots[at])
            at = (at + 1) & (next_count - 1);
        slots[at] = series;
    }
    return true;
}

static struct metric_series *series_new(enum sy_metric metric, uint64_t hash,
                                        const struct sy_str *labels, unsigned count)
{
    struct metric_series *series;
    size_t bytes = 0;
    char *text;

    for (unsigned i = 0; i < count; i++)
        bytes += labels[i].len;
    series = calloc(1, sizeof(*series) + bytes);
    if (!series)
        return NULL;
    if (facts[metric].kind == METRIC_HISTOGRAM) {
        series->histogram = calloc(1, sizeof(*series->histogram));
        if (!series->histogram) {
            free(series);
            return NULL;
        }
    }
    series->hash = hash;
    text = (char *)(series + 1);
    for (unsigned i = 0; i < count; i++) {
        if (labels[i].len)
            memcpy(text, labels[i].ptr, labels[i].len);
        series->labels[i] = sy_str_from(text, labels[i].len);
        text += labels[i].len;
    }
    return series;
}

static struct metric_series *series_add(struct metric_table *table, enum sy_metric metric,
                                        uint64_t hash, const struct sy_str *labels, unsigned count)
{
    struct metric_series *series;

    if ((table->series + 1) * 4 > table->slot_count * 3 && !grow(table))
        return NULL;
    series = series_new(metric, hash, labels, count);
    if (!series)
        return NULL;
    *slot_of(table, hash, labels, count) = series;
    series->next = atomic_load_explicit(&table->first, memory_order_relaxed);
    atomic_store_explicit(&table->first, series, memory_order_release);
    table->series++;
    return series;
}

/* Finds or makes the series; past the cap the one whose values are all "other". NULL: no memory. */
static struct metric_series *series_of(struct sy_metrics_set *set, enum sy_metric metric,
                                       const struct sy_str *labels)
{
    static const struct sy_str other[METRIC_LABELS_MAX] = {
        SY_STR_INIT("other"), SY_STR_INIT("other"), SY_STR_INIT("other"), SY_STR_INIT("other")};
    struct metric_table *table = &set->tables[metric];
    unsigned count = table->label_count;
    struct sy_str cut[METRIC_LABELS_MAX];
    struct metric_series *series = table->last;
    uint64_t hash;

    for (unsigned i = 0; i < count; i++)
        cut[i] = sy_str_head(labels[i], METRIC_LABEL_BYTES_MAX);
    if (series && labels_eq(series, cut, count))
        return series;
    series = NULL;
    hash = labels_hash(cut, count);
    if (table->slot_count)
        series = *slot_of(table, hash, cut, count);
    if (series || table->series < METRIC_SERIES_MAX) {
        table->last = series ? series : series_add(table, metric, hash, cut, count);
        return table->last;
    }
    hash = labels_hash(other, count);
    series = *slot_of(table, hash, other, count);
    return series ? series : series_add(table, metric, hash, other, count);
}

/* ---- numbers ---- */

/* Only this thread writes the number, so load and store need no read-modify-write. */
static void add_to(_Atomic uint64_t *number, uint64_t by)
{
    atomic_store_explicit(number, atomic_load_explicit(number, memory_order_relaxed) + by,
                          memory_order_relaxed);
}

void sy_metric_add(struct sy_metrics_set *set, enum sy_metric metric, const struct sy_str *labels,
                   uint64_t by)
{
    struct metric_series *series = series_of(set, metric, labels);
    int64_t value;

    if (!series)
        return;
    value = atomic_load_explicit(&series->value, memory_order_relaxed);
    atomic_store_explicit(&series->value, value + (int64_t)by, memory_order_relaxed);
}

void sy_metric_set(struct sy_metrics_set *set, enum sy_metric metric, const struct sy_str *labels,
                   int64_t value)
{
    struct metric_series *series = series_of(set, metric, labels);

    if (series)
        atomic_store_explicit(&series->value, value, memory_order_relaxed);
}

void sy_metric_observe(struct sy_metrics_set *set, enum sy_metric metric,
                       const struct sy_str *labels, int64_t us)
{
    struct metric_series *series = series_of(set, metric, labels);
    unsigned at = 0;

    if (!series || !series->histogram)
        return;
    while (at < METRIC_BUCKETS && us > metric_bounds_us[at])
        at++;
    if (at < METRIC_BUCKETS)
        add_to(&series->histogram->buckets[at], 1);
    add_to(&series->histogram->count, 1);
    add_to(&series->histogram->sum_us, us > 0 ? (uint64_t)us : 0);
}
