/*
 * What the caller means: a tool's name into toolkit and action.
 *
 * Alias and map rows first; else the longest run of leading whole segments that is a known toolkit.
 * An explicit toolkit settles it. One pass hashes every run; each look-up is one probe.
 */
#include <string.h>

#include "resolve/internal.h"

/* A name cut at its '_' and '-'. */
struct cut {
    struct sy_str name;
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
    unsigned len = 0;

    cut->name = name;
    cut->count = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '_' || c == '-') {
            if (len > 0 && i + 1 < name.len) {
                cut->runs[cut->count].hash = hash;
                cut->runs[cut->count].from = (unsigned char)(i + 1);
                cut->runs[cut->count++].until = (unsigned char)len;
            }
            continue;
        }
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        cut->normal[len++] = c;
        hash = sy_index_hash_byte(hash, c);
    }
}

/* The longest run that names a toolkit (`only` that one, if given); *ret_action is the rest. */
static bool longest_run(const struct sy_snapshot *s, const struct cut *cut,
                        const struct sy_toolkit *only, struct sy_toolkit *ret,
                        struct sy_str *ret_action)
{
    for (unsigned i = cut->count; i-- > 0;) {
        struct sy_str key = sy_str_from(cut->normal, cut->runs[i].until);
        if (!sy_snapshot_toolkit_hashed(s, key, cut->runs[i].hash, ret) ||
            (only && !sy_toolkit_same(ret, only)))
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

/* A map row found under the toolkit's own name or one of its vendors' slugs. */
static bool group_by_action(const struct sy_resolution *r, const struct sy_toolkit *toolkit,
                            struct sy_str action, struct sy_tool_group *ret)
{
    char text[2 * SY_NAME_MAX + 1];
    const unsigned char *at = toolkit->rows;

    if (group_of(r, compose(toolkit->name, action, text), toolkit, ret))
        return true;
    for (size_t i = 0; i < toolkit->row_count; i++) {
        const unsigned char *slug;
        struct sy_route route;
        sy_route_take(toolkit, &at, &route);
        slug = route.texts;
        if ((route.flags & SY_PACK_SLUG) &&
            group_of(r, compose(sy_take_spelling(&slug), action, text), toolkit, ret))
            return true;
    }
    return false;
}

/* The tool's name without its toolkit: by segments, else all of it. */
static struct sy_str action_of(const struct sy_resolution *r, struct sy_str tool,
                               const struct sy_toolkit *toolkit)
{
    struct sy_str action = tool;
    struct sy_toolkit found;
    struct cut cut;

    if (tool.len > SY_NAME_MAX)
        return tool;
    cut_name(&cut, tool);
    longest_run(r->snapshot, &cut, toolkit, &found, &action);
    return action;
}

/* r->group is set. */
static void take_group(struct sy_resolution *r)
{
    const struct sy_tool_group *group = &r->group;

    r->mapped = true;
    r->listed = sy_snapshot_toolkit(r->snapshot, group->toolkit, &r->toolkit);
    r->ret->toolkit = sy_arena_copy(r->arena, r->listed ? r->toolkit.name : group->toolkit);
    r->ret->tool = sy_arena_copy(r->arena, group->tool);
    r->ret->effect = group->effect;
    r->guess = r->ret->toolkit;
    if (r->listed)
        r->ret->action = sy_arena_copy(r->arena, action_of(r, group->tool, &r->toolkit));
}

static void take_action(struct sy_resolution *r, struct sy_str action)
{
    char text[2 * SY_NAME_MAX + 1];

    r->ret->toolkit = sy_arena_copy(r->arena, r->toolkit.name);
    r->ret->action = folded_copy(r, action);
    r->ret->tool = sy_arena_copy(r->arena, compose(r->toolkit.name, action, text));
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
    char folded[SY_NAME_MAX];
    struct sy_str action;

    r->listed = sy_snapshot_toolkit(r->snapshot, r->request->toolkit, &r->toolkit);
    if (!r->listed) {
        guess(r, r->request->toolkit);
        return;
    }
    if (r->request->tool.len == 0) {
        r->ret->toolkit = sy_arena_copy(r->arena, r->toolkit.name);
        return;
    }
    action = action_of(r, r->request->tool, &r->toolkit);
    if (group_of(r, sy_tool_fold(r->request->tool, folded), &r->toolkit, &r->group) ||
        group_by_action(r, &r->toolkit, action, &r->group))
        take_group(r);
    else
        take_action(r, action);
}

void sy_resolve_name(struct sy_resolution *r)
{
    char folded[SY_NAME_MAX];
    struct sy_str action = {NULL, 0};
    struct cut cut;

    if (r->request->toolkit.len > 0) {
        name_with_toolkit(r);
        return;
    }
    if (routing_group(r, sy_tool_fold(r->request->tool, folded), &r->group)) {
        take_group(r);
        return;
    }
    cut_name(&cut, r->request->tool);
    r->listed = longest_run(r->snapshot, &cut, NULL, &r->toolkit, &action);
    if (r->listed) {
        if (group_by_action(r, &r->toolkit, action, &r->group))
            take_group(r);
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
