/* Building a snapshot: segments for the rows, an arena for tenants and keys. */
#include "resolve/snapshot.h"

#include <string.h>

#define PEOPLE_BYTES_MAX ((size_t)1 << 30)
#define GONE_SLOTS_MIN 16u

/* ---- copies ---- */

static struct sy_str keep(struct sy_snapshot *s, struct sy_str text)
{
    return text.ptr ? sy_arena_copy(&s->arena, text) : text;
}

static const struct sy_pair *keep_pairs(struct sy_snapshot *s, const struct sy_pair *from,
                                        size_t count)
{
    struct sy_pair *pairs = count ? sy_arena_array(&s->arena, count, sizeof(*pairs)) : NULL;

    for (size_t i = 0; pairs && i < count; i++) {
        pairs[i].name = keep(s, from[i].name);
        pairs[i].value = keep(s, from[i].value);
    }
    return pairs;
}

/* ---- tenants, keys, quarantine ---- */

static int build_tenants(struct sy_snapshot *s, const struct sy_registry *from)
{
    s->tenants = sy_arena_array(&s->arena, from->tenant_count + 1, sizeof(*s->tenants));
    if (!s->tenants || sy_index_init(&s->by_tenant, from->tenant_count) != SY_OK)
        return SY_NOMEM;
    for (size_t i = 0; i < from->tenant_count; i++) {
        struct sy_tenant *tenant = &s->tenants[s->tenant_count];
        if (sy_snapshot_tenant(s, from->tenants[i].name))
            continue;
        *tenant = from->tenants[i];
        tenant->name = keep(s, tenant->name);
        tenant->labels = keep_pairs(s, tenant->labels, tenant->label_count);
        sy_index_put(&s->by_tenant, sy_index_hash_whole(tenant->name), (uint32_t)++s->tenant_count);
    }
    return SY_OK;
}

static int build_keys(struct sy_snapshot *s, const struct sy_registry *from)
{
    s->keys = sy_arena_array(&s->arena, from->key_count + 1, sizeof(*s->keys));
    if (!s->keys || sy_index_init(&s->by_key, from->key_count) != SY_OK)
        return SY_NOMEM;
    for (size_t i = 0; i < from->key_count; i++) {
        struct sy_key *key = &s->keys[s->key_count];
        if (from->keys[i].revoked_at_ms != 0 || sy_snapshot_key(s, from->keys[i].hash))
            continue;
        *key = from->keys[i];
        key->id = keep(s, key->id);
        key->tenant = keep(s, key->tenant);
        key->environment = keep(s, key->environment);
        key->name = keep(s, key->name);
        sy_index_put(&s->by_key,
                     sy_index_hash_whole(sy_str_from((const char *)key->hash, sizeof(key->hash))),
                     (uint32_t)++s->key_count);
    }
    return SY_OK;
}

static int build_people(struct sy_snapshot *s, const struct sy_registry *from)
{
    if (build_tenants(s, from) != SY_OK || build_keys(s, from) != SY_OK)
        return SY_NOMEM;
    s->quarantined =
        sy_arena_array(&s->arena, from->quarantined_count + 1, sizeof(*s->quarantined));
    for (size_t i = 0; s->quarantined && i < from->quarantined_count; i++)
        s->quarantined[s->quarantined_count++] = keep(s, from->quarantined[i]);
    return s->arena.failed ? SY_NOMEM : SY_OK;
}

/* ---- the whole ---- */

static struct sy_snapshot *snapshot_new(void)
{
    struct sy_snapshot *s;
    struct sy_arena arena;

    sy_arena_init(&arena, PEOPLE_BYTES_MAX);
    s = sy_arena_zalloc(&arena, sizeof(*s));
    if (s)
        s->arena = arena;
    return s;
}

static int done(int status, struct sy_snapshot *s, struct sy_snapshot **ret, struct sy_err *err)
{
    if (status == SY_OK) {
        *ret = s;
        return SY_OK;
    }
    sy_snapshot_free(s);
    return sy_err_set(err, SY_NOMEM, "no memory for a snapshot");
}

int sy_snapshot_build(const struct sy_registry *registry, const struct sy_policy *policy,
                      struct sy_snapshot **ret_snapshot, struct sy_err *err)
{
    struct sy_snapshot *s = snapshot_new();
    int status = SY_NOMEM;

    if (s) {
        s->version = registry->version;
        s->policy = policy;
        status = sy_segment_build(registry, NULL, &s->base, err);
        if (status == SY_OK)
            status = build_people(s, registry);
    }
    return done(status, s, ret_snapshot, err);
}

/* ---- edits ---- */

static int gone_init(struct sy_snapshot *s, struct sy_gone *gone, size_t count)
{
    size_t slots = GONE_SLOTS_MIN;

    while (slots < 2 * count)
        slots *= 2;
    gone->slots = sy_arena_array(&s->arena, slots, sizeof(*gone->slots));
    gone->mask = (uint32_t)(slots - 1);
    return gone->slots ? SY_OK : SY_NOMEM;
}

static void gone_put(struct sy_gone *gone, uint32_t unit)
{
    uint32_t at = unit * UINT32_C(0x9e3779b1) & gone->mask;

    if (unit == 0 || sy_gone_has(gone, unit))
        return;
    while (gone->slots[at])
        at = (at + 1) & gone->mask;
    gone->slots[at] = unit;
    gone->count++;
}

int sy_snapshot_edit(const struct sy_snapshot *old, const struct sy_registry_changes *changes,
                     const struct sy_policy *policy, struct sy_snapshot **ret_snapshot,
                     struct sy_err *err)
{
    struct sy_snapshot *s = snapshot_new();
    int status = SY_NOMEM;

    if (!s)
        return done(status, s, ret_snapshot, err);
    s->version = changes->now.version;
    s->policy = policy;
    s->base = sy_segment_ref(old->base);
    s->edit_count = changes->toolkit_count + changes->family_count;
    status = build_people(s, &changes->now);
    if (status == SY_OK && s->edit_count > 0) {
        status = gone_init(s, &s->gone_toolkits, changes->toolkit_count);
        if (status == SY_OK)
            status = gone_init(s, &s->gone_families, changes->family_count);
        for (size_t i = 0; status == SY_OK && i < changes->toolkit_count; i++)
            gone_put(&s->gone_toolkits, sy_segment_toolkit(s->base, changes->toolkits[i]));
        for (size_t i = 0; status == SY_OK && i < changes->family_count; i++)
            gone_put(&s->gone_families, sy_segment_family(s->base, changes->families[i]));
        if (status == SY_OK)
            status = sy_segment_build(&changes->now, s->base, &s->edits, err);
    }
    return done(status, s, ret_snapshot, err);
}

int64_t sy_snapshot_base_version(const struct sy_snapshot *snapshot)
{
    return snapshot->base->version;
}

size_t sy_snapshot_edits(const struct sy_snapshot *snapshot)
{
    return snapshot->edit_count;
}

static int share_gone(struct sy_snapshot *s, struct sy_gone *to, const struct sy_gone *from)
{
    if (!from->slots)
        return SY_OK;
    *to = *from;
    to->slots = sy_arena_array(&s->arena, (size_t)from->mask + 1, sizeof(*to->slots));
    if (!to->slots)
        return SY_NOMEM;
    memcpy(to->slots, from->slots, ((size_t)from->mask + 1) * sizeof(*to->slots));
    return SY_OK;
}

struct sy_snapshot *sy_snapshot_share(const struct sy_snapshot *from)
{
    struct sy_snapshot *s = snapshot_new();

    if (!s)
        return NULL;
    s->version = from->version;
    s->base = sy_segment_ref(from->base);
    s->edits = from->edits ? sy_segment_ref(from->edits) : NULL;
    s->edit_count = from->edit_count;
    if (share_gone(s, &s->gone_toolkits, &from->gone_toolkits) == SY_OK &&
        share_gone(s, &s->gone_families, &from->gone_families) == SY_OK)
        return s;
    sy_snapshot_free(s);
    return NULL;
}

/* ---- base and edits into one ---- */

static void fold_toolkits(const struct sy_snapshot *from, struct sy_segment *to)
{
    struct sy_str after = {NULL, 0};
    struct sy_toolkit toolkit;
    size_t b = 0, e = 0, edits = from->edits ? from->edits->toolkit_count : 0;

    while (b < from->base->toolkit_count || e < edits) {
        uint32_t unit = b < from->base->toolkit_count ? from->base->toolkits[b] : 0;
        if (unit && sy_gone_has(&from->gone_toolkits, unit)) {
            b++;
            continue;
        }
        if (unit)
            sy_toolkit_read(from->base, unit, &toolkit);
        after = unit ? toolkit.name : after;
        if (e < edits)
            sy_toolkit_read(from->edits, from->edits->toolkits[e], &toolkit);
        if (e < edits && (!unit || sy_str_cmp(toolkit.name, after) < 0)) {
            sy_segment_copy_toolkit(to, from->edits, from->edits->toolkits[e++]);
        } else {
            sy_segment_copy_toolkit(to, from->base, unit);
            b++;
        }
    }
}

static void fold_families(const struct sy_snapshot *from, struct sy_segment *to)
{
    size_t b = 0, e = 0, edits = from->edits ? from->edits->family_count : 0, groups;
    uint32_t first;

    while (b < from->base->family_count || e < edits) {
        uint32_t unit = b < from->base->family_count ? from->base->families[b] : 0;
        if (unit && sy_gone_has(&from->gone_families, unit)) {
            b++;
        } else if (e < edits &&
                   (!unit || sy_str_cmp(sy_family_read(from->edits, from->edits->families[e],
                                                       &groups, &first),
                                        sy_family_read(from->base, unit, &groups, &first)) < 0)) {
            sy_segment_copy_family(to, from->edits, from->edits->families[e++]);
        } else {
            sy_segment_copy_family(to, from->base, unit);
            b++;
        }
    }
}

int sy_snapshot_fold(const struct sy_snapshot *from, struct sy_snapshot **ret_snapshot,
                     struct sy_err *err)
{
    const struct sy_segment *edits = from->edits;
    struct sy_snapshot *s = snapshot_new();
    int status = SY_NOMEM;

    if (s) {
        s->version = from->version;
        s->base = sy_segment_new(edits ? edits : from->base);
    }
    if (s && s->base)
        s->base->version = from->version;
    if (s && s->base)
        status =
            sy_segment_room(s->base, from->base->toolkit_count + (edits ? edits->toolkit_count : 0),
                            from->base->family_count + (edits ? edits->family_count : 0));
    if (status == SY_OK) {
        fold_toolkits(from, s->base);
        fold_families(from, s->base);
        status = sy_segment_finish(s->base);
    }
    return done(status, s, ret_snapshot, err);
}

void sy_snapshot_free(struct sy_snapshot *snapshot)
{
    struct sy_arena arena;

    if (!snapshot)
        return;
    sy_segment_unref(snapshot->base);
    sy_segment_unref(snapshot->edits);
    sy_index_release(&snapshot->by_tenant);
    sy_index_release(&snapshot->by_key);
    arena = snapshot->arena; /* which holds the snapshot, too */
    sy_arena_release(&arena);
}

size_t sy_snapshot_bytes(const struct sy_snapshot *s, size_t *ret_rows)
{
    *ret_rows = s->base->row_count + s->base->map_count;
    if (s->edits)
        *ret_rows += s->edits->row_count + s->edits->map_count;
    return s->arena.used + sy_segment_bytes(s->base) + (s->edits ? sy_segment_bytes(s->edits) : 0) +
           sy_index_bytes(&s->by_tenant) + sy_index_bytes(&s->by_key);
}
