/* The fault script: what to do to the next requests of a vendor, a tool or a path. */
#include "sandbox/internal.h"

#include <stdlib.h>
#include <string.h>
#include <zlib.h>

#include "http/response.h"

#define FAULTS_MAX 1000u
#define BOMB_MAX ((size_t)1 << 30)
#define HUGE_HEADER_MAX ((size_t)4 << 20)

static struct sy_str keep_text(struct sy_sandbox *sb, struct sy_json value)
{
    struct sy_str text;
    if (sy_json_string(value, &sb->state, false, &text))
        return (struct sy_str){NULL, 0};
    return sy_arena_copy(&sb->state, text);
}

static int64_t number(struct sy_json object, const char *name, int64_t fallback)
{
    int64_t value;
    return sy_json_i64(sy_json_get_z(object, name), &value) ? value : fallback;
}

/* true means the default size, a number means that many bytes. */
static size_t size_of(struct sy_json object, const char *name, size_t fallback, size_t max)
{
    struct sy_json value = sy_json_get_z(object, name);
    int64_t bytes;
    if (sy_json_is_true(value))
        return fallback;
    if (!sy_json_i64(value, &bytes) || bytes <= 0)
        return 0;
    return (uint64_t)bytes > max ? max : (size_t)bytes;
}

static const char *read_headers(struct sy_sandbox *sb, struct sy_json headers,
                                struct sy_sb_fault *fault)
{
    struct sy_json_iter it = sy_json_iter(headers);
    struct sy_str raw;
    struct sy_json value;
    while (sy_json_next(&it, &raw, &value)) {
        struct sy_json name = {.type = SY_JSON_STRING, .raw = raw};
        if (fault->header_count == SY_ARRAY_LEN(fault->headers))
            return "fault.headers: at most 8";
        struct sy_http_header *h = &fault->headers[fault->header_count++];
        h->name = keep_text(sb, name);
        h->value = keep_text(sb, value);
        if (!h->name.ptr || !h->value.ptr || sy_str_has_control(h->name) ||
            sy_str_has_control(h->value))
            return "fault.headers: names and values are strings without control bytes";
    }
    return NULL;
}

static const char *read_effect(struct sy_sandbox *sb, struct sy_json what, struct sy_sb_fault *f)
{
    struct sy_json body = sy_json_get_z(what, "body");
    struct sy_str reset = sy_json_text(sy_json_get_z(what, "reset"), &sb->state);
    struct sy_json limited = sy_json_get_z(what, "rate_limited");
    struct sy_str form = sy_json_text(sy_json_get_z(limited, "retry_after"), &sb->state);
    f->status = (int)number(what, "status", 0);
    f->has_body = body.type != SY_JSON_NONE;
    f->body =
        body.type == SY_JSON_STRING ? keep_text(sb, body) : sy_arena_copy(&sb->state, body.raw);
    f->content_type = keep_text(sb, sy_json_get_z(what, "content_type"));
    f->delay_ms = number(what, "delay_ms", 0);
    f->drip_ms = number(what, "drip_ms", 0);
    f->half_reply = sy_json_is_true(sy_json_get_z(what, "half_reply"));
    f->garbage = sy_json_is_true(sy_json_get_z(what, "garbage"));
    f->unauthorized = sy_json_is_true(sy_json_get_z(what, "unauthorized_once"));
    f->huge_header = size_of(what, "huge_header", 200000, HUGE_HEADER_MAX);
    f->gzip_bomb = size_of(what, "gzip_bomb", (size_t)64 << 20, BOMB_MAX);
    f->redirect = keep_text(sb, sy_json_get_z(what, "redirect"));
    if (reset.ptr)
        f->reset_at = sy_str_eq(reset, SY_STR("before")) ? SY_SB_RESET_BEFORE : SY_SB_RESET_AFTER;
    if (limited.type == SY_JSON_OBJECT || sy_json_is_true(limited)) {
        f->rate_limited = sy_str_eq(form, SY_STR("date"))               ? 2
                          : !form.ptr && limited.type == SY_JSON_OBJECT ? 3
                                                                        : 1;
        f->retry_after = number(limited, "seconds", 1);
    }
    if (f->status && (f->status < 200 || f->status > 599))
        return "fault.status: 200 to 599";
    if (f->delay_ms < 0 || f->delay_ms > 600000 || f->drip_ms < 0 || f->drip_ms > 60000)
        return "fault.delay_ms: 0 to 600000, fault.drip_ms: 0 to 60000";
    if (reset.ptr && !sy_str_eq(reset, SY_STR("before")) && !sy_str_eq(reset, SY_STR("after")))
        return "fault.reset: before or after";
    const char *wrong = sy_sb_play_read(sb, sy_json_get_z(what, "play"), f);
    return wrong ? wrong : read_headers(sb, sy_json_get_z(what, "headers"), f);
}

/* NULL, or what is wrong with the script. */
const char *sy_sb_fault_add(struct sy_sandbox *sb, struct sy_json script, uint64_t *ret_id)
{
    struct sy_json vendor = sy_json_get_z(script, "vendor");
    struct sy_json what = sy_json_get_z(script, "fault");
    struct sy_sb_fault *f = sy_arena_zalloc(&sb->state, sizeof(*f));
    if (!f || sb->faults.count >= FAULTS_MAX)
        return "too many faults";
    if (script.type != SY_JSON_OBJECT || what.type != SY_JSON_OBJECT)
        return "want {vendor, tool?, path?, method?, count?, skip?, fault:{…}}";
    f->any_vendor = sy_json_is_nothing(vendor);
    if (!f->any_vendor && !sy_sb_vendor_from_name(sy_json_text(vendor, &sb->state), &f->vendor))
        return "vendor: composio, pipedream, scalekit, github, infisical or worker";
    f->tool = keep_text(sb, sy_json_get_z(script, "tool"));
    f->path = keep_text(sb, sy_json_get_z(script, "path"));
    f->method = keep_text(sb, sy_json_get_z(script, "method"));
    f->left = number(script, "count", 1);
    f->skip = number(script, "skip", 0);
    const char *wrong = read_effect(sb, what, f);
    if (wrong)
        return wrong;
    if (f->left <= 0)
        f->left = -1;
    f->id = ++sb->serial;
    *ret_id = f->id;
    return sy_sb_list_add(&sb->faults, f) ? NULL : "too many faults";
}

void sy_sb_fault_write(struct sy_json_writer *w, const struct sy_sb_fault *f)
{
    sy_jw_object(w);
    sy_jw_member_i64(w, "id", (int64_t)f->id);
    sy_jw_member_z(w, "vendor", f->any_vendor ? NULL : sy_sb_vendor_name(f->vendor));
    sy_jw_opt_str(w, "tool", f->tool);
    sy_jw_opt_str(w, "path", f->path);
    sy_jw_opt_str(w, "method", f->method);
    sy_jw_member_i64(w, "left", f->left);
    sy_jw_member_i64(w, "skip", f->skip);
    sy_jw_member_i64(w, "hits", (int64_t)f->hits);
    sy_jw_object_end(w);
}

void sy_sb_faults_clear(struct sy_sandbox *sb, enum sy_sb_vendor vendor, bool all)
{
    size_t kept = 0;
    for (size_t i = 0; i < sb->faults.count; i++) {
        const struct sy_sb_fault *f = sb->faults.items[i];
        if (!all && (f->any_vendor || f->vendor != vendor))
            sb->faults.items[kept++] = sb->faults.items[i];
    }
    sb->faults.count = kept;
}

static bool matches(const struct sy_sb_fault *f, enum sy_sb_vendor vendor,
                    const struct sy_http_head *head, struct sy_str tool)
{
    if (f->left == 0 || (!f->any_vendor && f->vendor != vendor))
        return false;
    if (f->tool.ptr && (!tool.ptr || !sy_str_glob(f->tool, tool)))
        return false;
    if (f->path.ptr && !sy_str_glob(f->path, head->path))
        return false;
    return !f->method.ptr || sy_str_eq_nocase(f->method, head->method_text);
}

struct sy_sb_fault *sy_sb_fault_match(struct sy_sandbox *sb, enum sy_sb_vendor vendor,
                                      const struct sy_http_head *head, struct sy_str tool,
                                      bool head_only)
{
    for (size_t i = 0; i < sb->faults.count; i++) {
        struct sy_sb_fault *f = sb->faults.items[i];
        bool early = f->reset_at == SY_SB_RESET_BEFORE && !f->tool.ptr && f->delay_ms == 0;
        if (!matches(f, vendor, head, tool))
            continue;
        if (early != head_only) {
            if (head_only)
                return NULL; /* an earlier fault wants this request whole */
            continue;
        }
        if (f->skip > 0) {
            f->skip--;
            continue;
        }
        if (f->left > 0)
            f->left--;
        f->hits++;
        return f;
    }
    return NULL;
}

/* ---- answers instead of the handler's ---- */

static sy_sb_handler *const unauthorized[SY_SB_VENDORS] = {
    sy_sb_composio_unauthorized, sy_sb_pipedream_unauthorized, sy_sb_scalekit_unauthorized,
    sy_sb_github_unauthorized,   sy_sb_infisical_unauthorized, sy_sb_worker_unauthorized,
};
static sy_sb_handler *const limited[SY_SB_VENDORS] = {
    sy_sb_composio_limited, sy_sb_pipedream_limited, sy_sb_scalekit_limited,
    sy_sb_github_limited,   sy_sb_infisical_limited, sy_sb_worker_limited,
};

static void answer_limited(struct sy_sb_request *r)
{
    const struct sy_sb_fault *f = r->fault;
    if (f->rate_limited == 2) {
        char *date = sy_arena_alloc(r->mem, 32);
        if (date)
            sy_sb_add_header(r, "Retry-After",
                             sy_http_date(sy_sb_now(r->sb) + f->retry_after * 1000, date));
    } else if (f->rate_limited == 1) {
        sy_sb_add_header(r, "Retry-After",
                         sy_arena_printf(r->mem, "%lld", (long long)f->retry_after));
    }
    limited[r->vendor](r);
}

static bool build_bomb(struct sy_sandbox *sb, size_t size)
{
    unsigned char zeros[8192] = {0};
    unsigned char out[4096];
    z_stream z = {0};
    if (sb->bomb_size == size)
        return true;
    sy_buf_clear(&sb->bomb);
    if (deflateInit2(&z, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY) != Z_OK)
        return false;
    int status = Z_OK;
    for (size_t left = size; status != Z_STREAM_END && status != Z_STREAM_ERROR;) {
        if (z.avail_in == 0 && left > 0) {
            z.avail_in = (uInt)(left < sizeof(zeros) ? left : sizeof(zeros));
            z.next_in = zeros;
            left -= z.avail_in;
        }
        z.next_out = out;
        z.avail_out = sizeof(out);
        status = deflate(&z, left == 0 ? Z_FINISH : Z_NO_FLUSH);
        sy_buf_append(&sb->bomb, sy_str_from((const char *)out, sizeof(out) - z.avail_out));
    }
    deflateEnd(&z);
    sb->bomb_size = sy_buf_ok(&sb->bomb) ? size : 0;
    return sb->bomb_size == size;
}

static void answer_bomb(struct sy_sb_request *r)
{
    if (!build_bomb(r->sb, r->fault->gzip_bomb)) {
        sy_sb_send_as(r, 500, "text/plain", SY_STR("the sandbox could not build the bomb"));
        return;
    }
    sy_sb_add_header(r, "Content-Encoding", SY_STR("gzip"));
    sy_sb_send_as(r, 200, "application/json", sy_buf_str(&r->sb->bomb));
}

static void answer_huge_header(struct sy_sb_request *r)
{
    char *value = sy_arena_alloc(r->mem, r->fault->huge_header);
    if (!value) {
        sy_exchange_abort(r->x, SY_END_CLOSE);
        return;
    }
    memset(value, 'a', r->fault->huge_header);
    sy_exchange_raw_write(r->x, SY_STR("HTTP/1.1 200 OK\r\nX-Huge: "));
    sy_exchange_raw_write(r->x, sy_str_from(value, r->fault->huge_header));
    sy_exchange_raw_write(r->x, SY_STR("\r\nContent-Type: application/json\r\nContent-Length: 2\r\n"
                                       "Connection: close\r\n\r\n{}"));
    sy_exchange_abort(r->x, SY_END_CLOSE);
}

static void answer_garbage(struct sy_sb_request *r)
{
    char bytes[1024];
    for (size_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (char)(unsigned char)(i * 7u + 1u);
    sy_exchange_raw_write(r->x, sy_str_from(bytes, sizeof(bytes)));
    sy_exchange_abort(r->x, SY_END_CLOSE);
}

bool sy_sb_fault_answer(struct sy_sb_request *r)
{
    const struct sy_sb_fault *f = r->fault;
    if (f->reset_at == SY_SB_RESET_BEFORE)
        sy_exchange_abort(r->x, SY_END_RESET);
    else if (f->steps && !f->plays_answer)
        sy_sb_play(r);
    else if (f->garbage)
        answer_garbage(r);
    else if (f->huge_header)
        answer_huge_header(r);
    else if (f->gzip_bomb)
        answer_bomb(r);
    else if (f->redirect.ptr)
        sy_sb_send_redirect(r, f->redirect);
    else if (f->unauthorized) {
        r->sb->token_generation[r->vendor]++;
        unauthorized[r->vendor](r);
    } else if (f->rate_limited)
        answer_limited(r);
    else if (f->status || f->has_body)
        sy_sb_send_as(r, f->status ? f->status : 200,
                      f->has_body && f->body.len > 0 ? "application/json" : NULL, f->body);
    else
        return false;
    return true;
}
