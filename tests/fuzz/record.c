/*
 * Journal bytes: what is no record is not read as one; what is read packs into what reads the same;
 * a changed byte is noticed.
 */
#include "fuzz.h"

#include "ledger/record.h"

#define LENGTH_BYTES 4u /* not under the checksum: a wrong one makes the checksum wrong */

static void check_intent(struct sy_str payload)
{
    struct sy_intent intent, again;
    struct sy_buf out;

    if (!sy_intent_unpack(payload, &intent))
        return;
    sy_buf_init(&out, RECORD_MAX);
    sy_intent_pack(&out, &intent);
    FUZZ_CHECK(out.len == payload.len);
    FUZZ_CHECK(sy_intent_unpack(sy_buf_str(&out), &again));
    FUZZ_CHECK(sy_str_eq(again.call_id, intent.call_id) && sy_str_eq(again.json, intent.json));
    FUZZ_CHECK(sy_str_eq(again.tenant, intent.tenant) && again.has_key == intent.has_key);
    FUZZ_CHECK(memcmp(again.key_hash, intent.key_hash, 32) == 0);
    FUZZ_CHECK(memcmp(again.body_hash, intent.body_hash, 32) == 0);
    FUZZ_CHECK(again.expires_at_ms == intent.expires_at_ms);
    sy_buf_release(&out);
}

static void check_outcome(struct sy_str payload)
{
    struct sy_outcome_record outcome, again;
    struct sy_buf out;

    if (!sy_outcome_unpack(payload, &outcome))
        return;
    sy_buf_init(&out, RECORD_MAX);
    sy_outcome_pack(&out, &outcome);
    FUZZ_CHECK(out.len == payload.len);
    FUZZ_CHECK(sy_outcome_unpack(sy_buf_str(&out), &again));
    FUZZ_CHECK(sy_str_eq(again.row.id, outcome.row.id));
    FUZZ_CHECK(sy_str_eq(again.row.tenant, outcome.row.tenant));
    FUZZ_CHECK(sy_str_eq(again.row.json, outcome.row.json));
    FUZZ_CHECK(again.row.at_ms == outcome.row.at_ms);
    FUZZ_CHECK(again.keep_answer == outcome.keep_answer && again.frees_key == outcome.frees_key);
    FUZZ_CHECK(again.answer.status == outcome.answer.status);
    FUZZ_CHECK(again.answer.unknown == outcome.answer.unknown);
    FUZZ_CHECK(sy_str_eq(again.answer.answer, outcome.answer.answer));
    sy_buf_release(&out);
}

/* As on a disk: a record, then the tail of another. */
static void check_record(struct sy_str payload, unsigned at, unsigned kind)
{
    const struct sy_record record = {.kind = (enum sy_record_kind)kind,
                                     .generation = 7,
                                     .sequence = UINT64_MAX,
                                     .payload = payload};
    struct sy_record back;
    struct sy_buf out;
    size_t size, length;

    sy_buf_init(&out, RECORD_MAX);
    sy_record_append(&out, &record);
    length = out.len;
    sy_buf_append(&out, payload);
    FUZZ_CHECK(sy_record_read(sy_buf_str(&out), &back, &size) == SY_OK && size == length);
    FUZZ_CHECK(back.kind == record.kind && back.generation == 7 && back.sequence == UINT64_MAX);
    FUZZ_CHECK(sy_str_eq(back.payload, payload));
    FUZZ_CHECK(sy_record_read(sy_str_head(sy_buf_str(&out), length - 1), &back, &size));
    out.ptr[LENGTH_BYTES + at % (length - LENGTH_BYTES)] ^= (char)(1u << (at % 8));
    FUZZ_CHECK(sy_record_read(sy_buf_str(&out), &back, &size) != SY_OK);
    sy_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str payload = fuzz_all(data, size);
    struct sy_record record;
    size_t used;

    if (sy_record_read(payload, &record, &used) == SY_OK)
        FUZZ_CHECK(used <= size && used == RECORD_HEAD + record.payload.len);
    unsigned kind = fuzz_byte(&payload), at = fuzz_byte(&payload) << 3;

    check_intent(payload);
    check_outcome(payload);
    check_record(payload, at, kind);
    return 0;
}
