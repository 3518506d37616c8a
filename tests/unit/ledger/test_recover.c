/* What a start makes of the journals that the last process left behind. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ledger/ledger_int.h"
#include "registry/registry.h"

/* A folder with journals, and what recovery made of them. */
struct ruin {
    char folder[64];
    struct sy_buf records;
    uint64_t sequence;
    uint64_t generation; /* of the records appended next */
    struct sy_store *store;
    struct sy_writer *writer;
    struct sy_ledger *ledger;
    struct sy_arena arena;
    struct sy_ledger_row *rows;
    size_t row_count;
    unsigned lost;
};

static void ruin_begin(struct ruin *ruin)
{
    memset(ruin, 0, sizeof(*ruin));
    snprintf(ruin->folder, sizeof(ruin->folder), "/tmp/sy-recover-XXXXXX");
    assert_non_null(mkdtemp(ruin->folder));
    sy_buf_init(&ruin->records, (size_t)1 << 20);
    sy_arena_init(&ruin->arena, (size_t)8 << 20);
    ruin->generation = 1;
}

static void key_of(unsigned char hash[32], unsigned n)
{
    memset(hash, 0, 32);
    memcpy(hash, &n, sizeof(n));
}

static struct sy_str id_of(char out[40], unsigned n)
{
    snprintf(out, 40, "call_01JD%022u", n);
    return sy_str_of(out);
}

static void append(struct ruin *ruin, enum sy_record_kind kind, struct sy_str payload)
{
    struct sy_record record = {kind, ruin->generation, ++ruin->sequence, payload};

    sy_record_append(&ruin->records, &record);
}

static void intent(struct ruin *ruin, unsigned n, bool has_key)
{
    struct sy_intent intent = {.tenant = SY_STR("acme"),
                               .json = SY_STR("{\"outcome\":\"unknown\"}"),
                               .has_key = has_key,
                               .expires_at_ms = INT64_MAX / 2};
    struct sy_buf payload;
    char id[40];

    intent.call_id = id_of(id, n);
    key_of(intent.key_hash, n);
    sy_buf_init(&payload, 4096);
    sy_intent_pack(&payload, &intent);
    append(ruin, SY_RECORD_INTENT, sy_buf_str(&payload));
    sy_buf_release(&payload);
}

enum key_end { NO_KEY, KEPT, FREED };

static void outcome(struct ruin *ruin, unsigned n, enum key_end end)
{
    struct sy_outcome_record outcome = {
        .row = {.tenant = SY_STR("acme"), .at_ms = 1, .json = SY_STR("{\"outcome\":\"ok\"}")},
        .keep_answer = end == KEPT,
        .frees_key = end == FREED,
        .answer = {.status = 200,
                   .answer = SY_STR("{\"successful\":true}"),
                   .expires_at_ms = INT64_MAX / 2},
    };
    struct sy_buf payload;
    char id[40];

    outcome.row.id = id_of(id, n);
    key_of(outcome.answer.key_hash, n);
    sy_buf_init(&payload, 4096);
    sy_outcome_pack(&payload, &outcome);
    append(ruin, SY_RECORD_OUTCOME, sy_buf_str(&payload));
    sy_buf_release(&payload);
}

/* Writes what was appended, all but its last `cut` bytes, as a journal of `generation`. */
static void journal(struct ruin *ruin, const char *name, uint64_t generation, size_t cut)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_journal file;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", ruin->folder, name);
    assert_int_equal(sy_journal_open(&file, path, &err), SY_OK);
    while (file.generation < generation)
        assert_int_equal(sy_journal_reset(&file, (struct sy_str){NULL, 0}), SY_OK);
    assert_true(sy_journal_make_room(&file, ruin->records.len));
    assert_true(
        sy_journal_write(&file, sy_str_head(sy_buf_str(&ruin->records), ruin->records.len - cut)));
    sy_journal_close(&file);
    sy_buf_clear(&ruin->records);
}

static void start(struct ruin *ruin)
{
    struct sy_store_options options = {.url = SY_STR("memory:")};
    struct sy_ledger_options ledger = {.journal_bytes = (size_t)24 << 20};
    struct sy_ledger_query query = {.limit = 200};
    struct sy_err err = SY_ERR_INIT;

    ledger.directory = sy_str_of(ruin->folder);
    assert_int_equal(sy_store_open(&options, &ruin->store, &err), SY_OK);
    assert_int_equal(sy_writer_create(ruin->store, &ruin->writer, &err), SY_OK);
    assert_int_equal(sy_ledger_create(&ledger, ruin->writer, 1, &ruin->ledger, &ruin->lost, &err),
                     SY_OK);
    assert_int_equal(ruin->store->ops->query_ledger(ruin->store, &query, &ruin->arena, &ruin->rows,
                                                    &ruin->row_count, &err),
                     SY_OK);
}

static void ruin_end(struct ruin *ruin)
{
    static const char *const names[] = {"journal-0", "journal-0b", "journal-7"};
    char path[128];

    sy_ledger_destroy(ruin->ledger);
    sy_writer_destroy(ruin->writer);
    sy_buf_release(&ruin->records);
    sy_arena_release(&ruin->arena);
    for (size_t i = 0; i < SY_ARRAY_LEN(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", ruin->folder, names[i]);
        unlink(path);
    }
    assert_int_equal(rmdir(ruin->folder), 0);
}

static const char *outcome_of(const struct ruin *ruin, unsigned n)
{
    char id[40];
    struct sy_str wanted = id_of(id, n);

    for (size_t i = 0; i < ruin->row_count; i++)
        if (sy_str_eq(ruin->rows[i].id, wanted))
            return sy_str_find(ruin->rows[i].json, SY_STR("unknown")) != (size_t)-1 ? "unknown"
                                                                                    : "ok";
    return "none";
}

static const char *key_is(struct ruin *ruin, unsigned n)
{
    struct sy_idempotency_row row;
    struct sy_err err = SY_ERR_INIT;
    unsigned char hash[32];

    key_of(hash, n);
    if (ruin->store->ops->get_idempotency(ruin->store, SY_STR("acme"), hash, &ruin->arena, &row,
                                          &err) != SY_OK)
        return "free";
    return row.unknown ? "unknown" : "kept";
}

static void an_intent_without_outcome_is_an_unknown_row_and_pins_its_key(void **state)
{
    struct ruin ruin;

    (void)state;
    ruin_begin(&ruin);
    intent(&ruin, 1, true);
    intent(&ruin, 2, false);
    intent(&ruin, 3, true);
    outcome(&ruin, 3, KEPT);
    intent(&ruin, 4, true);
    outcome(&ruin, 4, FREED);
    outcome(&ruin, 5, NO_KEY);
    journal(&ruin, "journal-0", 1, 0);
    start(&ruin);
    assert_int_equal(ruin.lost, 2);
    assert_int_equal(ruin.row_count, 5);
    assert_string_equal(outcome_of(&ruin, 1), "unknown");
    assert_string_equal(outcome_of(&ruin, 2), "unknown");
    assert_string_equal(outcome_of(&ruin, 3), "ok");
    assert_string_equal(outcome_of(&ruin, 5), "ok");
    assert_string_equal(key_is(&ruin, 1), "unknown");
    assert_string_equal(key_is(&ruin, 2), "free");
    assert_string_equal(key_is(&ruin, 3), "kept");
    assert_string_equal(key_is(&ruin, 4), "free");
    ruin_end(&ruin);
}

static void a_torn_tail_ends_recovery_and_takes_nothing_before_it_away(void **state)
{
    size_t last;

    (void)state;
    for (size_t cut = 1; cut < 60; cut++) {
        struct ruin ruin;

        ruin_begin(&ruin);
        intent(&ruin, 1, true);
        outcome(&ruin, 1, KEPT);
        intent(&ruin, 2, true);
        last = ruin.records.len;
        outcome(&ruin, 2, KEPT);
        assert_true(cut < ruin.records.len - last);
        journal(&ruin, "journal-0", 1, cut);
        start(&ruin);
        assert_int_equal(ruin.lost, 1);
        assert_string_equal(outcome_of(&ruin, 1), "ok");
        assert_string_equal(outcome_of(&ruin, 2), "unknown");
        assert_string_equal(key_is(&ruin, 2), "unknown");
        ruin_end(&ruin);
    }
}

static void records_of_another_generation_do_not_count(void **state)
{
    struct ruin ruin;

    (void)state;
    ruin_begin(&ruin);
    ruin.generation = 4;
    outcome(&ruin, 1, NO_KEY);
    ruin.generation = 3; /* left over from before the file began anew */
    outcome(&ruin, 2, NO_KEY);
    intent(&ruin, 3, true);
    journal(&ruin, "journal-0", 4, 0);
    start(&ruin);
    assert_int_equal(ruin.lost, 0);
    assert_int_equal(ruin.row_count, 1);
    assert_string_equal(outcome_of(&ruin, 1), "ok");
    ruin_end(&ruin);
}

static void what_began_in_the_older_file_may_end_in_the_newer(void **state)
{
    struct ruin ruin;

    (void)state;
    ruin_begin(&ruin);
    ruin.generation = 2;
    outcome(&ruin, 1, KEPT);
    outcome(&ruin, 9, NO_KEY);
    journal(&ruin, "journal-0", 2, 0);
    ruin.generation = 1;
    intent(&ruin, 1, true);
    intent(&ruin, 2, true);
    journal(&ruin, "journal-0b", 1, 0);
    start(&ruin);
    assert_int_equal(ruin.lost, 1);
    assert_string_equal(outcome_of(&ruin, 1), "ok");
    assert_string_equal(outcome_of(&ruin, 2), "unknown");
    assert_string_equal(outcome_of(&ruin, 9), "ok");
    assert_string_equal(key_is(&ruin, 1), "kept");
    ruin_end(&ruin);
}

static void journals_of_more_loops_than_now_are_recovered_too(void **state)
{
    struct ruin ruin;

    (void)state;
    ruin_begin(&ruin);
    intent(&ruin, 1, true);
    journal(&ruin, "journal-7", 1, 0);
    start(&ruin);
    assert_int_equal(ruin.lost, 1);
    assert_string_equal(outcome_of(&ruin, 1), "unknown");
    ruin_end(&ruin);
}

/* Any bytes at all may stand in the file: recovery reads what is whole and goes on. */
static void a_journal_of_noise_does_not_stop_the_start(void **state)
{
    uint32_t seed = 7;

    (void)state;
    for (unsigned round = 0; round < 50; round++) {
        struct ruin ruin;

        ruin_begin(&ruin);
        for (unsigned i = 0; i < 8; i++) {
            intent(&ruin, i, i % 2);
            outcome(&ruin, i, i % 3 ? KEPT : FREED);
        }
        for (unsigned i = 0; i < 3; i++) {
            seed = seed * 1664525u + 1013904223u;
            ruin.records.ptr[seed % ruin.records.len] = (char)(seed >> 24);
        }
        journal(&ruin, "journal-0", 1, 0);
        start(&ruin);
        assert_true(ruin.row_count <= 8);
        ruin_end(&ruin);
    }
}

/* One bit of the file changes; every record but the one it stands in is there as it was written, and
 * the start says what it found. Bits of the head cost nothing. */
static void a_changed_bit_costs_its_record_alone_and_is_told(void **state)
{
    uint32_t seed = 11;
    unsigned heads = 0;

    (void)state;
    for (unsigned round = 0; round < 64; round++) {
        const struct sy_journal_damage *damage;
        size_t ends[8], at;
        unsigned missing = 0, hit = 8;
        struct ruin ruin;
        char path[128], byte;
        int fd;

        ruin_begin(&ruin);
        for (unsigned i = 0; i < 8; i++) {
            outcome(&ruin, i, KEPT);
            ends[i] = JOURNAL_HEAD + ruin.records.len;
        }
        seed = seed * 1664525u + 1013904223u;
        at = round < JOURNAL_HEAD ? round : JOURNAL_HEAD + (seed >> 8) % ruin.records.len;
        journal(&ruin, "journal-0", 1, 0);
        snprintf(path, sizeof(path), "%s/journal-0", ruin.folder);
        fd = open(path, O_RDWR);
        assert_int_equal(pread(fd, &byte, 1, (off_t)at), 1);
        byte = (char)(byte ^ (1 << seed % 8));
        assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        close(fd);
        for (unsigned i = 8; i-- > 0 && at >= JOURNAL_HEAD;)
            hit = at < ends[i] ? i : hit;

        start(&ruin);
        damage = sy_ledger_damage(ruin.ledger);
        heads += damage->heads;
        for (unsigned i = 0; i < 8; i++) {
            bool there = strcmp(outcome_of(&ruin, i), "ok") == 0;

            assert_int_equal(there, i != hit);
            assert_string_equal(key_is(&ruin, i), there ? "kept" : "free");
            missing += !there;
        }
        if (hit < 7)
            assert_int_equal(damage->records, missing);
        /* A last record whose generation or number changed looks like an older file's. */
        if (hit < 7 || (hit == 8 && damage->heads) ||
            (at >= ends[6] && (at < ends[6] + 8 || at >= ends[6] + RECORD_HEAD - 1)))
            assert_true(sy_journal_is_damaged(damage));
        ruin_end(&ruin);
    }
    assert_int_equal(heads, JOURNAL_HEAD);
}

static void bytes_that_are_lost_in_the_middle_are_counted(void **state)
{
    const struct sy_journal_damage *damage;
    size_t from, to;
    struct ruin ruin;

    (void)state;
    ruin_begin(&ruin);
    outcome(&ruin, 1, NO_KEY);
    from = ruin.records.len;
    outcome(&ruin, 2, NO_KEY);
    outcome(&ruin, 3, NO_KEY);
    to = ruin.records.len;
    outcome(&ruin, 4, NO_KEY);
    memset(ruin.records.ptr + from, 0, to - from);
    journal(&ruin, "journal-0", 1, 0);
    start(&ruin);
    damage = sy_ledger_damage(ruin.ledger);
    assert_int_equal(damage->places, 1);
    assert_int_equal(damage->records, 2);
    assert_int_equal(damage->bytes, to - from);
    assert_int_equal(damage->first_at, JOURNAL_HEAD + from);
    assert_int_equal(damage->torn, 0);
    assert_string_equal(outcome_of(&ruin, 1), "ok");
    assert_string_equal(outcome_of(&ruin, 4), "ok");
    assert_int_equal(ruin.row_count, 2);
    ruin_end(&ruin);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_changed_bit_costs_its_record_alone_and_is_told),
        cmocka_unit_test(bytes_that_are_lost_in_the_middle_are_counted),
        cmocka_unit_test(an_intent_without_outcome_is_an_unknown_row_and_pins_its_key),
        cmocka_unit_test(a_torn_tail_ends_recovery_and_takes_nothing_before_it_away),
        cmocka_unit_test(records_of_another_generation_do_not_count),
        cmocka_unit_test(what_began_in_the_older_file_may_end_in_the_newer),
        cmocka_unit_test(journals_of_more_loops_than_now_are_recovered_too),
        cmocka_unit_test(a_journal_of_noise_does_not_stop_the_start),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
