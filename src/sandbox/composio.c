/* Composio: which key, which route, and its two kinds of pages and errors. */
#include "sandbox/composio.h"

#include <stdarg.h>
#include <stdio.h>

#include "sandbox/credentials.h"

/* ---- errors ---- */

static void request_id(struct sy_sb_request *r, char out[40])
{
    snprintf(out, 40, "%08llx%024llx", (unsigned long long)(0x5b0c0000u + ++r->sb->serial),
             (unsigned long long)sy_sb_now(r->sb));
}

void sy_sb_composio_error(struct sy_sb_request *r, int status, int code, const char *slug,
                          const char *fix, const char *format, ...)
{
    char message[1024];
    char id[40];
    va_list args;
    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    request_id(r, id);
    sy_buf_clear(&r->out);
    sy_jw_init(&r->w, &r->out);
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "error");
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "message", message);
    sy_jw_member_i64(&r->w, "code", code);
    sy_jw_member_z(&r->w, "slug", slug);
    sy_jw_member_i64(&r->w, "status", status);
    sy_jw_member_z(&r->w, "request_id", id);
    sy_jw_member_z(&r->w, "suggested_fix", fix);
    sy_jw_object_end(&r->w);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, status);
}

void sy_sb_composio_not_found(struct sy_sb_request *r)
{
    sy_sb_composio_error(r, 404, 10404, "HTTP_NotFound", "Check the path and the method.",
                         "Route not found");
}

void sy_sb_composio_unauthorized(struct sy_sb_request *r)
{
    sy_sb_composio_error(r, 401, 801, "APIKey_InvalidAPIKey", "Check your API key.",
                         "Invalid API key: ak_**dbox");
}

/* Two kinds: the organisation's limit without an envelope, and the edge's without headers. */
void sy_sb_composio_limited(struct sy_sb_request *r)
{
    if (r->fault && r->fault->rate_limited == 3) {
        r->header_count = 0;
        sy_sb_composio_error(r, 429, 10429, "HTTP_TooManyRequests", "", "Too many requests");
        return;
    }
    sy_sb_send_text(r, 429,
                    "{\"message\":\"Rate limit exceeded. Limit: 10000 requests per 1 minutes\"}");
}

/* ---- versions ---- */

bool sy_sb_composio_is_v3(const struct sy_sb_request *r)
{
    return sy_sb_seg(r, 1, "v3");
}

struct sy_str sy_sb_composio_version(const struct sy_sb_request *r, struct sy_str asked)
{
    if (asked.len > 0)
        return asked;
    return sy_sb_composio_is_v3(r) ? SY_STR("00000000_00") : SY_STR("latest");
}

struct sy_sb_tool *sy_sb_composio_tool(struct sy_sb_request *r, struct sy_str slug,
                                       struct sy_str version)
{
    struct sy_sb_tool *tool = sy_sb_tool_find(r->sb, SY_SB_COMPOSIO, slug);
    if (!tool)
        return NULL;
    if (sy_str_eq(version, SY_STR("latest")) || sy_str_eq(version, SY_STR("20260901_00")))
        return tool;
    bool old = sy_str_eq(version, SY_STR("00000000_00"));
    return (old && !tool->newer) || sy_str_eq(version, SY_STR("20260801_00")) ? tool : NULL;
}

/* ---- pages ---- */

void sy_sb_page_begin(struct sy_sb_request *r, struct sy_sb_page *page, int64_t limit,
                      int64_t limit_max)
{
    limit = limit < 1 ? 1 : limit > limit_max ? limit_max : limit;
    *page = (struct sy_sb_page){
        .offset = sy_sb_cursor_offset(sy_sb_query(r, "cursor"), r->mem),
        .limit = (size_t)limit,
    };
    sy_jw_object(&r->w);
    sy_jw_name(&r->w, "items");
    sy_jw_array(&r->w);
}

bool sy_sb_page_wants(struct sy_sb_page *page)
{
    bool wanted = page->seen >= page->offset && page->written < page->limit;
    page->seen++;
    page->written += wanted;
    return wanted;
}

void sy_sb_page_end(struct sy_sb_request *r, const struct sy_sb_page *page)
{
    size_t next = page->offset + page->written;
    sy_jw_array_end(&r->w);
    sy_jw_name(&r->w, "next_cursor");
    if (next < page->seen)
        sy_jw_str(&r->w, sy_sb_cursor(r->mem, next));
    else
        sy_jw_null(&r->w);
    sy_jw_member_i64(&r->w, "total_pages", (int64_t)((page->seen + page->limit - 1) / page->limit));
    sy_jw_member_i64(&r->w, "current_page", (int64_t)(page->offset / page->limit + 1));
    sy_jw_member_i64(&r->w, "total_items", (int64_t)page->seen);
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- who asks ---- */

static bool credentials_clash(struct sy_sb_request *r)
{
    struct sy_str project = sy_sb_header(r, "x-api-key");
    struct sy_str user = sy_sb_header(r, "x-user-api-key");
    struct sy_str org = sy_sb_header(r, "x-org-api-key");
    if ((project.ptr != NULL) + (user.ptr != NULL) + (org.ptr != NULL) < 2)
        return false;
    sy_sb_composio_error(r, 401, 10401, "HTTP_Unauthorized", "",
                         "Multiple authentication modes were provided. Provide exactly one "
                         "authentication mode per request. Provided: %s%s%s.",
                         project.ptr ? "ApiKeyAuth via x-api-key" : "",
                         user.ptr ? ", UserApiKeyAuth via x-user-api-key" : "",
                         org.ptr ? ", OrgApiKeyAuth via x-org-api-key" : "");
    return true;
}

static bool key_is(struct sy_str key, const char *expected)
{
    return sy_str_eq(key, sy_str_of(expected));
}

/* False after answering. */
static bool admitted(struct sy_sb_request *r)
{
    struct sy_str key = sy_sb_header(r, "x-api-key");
    struct sy_str user = sy_sb_header(r, "x-user-api-key");
    if (credentials_clash(r))
        return false;
    if (user.ptr && !key_is(user, SY_SB_COMPOSIO_USER_KEY)) {
        sy_sb_composio_error(r, 401, 2113, "UserApiKey_Unauthorized", "",
                             "Invalid or revoked user API key");
        return false;
    }
    if (user.ptr || key_is(key, SY_SB_COMPOSIO_KEY) || key_is(key, SY_SB_COMPOSIO_KEY_NO_PROXY))
        return true;
    if (!key.ptr) {
        sy_sb_composio_error(r, 401, 906, "Auth_NoAuthProvided", "Send an API key.",
                             "No API key provided");
    } else if (key_is(key, SY_SB_COMPOSIO_KEY_EXPIRED)) {
        sy_sb_composio_error(r, 401, 811, "APIKey_APIKeyExpired", "", "API key has expired");
    } else if (key_is(key, SY_SB_COMPOSIO_KEY_SCOPED)) {
        sy_sb_composio_error(r, 403, 812, "APIKey_InsufficientPermissions", "",
                             "This API key does not have %s access to %s",
                             r->head->method == SY_HTTP_GET ? "read" : "write",
                             r->segs > SY_SB_REST ? sy_arena_z(r->mem, r->seg[SY_SB_REST]) : "it");
    } else {
        sy_sb_composio_error(r, 401, 801, "APIKey_InvalidAPIKey", "Check your API key.",
                             "Invalid API key: %.*s**%.*s", (int)(key.len < 3 ? key.len : 3),
                             key.ptr, (int)(key.len < 4 ? 0 : 4),
                             key.len < 4 ? "" : key.ptr + key.len - 4);
    }
    return false;
}

static void upload_request(struct sy_sb_request *r)
{
    static const char *const members[] = {"toolkit_slug", "tool_slug", "filename", "mimetype",
                                          "md5"};
    for (size_t i = 0; i < SY_ARRAY_LEN(members); i++) {
        if (!sy_sb_member(r, members[i]).ptr) {
            sy_sb_composio_error(r, 400, 10400, "HTTP_BadRequest", "", "%s is required",
                                 members[i]);
            return;
        }
    }
    struct sy_str id = sy_sb_new_id(r->sb, r->mem, "req_file_", 12);
    struct sy_str key =
        sy_arena_printf(r->mem, "sandbox/%.*s/%.*s", SY_FMT(id), SY_FMT(sy_sb_member(r, "md5")));
    struct sy_str url = sy_arena_printf(r->mem, "%s/__upload/%.*s", r->listener->url, SY_FMT(id));
    sy_jw_object(&r->w);
    sy_jw_member_str(&r->w, "id", id);
    sy_jw_member_str(&r->w, "key", key);
    sy_jw_member_str(&r->w, "new_presigned_url", url);
    sy_jw_member_str(&r->w, "newPresignedUrl", url);
    sy_jw_member_z(&r->w, "type", "new");
    sy_jw_member_raw(&r->w, "metadata", SY_STR("{\"storage_backend\":\"s3\"}"));
    sy_jw_object_end(&r->w);
    sy_sb_send(r, 200);
}

/* ---- routes ---- */

static void api(struct sy_sb_request *r)
{
    static const struct {
        const char *name;
        sy_sb_handler *handler;
    } routes[] = {
        {"toolkits", sy_sb_composio_toolkits},    {"tools", sy_sb_composio_tools},
        {"auth_configs", sy_sb_composio_configs}, {"connected_accounts", sy_sb_composio_accounts},
        {"tool_router", sy_sb_composio_sessions},
    };
    sy_sb_add_header(r, "X-RateLimit", SY_STR("10000"));
    sy_sb_add_header(r, "X-RateLimit-Remaining", SY_STR("9999"));
    sy_sb_add_header(r, "X-RateLimit-Window-Size", SY_STR("60s"));
    if (!admitted(r))
        return;
    if (r->body.len > 0 && r->json.type == SY_JSON_NONE) {
        sy_sb_composio_error(r, 400, 10400, "HTTP_BadRequest", "Send valid JSON.",
                             "Malformed JSON in request body");
        return;
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(routes); i++) {
        if (sy_sb_seg(r, SY_SB_REST, routes[i].name)) {
            routes[i].handler(r);
            return;
        }
    }
    if (sy_sb_is(r, SY_HTTP_POST, 5) && sy_sb_seg(r, 2, "files") && sy_sb_seg(r, 3, "upload") &&
        sy_sb_seg(r, 4, "request"))
        upload_request(r);
    else
        sy_sb_composio_not_found(r);
}

void sy_sb_composio(struct sy_sb_request *r)
{
    if (r->segs == 2 && sy_sb_seg(r, 0, "link")) {
        struct sy_sb_link *link = sy_sb_link_find(r->sb, SY_SB_COMPOSIO, r->seg[1]);
        sy_sb_consent(r, link, link ? link->account->app : NULL);
    } else if (sy_sb_is(r, SY_HTTP_PUT, 2) && sy_sb_seg(r, 0, "__upload")) {
        sy_sb_send_as(r, 200, NULL, SY_STR(""));
    } else if (sy_sb_seg(r, 0, "api") && (sy_sb_seg(r, 1, "v1") || sy_sb_seg(r, 1, "v2"))) {
        sy_sb_composio_error(r, 410, 10410, "HTTP_Gone", "Use /api/v3.1.",
                             "This API version has been removed");
    } else if (sy_sb_seg(r, 0, "api") && (sy_sb_seg(r, 1, "v3") || sy_sb_seg(r, 1, "v3.1"))) {
        api(r);
    } else {
        sy_sb_composio_not_found(r);
    }
}
