#include "contract/registry.h"

#include "base/buf.h"

static const struct {
    const char *name;
    bool routes;
} ROW_STATES[SY_ROW_STATE_COUNT] = {
#define SY_ROW_STATE(id, text, routing, meaning)                                                   \
    [SY_ROW_##id] = {.name = (text), .routes = routing},
#include "contract/row_state.def"
#undef SY_ROW_STATE
};

static const char *const CRITICALITIES[] = {
    [SY_CRITICALITY_LOW] = "low",
    [SY_CRITICALITY_MEDIUM] = "medium",
    [SY_CRITICALITY_HIGH] = "high",
};

static const char *const MATCHES[] = {
    [SY_MATCH_EXACT] = "exact",
    [SY_MATCH_REVIEWED] = "reviewed",
    [SY_MATCH_CANDIDATE] = "candidate",
};

static const struct {
    const char *name;
    enum sy_scope scope;
} SCOPES[] = {
    {.name = "call", .scope = SY_SCOPE_CALL},
    {.name = "connect", .scope = SY_SCOPE_CONNECT},
    {.name = "registry", .scope = SY_SCOPE_REGISTRY},
    {.name = "admin", .scope = SY_SCOPE_ADMIN},
};

/* Index of `name` in `names` whatever its case, or -1. */
static int index_nocase(const char *const *names, size_t count, struct sy_str name)
{
    for (size_t i = 0; i < count; i++) {
        if (sy_str_eq_nocase(sy_str_of(names[i]), name))
            return (int)i;
    }
    return -1;
}

const char *sy_row_state_name(enum sy_row_state state)
{
    return ROW_STATES[state].name;
}

static bool state_name_eq(struct sy_str known, struct sy_str given)
{
    if (known.len != given.len)
        return false;
    for (size_t i = 0; i < known.len; i++) {
        char c = given.ptr[i];
        if (c == '_')
            c = '-';
        if (c >= 'a' && c <= 'z')
            c = (char)(c - 'a' + 'A');
        if (c != known.ptr[i])
            return false;
    }
    return true;
}

bool sy_row_state_from_name(struct sy_str name, enum sy_row_state *ret_state)
{
    for (size_t i = 0; i < SY_ROW_STATE_COUNT; i++) {
        if (state_name_eq(sy_str_of(ROW_STATES[i].name), name)) {
            *ret_state = (enum sy_row_state)i;
            return true;
        }
    }
    return false;
}

bool sy_row_state_routes(enum sy_row_state state)
{
    return ROW_STATES[state].routes;
}

const char *sy_criticality_name(enum sy_criticality criticality)
{
    return CRITICALITIES[criticality];
}

bool sy_criticality_from_name(struct sy_str name, enum sy_criticality *ret)
{
    int found = index_nocase(CRITICALITIES, SY_ARRAY_LEN(CRITICALITIES), name);
    if (found >= 0)
        *ret = (enum sy_criticality)found;
    return found >= 0;
}

const char *sy_match_name(enum sy_match match)
{
    return MATCHES[match];
}

bool sy_match_from_name(struct sy_str name, enum sy_match *ret)
{
    int found = index_nocase(MATCHES, SY_ARRAY_LEN(MATCHES), name);
    if (found >= 0)
        *ret = (enum sy_match)found;
    return found >= 0;
}

static bool scope_from_name(struct sy_str name, unsigned *scopes)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(SCOPES); i++) {
        if (sy_str_eq(sy_str_of(SCOPES[i].name), name)) {
            *scopes |= (unsigned)SCOPES[i].scope;
            return true;
        }
    }
    return false;
}

bool sy_scopes_parse(struct sy_str list, unsigned *ret_scopes)
{
    unsigned scopes = 0;
    struct sy_str part;
    while (sy_str_split(&list, ',', &part)) {
        if (!scope_from_name(sy_str_trim(part), &scopes))
            return false;
    }
    if (scopes == 0)
        return false;
    *ret_scopes = scopes;
    return true;
}

void sy_scopes_write(struct sy_buf *out, unsigned scopes)
{
    bool first = true;
    for (size_t i = 0; i < SY_ARRAY_LEN(SCOPES); i++) {
        if (!(scopes & (unsigned)SCOPES[i].scope))
            continue;
        if (!first)
            sy_buf_append_char(out, ',');
        sy_buf_append_z(out, SCOPES[i].name);
        first = false;
    }
}

struct sy_str sy_name_normalise(struct sy_str name, char *out)
{
    size_t len = 0;
    for (size_t i = 0; i < name.len; i++) {
        char c = name.ptr[i];
        if (c == '-' || c == '_' || c == ' ')
            continue;
        out[len++] = c >= 'A' && c <= 'Z' ? (char)(c - 'A' + 'a') : c;
    }
    return sy_str_from(out, len);
}

static bool is_lower_or_digit(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

/* Letters, which most bytes are, are asked for first. */
static bool is_name_byte(unsigned char c)
{
    return (unsigned)(c | 0x20) - 'a' < 26 || (unsigned)c - '0' < 10 || c == '_' || c == '.' ||
           c == '-';
}

bool sy_name_is_valid(struct sy_str name)
{
    char first, last;

    if (name.len == 0 || name.len > SY_NAME_MAX)
        return false;
    first = name.ptr[0];
    last = name.ptr[name.len - 1];
    if (first == '.' || first == '-' || last == '.' || last == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_name_byte((unsigned char)name.ptr[i]))
            return false;
    }
    return true;
}

bool sy_tenant_name_is_valid(struct sy_str name)
{
    if (name.len == 0 || name.len > 32 || name.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (!is_lower_or_digit(name.ptr[i]) && name.ptr[i] != '-')
            return false;
    }
    return true;
}

bool sy_user_id_is_valid(struct sy_str user)
{
    if (user.len == 0 || user.len > 200 || !sy_str_is_utf8(user))
        return false;
    for (size_t i = 0; i < user.len; i++) {
        unsigned char c = (unsigned char)user.ptr[i];
        /* U+0080..U+009F are control characters, too; in UTF-8 they begin with C2. */
        bool c1 = c == 0xc2 && i + 1 < user.len && (unsigned char)user.ptr[i + 1] < 0xa0;
        if (c < 0x20 || c == 0x7f || c == ',' || c1)
            return false;
    }
    return true;
}
