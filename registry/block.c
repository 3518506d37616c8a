#include "registry/block.h"

#include <string.h>

#include "base/json.h"

#define HEAD_SIZE 20u
#define FILTER_MIN 64u
#define FILTER_PROBES 4u
#define ROW_DEPTH_MAX SY_JSON_DEPTH_MAX

static void put_u32(char *out, uint32_t value)
{
    for (unsigned i = 0; i < 4; i++)
        out[i] = (char)(value >> (8 * i));
}

static uint32_t get_u32(const char *in)
{
    uint32_t value = 0;

    for (unsigned i = 0; i < 4; i++)
        value |= (uint32_t)(unsigned char)in[i] << (8 * i);
    return value;
}

size_t sy_block_row_size(const struct sy_ledger_row *row)
{
    return HEAD_SIZE + row->id.len + row->tenant.len + row->json.len;
}

void sy_block_add(struct sy_buf *out, const struct sy_ledger_row *row)
{
    char head[HEAD_SIZE];
    uint64_t at = (uint64_t)row->at_ms;

    put_u32(head, (uint32_t)row->id.len);
    put_u32(head + 4, (uint32_t)row->tenant.len);
    put_u32(head + 8, (uint32_t)row->json.len);
    put_u32(head + 12, (uint32_t)at);
    put_u32(head + 16, (uint32_t)(at >> 32));
    sy_buf_append(out, sy_str_from(head, sizeof(head)));
    sy_buf_append(out, row->id);
    sy_buf_append(out, row->tenant);
    sy_buf_append(out, row->json);
}

static struct sy_str take(struct sy_str *rest, size_t len)
{
    struct sy_str part = {rest->ptr, len};

    *rest = sy_str_skip(*rest, len);
    return part;
}

bool sy_block_next(struct sy_str *rest, struct sy_ledger_row *ret_row)
{
    uint64_t id, tenant, json;
    const char *head = rest->ptr;

    if (rest->len < HEAD_SIZE)
        return false;
    id = get_u32(head);
    tenant = get_u32(head + 4);
    json = get_u32(head + 8);
    if (id + tenant + json > rest->len - HEAD_SIZE)
        return false;
    ret_row->at_ms = (int64_t)(get_u32(head + 12) | (uint64_t)get_u32(head + 16) << 32);
    *rest = sy_str_skip(*rest, HEAD_SIZE);
    ret_row->id = take(rest, (size_t)id);
    ret_row->tenant = take(rest, (size_t)tenant);
    ret_row->json = take(rest, (size_t)json);
    return true;
}

/* ---- filter ---- */

size_t sy_filter_size(size_t rows)
{
    return rows * 2 < FILTER_MIN ? FILTER_MIN : rows * 2;
}

void sy_filter_add(unsigned char *filter, size_t size, struct sy_str word)
{
    uint64_t hash = sy_str_hash(word);
    uint64_t step = hash >> 32 | 1;

    for (unsigned i = 0; i < FILTER_PROBES; i++, hash += step)
        filter[hash / 8 % size] |= (unsigned char)(1u << hash % 8);
}

bool sy_filter_has(const unsigned char *filter, size_t size, struct sy_str word)
{
    uint64_t hash = sy_str_hash(word);
    uint64_t step = hash >> 32 | 1;

    for (unsigned i = 0; size && i < FILTER_PROBES; i++, hash += step)
        if (!(filter[hash / 8 % size] & 1u << hash % 8))
            return false;
    return true;
}

/* ---- queries ---- */

/* A member stands at the top of the row or in its route. */
static bool member_is(struct sy_json root, const char *name, struct sy_str wanted)
{
    struct sy_json value = sy_json_get_z(root, name);

    if (value.type != SY_JSON_STRING)
        value = sy_json_get_z(sy_json_get_z(root, "route"), name);
    return value.type == SY_JSON_STRING && sy_json_name_is(value.raw, wanted);
}

bool sy_ledger_matches(const struct sy_ledger_row *row, const struct sy_ledger_query *query)
{
    struct sy_json root;

    if (query->tenant.ptr && !sy_str_eq(row->tenant, query->tenant))
        return false;
    if (query->id.ptr && !sy_str_eq(row->id, query->id))
        return false;
    if (query->before.ptr && sy_str_cmp(row->id, query->before) >= 0)
        return false;
    if (!query->toolkit.ptr && !query->vendor.ptr && !query->code.ptr)
        return true;
    if (sy_json_read(row->json, ROW_DEPTH_MAX, &root, NULL))
        return false;
    return (!query->toolkit.ptr || member_is(root, "toolkit", query->toolkit)) &&
           (!query->vendor.ptr || member_is(root, "vendor", query->vendor)) &&
           (!query->code.ptr || member_is(root, "code", query->code));
}

int sy_ledger_top_init(struct sy_ledger_top *top, struct sy_arena *arena, unsigned limit)
{
    if (!limit)
        limit = SY_LEDGER_QUERY_DEFAULT;
    if (limit > SY_LEDGER_QUERY_MAX)
        limit = SY_LEDGER_QUERY_MAX;
    *top = (struct sy_ledger_top){.limit = limit};
    top->rows = sy_arena_array(arena, limit + 1, sizeof(*top->rows));
    return top->rows ? SY_OK : SY_NOMEM;
}

bool sy_ledger_top_full(const struct sy_ledger_top *top)
{
    return top->count == top->limit;
}

void sy_ledger_top_add(struct sy_ledger_top *top, const struct sy_ledger_row *row)
{
    size_t at = top->count;

    while (at && sy_str_cmp(top->rows[at - 1].id, row->id) < 0)
        at--;
    if (at == top->limit)
        return;
    memmove(&top->rows[at + 1], &top->rows[at], (top->count - at) * sizeof(*top->rows));
    top->rows[at] = *row;
    if (top->count < top->limit)
        top->count++;
}

int sy_ledger_top_keep(struct sy_ledger_top *top, struct sy_str block, struct sy_arena *arena)
{
    for (size_t i = 0; i < top->count; i++) {
        struct sy_ledger_row *row = &top->rows[i];

        if (row->id.ptr < block.ptr || row->id.ptr >= block.ptr + block.len)
            continue;
        row->id = sy_arena_copy(arena, row->id);
        row->tenant = sy_arena_copy(arena, row->tenant);
        row->json = sy_arena_copy(arena, row->json);
    }
    return arena->failed ? SY_NOMEM : SY_OK;
}
