#include "http_grammar.h"

#include <string.h>

/*
 * Every rule takes the text and a place in it and returns the place behind what it matches, or
 * NO_MATCH. Rules of characters take one byte.
 */
#define NO_MATCH ((size_t)-1)

typedef bool char_rule(unsigned char c);

static bool is_alpha(unsigned char c)
{
    return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
}

static bool is_digit(unsigned char c)
{
    return c >= '0' && c <= '9';
}

static bool is_hexdig(unsigned char c)
{
    return is_digit(c) || (c >= 'A' && c <= 'F') || (c >= 'a' && c <= 'f');
}

static bool is_vchar(unsigned char c)
{
    return c >= 0x21 && c <= 0x7e;
}

static bool is_obs_text(unsigned char c)
{
    return c >= 0x80;
}

static bool is_white(unsigned char c)
{
    return c == ' ' || c == '\t';
}

static bool is_one_of(unsigned char c, const char *set)
{
    return c != '\0' && strchr(set, c) != NULL;
}

/* RFC 9110 §5.6.2 */
static bool is_tchar(unsigned char c)
{
    return is_alpha(c) || is_digit(c) || is_one_of(c, "!#$%&'*+-.^_`|~");
}

/* RFC 9110 §5.5: field-vchar with the white space between. */
static bool is_field_char(unsigned char c)
{
    return is_vchar(c) || is_obs_text(c) || is_white(c);
}

/* RFC 9110 §5.6.4 */
static bool is_qdtext(unsigned char c)
{
    return is_white(c) || c == 0x21 || (c >= 0x23 && c <= 0x5b) || (c >= 0x5d && c <= 0x7e) ||
           is_obs_text(c);
}

/* RFC 3986 §3.2.2: unreserved and sub-delims, one byte each; "%" comes with is_hexdig. */
static bool is_reg_name_char(unsigned char c)
{
    return is_alpha(c) || is_digit(c) || is_one_of(c, "-._~!$&'()*+,;=");
}

static size_t many(struct sy_str text, size_t at, char_rule *rule)
{
    while (at < text.len && rule((unsigned char)text.ptr[at]))
        at++;
    return at;
}

static size_t some(struct sy_str text, size_t at, char_rule *rule)
{
    size_t end = many(text, at, rule);

    return end == at ? NO_MATCH : end;
}

static size_t literal(struct sy_str text, size_t at, const char *word)
{
    size_t len = strlen(word);

    if (text.len - at < len || memcmp(text.ptr + at, word, len) != 0)
        return NO_MATCH;
    return at + len;
}

static struct sy_str between(struct sy_str text, size_t from, size_t to)
{
    return sy_str_from(text.ptr + from, to - from);
}

static bool whole(struct sy_str text, char_rule *rule)
{
    return some(text, 0, rule) == text.len;
}

/* RFC 3986 §3.2.2, without the inner rules of IPv6: brackets around hexadecimal, colons and dots. */
static bool is_ip_literal(struct sy_str text)
{
    if (text.len < 4 || text.ptr[0] != '[' || text.ptr[text.len - 1] != ']')
        return false;
    for (size_t i = 1; i + 1 < text.len; i++) {
        if (!is_hexdig((unsigned char)text.ptr[i]) && !is_one_of((unsigned char)text.ptr[i], ":."))
            return false;
    }
    return true;
}

static bool is_reg_name(struct sy_str text)
{
    size_t at = 0;

    while (at < text.len) {
        if (text.ptr[at] == '%') {
            if (text.len - at < 3 || !is_hexdig((unsigned char)text.ptr[at + 1]) ||
                !is_hexdig((unsigned char)text.ptr[at + 2]))
                return false;
            at += 3;
        } else if (is_reg_name_char((unsigned char)text.ptr[at])) {
            at++;
        } else {
            return false;
        }
    }
    return true;
}

/* uri-host [ ":" port ], RFC 9110 §7.2 */
static bool is_host_and_port(struct sy_str text)
{
    size_t end = text.len;
    struct sy_str host;

    while (end > 0 && is_digit((unsigned char)text.ptr[end - 1]))
        end--;
    if (end > 0 && text.ptr[end - 1] == ':')
        end--;
    else
        end = text.len;
    host = sy_str_head(text, end);
    return is_ip_literal(host) || is_reg_name(host);
}

/* absolute-form with an http or https URI, RFC 9112 §3.2.2; the authority is never empty there. */
static bool is_absolute_form(struct sy_str target)
{
    size_t scheme = sy_str_find(target, SY_STR("://"));
    struct sy_str authority;
    size_t end;
    size_t at;

    if (scheme == NO_MATCH || (!sy_str_eq_nocase(sy_str_head(target, scheme), SY_STR("http")) &&
                               !sy_str_eq_nocase(sy_str_head(target, scheme), SY_STR("https"))))
        return false;
    authority = sy_str_skip(target, scheme + 3);
    end = 0;
    while (end < authority.len && !is_one_of((unsigned char)authority.ptr[end], "/?#"))
        end++;
    authority = sy_str_head(authority, end);
    at = sy_str_find_char(authority, '@');
    if (at != NO_MATCH)
        authority = sy_str_skip(authority, at + 1);
    return authority.len > 0 && authority.ptr[0] != ':' && is_host_and_port(authority);
}

/* RFC 9112 §3.2; authority-form belongs to CONNECT, which has no message behind it. */
static bool is_target(struct sy_str target)
{
    if (!whole(target, is_vchar))
        return false;
    return target.ptr[0] == '/' || sy_str_eq(target, SY_STR("*")) || is_absolute_form(target);
}

/* RFC 9112 §3 with CRLF; the version's minor is 0 or 1. */
static size_t request_line(struct sy_str text, size_t at, unsigned *ret_minor)
{
    size_t method = some(text, at, is_tchar);
    size_t target;
    size_t version;

    if (method == NO_MATCH || literal(text, method, " ") == NO_MATCH)
        return NO_MATCH;
    target = some(text, method + 1, is_vchar);
    if (target == NO_MATCH || !is_target(between(text, method + 1, target)))
        return NO_MATCH;
    version = literal(text, target, " HTTP/1.");
    if (version == NO_MATCH || version == text.len)
        return NO_MATCH;
    *ret_minor = (unsigned)(text.ptr[version] - '0');
    return *ret_minor <= 1 ? literal(text, version + 1, "\r\n") : NO_MATCH;
}

struct field {
    struct sy_str name;
    struct sy_str value;
};

/* field-name ":" OWS field-value OWS CRLF, RFC 9112 §5 */
static size_t field_line(struct sy_str text, size_t at, struct field *ret_field)
{
    size_t name = some(text, at, is_tchar);
    size_t value;

    if (name == NO_MATCH || literal(text, name, ":") == NO_MATCH)
        return NO_MATCH;
    value = many(text, name + 1, is_field_char);
    ret_field->name = between(text, at, name);
    ret_field->value = sy_str_trim(between(text, name + 1, value));
    return literal(text, value, "\r\n");
}

/* What the fields that frame a message say, all lines together. */
struct said {
    unsigned hosts;
    bool host_valid;
    unsigned lengths;
    struct sy_str length;
    unsigned codings; /* transfer codings named in all lines together */
    unsigned coding_lines;
    unsigned chunked; /* how often one of them is chunked */
    bool chunked_is_last;
    bool codings_valid;
    bool close;
};

/* transfer-coding = token *( OWS ";" OWS transfer-parameter ); parameters are not for chunked. */
static void hear_coding(struct said *said, struct sy_str coding)
{
    bool plain = whole(coding, is_tchar);

    said->codings++;
    said->chunked_is_last = plain && sy_str_eq_nocase(coding, SY_STR("chunked"));
    said->chunked += said->chunked_is_last;
    said->codings_valid = said->codings_valid && plain;
}

static void hear_codings(struct said *said, struct sy_str value)
{
    struct sy_str part;

    said->coding_lines++;
    while (sy_str_split(&value, ',', &part)) {
        part = sy_str_trim(part);
        if (part.len) /* RFC 9110 §5.6.1.2: a recipient ignores empty elements */
            hear_coding(said, part);
    }
}

static void hear_connection(struct said *said, struct sy_str value)
{
    struct sy_str part;

    while (sy_str_split(&value, ',', &part))
        said->close = said->close || sy_str_eq_nocase(sy_str_trim(part), SY_STR("close"));
}

static void hear(struct said *said, const struct field *field)
{
    if (sy_str_eq_nocase(field->name, SY_STR("Host"))) {
        said->hosts++;
        said->host_valid = is_host_and_port(field->value);
    } else if (sy_str_eq_nocase(field->name, SY_STR("Content-Length"))) {
        said->lengths++;
        said->length = field->value;
    } else if (sy_str_eq_nocase(field->name, SY_STR("Transfer-Encoding"))) {
        hear_codings(said, field->value);
    } else if (sy_str_eq_nocase(field->name, SY_STR("Connection"))) {
        hear_connection(said, field->value);
    }
}

/* 1*DIGIT that a recipient can hold, RFC 9112 §6.3 rule 5 and RFC 9110 §8.6 */
static bool length_of(struct sy_str value, uint64_t *ret_length)
{
    uint64_t length = 0;

    for (size_t i = 0; i < value.len; i++) {
        unsigned digit = (unsigned char)value.ptr[i] - (unsigned)'0';

        if (digit > 9 || length > (UINT64_MAX - digit) / 10)
            return false;
        length = length * 10 + digit;
    }
    *ret_length = length;
    return value.len > 0;
}

/* RFC 9112 §6.3, with §6.1's faulty framings refused. False: no reading. */
static bool framing_of(const struct said *said, struct http_grammar_head *head)
{
    head->framing = HTTP_GRAMMAR_NONE;
    if (said->coding_lines) {
        head->framing = HTTP_GRAMMAR_CHUNKS;
        return said->lengths == 0 && head->minor == 1 && said->codings_valid &&
               said->chunked == 1 && said->chunked_is_last;
    }
    if (said->lengths == 0)
        return true;
    head->framing = HTTP_GRAMMAR_LENGTH;
    return said->lengths == 1 && length_of(said->length, &head->length);
}

/* RFC 9112 §3.2: HTTP/1.1 has exactly one Host; more than one or a wrong one is never right. */
static bool host_is_right(const struct said *said, unsigned minor)
{
    if (said->hosts > 1 || (said->hosts == 1 && !said->host_valid))
        return false;
    return said->hosts == 1 || minor == 0;
}

enum http_grammar_verdict http_grammar_head(struct sy_str bytes, struct http_grammar_head *ret_head)
{
    struct said said = {.codings_valid = true};
    size_t at = 0;
    size_t next;

    *ret_head = (struct http_grammar_head){0};
    while ((next = literal(bytes, at, "\r\n")) != NO_MATCH)
        at = next;
    if (sy_str_find(sy_str_skip(bytes, at), SY_STR("\r\n\r\n")) == NO_MATCH)
        return HTTP_GRAMMAR_PART;
    at = request_line(bytes, at, &ret_head->minor);
    while (at != NO_MATCH && literal(bytes, at, "\r\n") == NO_MATCH) {
        struct field field;

        at = field_line(bytes, at, &field);
        if (at != NO_MATCH)
            hear(&said, &field);
        ret_head->fields++;
    }
    if (at == NO_MATCH || !host_is_right(&said, ret_head->minor) || !framing_of(&said, ret_head))
        return HTTP_GRAMMAR_WRONG;
    ret_head->end = at + 2;
    ret_head->close = said.close || ret_head->minor == 0;
    return HTTP_GRAMMAR_VALID;
}

/* DQUOTE *( qdtext / quoted-pair ) DQUOTE, RFC 9110 §5.6.4 */
static size_t quoted_string(struct sy_str text, size_t at)
{
    at = literal(text, at, "\"");
    while (at != NO_MATCH) {
        size_t pair = literal(text, many(text, at, is_qdtext), "\\");

        if (pair == NO_MATCH)
            return literal(text, many(text, at, is_qdtext), "\"");
        if (pair == text.len || !is_field_char((unsigned char)text.ptr[pair]))
            return NO_MATCH;
        at = pair + 1;
    }
    return NO_MATCH;
}

/* *( BWS ";" BWS chunk-ext-name [ BWS "=" BWS chunk-ext-val ] ), RFC 9112 §7.1.1 */
static size_t chunk_ext(struct sy_str text, size_t at)
{
    for (;;) {
        size_t next = literal(text, many(text, at, is_white), ";");
        size_t value;

        if (next == NO_MATCH)
            return at;
        at = some(text, many(text, next, is_white), is_tchar);
        if (at == NO_MATCH)
            return NO_MATCH;
        value = literal(text, many(text, at, is_white), "=");
        if (value == NO_MATCH)
            continue;
        value = many(text, value, is_white);
        at = some(text, value, is_tchar);
        if (at == NO_MATCH)
            at = quoted_string(text, value);
        if (at == NO_MATCH)
            return NO_MATCH;
    }
}

/* 1*HEXDIG that a recipient can hold. */
static size_t chunk_size(struct sy_str text, size_t at, uint64_t *ret_size)
{
    size_t end = some(text, at, is_hexdig);
    uint64_t size = 0;

    for (; end != NO_MATCH && at < end; at++) {
        unsigned char c = (unsigned char)text.ptr[at];
        unsigned digit = is_digit(c) ? c - (unsigned)'0' : (c | 0x20u) - (unsigned)'a' + 10;

        if (size >> 60)
            return NO_MATCH;
        size = size << 4 | digit;
    }
    *ret_size = size;
    return end;
}

static enum http_grammar_verdict trailer_section(struct sy_str bytes, size_t at, size_t *ret_end)
{
    struct field field;

    while (literal(bytes, at, "\r\n") == NO_MATCH) {
        if (sy_str_find(sy_str_skip(bytes, at), SY_STR("\r\n")) == NO_MATCH)
            return HTTP_GRAMMAR_PART;
        at = field_line(bytes, at, &field);
        if (at == NO_MATCH)
            return HTTP_GRAMMAR_WRONG;
    }
    *ret_end = at + 2;
    return HTTP_GRAMMAR_VALID;
}

enum http_grammar_verdict http_grammar_chunks(struct sy_str bytes, size_t *ret_end,
                                              uint64_t *ret_payload)
{
    size_t at = 0;

    *ret_payload = 0;
    for (;;) {
        uint64_t size;

        if (sy_str_find(sy_str_skip(bytes, at), SY_STR("\r\n")) == NO_MATCH)
            return HTTP_GRAMMAR_PART;
        at = chunk_size(bytes, at, &size);
        if (at != NO_MATCH)
            at = chunk_ext(bytes, at);
        if (at != NO_MATCH)
            at = literal(bytes, at, "\r\n");
        if (at == NO_MATCH)
            return HTTP_GRAMMAR_WRONG;
        if (size == 0)
            return trailer_section(bytes, at, ret_end);
        if (size > bytes.len - at || bytes.len - at - size < 2)
            return HTTP_GRAMMAR_PART;
        *ret_payload += size;
        at = literal(bytes, at + (size_t)size, "\r\n");
        if (at == NO_MATCH)
            return HTTP_GRAMMAR_WRONG;
    }
}
