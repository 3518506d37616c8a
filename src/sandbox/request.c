/* A request taken apart: segments, query, headers, body. */
#include "sandbox/internal.h"

#include "base/encode.h"
#include "http/response.h"

/* Nesting the stand-ins read: a payload of the greatest depth inside a vendor's envelope. */
#define DEPTH_MAX (SY_JSON_DEPTH_MAX + 16u)

static bool add_segment(struct sy_sb_request *r, struct sy_str raw)
{
    struct sy_buf decoded;
    sy_buf_init_arena(&decoded, r->mem, raw.len + 1);
    if (!sy_unpercent(&decoded, raw, false) || !sy_buf_ok(&decoded))
        return false;
    struct sy_str text = sy_buf_str(&decoded);
    r->seg[r->segs++] = text.ptr ? text : SY_STR("");
    return true;
}

/* Empty segments are dropped: Pipedream's browser client writes "/v1/connect//proxy/…". What goes
 * beyond SY_SB_SEGMENTS only matters to the proxy, which reads the raw path. */
static bool split_path(struct sy_sb_request *r)
{
    struct sy_str rest = r->head->path;
    struct sy_str part;
    while (r->segs < SY_SB_SEGMENTS && sy_str_split(&rest, '/', &part)) {
        if (part.len > 0 && !add_segment(r, part))
            return false;
    }
    return true;
}

/* The tool a request names: the slug in Composio's path, a member of the body elsewhere. */
static struct sy_str tool_of(const struct sy_sb_request *r)
{
    if (r->vendor == SY_SB_COMPOSIO && r->segs >= 5 && sy_sb_seg(r, 2, "tools") &&
        sy_sb_seg(r, 3, "execute"))
        return r->seg[4];
    static const char *const members[SY_SB_VENDORS][2] = {
        [SY_SB_COMPOSIO] = {"tool_slug", NULL},
        [SY_SB_PIPEDREAM] = {"id", NULL},
        [SY_SB_SCALEKIT] = {"tool_name", "toolName"},
        [SY_SB_WORKER] = {"tool", NULL},
    };
    for (unsigned i = 0; i < 2; i++) {
        const char *name = members[r->vendor][i];
        struct sy_str tool = name ? sy_sb_member(r, name) : (struct sy_str){NULL, 0};
        if (tool.ptr)
            return tool;
    }
    return (struct sy_str){NULL, 0};
}

bool sy_sb_request_init(struct sy_sb_request *r, struct sy_sb_listener *listener,
                        struct sy_exchange *x)
{
    r->sb = listener->sb;
    r->listener = listener;
    r->vendor = listener->vendor;
    r->x = x;
    r->mem = sy_exchange_arena(x);
    r->head = sy_exchange_head(x);
    r->body = sy_exchange_body(x);
    sy_buf_init_arena(&r->out, r->mem, SY_SB_REPLY_MAX);
    sy_jw_init(&r->w, &r->out);
    if (!split_path(r))
        return false;
    if (r->body.len > 0)
        (void)sy_json_read(r->body, DEPTH_MAX, &r->json, NULL);
    r->tool = tool_of(r);
    return true;
}

bool sy_sb_seg(const struct sy_sb_request *r, size_t at, const char *text)
{
    return at < r->segs && sy_str_eq(r->seg[at], sy_str_of(text));
}

bool sy_sb_is(const struct sy_sb_request *r, enum sy_http_method method, size_t segs)
{
    bool same =
        r->head->method == method || (method == SY_HTTP_GET && r->head->method == SY_HTTP_HEAD);
    return same && r->segs == segs;
}

struct sy_str sy_sb_query(const struct sy_sb_request *r, const char *name)
{
    struct sy_str value = {NULL, 0};
    if (sy_http_query_get(r->head->query, sy_str_of(name), r->mem, &value) != SY_OK)
        return (struct sy_str){NULL, 0};
    return value;
}

int64_t sy_sb_query_int(const struct sy_sb_request *r, const char *name, int64_t fallback)
{
    int64_t value;
    return sy_str_to_i64(sy_sb_query(r, name), &value) ? value : fallback;
}

bool sy_sb_query_true(const struct sy_sb_request *r, const char *name)
{
    struct sy_str value = sy_sb_query(r, name);
    return sy_str_eq_nocase(value, SY_STR("true")) || sy_str_eq(value, SY_STR("1"));
}

static bool in_comma_list(struct sy_str list, struct sy_str value)
{
    struct sy_str part;
    while (sy_str_split(&list, ',', &part)) {
        if (sy_str_eq(sy_str_trim(part), value))
            return true;
    }
    return false;
}

bool sy_sb_query_has(const struct sy_sb_request *r, const char *name, struct sy_str value)
{
    struct sy_str rest = r->head->query;
    struct sy_str key, given;
    bool bad = false;
    bool seen = false;
    while (sy_http_query_next(&rest, r->mem, &key, &given, &bad)) {
        if (!sy_str_eq(key, sy_str_of(name)) || given.len == 0)
            continue;
        seen = true;
        if (in_comma_list(given, value))
            return true;
    }
    return !seen;
}

struct sy_str sy_sb_header(const struct sy_sb_request *r, const char *name)
{
    return sy_http_header_get(r->head, sy_str_of(name));
}

struct sy_str sy_sb_member(const struct sy_sb_request *r, const char *name)
{
    return sy_json_text(sy_json_get_z(r->json, name), r->mem);
}

struct sy_str sy_sb_form(const struct sy_sb_request *r, const char *name)
{
    struct sy_str value = {NULL, 0};
    if (sy_http_query_get(r->body, sy_str_of(name), r->mem, &value) != SY_OK)
        return (struct sy_str){NULL, 0};
    return value;
}

bool sy_sb_contains(struct sy_str text, struct sy_str part)
{
    return sy_str_find_nocase(text, part) != (size_t)-1;
}

/* ---- ids and cursors ---- */

static void letters(char *out, size_t len, uint64_t seed)
{
    static const char alphabet[] = "ABCDEFGHJKLMNPQRSTUVWXYZabcdefghijkmnopqrstuvwxyz0123456789";
    for (size_t i = 0; i < len; i++) {
        out[i] = alphabet[seed % (sizeof(alphabet) - 1)];
        seed = seed / (sizeof(alphabet) - 1) ^ (seed << 7) * 0x9e3779b97f4a7c15u;
    }
}

struct sy_str sy_sb_derive_id(struct sy_arena *mem, const char *prefix, size_t len,
                              const struct sy_str *parts, size_t count)
{
    uint64_t seed = 0x51ca7d0u;
    for (size_t i = 0; i < count; i++)
        seed = (seed ^ sy_str_hash(parts[i])) * 0x100000001b3u + i;
    char text[48];
    len = len < sizeof(text) ? len : sizeof(text);
    letters(text, len, seed);
    const struct sy_str both[2] = {sy_str_of(prefix), {text, len}};
    return sy_arena_join(mem, both, 2);
}

struct sy_str sy_sb_new_id(struct sy_sandbox *sb, struct sy_arena *mem, const char *prefix,
                           size_t len)
{
    char number[24];
    struct sy_buf buf;
    sy_buf_init_arena(&buf, mem, sizeof(number));
    sy_buf_append_u64(&buf, ++sb->serial);
    const struct sy_str parts[1] = {sy_buf_str(&buf)};
    return sy_sb_derive_id(mem, prefix, len, parts, 1);
}

struct sy_str sy_sb_cursor(struct sy_arena *mem, size_t offset)
{
    struct sy_buf plain, coded;
    sy_buf_init_arena(&plain, mem, 32);
    sy_buf_init_arena(&coded, mem, 64);
    sy_buf_append_char(&plain, 'o');
    sy_buf_append_u64(&plain, offset);
    sy_base64url(&coded, sy_buf_str(&plain));
    return sy_buf_str(&coded);
}

size_t sy_sb_cursor_offset(struct sy_str cursor, struct sy_arena *mem)
{
    struct sy_buf plain;
    uint64_t offset;
    sy_buf_init_arena(&plain, mem, cursor.len + 8);
    if (cursor.len == 0 || !sy_unbase64(&plain, cursor))
        return 0;
    struct sy_str text = sy_buf_str(&plain);
    if (text.len < 2 || text.ptr[0] != 'o' || !sy_str_to_u64(sy_str_skip(text, 1), &offset))
        return 0;
    return offset > SIZE_MAX / 2 ? SIZE_MAX / 2 : (size_t)offset;
}
