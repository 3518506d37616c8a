/* The page: sums of every set's series, as Prometheus' text exposition format 0.0.4. */
#include "metrics/metrics_int.h"

#include <stdlib.h>

/* What the page shows of one series: its labels and the sum over the sets. */
struct line {
    const struct metric_series *series; /* for its labels */
    unsigned label_count;
    int64_t value;
    uint64_t count, sum_us;
    uint64_t buckets[METRIC_BUCKETS];
};

static const char *const kind_names[] = {
    [METRIC_COUNTER] = "counter", [METRIC_GAUGE] = "gauge", [METRIC_HISTOGRAM] = "histogram"};

static int by_labels(const void *a, const void *b)
{
    const struct line *left = a, *right = b;

    for (unsigned i = 0; i < left->label_count; i++) {
        int order = sy_str_cmp(left->series->labels[i], right->series->labels[i]);

        if (order)
            return order;
    }
    return 0;
}

static void add_series(struct line *line, const struct metric_series *series)
{
    const struct metric_histogram *histogram = series->histogram;

    line->value += atomic_load_explicit(&series->value, memory_order_relaxed);
    if (!histogram)
        return;
    line->sum_us += atomic_load_explicit(&histogram->sum_us, memory_order_relaxed);
    line->count += atomic_load_explicit(&histogram->count, memory_order_relaxed);
    for (unsigned i = 0; i < METRIC_BUCKETS; i++)
        line->buckets[i] += atomic_load_explicit(&histogram->buckets[i], memory_order_relaxed);
}

/* Equal neighbours become one; returns how many are left. */
static size_t merge(struct line *lines, size_t count)
{
    size_t kept = 0;

    for (size_t i = 0; i < count; i++) {
        if (kept && by_labels(&lines[kept - 1], &lines[i]) == 0) {
            struct line *into = &lines[kept - 1];

            into->value += lines[i].value;
            into->count += lines[i].count;
            into->sum_us += lines[i].sum_us;
            for (unsigned b = 0; b < METRIC_BUCKETS; b++)
                into->buckets[b] += lines[i].buckets[b];
        } else {
            lines[kept++] = lines[i];
        }
    }
    return kept;
}

/* ---- text ---- */

static void write_escaped(struct sy_buf *out, struct sy_str text, bool quotes)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i];

        if (c == '\\' || (quotes && c == '"')) {
            sy_buf_append_char(out, '\\');
            sy_buf_append_char(out, c);
        } else if (c == '\n') {
            sy_buf_append_z(out, "\\n");
        } else {
            sy_buf_append_char(out, c);
        }
    }
}

static void write_label(struct sy_buf *out, struct sy_str name, struct sy_str value, bool first)
{
    sy_buf_append_char(out, first ? '{' : ',');
    sy_buf_append(out, name);
    sy_buf_append_z(out, "=\"");
    write_escaped(out, value, true);
    sy_buf_append_char(out, '"');
}

/* {vendor="composio",le="0.1"}; `le` absent: without it. */
static void write_labels(struct sy_buf *out, const struct metric_facts *facts,
                         const struct line *line, struct sy_str le)
{
    struct sy_str rest = sy_str_of(facts->labels), name;
    unsigned at = 0;

    for (; at < line->label_count && sy_str_split(&rest, ',', &name); at++)
        write_label(out, name, line->series->labels[at], at == 0);
    if (le.ptr)
        write_label(out, SY_STR("le"), le, at++ == 0);
    if (at)
        sy_buf_append_char(out, '}');
}

/* Microseconds as seconds without trailing zeroes. */
static void write_seconds(struct sy_buf *out, uint64_t us)
{
    uint64_t fraction = us % 1000000;
    unsigned digits = 6;

    sy_buf_append_u64(out, us / 1000000);
    if (!fraction)
        return;
    while (fraction % 10 == 0) {
        fraction /= 10;
        digits--;
    }
    sy_buf_printf(out, ".%0*llu", (int)digits, (unsigned long long)fraction);
}

static void write_histogram(struct sy_buf *out, const struct metric_facts *facts,
                            const struct line *line)
{
    uint64_t total = 0;
    char text[32];

    for (unsigned i = 0; i <= METRIC_BUCKETS; i++) {
        struct sy_buf le = {.ptr = text, .cap = sizeof(text), .max = sizeof(text)};

        if (i < METRIC_BUCKETS) {
            total += line->buckets[i];
            write_seconds(&le, (uint64_t)metric_bounds_us[i]);
        } else {
            /* A bucket may be ahead of the count that its observation raises next. */
            total = total > line->count ? total : line->count;
            sy_buf_append_z(&le, "+Inf");
        }
        sy_buf_append_z(out, facts->name);
        sy_buf_append_z(out, "_bucket");
        write_labels(out, facts, line, sy_buf_str(&le));
        sy_buf_append_char(out, ' ');
        sy_buf_append_u64(out, total);
        sy_buf_append_char(out, '\n');
    }
    sy_buf_append_z(out, facts->name);
    sy_buf_append_z(out, "_sum");
    write_labels(out, facts, line, (struct sy_str){NULL, 0});
    sy_buf_append_char(out, ' ');
    write_seconds(out, line->sum_us);
    sy_buf_append_char(out, '\n');
    sy_buf_append_z(out, facts->name);
    sy_buf_append_z(out, "_count");
    write_labels(out, facts, line, (struct sy_str){NULL, 0});
    sy_buf_append_char(out, ' ');
    sy_buf_append_u64(out, total);
    sy_buf_append_char(out, '\n');
}

static void write_head(struct sy_buf *out, const struct metric_facts *facts)
{
    sy_buf_append_z(out, "# HELP ");
    sy_buf_append_z(out, facts->name);
    sy_buf_append_char(out, ' ');
    write_escaped(out, sy_str_of(facts->help), false);
    sy_buf_append_z(out, "\n# TYPE ");
    sy_buf_append_z(out, facts->name);
    sy_buf_append_char(out, ' ');
    sy_buf_append_z(out, kind_names[facts->kind]);
    sy_buf_append_char(out, '\n');
}

static void write_line(struct sy_buf *out, const struct metric_facts *facts,
                       const struct line *line)
{
    if (facts->kind == METRIC_HISTOGRAM) {
        write_histogram(out, facts, line);
        return;
    }
    sy_buf_append_z(out, facts->name);
    write_labels(out, facts, line, (struct sy_str){NULL, 0});
    sy_buf_append_char(out, ' ');
    sy_buf_append_i64(out, line->value);
    sy_buf_append_char(out, '\n');
}

static size_t count_series(const struct sy_metrics *metrics, enum sy_metric metric)
{
    size_t count = 0;

    for (const struct sy_metrics_set *set = metrics->sets; set; set = set->next)
        for (const struct metric_series *series =
                 atomic_load_explicit(&set->tables[metric].first, memory_order_acquire);
             series; series = series->next)
            count++;
    return count;
}

static void write_metric(struct sy_metrics *metrics, enum sy_metric metric, struct sy_buf *out)
{
    const struct metric_facts *facts = metric_facts(metric);
    size_t most = count_series(metrics, metric), count = 0;
    struct line *lines = calloc(most + 1, sizeof(*lines));

    if (!lines) {
        out->failed = true;
        return;
    }
    for (const struct sy_metrics_set *set = metrics->sets; set; set = set->next)
        for (const struct metric_series *series =
                 atomic_load_explicit(&set->tables[metric].first, memory_order_acquire);
             series && count < most; series = series->next) {
            lines[count].series = series;
            lines[count].label_count = metric_label_count(facts);
            add_series(&lines[count++], series);
        }
    qsort(lines, count, sizeof(*lines), by_labels);
    count = merge(lines, count);
    write_head(out, facts);
    for (size_t i = 0; i < count; i++)
        write_line(out, facts, &lines[i]);
    free(lines);
}

void sy_metrics_write(struct sy_metrics *metrics, struct sy_buf *out)
{
    pthread_mutex_lock(&metrics->lock);
    for (int i = 0; i < SY_METRIC_COUNT; i++)
        write_metric(metrics, (enum sy_metric)i, out);
    pthread_mutex_unlock(&metrics->lock);
}

void sy_metrics_write_docs(struct sy_buf *out)
{
    sy_buf_append_z(out, "| metric | kind | labels | what |\n| --- | --- | --- | --- |\n");
    for (int i = 0; i < SY_METRIC_COUNT; i++) {
        const struct metric_facts *facts = metric_facts((enum sy_metric)i);
        struct sy_str rest = sy_str_of(facts->labels), label;
        bool first = true;

        sy_buf_printf(out, "| `%s` | %s | ", facts->name, kind_names[facts->kind]);
        while (rest.len && sy_str_split(&rest, ',', &label)) {
            sy_buf_printf(out, "%s`%.*s`", first ? "" : ", ", SY_FMT(label));
            first = false;
        }
        sy_buf_printf(out, "%s| %s |\n", first ? "" : " ", facts->help);
    }
}
