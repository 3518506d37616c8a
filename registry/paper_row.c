/*
 * One entry: from nodes to a row or a tool map, every fault at its own place.
 */
#include "registry/paper.h"

#include "base/clock.h"

/* Longest list or map inside an entry. */
#define MEMBERS_MAX 512u

static const char *const facts_fields[] = {"aliases", "criticality"};
/* Written for readers of the API; the store's own business when they come back. */
static const char *const ignored_fields[] = {"row_version", "changed_at"};
static const char *const map_fields[] = {"tool",  "toolkit", "vendor",    "vendor_tool",
                                         "match", "effect",  "arguments", "aliases"};

static bool is_word(const char *const *words, size_t count, struct sy_str name)
{
    for (size_t i = 0; i < count; i++)
        if (sy_str_eq(name, sy_str_of(words[i])))
            return true;
    return false;
}

/* ---- values ---- */

static bool is_null(const struct sy_yaml *node)
{
    return node->kind == SY_YAML_SCALAR && !node->quoted &&
           (sy_str_eq(node->text, SY_STR("null")) || sy_str_eq(node->text, SY_STR("~")) ||
            !node->text.len);
}

/* Null and "" are absent. */
static bool read_text(struct sy_paper *paper, const struct sy_yaml *node, struct sy_str *ret)
{
    if (node->kind != SY_YAML_SCALAR || (paper->typed && !node->quoted && !is_null(node))) {
        sy_paper_fault(paper, node, "must be a text");
        return false;
    }
    *ret = is_null(node) || !node->text.len ? (struct sy_str){NULL, 0} : node->text;
    return true;
}

static bool read_rank(struct sy_paper *paper, const struct sy_yaml *node, struct sy_row *row)
{
    if (is_null(node))
        return true;
    row->has_rank = node->kind == SY_YAML_SCALAR && !(paper->typed && node->quoted) &&
                    sy_str_to_i64(node->text, &row->rank);
    if (!row->has_rank)
        sy_paper_fault(paper, node, "must be a whole number");
    return row->has_rank;
}

static bool read_time(struct sy_paper *paper, const struct sy_yaml *node, int64_t *ret)
{
    struct sy_str text;

    if (!read_text(paper, node, &text))
        return false;
    if (!text.ptr || (sy_time_parse(text, ret) && *ret > 0))
        return true;
    sy_paper_fault(paper, node, "must be a date (2026-11-01) or a date and time (RFC 3339)");
    return false;
}

static bool read_pairs(struct sy_paper *paper, const struct sy_yaml *node,
                       struct sy_pair **ret_pairs, size_t *ret_count)
{
    size_t most = sy_yaml_count(node), count = 0;
    struct sy_pair *pairs, *sorted;

    *ret_pairs = NULL;
    *ret_count = 0;
    if (is_null(node))
        return true;
    if (node->kind != SY_YAML_MAP || most > MEMBERS_MAX) {
        sy_paper_fault(paper, node, "must be a map of texts with at most 512 members");
        return false;
    }
    pairs = sy_arena_array(paper->arena, most + 1, sizeof(*pairs));
    if (!pairs)
        return false;
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        if (!read_text(paper, at, &pairs[count].value))
            return false;
        pairs[count].name = at->key->text;
        count += pairs[count].value.ptr != NULL;
    }
    sorted = sy_pairs_copy(paper->arena, pairs, count);
    *ret_pairs = sorted;
    *ret_count = sorted ? count : 0;
    return true;
}

static bool read_names(struct sy_paper *paper, const struct sy_yaml *node,
                       struct sy_str **ret_names, size_t *ret_count)
{
    size_t most = sy_yaml_count(node), count = 0;
    struct sy_str *names;

    *ret_names = NULL;
    *ret_count = 0;
    if (is_null(node))
        return true;
    if (node->kind != SY_YAML_LIST || most > MEMBERS_MAX) {
        sy_paper_fault(paper, node, "must be a list of names with at most 512 members");
        return false;
    }
    names = sy_arena_array(paper->arena, most + 1, sizeof(*names));
    if (!names)
        return false;
    for (const struct sy_yaml *at = node->first; at; at = at->next) {
        if (!read_text(paper, at, &names[count]))
            return false;
        count += names[count].ptr != NULL;
    }
    *ret_names = names;
    *ret_count = count;
    return true;
}

/* ---- rows ---- */

static bool read_state(struct sy_paper *paper, const struct sy_yaml *node, struct sy_row *row)
{
    struct sy_str text;

    if (!read_text(paper, node, &text))
        return false;
    if (text.ptr && sy_row_state_from_name(text, &row->state))
        return true;
    sy_paper_fault(paper, node, "must be LIVE, DISCOVERED, DEPRECATED, BLOCKED or PENDING-NATIVE");
    return false;
}

static bool read_auth(struct sy_paper *paper, const struct sy_yaml *node, struct sy_row *row)
{
    struct sy_str text;

    if (!read_text(paper, node, &text))
        return false;
    row->auth_none = sy_str_eq_nocase(text, SY_STR("none"));
    if (row->auth_none || !text.ptr)
        return true;
    sy_paper_fault(paper, node, "can only be none: left out, the vendor's connection is used");
    return false;
}

static bool read_vendor(struct sy_paper *paper, const struct sy_yaml *node, struct sy_str *ret)
{
    struct sy_str text, name;

    if (!read_text(paper, node, &text))
        return false;
    name = text.ptr ? sy_vendor_name_parse(text) : text;
    *ret = name.ptr ? name : text;
    return true;
}

static bool read_row_pairs(struct sy_paper *paper, const struct sy_yaml *node,
                           enum sy_row_field_id field, struct sy_row *row)
{
    struct sy_pair *pairs;
    size_t count;

    if (!read_pairs(paper, node, &pairs, &count))
        return false;
    sy_row_set_pairs(row, field, pairs, count);
    return true;
}

static bool read_row_field(struct sy_paper *paper, const struct sy_yaml *node,
                           enum sy_row_field_id field, struct sy_row *row)
{
    switch (sy_row_fields[field].kind) {
    case SY_FIELD_KIND_TEXT:
        return read_text(paper, node, sy_row_text_at(row, field));
    case SY_FIELD_KIND_VENDOR:
        return read_vendor(paper, node, sy_row_text_at(row, field));
    case SY_FIELD_KIND_STATE:
        return read_state(paper, node, row);
    case SY_FIELD_KIND_RANK:
        return read_rank(paper, node, row);
    case SY_FIELD_KIND_AUTH:
        return read_auth(paper, node, row);
    case SY_FIELD_KIND_TIME:
        return read_time(paper, node, sy_row_time_at(row, field));
    case SY_FIELD_KIND_PAIRS:
        return read_row_pairs(paper, node, field, row);
    }
    return false;
}

static bool read_criticality(struct sy_paper *paper, const struct sy_yaml *node,
                             struct sy_toolkit_facts *facts)
{
    struct sy_str text;

    if (!read_text(paper, node, &text))
        return false;
    if (!text.ptr)
        return true;
    facts->has_criticality = sy_criticality_from_name(text, &facts->criticality);
    if (!facts->has_criticality)
        sy_paper_fault(paper, node, "must be low, medium or high");
    return facts->has_criticality;
}

static bool read_fact(struct sy_paper *paper, const struct sy_yaml *node, struct sy_read_row *ret)
{
    struct sy_str *aliases;

    if (!sy_str_eq(node->key->text, SY_STR("aliases")))
        return read_criticality(paper, node, &ret->facts);
    if (!read_names(paper, node, &aliases, &ret->facts.alias_count))
        return false;
    ret->facts.aliases = aliases;
    ret->has_aliases = !is_null(node);
    return true;
}

static void fault_unknown(struct sy_paper *paper, const struct sy_yaml *node)
{
    const char *nearest = NULL;
    unsigned best = 3;

    for (int i = 0; i < SY_FIELD_COUNT; i++) {
        unsigned distance =
            sy_str_distance(node->key->text, sy_str_of(sy_row_fields[i].name), best);
        if (distance < best) {
            best = distance;
            nearest = sy_row_fields[i].name;
        }
    }
    if (nearest)
        sy_paper_fault(paper, node, "is no field of a row (did you mean %s?)", nearest);
    else
        sy_paper_fault(paper, node, "is no field of a row (keep further columns under extra)");
}

static bool read_row_member(struct sy_paper *paper, const struct sy_yaml *node,
                            struct sy_read_row *ret, bool *has_state)
{
    struct sy_str name = node->key->text;

    for (int i = 0; i < SY_FIELD_COUNT; i++)
        if (sy_str_eq(name, sy_str_of(sy_row_fields[i].name))) {
            *has_state |= i == SY_FIELD_status;
            return read_row_field(paper, node, (enum sy_row_field_id)i, &ret->row);
        }
    if (is_word(facts_fields, SY_ARRAY_LEN(facts_fields), name))
        return read_fact(paper, node, ret);
    if (is_word(ignored_fields, SY_ARRAY_LEN(ignored_fields), name))
        return true;
    fault_unknown(paper, node);
    return false;
}

/* A PENDING-NATIVE row's vendor is `pending`; a vendor named there is the one it waits for. */
static void settle_vendor(struct sy_row *row)
{
    if (row->state != SY_ROW_PENDING_NATIVE)
        return;
    if (row->vendor.ptr && !sy_str_eq(row->vendor, SY_STR("pending")) && !row->awaited.ptr)
        row->awaited = row->vendor;
    row->vendor = SY_STR("pending");
}

struct place {
    struct sy_paper *paper;
    const struct sy_yaml *node;
};

static void report_rule(void *ctx, const char *field, const char *what)
{
    const struct place *place = ctx;
    const struct sy_yaml *member = sy_yaml_get(place->node, field);

    if (member)
        sy_paper_fault(place->paper, member, "%s", what);
    else
        sy_paper_fault(place->paper, place->node, "%s: %s", field, what);
}

bool sy_paper_row(struct sy_paper *paper, const struct sy_yaml *node, struct sy_str toolkit,
                  struct sy_read_row *ret)
{
    struct place place = {paper, node};
    unsigned before = paper->errors;
    bool has_state = false;

    *ret = (struct sy_read_row){.node = node};
    if (node->kind != SY_YAML_MAP) {
        sy_paper_fault(paper, node, "must be a map: one row of the registry");
        return false;
    }
    for (const struct sy_yaml *at = node->first; at; at = at->next)
        (void)read_row_member(paper, at, ret, &has_state);
    if (paper->errors != before)
        return false;
    if (!has_state)
        sy_paper_fault(paper, node, "status: is missing");
    if (!ret->row.toolkit.ptr)
        ret->row.toolkit = toolkit;
    settle_vendor(&ret->row);
    sy_row_rules(&ret->row, report_rule, &place);
    sy_facts_rules(&ret->facts, report_rule, &place);
    if (paper->errors != before)
        return false;
    ret->row = sy_row_copy(paper->arena, &ret->row);
    ret->facts.toolkit = ret->row.toolkit;
    return !paper->arena->failed;
}

/* ---- tool maps ---- */

static bool read_match(struct sy_paper *paper, const struct sy_yaml *node, struct sy_tool_map *map)
{
    struct sy_str text;

    if (!read_text(paper, node, &text))
        return false;
    if (text.ptr && sy_match_from_name(text, &map->match))
        return true;
    sy_paper_fault(paper, node, "must be exact, reviewed or candidate");
    return false;
}

static bool read_effect(struct sy_paper *paper, const struct sy_yaml *node, struct sy_tool_map *map)
{
    struct sy_str text;

    if (!read_text(paper, node, &text))
        return false;
    if (!text.ptr || sy_effect_from_name(text, &map->effect))
        return true;
    sy_paper_fault(paper, node, "must be read, write or destructive");
    return false;
}

static bool read_map_member(struct sy_paper *paper, const struct sy_yaml *node,
                            struct sy_tool_map *map)
{
    struct sy_str name = node->key->text;
    struct sy_pair *renames;
    struct sy_str *aliases;
    bool ok;

    if (sy_str_eq(name, SY_STR("tool")))
        return read_text(paper, node, &map->tool);
    if (sy_str_eq(name, SY_STR("toolkit")))
        return read_text(paper, node, &map->toolkit);
    if (sy_str_eq(name, SY_STR("vendor")))
        return read_vendor(paper, node, &map->vendor);
    if (sy_str_eq(name, SY_STR("vendor_tool")))
        return read_text(paper, node, &map->vendor_tool);
    if (sy_str_eq(name, SY_STR("match")))
        return read_match(paper, node, map);
    if (sy_str_eq(name, SY_STR("effect")))
        return read_effect(paper, node, map);
    if (sy_str_eq(name, SY_STR("arguments"))) {
        ok = read_pairs(paper, node, &renames, &map->rename_count);
        map->renames = renames;
        return ok;
    }
    if (sy_str_eq(name, SY_STR("aliases"))) {
        ok = read_names(paper, node, &aliases, &map->alias_count);
        map->aliases = aliases;
        return ok;
    }
    sy_paper_fault(paper, node, "is no field of a tool map row");
    return false;
}

bool sy_paper_map(struct sy_paper *paper, const struct sy_yaml *node, struct sy_read_map *ret)
{
    struct place place = {paper, node};
    unsigned before = paper->errors;

    *ret = (struct sy_read_map){.map = {.match = SY_MATCH_CANDIDATE}, .node = node};
    for (const struct sy_yaml *at = node->first; at; at = at->next)
        (void)read_map_member(paper, at, &ret->map);
    if (paper->errors != before)
        return false;
    for (size_t i = 0; i < 5; i++)
        if (!sy_yaml_get(node, map_fields[i]))
            sy_paper_fault(paper, node, "%s: is missing", map_fields[i]);
    if (paper->errors == before)
        sy_map_rules(&ret->map, report_rule, &place);
    if (paper->errors != before)
        return false;
    ret->map = sy_map_copy(paper->arena, &ret->map);
    return !paper->arena->failed;
}
