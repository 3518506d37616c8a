/* Scalekit's two spellings in and out, its pages and its errors. */
#include "sandbox/scalekit.h"

#include "base/encode.h"

#define NAME_MAX_LEN 96u

/* ---- names ---- */

static void camel(const char *snake, char out[NAME_MAX_LEN])
{
    size_t n = 0;
    bool up = false;
    for (const char *c = snake; *c && n + 1 < NAME_MAX_LEN; c++) {
        if (*c == '_') {
            up = true;
            continue;
        }
        out[n++] = (char)(up && *c >= 'a' && *c <= 'z' ? *c - 'a' + 'A' : *c);
        up = false;
    }
    out[n] = 0;
}

void sy_sb_sk_name(struct sy_sb_request *r, const char *snake)
{
    char name[NAME_MAX_LEN];
    if (!sy_sb_sk_is_rpc(r)) {
        sy_jw_name(&r->w, snake);
        return;
    }
    camel(snake, name);
    sy_jw_name_str(&r->w, sy_str_of(name));
}

void sy_sb_sk_str(struct sy_sb_request *r, const char *snake, struct sy_str value)
{
    sy_sb_sk_name(r, snake);
    sy_jw_str(&r->w, value.ptr ? value : SY_STR(""));
}

void sy_sb_sk_time(struct sy_sb_request *r, const char *snake, int64_t unix_ms)
{
    char name[NAME_MAX_LEN];
    camel(snake, name);
    if (unix_ms == 0 && sy_sb_sk_is_rpc(r))
        return; /* protojson leaves unset messages out */
    sy_jw_member_time(&r->w, sy_sb_sk_is_rpc(r) ? name : snake, unix_ms);
}

/* ---- fields ---- */

struct sy_json sy_sb_sk_json(struct sy_sb_request *r, const char *path)
{
    char other[NAME_MAX_LEN];
    struct sy_json value = sy_json_path(r->json, path);
    if (value.type != SY_JSON_NONE)
        return value;
    camel(path, other);
    return sy_json_path(r->json, other);
}

struct sy_str sy_sb_sk_in(struct sy_sb_request *r, const char *path)
{
    struct sy_json value = sy_sb_sk_json(r, path);
    if (value.type == SY_JSON_STRING)
        return sy_json_text(value, r->mem);
    if (value.type == SY_JSON_NUMBER || value.type == SY_JSON_TRUE)
        return value.raw;
    return value.type == SY_JSON_NONE ? sy_sb_query(r, path) : (struct sy_str){NULL, 0};
}

bool sy_sb_sk_has(struct sy_sb_request *r, const char *path, struct sy_str value)
{
    struct sy_json list = sy_sb_sk_json(r, path);
    struct sy_json_iter it = sy_json_iter(list);
    struct sy_str none;
    struct sy_json one;
    if (list.type == SY_JSON_NONE)
        return sy_sb_query_has(r, path, value);
    if (list.type == SY_JSON_STRING)
        return sy_json_name_is(list.raw, value);
    while (sy_json_next(&it, &none, &one)) {
        if (one.type == SY_JSON_STRING && sy_json_name_is(one.raw, value))
            return true;
    }
    return sy_json_count(list) == 0;
}

bool sy_sb_sk_given(struct sy_sb_request *r, const char *path)
{
    struct sy_json value = sy_sb_sk_json(r, path);
    if (value.type == SY_JSON_ARRAY)
        return sy_json_count(value) > 0;
    return value.type != SY_JSON_NONE || sy_sb_query(r, path).len > 0;
}

struct sy_str sy_sb_sk_provider(struct sy_sb_request *r, const struct sy_sb_app *app)
{
    struct sy_buf upper;
    sy_buf_init_arena(&upper, r->mem, app->slug.len + 8);
    for (size_t i = 0; i < app->slug.len; i++) {
        char c = app->slug.ptr[i];
        sy_buf_append_char(&upper, (char)(c >= 'a' && c <= 'z' ? c - 'a' + 'A' : c));
    }
    return sy_buf_str(&upper);
}

/* ---- pages ---- */

bool sy_sb_sk_page_begin(struct sy_sb_request *r, struct sy_sb_sk_page *page, int64_t max)
{
    int64_t size = 10;
    struct sy_str asked = sy_sb_sk_in(r, "page_size");
    if (asked.len > 0 && (!sy_str_to_i64(asked, &size) || size < 0 || size > max)) {
        sy_sb_sk_invalid(r, SY_STR("page_size"), "value is out of range");
        return false;
    }
    *page = (struct sy_sb_sk_page){
        .offset = sy_sb_cursor_offset(sy_sb_sk_in(r, "page_token"), r->mem),
        .limit = size == 0 ? 10 : (size_t)size,
    };
    return true;
}

bool sy_sb_sk_page_wants(struct sy_sb_sk_page *page)
{
    bool wanted = page->seen >= page->offset && page->written < page->limit;
    page->seen++;
    page->written += wanted;
    return wanted;
}

void sy_sb_sk_page_members(struct sy_sb_request *r, const struct sy_sb_sk_page *page)
{
    size_t next = page->offset + page->written;
    bool before = page->offset > 0;
    size_t back = page->offset > page->limit ? page->offset - page->limit : 0;
    sy_sb_sk_name(r, "total_size");
    sy_jw_u64(&r->w, page->seen);
    sy_sb_sk_str(r, "next_page_token", next < page->seen ? sy_sb_cursor(r->mem, next) : SY_STR(""));
    sy_sb_sk_str(r, "prev_page_token", before ? sy_sb_cursor(r->mem, back) : SY_STR(""));
}

/* ---- errors ---- */

static const struct {
    enum sy_sb_grpc code;
    int status;
    const char *name;
} codes[] = {
    {SY_SB_INVALID_ARGUMENT, 400, "invalid_argument"},
    {SY_SB_NOT_FOUND, 404, "not_found"},
    {SY_SB_ALREADY_EXISTS, 409, "already_exists"},
    {SY_SB_PERMISSION_DENIED, 403, "permission_denied"},
    {SY_SB_RESOURCE_EXHAUSTED, 429, "resource_exhausted"},
    {SY_SB_FAILED_PRECONDITION, 400, "failed_precondition"},
    {SY_SB_INTERNAL, 500, "internal"},
    {SY_SB_UNAUTHENTICATED, 401, "unauthenticated"},
};

/* Protobuf by hand: one length-delimited field. Lengths here stay below 16384. */
static void field(struct sy_buf *out, unsigned number, struct sy_str bytes)
{
    if (!bytes.ptr)
        return;
    sy_buf_append_char(out, (char)(number << 3 | 2));
    if (bytes.len >= 128) {
        sy_buf_append_char(out, (char)(bytes.len % 128 | 128));
        sy_buf_append_char(out, (char)(bytes.len / 128));
    } else {
        sy_buf_append_char(out, (char)bytes.len);
    }
    sy_buf_append(out, bytes);
}

static struct sy_str error_info(struct sy_sb_request *r, const struct sy_sb_sk_error *e)
{
    struct sy_buf info, part, inner;
    sy_buf_init_arena(&info, r->mem, 32768);
    sy_buf_init_arena(&part, r->mem, 16000);
    sy_buf_init_arena(&inner, r->mem, 16000);
    field(&info, 1, sy_str_of(e->error_code));
    if (e->field.ptr) {
        field(&inner, 1, e->field);
        field(&inner, 2, e->description);
        field(&part, 1, sy_buf_str(&inner));
        field(&info, 8, sy_buf_str(&part));
    }
    if (e->execution_id.ptr) {
        sy_buf_clear(&part);
        field(&part, 1, e->execution_id);
        field(&part, 2, e->tool_message);
        field(&part, 3, e->tool_code);
        field(&info, 9, sy_buf_str(&part));
    }
    struct sy_buf coded;
    sy_buf_init_arena(&coded, r->mem, 65536);
    sy_base64(&coded, sy_buf_str(&info));
    struct sy_str text = sy_buf_str(&coded);
    while (text.len > 0 && text.ptr[text.len - 1] == '=')
        text.len--;
    return text;
}

static void rpc_body(struct sy_sb_request *r, const struct sy_sb_sk_error *e, const char *name)
{
    sy_jw_object(&r->w);
    sy_jw_member_z(&r->w, "code", name);
    sy_jw_member_str(&r->w, "message", e->message);
    sy_jw_name(&r->w, "details");
    sy_jw_array(&r->w);
    if (e->error_code) {
        sy_jw_object(&r->w);
        sy_jw_member_z(&r->w, "type", "scalekit.v1.errdetails.ErrorInfo");
        sy_jw_member_str(&r->w, "value", error_info(r, e));
        sy_jw_object_end(&r->w);
    }
    sy_jw_array_end(&r->w);
    sy_jw_object_end(&r->w);
}

static void rest_body(struct sy_sb_request *r, const struct sy_sb_sk_error *e)
{
    struct sy_json_writer *w = &r->w;
    sy_jw_object(w);
    sy_jw_member_i64(w, "code", e->code);
    sy_jw_member_str(w, "message", e->message);
    sy_jw_name(w, "details");
    sy_jw_array(w);
    if (e->error_code) {
        sy_jw_object(w);
        sy_jw_member_z(w, "@type", "type.googleapis.com/scalekit.v1.errdetails.ErrorInfo");
        sy_jw_member_z(w, "error_code", e->error_code);
        if (e->field.ptr) {
            sy_jw_name(w, "validation_error_info");
            sy_jw_object(w);
            sy_jw_name(w, "field_violations");
            sy_jw_array(w);
            sy_jw_object(w);
            sy_jw_member_str(w, "field", e->field);
            sy_jw_member_str(w, "description", e->description);
            sy_jw_member_z(w, "constraint", "");
            sy_jw_object_end(w);
            sy_jw_array_end(w);
            sy_jw_object_end(w);
        }
        if (e->execution_id.ptr) {
            sy_jw_name(w, "tool_error_info");
            sy_jw_object(w);
            sy_jw_member_str(w, "execution_id", e->execution_id);
            sy_jw_member_str(w, "tool_error_code", e->tool_code);
            sy_jw_member_str(w, "tool_error_message", e->tool_message);
            sy_jw_object_end(w);
        }
        sy_jw_object_end(w);
    }
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

void sy_sb_sk_fail(struct sy_sb_request *r, const struct sy_sb_sk_error *e)
{
    size_t i = 0;
    while (i + 1 < SY_ARRAY_LEN(codes) && codes[i].code != e->code)
        i++;
    sy_buf_clear(&r->out);
    sy_jw_init(&r->w, &r->out);
    if (sy_sb_sk_is_rpc(r))
        rpc_body(r, e, codes[i].name);
    else
        rest_body(r, e);
    sy_sb_send(r, codes[i].status);
}

void sy_sb_sk_missing(struct sy_sb_request *r, const char *message)
{
    struct sy_sb_sk_error e = {
        .code = SY_SB_NOT_FOUND, .message = sy_str_of(message), .error_code = "RESOURCE_NOT_FOUND"};
    sy_sb_sk_fail(r, &e);
}

void sy_sb_sk_invalid(struct sy_sb_request *r, struct sy_str name, const char *description)
{
    struct sy_sb_sk_error e = {.code = SY_SB_INVALID_ARGUMENT,
                               .message = SY_STR("Validation error"),
                               .error_code = "VALIDATION_ERROR",
                               .field = name,
                               .description = sy_str_of(description)};
    sy_sb_sk_fail(r, &e);
}
