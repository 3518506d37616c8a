/* Journal records as bytes: what was packed comes back, and nothing else does. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include <stdlib.h>
#include <string.h>

#include "ledger/record.h"

static uint32_t next_random(uint32_t *state)
{
    *state ^= *state << 13;
    *state ^= *state >> 17;
    *state ^= *state << 5;
    return *state;
}

static struct sy_intent an_intent(void)
{
    struct sy_intent intent = {.call_id = SY_STR("call_01JD0000000000000000000001"),
                               .tenant = SY_STR("acme"),
                               .json = SY_STR("{\"outcome\":\"unknown\",\"n\":1e400}"),
                               .has_key = true,
                               .expires_at_ms = INT64_C(1795000000000)};

    memset(intent.key_hash, 0x5a, sizeof(intent.key_hash));
    memset(intent.body_hash, 0xa5, sizeof(intent.body_hash));
    return intent;
}

static void an_intent_comes_back_as_it_was(void **state)
{
    struct sy_intent intent = an_intent(), back;
    struct sy_buf out;

    (void)state;
    sy_buf_init(&out, 4096);
    sy_intent_pack(&out, &intent);
    assert_true(sy_intent_unpack(sy_buf_str(&out), &back));
    assert_true(sy_str_eq(back.call_id, intent.call_id));
    assert_true(sy_str_eq(back.tenant, intent.tenant));
    assert_true(sy_str_eq(back.json, intent.json));
    assert_true(back.has_key);
    assert_memory_equal(back.key_hash, intent.key_hash, 32);
    assert_memory_equal(back.body_hash, intent.body_hash, 32);
    assert_int_equal(back.expires_at_ms, intent.expires_at_ms);
    sy_buf_release(&out);
}

static void an_outcome_comes_back_as_it_was(void **state)
{
    static const struct {
        bool keep, frees, unknown;
        const char *answer;
    } cases[] = {
        {false, false, false, ""},     {true, false, false, "{\"successful\":true}"},
        {false, true, false, ""},      {true, false, true, ""},
        {true, false, false, "\x01x"},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(cases); i++) {
        struct sy_outcome_record outcome = {
            .row = {.id = SY_STR("call_1"),
                    .tenant = SY_STR("t"),
                    .at_ms = -5,
                    .json = SY_STR("{}")},
            .keep_answer = cases[i].keep,
            .frees_key = cases[i].frees,
            .answer = {.status = 422, .unknown = cases[i].unknown, .expires_at_ms = 7},
        };
        struct sy_outcome_record back;
        struct sy_buf out;

        outcome.answer.answer = sy_str_of(cases[i].answer);
        sy_buf_init(&out, 4096);
        sy_outcome_pack(&out, &outcome);
        assert_true(sy_outcome_unpack(sy_buf_str(&out), &back));
        assert_true(sy_str_eq(back.row.id, outcome.row.id));
        assert_int_equal(back.row.at_ms, -5);
        assert_int_equal(back.keep_answer, cases[i].keep);
        assert_int_equal(back.frees_key, cases[i].frees);
        if (cases[i].keep || cases[i].frees) {
            assert_int_equal(back.answer.status, 422);
            assert_int_equal(back.answer.unknown, cases[i].unknown);
            assert_true(sy_str_eq(back.answer.answer, outcome.answer.answer));
            assert_true(sy_str_eq(back.answer.tenant, outcome.row.tenant));
            assert_true(sy_str_eq(back.answer.call_id, outcome.row.id));
        }
        sy_buf_release(&out);
    }
}

/* A payload cut anywhere, or with something behind it, is refused: no field is made up. */
static void a_payload_of_another_length_is_refused(void **state)
{
    struct sy_intent intent = an_intent(), back;
    struct sy_outcome_record outcome = {
        .row = {.id = SY_STR("call_1"), .tenant = SY_STR("t"), .json = SY_STR("{}")},
        .keep_answer = true,
        .answer = {.answer = SY_STR("{}")},
    };
    struct sy_outcome_record outcome_back;
    struct sy_buf a, b;

    (void)state;
    sy_buf_init(&a, 4096);
    sy_buf_init(&b, 4096);
    sy_intent_pack(&a, &intent);
    sy_outcome_pack(&b, &outcome);
    for (size_t len = 0; len < a.len; len++)
        assert_false(sy_intent_unpack(sy_str_head(sy_buf_str(&a), len), &back));
    for (size_t len = 0; len < b.len; len++)
        assert_false(sy_outcome_unpack(sy_str_head(sy_buf_str(&b), len), &outcome_back));
    sy_buf_append_char(&a, 0);
    sy_buf_append_char(&b, 0);
    assert_false(sy_intent_unpack(sy_buf_str(&a), &back));
    assert_false(sy_outcome_unpack(sy_buf_str(&b), &outcome_back));
    sy_buf_release(&a);
    sy_buf_release(&b);
}

static void random_payloads_are_read_within_their_bounds(void **state)
{
    uint32_t seed = 20261121;

    (void)state;
    for (unsigned round = 0; round < 20000; round++) {
        size_t len = next_random(&seed) % 200;
        char *bytes = malloc(len + 1); /* of its own, so that a step too far is seen */
        struct sy_intent intent;
        struct sy_outcome_record outcome;

        for (size_t i = 0; i < len; i++)
            bytes[i] = (char)(next_random(&seed) % 3 ? 0 : next_random(&seed));
        (void)sy_intent_unpack(sy_str_from(bytes, len), &intent);
        (void)sy_outcome_unpack(sy_str_from(bytes, len), &outcome);
        free(bytes);
    }
}

static void a_record_with_any_bit_changed_is_no_record(void **state)
{
    struct sy_record record = {SY_RECORD_OUTCOME, 3, 9, SY_STR("payload of a record")}, back;
    struct sy_buf out;
    size_t size;

    (void)state;
    sy_buf_init(&out, 4096);
    sy_record_append(&out, &record);
    assert_int_equal(sy_record_read(sy_buf_str(&out), &back, &size), SY_OK);
    assert_int_equal(size, out.len);
    assert_int_equal(back.kind, SY_RECORD_OUTCOME);
    assert_int_equal(back.generation, 3);
    assert_int_equal(back.sequence, 9);
    assert_true(sy_str_eq(back.payload, record.payload));
    for (size_t bit = 0; bit < out.len * 8; bit++) {
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
        assert_int_equal(sy_record_read(sy_buf_str(&out), &back, &size), SY_NOT_FOUND);
        out.ptr[bit / 8] = (char)(out.ptr[bit / 8] ^ (1 << bit % 8));
    }
    for (size_t len = 0; len < out.len; len++)
        assert_int_equal(sy_record_read(sy_str_head(sy_buf_str(&out), len), &back, &size),
                         SY_NOT_FOUND);
    sy_buf_release(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_intent_comes_back_as_it_was),
        cmocka_unit_test(an_outcome_comes_back_as_it_was),
        cmocka_unit_test(a_payload_of_another_length_is_refused),
        cmocka_unit_test(random_payloads_are_read_within_their_bounds),
        cmocka_unit_test(a_record_with_any_bit_changed_is_no_record),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
