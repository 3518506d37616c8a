#include <string.h>

#include "http/internal.h"

enum sy_http_verdict sy_http_refuse(struct sy_http_refusal *refusal, int status, const char *cause)
{
    *refusal = (struct sy_http_refusal){.status = status, .cause = cause};
    return SY_HTTP_REFUSE;
}

static enum sy_http_verdict skip_blank_lines(struct sy_http_parse *p)
{
    for (unsigned i = 0; i < SY_HTTP_BLANK_MAX; i++) {
        if (p->at == p->in.len)
            return SY_HTTP_MORE;
        if (p->in.ptr[p->at] != '\r')
            return SY_HTTP_DONE;
        if (p->at + 1 == p->in.len)
            return SY_HTTP_MORE;
        if (p->in.ptr[p->at + 1] != '\n')
            return sy_http_refuse(p->refusal, 400, "bare_cr");
        p->at += 2;
    }
    return SY_HTTP_DONE;
}

/* The line that ends the head: DONE when it was there, MORE when a field line comes first. */
static enum sy_http_verdict read_last_line(struct sy_http_parse *p, bool *ret_last)
{
    *ret_last = false;
    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at] != '\r')
        return SY_HTTP_DONE;
    if (p->at + 1 == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at + 1] != '\n')
        return sy_http_refuse(p->refusal, 400, "bare_cr");
    p->at += 2;
    *ret_last = true;
    return SY_HTTP_DONE;
}

static enum sy_http_verdict read_fields(struct sy_http_parse *p)
{
    for (;;) {
        bool last;
        enum sy_http_verdict verdict = read_last_line(p, &last);

        if (verdict == SY_HTTP_DONE && last)
            return sy_http_head_meaning(p);
        if (verdict == SY_HTTP_DONE)
            verdict = sy_http_field_line(p);
        if (verdict != SY_HTTP_DONE)
            return verdict;
    }
}

static enum sy_http_verdict read_head(struct sy_http_parse *p)
{
    enum sy_http_verdict verdict = skip_blank_lines(p);

    if (verdict == SY_HTTP_DONE)
        verdict = sy_http_request_line(p);
    if (verdict != SY_HTTP_DONE)
        return verdict;
    p->in_fields = true;
    return read_fields(p);
}

/*
 * A length above the limit is refused with the body's first byte, or at once where the client asked
 * before sending: a peer that only announces gets no answer it could count on, and its deadline.
 */
static enum sy_http_verdict check_size(const struct sy_http_parse *p, struct sy_str bytes)
{
    const struct sy_http_head *head = p->head;

    if (head->framing != SY_HTTP_LENGTH || head->content_length <= p->limits->body_bytes)
        return SY_HTTP_DONE;
    if (bytes.len == p->at && bytes.len < p->limits->head_bytes && !head->expect_continue)
        return SY_HTTP_MORE;
    return sy_http_refuse(p->refusal, 413, "body_too_large");
}

enum sy_http_verdict sy_http_head_parse(struct sy_str bytes, const struct sy_http_limits *limits,
                                        struct sy_http_head *ret_head, size_t *ret_consumed,
                                        struct sy_http_refusal *ret_refusal)
{
    struct sy_http_parse p = {
        .in = sy_str_head(bytes, limits->head_bytes),
        .limits = limits,
        .head = ret_head,
        .refusal = ret_refusal,
    };
    enum sy_http_verdict verdict;

    memset(ret_head, 0, offsetof(struct sy_http_head, headers));
    verdict = read_head(&p);
    if (verdict == SY_HTTP_MORE && bytes.len >= limits->head_bytes) {
        if (p.in_fields)
            return sy_http_refuse(ret_refusal, 431, "head_too_large");
        return sy_http_refuse(ret_refusal, 414, "request_line_too_long");
    }
    if (verdict == SY_HTTP_DONE)
        verdict = check_size(&p, bytes);
    if (verdict == SY_HTTP_DONE)
        *ret_consumed = p.at;
    return verdict;
}
