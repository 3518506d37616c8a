/* Building a snapshot: sorted copies of the registry in one arena, and the indexes over them. */
#include "resolve/snapshot.h"

#include <string.h>

#define SNAPSHOT_BYTES_MAX ((size_t)8 << 30)
#define VENDOR_NAMES_MAX 16

/* What the builder needs besides the snapshot; `scratch` dies with the build. */
struct builder {
    struct sy_snapshot *s;
    const struct sy_registry *from;
    struct sy_arena scratch;
    struct sy_str vendors[VENDOR_NAMES_MAX]; /* one copy of each vendor's name */
    size_t vendor_count;
};

struct sy_str sy_tool_fold(struct sy_str name, char *out)
{
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        out[i] = c == '-' || c == ' ' ? '_' : c;
    }
    return sy_str_from(out, name.len);
}

/* ---- copies ---- */

static struct sy_str keep(struct builder *b, struct sy_str text)
{
    return text.ptr ? sy_arena_copy(&b->s->arena, text) : text;
}

/* Vendors' names and "latest" stand in every row; one copy is enough. */
static struct sy_str keep_vendor(struct builder *b, struct sy_str name)
{
    for (size_t i = 0; i < b->vendor_count; i++) {
        if (sy_str_eq(b->vendors[i], name))
            return b->vendors[i];
    }
    name = keep(b, name);
    if (b->vendor_count < VENDOR_NAMES_MAX)
        b->vendors[b->vendor_count++] = name;
    return name;
}

static struct sy_str keep_unless(struct builder *b, struct sy_str text, struct sy_str same)
{
    return text.ptr && sy_str_eq(text, same) ? same : keep(b, text);
}

static const struct sy_pair *keep_pairs(struct builder *b, const struct sy_pair *from, size_t count)
{
    struct sy_pair *pairs = count ? sy_arena_array(&b->s->arena, count, sizeof(*pairs)) : NULL;
    for (size_t i = 0; pairs && i < count; i++) {
        pairs[i].name = keep(b, from[i].name);
        pairs[i].value = keep(b, from[i].value);
    }
    return pairs;
}

static const struct sy_str *keep_texts(struct builder *b, const struct sy_str *from, size_t count)
{
    struct sy_str *texts = count ? sy_arena_array(&b->s->arena, count, sizeof(*texts)) : NULL;
    for (size_t i = 0; texts && i < count; i++)
        texts[i] = keep(b, from[i]);
    return texts;
}

/* Without the cold columns (notes, owner, mcp_server, extra): they are read from the store. */
static struct sy_row keep_row(struct builder *b, const struct sy_row *from, struct sy_str toolkit)
{
    struct sy_row row = *from;

    row.toolkit = toolkit;
    row.vendor = keep_vendor(b, from->vendor);
    row.vendor_slug = keep_unless(b, from->vendor_slug.ptr ? from->vendor_slug : toolkit, toolkit);
    row.tool_prefix = keep(b, from->tool_prefix);
    row.connection = keep_unless(b, from->connection, row.vendor_slug);
    row.auth_config_id = keep(b, from->auth_config_id);
    row.oauth_app_id = keep(b, from->oauth_app_id);
    row.version =
        from->version.len ? keep_unless(b, from->version, SY_STR("latest")) : SY_STR("latest");
    row.endpoint = keep(b, from->endpoint);
    row.secret = keep(b, from->secret);
    row.adr = keep(b, from->adr);
    row.issue_url = keep(b, from->issue_url);
    row.awaited = from->awaited.ptr ? keep_vendor(b, from->awaited) : from->awaited;
    row.owner = row.notes = (struct sy_str){NULL, 0};
    row.mcp_servers = row.extra = NULL;
    row.mcp_server_count = row.extra_count = 0;
    return row;
}

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

static int by_toolkit_and_tool(const void *a, const void *b)
{
    const struct sy_tool_map *x = a, *y = b;
    int order = sy_str_cmp(x->toolkit, y->toolkit);
    return order ? order : sy_str_cmp(x->tool, y->tool);
}

/* Pointers to `count` items of `size`, sorted; NULL without memory. */
static const void **sorted(struct builder *b, const void *items, size_t count, size_t size,
                           order_fn *order)
{
    const void **pointers = sy_arena_array(&b->scratch, count + 1, sizeof(*pointers));
    const void **other = sy_arena_array(&b->scratch, count + 1, sizeof(*other));

    if (!pointers || !other)
        return NULL;
    for (size_t i = 0; i < count; i++)
        pointers[i] = (const char *)items + i * size;
    return sort(pointers, other, count, order);
}

/* ---- toolkits ---- */

static int build_rows(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    size_t count = b->from->row_count, toolkits = 0;
    const void **order = sorted(b, b->from->rows, count, sizeof(*b->from->rows), by_toolkit_name);

    if (!order)
        return SY_NOMEM;
    for (size_t i = 0; i < count; i++)
        toolkits += i == 0 || by_toolkit_name(order[i - 1], order[i]) != 0;
    s->rows = sy_arena_array(&s->arena, count + 1, sizeof(*s->rows));
    s->toolkits = sy_arena_array(&s->arena, toolkits + 1, sizeof(*s->toolkits));
    if (!s->rows || !s->toolkits)
        return SY_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct sy_row *row = order[i];
        struct sy_toolkit *toolkit;
        if (i == 0 || by_toolkit_name(order[i - 1], row) != 0) {
            toolkit = &s->toolkits[s->toolkit_count++];
            toolkit->name = keep(b, row->toolkit);
            toolkit->rows = &s->rows[i];
        }
        toolkit = &s->toolkits[s->toolkit_count - 1];
        toolkit->row_count++;
        s->rows[i] = keep_row(b, row, toolkit->name);
    }
    return SY_OK;
}

/* A normalised key that lives as long as the snapshot; the text itself if it is normal already. */
static struct sy_str normal_key(struct builder *b, struct sy_str text)
{
    char buffer[2 * SY_NAME_MAX];
    struct sy_str key;

    if (text.len == 0 || text.len > sizeof(buffer))
        return (struct sy_str){NULL, 0};
    key = sy_name_normalise(text, buffer);
    return sy_str_eq(key, text) ? text : keep(b, key);
}

/* Names beat aliases beat vendors' slugs: what a person chose is never shadowed. */
static int index_toolkits(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    size_t keys = s->toolkit_count + b->from->row_count;

    for (size_t i = 0; i < b->from->toolkit_count; i++)
        keys += b->from->toolkits[i].alias_count;
    if (sy_index_init(&s->by_toolkit, &s->arena, keys, (uint64_t)b->from->version) != SY_OK)
        return SY_NOMEM;
    for (size_t i = 0; i < s->toolkit_count; i++)
        sy_index_put(&s->by_toolkit, normal_key(b, s->toolkits[i].name), (uint32_t)i);
    for (size_t i = 0; i < b->from->toolkit_count; i++) {
        const struct sy_toolkit_facts *from = &b->from->toolkits[i];
        struct sy_toolkit_facts *facts;
        char name[2 * SY_NAME_MAX];
        uint32_t at = from->toolkit.len > sizeof(name)
                          ? SY_INDEX_NONE
                          : sy_index_get(&s->by_toolkit, sy_name_normalise(from->toolkit, name));
        if (at == SY_INDEX_NONE)
            continue;
        facts = sy_arena_zalloc(&s->arena, sizeof(*facts));
        if (!facts)
            return SY_NOMEM;
        *facts = *from;
        facts->toolkit = s->toolkits[at].name;
        facts->aliases = keep_texts(b, from->aliases, from->alias_count);
        s->toolkits[at].facts = facts;
        for (size_t a = 0; facts->aliases && a < facts->alias_count; a++)
            sy_index_put(&s->by_toolkit, normal_key(b, facts->aliases[a]), at);
    }
    for (size_t i = 0; i < s->toolkit_count; i++) {
        for (size_t r = 0; r < s->toolkits[i].row_count; r++)
            sy_index_put(&s->by_toolkit, normal_key(b, s->toolkits[i].rows[r].vendor_slug),
                         (uint32_t)i);
    }
    return SY_OK;
}

/* ---- tools ---- */

static struct sy_str folded_key(struct builder *b, struct sy_str text)
{
    char buffer[2 * SY_NAME_MAX];
    struct sy_str key;

    if (text.len == 0 || text.len > sizeof(buffer))
        return (struct sy_str){NULL, 0};
    key = sy_tool_fold(text, buffer);
    return sy_str_eq(key, text) ? text : keep(b, key);
}

static void keep_map(struct builder *b, const struct sy_tool_map *from, struct sy_tool_map *to)
{
    *to = *from;
    to->tool = keep(b, from->tool);
    to->toolkit = keep(b, from->toolkit);
    to->vendor = keep_vendor(b, from->vendor);
    to->vendor_tool = keep(b, from->vendor_tool);
    to->renames = keep_pairs(b, from->renames, from->rename_count);
    to->aliases = keep_texts(b, from->aliases, from->alias_count);
}

static int build_groups(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    size_t count = b->from->map_count;
    const void **order =
        sorted(b, b->from->maps, count, sizeof(*b->from->maps), by_toolkit_and_tool);

    s->maps = sy_arena_array(&s->arena, count + 1, sizeof(*s->maps));
    s->map_order = sy_arena_array(&s->arena, count + 1, sizeof(*s->map_order));
    s->groups = sy_arena_array(&s->arena, count + 1, sizeof(*s->groups));
    if (!order || !s->maps || !s->map_order || !s->groups)
        return SY_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct sy_tool_map *map = &s->maps[i];
        struct sy_tool_group *group;
        keep_map(b, order[i], map);
        s->map_order[i] = map;
        if (i == 0 || by_toolkit_and_tool(s->map_order[i - 1], map) != 0)
            s->groups[s->group_count++] = (struct sy_tool_group){
                .tool = map->tool, .toolkit = map->toolkit, .maps = &s->map_order[i]};
        group = &s->groups[s->group_count - 1];
        group->count++;
        if (map->match == SY_MATCH_CANDIDATE)
            continue;
        group->routes = true;
        if (map->effect > group->effect)
            group->effect = map->effect;
    }
    return SY_OK;
}

/* Candidates' vendor names are left out: such a row must not make its vendor's name mean ours. */
static int index_tools(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    size_t keys = s->group_count + b->from->map_count;

    for (size_t i = 0; i < b->from->map_count; i++)
        keys += s->maps[i].alias_count;
    if (sy_index_init(&s->by_tool, &s->arena, keys, (uint64_t)b->from->version) != SY_OK)
        return SY_NOMEM;
    for (size_t i = 0; i < s->group_count; i++)
        sy_index_put(&s->by_tool, folded_key(b, s->groups[i].tool), (uint32_t)i);
    for (unsigned vendors = 0; vendors < 2; vendors++) {
        for (size_t i = 0; i < s->group_count; i++) {
            for (size_t m = 0; m < s->groups[i].count; m++) {
                const struct sy_tool_map *map = s->groups[i].maps[m];
                if (vendors && map->match != SY_MATCH_CANDIDATE)
                    sy_index_put(&s->by_tool, folded_key(b, map->vendor_tool), (uint32_t)i);
                for (size_t a = 0; !vendors && a < map->alias_count; a++)
                    sy_index_put(&s->by_tool, folded_key(b, map->aliases[a]), (uint32_t)i);
            }
        }
    }
    return SY_OK;
}

/* ---- tenants and keys ---- */

static int build_tenants(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    size_t count = b->from->tenant_count;

    s->tenants = sy_arena_array(&s->arena, count + 1, sizeof(*s->tenants));
    if (!s->tenants ||
        sy_index_init(&s->by_tenant, &s->arena, count, (uint64_t)b->from->version) != SY_OK)
        return SY_NOMEM;
    for (size_t i = 0; i < count; i++) {
        s->tenants[i] = b->from->tenants[i];
        s->tenants[i].name = keep(b, b->from->tenants[i].name);
        s->tenants[i].labels =
            keep_pairs(b, b->from->tenants[i].labels, b->from->tenants[i].label_count);
        sy_index_put(&s->by_tenant, s->tenants[i].name, (uint32_t)i);
    }
    return SY_OK;
}

static int build_keys(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    size_t count = b->from->key_count, used = 0;

    s->keys = sy_arena_array(&s->arena, count + 1, sizeof(*s->keys));
    if (!s->keys ||
        sy_index_init(&s->by_key, &s->arena, count, (uint64_t)b->from->version) != SY_OK)
        return SY_NOMEM;
    for (size_t i = 0; i < count; i++) {
        const struct sy_key *from = &b->from->keys[i];
        struct sy_key *key = &s->keys[used];
        if (from->revoked_at_ms != 0)
            continue;
        *key = *from;
        key->id = keep(b, from->id);
        key->tenant = keep(b, from->tenant);
        key->environment = keep(b, from->environment);
        key->name = keep(b, from->name);
        sy_index_put(&s->by_key, sy_str_from((const char *)key->hash, sizeof(key->hash)),
                     (uint32_t)used++);
    }
    return SY_OK;
}

static int build_quarantined(struct builder *b)
{
    struct sy_snapshot *s = b->s;
    s->quarantined =
        sy_arena_array(&s->arena, b->from->quarantined_count + 1, sizeof(*s->quarantined));
    for (size_t i = 0; s->quarantined && i < b->from->quarantined_count; i++)
        s->quarantined[s->quarantined_count++] = keep(b, b->from->quarantined[i]);
    return s->quarantined ? SY_OK : SY_NOMEM;
}

/* ---- the whole ---- */

int sy_snapshot_build(const struct sy_registry *registry, const struct sy_policy *policy,
                      struct sy_snapshot **ret_snapshot, struct sy_err *err)
{
    struct builder b = {.from = registry};
    struct sy_arena arena;
    int status = SY_NOMEM;

    sy_arena_init(&arena, SNAPSHOT_BYTES_MAX);
    sy_arena_init(&b.scratch, SNAPSHOT_BYTES_MAX);
    b.s = sy_arena_zalloc(&arena, sizeof(*b.s));
    if (b.s) {
        b.s->arena = arena;
        b.s->version = registry->version;
        b.s->policy = policy;
        if (build_rows(&b) == SY_OK && index_toolkits(&b) == SY_OK && build_groups(&b) == SY_OK &&
            index_tools(&b) == SY_OK && build_tenants(&b) == SY_OK && build_keys(&b) == SY_OK &&
            build_quarantined(&b) == SY_OK && !b.s->arena.failed)
            status = SY_OK;
    }
    sy_arena_release(&b.scratch);
    if (status != SY_OK) {
        sy_snapshot_free(b.s);
        return sy_err_set(err, SY_NOMEM, "no memory for a snapshot of %zu rows",
                          registry->row_count);
    }
    *ret_snapshot = b.s;
    return SY_OK;
}

void sy_snapshot_free(struct sy_snapshot *snapshot)
{
    struct sy_arena arena;
    if (!snapshot)
        return;
    arena = snapshot->arena; /* which holds the snapshot, too */
    sy_arena_release(&arena);
}
