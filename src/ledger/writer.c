#include "ledger/writer.h"

#include <errno.h>
#include <stdlib.h>
#include <time.h>

#include <pthread.h>

#include "base/clock.h"

#define CONTROL_JOBS_MAX 10000u
#define IDLE_MS 50
/* Rows are written in groups: one commit every 100 ms, or a block's worth of rows, costs less than
 * one a turn. They are safe in the journal meanwhile. */
#define LEDGER_EVERY_MS 100

struct lane {
    struct sy_writer_job *first;
    struct sy_writer_job **last;
};

struct sy_writer {
    struct sy_store *store;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wake;
    struct lane control;
    struct lane ledger;
    unsigned control_count;
    bool urgent;
    bool stopping;
    int64_t ledger_at_ms;
    void (*idle)(struct sy_store *store, void *ctx);
    void *idle_ctx;
};

static void lane_push(struct lane *lane, struct sy_writer_job *job)
{
    job->next = NULL;
    *lane->last = job;
    lane->last = &job->next;
}

static struct sy_writer_job *lane_pop(struct lane *lane)
{
    struct sy_writer_job *job = lane->first;

    if (!job)
        return NULL;
    lane->first = job->next;
    if (!lane->first)
        lane->last = &lane->first;
    return job;
}

/* The next job that may run now, under the lock. */
static struct sy_writer_job *take(struct sy_writer *writer, int64_t now_ms)
{
    struct sy_writer_job *job = lane_pop(&writer->control);

    if (job) {
        writer->control_count--;
        return job;
    }
    if (!writer->ledger.first)
        return NULL;
    if (!writer->urgent && !writer->stopping && now_ms < writer->ledger_at_ms)
        return NULL;
    writer->ledger_at_ms = now_ms + LEDGER_EVERY_MS;
    writer->urgent = false;
    return lane_pop(&writer->ledger);
}

static void wait_until(struct sy_writer *writer, int64_t wait_ms)
{
    struct timespec until;

    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += wait_ms / 1000;
    until.tv_nsec += wait_ms % 1000 * 1000000;
    if (until.tv_nsec >= 1000000000) {
        until.tv_sec++;
        until.tv_nsec -= 1000000000;
    }
    pthread_cond_timedwait(&writer->wake, &writer->lock, &until);
}

static void run_job(struct sy_writer *writer, struct sy_writer_job *job)
{
    struct sy_loop *loop = job->loop;

    /* Without a loop the job may free itself in `work`. */
    job->work(writer->store, job);
    if (loop)
        sy_loop_post(loop, &job->done);
}

static void *writer_main(void *arg)
{
    struct sy_writer *writer = arg;
    int64_t idle_at_ms = 0;

    pthread_mutex_lock(&writer->lock);
    for (;;) {
        int64_t now_ms = sy_clock_ms();
        struct sy_writer_job *job = take(writer, now_ms);

        if (job) {
            pthread_mutex_unlock(&writer->lock);
            run_job(writer, job);
            pthread_mutex_lock(&writer->lock);
            continue;
        }
        if (writer->stopping)
            break;
        if (writer->idle && now_ms >= idle_at_ms) {
            idle_at_ms = now_ms + IDLE_MS;
            pthread_mutex_unlock(&writer->lock);
            writer->idle(writer->store, writer->idle_ctx);
            pthread_mutex_lock(&writer->lock);
            continue;
        }
        wait_until(writer, IDLE_MS);
    }
    pthread_mutex_unlock(&writer->lock);
    return NULL;
}

int sy_writer_create(struct sy_store *store, struct sy_writer **ret_writer, struct sy_err *err)
{
    struct sy_writer *writer = calloc(1, sizeof(*writer));
    pthread_condattr_t attr;

    if (!writer)
        return sy_err_set(err, SY_NOMEM, "no memory for the writer");
    writer->store = store;
    writer->control.last = &writer->control.first;
    writer->ledger.last = &writer->ledger.first;
    pthread_mutex_init(&writer->lock, NULL);
    pthread_condattr_init(&attr);
    pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    pthread_cond_init(&writer->wake, &attr);
    pthread_condattr_destroy(&attr);
    if (pthread_create(&writer->thread, NULL, writer_main, writer) != 0) {
        free(writer);
        return sy_err_set(err, SY_UNAVAILABLE, "the writer thread cannot be started");
    }
    *ret_writer = writer;
    return SY_OK;
}

void sy_writer_destroy(struct sy_writer *writer)
{
    if (!writer)
        return;
    pthread_mutex_lock(&writer->lock);
    writer->stopping = true;
    pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    pthread_join(writer->thread, NULL);
    writer->store->ops->close(writer->store);
    pthread_cond_destroy(&writer->wake);
    pthread_mutex_destroy(&writer->lock);
    free(writer);
}

bool sy_writer_submit(struct sy_writer *writer, struct sy_writer_job *job)
{
    bool taken = true;

    pthread_mutex_lock(&writer->lock);
    if (writer->stopping || (!job->ledger && writer->control_count >= CONTROL_JOBS_MAX)) {
        taken = false;
    } else if (job->ledger) {
        lane_push(&writer->ledger, job);
        writer->urgent = writer->urgent || job->urgent;
    } else {
        lane_push(&writer->control, job);
        writer->control_count++;
    }
    if (!job->ledger || job->urgent)
        pthread_cond_signal(&writer->wake);
    pthread_mutex_unlock(&writer->lock);
    return taken;
}

void sy_writer_hurry(struct sy_writer *writer)
{
    pthread_mutex_lock(&writer->lock);
    if (writer->ledger.first) {
        writer->urgent = true;
        pthread_cond_signal(&writer->wake);
    }
    pthread_mutex_unlock(&writer->lock);
}

bool sy_writer_withdraw(struct sy_writer *writer, struct sy_writer_job *job)
{
    struct sy_writer_job **at;
    bool found;

    pthread_mutex_lock(&writer->lock);
    at = &writer->ledger.first;
    while (*at && *at != job)
        at = &(*at)->next;
    found = *at != NULL;
    if (found) {
        *at = job->next;
        if (!*at)
            writer->ledger.last = at;
    }
    pthread_mutex_unlock(&writer->lock);
    return found;
}

struct waiting_job {
    struct sy_writer_job job;
    sy_writer_work_fn *work;
    pthread_mutex_t lock;
    pthread_cond_t done;
    bool ran;
};

static void run_and_tell(struct sy_store *store, struct sy_writer_job *job)
{
    struct waiting_job *waiting = (struct waiting_job *)(void *)job;

    waiting->work(store, job);
    pthread_mutex_lock(&waiting->lock);
    waiting->ran = true;
    pthread_cond_signal(&waiting->done);
    pthread_mutex_unlock(&waiting->lock);
}

void sy_writer_run(struct sy_writer *writer, sy_writer_work_fn *work, void *ctx)
{
    struct waiting_job waiting = {.job = {.work = run_and_tell, .ctx = ctx}, .work = work};

    pthread_mutex_init(&waiting.lock, NULL);
    pthread_cond_init(&waiting.done, NULL);
    if (sy_writer_submit(writer, &waiting.job)) {
        pthread_mutex_lock(&waiting.lock);
        while (!waiting.ran)
            pthread_cond_wait(&waiting.done, &waiting.lock);
        pthread_mutex_unlock(&waiting.lock);
    }
    pthread_cond_destroy(&waiting.done);
    pthread_mutex_destroy(&waiting.lock);
}

void sy_writer_on_idle(struct sy_writer *writer, void (*fn)(struct sy_store *store, void *ctx),
                       void *ctx)
{
    pthread_mutex_lock(&writer->lock);
    writer->idle = fn;
    writer->idle_ctx = ctx;
    pthread_mutex_unlock(&writer->lock);
}
