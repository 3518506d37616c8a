/*
 * The loop's timers by due time: a 4-ary heap of pointers into their owners. Used by loop.c alone.
 */
#ifndef SY_NET_TIMER_HEAP_H
#define SY_NET_TIMER_HEAP_H

#include "net/loop.h"

struct sy_timer_node;

struct sy_timer_heap {
    struct sy_timer_node *nodes;
    size_t count;
    size_t cap;
};

/* Adds the timer, or moves it if it is in the heap. SY_NOMEM leaves it out. */
int sy_timer_heap_set(struct sy_timer_heap *heap, struct sy_timer *timer, int64_t due_ms);
void sy_timer_heap_remove(struct sy_timer_heap *heap, struct sy_timer *timer);
/* The earliest, or NULL. */
struct sy_timer *sy_timer_heap_first(const struct sy_timer_heap *heap);
void sy_timer_heap_release(struct sy_timer_heap *heap);

#endif
