#include "net/timer_heap.h"

#include <stdlib.h>

#define HEAP_FIRST_CAP 64

/* The due time stands beside the pointer, so that sifting touches no timer but those that move.
 * Children of i are 4i+1 … 4i+4. */
struct sy_timer_node {
    int64_t due_ms;
    struct sy_timer *timer;
};

static void place(struct sy_timer_heap *heap, size_t at, struct sy_timer_node node)
{
    heap->nodes[at] = node;
    node.timer->slot = at + 1;
}

static void sift_up(struct sy_timer_heap *heap, size_t at, struct sy_timer_node node)
{
    while (at > 0 && node.due_ms < heap->nodes[(at - 1) / 4].due_ms) {
        place(heap, at, heap->nodes[(at - 1) / 4]);
        at = (at - 1) / 4;
    }
    place(heap, at, node);
}

static size_t earliest_child(const struct sy_timer_heap *heap, size_t at)
{
    size_t first = 4 * at + 1;
    size_t best = first;

    for (size_t i = first + 1; i < first + 4 && i < heap->count; i++) {
        if (heap->nodes[i].due_ms < heap->nodes[best].due_ms)
            best = i;
    }
    return best;
}

static void sift_down(struct sy_timer_heap *heap, size_t at, struct sy_timer_node node)
{
    while (4 * at + 1 < heap->count) {
        size_t child = earliest_child(heap, at);

        if (heap->nodes[child].due_ms >= node.due_ms)
            break;
        place(heap, at, heap->nodes[child]);
        at = child;
    }
    place(heap, at, node);
}

static void settle(struct sy_timer_heap *heap, size_t at, struct sy_timer_node node)
{
    if (at > 0 && node.due_ms < heap->nodes[(at - 1) / 4].due_ms)
        sift_up(heap, at, node);
    else
        sift_down(heap, at, node);
}

static int make_room(struct sy_timer_heap *heap)
{
    size_t cap = heap->cap ? heap->cap * 2 : HEAP_FIRST_CAP;
    struct sy_timer_node *grown;

    if (heap->count < heap->cap)
        return SY_OK;
    grown = realloc(heap->nodes, cap * sizeof(*grown));
    if (!grown)
        return SY_NOMEM;
    heap->nodes = grown;
    heap->cap = cap;
    return SY_OK;
}

int sy_timer_heap_set(struct sy_timer_heap *heap, struct sy_timer *timer, int64_t due_ms)
{
    struct sy_timer_node node = {due_ms, timer};

    if (timer->slot) {
        timer->due_ms = due_ms;
        settle(heap, timer->slot - 1, node);
        return SY_OK;
    }
    if (make_room(heap) < 0)
        return SY_NOMEM;
    timer->due_ms = due_ms;
    sift_up(heap, heap->count++, node);
    return SY_OK;
}

void sy_timer_heap_remove(struct sy_timer_heap *heap, struct sy_timer *timer)
{
    size_t at = timer->slot - 1;
    struct sy_timer_node last;

    if (!timer->slot)
        return;
    timer->slot = 0;
    last = heap->nodes[--heap->count];
    if (last.timer != timer)
        settle(heap, at, last);
}

struct sy_timer *sy_timer_heap_first(const struct sy_timer_heap *heap)
{
    return heap->count ? heap->nodes[0].timer : NULL;
}

void sy_timer_heap_release(struct sy_timer_heap *heap)
{
    free(heap->nodes);
    *heap = (struct sy_timer_heap){0};
}
