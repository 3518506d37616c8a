#include "http/internal.h"

/*
 * Decimal digits only. A leading zero is let through where a reader in base 8 would find the same
 * number; 010 is eight bytes to some and ten to others, so it is refused.
 */
enum sy_http_verdict sy_http_length(struct sy_http_parse *p, struct sy_str value)
{
    uint64_t length;

    if (p->length_seen)
        return sy_http_refuse(p->refusal, 400, "repeated_length");
    if (p->coding_seen)
        return sy_http_refuse(p->refusal, 400, "length_and_coding");
    if (!sy_str_to_u64(value, &length))
        return sy_http_refuse(p->refusal, 400, "bad_length");
    if (value.len > 1 && value.ptr[0] == '0' && length >= 8)
        return sy_http_refuse(p->refusal, 400, "ambiguous_length");
    p->length_seen = true;
    p->head->content_length = length;
    return SY_HTTP_DONE;
}

static bool coding_known(struct sy_str name)
{
    static const struct sy_str known[] = {SY_STR_INIT("gzip"),     SY_STR_INIT("x-gzip"),
                                          SY_STR_INIT("deflate"),  SY_STR_INIT("compress"),
                                          SY_STR_INIT("identity"), SY_STR_INIT("x-compress")};

    for (size_t i = 0; i < SY_ARRAY_LEN(known); i++) {
        if (sy_str_eq_nocase(known[i], name))
            return true;
    }
    return false;
}

bool sy_http_list_next(struct sy_str *rest, struct sy_str *ret_element, bool *ret_empty)
{
    struct sy_str part;

    while (sy_str_split(rest, ',', &part)) {
        part = sy_str_trim(part);
        if (part.len) {
            *ret_element = part;
            return true;
        }
        *ret_empty = true;
    }
    return false;
}

static enum sy_http_verdict read_coding(struct sy_http_parse *p, struct sy_str name)
{
    if (!sy_http_is_token(name) || p->chunked)
        return sy_http_refuse(p->refusal, 400, "bad_coding");
    if (sy_str_eq_nocase(name, SY_STR("chunked"))) {
        p->chunked = true;
        return SY_HTTP_DONE;
    }
    if (!coding_known(name))
        return sy_http_refuse(p->refusal, 501, "coding_not_implemented");
    p->head->coded = true;
    return SY_HTTP_DONE;
}

enum sy_http_verdict sy_http_codings(struct sy_http_parse *p, struct sy_str value)
{
    struct sy_str rest = value;
    struct sy_str name;
    bool empty = value.len == 0 || value.ptr[value.len - 1] == ',';

    if (p->length_seen)
        return sy_http_refuse(p->refusal, 400, "length_and_coding");
    p->coding_seen = true;
    while (sy_http_list_next(&rest, &name, &empty)) {
        enum sy_http_verdict verdict = read_coding(p, name);

        if (verdict != SY_HTTP_DONE)
            return verdict;
    }
    return empty ? sy_http_refuse(p->refusal, 400, "bad_coding") : SY_HTTP_DONE;
}

static enum sy_http_verdict check_host(struct sy_http_parse *p)
{
    struct sy_http_head *head = p->head;

    if (!p->host_seen) {
        if (head->minor == 1)
            return sy_http_refuse(p->refusal, 400, "host_missing");
        head->host = p->authority;
        return SY_HTTP_DONE;
    }
    if (p->authority.ptr && !sy_str_eq_nocase(p->authority, head->host))
        return sy_http_refuse(p->refusal, 400, "host_mismatch");
    return SY_HTTP_DONE;
}

/* Sets the framing. Content with a method that gives it no meaning is a request in hiding unless
 * the connection ends with it. */
static enum sy_http_verdict check_framing(struct sy_http_parse *p)
{
    struct sy_http_head *head = p->head;
    bool has_body = p->coding_seen || (p->length_seen && head->content_length > 0);

    if (p->coding_seen && head->minor == 0)
        return sy_http_refuse(p->refusal, 400, "coding_in_old_version");
    if (p->length_seen && p->foreign)
        return sy_http_refuse(p->refusal, 400, "length_in_other_protocol");
    if (p->coding_seen && !p->chunked)
        return sy_http_refuse(p->refusal, 501, "coding_not_implemented");
    if (p->coding_lookalike && !p->length_seen)
        return sy_http_refuse(p->refusal, 400, "framing_lookalike");
    if (has_body && p->method->no_body && head->keep_alive)
        return sy_http_refuse(p->refusal, 400, "unexpected_body");
    if (p->chunked)
        head->framing = SY_HTTP_CHUNKED;
    else
        head->framing = p->length_seen ? SY_HTTP_LENGTH : SY_HTTP_NO_BODY;
    return SY_HTTP_DONE;
}

enum sy_http_verdict sy_http_head_meaning(struct sy_http_parse *p)
{
    struct sy_http_head *head = p->head;
    enum sy_http_verdict verdict = check_host(p);

    if (p->foreign)
        head->method = SY_HTTP_OTHER;
    head->keep_alive = head->minor == 1 && !p->close;
    if (verdict == SY_HTTP_DONE)
        verdict = check_framing(p);
    if (verdict != SY_HTTP_DONE)
        return verdict;
    if (p->upgrade_option && p->upgrade_foreign && head->minor == 1)
        return sy_http_refuse(p->refusal, 501, "upgrade_not_implemented");
    if (p->expect_unknown && head->minor == 1)
        return sy_http_refuse(p->refusal, 417, "expectation_failed");
    head->expect_continue = head->expect_continue && head->minor == 1;
    head->keep_alive = head->keep_alive && !head->coded && !p->coding_lookalike;
    return SY_HTTP_DONE;
}
