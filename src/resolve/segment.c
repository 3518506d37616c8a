/* Building a segment: sorted units in one pool, and the indexes over them. */
#include "resolve/segment.h"

#include <string.h>

#include "base/block.h"

#define NAMES_BYTES_MAX ((size_t)1 << 20)
#define SCRATCH_BYTES_MAX ((size_t)4 << 30)
#define SPELLING_MAX (2 * SY_NAME_MAX)

/* ---- sorting (stable merge; the archive calls no qsort) ---- */

typedef int order_fn(const void *a, const void *b);

static void merge(const void **to, const void **left, size_t left_count, const void **right,
                  size_t right_count, order_fn *order)
{
    while (left_count > 0 && right_count > 0) {
        if (order(*right, *left) < 0) {
            *to++ = *right++;
            right_count--;
        } else {
            *to++ = *left++;
            left_count--;
        }
    }
    memcpy(to, left, left_count * sizeof(*to));
    memcpy(to + left_count, right, right_count * sizeof(*to));
}

/* Returns the sorted array: `items` or `other`. */
static const void **sort(const void **items, const void **other, size_t count, order_fn *order)
{
    for (size_t width = 1; width < count; width *= 2) {
        const void **swap = other;
        for (size_t i = 0; i < count; i += 2 * width) {
            size_t middle = i + width < count ? i + width : count;
            size_t end = i + 2 * width < count ? i + 2 * width : count;
            merge(other + i, items + i, middle - i, items + middle, end - middle, order);
        }
        other = items;
        items = swap;
    }
    return items;
}

static int by_toolkit_name(const void *a, const void *b)
{
    const struct sy_row *x = a, *y = b;
    return sy_str_cmp(x->toolkit, y->toolkit);
}

static int by_facts_name(const void *a, const void *b)
{
    const struct sy_toolkit_facts *x = a, *y = b;
    return sy_str_cmp(x->toolkit, y->toolkit);
}

static int by_toolkit_and_tool(const void *a, const void *b)
{
    const struct sy_tool_map *x = a, *y = b;
    int order = sy_str_cmp(x->toolkit, y->toolkit);
    return order ? order : sy_str_cmp(x->tool, y->tool);
}

/* Pointers to `count` items of `size`, sorted; NULL without memory. Stores list in order. */
static const void **sorted(struct sy_arena *scratch, const void *items, size_t count, size_t size,
                           order_fn *order)
{
    const void **pointers = sy_arena_array(scratch, count + 1, sizeof(*pointers)), **other;
    bool in_order = true;

    for (size_t i = 0; pointers && i < count; i++) {
        pointers[i] = (const char *)items + i * size;
        in_order = in_order && (i == 0 || order(pointers[i - 1], pointers[i]) <= 0);
    }
    if (in_order)
        return pointers;
    other = sy_arena_array(scratch, count + 1, sizeof(*other));
    return other ? sort(pointers, other, count, order) : NULL;
}

/* ---- life ---- */

struct sy_segment *sy_segment_new(const struct sy_segment *like)
{
    struct sy_segment *s = sy_block_zalloc(1, sizeof(*s));

    if (!s)
        return NULL;
    atomic_init(&s->refs, 1);
    sy_arena_init(&s->names, NAMES_BYTES_MAX);
    sy_pool_byte(&s->pool, 0); /* so that no unit stands at 0 */
    for (unsigned i = 0; like && i < like->vendor_count; i++)
        s->vendors[s->vendor_count++] = sy_arena_copy(&s->names, like->vendors[i]);
    return s;
}

struct sy_segment *sy_segment_ref(struct sy_segment *s)
{
    atomic_fetch_add(&s->refs, 1);
    return s;
}

void sy_segment_unref(struct sy_segment *s)
{
    if (!s || atomic_fetch_sub(&s->refs, 1) != 1)
        return;
    sy_pool_release(&s->pool);
    sy_index_release(&s->by_toolkit);
    sy_index_release(&s->by_tool);
    sy_near_release(&s->near);
    sy_arena_release(&s->names);
    sy_block_free(s->toolkits);
    sy_block_free(s->families);
    sy_block_free(s);
}

size_t sy_segment_bytes(const struct sy_segment *s)
{
    return sizeof(*s) + s->pool.size + s->names.used + sy_near_bytes(s) +
           sy_index_bytes(&s->by_toolkit) + sy_index_bytes(&s->by_tool) +
           (s->toolkit_count + s->family_count) * sizeof(uint32_t);
}

int sy_segment_room(struct sy_segment *s, size_t toolkits, size_t families)
{
    s->toolkits = sy_block_zalloc(toolkits + 1, sizeof(*s->toolkits));
    s->families = sy_block_zalloc(families + 1, sizeof(*s->families));
    return s->toolkits && s->families ? SY_OK : SY_NOMEM;
}

/* ---- indexes ---- */

static bool has_key(struct sy_str text)
{
    return text.len > 0 && text.len <= SPELLING_MAX;
}

typedef bool means_fn(struct sy_str spelling, struct sy_str key);

/* A spelling that means what an earlier one of the same unit means already is left out; one that
 * means another stays behind it, for when that one is edited away. */
static bool is_there(const struct sy_segment *s, const struct sy_index *index, uint64_t hash,
                     uint32_t spelling, struct sy_str key, means_fn *means)
{
    struct sy_index_walk walk = sy_index_walk(index, hash);
    uint32_t other;

    while ((other = sy_index_next(&walk)) != 0)
        if (sy_spelling_named(s, other) == sy_spelling_named(s, spelling) &&
            means(sy_spelling_text(s, other), key))
            return true;
    return false;
}

static void put_toolkit(struct sy_segment *s, uint32_t spelling)
{
    struct sy_str text = sy_spelling_text(s, spelling), key;
    char buffer[SPELLING_MAX];
    uint64_t hash;

    if (!has_key(text))
        return;
    key = sy_name_normalise(text, buffer);
    hash = sy_index_hash(key);
    if (is_there(s, &s->by_toolkit, hash, spelling, key, sy_toolkit_is))
        return;
    if (key.len > 0)
        sy_index_put(&s->by_toolkit, hash, spelling);
}

static void put_tool(struct sy_segment *s, uint32_t spelling)
{
    struct sy_str text = sy_spelling_text(s, spelling), key;
    char buffer[SPELLING_MAX];
    uint64_t hash;

    if (!has_key(text))
        return;
    key = sy_tool_fold(text, buffer);
    hash = sy_index_hash_whole(key);
    if (is_there(s, &s->by_tool, hash, spelling, key, sy_tool_is))
        return;
    sy_index_put(&s->by_tool, hash, spelling);
}

static uint32_t place(const struct sy_segment *s, const unsigned char *at)
{
    return (uint32_t)(at - s->pool.bytes);
}

/* Names beat aliases beat vendors' slugs: what a person chose is never shadowed. */
static void index_toolkit(struct sy_segment *s, uint32_t unit, enum sy_spelling_class class)
{
    struct sy_toolkit toolkit;
    const unsigned char *at;
    struct sy_route route;

    sy_toolkit_read(s, unit, &toolkit);
    at = s->pool.bytes + unit + 1;
    sy_take_number(&at);
    sy_take_number(&at);
    if (class == SY_SPELLING_NAME)
        put_toolkit(s, place(s, at));
    at = toolkit.aliases;
    for (size_t i = 0; class == SY_SPELLING_ALIAS && i < toolkit.alias_count; i++) {
        put_toolkit(s, place(s, at));
        sy_take_spelling(&at);
    }
    at = toolkit.rows;
    for (size_t i = 0; class == SY_SPELLING_VENDOR && i < toolkit.row_count; i++) {
        sy_route_take(&toolkit, &at, &route);
        if (route.flags & SY_PACK_SLUG)
            put_toolkit(s, place(s, route.texts));
    }
}

/* Returns where the next group begins. Candidates' vendor names are left out: such a row must not
 * make its vendor's name mean ours. */
static uint32_t index_group(struct sy_segment *s, uint32_t unit, enum sy_spelling_class class)
{
    struct sy_tool_group group;
    const unsigned char *at;

    sy_group_read(s, unit, &group);
    if (class == SY_SPELLING_NAME)
        put_tool(s, unit + 4);
    at = group.maps;
    for (unsigned i = 0; i < group.map_count; i++) {
        struct sy_map map;
        const unsigned char *alias, *vendor = at;
        sy_map_take(&group, &at, &map);
        alias = map.aliases;
        for (unsigned a = 0; class == SY_SPELLING_ALIAS && a < map.alias_count; a++) {
            put_tool(s, place(s, alias));
            sy_take_spelling(&alias);
        }
        if (class != SY_SPELLING_VENDOR || map.how || map.match == SY_MATCH_CANDIDATE)
            continue;
        if (*vendor++ == SY_PACK_VENDOR_TEXT)
            sy_take_text(&vendor);
        put_tool(s, place(s, vendor + 1));
    }
    return place(s, at);
}

static void index_family(struct sy_segment *s, uint32_t unit, enum sy_spelling_class class)
{
    size_t groups;
    uint32_t at;

    sy_family_read(s, unit, &groups, &at);
    for (size_t i = 0; i < groups; i++)
        at = index_group(s, at, class);
}

int sy_segment_finish(struct sy_segment *s)
{
    static const enum sy_spelling_class classes[] = {SY_SPELLING_NAME, SY_SPELLING_ALIAS,
                                                     SY_SPELLING_VENDOR};
    unsigned char *shrunk;

    if (s->pool.failed || s->names.failed ||
        sy_index_init(&s->by_toolkit, s->toolkit_keys) != SY_OK ||
        sy_index_init(&s->by_tool, s->tool_keys) != SY_OK)
        return SY_NOMEM;
    shrunk = sy_block_resize(s->pool.bytes, s->pool.len);
    if (shrunk) {
        s->pool.bytes = shrunk;
        s->pool.size = s->pool.len;
    }
    for (unsigned c = 0; c < SY_ARRAY_LEN(classes); c++) {
        for (size_t i = 0; i < s->toolkit_count; i++)
            index_toolkit(s, s->toolkits[i], classes[c]);
        for (size_t i = 0; i < s->family_count; i++)
            index_family(s, s->families[i], classes[c]);
    }
    return sy_near_build(s);
}

/* ---- from a registry ---- */

static void add_toolkits(struct sy_segment *s, const struct sy_row *const *rows, size_t count,
                         const struct sy_toolkit_facts *const *facts, size_t fact_count)
{
    size_t fact = 0;

    for (size_t from = 0, to; from < count; from = to) {
        int order = -1;
        for (to = from + 1; to < count && by_toolkit_name(rows[from], rows[to]) == 0; to++)
            ;
        while (fact < fact_count &&
               (order = sy_str_cmp(facts[fact]->toolkit, rows[from]->toolkit)) < 0)
            fact++;
        sy_segment_add_toolkit(s, rows + from, to - from,
                               fact < fact_count && order == 0 ? facts[fact] : NULL);
    }
}

static void add_families(struct sy_segment *s, const struct sy_tool_map *const *maps, size_t count)
{
    for (size_t from = 0, to; from < count; from = to) {
        for (to = from + 1; to < count && sy_str_eq(maps[from]->toolkit, maps[to]->toolkit); to++)
            ;
        sy_segment_add_family(s, maps + from, to - from);
    }
}

static int add_all(struct sy_segment *s, const struct sy_registry *from, struct sy_arena *scratch)
{
    const void **rows =
        sorted(scratch, from->rows, from->row_count, sizeof(*from->rows), by_toolkit_name);
    const void **facts = sorted(scratch, from->toolkits, from->toolkit_count,
                                sizeof(*from->toolkits), by_facts_name);
    const void **maps =
        sorted(scratch, from->maps, from->map_count, sizeof(*from->maps), by_toolkit_and_tool);
    size_t toolkits = 0, families = 0;

    if (!rows || !facts || !maps)
        return SY_NOMEM;
    for (size_t i = 0; i < from->row_count; i++)
        toolkits += i == 0 || by_toolkit_name(rows[i - 1], rows[i]) != 0;
    for (size_t i = 0; i < from->map_count; i++)
        families += i == 0 || !sy_str_eq(((const struct sy_tool_map *)maps[i - 1])->toolkit,
                                         ((const struct sy_tool_map *)maps[i])->toolkit);
    if (sy_segment_room(s, toolkits, families) != SY_OK)
        return SY_NOMEM;
    add_toolkits(s, (const struct sy_row *const *)rows, from->row_count,
                 (const struct sy_toolkit_facts *const *)facts, from->toolkit_count);
    add_families(s, (const struct sy_tool_map *const *)maps, from->map_count);
    return sy_segment_finish(s);
}

int sy_segment_build(const struct sy_registry *registry, const struct sy_segment *like,
                     struct sy_segment **ret, struct sy_err *err)
{
    struct sy_segment *s = sy_segment_new(like);
    struct sy_arena scratch;
    int status = SY_NOMEM;

    sy_arena_init(&scratch, SCRATCH_BYTES_MAX);
    if (s)
        status = add_all(s, registry, &scratch);
    sy_arena_release(&scratch);
    if (status == SY_OK) {
        s->version = registry->version;
        *ret = s;
        return SY_OK;
    }
    sy_segment_unref(s);
    return sy_err_set(err, SY_NOMEM, "no memory for a snapshot of %zu rows",
                      registry->row_count + registry->map_count);
}

/* ---- copies of units ---- */

static void copy_unit(struct sy_segment *s, const struct sy_segment *from, uint32_t unit,
                      uint32_t end)
{
    unsigned char *to = sy_pool_take(&s->pool, end - unit);

    if (to)
        memcpy(to, from->pool.bytes + unit, end - unit);
}

void sy_segment_copy_toolkit(struct sy_segment *s, const struct sy_segment *from, uint32_t unit)
{
    struct sy_toolkit toolkit;
    struct sy_route route;
    const unsigned char *at;

    sy_toolkit_read(from, unit, &toolkit);
    at = toolkit.rows;
    s->toolkit_keys += 1 + toolkit.alias_count;
    s->row_count += toolkit.row_count;
    for (size_t i = 0; i < toolkit.row_count; i++) {
        sy_route_take(&toolkit, &at, &route);
        s->toolkit_keys += (route.flags & SY_PACK_SLUG) != 0;
    }
    s->toolkits[s->toolkit_count++] = (uint32_t)s->pool.len;
    copy_unit(s, from, unit, place(from, at));
}

void sy_segment_copy_family(struct sy_segment *s, const struct sy_segment *from, uint32_t unit)
{
    size_t groups;
    uint32_t end;

    sy_family_read(from, unit, &groups, &end);
    for (size_t i = 0; i < groups; i++) {
        struct sy_tool_group group;
        const unsigned char *at;
        sy_group_read(from, end, &group);
        at = group.maps;
        s->tool_keys++;
        s->map_count += group.map_count;
        for (unsigned m = 0; m < group.map_count; m++) {
            struct sy_map map;
            sy_map_take(&group, &at, &map);
            s->tool_keys += !map.how + map.alias_count;
        }
        end = place(from, at);
    }
    s->families[s->family_count++] = (uint32_t)s->pool.len;
    copy_unit(s, from, unit, end);
}
