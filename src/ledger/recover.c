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

/* Records of the file's generation, in order, until the first that is torn or older. */
static void journal_scan(struct recovery_state *state, struct sy_str content, uint64_t generation)
{
    struct sy_record record;
    size_t size;

    while (sy_record_read(content, &record, &size) == SY_OK && record.generation == generation) {
        if (record.kind == SY_RECORD_INTENT)
            intent_found(state, record.payload);
        else if (record.kind == SY_RECORD_OUTCOME)
            outcome_found(state, record.payload);
        content = sy_str_skip(content, size);
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

static int journal_recover(struct sy_ledger *ledger, struct sy_store *store, unsigned index,
                           unsigned *lost, struct sy_err *err)
{
    struct recovery_state state = {.store = store};
    struct sy_str content = {NULL, 0};
    struct sy_journal journal = {.fd = -1};
    char *path = sy_ledger_path(ledger, index);
    int status = path ? sy_journal_open(&journal, path, err) : SY_NOMEM;

    sy_arena_init(&state.arena, (size_t)1 << 30);
    if (status != SY_OK)
        goto out;
    content = sy_journal_read_all(&journal);
    state.max = content.len / RECORD_HEAD + 1;
    state.rows = sy_arena_array(&state.arena, state.max, sizeof(*state.rows));
    state.answers = sy_arena_array(&state.arena, state.max, sizeof(*state.answers));
    if (!state.rows || !state.answers) {
        status = sy_err_set(err, SY_NOMEM, "no memory to recover %s", path);
        goto out;
    }
    journal_scan(&state, content, journal.generation);
    *lost += intents_to_rows(&state);
    if (state.answer_count)
        status = store->ops->put_idempotency(store, state.answers, state.answer_count, err);
    if (status == SY_OK && state.row_count)
        status = store->ops->append_ledger(store, state.rows, state.row_count, NULL, 0, err);
    if (status == SY_OK && sy_journal_reset(&journal, (struct sy_str){NULL, 0}) != SY_OK)
        status = sy_err_set(err, SY_UNAVAILABLE, "%s cannot be written", path);
out:
    sy_journal_close(&journal);
    sy_arena_release(&state.arena);
    free((void *)(uintptr_t)content.ptr);
    free(path);
    return status;
}

int sy_ledger_recover(struct sy_ledger *ledger, struct sy_store *store, unsigned *ret_lost,
                      struct sy_err *err)
{
    /* An earlier start may have had more threads: every journal that exists is read. */
    for (unsigned i = 0; i < LEDGER_LOOPS_MAX; i++) {
        char *path = sy_ledger_path(ledger, i);
        bool exists = path && sy_journal_exists(path);
        int status;

        free(path);
        if (!exists)
            continue;
        status = journal_recover(ledger, store, i, ret_lost, err);
        if (status != SY_OK)
            return status;
    }
    return SY_OK;
}
