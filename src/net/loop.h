/*
 * One event loop: epoll, timers, deferred work and a mailbox. A process runs one per core; nothing
 * on a loop may block. All functions belong to the loop's own thread but for sy_loop_post,
 * sy_loop_stop and creation/destruction.
 *
 * Order of a turn: wait; read the clock once; run ready watches; due timers; mailbox; deferred
 * tasks (which may defer more, run in the same turn); turn-end hooks in order of registration.
 */
#ifndef SY_NET_LOOP_H
#define SY_NET_LOOP_H

#include "base/err.h"
#include "base/str.h"

struct sy_loop;

/* `max_load` informs nothing; index is 0..n-1 and names the loop in metrics and journals. */
int sy_loop_create(unsigned index, struct sy_loop **ret_loop, struct sy_err *err);
void sy_loop_destroy(struct sy_loop *loop);
/* Runs until sy_loop_stop. */
void sy_loop_run(struct sy_loop *loop);
/* Thread and signal safe. */
void sy_loop_stop(struct sy_loop *loop);
unsigned sy_loop_index(const struct sy_loop *loop);

/* The turn's clocks: monotonic ms, monotonic us, wall clock ms. One reading per turn. */
int64_t sy_loop_now_ms(const struct sy_loop *loop);
int64_t sy_loop_now_us(const struct sy_loop *loop);
int64_t sy_loop_unix_ms(const struct sy_loop *loop);

/* File descriptors. The struct belongs to the caller and must live until unwatched. */
struct sy_watch;
typedef void sy_watch_fn(struct sy_loop *loop, struct sy_watch *watch, uint32_t epoll_events);
struct sy_watch {
    int fd;
    uint32_t events; /* EPOLLIN | … as registered; level-triggered */
    sy_watch_fn *fn;
    void *ctx;
    uint64_t generation; /* set by the loop: events of an earlier registration are dropped */
};
int sy_loop_watch(struct sy_loop *loop, struct sy_watch *watch, uint32_t events);
int sy_loop_rewatch(struct sy_loop *loop, struct sy_watch *watch, uint32_t events);
/* After it returns no event of this watch is delivered, not even one of the running batch. */
void sy_loop_unwatch(struct sy_loop *loop, struct sy_watch *watch);

/* Timers: a 4-ary heap; struct embedded in the owner, zeroed before first use. */
struct sy_timer;
typedef void sy_timer_fn(struct sy_loop *loop, struct sy_timer *timer);
struct sy_timer {
    sy_timer_fn *fn;
    void *ctx;
    int64_t due_ms;
    size_t slot; /* heap place + 1; 0 = not armed */
};
/* Arms or moves. due_ms is on the monotonic clock. SY_NOMEM leaves it unarmed. */
int sy_timer_set(struct sy_loop *loop, struct sy_timer *timer, int64_t due_ms);
void sy_timer_cancel(struct sy_loop *loop, struct sy_timer *timer);

/* Work for later: embedded in the owner; one task is queued at most once at a time. */
struct sy_task;
typedef void sy_task_fn(struct sy_loop *loop, struct sy_task *task);
struct sy_task {
    sy_task_fn *fn;
    void *ctx;
    struct sy_task *next; /* the queue's */
    bool queued;
};
/* Runs at the end of this turn, outside every callback. */
void sy_loop_defer(struct sy_loop *loop, struct sy_task *task);
/* Takes a deferred task back before its owner dies; nothing happens if it is not queued. Not for
 * posted tasks. */
void sy_loop_undefer(struct sy_loop *loop, struct sy_task *task);
/* From any thread: runs in one of the loop's next turns. The task must stay alive until run. */
void sy_loop_post(struct sy_loop *loop, struct sy_task *task);

/* Called at the end of every turn, after deferred tasks (group commit, snapshot acknowledgement).
 */
struct sy_turn_hook {
    void (*fn)(struct sy_loop *loop, void *ctx);
    void *ctx;
    struct sy_turn_hook *next;
};
void sy_loop_on_turn_end(struct sy_loop *loop, struct sy_turn_hook *hook);

#endif
