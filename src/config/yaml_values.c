/* Values of nodes, read by what is expected: YAML's own guessing (NO, 012, 1_000) never happens. */
#include "config/yaml.h"

#define NEAR_EDITS 3u

struct sy_yaml *sy_yaml_get(const struct sy_yaml *map, const char *name)
{
    struct sy_str wanted = sy_str_of(name);
    if (!map || map->kind != SY_YAML_MAP)
        return NULL;
    for (struct sy_yaml *at = map->first; at; at = at->next) {
        if (sy_str_eq(at->key->text, wanted))
            return at;
    }
    return NULL;
}

size_t sy_yaml_count(const struct sy_yaml *container)
{
    size_t count = 0;
    if (!container || container->kind == SY_YAML_SCALAR)
        return 0;
    for (const struct sy_yaml *at = container->first; at; at = at->next)
        count++;
    return count;
}

bool sy_yaml_is_null(const struct sy_yaml *node)
{
    if (node->kind != SY_YAML_SCALAR || node->quoted)
        return false;
    return node->text.len == 0 || sy_str_eq(node->text, SY_STR("~")) ||
           sy_str_eq(node->text, SY_STR("null"));
}

bool sy_yaml_expect(const struct sy_yaml *node, enum sy_yaml_kind kind, struct sy_faults *faults)
{
    static const char *const KINDS[] = {
        [SY_YAML_SCALAR] = "a single value",
        [SY_YAML_LIST] = "a list",
        [SY_YAML_MAP] = "a map of keys and values",
    };
    if (node->kind == kind)
        return true;
    sy_fault(faults, node, "expected %s, found %s", KINDS[kind], KINDS[node->kind]);
    return false;
}

bool sy_yaml_text(const struct sy_yaml *node, struct sy_faults *faults, struct sy_str *ret)
{
    if (!sy_yaml_expect(node, SY_YAML_SCALAR, faults))
        return false;
    if (sy_yaml_is_null(node)) {
        sy_fault(faults, node, "expected a text, found nothing");
        return false;
    }
    if (sy_str_has_control(node->text)) {
        sy_fault(faults, node, "a text without line breaks or control characters is expected");
        return false;
    }
    *ret = node->text;
    return true;
}

/* A plain scalar: what numbers and booleans are written as. */
static bool plain(const struct sy_yaml *node, struct sy_faults *faults, const char *expected)
{
    if (node->kind == SY_YAML_SCALAR && !node->quoted)
        return true;
    sy_fault(faults, node, "expected %s%s", expected,
             node->kind == SY_YAML_SCALAR ? " (without quotes)" : "");
    return false;
}

bool sy_yaml_bool(const struct sy_yaml *node, struct sy_faults *faults, bool *ret)
{
    if (!plain(node, faults, "true or false"))
        return false;
    if (sy_str_eq(node->text, SY_STR("true")) || sy_str_eq(node->text, SY_STR("false"))) {
        *ret = node->text.ptr[0] == 't';
        return true;
    }
    sy_fault(faults, node, "expected true or false, found \"%.*s\"",
             SY_FMT(sy_str_head(node->text, 64)));
    return false;
}

bool sy_yaml_i64(const struct sy_yaml *node, struct sy_faults *faults, int64_t *ret)
{
    if (!plain(node, faults, "a whole number"))
        return false;
    if (sy_str_to_i64(node->text, ret))
        return true;
    sy_fault(faults, node, "expected a whole number, found \"%.*s\"",
             SY_FMT(sy_str_head(node->text, 64)));
    return false;
}

struct unit {
    const char *name;
    uint64_t factor;
};

/* "30s" by a table of units; the empty unit is the plain number's. */
static bool with_unit(struct sy_str text, const struct unit *units, size_t count, uint64_t *ret)
{
    size_t digits = 0;
    uint64_t number;

    while (digits < text.len && text.ptr[digits] >= '0' && text.ptr[digits] <= '9')
        digits++;
    if (!sy_str_to_u64(sy_str_head(text, digits), &number))
        return false;
    for (size_t i = 0; i < count; i++) {
        if (!sy_str_eq(sy_str_skip(text, digits), sy_str_of(units[i].name)))
            continue;
        if (number > (uint64_t)INT64_MAX / units[i].factor)
            return false;
        *ret = number * units[i].factor;
        return true;
    }
    return false;
}

bool sy_yaml_duration(const struct sy_yaml *node, struct sy_faults *faults, int64_t *ret_ms)
{
    static const struct unit UNITS[] = {
        {.name = "ms", .factor = 1},       {.name = "s", .factor = 1000},
        {.name = "m", .factor = 60000},    {.name = "h", .factor = 3600000},
        {.name = "d", .factor = 86400000},
    };
    uint64_t ms = 0;

    if (!plain(node, faults, "a duration such as 30s"))
        return false;
    if (!sy_str_eq(node->text, SY_STR("0")) &&
        !with_unit(node->text, UNITS, SY_ARRAY_LEN(UNITS), &ms)) {
        sy_fault(faults, node,
                 "expected a duration such as 250ms, 30s, 5m, 2h or 14d, found \"%.*s\"",
                 SY_FMT(sy_str_head(node->text, 64)));
        return false;
    }
    *ret_ms = (int64_t)ms;
    return true;
}

bool sy_yaml_bytes(const struct sy_yaml *node, struct sy_faults *faults, uint64_t *ret)
{
    static const struct unit UNITS[] = {
        {.name = "", .factor = 1},          {.name = "B", .factor = 1},
        {.name = "KiB", .factor = 1 << 10}, {.name = "MiB", .factor = 1 << 20},
        {.name = "GiB", .factor = 1 << 30},
    };

    if (!plain(node, faults, "a size such as 4MiB"))
        return false;
    if (with_unit(node->text, UNITS, SY_ARRAY_LEN(UNITS), ret))
        return true;
    sy_fault(faults, node, "expected a size such as 4096, 256KiB, 4MiB or 1GiB, found \"%.*s\"",
             SY_FMT(sy_str_head(node->text, 64)));
    return false;
}

const char *sy_yaml_nearest(struct sy_str name, const char *const *known)
{
    const char *best = NULL;
    unsigned best_distance = NEAR_EDITS + 1;

    for (; *known; known++) {
        struct sy_str other = sy_str_of(*known);
        unsigned distance = sy_str_distance(name, other, NEAR_EDITS);
        /* More than half of a short name changed is no likeness. */
        if (distance < best_distance &&
            2 * distance <= (name.len > other.len ? name.len : other.len)) {
            best = *known;
            best_distance = distance;
        }
    }
    return best;
}

static bool is_known(struct sy_str name, const char *const *known)
{
    for (; *known; known++) {
        if (sy_str_eq(name, sy_str_of(*known)))
            return true;
    }
    return false;
}

void sy_yaml_refuse_unknown(const struct sy_yaml *map, const char *const *known,
                            struct sy_faults *faults)
{
    if (map->kind != SY_YAML_MAP)
        return;
    for (const struct sy_yaml *at = map->first; at; at = at->next) {
        const char *near;
        if (is_known(at->key->text, known))
            continue;
        near = sy_yaml_nearest(at->key->text, known);
        sy_fault(faults, at->key, "unknown key \"%.*s\"%s%s%s",
                 SY_FMT(sy_str_head(at->key->text, 64)), near ? " (did you mean \"" : "",
                 near ? near : "", near ? "\"?)" : "");
    }
}
