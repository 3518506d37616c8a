/* Answers, and what a fault does to an answer that the handler has already made. */
#include "sandbox/internal.h"

#include <stdarg.h>
#include <stdio.h>

#include "http/response.h"

void sy_sb_add_header(struct sy_sb_request *r, const char *name, struct sy_str value)
{
    if (r->header_count < SY_ARRAY_LEN(r->headers))
        r->headers[r->header_count++] =
            (struct sy_http_header){.name = sy_str_of(name), .value = value};
}

/* ---- requests that wait for a timer ---- */

void sy_sb_wait(struct sy_sb_request *r, sy_timer_fn *fn, int64_t ms)
{
    struct sy_sandbox *sb = r->sb;
    r->timer = (struct sy_timer){.fn = fn, .ctx = r};
    if (sy_timer_set(sb->loop, &r->timer, sy_loop_now_ms(sb->loop) + ms)) {
        sy_exchange_abort(r->x, SY_END_CLOSE);
        return;
    }
    r->prev_waiting = NULL;
    r->next_waiting = sb->waiting;
    if (sb->waiting)
        sb->waiting->prev_waiting = r;
    sb->waiting = r;
}

void sy_sb_unwait(struct sy_sb_request *r)
{
    sy_timer_cancel(r->sb->loop, &r->timer);
    if (r->prev_waiting)
        r->prev_waiting->next_waiting = r->next_waiting;
    else
        r->sb->waiting = r->next_waiting;
    if (r->next_waiting)
        r->next_waiting->prev_waiting = r->prev_waiting;
}

/* ---- bytes as they are, for answers that misbehave ---- */

static void write_head(struct sy_sb_request *r, struct sy_buf *out, int status,
                       const char *content_type, size_t body_len, bool close)
{
    struct sy_http_header headers[10];
    size_t count = 0;
    char date[32];
    if (content_type)
        headers[count++] = (struct sy_http_header){.name = SY_STR("Content-Type"),
                                                   .value = sy_str_of(content_type)};
    for (unsigned i = 0; i < r->header_count; i++)
        headers[count++] = r->headers[i];
    sy_http_write_head(out, status, headers, count, body_len, close,
                       sy_http_date(sy_sb_now(r->sb), date));
}

static void note_hangup(struct sy_exchange *x, void *ctx)
{
    struct sy_sb_request *r = ctx;
    (void)x;
    r->hung_up = true;
}

static void on_drip(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_sb_request *r = timer->ctx;
    (void)loop;
    sy_sb_unwait(r);
    if (!r->hung_up && r->dripped < r->drip.len) {
        sy_exchange_raw_write(r->x, sy_str_from(r->drip.ptr + r->dripped, 1));
        r->dripped++;
    }
    if (r->hung_up || r->dripped == r->drip.len)
        sy_exchange_abort(r->x, SY_END_CLOSE);
    else
        sy_sb_wait(r, on_drip, r->fault->drip_ms);
}

/* The whole answer, one byte at a time. */
static void drip(struct sy_sb_request *r, int status, const char *content_type, struct sy_str body)
{
    sy_buf_init_arena(&r->drip, r->mem, body.len + 4096);
    write_head(r, &r->drip, status, content_type, body.len, true);
    sy_buf_append(&r->drip, body);
    if (!sy_buf_ok(&r->drip)) {
        sy_exchange_abort(r->x, SY_END_CLOSE);
        return;
    }
    sy_exchange_on_hangup(r->x, note_hangup, r);
    sy_sb_wait(r, on_drip, r->fault->drip_ms);
}

static void half(struct sy_sb_request *r, int status, const char *content_type, struct sy_str body)
{
    struct sy_buf bytes;
    sy_buf_init_arena(&bytes, r->mem, body.len + 4096);
    write_head(r, &bytes, status, content_type, body.len, true);
    sy_buf_append(&bytes, sy_str_head(body, body.len / 2));
    sy_exchange_raw_write(r->x, sy_buf_str(&bytes));
    sy_exchange_abort(r->x, SY_END_CLOSE);
}

/* The real answer as one of the steps of a script. */
static void play_around(struct sy_sb_request *r, int status, const char *content_type,
                        struct sy_str body)
{
    const struct sy_sb_fault *fault = r->fault;
    /* A client may well think that it can use a connection again that is only held. */
    bool held = fault->steps[fault->step_count - 1].kind == SY_SB_STEP_HOLD;
    sy_buf_init_arena(&r->drip, r->mem, body.len + 4096);
    write_head(r, &r->drip, status, content_type, body.len, !held);
    sy_buf_append(&r->drip, body);
    if (sy_buf_ok(&r->drip))
        sy_sb_play(r);
    else
        sy_exchange_abort(r->x, SY_END_CLOSE);
}

/* ---- answers ---- */

void sy_sb_send_as(struct sy_sb_request *r, int status, const char *content_type,
                   struct sy_str body)
{
    const struct sy_sb_fault *fault = r->fault;
    if (fault && fault->reset_at == SY_SB_RESET_AFTER) {
        sy_exchange_abort(r->x, SY_END_RESET);
        return;
    }
    if (fault && fault->plays_answer) {
        play_around(r, status, content_type, body);
        return;
    }
    if (fault && fault->half_reply) {
        half(r, status, content_type, body);
        return;
    }
    if (fault && fault->drip_ms > 0) {
        drip(r, status, content_type, body);
        return;
    }
    for (unsigned i = 0; fault && i < fault->header_count; i++) {
        if (r->header_count < SY_ARRAY_LEN(r->headers))
            r->headers[r->header_count++] = fault->headers[i];
    }
    if (fault && fault->content_type.ptr)
        content_type = sy_arena_z(r->mem, fault->content_type);
    struct sy_reply reply = {
        .status = status,
        .content_type = sy_str_of(content_type),
        .headers = r->headers,
        .header_count = r->header_count,
        .body = {body},
        .body_count = body.len > 0,
    };
    sy_exchange_reply(r->x, &reply);
}

void sy_sb_send(struct sy_sb_request *r, int status)
{
    if (!sy_buf_ok(&r->out)) {
        sy_sb_send_as(r, 500, "text/plain", SY_STR("the sandbox ran out of room for this answer"));
        return;
    }
    sy_sb_send_as(r, status, r->out.len > 0 ? "application/json" : NULL, sy_buf_str(&r->out));
}

void sy_sb_send_text(struct sy_sb_request *r, int status, const char *json, ...)
{
    char text[4096];
    va_list args;
    va_start(args, json);
    int len = vsnprintf(text, sizeof(text), json, args);
    va_end(args);
    sy_buf_clear(&r->out);
    if (len > 0 && (size_t)len < sizeof(text))
        sy_buf_append(&r->out, sy_str_from(text, (size_t)len));
    else
        r->out.failed = true;
    sy_sb_send(r, status);
}

void sy_sb_send_redirect(struct sy_sb_request *r, struct sy_str location)
{
    if (sy_str_has_control(location)) {
        sy_sb_send_as(r, 400, "text/plain", SY_STR("the address to return to is not one"));
        return;
    }
    sy_sb_add_header(r, "Location", location);
    sy_sb_send_as(r, 302, NULL, SY_STR(""));
}
