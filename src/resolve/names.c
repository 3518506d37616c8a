/*
 * What the caller means: a tool's name into toolkit and action.
 *
 * Alias and map rows first; else the longest run of leading whole segments that is a known toolkit.
 * An explicit toolkit settles it. One pass hashes every run; each look-up is one probe.
 */
#include <string.h>

#include "resolve/internal.h"

#define PREFETCH_MAX 6u /* runs; toolkits' names have few segments */

/* A name cut at its '_' and '-', and folded. */
struct cut {
    struct sy_str name;
    uint64_t folded_hash;
    char folded[SY_NAME_MAX];
    char normal[SY_NAME_MAX];
    unsigned count;
    struct {
        uint64_t hash;       /* of the run before the separator, normalised */
        unsigned char from;  /* where the rest begins */
        unsigned char until; /* length of the run, normalised */
    } runs[SY_NAME_MAX];
};

static void cut_name(struct cut *cut, struct sy_str name)
{
    uint64_t hash = SY_INDEX_SEED;
    unsigned len = 0, count = 0;

    sy_tool_fold(name, cut->folded);
    for (size_t i = 0; i < name.len; i++) {
        char c = cut->folded[i];
        if (c != '_') {
            cut->normal[len++] = c;
            hash = sy_index_hash_byte(hash, c);
        } else if (len > 0 && i + 1 < name.len) {
            cut->runs[count].hash = hash;
            cut->runs[count].from = (unsigned char)(i + 1);
            cut->runs[count++].until = (unsigned char)len;
        }
    }
    cut->name = name;
    cut->count = count;
    cut->folded_hash = sy_index_hash_whole(sy_str_from(cut->folded, name.len));
}

static struct sy_str folded_name(const struct cut *cut)
{
    return sy_str_from(cut->folded, cut->name.len);
}

static struct sy_toolkit_key run_key(const struct cut *cut, unsigned run)
{
    return (struct sy_toolkit_key){.normal = sy_str_from(cut->normal, cut->runs[run].until),
                                   .written = sy_str_from(cut->folded, cut->runs[run].from - 1u),
                                   .hash = cut->runs[run].hash};
}

/* In a large registry nothing of a name is in a cache: all look-ups wait together. */
static void prefetch(const struct sy_snapshot *s, const struct cut *cut)
{
    unsigned count = cut->count < PREFETCH_MAX ? cut->count : PREFETCH_MAX;

    sy_snapshot_prefetch_group(s, cut->folded_hash);
    for (unsigned i = 0; i < count; i++)
        sy_snapshot_prefetch_toolkit(s, cut->runs[i].hash);
    sy_snapshot_prefetch_group_unit(s, cut->folded_hash);
    for (unsigned i = 0; i < count; i++)
        sy_snapshot_prefetch_toolkit_unit(s, cut->runs[i].hash);
}

/* The longest run, from `first` on, that names a toolkit (`only` that one, if given); *ret_action
 * is the rest. */
static bool longest_run(const struct sy_snapshot *s, const struct cut *cut, unsigned first,
                        const struct sy_toolkit *only, struct sy_toolkit *ret,
                        struct sy_str *ret_action)
{
    for (unsigned i = cut->count; i-- > first;) {
        struct sy_toolkit_key key = run_key(cut, i);
        if (!sy_snapshot_toolkit_keyed(s, &key, ret) || (only && !sy_toolkit_same(ret, only)))
            continue;
        *ret_action = sy_str_skip(cut->name, cut->runs[i].from);
        return true;
    }
    return false;
}

static struct sy_str folded_copy(struct sy_resolution *r, struct sy_str text)
{
    char *to = sy_arena_alloc(r->arena, text.len + 1);
    if (!to) {
        r->mem_failed = true;
        return (struct sy_str){NULL, 0};
    }
    return sy_tool_fold(text, to);
}

/* "{toolkit}_{action}" folded, in `out` of 2 * SY_NAME_MAX + 1 bytes. */
static struct sy_str compose(struct sy_str toolkit, struct sy_str action, char *out)
{
    size_t len = toolkit.len;

    if (toolkit.len + action.len > 2 * SY_NAME_MAX)
        return (struct sy_str){NULL, 0};
    sy_tool_fold(toolkit, out);
    out[len++] = '_';
    sy_tool_fold(action, out + len);
    return sy_str_from(out, len + action.len);
}

static bool routing_group(const struct sy_resolution *r, struct sy_str folded,
                          struct sy_tool_group *ret)
{
    return folded.len > 0 && sy_snapshot_group(r->snapshot, folded, ret) && ret->routes;
}

/* A group that routes, and whose toolkit is this one. */
static bool group_of(const struct sy_resolution *r, struct sy_str folded,
                     const struct sy_toolkit *toolkit, struct sy_tool_group *ret)
{
    struct sy_toolkit its;

    return routing_group(r, folded, ret) && sy_snapshot_toolkit(r->snapshot, ret->toolkit, &its) &&
           sy_toolkit_same(&its, toolkit);
}

/* A map row found under the toolkit's own name or one of its vendors' slugs. `looked_up`: a folded
 * name that has been asked for, in vain. */
static bool group_by_action(const struct sy_resolution *r, const struct sy_toolkit *toolkit,
                            struct sy_str action, struct sy_str looked_up,
                            struct sy_tool_group *ret)
{
    char text[2 * SY_NAME_MAX + 1];
    struct sy_str name = compose(toolkit->name, action, text);
    const unsigned char *at = toolkit->rows;

    if (!sy_str_eq(name, looked_up) && group_of(r, name, toolkit, ret))
        return true;
    for (size_t i = 0; i < toolkit->row_count; i++) {
        const unsigned char *slug;
        struct sy_route route;
        sy_route_take(toolkit, &at, &route);
        slug = route.texts;
        if (!(route.flags & SY_PACK_SLUG))
            continue;
        name = compose(sy_take_spelling(&slug), action, text);
        if (!sy_str_eq(name, looked_up) && group_of(r, name, toolkit, ret))
            return true;
    }
    return false;
}

static bool key_is(const struct cut *cut, unsigned run, struct sy_str toolkit)
{
    struct sy_toolkit_key key = run_key(cut, run);

    return sy_str_eq(toolkit, key.written) || sy_toolkit_is(toolkit, key.normal);
}

/* The toolkit of a group whose tool was cut, and what of the tool its longest name leaves. */
static bool toolkit_of(const struct sy_resolution *r, const struct sy_tool_group *group,
                       const struct cut *cut, struct sy_toolkit *ret, struct sy_str *ret_action)
{
    struct sy_toolkit longer;
    unsigned own = 0;

    while (own < cut->count && !key_is(cut, own, group->toolkit))
        own++;
    if (own < cut->count) { /* as a rule */
        struct sy_toolkit_key key = run_key(cut, own);
        if (!sy_snapshot_toolkit_keyed(r->snapshot, &key, ret))
            return false;
        *ret_action = sy_str_skip(cut->name, cut->runs[own].from);
    } else if (!sy_snapshot_toolkit(r->snapshot, group->toolkit, ret)) {
        return false;
    }
    longest_run(r->snapshot, cut, own < cut->count ? own + 1 : 0, ret, &longer, ret_action);
    return true;
}

/* r->group is set. `asked` is the request's tool. */
static void take_group(struct sy_resolution *r, const struct cut *asked)
{
    const struct sy_tool_group *group = &r->group;
    const struct cut *cut = asked;
    struct sy_str action = group->tool;
    struct cut other;

    r->mapped = true;
    if (group->tool.len > SY_NAME_MAX) {
        r->listed = sy_snapshot_toolkit(r->snapshot, group->toolkit, &r->toolkit);
    } else {
        if (!sy_str_eq(folded_name(asked), group->tool)) {
            cut_name(&other, group->tool);
            cut = &other;
        }
        r->listed = toolkit_of(r, group, cut, &r->toolkit, &action);
    }
    r->ret->toolkit = sy_arena_copy(r->arena, r->listed ? r->toolkit.name : group->toolkit);
    r->ret->tool = sy_arena_copy(r->arena, group->tool);
    r->ret->effect = group->effect;
    r->guess = r->ret->toolkit;
    /* What is left stands at the end of the copy, too. */
    if (r->listed && r->ret->tool.ptr)
        r->ret->action = sy_str_skip(r->ret->tool, group->tool.len - action.len);
}

static void take_action(struct sy_resolution *r, struct sy_str action)
{
    char text[2 * SY_NAME_MAX + 1];

    r->ret->toolkit = sy_arena_copy(r->arena, r->toolkit.name);
    r->ret->tool = sy_arena_copy(r->arena, compose(r->toolkit.name, action, text));
    if (r->ret->tool.ptr)
        r->ret->action = sy_str_skip(r->ret->tool, r->ret->tool.len - action.len);
    else
        r->ret->action = folded_copy(r, action);
}

/* Offset of the first `c` that is no leading separator (some slugs begin with '_'), or -1. */
static size_t separator(struct sy_str name, char c)
{
    size_t from = 0, found;

    while (from < name.len && (name.ptr[from] == '_' || name.ptr[from] == '-'))
        from++;
    found = sy_str_find_char(sy_str_skip(name, from), c);
    return found == (size_t)-1 ? found : from + found;
}

/*
 * An unknown name's toolkit can only be guessed: Pipedream's names end it at their first '-' where
 * they have '_', too; else it is the first segment.
 */
static void guess(struct sy_resolution *r, struct sy_str toolkit)
{
    struct sy_str name = r->request->tool, action = name;
    size_t dash = separator(name, '-'), line = separator(name, '_');
    size_t end = dash != (size_t)-1 ? dash : line;

    if (toolkit.len == 0) {
        toolkit = end == (size_t)-1 ? name : sy_str_head(name, end);
        action = end == (size_t)-1 ? SY_STR("") : sy_str_skip(name, end + 1);
    } else if (name.len > toolkit.len &&
               sy_str_eq_nocase(sy_str_head(name, toolkit.len), toolkit) &&
               (name.ptr[toolkit.len] == '_' || name.ptr[toolkit.len] == '-')) {
        action = sy_str_skip(name, toolkit.len + 1);
    }
    r->guess = folded_copy(r, toolkit);
    r->ret->toolkit = r->guess;
    if (name.len == 0)
        return;
    r->ret->tool = folded_copy(r, name);
    r->ret->action = folded_copy(r, action);
}

static void name_with_toolkit(struct sy_resolution *r)
{
    struct sy_str action = r->request->tool;
    struct sy_toolkit found;
    struct cut cut;

    r->listed = sy_snapshot_toolkit(r->snapshot, r->request->toolkit, &r->toolkit);
    if (!r->listed) {
        guess(r, r->request->toolkit);
        return;
    }
    if (r->request->tool.len == 0) {
        r->ret->toolkit = sy_arena_copy(r->arena, r->toolkit.name);
        return;
    }
    cut_name(&cut, r->request->tool);
    longest_run(r->snapshot, &cut, 0, &r->toolkit, &found, &action);
    if (group_of(r, folded_name(&cut), &r->toolkit, &r->group) ||
        group_by_action(r, &r->toolkit, action, folded_name(&cut), &r->group))
        take_group(r, &cut);
    else
        take_action(r, action);
}

void sy_resolve_name(struct sy_resolution *r)
{
    struct sy_str action = {NULL, 0};
    struct cut cut;

    if (r->request->toolkit.len > 0) {
        name_with_toolkit(r);
        return;
    }
    cut_name(&cut, r->request->tool);
    prefetch(r->snapshot, &cut);
    if (sy_snapshot_group_hashed(r->snapshot, folded_name(&cut), cut.folded_hash, &r->group) &&
        r->group.routes) {
        take_group(r, &cut);
        return;
    }
    r->listed = longest_run(r->snapshot, &cut, 0, NULL, &r->toolkit, &action);
    if (r->listed) {
        if (group_by_action(r, &r->toolkit, action, folded_name(&cut), &r->group))
            take_group(r, &cut);
        else
            take_action(r, action);
        return;
    }
    r->listed = sy_snapshot_toolkit(r->snapshot, r->request->tool, &r->toolkit);
    if (r->listed)
        r->ret->toolkit = sy_arena_copy(r->arena, r->toolkit.name);
    else
        guess(r, (struct sy_str){NULL, 0});
}
