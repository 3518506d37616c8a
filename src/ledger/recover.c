#include <stdlib.h>
#include <string.h>

#include <uthash.h>

#include "base/encode.h"
#include "ledger/ledger_int.h"

/* An intent found in a journal; it stays if no outcome follows. */
struct found_intent {
    UT_hash_handle hh;
    struct sy_intent intent; /* slices borrow the file's content */
    char id[40];
};

struct recovery_state {
    struct sy_store *store;
    struct found_intent *intents;
    struct sy_ledger_row *rows;
    struct sy_idempotency_row *answers;
    size_t row_count, answer_count, max;
    struct sy_arena arena;
};

static void intent_found(struct recovery_state *state, struct sy_str payload)
{
    struct found_intent *found = calloc(1, sizeof(*found)), *old = NULL;

    if (!found || !sy_intent_unpack(payload, &found->intent) ||
        found->intent.call_id.len >= sizeof(found->id)) {
        free(found);
        return;
    }
    memcpy(found->id, found->intent.call_id.ptr, found->intent.call_id.len);
    HASH_FIND_STR(state->intents, found->id, old);
    if (old) {
        HASH_DEL(state->intents, old);
        free(old);
    }
    HASH_ADD_STR(state->intents, id, found);
}

static void outcome_found(struct recovery_state *state, struct sy_str payload)
{
    struct sy_outcome_record outcome;
    struct found_intent *found = NULL;

    if (!sy_outcome_unpack(payload, &outcome) || state->row_count == state->max)
        return;
    state->rows[state->row_count++] = outcome.row;
    if (outcome.keep_answer)
        state->answers[state->answer_count++] = outcome.answer;
    HASH_FIND(hh, state->intents, outcome.row.id.ptr, outcome.row.id.len, found);
    if (found) {
        HASH_DEL(state->intents, found);
        free(found);
    }
}

/* The next record of the file's generation; false at the first that is torn, older, or left over
 * from a group whose write failed and that a later one was written over. */
static bool record_next(struct sy_str *content, uint64_t generation, uint64_t *last,
                        struct sy_record *ret)
{
    size_t size;

    if (sy_record_read(*content, ret, &size) != SY_OK || ret->generation != generation ||
        ret->sequence <= *last)
        return false;
    *content = sy_str_skip(*content, size);
    *last = ret->sequence;
    return true;
}

static size_t journal_count(struct sy_str content, uint64_t generation)
{
    struct sy_record record;
    uint64_t last = 0;
    size_t count = 0;

    while (record_next(&content, generation, &last, &record))
        count++;
    return count;
}

static void journal_scan(struct recovery_state *state, struct sy_str content, uint64_t generation)
{
    struct sy_record record;
    uint64_t last = 0;

    while (record_next(&content, generation, &last, &record)) {
        if (record.kind == SY_RECORD_INTENT)
            intent_found(state, record.payload);
        else if (record.kind == SY_RECORD_OUTCOME)
            outcome_found(state, record.payload);
    }
}

/* What had begun and never ended: the public row says so, and its key stays pinned. */
static unsigned intents_to_rows(struct recovery_state *state)
{
    struct found_intent *found, *next;
    unsigned lost = 0;

    HASH_ITER (hh, state->intents, found, next) {
        const struct sy_intent *intent = &found->intent;
        int64_t at_ms = 0;

        if (state->row_count < state->max) {
            sy_ulid_time(sy_str_skip(intent->call_id, 5), &at_ms);
            state->rows[state->row_count++] = (struct sy_ledger_row){.id = intent->call_id,
                                                                     .tenant = intent->tenant,
                                                                     .at_ms = at_ms,
                                                                     .json = intent->json};
            lost++;
        }
        if (intent->has_key && state->answer_count < state->max) {
            struct sy_idempotency_row *row = &state->answers[state->answer_count++];

            *row = (struct sy_idempotency_row){.tenant = intent->tenant,
                                               .call_id = intent->call_id,
                                               .expires_at_ms = intent->expires_at_ms,
                                               .unknown = true};
            memcpy(row->key_hash, intent->key_hash, sizeof(row->key_hash));
            memcpy(row->body_hash, intent->body_hash, sizeof(row->body_hash));
        }
        HASH_DEL(state->intents, found);
        free(found);
    }
    return lost;
}

/* One of a loop's two files. */
struct half {
    struct sy_journal journal;
    struct sy_str content;
};

static int half_open(const struct sy_ledger *ledger, unsigned index, unsigned which,
                     struct half *half, struct sy_err *err)
{
    char *path = sy_ledger_path(ledger, index, which);
    int status = SY_NOMEM;

    half->journal.fd = -1;
    if (path && !sy_journal_exists(path))
        status = SY_OK;
    else if (path)
        status = sy_journal_open(&half->journal, path, err);
    free(path);
    if (status == SY_OK && half->journal.fd >= 0)
        half->content = sy_journal_read_all(&half->journal);
    return status;
}

/* The older file first: what begins there may end in the newer one. */
static int halves_read(struct recovery_state *state, struct half halves[2], struct sy_err *err)
{
    unsigned first = halves[1].journal.generation < halves[0].journal.generation;

    for (unsigned i = 0; i < 2; i++)
        state->max += journal_count(halves[i].content, halves[i].journal.generation);
    state->rows = sy_arena_array(&state->arena, state->max + 1, sizeof(*state->rows));
    state->answers = sy_arena_array(&state->arena, state->max + 1, sizeof(*state->answers));
    if (!state->rows || !state->answers)
        return sy_err_set(err, SY_NOMEM, "no memory to recover a journal");
    for (unsigned i = 0; i < 2; i++) {
        const struct half *half = &halves[first ^ i];

        journal_scan(state, half->content, half->journal.generation);
    }
    return SY_OK;
}

static int state_store(const struct recovery_state *state, struct sy_err *err)
{
    struct sy_store *store = state->store;
    int status = SY_OK;

    if (state->answer_count)
        status = store->ops->put_idempotency(store, state->answers, state->answer_count, err);
    if (status == SY_OK && state->row_count)
        status = store->ops->append_ledger(store, state->rows, state->row_count, NULL, 0, err);
    return status;
}

static int journal_recover(struct sy_ledger *ledger, struct sy_store *store, unsigned index,
                           unsigned *lost, struct sy_err *err)
{
    struct recovery_state state = {.store = store};
    struct half halves[2] = {0};
    int status = SY_OK;

    sy_arena_init(&state.arena, (size_t)1 << 30);
    for (unsigned i = 0; i < 2; i++) {
        int opened = half_open(ledger, index, i, &halves[i], err);

        status = status == SY_OK ? opened : status;
    }
    if (status == SY_OK)
        status = halves_read(&state, halves, err);
    if (status == SY_OK) {
        *lost += intents_to_rows(&state);
        status = state_store(&state, err);
    }
    for (unsigned i = 0; i < 2; i++) {
        if (status == SY_OK && halves[i].journal.fd >= 0 &&
            sy_journal_reset(&halves[i].journal, (struct sy_str){NULL, 0}) != SY_OK)
            status = sy_err_set(err, SY_UNAVAILABLE, "the journals in %s cannot be written",
                                ledger->directory);
        sy_journal_close(&halves[i].journal);
        free((void *)(uintptr_t)halves[i].content.ptr);
    }
    sy_arena_release(&state.arena);
    return status;
}

int sy_ledger_recover(struct sy_ledger *ledger, struct sy_store *store, unsigned *ret_lost,
                      struct sy_err *err)
{
    int status = SY_OK;

    /* An earlier start may have had more threads: every journal that exists is read. */
    for (unsigned i = 0; i < LEDGER_LOOPS_MAX && status == SY_OK; i++)
        status = journal_recover(ledger, store, i, ret_lost, err);
    return status;
}
