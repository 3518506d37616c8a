#include <string.h>

#include "http/internal.h"

static bool port_valid(struct sy_str port)
{
    for (size_t i = 0; i < port.len; i++) {
        if (port.ptr[i] < '0' || port.ptr[i] > '9')
            return false;
    }
    return port.len <= 5;
}

static bool literal_valid(struct sy_str address)
{
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];

        if (!sy_http_is(c, SY_HTTP_HEX) && c != ':' && c != '.')
            return false;
    }
    return address.len >= 2;
}

/* Behind what a host name may hold; a '%' stands for a byte, with two digits, or for nothing. */
static size_t name_end(struct sy_str host)
{
    size_t at = 0;

    while (at < host.len && sy_http_is(host.ptr[at], SY_HTTP_REGNAME)) {
        if (host.ptr[at] == '%' &&
            (host.len - at < 3 || !sy_http_is(host.ptr[at + 1], SY_HTTP_HEX) ||
             !sy_http_is(host.ptr[at + 2], SY_HTTP_HEX)))
            return 0;
        at++;
    }
    return at;
}

bool sy_http_host_valid(struct sy_str host)
{
    size_t end = 0;

    if (host.len && host.ptr[0] == '[') {
        end = sy_str_find_char(host, ']');
        if (end == (size_t)-1 || !literal_valid(sy_str_from(host.ptr + 1, end - 1)))
            return false;
        end++;
    } else {
        end = name_end(host);
    }
    if (end == 0)
        return false;
    return end == host.len || (host.ptr[end] == ':' && port_valid(sy_str_skip(host, end + 1)));
}

/* Splits origin-form or the rest of absolute-form. The path decides the route, so that a '#', which
 * some readers cut off and some do not, is refused there; in a query it is a byte like others. */
static enum sy_http_verdict split_path(struct sy_http_parse *p, struct sy_str rest)
{
    size_t mark = sy_str_find_char(rest, '?');
    struct sy_str path = sy_str_head(rest, mark == (size_t)-1 ? rest.len : mark);

    if (sy_str_find_char(path, '#') != (size_t)-1)
        return sy_http_refuse(p->refusal, 400, "fragment_in_path");
    p->head->path = path.len ? path : SY_STR("/");
    if (mark != (size_t)-1)
        p->head->query = sy_str_skip(rest, mark + 1);
    return SY_HTTP_DONE;
}

static enum sy_http_verdict split_absolute(struct sy_http_parse *p, struct sy_str rest)
{
    struct sy_str authority;
    size_t end = 0;
    size_t at;

    while (end < rest.len && !memchr("/?#", rest.ptr[end], 3))
        end++;
    authority = sy_str_head(rest, end);
    at = sy_str_find_char(authority, '@');
    p->authority = at == (size_t)-1 ? authority : sy_str_skip(authority, at + 1);
    if (!sy_http_host_valid(p->authority))
        return sy_http_refuse(p->refusal, 400, "bad_authority");
    return split_path(p, sy_str_skip(rest, end));
}

enum sy_http_verdict sy_http_target(struct sy_http_parse *p)
{
    static const struct sy_str schemes[] = {SY_STR_INIT("http://"), SY_STR_INIT("https://")};
    struct sy_str target = p->head->target;

    if (target.ptr[0] == '/')
        return split_path(p, target);
    if (target.ptr[0] == '*') {
        if (target.len != 1 || !p->method->asterisk)
            return sy_http_refuse(p->refusal, 400, "bad_target");
        p->head->path = target;
        return SY_HTTP_DONE;
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(schemes); i++) {
        if (sy_str_eq_nocase(sy_str_head(target, schemes[i].len), schemes[i]))
            return split_absolute(p, sy_str_skip(target, schemes[i].len));
    }
    return sy_http_refuse(p->refusal, 400, "bad_target");
}
