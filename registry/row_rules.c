/*
 * Every rule a row, a toolkit's facts and a tool map must keep, in one place: import shows all that
 * are broken, the stores refuse at the first.
 */
#include "registry/row.h"

#include <stdio.h>
#include <string.h>

#include "registry/registry.h"

/* Longest host name, and longest URL a row may hold. */
#define HOST_MAX 253u

struct rules {
    sy_rule_fn *fn;
    void *ctx;
};

static void broken(const struct rules *rules, const char *field, const char *what)
{
    rules->fn(rules->ctx, field, what);
}

/* ---- text ---- */

static bool has_bad_control(struct sy_str text, bool lines)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && !(lines && (c == '\n' || c == '\t'))) || c == 0x7f)
            return true;
    }
    return false;
}

static const char *text_fault(struct sy_str text, size_t max, bool lines)
{
    if (text.len > max)
        return lines ? "is longer than 4,096 bytes" : "is longer than 512 bytes";
    if (!sy_str_is_utf8(text))
        return "is not UTF-8";
    if (has_bad_control(text, lines))
        return "holds a control character";
    return NULL;
}

static bool is_reference(struct sy_str text)
{
    static const char *const schemes[] = {"env:", "file:", "infisical:", "literal:"};

    for (size_t i = 0; i < SY_ARRAY_LEN(schemes); i++)
        if (sy_str_eq_nocase(sy_str_head(text, strlen(schemes[i])), sy_str_of(schemes[i])))
            return true;
    return false;
}

/* ---- URLs ---- */

static bool is_host_char(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
           c == '.' || c == '_';
}

/* "[::1]:80" -> length of the part up to and with ']', 0 if that is no address. */
static size_t bracket_length(struct sy_str authority)
{
    size_t end = sy_str_find_char(authority, ']');

    if (end == (size_t)-1 || end < 3)
        return 0;
    for (size_t i = 1; i < end; i++)
        if (!strchr("0123456789abcdefABCDEF:.", authority.ptr[i]))
            return 0;
    return end + 1;
}

static bool port_is_good(struct sy_str rest)
{
    uint64_t port;

    if (!rest.len)
        return true;
    return rest.ptr[0] == ':' && sy_str_to_u64(sy_str_skip(rest, 1), &port) && port >= 1 &&
           port <= 65535;
}

static bool authority_is_good(struct sy_str authority)
{
    size_t len = 0;

    if (authority.len && authority.ptr[0] == '[') {
        len = bracket_length(authority);
        return len && port_is_good(sy_str_skip(authority, len));
    }
    while (len < authority.len && is_host_char(authority.ptr[len]))
        len++;
    return len && len <= HOST_MAX && authority.ptr[0] != '.' && authority.ptr[0] != '-' &&
           port_is_good(sy_str_skip(authority, len));
}

static bool is_url_char(char c)
{
    return c > 0x20 && c < 0x7f && !strchr("\"<>\\^`{|}", c);
}

static const char *url_fault(struct sy_str url)
{
    size_t skip = sy_str_eq_nocase(sy_str_head(url, 8), SY_STR("https://"))  ? 8
                  : sy_str_eq_nocase(sy_str_head(url, 7), SY_STR("http://")) ? 7
                                                                             : 0;
    struct sy_str rest = sy_str_skip(url, skip);
    size_t end = 0;

    if (!skip)
        return "must be a URL that begins with https:// or http://";
    while (end < rest.len && !strchr("/?#", rest.ptr[end]))
        end++;
    if (sy_str_find_char(sy_str_head(rest, end), '@') != (size_t)-1)
        return "must not hold a user name or password";
    if (!authority_is_good(sy_str_head(rest, end)))
        return "has no valid host and port";
    for (size_t i = end; i < rest.len; i++)
        if (!is_url_char(rest.ptr[i]))
            return "holds a character that a URL must not hold unencoded";
    return NULL;
}

/* ---- rows ---- */

static void check_texts(const struct sy_row *row, const struct rules *rules)
{
    for (int i = 0; i < SY_FIELD_COUNT; i++) {
        const struct sy_row_field *field = &sy_row_fields[i];
        bool lines = i == SY_FIELD_notes;
        struct sy_str text;
        const char *fault;

        if (field->kind != SY_FIELD_KIND_TEXT)
            continue;
        text = sy_row_text(row, (enum sy_row_field_id)i);
        fault = text_fault(text, lines ? SY_ROW_NOTES_MAX : SY_ROW_TEXT_MAX, lines);
        if (!fault && !lines && is_reference(text))
            fault = "must not be a reference: rows name secrets declared in secrets.named of the "
                    "configuration, so that who edits rows cannot read files or the environment";
        if (fault)
            broken(rules, field->name, fault);
    }
}

static void check_names(const struct sy_row *row, const struct rules *rules)
{
    if (!sy_name_is_valid(row->toolkit))
        broken(rules, "toolkit",
               row->toolkit.len ? "must be 1 to 128 letters, digits, '_', '-', '.'" : "is missing");
    if (row->vendor_slug.len && !sy_name_is_valid(row->vendor_slug))
        broken(rules, "vendor_slug", "must be 1 to 128 letters, digits, '_', '-', '.'");
    if (!sy_vendor_name_parse(row->vendor).ptr)
        broken(rules, "vendor", row->vendor.len ? "is no vendor known here" : "is missing");
    if (row->awaited.len && !sy_vendor_name_parse(row->awaited).ptr)
        broken(rules, "awaited", "is no vendor known here");
    if (row->secret.len && !is_reference(row->secret) && !sy_name_is_valid(row->secret))
        broken(rules, "secret", "must be a name declared in secrets.named");
}

static void check_worker(const struct sy_row *row, const struct rules *rules)
{
    bool worker = sy_str_eq(row->vendor, SY_STR("worker"));
    const char *fault = row->endpoint.len ? url_fault(row->endpoint) : NULL;

    /* The network would refuse it call by call. */
    if (!fault && sy_str_find_char(row->endpoint, '#') != (size_t)-1)
        fault = "must not hold a fragment";
    if (fault)
        broken(rules, "endpoint", fault);
    if (worker && !row->endpoint.len)
        broken(rules, "endpoint", "is missing: a worker row names its endpoint");
    if (worker && !row->secret.len)
        broken(rules, "secret", "is missing: a worker row names the secret it is signed with");
    if (!worker && row->endpoint.len)
        broken(rules, "endpoint", "belongs to worker rows only");
    if (!worker && row->secret.len)
        broken(rules, "secret", "belongs to worker rows only");
}

static void check_pending(const struct sy_row *row, const struct rules *rules)
{
    bool pending = sy_str_eq(row->vendor, SY_STR("pending"));
    bool waits = row->state == SY_ROW_PENDING_NATIVE;
    const char *fault = row->issue_url.len ? url_fault(row->issue_url) : NULL;

    if (fault)
        broken(rules, "issue_url", fault);
    if (pending != waits)
        broken(rules, "status",
               pending ? "must be PENDING-NATIVE for the vendor pending"
                       : "PENDING-NATIVE belongs to the vendor pending (name the vendor you "
                         "wait for in awaited)");
    if (row->awaited.len && !pending)
        broken(rules, "awaited", "belongs to PENDING-NATIVE rows only");
    if (!pending)
        return;
    if (!row->issue_url.len)
        broken(rules, "issue_url", "is missing: a PENDING-NATIVE row names its request");
    if (!row->requested_at_ms)
        broken(rules, "requested_at", "is missing: a PENDING-NATIVE row says since when it waits");
    if (!row->due_at_ms)
        broken(rules, "due_at", "is missing: a PENDING-NATIVE row says until when it waits");
    if (row->due_at_ms && row->due_at_ms < row->requested_at_ms)
        broken(rules, "due_at", "is before requested_at");
}

static void check_mcp_servers(const struct sy_row *row, const struct rules *rules)
{
    for (size_t i = 0; i < row->mcp_server_count; i++) {
        const char *fault = text_fault(row->mcp_servers[i].value, SY_ROW_TEXT_MAX, false);
        if (!sy_tenant_name_is_valid(row->mcp_servers[i].name))
            broken(rules, "mcp_server", "is keyed by something that is no tenant name");
        if (fault || is_reference(row->mcp_servers[i].value))
            broken(rules, "mcp_server", fault ? fault : "must not be a reference");
    }
    if (row->mcp_server_count > SY_PAIRS_MAX)
        broken(rules, "mcp_server", "names more than 256 tenants");
}

static bool is_column_of_ours(struct sy_str name)
{
    char lower[SY_ROW_TEXT_MAX];
    struct sy_str plain;

    if (name.len > sizeof(lower))
        return false;
    plain = sy_name_normalise(name, lower);
    if (sy_str_starts(plain, SY_STR("mcpserver")))
        return true;
    for (int i = 0; i < SY_FIELD_COUNT; i++) {
        char field[32];
        if (sy_str_eq(plain, sy_name_normalise(sy_str_of(sy_row_fields[i].name), field)))
            return true;
    }
    return sy_str_eq(plain, SY_STR("toolkitslug")) || sy_str_eq(plain, SY_STR("aliases")) ||
           sy_str_eq(plain, SY_STR("criticality")) || sy_str_eq(plain, SY_STR("rowversion")) ||
           sy_str_eq(plain, SY_STR("changedat"));
}

static void check_extra(const struct sy_row *row, const struct rules *rules)
{
    for (size_t i = 0; i < row->extra_count; i++) {
        struct sy_str name = row->extra[i].name;
        const char *fault = text_fault(row->extra[i].value, SY_ROW_NOTES_MAX, true);

        if (!name.len || text_fault(name, 64, false) || sy_str_trim(name).len != name.len)
            broken(rules, "extra", "has a column name that is empty, long, padded or not text");
        else if (is_column_of_ours(name))
            broken(rules, "extra", "has a column named like a field of the row");
        if (fault)
            broken(rules, "extra", fault);
    }
    if (row->extra_count > SY_PAIRS_MAX)
        broken(rules, "extra", "has more than 256 columns");
}

void sy_row_rules(const struct sy_row *row, sy_rule_fn *fn, void *ctx)
{
    struct rules rules = {fn, ctx};

    check_names(row, &rules);
    if ((unsigned)row->state >= SY_ROW_STATE_COUNT)
        broken(&rules, "status", "is no state of a row");
    check_texts(row, &rules);
    check_worker(row, &rules);
    check_pending(row, &rules);
    check_mcp_servers(row, &rules);
    check_extra(row, &rules);
}

static void check_aliases(const struct sy_str *aliases, size_t count, const struct rules *rules)
{
    for (size_t i = 0; i < count; i++)
        if (!sy_name_is_valid(aliases[i]))
            broken(rules, "aliases", "holds a name that is not letters, digits, '_', '-', '.'");
    if (count > SY_ALIASES_MAX)
        broken(rules, "aliases", "holds more than 64 names");
}

void sy_facts_rules(const struct sy_toolkit_facts *facts, sy_rule_fn *fn, void *ctx)
{
    struct rules rules = {fn, ctx};

    check_aliases(facts->aliases, facts->alias_count, &rules);
    if (facts->has_criticality && (unsigned)facts->criticality > SY_CRITICALITY_HIGH)
        broken(&rules, "criticality", "must be low, medium or high");
}

static bool is_tool_text(struct sy_str name)
{
    return name.len && !text_fault(name, 200, false) && sy_str_find_char(name, ' ') == (size_t)-1;
}

static void check_renames(const struct sy_tool_map *map, const struct rules *rules)
{
    for (size_t i = 0; i < map->rename_count; i++) {
        const struct sy_pair *pair = &map->renames[i];
        if (!pair->name.len || !pair->value.len || text_fault(pair->name, 128, false) ||
            text_fault(pair->value, 128, false))
            broken(rules, "arguments", "holds a name that is empty, long or not text");
        for (size_t j = 0; j < i; j++)
            if (sy_str_eq(pair->value, map->renames[j].value))
                broken(rules, "arguments", "gives two arguments one name");
    }
    if (map->rename_count > SY_PAIRS_MAX)
        broken(rules, "arguments", "renames more than 256 arguments");
}

void sy_map_rules(const struct sy_tool_map *map, sy_rule_fn *fn, void *ctx)
{
    struct rules rules = {fn, ctx};

    if (!sy_name_is_valid(map->tool))
        broken(&rules, "tool", "must be 1 to 128 letters, digits, '_', '-', '.'");
    if (!sy_name_is_valid(map->toolkit))
        broken(&rules, "toolkit",
               map->toolkit.len ? "must be 1 to 128 letters, digits, '_', '-', '.'" : "is missing");
    if (!sy_vendor_name_parse(map->vendor).ptr)
        broken(&rules, "vendor", map->vendor.len ? "is no vendor known here" : "is missing");
    if (!is_tool_text(map->vendor_tool))
        broken(&rules, "vendor_tool", "must be the vendor's exact name, without spaces");
    check_aliases(map->aliases, map->alias_count, &rules);
    check_renames(map, &rules);
}

/* ---- the first one as an error ---- */

struct first {
    struct sy_err *err;
    int status;
};

static void keep_first(void *ctx, const char *field, const char *what)
{
    struct first *first = ctx;

    if (!first->status)
        first->status = sy_err_set(first->err, SY_INVALID, "%s: %s", field, what);
}

int sy_row_check(const struct sy_row *row, struct sy_err *err)
{
    struct first first = {err, SY_OK};

    sy_row_rules(row, keep_first, &first);
    return first.status;
}

int sy_facts_check(const struct sy_toolkit_facts *facts, struct sy_err *err)
{
    struct first first = {err, SY_OK};

    sy_facts_rules(facts, keep_first, &first);
    return first.status;
}

int sy_map_check(const struct sy_tool_map *map, struct sy_err *err)
{
    struct first first = {err, SY_OK};

    sy_map_rules(map, keep_first, &first);
    return first.status;
}
