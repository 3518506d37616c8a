/* Matching that is more than a comparison: globs and the distance between names. */
#include "base/str.h"

#include <string.h>

bool sy_str_glob(struct sy_str pattern, struct sy_str text)
{
    size_t p = 0;
    size_t t = 0;
    size_t star = (size_t)-1; /* the last '*' seen, and the text it has swallowed up to */
    size_t swallowed = 0;

    while (t < text.len) {
        if (p < pattern.len && pattern.ptr[p] == '*') {
            star = p++;
            swallowed = t;
        } else if (p < pattern.len && (pattern.ptr[p] == '?' || pattern.ptr[p] == text.ptr[t])) {
            p++;
            t++;
        } else if (star != (size_t)-1) {
            p = star + 1;
            t = ++swallowed;
        } else {
            return false;
        }
    }
    while (p < pattern.len && pattern.ptr[p] == '*')
        p++;
    return p == pattern.len;
}

/* Rows are kept on the stack, in bytes: no distance of such names exceeds 128. */
#define DISTANCE_NAME_MAX 128u

struct distance_rows {
    unsigned char before[DISTANCE_NAME_MAX + 1];
    unsigned char last[DISTANCE_NAME_MAX + 1];
    unsigned char now[DISTANCE_NAME_MAX + 1];
};

static unsigned char least(unsigned a, unsigned b, unsigned c)
{
    unsigned min = a < b ? a : b;
    return (unsigned char)(min < c ? min : c);
}

/* Fills rows->now for a[i] as far as it may be within the limit, with a border of more than that;
 * returns its smallest entry. */
static unsigned distance_row(struct distance_rows *rows, struct sy_str a, size_t i, struct sy_str b,
                             unsigned limit)
{
    size_t from = i > limit ? i - limit : 0, to = i + limit + 1 < b.len ? i + limit + 1 : b.len;
    unsigned smallest;

    rows->now[from] = (unsigned char)(from == 0 ? i + 1 : limit + 1);
    smallest = rows->now[from];
    for (size_t j = from; j < to; j++) {
        unsigned cost = a.ptr[i] != b.ptr[j];
        unsigned char best = least(rows->last[j + 1] + 1u, rows->now[j] + 1u, rows->last[j] + cost);
        bool swapped = i && j && a.ptr[i] == b.ptr[j - 1] && a.ptr[i - 1] == b.ptr[j];
        if (swapped && rows->before[j - 1] + 1u < best)
            best = (unsigned char)(rows->before[j - 1] + 1u);
        rows->now[j + 1] = best;
        if (best < smallest)
            smallest = best;
    }
    if (to < b.len)
        rows->now[to + 1] = (unsigned char)(limit + 1);
    return smallest;
}

unsigned sy_str_distance(struct sy_str a, struct sy_str b, unsigned limit)
{
    struct distance_rows rows = {.before = {0}};
    size_t apart = a.len > b.len ? a.len - b.len : b.len - a.len;
    unsigned smallest_last = 0;
    unsigned distance;

    if (a.len > DISTANCE_NAME_MAX || b.len > DISTANCE_NAME_MAX || apart > limit)
        return limit + 1;
    for (size_t j = 0; j <= b.len; j++)
        rows.last[j] = (unsigned char)j;

    for (size_t i = 0; i < a.len; i++) {
        unsigned smallest = distance_row(&rows, a, i, b, limit);
        /* A transposition looks two rows back, so both must be past the limit to give up. */
        if (smallest > limit && smallest_last > limit)
            return limit + 1;
        smallest_last = smallest;
        memcpy(rows.before, rows.last, b.len + 1);
        memcpy(rows.last, rows.now, b.len + 1);
    }
    distance = rows.last[b.len];
    return distance > limit ? limit + 1 : distance;
}
