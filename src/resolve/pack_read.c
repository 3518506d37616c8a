/* Packed units into what their readers want to know. */
#include <string.h>

#include "resolve/segment.h"

#define ONES UINT64_C(0x0101010101010101)

static struct sy_str take_vendor(const struct sy_segment *s, const unsigned char **at)
{
    unsigned number = *(*at)++;

    return number == SY_PACK_VENDOR_TEXT ? sy_take_text(at) : s->vendors[number];
}

/* ---- spellings ---- */

uint32_t sy_spelling_named(const struct sy_segment *s, uint32_t spelling)
{
    return spelling - sy_read_24(s->pool.bytes + spelling);
}

enum sy_spelling_class sy_spelling_class(const struct sy_segment *s, uint32_t spelling)
{
    return (enum sy_spelling_class)s->pool.bytes[spelling + 3];
}

struct sy_str sy_spelling_text(const struct sy_segment *s, uint32_t spelling)
{
    const unsigned char *at = s->pool.bytes + spelling;

    return sy_take_spelling(&at);
}

static char fold(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c - 'A' + 'a');
    return c == '-' || c == ' ' ? '_' : c;
}

/* 1 in each byte that is `c`. */
static uint64_t bytes_that_are(uint64_t word, char c)
{
    const uint64_t low = ONES * 0x7f;
    uint64_t differs = word ^ ONES * (unsigned char)c;

    return ~(((differs & low) + low) | differs | low) >> 7;
}

/* The same for eight characters at once. */
static uint64_t fold_word(uint64_t word)
{
    const uint64_t high = ONES * 0x80;
    uint64_t rest = word & ~high;
    uint64_t capital = (rest + ONES * (0x80 - 'A')) & ~(rest + ONES * (0x7f - 'Z')) & ~word & high;

    word ^= bytes_that_are(word, '-') * ('-' ^ '_');
    word ^= bytes_that_are(word, ' ') * (' ' ^ '_');
    return word | capital >> 2;
}

struct sy_str sy_tool_fold(struct sy_str name, char *out)
{
    size_t i = 0;

    for (uint64_t word; i + sizeof(word) <= name.len; i += sizeof(word)) {
        memcpy(&word, name.ptr + i, sizeof(word));
        word = fold_word(word);
        memcpy(out + i, &word, sizeof(word));
    }
    for (; i < name.len; i++)
        out[i] = fold(name.ptr[i]);
    return sy_str_from(out, name.len);
}

bool sy_toolkit_is(struct sy_str spelling, struct sy_str key)
{
    size_t at = 0;

    if (spelling.len == key.len && memcmp(spelling.ptr, key.ptr, key.len) == 0)
        return true;
    for (size_t i = 0; i < spelling.len; i++) {
        char c = spelling.ptr[i];
        if (c == '-' || c == '_' || c == ' ')
            continue;
        if (c >= 'A' && c <= 'Z')
            c = (char)(c - 'A' + 'a');
        if (at == key.len || key.ptr[at++] != c)
            return false;
    }
    return at == key.len;
}

bool sy_tool_is(struct sy_str spelling, struct sy_str key)
{
    if (spelling.len != key.len)
        return false;
    if (memcmp(spelling.ptr, key.ptr, key.len) == 0)
        return true;
    for (size_t i = 0; i < spelling.len; i++) {
        if (fold(spelling.ptr[i]) != key.ptr[i])
            return false;
    }
    return true;
}

/* ---- toolkits and rows ---- */

void sy_toolkit_read(const struct sy_segment *s, uint32_t unit, struct sy_toolkit *ret)
{
    const unsigned char *at = s->pool.bytes + unit;
    unsigned criticality = *at++;

    ret->segment = s;
    ret->has_criticality = criticality != 0;
    ret->criticality = criticality ? (enum sy_criticality)(criticality - 1) : SY_CRITICALITY_LOW;
    ret->row_count = (size_t)sy_take_number(&at);
    ret->alias_count = (size_t)sy_take_number(&at);
    ret->name = sy_take_spelling(&at);
    ret->aliases = at;
    for (size_t i = 0; i < ret->alias_count; i++)
        sy_take_spelling(&at);
    ret->rows = at;
}

void sy_route_take(const struct sy_toolkit *toolkit, const unsigned char **where,
                   struct sy_route *ret)
{
    const unsigned char *at = *where;

    ret->flags = at[0] | (unsigned)at[1] << 8;
    ret->state = (enum sy_row_state)at[2];
    at += 3;
    ret->toolkit = toolkit->name;
    ret->vendor = take_vendor(toolkit->segment, &at);
    ret->version_number = (int64_t)sy_take_number(&at);
    ret->rank = ret->flags & SY_PACK_RANK ? (int64_t)sy_take_number(&at) : 0;
    ret->expires_at_ms = ret->flags & SY_PACK_EXPIRES ? (int64_t)sy_take_number(&at) : 0;
    ret->requested_at_ms = ret->flags & SY_PACK_REQUESTED ? (int64_t)sy_take_number(&at) : 0;
    ret->due_at_ms = ret->flags & SY_PACK_DUE ? (int64_t)sy_take_number(&at) : 0;
    ret->texts = at;
    if (ret->flags & SY_PACK_SLUG)
        sy_take_spelling(&at);
    at += sy_take_number(&at);
    *where = at;
}

static struct sy_str text_if(unsigned flags, enum sy_pack_flag flag, const unsigned char **at)
{
    return flags & (unsigned)flag ? sy_take_text(at) : (struct sy_str){NULL, 0};
}

void sy_route_row(const struct sy_route *route, struct sy_row *ret)
{
    const unsigned char *at = route->texts;
    unsigned flags = route->flags;

    *ret = (struct sy_row){
        .toolkit = route->toolkit,
        .vendor = route->vendor,
        .vendor_slug = flags & SY_PACK_SLUG ? sy_take_spelling(&at) : route->toolkit,
        .state = route->state,
        .has_rank = flags & SY_PACK_RANK,
        .rank = route->rank,
        .auth_none = flags & SY_PACK_AUTH_NONE,
        .requested_at_ms = route->requested_at_ms,
        .due_at_ms = route->due_at_ms,
        .version_number = route->version_number,
        .expires_at_ms = route->expires_at_ms,
    };
    sy_take_number(&at);
    ret->connection = text_if(flags, SY_PACK_CONNECTION, &at);
    ret->auth_config_id = text_if(flags, SY_PACK_AUTH_CONFIG, &at);
    ret->oauth_app_id = text_if(flags, SY_PACK_OAUTH_APP, &at);
    ret->version = flags & SY_PACK_VERSION ? sy_take_text(&at) : SY_STR("latest");
    ret->endpoint = text_if(flags, SY_PACK_ENDPOINT, &at);
    ret->secret = text_if(flags, SY_PACK_SECRET, &at);
    ret->adr = text_if(flags, SY_PACK_ADR, &at);
    ret->issue_url = text_if(flags, SY_PACK_ISSUE, &at);
    ret->tool_prefix = text_if(flags, SY_PACK_PREFIX, &at);
    ret->awaited = text_if(flags, SY_PACK_AWAITED, &at);
}

bool sy_toolkit_row(const struct sy_toolkit *toolkit, size_t index, struct sy_row *ret)
{
    const unsigned char *at = toolkit->rows;
    struct sy_route route;

    if (index >= toolkit->row_count)
        return false;
    for (size_t i = 0; i <= index; i++)
        sy_route_take(toolkit, &at, &route);
    sy_route_row(&route, ret);
    return true;
}

struct sy_str sy_toolkit_alias(const struct sy_toolkit *toolkit, size_t index)
{
    const unsigned char *at = toolkit->aliases;

    for (size_t i = 0; i < index && i < toolkit->alias_count; i++)
        sy_take_spelling(&at);
    return index < toolkit->alias_count ? sy_take_spelling(&at) : (struct sy_str){NULL, 0};
}

/* ---- families and groups ---- */

struct sy_str sy_family_read(const struct sy_segment *s, uint32_t unit, size_t *ret_groups,
                             uint32_t *ret_first)
{
    const unsigned char *at = s->pool.bytes + unit;
    struct sy_str toolkit = sy_take_text(&at);

    *ret_groups = (size_t)sy_take_number(&at);
    *ret_first = (uint32_t)(at - s->pool.bytes);
    return toolkit;
}

uint32_t sy_group_family(const struct sy_segment *s, uint32_t group)
{
    return group - sy_read_24(s->pool.bytes + group);
}

void sy_group_read(const struct sy_segment *s, uint32_t group, struct sy_tool_group *ret)
{
    const unsigned char *family = s->pool.bytes + sy_group_family(s, group);
    const unsigned char *at = s->pool.bytes + group + 4;

    ret->segment = s;
    ret->toolkit = sy_take_text(&family);
    ret->routes = at[-1] & SY_PACK_ROUTES;
    ret->effect = (enum sy_effect)(at[-1] & ~SY_PACK_ROUTES);
    ret->tool = sy_take_spelling(&at);
    ret->map_count = (unsigned)sy_take_number(&at);
    ret->maps = at;
}

void sy_map_take(const struct sy_tool_group *group, const unsigned char **where, struct sy_map *ret)
{
    const unsigned char *at = *where;
    unsigned bits;

    ret->vendor = take_vendor(group->segment, &at);
    bits = *at++;
    ret->match = (enum sy_match)(bits & 3);
    ret->effect = (enum sy_effect)(bits >> 2 & 3);
    ret->how = bits >> 6;
    ret->vendor_tool = ret->how ? group->tool : sy_take_spelling(&at);
    ret->rename_count = (unsigned)sy_take_number(&at);
    ret->renames = at;
    for (unsigned i = 0; i < ret->rename_count; i++) {
        sy_take_text(&at);
        sy_take_text(&at);
    }
    ret->alias_count = (unsigned)sy_take_number(&at);
    ret->aliases = at;
    for (unsigned i = 0; i < ret->alias_count; i++)
        sy_take_spelling(&at);
    *where = at;
}

/* ---- in name order ---- */

static struct sy_str unit_name(const struct sy_segment *s, uint32_t unit, bool family)
{
    struct sy_toolkit toolkit;
    size_t groups;
    uint32_t first;

    if (family)
        return sy_family_read(s, unit, &groups, &first);
    sy_toolkit_read(s, unit, &toolkit);
    return toolkit.name;
}

/* Number of the first unit that is `name` or comes after it. */
static size_t lower_bound(const struct sy_segment *s, struct sy_str name, bool family)
{
    const uint32_t *units = family ? s->families : s->toolkits;
    size_t low = 0, high = family ? s->family_count : s->toolkit_count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (sy_str_cmp(unit_name(s, units[middle], family), name) < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

uint32_t sy_segment_toolkit(const struct sy_segment *s, struct sy_str name)
{
    size_t at = lower_bound(s, name, false);

    return at < s->toolkit_count && sy_str_eq(unit_name(s, s->toolkits[at], false), name)
               ? s->toolkits[at]
               : 0;
}

uint32_t sy_segment_family(const struct sy_segment *s, struct sy_str toolkit)
{
    size_t at = lower_bound(s, toolkit, true);

    return at < s->family_count && sy_str_eq(unit_name(s, s->families[at], true), toolkit)
               ? s->families[at]
               : 0;
}

size_t sy_segment_after(const struct sy_segment *s, struct sy_str name)
{
    size_t at = name.ptr ? lower_bound(s, name, false) : 0;

    if (name.ptr && at < s->toolkit_count && sy_str_eq(unit_name(s, s->toolkits[at], false), name))
        at++;
    return at;
}
