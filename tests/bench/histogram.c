#include "histogram.h"

#define STEP_BITS 7

/* Below 2^STEP_BITS a bucket a value; above, the leading bits after the highest one choose. */
static unsigned bucket_of(uint64_t ns)
{
    unsigned high, shift;

    if (ns < HISTOGRAM_STEPS)
        return (unsigned)ns;
    high = 63u - (unsigned)__builtin_clzll(ns);
    shift = high - STEP_BITS;
    if (shift >= HISTOGRAM_DOUBLINGS)
        return (HISTOGRAM_DOUBLINGS + 1) * HISTOGRAM_STEPS - 1;
    return (shift + 1) * HISTOGRAM_STEPS + (unsigned)((ns >> shift) - HISTOGRAM_STEPS);
}

static uint64_t middle_of(unsigned bucket)
{
    unsigned shift;

    if (bucket < HISTOGRAM_STEPS)
        return bucket;
    shift = bucket / HISTOGRAM_STEPS - 1;
    return ((uint64_t)(bucket % HISTOGRAM_STEPS + HISTOGRAM_STEPS) << shift) +
           (((uint64_t)1 << shift) >> 1);
}

void histogram_add(struct histogram *histogram, uint64_t ns)
{
    histogram->buckets[bucket_of(ns)]++;
    histogram->count++;
    if (ns > histogram->max)
        histogram->max = ns;
}

uint64_t histogram_at(const struct histogram *histogram, double quantile)
{
    uint64_t wanted = (uint64_t)(quantile * (double)histogram->count);
    uint64_t seen = 0;

    if (quantile >= 1.0 || histogram->count == 0)
        return histogram->max;
    for (unsigned i = 0; i < sizeof(histogram->buckets) / sizeof(histogram->buckets[0]); i++) {
        seen += histogram->buckets[i];
        if (seen > wanted)
            return middle_of(i);
    }
    return histogram->max;
}
