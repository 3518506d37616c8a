#include "ledger/ledger.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "ledger/folder.h"
#include "ledger/ledger_int.h"

#define GROUP_MAX ((size_t)64 << 20)
/* A kept answer and its row may be this large beyond what was reserved. */
/* How often a journal that could not be written is looked at without a call. */
#define RECHECK_MS 1000
#define SLACK_BYTES ((size_t)2 << 20)

/* ---- the process's part ---- */

struct recovery {
    struct sy_ledger *ledger;
    unsigned *lost;
    struct sy_err *err;
    int status;
};

static void recover_work(struct sy_store *store, struct sy_writer_job *job)
{
    struct recovery *recovery = job->ctx;

    recovery->status = sy_ledger_recover(recovery->ledger, store, recovery->lost, recovery->err);
}

static int folder_make(const char *path, struct sy_err *err)
{
    if (mkdir(path, 0700) != 0 && errno != EEXIST)
        return sy_err_set(err, SY_UNAVAILABLE, "%s: %s", path, strerror(errno));
    /* Whoever made it: it may be as new as the files that come into it. */
    return sy_folder_sync_above(path, err);
}

int sy_ledger_create(const struct sy_ledger_options *options, struct sy_writer *writer,
                     unsigned loops, struct sy_ledger **ret_ledger, unsigned *ret_lost,
                     struct sy_err *err)
{
    struct sy_ledger *ledger = calloc(1, sizeof(*ledger));
    struct recovery recovery = {.ledger = ledger, .lost = ret_lost, .err = err};

    *ret_lost = 0;
    if (!ledger || loops > LEDGER_LOOPS_MAX) {
        free(ledger);
        return sy_err_set(err, SY_NOMEM, "no room for the ledger of %u threads", loops);
    }
    ledger->options = *options;
    ledger->writer = writer;
    ledger->loops_max = loops;
    ledger->queue_last = &ledger->queue;
    pthread_mutex_init(&ledger->lock, NULL);
    ledger->directory = strndup(options->directory.ptr, options->directory.len);
    if (!ledger->directory) {
        sy_ledger_destroy(ledger);
        return sy_err_set(err, SY_NOMEM, "no memory for the ledger");
    }
    recovery.status = folder_make(ledger->directory, err);
    if (recovery.status != SY_OK) {
        sy_ledger_destroy(ledger);
        return recovery.status;
    }
    sy_writer_run(writer, recover_work, &recovery);
    if (recovery.status != SY_OK) {
        sy_ledger_destroy(ledger);
        return recovery.status;
    }
    *ret_ledger = ledger;
    return SY_OK;
}

static void last_drain(struct sy_store *store, struct sy_writer_job *job)
{
    struct sy_ledger *ledger = job->ctx;

    sy_ledger_catch_up(ledger, store);
}

static void loop_free(struct sy_ledger_loop *ll)
{
    struct open_intent *open, *next;

    HASH_ITER (hh, ll->open, open, next) {
        HASH_DEL(ll->open, open);
        sy_ledger_intent_free(open);
    }
    sy_ledger_intents_free(&ll->ended);
    sy_ledger_intents_free(&ll->lost);
    if (ll->recheck.slot)
        sy_timer_cancel(ll->loop, &ll->recheck);
    sy_buf_release(&ll->group);
    sy_ledger_batch_free(ll->batch);
    sy_ledger_batch_free(ll->spare);
    sy_journal_close(&ll->files[0]);
    sy_journal_close(&ll->files[1]);
    free(ll);
}

/* Empties the files if the store has all of it, so that the next start has nothing to recover. */
static void journals_end(struct sy_ledger *ledger)
{
    bool all_stored = !ledger->queue && !atomic_load(&ledger->degraded);

    while (ledger->queue) {
        struct ledger_batch *batch = ledger->queue;

        ledger->queue = batch->next;
        sy_ledger_batch_free(batch);
    }
    for (unsigned i = 0; i < ledger->loop_count; i++) {
        struct sy_ledger_loop *ll = ledger->loops[i];

        if (all_stored && !ll->open && !ll->lost)
            for (unsigned half = 0; half < 2; half++)
                (void)sy_journal_reset(&ll->files[half], (struct sy_str){NULL, 0});
        loop_free(ll);
    }
    while (ledger->spares) {
        struct ledger_batch *batch = ledger->spares;

        ledger->spares = batch->next;
        sy_ledger_batch_free(batch);
    }
}

void sy_ledger_destroy(struct sy_ledger *ledger)
{
    if (!ledger)
        return;
    /* A drain job that waits is taken back; one that runs has ended when the last drain has run. */
    pthread_mutex_lock(&ledger->lock);
    ledger->closing = true;
    pthread_mutex_unlock(&ledger->lock);
    (void)sy_writer_withdraw(ledger->writer, &ledger->drain);
    sy_writer_run(ledger->writer, last_drain, ledger);
    journals_end(ledger);
    pthread_mutex_destroy(&ledger->lock);
    free(ledger->directory);
    free(ledger);
}

uint64_t sy_ledger_rows(const struct sy_ledger *ledger)
{
    return atomic_load_explicit(&ledger->rows, memory_order_relaxed);
}

bool sy_ledger_degraded(const struct sy_ledger *ledger)
{
    return atomic_load_explicit(&ledger->degraded, memory_order_relaxed) != 0;
}

const struct sy_journal_damage *sy_ledger_damage(const struct sy_ledger *ledger)
{
    return &ledger->damage;
}

char *sy_ledger_path(const char *directory, unsigned index, unsigned half)
{
    struct sy_buf path;

    sy_buf_init(&path, 4096);
    sy_buf_printf(&path, "%s/journal-%u%s", directory, index, half ? "b" : "");
    sy_buf_append_char(&path, '\0');
    return sy_buf_ok(&path) ? path.ptr : NULL;
}

/* ---- a loop's part ---- */

static void turn_end(struct sy_loop *loop, void *ctx);
static void look_again(struct sy_loop *loop, struct sy_timer *timer);

/* Does nothing but keep the loop from sleeping on records that were added at a turn's very end. */
static void another_turn(struct sy_loop *loop, struct sy_task *task)
{
    (void)loop;
    (void)task;
}

static int files_open(struct sy_ledger_loop *ll, struct sy_err *err)
{
    int status = SY_OK;

    for (unsigned half = 0; half < 2 && status == SY_OK; half++) {
        char *path = sy_ledger_path(ll->ledger->directory, ll->index, half);

        status = path ? sy_journal_open(&ll->files[half], path, err) : SY_NOMEM;
        free(path);
    }
    if (status == SY_OK)
        status = sy_folder_sync(ll->ledger->directory, err);
    if (status != SY_OK)
        return status;
    ll->journal = &ll->files[0];
    if (ll->files[1].generation > ll->journal->generation)
        ll->journal->generation = ll->files[1].generation;
    if (sy_journal_reset(ll->journal, (struct sy_str){NULL, 0}) != SY_OK)
        return sy_err_set(err, SY_UNAVAILABLE, "the journals in %s cannot be written",
                          ll->ledger->directory);
    return SY_OK;
}

int sy_ledger_attach(struct sy_ledger *ledger, struct sy_loop *loop,
                     struct sy_ledger_loop **ret_loop, struct sy_err *err)
{
    struct sy_ledger_loop *ll = calloc(1, sizeof(*ll));
    int status;

    if (!ll || ledger->loop_count >= ledger->loops_max) {
        free(ll);
        return sy_err_set(err, SY_NOMEM, "no room for another journal");
    }
    ll->ledger = ledger;
    ll->loop = loop;
    ll->index = ledger->loop_count;
    ll->last = &ll->first;
    ll->files[0].fd = -1;
    ll->files[1].fd = -1;
    sy_buf_init(&ll->group, GROUP_MAX);
    status = files_open(ll, err);
    if (status != SY_OK) {
        loop_free(ll);
        return status;
    }
    ledger->loops[ledger->loop_count++] = ll;
    ll->another_turn.fn = another_turn;
    ll->recheck.fn = look_again;
    ll->recheck.ctx = ll;
    ll->hook.fn = turn_end;
    ll->hook.ctx = ll;
    sy_loop_on_turn_end(loop, &ll->hook);
    *ret_loop = ll;
    return SY_OK;
}

static void intent_carry(struct sy_ledger_loop *ll, const struct open_intent *open,
                         struct sy_buf *out)
{
    struct sy_record record = {.kind = SY_RECORD_INTENT,
                               .generation = ll->journal->generation + 1,
                               .sequence = ++ll->sequence,
                               .payload = open->payload};

    sy_record_append(out, &record);
}

/* Open intents under the file's coming generation. */
static bool intents_carry(struct sy_ledger_loop *ll, struct sy_buf *out)
{
    for (struct open_intent *open = ll->open; open; open = open->hh.next)
        intent_carry(ll, open, out);
    for (struct open_intent *lost = ll->lost; lost; lost = lost->next)
        intent_carry(ll, lost, out);
    return sy_buf_ok(out) && out->len <= JOURNAL_RESET_BYTES / 2;
}

/* What calls in flight have reserved must fit into the next file, too. */
static bool has_room_for(const struct sy_ledger_loop *ll, struct sy_journal *next, size_t carried)
{
    next->offset = JOURNAL_HEAD + carried;
    return sy_journal_make_room(next, ll->reserved + SLACK_BYTES);
}

/* Goes on in the other file once the store has what is in that one. Between two groups. Under
 * `power` the carried intents count as this turn's: the file they come from is written over only
 * after a group that brought them to the disk. */
static void maybe_turn_over(struct sy_ledger_loop *ll)
{
    struct sy_journal *next = ll->journal == &ll->files[0] ? &ll->files[1] : &ll->files[0];
    uint64_t last = ll->sequence, kept = next->generation;
    struct sy_buf carried;

    if (ll->journal->offset < JOURNAL_RESET_BYTES ||
        atomic_load(&ll->drained_sequence) < ll->rests_at)
        return;
    sy_buf_init(&carried, GROUP_MAX);
    next->generation = ll->journal->generation;
    if (intents_carry(ll, &carried) && has_room_for(ll, next, carried.len) &&
        sy_journal_reset(next, sy_buf_str(&carried)) == SY_OK) {
        ll->journal = next;
        ll->rests_at = ll->sequence;
        ll->has_intents = carried.len > 0;
    } else {
        next->generation = kept;
        ll->sequence = last;
    }
    sy_buf_release(&carried);
}

static void set_degraded(struct sy_ledger_loop *ll, bool degraded)
{
    if (degraded && !ll->recheck.slot)
        (void)sy_timer_set(ll->loop, &ll->recheck, sy_loop_now_ms(ll->loop) + RECHECK_MS);
    if (ll->degraded == degraded)
        return;
    ll->degraded = degraded;
    if (degraded)
        atomic_fetch_add(&ll->ledger->degraded, 1);
    else
        atomic_fetch_sub(&ll->ledger->degraded, 1);
}

/* Readiness comes back by itself: whoever heeds it sends no call that could find out. */
static void look_again(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_ledger_loop *ll = timer->ctx;

    (void)loop;
    if (ll->degraded)
        set_degraded(ll, !sy_journal_make_room(ll->journal, ll->wanted + SLACK_BYTES));
    if (!ll->degraded)
        sy_ledger_lost_write(ll);
}

bool sy_ledger_reserve(struct sy_ledger_loop *ll, size_t bytes)
{
    uint64_t want = ll->reserved + 2 * (uint64_t)bytes + ll->group.len + SLACK_BYTES;

    /* A full file is left at a turn's end, if there is anything to write in it: or else here. */
    if (ll->journal->offset + want > ll->ledger->options.journal_bytes && !ll->first)
        maybe_turn_over(ll);
    if (ll->journal->offset + want > ll->ledger->options.journal_bytes)
        return false;
    if (!sy_journal_make_room(ll->journal, want)) {
        ll->wanted = want;
        set_degraded(ll, true);
        return false;
    }
    ll->wanted = 0;
    ll->reserved += 2 * bytes;
    return true;
}

void sy_ledger_unreserve(struct sy_ledger_loop *ll, size_t bytes)
{
    ll->reserved -= 2 * bytes;
}

static void ticket_add(struct sy_ledger_loop *ll, struct sy_ledger_ticket *ticket)
{
    ticket->next = NULL;
    *ll->last = ticket;
    ll->last = &ticket->next;
}

static bool record_add(struct sy_ledger_loop *ll, enum sy_record_kind kind, struct sy_str payload)
{
    struct sy_record record = {.kind = kind,
                               .generation = ll->journal->generation,
                               .sequence = ll->sequence + 1,
                               .payload = payload};

    if (payload.len > RECORD_MAX)
        return false;
    sy_record_append(&ll->group, &record);
    if (!sy_buf_ok(&ll->group))
        return false;
    ll->sequence++;
    return true;
}

void sy_ledger_intent(struct sy_ledger_loop *ll, const struct sy_intent *intent,
                      struct sy_ledger_ticket *ticket)
{
    struct open_intent *open = calloc(1, sizeof(*open));
    struct sy_buf payload;

    sy_buf_init(&payload, RECORD_MAX);
    sy_intent_pack(&payload, intent);
    if (!open || !sy_buf_ok(&payload) || intent->call_id.len >= sizeof(open->call_id) ||
        !record_add(ll, SY_RECORD_INTENT, sy_buf_str(&payload))) {
        ll->broken = true;
        sy_buf_release(&payload);
        free(open);
    } else {
        open->loop = ll;
        open->turn = ll->turn;
        memcpy(open->call_id, intent->call_id.ptr, intent->call_id.len);
        open->payload = sy_buf_str(&payload); /* the buffer's memory is handed over */
        HASH_ADD_STR(ll->open, call_id, open);
        if (SY_HASH_ADDED(open)) {
            ll->has_intents = true;
        } else {
            ll->broken = true;
            sy_ledger_intent_free(open);
        }
    }
    ticket_add(ll, ticket);
}

static void close_intent(struct sy_ledger_loop *ll, struct sy_str call_id)
{
    struct open_intent *open = NULL;

    if (!ll->open)
        return;
    HASH_FIND(hh, ll->open, call_id.ptr, call_id.len, open);
    if (open) {
        HASH_DEL(ll->open, open);
        open->next = ll->ended;
        ll->ended = open;
    }
}

static struct ledger_batch *batch_of(struct sy_ledger_loop *ll)
{
    if (ll->batch)
        return ll->batch;
    ll->batch = ll->spare ? ll->spare : calloc(1, sizeof(*ll->batch));
    if (ll->batch && !ll->spare)
        sy_buf_init(&ll->batch->outcomes, GROUP_MAX);
    ll->spare = NULL;
    if (ll->batch) {
        ll->batch->from = ll;
        ll->batch->sync_fd = -1;
    }
    return ll->batch;
}

/* The writer's copy of the payload that stands at `from` in the group. */
static bool batch_add(struct sy_ledger_loop *ll, struct ledger_batch *batch, size_t from)
{
    struct sy_str payload = sy_str_from(ll->group.ptr + from, ll->group.len - from);
    uint32_t len = (uint32_t)payload.len;
    size_t before = batch->outcomes.len;

    sy_buf_append(&batch->outcomes, sy_str_from((const char *)&len, sizeof(len)));
    sy_buf_append(&batch->outcomes, payload);
    if (sy_buf_ok(&batch->outcomes)) {
        batch->count++;
        return true;
    }
    batch->outcomes.len = before;
    return false;
}

/* Packed once, in place, as the journal has it. */
void sy_ledger_outcome(struct sy_ledger_loop *ll, const struct sy_outcome_record *outcome,
                       struct sy_ledger_ticket *ticket)
{
    struct ledger_batch *batch = batch_of(ll);
    size_t at =
        sy_record_begin(&ll->group, SY_RECORD_OUTCOME, ll->journal->generation, ll->sequence + 1);

    sy_outcome_pack(&ll->group, outcome);
    if (!sy_record_end(&ll->group, at) || !batch || !batch_add(ll, batch, at + RECORD_HEAD)) {
        ll->broken = true;
    } else {
        ll->sequence++;
        close_intent(ll, outcome->row.id);
    }
    ticket_add(ll, ticket);
}

/* ---- the group commit ---- */

static void run_tickets(struct sy_ledger_ticket *ticket, bool written)
{
    while (ticket) {
        struct sy_ledger_ticket *next = ticket->next;

        ticket->fn(ticket, written);
        ticket = next;
    }
}

static void power_committed(struct sy_loop *loop, struct sy_task *task)
{
    struct ledger_batch *batch = task->ctx;

    (void)loop;
    run_tickets(batch->tickets, batch->written);
    sy_ledger_batch_keep(batch);
}

/* False: there is no memory to wait for the commit. */
static bool send_batch(struct sy_ledger_loop *ll, struct sy_ledger_ticket **tickets)
{
    bool power = ll->ledger->options.power;
    struct ledger_batch *batch = power ? batch_of(ll) : ll->batch;

    ll->batch = NULL;
    if (!batch)
        return !power;
    batch->place = (struct sy_drained){
        .journal = ll->index,
        .generation = ll->journal->generation,
        .sequence = ll->sequence,
        .rows_are_new = true,
    };
    if (power) {
        batch->tickets = *tickets;
        *tickets = NULL;
        batch->committed.fn = power_committed;
        batch->committed.ctx = batch;
        batch->sync_fd = ll->has_intents ? ll->journal->fd : -1;
    }
    ll->spare = sy_ledger_enqueue(ll->ledger, batch, ll->spare);
    return true;
}

/* What nobody reserved (rows of refused calls) may not grow a file without end. */
static bool group_write(struct sy_ledger_loop *ll)
{
    return !ll->broken &&
           ll->journal->offset + ll->group.len <= 2 * (uint64_t)ll->ledger->options.journal_bytes &&
           sy_journal_write(ll->journal, sy_buf_str(&ll->group));
}

/*
 * Tickets may append to the ledger (a call that is answered makes room for the next one), so the
 * turn's group is taken off before they run; what they add waits for the next turn's end.
 */
static void turn_end(struct sy_loop *loop, void *ctx)
{
    struct sy_ledger_loop *ll = ctx;
    struct sy_ledger_ticket *tickets = ll->first;
    bool written;

    if (!tickets)
        return;
    written = group_write(ll);
    sy_ledger_turn_settle(ll, written);
    ll->first = NULL;
    ll->last = &ll->first;
    ll->broken = false;
    sy_buf_clear(&ll->group);
    set_degraded(ll, !written || !sy_journal_make_room(ll->journal, ll->wanted + SLACK_BYTES));
    if (written) {
        written = send_batch(ll, &tickets);
        ll->has_intents = false;
        maybe_turn_over(ll);
    } else {
        sy_ledger_batch_free(ll->batch);
        ll->batch = NULL;
    }
    run_tickets(tickets, written);
    if (written && !ll->degraded)
        sy_ledger_lost_write(ll);
    if (ll->first)
        sy_loop_defer(loop, &ll->another_turn);
}
