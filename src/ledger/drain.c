#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "ledger/ledger_int.h"

#define TRIM_EVERY_MS ((int64_t)3600 * 1000)
/* A block of the store's: as many rows that wait are stored without waiting for more. */
#define ROWS_AT_ONCE 1000u
#define BYTES_AT_ONCE ((size_t)1 << 20)
#define SPARES_MAX 128u
#define SPARE_BYTES_MAX ((size_t)64 << 10)
#define COMPLAIN_EVERY_MS ((int64_t)30 * 1000)

void sy_ledger_batch_free(struct ledger_batch *batch)
{
    if (!batch)
        return;
    sy_buf_release(&batch->outcomes);
    free(batch);
}

void sy_ledger_batch_keep(struct ledger_batch *batch)
{
    struct sy_ledger *ledger = batch->from->ledger;
    struct sy_buf outcomes = batch->outcomes;
    bool kept;

    pthread_mutex_lock(&ledger->lock);
    kept = outcomes.ptr && ledger->spare_count < SPARES_MAX && outcomes.cap <= SPARE_BYTES_MAX;
    if (kept) {
        sy_buf_clear(&outcomes);
        *batch = (struct ledger_batch){.next = ledger->spares, .outcomes = outcomes};
        ledger->spares = batch;
        ledger->spare_count++;
    }
    pthread_mutex_unlock(&ledger->lock);
    if (!kept)
        sy_ledger_batch_free(batch);
}

static struct ledger_batch *queue_take(struct sy_ledger *ledger)
{
    struct ledger_batch *all;

    pthread_mutex_lock(&ledger->lock);
    all = ledger->queue;
    ledger->queue = NULL;
    ledger->queue_last = &ledger->queue;
    ledger->queued_rows = 0;
    ledger->queued_bytes = 0;
    pthread_mutex_unlock(&ledger->lock);
    return all;
}

struct rows {
    struct sy_ledger_row *rows;
    struct sy_idempotency_row *answers;
    size_t row_count, answer_count;
};

static bool rows_collect(const struct ledger_batch *batches, struct sy_arena *arena,
                         struct rows *ret)
{
    size_t count = 0;

    for (const struct ledger_batch *batch = batches; batch; batch = batch->next)
        count += batch->count;
    ret->rows = sy_arena_array(arena, count + 1, sizeof(*ret->rows));
    ret->answers = sy_arena_array(arena, count + 1, sizeof(*ret->answers));
    if (!ret->rows || !ret->answers)
        return false;
    for (const struct ledger_batch *batch = batches; batch; batch = batch->next) {
        struct sy_str rest = sy_buf_str(&batch->outcomes);

        while (rest.len >= sizeof(uint32_t)) {
            struct sy_outcome_record outcome;
            uint32_t len;

            memcpy(&len, rest.ptr, sizeof(len));
            rest = sy_str_skip(rest, sizeof(len));
            if (len > rest.len || !sy_outcome_unpack(sy_str_head(rest, len), &outcome))
                break;
            ret->rows[ret->row_count++] = outcome.row;
            if (outcome.keep_answer)
                ret->answers[ret->answer_count++] = outcome.answer;
            rest = sy_str_skip(rest, len);
        }
    }
    return true;
}

/* A journal's place is its last batch's. */
static size_t places_collect(const struct ledger_batch *batches, struct sy_drained *places)
{
    size_t count = 0;

    for (const struct ledger_batch *batch = batches; batch; batch = batch->next) {
        size_t i = 0;
        bool all_new;

        while (i < count && places[i].journal != batch->place.journal)
            i++;
        if (i == count)
            places[count++] = batch->place;
        all_new = places[i].rows_are_new && batch->place.rows_are_new;
        places[i] = batch->place;
        places[i].rows_are_new = all_new;
    }
    return count;
}

/* Power: what was begun must be known after a power cut, before anything is sent. */
static bool intents_sync(const struct ledger_batch *batches)
{
    for (; batches; batches = batches->next)
        if (batches->sync_fd >= 0 && fdatasync(batches->sync_fd) != 0)
            return false;
    return true;
}

static int batches_store(struct sy_ledger *ledger, struct sy_store *store,
                         const struct ledger_batch *batches, struct sy_err *err)
{
    struct sy_drained places[LEDGER_LOOPS_MAX];
    size_t place_count = places_collect(batches, places);
    struct rows rows = {0};
    struct sy_arena arena;
    int status = SY_NOMEM;

    if (!intents_sync(batches))
        return sy_err_set(err, SY_UNAVAILABLE, "a journal cannot be synced");
    sy_arena_init(&arena, (size_t)1 << 30);
    if (rows_collect(batches, &arena, &rows)) {
        status = rows.answer_count
                     ? store->ops->put_idempotency(store, rows.answers, rows.answer_count, err)
                     : SY_OK;
        if (status == SY_OK)
            status = store->ops->append_ledger(store, rows.rows, rows.row_count, places,
                                               place_count, err);
    }
    if (status == SY_OK)
        atomic_fetch_add(&ledger->rows, rows.row_count);
    sy_arena_release(&arena);
    return status;
}

/* Tickets run on their loop; a batch without tickets ends here. */
static void batches_done(struct ledger_batch *batches, bool written)
{
    while (batches) {
        struct ledger_batch *next = batches->next;

        if (written)
            atomic_store(&batches->from->drained_sequence, batches->place.sequence);
        batches->written = written;
        if (batches->tickets)
            sy_loop_post(batches->from->loop, &batches->committed);
        else
            sy_ledger_batch_keep(batches);
        batches = next;
    }
}

static void queue_put_back(struct sy_ledger *ledger, struct ledger_batch *batches)
{
    struct ledger_batch **last = &batches;

    size_t rows = 0, bytes = 0;

    /* A commit may have come to pass and its answer not. */
    for (; *last; last = &(*last)->next) {
        rows += (*last)->count;
        bytes += (*last)->outcomes.len;
        (*last)->place.rows_are_new = false;
    }
    pthread_mutex_lock(&ledger->lock);
    ledger->queued_rows += rows;
    ledger->queued_bytes += bytes;
    *last = ledger->queue;
    if (!ledger->queue)
        ledger->queue_last = last;
    ledger->queue = batches;
    pthread_mutex_unlock(&ledger->lock);
}

static void trim(struct sy_ledger *ledger, struct sy_store *store)
{
    int64_t now_ms = sy_clock_unix_ms();
    struct sy_err err = SY_ERR_INIT;

    if (!ledger->options.keep_ms || now_ms - ledger->trimmed_at_ms < TRIM_EVERY_MS)
        return;
    ledger->trimmed_at_ms = now_ms;
    if (store->ops->trim(store, now_ms - ledger->options.keep_ms, &err) != SY_OK)
        sy_logf(SY_LOG_WARN, "ledger_trim", "%s", err.text);
}

/* The rows of groups whose tickets are told that they are not safe: they wait on, without them. */
static struct ledger_batch *rows_keep(struct ledger_batch *batches)
{
    struct ledger_batch *kept = NULL, **last = &kept;

    for (; batches; batches = batches->next) {
        struct ledger_batch *rest = batches->count ? malloc(sizeof(*rest)) : NULL;

        if (!rest)
            continue;
        *rest = (struct ledger_batch){.from = batches->from,
                                      .place = batches->place,
                                      .sync_fd = batches->sync_fd,
                                      .count = batches->count,
                                      .outcomes = batches->outcomes};
        sy_buf_init(&batches->outcomes, 0);
        batches->count = 0;
        *last = rest;
        last = &rest->next;
    }
    return kept;
}

/* A full disk lasts; a line a try would fill what is left of it. */
static void complain(struct sy_ledger *ledger, const struct sy_err *err)
{
    int64_t now_ms = sy_clock_unix_ms();

    if (ledger->complained_at_ms && now_ms - ledger->complained_at_ms < COMPLAIN_EVERY_MS)
        return;
    ledger->complained_at_ms = now_ms;
    sy_logf(SY_LOG_ERROR, "ledger_drain", "%s", err->text);
}

static void complain_no_more(struct sy_ledger *ledger)
{
    if (ledger->complained_at_ms)
        sy_logf(SY_LOG_INFO, "ledger_drain", "the store takes rows again");
    ledger->complained_at_ms = 0;
}

static bool drain_once(struct sy_ledger *ledger, struct sy_store *store)
{
    struct ledger_batch *batches = queue_take(ledger);
    struct sy_err err = SY_ERR_INIT;

    if (!batches)
        return true;
    if (batches_store(ledger, store, batches, &err) == SY_OK) {
        batches_done(batches, true);
        complain_no_more(ledger);
        trim(ledger, store);
        return true;
    }
    /* The journal has the rows and they wait here until the store takes them; under `power` nobody
     * is told until then that a row is safe. */
    complain(ledger, &err);
    if (ledger->options.power) {
        struct ledger_batch *kept = rows_keep(batches);

        batches_done(batches, false);
        batches = kept;
    }
    if (batches)
        queue_put_back(ledger, batches);
    return false;
}

void sy_ledger_catch_up(struct sy_ledger *ledger, struct sy_store *store)
{
    (void)drain_once(ledger, store);
}

static void drain_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct sy_ledger *ledger = job->ctx;
    bool again;

    pthread_mutex_lock(&ledger->lock);
    ledger->drain_queued = false;
    pthread_mutex_unlock(&ledger->lock);
    if (drain_once(ledger, store))
        return;
    pthread_mutex_lock(&ledger->lock);
    again = !ledger->drain_queued && ledger->queue && !ledger->closing;
    ledger->drain_queued = ledger->drain_queued || again;
    if (again)
        ledger->drain.urgent = false; /* a disk that is full now is full a moment later */
    pthread_mutex_unlock(&ledger->lock);
    if (again && !sy_writer_submit(ledger->writer, &ledger->drain)) {
        pthread_mutex_lock(&ledger->lock);
        ledger->drain_queued = false;
        pthread_mutex_unlock(&ledger->lock);
    }
}

static bool is_enough(const struct sy_ledger *ledger)
{
    return ledger->queued_rows >= ROWS_AT_ONCE || ledger->queued_bytes >= BYTES_AT_ONCE;
}

struct ledger_batch *sy_ledger_enqueue(struct sy_ledger *ledger, struct ledger_batch *batch,
                                       struct ledger_batch *spare)
{
    bool submit, was_enough, enough;

    batch->next = NULL;
    pthread_mutex_lock(&ledger->lock);
    *ledger->queue_last = batch;
    ledger->queue_last = &batch->next;
    was_enough = is_enough(ledger);
    ledger->queued_rows += batch->count;
    ledger->queued_bytes += batch->outcomes.len;
    enough = is_enough(ledger) && !was_enough;
    submit = !ledger->drain_queued;
    ledger->drain_queued = true;
    if (!spare && ledger->spares) {
        spare = ledger->spares;
        ledger->spares = spare->next;
        ledger->spare_count--;
    }
    pthread_mutex_unlock(&ledger->lock);
    if (!submit && enough)
        sy_writer_hurry(ledger->writer);
    if (!submit)
        return spare;
    ledger->drain.work = drain_work;
    ledger->drain.ctx = ledger;
    ledger->drain.ledger = true;
    ledger->drain.urgent = ledger->options.power || enough;
    if (!sy_writer_submit(ledger->writer, &ledger->drain)) {
        pthread_mutex_lock(&ledger->lock);
        ledger->drain_queued = false;
        pthread_mutex_unlock(&ledger->lock);
    }
    return spare;
}
