#include "ledger/record.h"

#include <string.h>

#include "base/encode.h"

/* Journals are read on the machine that wrote them: integers stand in its byte order. */
static void put_u32(struct sy_buf *out, uint32_t value)
{
    sy_buf_append(out, sy_str_from((const char *)&value, sizeof(value)));
}

static void put_u64(struct sy_buf *out, uint64_t value)
{
    sy_buf_append(out, sy_str_from((const char *)&value, sizeof(value)));
}

static void put_text(struct sy_buf *out, struct sy_str text)
{
    put_u32(out, (uint32_t)text.len);
    sy_buf_append(out, text);
}

struct cursor {
    struct sy_str rest;
    bool bad;
};

static void get_bytes(struct cursor *c, void *out, size_t size)
{
    if (c->rest.len < size) {
        c->bad = true;
        memset(out, 0, size);
        return;
    }
    memcpy(out, c->rest.ptr, size);
    c->rest = sy_str_skip(c->rest, size);
}

static uint32_t get_u32(struct cursor *c)
{
    uint32_t value;

    get_bytes(c, &value, sizeof(value));
    return value;
}

static uint64_t get_u64(struct cursor *c)
{
    uint64_t value;

    get_bytes(c, &value, sizeof(value));
    return value;
}

static struct sy_str get_text(struct cursor *c)
{
    uint32_t len = get_u32(c);
    struct sy_str text;

    if (c->bad || len > c->rest.len) {
        c->bad = true;
        return (struct sy_str){NULL, 0};
    }
    text = sy_str_head(c->rest, len);
    c->rest = sy_str_skip(c->rest, len);
    return text;
}

size_t sy_record_begin(struct sy_buf *out, enum sy_record_kind kind, uint64_t generation,
                       uint64_t sequence)
{
    size_t at = out->len;
    char head[RECORD_HEAD] = {0};

    memcpy(head + 8, &generation, sizeof(generation));
    memcpy(head + 16, &sequence, sizeof(sequence));
    head[24] = (char)kind;
    sy_buf_append(out, sy_str_from(head, sizeof(head)));
    return at;
}

bool sy_record_end(struct sy_buf *out, size_t at)
{
    uint32_t length, crc;

    if (!sy_buf_ok(out) || out->len - at > RECORD_MAX + RECORD_HEAD) {
        out->len = at;
        return false;
    }
    length = (uint32_t)(out->len - at);
    crc = sy_crc32c(0, sy_str_from(out->ptr + at + 8, length - 8));
    memcpy(out->ptr + at, &length, sizeof(length));
    memcpy(out->ptr + at + 4, &crc, sizeof(crc));
    return true;
}

void sy_record_append(struct sy_buf *out, const struct sy_record *record)
{
    size_t at = sy_record_begin(out, record->kind, record->generation, record->sequence);

    sy_buf_append(out, record->payload);
    if (!sy_record_end(out, at))
        out->failed = true;
}

int sy_record_read(struct sy_str bytes, struct sy_record *ret_record, size_t *ret_size)
{
    struct cursor c = {.rest = bytes};
    uint32_t length = get_u32(&c);
    uint32_t crc = get_u32(&c);
    unsigned char kind;

    if (c.bad || length < RECORD_HEAD || length > bytes.len || length > RECORD_MAX + RECORD_HEAD)
        return SY_NOT_FOUND;
    if (sy_crc32c(0, sy_str_from(bytes.ptr + 8, length - 8)) != crc)
        return SY_NOT_FOUND;
    ret_record->generation = get_u64(&c);
    ret_record->sequence = get_u64(&c);
    get_bytes(&c, &kind, 1);
    ret_record->kind = (enum sy_record_kind)kind;
    ret_record->payload = sy_str_from(bytes.ptr + RECORD_HEAD, length - RECORD_HEAD);
    *ret_size = length;
    return SY_OK;
}

void sy_intent_pack(struct sy_buf *out, const struct sy_intent *intent)
{
    put_text(out, intent->call_id);
    put_text(out, intent->tenant);
    put_text(out, intent->json);
    sy_buf_append_char(out, intent->has_key ? 1 : 0);
    sy_buf_append(out, sy_str_from((const char *)intent->key_hash, 32));
    sy_buf_append(out, sy_str_from((const char *)intent->body_hash, 32));
    put_u64(out, (uint64_t)intent->expires_at_ms);
}

bool sy_intent_unpack(struct sy_str payload, struct sy_intent *ret)
{
    struct cursor c = {.rest = payload};
    unsigned char has_key;

    ret->call_id = get_text(&c);
    ret->tenant = get_text(&c);
    ret->json = get_text(&c);
    get_bytes(&c, &has_key, 1);
    ret->has_key = has_key == 1;
    get_bytes(&c, ret->key_hash, 32);
    get_bytes(&c, ret->body_hash, 32);
    ret->expires_at_ms = (int64_t)get_u64(&c);
    return !c.bad && c.rest.len == 0;
}

enum { FLAG_KEEP = 1, FLAG_FREES = 2, FLAG_UNKNOWN = 4 };

void sy_outcome_pack(struct sy_buf *out, const struct sy_outcome_record *outcome)
{
    unsigned flags = (outcome->keep_answer ? FLAG_KEEP : 0u) |
                     (outcome->frees_key ? FLAG_FREES : 0u) |
                     (outcome->answer.unknown ? FLAG_UNKNOWN : 0u);

    put_text(out, outcome->row.id);
    put_text(out, outcome->row.tenant);
    put_u64(out, (uint64_t)outcome->row.at_ms);
    put_text(out, outcome->row.json);
    sy_buf_append_char(out, (char)flags);
    if (!(flags & (FLAG_KEEP | FLAG_FREES)))
        return;
    sy_buf_append(out, sy_str_from((const char *)outcome->answer.key_hash, 32));
    sy_buf_append(out, sy_str_from((const char *)outcome->answer.body_hash, 32));
    put_u64(out, (uint64_t)outcome->answer.expires_at_ms);
    put_u32(out, (uint32_t)outcome->answer.status);
    put_text(out, outcome->answer.answer);
}

bool sy_outcome_unpack(struct sy_str payload, struct sy_outcome_record *ret)
{
    struct cursor c = {.rest = payload};
    unsigned char flags;

    memset(ret, 0, sizeof(*ret));
    ret->row.id = get_text(&c);
    ret->row.tenant = get_text(&c);
    ret->row.at_ms = (int64_t)get_u64(&c);
    ret->row.json = get_text(&c);
    get_bytes(&c, &flags, 1);
    ret->keep_answer = flags & FLAG_KEEP;
    ret->frees_key = flags & FLAG_FREES;
    if (flags & (FLAG_KEEP | FLAG_FREES)) {
        ret->answer.unknown = flags & FLAG_UNKNOWN;
        get_bytes(&c, ret->answer.key_hash, 32);
        get_bytes(&c, ret->answer.body_hash, 32);
        ret->answer.expires_at_ms = (int64_t)get_u64(&c);
        ret->answer.status = (int)get_u32(&c);
        ret->answer.answer = get_text(&c);
        ret->answer.tenant = ret->row.tenant;
        ret->answer.call_id = ret->row.id;
    }
    return !c.bad && c.rest.len == 0;
}
