/*
 * The one reader of outbound URLs. Readers differ most where text is odd, so what it takes is
 * narrow, and whatever it takes libcurl's own reader understands in the same way (a test compares
 * them over the corpora).
 */
#include <arpa/inet.h>
#include <netinet/in.h>
#include <string.h>

#include "net/egress.h"

#define HOST_MAX 253
#define LABEL_MAX 63

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

static bool is_alnum(char c)
{
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

static bool all_digits(struct sy_str s)
{
    for (size_t i = 0; i < s.len; i++) {
        if (!is_digit(s.ptr[i]))
            return false;
    }
    return s.len > 0;
}

/* Labels that some reader takes as a number: then the whole host must be a plain dotted quad. */
static bool looks_numeric(struct sy_str label)
{
    return all_digits(label) ||
           (label.len >= 2 && label.ptr[0] == '0' && (label.ptr[1] | 0x20) == 'x');
}

static bool is_dotted_quad(struct sy_str host)
{
    struct sy_str rest = host;
    struct sy_str part;
    unsigned parts = 0;

    while (sy_str_split(&rest, '.', &part)) {
        uint64_t value;

        if (part.len > 3 || !sy_str_to_u64(part, &value) || value > 255 ||
            (part.len > 1 && part.ptr[0] == '0'))
            return false;
        parts++;
    }
    return parts == 4;
}

static int read_name(struct sy_str host, bool *ret_literal, struct sy_err *err)
{
    struct sy_str rest = host;
    struct sy_str label = {0};

    if (host.len == 0 || host.len > HOST_MAX)
        return sy_err_set(err, SY_INVALID, "the URL has no host or one of over 253 bytes");
    while (sy_str_split(&rest, '.', &label)) {
        if (label.len == 0 || label.len > LABEL_MAX)
            return sy_err_set(err, SY_INVALID, "the URL's host has an empty or overlong label");
        for (size_t i = 0; i < label.len; i++) {
            if (!is_alnum(label.ptr[i]) && label.ptr[i] != '-' && label.ptr[i] != '_')
                return sy_err_set(err, SY_INVALID, "the URL's host has a byte no name can have");
        }
    }
    *ret_literal = looks_numeric(label);
    if (*ret_literal && !is_dotted_quad(host))
        return sy_err_set(err, SY_INVALID, "the URL's host is a number but not an IPv4 address");
    return SY_OK;
}

static int read_v6(struct sy_str inside, struct sy_err *err)
{
    struct in6_addr address;
    char text[INET6_ADDRSTRLEN] = {0};

    if (inside.len == 0 || inside.len >= sizeof(text))
        return sy_err_set(err, SY_INVALID, "the URL's host is not an IPv6 address");
    memcpy(text, inside.ptr, inside.len);
    if (inet_pton(AF_INET6, text, &address) != 1)
        return sy_err_set(err, SY_INVALID, "the URL's host is not an IPv6 address");
    return SY_OK;
}

static int read_authority(struct sy_str authority, struct sy_egress_url *parts, struct sy_err *err)
{
    struct sy_str port = {0};
    size_t end;
    uint64_t number;
    int status;

    if (authority.len && authority.ptr[0] == '[') {
        end = sy_str_find_char(authority, ']');
        if (end == (size_t)-1)
            return sy_err_set(err, SY_INVALID, "the URL's IPv6 address has no closing bracket");
        parts->host = sy_str_from(authority.ptr + 1, end - 1);
        parts->literal = true;
        status = read_v6(parts->host, err);
        end++;
    } else {
        end = sy_str_find_char(authority, ':');
        if (end == (size_t)-1)
            end = authority.len;
        parts->host = sy_str_head(authority, end);
        status = read_name(parts->host, &parts->literal, err);
    }
    if (status < 0 || end == authority.len)
        return status;
    if (authority.ptr[end] != ':')
        return sy_err_set(err, SY_INVALID, "the URL has text after its host");
    port = sy_str_skip(authority, end + 1);
    if (port.len > 5 || !sy_str_to_u64(port, &number) || number == 0 || number > 65535)
        return sy_err_set(err, SY_INVALID, "the URL's port is not a number of 1..65535");
    parts->port = (uint16_t)number;
    return SY_OK;
}

/* Takes one byte of the path off, percent-decoded if that is what it is; a '/' for '\' as well. */
static char next_byte(struct sy_str *path)
{
    const char *p = path->ptr;

    if (path->len >= 3 && p[0] == '%' && p[1] == '2' &&
        ((p[2] | 0x20) == 'e' || (p[2] | 0x20) == 'f')) {
        *path = sy_str_skip(*path, 3);
        return (p[2] | 0x20) == 'e' ? '.' : '/';
    }
    if (path->len >= 3 && p[0] == '%' && p[1] == '5' && (p[2] | 0x20) == 'c') {
        *path = sy_str_skip(*path, 3);
        return '/';
    }
    *path = sy_str_skip(*path, 1);
    return p[0];
}

static bool has_dot_segment(struct sy_str path)
{
    unsigned dots = 0;  /* of the segment so far */
    bool other = false; /* a byte that is no dot was in it */

    while (path.len) {
        char c = next_byte(&path);

        if (c == '.') {
            dots++;
        } else if (c != '/') {
            other = true;
        } else {
            if (!other && (dots == 1 || dots == 2))
                return true;
            dots = 0;
            other = false;
        }
    }
    return !other && (dots == 1 || dots == 2);
}

static int check_bytes(struct sy_str url, struct sy_err *err)
{
    if (url.len > SY_EGRESS_URL_MAX)
        return sy_err_set(err, SY_INVALID, "the URL is over %d bytes", SY_EGRESS_URL_MAX);
    for (size_t i = 0; i < url.len; i++) {
        if (url.ptr[i] <= ' ' || url.ptr[i] > '~' || url.ptr[i] == '\\' || url.ptr[i] == '#')
            return sy_err_set(err, SY_INVALID,
                              "the URL has a byte that must be encoded, or a fragment");
    }
    return SY_OK;
}

int sy_egress_read_url(struct sy_str url, struct sy_egress_url *ret_parts, struct sy_err *err)
{
    struct sy_egress_url parts = {.port = 80};
    struct sy_str rest;
    size_t end = 0;
    int status = check_bytes(url, err);

    if (status < 0)
        return status;
    if (sy_str_eq_nocase(sy_str_head(url, 7), SY_STR("http://"))) {
        rest = sy_str_skip(url, 7);
    } else if (sy_str_eq_nocase(sy_str_head(url, 8), SY_STR("https://"))) {
        rest = sy_str_skip(url, 8);
        parts.tls = true;
        parts.port = 443;
    } else {
        return sy_err_set(err, SY_INVALID, "the URL's scheme is neither http nor https");
    }
    while (end < rest.len && rest.ptr[end] != '/' && rest.ptr[end] != '?')
        end++;
    status = read_authority(sy_str_head(rest, end), &parts, err);
    if (status < 0)
        return status;
    rest = sy_str_skip(rest, end);
    parts.target = rest;
    end = sy_str_find_char(rest, '?');
    if (has_dot_segment(end == (size_t)-1 ? rest : sy_str_head(rest, end)))
        return sy_err_set(err, SY_INVALID, "the URL's path has a \".\" or \"..\" segment");
    *ret_parts = parts;
    return SY_OK;
}

int sy_egress_check_url(struct sy_str url, struct sy_err *err)
{
    struct sy_egress_url parts;

    return sy_egress_read_url(url, &parts, err);
}
