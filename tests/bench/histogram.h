/*
 * Counts of durations in buckets whose width grows with the value, so that every quantile is right
 * within 1 % from 1 ns to hours, in constant memory and without keeping the values.
 */
#ifndef BENCH_HISTOGRAM_H
#define BENCH_HISTOGRAM_H

#include <stdint.h>

#define HISTOGRAM_STEPS 128 /* buckets to a doubling */
#define HISTOGRAM_DOUBLINGS 48

struct histogram {
    uint64_t buckets[(HISTOGRAM_DOUBLINGS + 1) * HISTOGRAM_STEPS];
    uint64_t count;
    uint64_t max;
};

void histogram_add(struct histogram *histogram, uint64_t ns);

/* The duration that a share `quantile` (0 to 1) of the values does not exceed; 0 when empty. */
uint64_t histogram_at(const struct histogram *histogram, double quantile);

#endif
