#include "ledger/scan.h"

#include <string.h>

#include "ledger/journal.h"

#define GENERATION_AT 8u
#define SEQUENCE_AT 16u
#define KIND_AT 24u

static uint64_t u64_at(struct sy_str bytes, size_t at)
{
    uint64_t value;

    memcpy(&value, bytes.ptr + at, sizeof(value));
    return value;
}

/* Looks like the head of a record of `generation` after `last`, whatever follows it. */
static bool begins_like_one(struct sy_str bytes, uint64_t generation, uint64_t last)
{
    return bytes.len >= RECORD_HEAD && u64_at(bytes, GENERATION_AT) == generation &&
           u64_at(bytes, SEQUENCE_AT) > last;
}

static bool read_at(const struct sy_scan *scan, size_t at, struct sy_record *ret, size_t *ret_size)
{
    struct sy_str rest = sy_str_skip(scan->content, at);

    return begins_like_one(rest, scan->generation, scan->last) &&
           sy_record_read(rest, ret, ret_size) == SY_OK;
}

/* The first whole record after `from`, found by the eight bytes of the generation that every record
 * has and that no JSON text can hold. */
static bool find_after(const struct sy_scan *scan, size_t from, size_t *ret_at,
                       struct sy_record *ret, size_t *ret_size)
{
    const char *bytes = scan->content.ptr;
    size_t len = scan->content.len, at = from + GENERATION_AT;

    while (at < len) {
        const char *hit = memmem(bytes + at, len - at, &scan->generation, sizeof(scan->generation));

        if (!hit)
            return false;
        at = (size_t)(hit - bytes);
        if (read_at(scan, at - GENERATION_AT, ret, ret_size)) {
            *ret_at = at - GENERATION_AT;
            return true;
        }
        at++;
    }
    return false;
}

static void note_first(struct sy_journal_damage *damage, size_t at)
{
    if (!damage->places && !damage->torn)
        damage->first_at = JOURNAL_HEAD + at;
}

void sy_scan_init(struct sy_scan *scan, struct sy_str content, uint64_t generation)
{
    *scan = (struct sy_scan){.content = content, .generation = generation};
}

bool sy_scan_next(struct sy_scan *scan, struct sy_record *ret)
{
    struct sy_journal_damage *damage = &scan->damage;
    size_t at = scan->at, size;

    if (!read_at(scan, at, ret, &size)) {
        if (at >= scan->content.len)
            return false;
        if (!find_after(scan, at + 1, &at, ret, &size)) {
            if (begins_like_one(sy_str_skip(scan->content, at), scan->generation, scan->last)) {
                note_first(damage, at);
                damage->torn++;
            }
            scan->at = scan->content.len;
            return false;
        }
        note_first(damage, scan->at);
        damage->places++;
        damage->bytes += at - scan->at;
        damage->records += scan->last ? ret->sequence - scan->last - 1 : 1;
    }
    scan->at = at + size;
    scan->last = ret->sequence;
    return true;
}

uint64_t sy_scan_generation(struct sy_str content)
{
    uint64_t newest = 0;
    size_t at = 0;

    while (at + RECORD_HEAD <= content.len) {
        struct sy_str rest = sy_str_skip(content, at);
        unsigned char kind = (unsigned char)rest.ptr[KIND_AT];
        struct sy_record record;
        size_t size = 1;

        if ((kind == SY_RECORD_INTENT || kind == SY_RECORD_OUTCOME) &&
            u64_at(rest, GENERATION_AT) > newest && sy_record_read(rest, &record, &size) == SY_OK)
            newest = record.generation;
        at += size;
    }
    return newest;
}

bool sy_journal_is_damaged(const struct sy_journal_damage *damage)
{
    return damage->heads || damage->places || damage->torn;
}

void sy_journal_damage_add(struct sy_journal_damage *total, const struct sy_journal_damage *more)
{
    if (!sy_journal_is_damaged(total))
        total->first_at = more->first_at;
    total->heads += more->heads;
    total->places += more->places;
    total->torn += more->torn;
    total->records += more->records;
    total->bytes += more->bytes;
}
