/* Rows and maps into packed units. */
#include <string.h>

#include "resolve/segment.h"

#define SPELLING_MAX (2 * SY_NAME_MAX) /* longer ones are kept, but nothing is found by them */

static bool is_key(struct sy_str text)
{
    return text.len > 0 && text.len <= SPELLING_MAX;
}

/* Number of a vendor's name; SY_PACK_VENDOR_TEXT: the name stands beside it. */
static unsigned vendor_number(struct sy_segment *s, struct sy_str name)
{
    for (unsigned i = 0; i < s->vendor_count; i++) {
        if (sy_str_eq(s->vendors[i], name))
            return i;
    }
    if (s->vendor_count == SY_SEGMENT_VENDORS_MAX)
        return SY_PACK_VENDOR_TEXT;
    s->vendors[s->vendor_count] = sy_arena_copy(&s->names, name);
    if (s->names.failed)
        s->pool.failed = true;
    return s->vendor_count++;
}

static void put_vendor(struct sy_segment *s, struct sy_str name)
{
    unsigned number = vendor_number(s, name);

    sy_pool_byte(&s->pool, number);
    if (number == SY_PACK_VENDOR_TEXT)
        sy_pool_text(&s->pool, name);
}

/* Bytes that a reader may skip: their number, then they. Filled by the caller in between. */
static size_t begin_span(struct sy_pool *pool)
{
    return pool->len;
}

static void end_span(struct sy_pool *pool, size_t from)
{
    size_t bytes = pool->len - from;
    unsigned char width = 0, number[10];
    unsigned char *room;
    uint64_t rest = bytes;

    do {
        number[width] = (unsigned char)((rest & 0x7f) | (rest > 0x7f ? 0x80u : 0));
        width++;
    } while (rest >>= 7);
    room = sy_pool_take(pool, width);
    if (!room)
        return;
    memmove(pool->bytes + from + width, pool->bytes + from, bytes);
    memcpy(pool->bytes + from, number, width);
}

/* ---- rows ---- */

/* The texts of a row in the order of their flags. */
static unsigned row_texts(const struct sy_row *row, struct sy_str toolkit, struct sy_str texts[16])
{
    const struct sy_str from[] = {row->vendor_slug,  row->connection, row->auth_config_id,
                                  row->oauth_app_id, row->version,    row->endpoint,
                                  row->secret,       row->adr,        row->issue_url,
                                  row->tool_prefix,  row->awaited};
    unsigned flags = 0;

    for (unsigned i = 0; i < SY_ARRAY_LEN(from); i++) {
        unsigned flag = (unsigned)SY_PACK_SLUG << i;
        bool present = from[i].ptr != NULL;
        if (flag == SY_PACK_SLUG)
            present = present && !sy_str_eq(from[i], toolkit);
        if (flag == SY_PACK_VERSION)
            present = from[i].len > 0 && !sy_str_eq(from[i], SY_STR("latest"));
        texts[i] = from[i];
        flags |= present ? flag : 0;
    }
    return flags;
}

/* A slug's spelling stands before the span, whose length is put in when it is known. */
static void add_row(struct sy_segment *s, size_t unit, const struct sy_row *row)
{
    struct sy_str texts[16];
    unsigned flags = row_texts(row, row->toolkit, texts);
    size_t span;

    flags |= row->has_rank ? SY_PACK_RANK : 0;
    flags |= row->auth_none ? SY_PACK_AUTH_NONE : 0;
    flags |= row->expires_at_ms ? SY_PACK_EXPIRES : 0;
    flags |= row->requested_at_ms ? SY_PACK_REQUESTED : 0;
    flags |= row->due_at_ms ? SY_PACK_DUE : 0;
    sy_pool_byte(&s->pool, flags & 0xff);
    sy_pool_byte(&s->pool, flags >> 8);
    sy_pool_byte(&s->pool, (unsigned)row->state);
    put_vendor(s, row->vendor);
    sy_pool_number(&s->pool, (uint64_t)row->version_number);
    if (flags & SY_PACK_RANK)
        sy_pool_number(&s->pool, (uint64_t)row->rank);
    if (flags & SY_PACK_EXPIRES)
        sy_pool_number(&s->pool, (uint64_t)row->expires_at_ms);
    if (flags & SY_PACK_REQUESTED)
        sy_pool_number(&s->pool, (uint64_t)row->requested_at_ms);
    if (flags & SY_PACK_DUE)
        sy_pool_number(&s->pool, (uint64_t)row->due_at_ms);
    if (flags & SY_PACK_SLUG) {
        sy_pool_spelling(&s->pool, unit, SY_SPELLING_VENDOR, texts[0]);
        s->toolkit_keys += is_key(texts[0]);
    }
    span = begin_span(&s->pool);
    for (unsigned i = 1; i <= 10; i++) {
        if (flags & ((unsigned)SY_PACK_SLUG << i))
            sy_pool_text(&s->pool, texts[i]);
    }
    end_span(&s->pool, span);
    s->row_count++;
}

void sy_segment_add_toolkit(struct sy_segment *s, const struct sy_row *const *rows, size_t count,
                            const struct sy_toolkit_facts *facts)
{
    size_t unit = s->pool.len, aliases = facts ? facts->alias_count : 0;
    struct sy_str name = rows[0]->toolkit;

    s->toolkits[s->toolkit_count++] = (uint32_t)unit;
    sy_pool_byte(&s->pool, facts && facts->has_criticality ? (unsigned)facts->criticality + 1 : 0);
    sy_pool_number(&s->pool, count);
    sy_pool_number(&s->pool, aliases);
    sy_pool_spelling(&s->pool, unit, SY_SPELLING_NAME, name);
    s->toolkit_keys += is_key(name);
    for (size_t i = 0; i < aliases; i++) {
        sy_pool_spelling(&s->pool, unit, SY_SPELLING_ALIAS, facts->aliases[i]);
        s->toolkit_keys += is_key(facts->aliases[i]);
    }
    for (size_t i = 0; i < count; i++)
        add_row(s, unit, rows[i]);
}

/* ---- maps ---- */

static bool is_upper_of(struct sy_str text, struct sy_str lower)
{
    if (text.len != lower.len)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = lower.ptr[i];
        if (text.ptr[i] != (c >= 'a' && c <= 'z' ? (char)(c - 'a' + 'A') : c))
            return false;
    }
    return true;
}

static void add_map(struct sy_segment *s, size_t group, const struct sy_tool_map *map)
{
    unsigned how = sy_str_eq(map->vendor_tool, map->tool)     ? SY_PACK_TOOL_SAME
                   : is_upper_of(map->vendor_tool, map->tool) ? SY_PACK_TOOL_UPPER
                                                              : 0;

    put_vendor(s, map->vendor);
    sy_pool_byte(&s->pool, (unsigned)map->match | (unsigned)map->effect << 2 | how << 6);
    if (!how) {
        sy_pool_spelling(&s->pool, group, SY_SPELLING_VENDOR, map->vendor_tool);
        s->tool_keys += is_key(map->vendor_tool);
    }
    sy_pool_number(&s->pool, map->rename_count);
    for (size_t i = 0; i < map->rename_count; i++) {
        sy_pool_text(&s->pool, map->renames[i].name);
        sy_pool_text(&s->pool, map->renames[i].value);
    }
    sy_pool_number(&s->pool, map->alias_count);
    for (size_t i = 0; i < map->alias_count; i++) {
        sy_pool_spelling(&s->pool, group, SY_SPELLING_ALIAS, map->aliases[i]);
        s->tool_keys += is_key(map->aliases[i]);
    }
    s->map_count++;
}

static void add_group(struct sy_segment *s, size_t family, const struct sy_tool_map *const *maps,
                      size_t count)
{
    size_t group = s->pool.len, back = group - family;
    bool routes = false;
    enum sy_effect effect = SY_EFFECT_UNKNOWN;

    for (size_t i = 0; i < count; i++) {
        if (maps[i]->match == SY_MATCH_CANDIDATE)
            continue;
        routes = true;
        effect = maps[i]->effect > effect ? maps[i]->effect : effect;
    }
    if (back > SY_PACK_BACK_MAX)
        s->pool.failed = true;
    sy_pool_byte(&s->pool, back & 0xff);
    sy_pool_byte(&s->pool, back >> 8 & 0xff);
    sy_pool_byte(&s->pool, back >> 16 & 0xff);
    sy_pool_byte(&s->pool, (unsigned)effect | (routes ? SY_PACK_ROUTES : 0));
    sy_pool_spelling(&s->pool, group, SY_SPELLING_NAME, maps[0]->tool);
    s->tool_keys += is_key(maps[0]->tool);
    sy_pool_number(&s->pool, count);
    for (size_t i = 0; i < count; i++)
        add_map(s, group, maps[i]);
}

void sy_segment_add_family(struct sy_segment *s, const struct sy_tool_map *const *maps,
                           size_t count)
{
    size_t family = s->pool.len, groups = 0;

    for (size_t i = 0; i < count; i++)
        groups += i == 0 || !sy_str_eq(maps[i - 1]->tool, maps[i]->tool);
    s->families[s->family_count++] = (uint32_t)family;
    sy_pool_text(&s->pool, maps[0]->toolkit);
    sy_pool_number(&s->pool, groups);
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && sy_str_eq(maps[from]->tool, maps[to]->tool); to++)
            ;
        add_group(s, family, maps + from, to - from);
    }
}
