#include "vendors/common/send.h"

#include "base/encode.h"

#define URL_MAX 8192u
#define URL_USUAL 127u
#define BODY_MAX ((size_t)256 << 10) /* what we write ourselves; payloads are spliced in */

void sy_send_begin(struct sy_send *s, const struct sy_turn *t, enum sy_http_verb verb,
                   enum sy_purpose purpose, enum sy_request_effect effect, struct sy_str base)
{
    *s = (struct sy_send){.turn = t, .request = &t->wish->request};
    *s->request = (struct sy_request){.verb = verb, .purpose = purpose, .effect = effect};
    sy_buf_init_arena(&s->url, t->facts->mem, URL_MAX);
    sy_buf_init_arena(&s->body, t->facts->mem, BODY_MAX);
    sy_buf_reserve(&s->url, URL_USUAL);
    sy_buf_append(&s->url, base);
    sy_send_header(s, "accept", SY_STR("application/json"));
    sy_send_header(s, "traceparent", t->what->traceparent);
}

void sy_send_path(struct sy_send *s, const char *literal)
{
    sy_buf_append_z(&s->url, literal);
}

/* "." or "..", also between slashes: encoded they are one segment, but some server decodes first,
 * and net/ sends no such URL. */
static bool climbs(struct sy_str text)
{
    size_t from = 0;

    for (size_t i = 0; i <= text.len; i++) {
        struct sy_str part;

        if (i < text.len && text.ptr[i] != '/' && text.ptr[i] != '\\')
            continue;
        part = sy_str_from(text.ptr + from, i - from);
        if (sy_str_eq(part, SY_STR(".")) || sy_str_eq(part, SY_STR("..")))
            return true;
        from = i + 1;
    }
    return false;
}

void sy_send_segment(struct sy_send *s, const char *label, struct sy_str text)
{
    if (!text.len || sy_str_has_control(text) || climbs(text)) {
        s->refused = label;
        return;
    }
    sy_buf_append_char(&s->url, '/');
    sy_percent(&s->url, text);
}

void sy_send_query(struct sy_send *s, const char *name, struct sy_str value)
{
    if (!value.ptr)
        return;
    if (sy_str_has_control(value)) {
        s->refused = name;
        return;
    }
    sy_buf_append_char(&s->url, s->query ? '&' : '?');
    s->query = true;
    sy_buf_append_z(&s->url, name);
    sy_buf_append_char(&s->url, '=');
    sy_percent(&s->url, value);
}

void sy_send_query_z(struct sy_send *s, const char *name, const char *value)
{
    sy_send_query(s, name, sy_str_of(value));
}

void sy_send_query_bound(struct sy_send *s, const char *name, struct sy_str value)
{
    struct sy_buf wire;

    sy_buf_init_arena(&wire, s->turn->facts->mem, URL_MAX);
    sy_percent(&wire, value);
    s->request->bound = sy_buf_str(&wire);
    sy_send_query(s, name, value);
}

static void add_header(struct sy_send *s, const char *name, struct sy_str value, bool secret)
{
    struct sy_request *request = s->request;

    if (!value.ptr)
        return;
    if (sy_str_has_control(value) || request->header_count == SY_REQUEST_HEADERS_MAX) {
        s->refused = name;
        s->refused_secret = s->refused_secret || secret;
        return;
    }
    request->headers[request->header_count++] =
        (struct sy_header){.name = sy_str_of(name), .value = value, .secret = secret};
}

void sy_send_header(struct sy_send *s, const char *name, struct sy_str value)
{
    add_header(s, name, value, false);
}

void sy_send_secret(struct sy_send *s, const char *name, struct sy_str value)
{
    add_header(s, name, value, true);
}

struct sy_json_writer *sy_send_json(struct sy_send *s)
{
    sy_send_header(s, "content-type", SY_STR("application/json"));
    sy_jw_init(&s->json, &s->body);
    sy_jw_object(&s->json);
    return &s->json;
}

void sy_send_json_bound(struct sy_send *s, const char *name, struct sy_str value)
{
    struct sy_buf wire;

    sy_buf_init_arena(&wire, s->turn->facts->mem, URL_MAX);
    sy_json_quote(&wire, value);
    s->request->bound = sy_buf_str(&wire);
    sy_jw_member_raw(&s->json, name, s->request->bound);
}

static void push_slice(struct sy_send *s, struct sy_str slice)
{
    if (slice.len)
        s->request->body[s->request->body_count++] = slice;
}

/* The bytes written since the last cut become a slice; the buffer goes on with fresh memory. */
static void cut(struct sy_send *s)
{
    push_slice(s, sy_buf_str(&s->body));
    if (sy_buf_ok(&s->body))
        sy_buf_init_arena(&s->body, s->turn->facts->mem, BODY_MAX);
}

void sy_send_splice(struct sy_send *s, struct sy_str raw)
{
    cut(s);
    push_slice(s, raw);
    s->json.after_name = false;
    s->json.has_items[s->json.depth] = true;
}

void sy_send_body(struct sy_send *s, const char *content_type, struct sy_str body)
{
    sy_send_header(s, "content-type", sy_str_of(content_type));
    push_slice(s, body);
}

enum sy_step sy_send_done(struct sy_send *s)
{
    while (s->json.depth)
        sy_jw_object_end(&s->json);
    if (sy_buf_ok(&s->body))
        push_slice(s, sy_buf_str(&s->body));
    if (s->refused_secret)
        return sy_turn_fail(s->turn, SY_CODE_VENDOR_UNAVAILABLE, SY_CAUSE_NO_CREDENTIALS,
                            SY_STR("The vendor's secret holds a line break or another control "
                                   "character: no request can carry it."));
    if (s->refused)
        return sy_turn_fail(s->turn, SY_CODE_INVALID_REQUEST, SY_CAUSE_BAD_NAME,
                            SY_JOIN(s->turn, SY_STR("This "), sy_str_of(s->refused),
                                    SY_STR(" cannot stand in a request to the vendor.")));
    if (!sy_buf_ok(&s->url) || !sy_buf_ok(&s->body) || s->turn->facts->mem->failed)
        return sy_turn_fail(s->turn, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){0});
    s->request->url = sy_buf_str(&s->url);
    return SY_STEP_SEND;
}
