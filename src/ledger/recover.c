#include "ledger/recover.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

#include "base/encode.h"
#include "base/log.h"
#include "ledger/ledger_int.h"
#include "ledger/scan.h"

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
    bool no_memory; /* an intent found no room: what was read is not all */
};

static void intent_found(struct recovery_state *state, struct sy_str payload)
{
    struct found_intent *found = calloc(1, sizeof(*found)), *old = NULL;

    if (!found) {
        state->no_memory = true;
        return;
    }
    if (!sy_intent_unpack(payload, &found->intent) ||
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
    if (!SY_HASH_ADDED(found)) {
        state->no_memory = true;
        free(found);
    }
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

static size_t copy_count(const struct sy_journal_copy *copy)
{
    struct sy_record record;
    struct sy_scan scan;
    size_t count = 0;

    sy_scan_init(&scan, copy->content, copy->generation);
    while (sy_scan_next(&scan, &record))
        count++;
    return count;
}

static void copy_scan(struct recovery_state *state, const struct sy_journal_copy *copy,
                      struct sy_journal_damage *damage)
{
    struct sy_record record;
    struct sy_scan scan;

    sy_scan_init(&scan, copy->content, copy->generation);
    while (sy_scan_next(&scan, &record)) {
        if (record.kind == SY_RECORD_INTENT)
            intent_found(state, record.payload);
        else if (record.kind == SY_RECORD_OUTCOME)
            outcome_found(state, record.payload);
    }
    scan.damage.heads = !copy->has_head && copy->content.len > 0;
    *damage = scan.damage;
}

/* Its outcome may be in the store alone: the record of it damaged, or read too late for a copy. */
static int is_stored(struct recovery_state *state, struct sy_str call_id, bool *ret,
                     struct sy_err *err)
{
    struct sy_ledger_query query = {.id = call_id, .limit = 1};
    struct sy_ledger_row *rows;
    struct sy_arena arena;
    size_t count = 0;
    int status;

    sy_arena_init(&arena, (size_t)64 << 20);
    status = state->store->ops->query_ledger(state->store, &query, &arena, &rows, &count, err);
    sy_arena_release(&arena);
    *ret = count > 0;
    return status;
}

static void intent_to_row(struct recovery_state *state, const struct sy_intent *intent)
{
    struct sy_idempotency_row *row;
    int64_t at_ms = 0;

    if (state->row_count == state->max)
        return;
    sy_ulid_time(sy_str_skip(intent->call_id, 5), &at_ms);
    state->rows[state->row_count++] = (struct sy_ledger_row){
        .id = intent->call_id, .tenant = intent->tenant, .at_ms = at_ms, .json = intent->json};
    if (!intent->has_key || state->answer_count == state->max)
        return;
    row = &state->answers[state->answer_count++];
    *row = (struct sy_idempotency_row){.tenant = intent->tenant,
                                       .call_id = intent->call_id,
                                       .expires_at_ms = intent->expires_at_ms,
                                       .unknown = true};
    memcpy(row->key_hash, intent->key_hash, sizeof(row->key_hash));
    memcpy(row->body_hash, intent->body_hash, sizeof(row->body_hash));
}

/* What had begun and never ended: the public row says so, and its key stays pinned. */
static int intents_to_rows(struct recovery_state *state, unsigned *lost, struct sy_err *err)
{
    struct found_intent *found, *next;
    int status = SY_OK;
    bool stored;

    HASH_ITER (hh, state->intents, found, next) {
        if (status == SY_OK)
            status = is_stored(state, found->intent.call_id, &stored, err);
        if (status == SY_OK && !stored) {
            intent_to_row(state, &found->intent);
            ++*lost;
        }
        HASH_DEL(state->intents, found);
        free(found);
    }
    return status;
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

/* ---- one loop's two files ---- */

int sy_halves_look(const char *directory, unsigned index, struct sy_halves *halves,
                   struct sy_err *err)
{
    int status = SY_OK;

    memset(halves, 0, sizeof(*halves));
    for (unsigned i = 0; i < 2 && status == SY_OK; i++) {
        char *path = sy_ledger_path(directory, index, i);

        status = path ? sy_journal_look(path, &halves->copies[i], err)
                      : sy_err_set(err, SY_NOMEM, "no memory to recover a journal");
        free(path);
    }
    return status;
}

void sy_halves_free(struct sy_halves *halves)
{
    for (unsigned i = 0; i < 2; i++)
        free((void *)(uintptr_t)halves->copies[i].content.ptr);
    memset(halves, 0, sizeof(*halves));
}

int sy_halves_store(struct sy_halves *halves, struct sy_store *store, unsigned *lost,
                    struct sy_err *err)
{
    /* The older file first: what begins there may end in the newer one. */
    unsigned first = halves->copies[1].generation < halves->copies[0].generation;
    struct recovery_state state = {.store = store};
    struct found_intent *found, *next;
    int status = SY_OK;

    sy_arena_init(&state.arena, (size_t)1 << 30);
    for (unsigned i = 0; i < 2; i++)
        state.max += copy_count(&halves->copies[i]);
    state.rows = sy_arena_array(&state.arena, state.max + 1, sizeof(*state.rows));
    state.answers = sy_arena_array(&state.arena, state.max + 1, sizeof(*state.answers));
    state.no_memory = !state.rows || !state.answers;
    for (unsigned i = 0; i < 2 && !state.no_memory; i++)
        copy_scan(&state, &halves->copies[first ^ i], &halves->damage[first ^ i]);
    /* The journal is cleared after this: better no start than an intent forgotten. */
    if (state.no_memory)
        status = sy_err_set(err, SY_NOMEM, "no memory to recover a journal");
    if (status == SY_OK)
        status = intents_to_rows(&state, lost, err);
    if (status == SY_OK)
        status = state_store(&state, err);
    HASH_ITER (hh, state.intents, found, next) {
        HASH_DEL(state.intents, found);
        free(found);
    }
    sy_arena_release(&state.arena);
    return status;
}

void sy_halves_scan(struct sy_halves *halves)
{
    for (unsigned i = 0; i < 2; i++) {
        struct sy_record record;
        struct sy_scan scan;

        sy_scan_init(&scan, halves->copies[i].content, halves->copies[i].generation);
        while (sy_scan_next(&scan, &record))
            continue;
        scan.damage.heads = !halves->copies[i].has_head && halves->copies[i].content.len > 0;
        halves->damage[i] = scan.damage;
    }
}

void sy_journal_damage_text(struct sy_buf *out, unsigned index, unsigned half,
                            const struct sy_journal_damage *damage)
{
    sy_buf_printf(out, "journal-%u%s: ", index, half ? "b" : "");
    if (damage->heads)
        sy_buf_printf(out, "its head is damaged; ");
    if (damage->places)
        sy_buf_printf(out,
                      "%u damaged place(s), the first at byte %llu: %llu record(s) in %llu bytes "
                      "cannot be read, those after them are kept",
                      damage->places, (unsigned long long)damage->first_at,
                      (unsigned long long)damage->records, (unsigned long long)damage->bytes);
    if (damage->places && damage->torn)
        sy_buf_printf(out, "; ");
    if (damage->torn)
        sy_buf_printf(out,
                      "its last record is not whole: a write that was cut off before anybody was "
                      "answered, or damage");
    if (damage->torn && !damage->places)
        sy_buf_printf(out, " (byte %llu)", (unsigned long long)damage->first_at);
    if (!damage->places && !damage->torn)
        sy_buf_printf(out, "the records in it are kept");
}

static void damage_log(unsigned index, unsigned half, const struct sy_journal_damage *damage)
{
    bool lost = damage->heads || damage->places;
    struct sy_buf text;

    if (!sy_journal_is_damaged(damage))
        return;
    sy_buf_init(&text, 1024);
    sy_journal_damage_text(&text, index, half, damage);
    sy_logf(lost ? SY_LOG_ERROR : SY_LOG_WARN, "journal_damaged", "%.*s",
            SY_FMT(sy_buf_str(&text)));
    sy_buf_release(&text);
}

/* Nothing of the old content may be taken for a record of a later generation. */
static int half_clear(const struct sy_ledger *ledger, unsigned index, unsigned half,
                      const struct sy_journal_copy *copy, struct sy_err *err)
{
    char *path = sy_ledger_path(ledger->directory, index, half);
    struct sy_journal journal = {.fd = -1};
    int status = path ? sy_journal_open(&journal, path, err) : SY_NOMEM;

    if (status == SY_OK && copy->generation > journal.generation)
        journal.generation = copy->generation;
    if (status == SY_OK && sy_journal_clear(&journal) != SY_OK)
        status = sy_err_set(err, SY_UNAVAILABLE, "the journals in %s cannot be written",
                            ledger->directory);
    sy_journal_close(&journal);
    free(path);
    return status;
}

static int journal_recover(struct sy_ledger *ledger, struct sy_store *store, unsigned index,
                           unsigned *lost, struct sy_err *err)
{
    struct sy_halves halves;
    int status = sy_halves_look(ledger->directory, index, &halves, err);

    if (status == SY_OK)
        status = sy_halves_store(&halves, store, lost, err);
    for (unsigned i = 0; i < 2 && status == SY_OK; i++) {
        damage_log(index, i, &halves.damage[i]);
        sy_journal_damage_add(&ledger->damage, &halves.damage[i]);
        if (halves.copies[i].present)
            status = half_clear(ledger, index, i, &halves.copies[i], err);
    }
    sy_halves_free(&halves);
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
