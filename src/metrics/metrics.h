/*
 * Counters without locks on a call's way: each loop owns a set and only it writes to it; the
 * Prometheus page adds them up. The table of metrics is contract/metric.def.
 */
#ifndef SY_METRICS_METRICS_H
#define SY_METRICS_METRICS_H

#include "base/buf.h"
#include "base/err.h"

enum sy_metric {
#define SY_METRIC(id, name, kind, labels, help) SY_METRIC_##id,
#include "contract/metric.def"
#undef SY_METRIC
    SY_METRIC_COUNT
};

struct sy_metrics;     /* of the process */
struct sy_metrics_set; /* of one thread */

int sy_metrics_create(struct sy_metrics **ret, struct sy_err *err);
void sy_metrics_free(struct sy_metrics *metrics);
/* A set for one writing thread; lives as long as the metrics. */
struct sy_metrics_set *sy_metrics_set_new(struct sy_metrics *metrics);

/* `labels` holds the label values in the table's order, e.g. {"composio","native","ok"}. Series are
 * capped at 2,000 a metric; beyond it the values become "other". */
void sy_metric_add(struct sy_metrics_set *set, enum sy_metric metric, const struct sy_str *labels,
                   uint64_t by);
void sy_metric_set(struct sy_metrics_set *set, enum sy_metric metric, const struct sy_str *labels,
                   int64_t value);
/* Histograms: microseconds. */
void sy_metric_observe(struct sy_metrics_set *set, enum sy_metric metric,
                       const struct sy_str *labels, int64_t us);
/* The text exposition format 0.0.4. Any thread. */
void sy_metrics_write(struct sy_metrics *metrics, struct sy_buf *out);
/* The table as Markdown, for docs/operations.md. */
void sy_metrics_write_docs(struct sy_buf *out);

#endif
