/*
 * A journal file's content as a crash, a bad disk or a stranger left it: two bytes for where it is
 * hurt, then texts of which each becomes a record (up to its first NUL: payloads are JSON), and the
 * rest stays raw.
 * Reading ends, goes on only forward, gives no record that was not written so, finds every record
 * of an unhurt file, and sees the generation that a damaged head no longer tells.
 */
#include "fuzz.h"

#include "ledger/scan.h"

#define GENERATION 7u
#define RECORDS_MAX 64u

struct seen {
    unsigned count;
    size_t bytes;
    uint64_t last;
    struct sy_journal_damage damage;
};

static struct seen scan_all(struct sy_str content, uint64_t generation)
{
    struct seen seen = {0};
    struct sy_scan scan;
    struct sy_record record;
    size_t before = 0;

    sy_scan_init(&scan, content, generation);
    while (sy_scan_next(&scan, &record)) {
        FUZZ_CHECK(scan.at > before && scan.at <= content.len);
        FUZZ_CHECK(record.generation == generation && record.sequence > seen.last);
        FUZZ_CHECK(record.payload.ptr >= content.ptr + before &&
                   record.payload.ptr + record.payload.len == content.ptr + scan.at);
        before = scan.at;
        seen.last = record.sequence;
        seen.bytes += RECORD_HEAD + record.payload.len;
        seen.count++;
    }
    FUZZ_CHECK(!sy_scan_next(&scan, &record));
    FUZZ_CHECK(seen.bytes + scan.damage.bytes <= content.len);
    FUZZ_CHECK(scan.damage.torn <= 1);
    seen.damage = scan.damage;
    return seen;
}

/* Records of the texts; the kinds of what is written at a gateway. */
static unsigned write_records(struct sy_buf *out, struct sy_str *rest)
{
    unsigned count = 0;

    while (rest->len && count < RECORDS_MAX &&
           sy_str_find_char(*rest, FUZZ_SEPARATOR) != (size_t)-1) {
        struct sy_str text = fuzz_part(rest);
        size_t end = sy_str_find_char(text, '\0');
        const struct sy_record record = {.kind = count % 2 ? SY_RECORD_OUTCOME : SY_RECORD_INTENT,
                                         .generation = GENERATION,
                                         .sequence = count + 1,
                                         .payload =
                                             sy_str_head(text, end < text.len ? end : text.len)};

        sy_record_append(out, &record);
        count++;
    }
    return count;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size);
    unsigned at = fuzz_byte(&rest) << 8, wrote;
    struct seen whole, hurt;
    struct sy_buf out;

    at |= fuzz_byte(&rest);
    sy_buf_init(&out, RECORD_MAX);
    wrote = write_records(&out, &rest);
    whole = scan_all(sy_buf_str(&out), GENERATION);
    FUZZ_CHECK(whole.count == wrote && whole.bytes == out.len);
    FUZZ_CHECK(!sy_journal_is_damaged(&whole.damage));
    FUZZ_CHECK(!wrote || sy_scan_generation(sy_buf_str(&out)) == GENERATION);
    if (wrote) {
        /* One byte: at most one record is lost, and those behind it are found. */
        out.ptr[at % out.len] ^= (char)(1u << (at % 8));
        hurt = scan_all(sy_buf_str(&out), GENERATION);
        FUZZ_CHECK(hurt.count + 1 == wrote);
        FUZZ_CHECK(hurt.damage.places == (hurt.last == wrote ? 1 : 0));
        FUZZ_CHECK(!hurt.damage.places || hurt.damage.records == 1);
        /* Cut off: every record before the cut, and nothing else. */
        (void)scan_all(sy_str_head(sy_buf_str(&out), at % out.len), GENERATION);
    }
    sy_buf_append(&out, rest);
    (void)scan_all(sy_buf_str(&out), GENERATION);
    (void)scan_all(rest, sy_scan_generation(rest));
    sy_buf_release(&out);
    return 0;
}
