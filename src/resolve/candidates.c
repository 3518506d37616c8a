/* Rows into candidates: what removes one, in which order the rest stands, and what a call needs. */
#include <string.h>

#include "resolve/internal.h"

static const struct sy_str PENDING = SY_STR_INIT("pending");

bool sy_in_list(struct sy_str name, const struct sy_str *list, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (sy_str_eq(list[i], name))
            return true;
    }
    return false;
}

const struct sy_vendor *sy_adapter(const struct sy_resolve_facts *facts, struct sy_str name,
                                   size_t *ret_index)
{
    for (size_t i = 0; i < facts->vendor_count && name.len > 0; i++) {
        const char *z = facts->vendors[i]->name;
        if (z[0] == name.ptr[0] && sy_str_eq(sy_str_of(z), name)) {
            *ret_index = i;
            return facts->vendors[i];
        }
    }
    return NULL;
}

/* ---- what removes a row ---- */

/* Position of the first name that means this entry by vendor or path, or count. */
static unsigned named_at(const struct sy_entry *entry, const struct sy_str *names, unsigned count)
{
    struct sy_str path = sy_str_of(sy_path_name(entry->path));
    for (unsigned i = 0; i < count; i++) {
        if (sy_str_eq(names[i], entry->vendor) || sy_str_eq(names[i], path))
            return i;
    }
    return count;
}

/* Path and place in the policy's order; false if it has none there. */
static bool place_in_order(const struct sy_policy *policy, struct sy_entry *entry)
{
    for (unsigned i = 0; i < policy->chain_count; i++) {
        if (!sy_str_eq(policy->chain[i].vendor, entry->vendor))
            continue;
        entry->path = policy->chain[i].path;
        entry->path_rank = 0;
        while (policy->order[entry->path_rank] != entry->path)
            entry->path_rank++;
        entry->vendor_rank = i;
        return true;
    }
    entry->path_rank = policy->order_count;
    entry->vendor_rank = policy->chain_count;
    if (!sy_path_from_name(entry->vendor, &entry->path))
        entry->path = entry->adapter ? entry->adapter->path : SY_PATH_NATIVE;
    return false;
}

static bool session_allowed(const struct sy_resolution *r)
{
    return sy_in_list(r->request->environment, r->policy->session_environments,
                      r->policy->session_environment_count);
}

/* A rule that names a route outside the order asks for it; a session may also be pinned. */
static bool asked_for(const struct sy_resolution *r, const struct sy_entry *entry)
{
    return named_at(entry, r->verdict.use, r->verdict.use_count) < r->verdict.use_count ||
           (entry->path == SY_PATH_SESSION && sy_str_eq_nocase(r->pin, entry->vendor));
}

static enum sy_out out_by_rules(const struct sy_resolution *r, struct sy_entry *entry)
{
    const struct sy_policy_verdict *v = &r->verdict;

    if (v->denied) {
        entry->rule = v->deny_rule;
        return SY_OUT_DENIED;
    }
    for (unsigned i = 0; i < v->avoid_count; i++) {
        if (named_at(entry, &v->avoid[i], 1) == 0) {
            entry->rule = v->avoid_rule[i];
            return SY_OUT_AVOID;
        }
    }
    entry->use_rank = named_at(entry, v->use, v->use_count);
    if (v->use_count > 0 && entry->use_rank == v->use_count) {
        entry->rule = v->use_rule;
        return SY_OUT_USE;
    }
    return SY_OUT_NOT;
}

static bool has_adr(const struct sy_route *route)
{
    struct sy_row row;

    sy_route_row(route, &row);
    return row.adr.len > 0;
}

static enum sy_out out_of(const struct sy_resolution *r, struct sy_entry *entry)
{
    const struct sy_route *row = &entry->route;
    bool in_order = place_in_order(r->policy, entry);
    enum sy_out out;

    if (row->state == SY_ROW_DISCOVERED && row->expires_at_ms != 0 &&
        row->expires_at_ms <= r->facts->now_unix_ms)
        return SY_OUT_EXPIRED;
    if (row->state == SY_ROW_BLOCKED)
        return SY_OUT_BLOCKED;
    if (!in_order && !asked_for(r, entry))
        return SY_OUT_ORDER;
    if (entry->path == SY_PATH_WORKER && r->policy->worker_requires_adr && !has_adr(row))
        return SY_OUT_ADR;
    if (entry->path == SY_PATH_SESSION && !session_allowed(r))
        return SY_OUT_ENVIRONMENT;
    out = out_by_rules(r, entry);
    if (out != SY_OUT_NOT)
        return out;
    if (r->pin.len > 0 && !sy_str_eq_nocase(r->pin, entry->vendor))
        return SY_OUT_PIN;
    if (sy_snapshot_quarantined(r->snapshot, entry->vendor))
        return SY_OUT_QUARANTINED;
    if (!entry->adapter || sy_in_list(entry->vendor, r->facts->absent, r->facts->absent_count))
        return SY_OUT_ABSENT;
    return SY_OUT_NOT;
}

/* ---- order ---- */

/* Negative: a first. Last resorts first of all, then `use`, the order of paths, rank, native. */
static int compare(const struct sy_entry *a, const struct sy_entry *b)
{
    bool a_deprecated = a->route.state == SY_ROW_DEPRECATED;
    bool b_deprecated = b->route.state == SY_ROW_DEPRECATED;
    bool a_ranked = a->route.flags & SY_PACK_RANK, b_ranked = b->route.flags & SY_PACK_RANK;

    if ((a->path == SY_PATH_PENDING) != (b->path == SY_PATH_PENDING))
        return a->path == SY_PATH_PENDING ? 1 : -1;
    if (a_deprecated != b_deprecated)
        return a_deprecated ? 1 : -1;
    if (a->use_rank != b->use_rank)
        return a->use_rank < b->use_rank ? -1 : 1;
    if (a->path_rank != b->path_rank)
        return a->path_rank < b->path_rank ? -1 : 1;
    if (a_ranked != b_ranked)
        return a_ranked ? -1 : 1;
    if (a_ranked && a->route.rank != b->route.rank)
        return a->route.rank < b->route.rank ? -1 : 1;
    if (a->vendor_rank != b->vendor_rank)
        return a->vendor_rank < b->vendor_rank ? -1 : 1;
    return sy_str_cmp(a->vendor, b->vendor);
}

static void insert(struct sy_resolution *r, const struct sy_entry *entry)
{
    unsigned at = r->entry_count++;
    while (at > 0 && compare(entry, &r->entries[at - 1]) < 0) {
        r->entries[at] = r->entries[at - 1];
        at--;
    }
    r->entries[at] = *entry;
}

void sy_resolve_entries(struct sy_resolution *r)
{
    const unsigned char *at = r->toolkit.rows;

    for (size_t i = 0; i < r->toolkit.row_count && r->entry_count < SY_CANDIDATES_MAX; i++) {
        struct sy_entry entry;

        memset(&entry, 0, sizeof(entry));
        sy_route_take(&r->toolkit, &at, &entry.route);
        entry.vendor = entry.route.state == SY_ROW_PENDING_NATIVE ? PENDING : entry.route.vendor;
        entry.adapter = sy_adapter(r->facts, entry.vendor, &entry.adapter_index);
        entry.broken = sy_in_list(entry.vendor, r->facts->broken, r->facts->broken_count);
        entry.out = out_of(r, &entry);
        insert(r, &entry);
    }
}

/* ---- candidates ---- */

/* Copies the slices that `fields` point to into one piece of the arena. */
static bool copy_all(struct sy_arena *arena, struct sy_str **fields, size_t count)
{
    size_t total = 0;
    char *at;

    for (size_t i = 0; i < count; i++)
        total += fields[i]->len + 1;
    at = sy_arena_alloc(arena, total);
    if (!at)
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!fields[i]->ptr)
            continue;
        if (fields[i]->len > 0)
            memcpy(at, fields[i]->ptr, fields[i]->len);
        fields[i]->ptr = at;
        at += fields[i]->len;
        *at++ = '\0';
    }
    return true;
}

static bool map_at(const struct sy_resolution *r, struct sy_str vendor, struct sy_map *ret)
{
    const unsigned char *at = r->group.maps;

    for (unsigned i = 0; r->mapped && i < r->group.map_count; i++) {
        sy_map_take(&r->group, &at, ret);
        if (ret->match != SY_MATCH_CANDIDATE && sy_str_eq(ret->vendor, vendor))
            return true;
    }
    return false;
}

static struct sy_str mapped_name(struct sy_resolution *r, const struct sy_map *map)
{
    char *copy;

    if (map->how != SY_PACK_TOOL_UPPER)
        return sy_arena_copy(r->arena, map->vendor_tool);
    copy = sy_arena_z(r->arena, map->vendor_tool);
    for (size_t i = 0; copy && i < map->vendor_tool.len; i++) {
        if (copy[i] >= 'a' && copy[i] <= 'z')
            copy[i] = (char)(copy[i] - 'a' + 'A');
    }
    return sy_str_from(copy, copy ? map->vendor_tool.len : 0);
}

static bool copy_renames(struct sy_resolution *r, const struct sy_map *map, struct sy_candidate *c)
{
    const unsigned char *at = map->renames;
    struct sy_pair *pairs;

    if (map->rename_count == 0)
        return true;
    pairs = sy_arena_array(r->arena, map->rename_count, sizeof(*pairs));
    for (size_t i = 0; pairs && i < map->rename_count; i++) {
        pairs[i].name = sy_arena_copy(r->arena, sy_take_text(&at));
        pairs[i].value = sy_arena_copy(r->arena, sy_take_text(&at));
    }
    c->renames = pairs;
    c->rename_count = pairs ? map->rename_count : 0;
    return pairs != NULL;
}

static void fill_target(struct sy_candidate *c, const struct sy_row *row)
{
    c->target = (struct sy_target){
        .toolkit = row->toolkit,
        .vendor_slug = row->vendor_slug,
        .connection = row->connection.len ? row->connection : row->vendor_slug,
        .auth_config_id = row->auth_config_id,
        .oauth_app_id = row->oauth_app_id,
        .version = row->version,
        .endpoint = row->endpoint,
        .auth_none = row->auth_none,
        .issue_url = row->issue_url,
        .requested_at_ms = row->requested_at_ms,
        .due_at_ms = row->due_at_ms,
    };
}

static bool fill_tool(struct sy_resolution *r, const struct sy_entry *entry, struct sy_candidate *c)
{
    struct sy_map map;

    c->effect = r->ret->effect;
    if (r->ret->tool.len == 0)
        return true;
    if (map_at(r, entry->vendor, &map)) {
        c->mapped = true;
        c->vendor_tool = mapped_name(r, &map);
        if (map.effect != SY_EFFECT_UNKNOWN)
            c->effect = map.effect;
        return copy_renames(r, &map, c);
    }
    c->vendor_tool = entry->adapter->tool_name ? entry->adapter->tool_name(c->target.vendor_slug,
                                                                           r->ret->action, r->arena)
                                               : r->ret->tool;
    return c->vendor_tool.ptr != NULL;
}

/* SY_INVALID: the subject is too long for this vendor. */
static int fill(struct sy_resolution *r, const struct sy_entry *entry, struct sy_candidate *c)
{
    struct sy_row decoded, *const row = &decoded;
    struct sy_str *copies[] = {&c->target.toolkit,
                               &c->target.vendor_slug,
                               &c->target.connection,
                               &c->target.auth_config_id,
                               &c->target.oauth_app_id,
                               &c->target.version,
                               &c->target.endpoint,
                               &c->target.issue_url,
                               &c->secret,
                               &c->adr};

    sy_route_row(&entry->route, row);
    *c = (struct sy_candidate){
        .vendor = sy_str_from(entry->adapter->name, entry->vendor.len),
        .vendor_index = entry->adapter_index,
        .path = entry->path,
        .state = row->state,
        .row_version = row->version_number,
        .account = r->account,
        .secret = row->secret,
        .adr = row->adr,
    };
    fill_target(c, row);
    if (!copy_all(r->arena, copies, SY_ARRAY_LEN(copies)) || !fill_tool(r, entry, c))
        return SY_NOMEM;
    if (row->state == SY_ROW_DEPRECATED)
        c->warning = SY_WORDS(r, SY_STR("the route "), c->target.toolkit, SY_STR("/"), c->vendor,
                              SY_STR(" is deprecated"));
    return sy_policy_subject(r->policy, c->vendor, r->request->tenant, r->request->user_id,
                             entry->adapter->user_connection ? entry->adapter->subject_max : 0,
                             r->arena, &c->subject);
}

bool sy_resolve_candidates(struct sy_resolution *r)
{
    struct sy_decision *d = r->ret;

    d->candidates = sy_arena_alloc(r->arena, r->entry_count * sizeof(*d->candidates));
    if (!d->candidates) {
        r->mem_failed = true;
        return false;
    }
    for (unsigned i = 0; i < r->entry_count; i++) {
        int status;
        if (r->entries[i].out != SY_OUT_NOT)
            continue;
        status = fill(r, &r->entries[i], &d->candidates[d->candidate_count]);
        if (status == SY_NOMEM) {
            r->mem_failed = true;
            return false;
        }
        if (status == SY_OK) {
            d->candidate_count++;
            continue;
        }
        r->entries[i].out = SY_OUT_SUBJECT;
        if (d->candidate_count > 0)
            continue;
        sy_refuse_field(r, SY_CAUSE_SUBJECT_TOO_LONG, "/user_id",
                        "tenant and user together are longer than the vendor allows");
        return false;
    }
    return true;
}
