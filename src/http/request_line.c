#include <string.h>

#include "http/internal.h"

/* The method's token and the one space after it. */
static enum sy_http_verdict read_method(struct sy_http_parse *p)
{
    size_t start = p->at;
    struct sy_str name;

    while (p->at < p->in.len && sy_http_is(p->in.ptr[p->at], SY_HTTP_TCHAR)) {
        if (p->at - start == SY_HTTP_METHOD_MAX)
            return sy_http_refuse(p->refusal, 400, "method_too_long");
        p->at++;
    }
    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at] != ' ' || p->at == start)
        return sy_http_refuse(p->refusal, 400, "bad_request_line");
    name = sy_str_from(p->in.ptr + start, p->at - start);
    p->method = sy_http_method_find(name);
    if (!p->method)
        return sy_http_refuse(p->refusal, 501, "method_not_implemented");
    p->head->method_text = name;
    p->head->method = p->method->method;
    p->at++;
    return SY_HTTP_DONE;
}

/* Leaves p->at on the byte after the target: a space, or a CR for HTTP/0.9's line of two words. */
static enum sy_http_verdict read_target(struct sy_http_parse *p)
{
    size_t start = p->at;

    if (start == p->in.len)
        return SY_HTTP_MORE;
    if (!memchr("/*hH", p->in.ptr[start], 4))
        return sy_http_refuse(p->refusal, 400, "bad_target");
    while (p->at < p->in.len && sy_http_is(p->in.ptr[p->at], SY_HTTP_VCHAR)) {
        if (p->at - start == p->limits->target_bytes)
            return sy_http_refuse(p->refusal, 414, "target_too_long");
        p->at++;
    }
    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    p->head->target = sy_str_from(p->in.ptr + start, p->at - start);
    if (p->in.ptr[p->at] == ' ')
        return sy_http_target(p);
    if (p->in.ptr[p->at] != '\r')
        return sy_http_refuse(p->refusal, 400, "bad_target");
    if (p->head->method != SY_HTTP_GET || p->in.ptr[start] != '/')
        return sy_http_refuse(p->refusal, 400, "version_missing");
    p->foreign = true;
    return sy_http_target(p);
}

/* Compares with `text` as far as there are bytes. */
static enum sy_http_verdict read_literal(struct sy_http_parse *p, struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++, p->at++) {
        if (p->at == p->in.len)
            return SY_HTTP_MORE;
        if (p->in.ptr[p->at] != text.ptr[i])
            return sy_http_refuse(p->refusal, 400, "bad_version");
    }
    return SY_HTTP_DONE;
}

/* One digit of the version: `least` is the smallest that is grammatical for us. */
static enum sy_http_verdict read_digit(struct sy_http_parse *p, char least, char *ret_digit)
{
    char c;

    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    c = p->in.ptr[p->at];
    if (c < least || c > '9')
        return sy_http_refuse(p->refusal, 400, "bad_version");
    if (c > '1')
        return sy_http_refuse(p->refusal, 505, "version_not_supported");
    *ret_digit = c;
    p->at++;
    return SY_HTTP_DONE;
}

static enum sy_http_verdict read_http_version(struct sy_http_parse *p)
{
    enum sy_http_verdict verdict = read_literal(p, SY_STR("HTTP/"));
    char digit = '0';

    if (verdict == SY_HTTP_DONE)
        verdict = read_digit(p, '1', &digit);
    if (verdict == SY_HTTP_DONE)
        verdict = read_literal(p, SY_STR("."));
    if (verdict == SY_HTTP_DONE)
        verdict = read_digit(p, '0', &digit);
    if (verdict == SY_HTTP_DONE)
        p->head->minor = digit == '1';
    return verdict;
}

static enum sy_http_verdict read_version(struct sy_http_parse *p)
{
    unsigned protocols = p->method->protocols;

    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at] == 'R' && (protocols & SY_HTTP_IS_RTSP)) {
        p->foreign = true;
        return read_literal(p, SY_STR("RTSP/1.0"));
    }
    if (p->in.ptr[p->at] == 'I' && (protocols & SY_HTTP_IS_ICE)) {
        p->foreign = true;
        return read_literal(p, SY_STR("ICE/1.0"));
    }
    if (!(protocols & SY_HTTP_IS_HTTP))
        return sy_http_refuse(p->refusal, 501, "method_not_implemented");
    return read_http_version(p);
}

enum sy_http_verdict sy_http_request_line(struct sy_http_parse *p)
{
    enum sy_http_verdict verdict = read_method(p);

    if (verdict == SY_HTTP_DONE)
        verdict = read_target(p);
    if (verdict == SY_HTTP_DONE && p->in.ptr[p->at] == ' ') {
        p->at++;
        verdict = read_version(p);
    }
    if (verdict == SY_HTTP_DONE)
        verdict = read_literal(p, SY_STR("\r\n"));
    return verdict;
}
