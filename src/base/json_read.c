/*
 * The validator. One pass, no recursion: which kind of container each open level is takes one bit.
 * Strings are most of any payload, so runs of plain ASCII are taken eight bytes at a time.
 */
#include "base/json.h"

#include "base/utf8.h"

#include <string.h>

struct reader {
    const unsigned char *at;
    const unsigned char *end;
    const char *why; /* set once something is wrong at `at` */
    unsigned depth;
    unsigned max_depth;
    uint64_t is_object[SY_JSON_DEPTH_MAX / 64];
};

static bool refuse(struct reader *r, const char *why)
{
    r->why = r->at == r->end ? "text ends too early" : why;
    return false;
}

/* Here and below a position is kept in a local while it moves: what `at` points at may alias the
 * reader itself, so that every step through it would be a store. */
static void skip_space(struct reader *r)
{
    const unsigned char *at = r->at, *end = r->end;

    while (at < end && *at <= ' ' && (*at == ' ' || *at == '\n' || *at == '\r' || *at == '\t'))
        at++;
    r->at = at;
}

static bool next_is(const struct reader *r, unsigned char c)
{
    return r->at < r->end && *r->at == c;
}

static bool is_digit(const struct reader *r)
{
    return r->at < r->end && *r->at >= '0' && *r->at <= '9';
}

#define EACH_BYTE(c) (UINT64_C(0x0101010101010101) * (c))

/* The classic zero-byte test. A borrow may mark a byte above a true hit, never one without. */
static uint64_t zero_bytes(uint64_t word)
{
    return (word - EACH_BYTE(0x01)) & ~word & EACH_BYTE(0x80);
}

/* Steps over bytes that mean nothing in a string: ASCII but controls, quote and backslash. */
static const unsigned char *skip_plain(const unsigned char *at, const unsigned char *end)
{
    while (end - at >= 8) {
        uint64_t word;
        memcpy(&word, at, sizeof(word));
        uint64_t control = (word - EACH_BYTE(0x20)) & ~word;
        uint64_t special =
            control | word | zero_bytes(word ^ EACH_BYTE('"')) | zero_bytes(word ^ EACH_BYTE('\\'));
        if (special & EACH_BYTE(0x80))
            break;
        at += 8;
    }
    while (at < end && *at >= 0x20 && *at < 0x80 && *at != '"' && *at != '\\')
        at++;
    return at;
}

static bool is_hex(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
}

/* `at` is on the backslash. */
static bool read_escape(struct reader *r)
{
    r->at++;
    if (r->at == r->end || !*r->at || !strchr("\"\\/bfnrtu", *r->at))
        return refuse(r, "unknown escape in string");
    if (*r->at++ != 'u')
        return true;
    for (int i = 0; i < 4; i++, r->at++) {
        if (r->at == r->end || !is_hex(*r->at))
            return refuse(r, "bad \\u escape in string");
    }
    return true;
}

/* `at` is on the opening quote. */
static bool read_string(struct reader *r)
{
    r->at++;
    for (;;) {
        r->at = skip_plain(r->at, r->end);
        if (r->at == r->end)
            return refuse(r, "");
        if (*r->at == '"') {
            r->at++;
            return true;
        }
        if (*r->at == '\\') {
            if (!read_escape(r))
                return false;
        } else if (*r->at < 0x20) {
            return refuse(r, "control byte in string");
        } else {
            size_t bad = 0;
            size_t step = sy_utf8_step(r->at, r->end, &bad);
            r->at += step ? step : bad;
            if (step == 0)
                return refuse(r, "invalid UTF-8 in string");
        }
    }
}

static bool read_digits(struct reader *r)
{
    const unsigned char *at = r->at, *end = r->end;

    if (!is_digit(r))
        return refuse(r, "digit expected in number");
    while (at < end && *at >= '0' && *at <= '9')
        at++;
    r->at = at;
    return true;
}

static bool read_number(struct reader *r)
{
    if (next_is(r, '-'))
        r->at++;
    if (next_is(r, '0'))
        r->at++;
    else if (!read_digits(r))
        return false;
    if (next_is(r, '.')) {
        r->at++;
        if (!read_digits(r))
            return false;
    }
    if (next_is(r, 'e') || next_is(r, 'E')) {
        r->at++;
        if (next_is(r, '+') || next_is(r, '-'))
            r->at++;
        return read_digits(r);
    }
    return true;
}

static bool read_literal(struct reader *r, const char *word)
{
    for (; *word; word++, r->at++) {
        if (!next_is(r, (unsigned char)*word))
            return refuse(r, "unknown literal");
    }
    return true;
}

static bool read_scalar(struct reader *r)
{
    if (r->at == r->end)
        return refuse(r, "");
    switch (*r->at) {
    case '"':
        return read_string(r);
    case 't':
        return read_literal(r, "true");
    case 'f':
        return read_literal(r, "false");
    case 'n':
        return read_literal(r, "null");
    default:
        if (*r->at == '-' || is_digit(r))
            return read_number(r);
        return refuse(r, "value expected");
    }
}

static bool in_object(const struct reader *r)
{
    unsigned level = r->depth - 1;
    return r->is_object[level / 64] >> (level % 64) & 1;
}

static bool open_container(struct reader *r, bool object)
{
    unsigned level = r->depth;

    if (level >= r->max_depth)
        return refuse(r, "nested too deep");
    r->at++;
    r->depth++;
    r->is_object[level / 64] &= ~(UINT64_C(1) << (level % 64));
    r->is_object[level / 64] |= (uint64_t)object << (level % 64);
    return true;
}

/* Name and colon, up to where the value starts. */
static bool read_name(struct reader *r)
{
    if (!next_is(r, '"'))
        return refuse(r, "member name expected");
    if (!read_string(r))
        return false;
    skip_space(r);
    if (!next_is(r, ':'))
        return refuse(r, "colon expected after member name");
    r->at++;
    skip_space(r);
    return true;
}

/* Eats every "[" and "{" (with the name of its first member) in front of a scalar, then that. An
 * empty container takes the place of the scalar. */
static bool read_down(struct reader *r)
{
    while (next_is(r, '{') || next_is(r, '[')) {
        bool object = *r->at == '{';
        if (!open_container(r, object))
            return false;
        skip_space(r);
        if (next_is(r, object ? '}' : ']')) {
            r->at++;
            r->depth--;
            return true;
        }
        if (object && !read_name(r))
            return false;
    }
    return read_scalar(r);
}

/* After a value: eats closing brackets, then a comma with what must follow it. *ret_done is set
 * when the root is closed. */
static bool read_up(struct reader *r, bool *ret_done)
{
    while (r->depth) {
        bool object = in_object(r);
        skip_space(r);
        if (next_is(r, ',')) {
            r->at++;
            skip_space(r);
            return !object || read_name(r);
        }
        if (!next_is(r, object ? '}' : ']'))
            return refuse(r, object ? "comma or } expected" : "comma or ] expected");
        r->at++;
        r->depth--;
    }
    *ret_done = true;
    return true;
}

static bool read_root(struct reader *r, const unsigned char **ret_end)
{
    bool done = false;

    while (!done) {
        if (!read_down(r) || !read_up(r, &done))
            return false;
    }
    *ret_end = r->at;
    skip_space(r);
    return r->at == r->end || refuse(r, "bytes after the value");
}

static enum sy_json_type type_of(unsigned char first)
{
    switch (first) {
    case '{':
        return SY_JSON_OBJECT;
    case '[':
        return SY_JSON_ARRAY;
    case '"':
        return SY_JSON_STRING;
    case 't':
        return SY_JSON_TRUE;
    case 'f':
        return SY_JSON_FALSE;
    case 'n':
        return SY_JSON_NULL;
    default:
        return SY_JSON_NUMBER;
    }
}

int sy_json_read(struct sy_str text, unsigned max_depth, struct sy_json *ret_root,
                 struct sy_json_fault *ret_fault)
{
    const unsigned char *start = (const unsigned char *)(text.ptr ? text.ptr : "");
    const unsigned char *value;
    const unsigned char *value_end = NULL;
    struct reader r = {
        .at = start,
        .end = start + text.len,
        .max_depth = max_depth < SY_JSON_DEPTH_MAX ? max_depth : SY_JSON_DEPTH_MAX,
    };

    skip_space(&r);
    value = r.at;
    if (!read_root(&r, &value_end)) {
        if (ret_fault)
            *ret_fault = (struct sy_json_fault){(size_t)(r.at - start), r.why};
        return SY_INVALID;
    }
    *ret_root = (struct sy_json){
        .type = type_of(*value),
        .raw = {(const char *)value, (size_t)(value_end - value)},
    };
    return SY_OK;
}
