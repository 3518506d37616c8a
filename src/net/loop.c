#include "net/loop.h"

#include <errno.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "base/clock.h"
#include "net/timer_heap.h"

#define EVENTS_PER_TURN 256
#define WAIT_MAX_MS 60000
#define FD_MAX (1 << 22)
#define WAKE_TRIES 4u

struct task_queue {
    struct sy_task *head;
    struct sy_task *tail;
};

struct sy_loop {
    unsigned index;
    int epoll_fd;
    int wake_fd;
    _Atomic bool stop;
    _Atomic bool look; /* a wake-up could not be sent: there may be mail */

    int64_t now_us;
    int64_t unix_ms;

    /* The watch of each descriptor; an event finds its watch here, never through a pointer that the
     * kernel keeps, so that a dead one cannot be reached. */
    struct sy_watch **watches;
    size_t watches_cap;
    uint32_t generation;

    struct sy_timer_heap timers;

    struct task_queue deferred;
    struct sy_turn_hook *hooks;

    pthread_mutex_t mail_lock;
    struct task_queue mail;
    size_t mail_count;
    bool mail_signalled;

    struct epoll_event ready[EVENTS_PER_TURN];
};

static void read_clocks(struct sy_loop *loop)
{
    loop->now_us = sy_clock_us();
    loop->unix_ms = sy_clock_unix_ms();
}

static void queue_push(struct task_queue *queue, struct sy_task *task)
{
    task->queued = true;
    task->next = NULL;
    if (queue->tail)
        queue->tail->next = task;
    else
        queue->head = task;
    queue->tail = task;
}

static struct sy_task *queue_pop(struct task_queue *queue)
{
    struct sy_task *task = queue->head;

    if (!task)
        return NULL;
    queue->head = task->next;
    if (!queue->head)
        queue->tail = NULL;
    task->next = NULL;
    task->queued = false;
    return task;
}

int sy_loop_create(unsigned index, struct sy_loop **ret_loop, struct sy_err *err)
{
    struct sy_loop *loop = calloc(1, sizeof(*loop));
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = 0};

    if (!loop)
        return sy_err_set(err, SY_NOMEM, "no memory for an event loop");
    loop->index = index;
    loop->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    loop->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    pthread_mutex_init(&loop->mail_lock, NULL);
    if (loop->epoll_fd < 0 || loop->wake_fd < 0 ||
        epoll_ctl(loop->epoll_fd, EPOLL_CTL_ADD, loop->wake_fd, &event) < 0) {
        sy_err_set(err, SY_ERR, "event loop: %s", strerror(errno));
        sy_loop_destroy(loop);
        return SY_ERR;
    }
    read_clocks(loop);
    *ret_loop = loop;
    return SY_OK;
}

void sy_loop_destroy(struct sy_loop *loop)
{
    if (!loop)
        return;
    if (loop->epoll_fd >= 0)
        close(loop->epoll_fd);
    if (loop->wake_fd >= 0)
        close(loop->wake_fd);
    pthread_mutex_destroy(&loop->mail_lock);
    free(loop->watches);
    sy_timer_heap_release(&loop->timers);
    free(loop);
}

static void wake(struct sy_loop *loop)
{
    uint64_t one = 1;
    ssize_t written = -1;

    /* A full counter means that a wake-up is pending already; no other refusal is known. After one
     * the loop looks by itself at its next turn, and the next post tries again. */
    for (unsigned left = WAKE_TRIES; left; left--) {
        written = write(loop->wake_fd, &one, sizeof(one));
        if (written >= 0)
            break;
    }
    if (written < 0) {
        atomic_store(&loop->look, true);
        pthread_mutex_lock(&loop->mail_lock);
        loop->mail_signalled = false;
        pthread_mutex_unlock(&loop->mail_lock);
    }
}

void sy_loop_stop(struct sy_loop *loop)
{
    int saved = errno;

    atomic_store(&loop->stop, true);
    wake(loop);
    errno = saved;
}

unsigned sy_loop_index(const struct sy_loop *loop)
{
    return loop->index;
}

int64_t sy_loop_now_ms(const struct sy_loop *loop)
{
    return loop->now_us / 1000;
}

int64_t sy_loop_now_us(const struct sy_loop *loop)
{
    return loop->now_us;
}

int64_t sy_loop_unix_ms(const struct sy_loop *loop)
{
    return loop->unix_ms;
}

/* Watches. Generation 0 is the wake-up descriptor's. */

static int watches_reach(struct sy_loop *loop, size_t fd)
{
    size_t cap = loop->watches_cap ? loop->watches_cap : 64;
    struct sy_watch **grown;

    if (fd < loop->watches_cap)
        return SY_OK;
    if (fd >= FD_MAX)
        return SY_NOMEM;
    while (cap <= fd)
        cap *= 2;
    grown = realloc(loop->watches, cap * sizeof(struct sy_watch *));
    if (!grown)
        return SY_NOMEM;
    memset(grown + loop->watches_cap, 0, (cap - loop->watches_cap) * sizeof(struct sy_watch *));
    loop->watches = grown;
    loop->watches_cap = cap;
    return SY_OK;
}

static int control(struct sy_loop *loop, int how, const struct sy_watch *watch, uint32_t events)
{
    struct epoll_event event = {
        .events = events,
        .data.u64 = watch->generation << 32 | (uint32_t)watch->fd,
    };

    return epoll_ctl(loop->epoll_fd, how, watch->fd, &event) < 0 ? SY_ERR : SY_OK;
}

int sy_loop_watch(struct sy_loop *loop, struct sy_watch *watch, uint32_t events)
{
    int status;

    if (watch->fd < 0)
        return SY_INVALID;
    status = watches_reach(loop, (size_t)watch->fd);
    if (status < 0)
        return status;
    if (++loop->generation == 0)
        loop->generation = 1;
    watch->generation = loop->generation;
    watch->events = events;
    status = control(loop, EPOLL_CTL_ADD, watch, events);
    /* An earlier watch of the descriptor could not be taken away. */
    if (status < 0 && errno == EEXIST && control(loop, EPOLL_CTL_DEL, watch, 0) == SY_OK)
        status = control(loop, EPOLL_CTL_ADD, watch, events);
    if (status < 0)
        return status;
    loop->watches[watch->fd] = watch;
    return SY_OK;
}

int sy_loop_rewatch(struct sy_loop *loop, struct sy_watch *watch, uint32_t events)
{
    int status = control(loop, EPOLL_CTL_MOD, watch, events);

    if (status == SY_OK)
        watch->events = events;
    return status;
}

void sy_loop_unwatch(struct sy_loop *loop, struct sy_watch *watch)
{
    /* The number may have been closed and given to another watch meanwhile: that one stays. */
    if (watch->fd < 0 || (size_t)watch->fd >= loop->watches_cap ||
        loop->watches[watch->fd] != watch)
        return;
    loop->watches[watch->fd] = NULL;
    (void)control(loop, EPOLL_CTL_DEL, watch, 0);
}

static void run_ready(struct sy_loop *loop, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        uint64_t data = loop->ready[i].data.u64;
        size_t fd = (uint32_t)data;
        struct sy_watch *watch;

        if (data >> 32 == 0 || fd >= loop->watches_cap)
            continue;
        watch = loop->watches[fd];
        if (watch && watch->generation == data >> 32)
            watch->fn(loop, watch, loop->ready[i].events);
    }
}

/* Timers. */

int sy_timer_set(struct sy_loop *loop, struct sy_timer *timer, int64_t due_ms)
{
    return sy_timer_heap_set(&loop->timers, timer, due_ms);
}

void sy_timer_cancel(struct sy_loop *loop, struct sy_timer *timer)
{
    sy_timer_heap_remove(&loop->timers, timer);
}

/* One that arms itself again at once waits for the next turn: the count at the start bounds it. */
static void run_timers(struct sy_loop *loop)
{
    int64_t now_ms = sy_loop_now_ms(loop);

    for (size_t left = loop->timers.count; left; left--) {
        struct sy_timer *timer = sy_timer_heap_first(&loop->timers);

        if (!timer || timer->due_ms > now_ms)
            return;
        sy_timer_cancel(loop, timer);
        timer->fn(loop, timer);
    }
}

/* Tasks. */

void sy_loop_defer(struct sy_loop *loop, struct sy_task *task)
{
    if (!task->queued)
        queue_push(&loop->deferred, task);
}

void sy_loop_undefer(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_task *before = NULL;
    struct sy_task *at = task->queued ? loop->deferred.head : NULL;

    for (; at && at != task; at = at->next)
        before = at;
    if (!at)
        return;
    if (before)
        before->next = task->next;
    else
        loop->deferred.head = task->next;
    if (loop->deferred.tail == task)
        loop->deferred.tail = before;
    task->next = NULL;
    task->queued = false;
}

void sy_loop_post(struct sy_loop *loop, struct sy_task *task)
{
    bool signal;

    pthread_mutex_lock(&loop->mail_lock);
    if (!task->queued) {
        queue_push(&loop->mail, task);
        loop->mail_count++;
    }
    /* Also for one that is queued already: its own signal may have failed. */
    signal = !loop->mail_signalled;
    loop->mail_signalled = true;
    pthread_mutex_unlock(&loop->mail_lock);
    if (signal)
        wake(loop);
}

/* Takes the tasks one by one, because each may be posted again as soon as it is out of the queue;
 * what is posted while they run waits for the next turn. */
static void run_mail(struct sy_loop *loop)
{
    struct sy_task *task;
    uint64_t wakes;
    size_t count;

    if (read(loop->wake_fd, &wakes, sizeof(wakes)) < 0)
        wakes = 0;
    pthread_mutex_lock(&loop->mail_lock);
    loop->mail_signalled = false;
    count = loop->mail_count;
    while (count-- && (task = queue_pop(&loop->mail))) {
        loop->mail_count--;
        pthread_mutex_unlock(&loop->mail_lock);
        task->fn(loop, task);
        pthread_mutex_lock(&loop->mail_lock);
    }
    pthread_mutex_unlock(&loop->mail_lock);
}

static void run_deferred(struct sy_loop *loop)
{
    struct sy_task *task;

    while ((task = queue_pop(&loop->deferred)))
        task->fn(loop, task);
}

void sy_loop_on_turn_end(struct sy_loop *loop, struct sy_turn_hook *hook)
{
    struct sy_turn_hook **end = &loop->hooks;

    while (*end)
        end = &(*end)->next;
    hook->next = NULL;
    *end = hook;
}

static int wait_ms(const struct sy_loop *loop)
{
    const struct sy_timer *first = sy_timer_heap_first(&loop->timers);
    int64_t left;

    if (loop->deferred.head)
        return 0;
    if (!first)
        return WAIT_MAX_MS;
    left = first->due_ms - sy_clock_ms();
    if (left < 0)
        return 0;
    return left < WAIT_MAX_MS ? (int)left : WAIT_MAX_MS;
}

static bool wake_is_ready(const struct sy_loop *loop, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (loop->ready[i].data.u64 >> 32 == 0)
            return true;
    }
    return false;
}

static void turn(struct sy_loop *loop)
{
    int ready = epoll_wait(loop->epoll_fd, loop->ready, EVENTS_PER_TURN, wait_ms(loop));
    size_t count = ready > 0 ? (size_t)ready : 0;

    read_clocks(loop);
    run_ready(loop, count);
    run_timers(loop);
    if (wake_is_ready(loop, count) || atomic_exchange(&loop->look, false))
        run_mail(loop);
    run_deferred(loop);
    for (struct sy_turn_hook *hook = loop->hooks; hook; hook = hook->next)
        hook->fn(loop, hook->ctx);
}

void sy_loop_run(struct sy_loop *loop)
{
    while (!atomic_load(&loop->stop))
        turn(loop);
    atomic_store(&loop->stop, false);
}
