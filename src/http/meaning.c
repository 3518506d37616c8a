#include "http/internal.h"

static enum sy_http_verdict on_host(struct sy_http_parse *p, struct sy_str value)
{
    if (p->host_seen)
        return sy_http_refuse(p->refusal, 400, "repeated_host");
    if (!sy_http_host_valid(value))
        return sy_http_refuse(p->refusal, 400, "bad_host");
    p->host_seen = true;
    p->head->host = value;
    return SY_HTTP_DONE;
}

static enum sy_http_verdict on_connection(struct sy_http_parse *p, struct sy_str value)
{
    struct sy_str rest = value;
    struct sy_str option;
    bool empty = false; /* allowed in lists, and nothing hangs on it here */

    while (sy_http_list_next(&rest, &option, &empty)) {
        if (!sy_http_is_token(option))
            return sy_http_refuse(p->refusal, 400, "bad_connection_option");
        if (sy_str_eq_nocase(option, SY_STR("close")))
            p->close = true;
        if (sy_str_eq_nocase(option, SY_STR("upgrade")))
            p->upgrade_option = true;
    }
    return SY_HTTP_DONE;
}

/* h2c may be ignored: its client waits for a 101 before it speaks anything else, and common
 * libraries offer it unasked. Whoever asks for another protocol has no use for HTTP's answer. */
static enum sy_http_verdict on_upgrade(struct sy_http_parse *p, struct sy_str value)
{
    struct sy_str rest = value;
    struct sy_str protocol;
    bool empty = false;

    while (sy_http_list_next(&rest, &protocol, &empty)) {
        if (!sy_str_eq_nocase(protocol, SY_STR("h2c")))
            p->upgrade_foreign = true;
    }
    return SY_HTTP_DONE;
}

static enum sy_http_verdict on_expect(struct sy_http_parse *p, struct sy_str value)
{
    if (sy_str_eq_nocase(value, SY_STR("100-continue")))
        p->head->expect_continue = true;
    else
        p->expect_unknown = true;
    return SY_HTTP_DONE;
}

/* Two types for one body are two readings of it. */
static enum sy_http_verdict on_content_type(struct sy_http_parse *p, struct sy_str value)
{
    (void)value;
    if (p->type_seen)
        return sy_http_refuse(p->refusal, 400, "repeated_content_type");
    p->type_seen = true;
    return SY_HTTP_DONE;
}

/*
 * True if `name` becomes the lower-case `real` when runs of '-' and '_' are taken for one hyphen,
 * as gateways that hand fields on as variables do.
 */
static bool looks_like(struct sy_str name, struct sy_str real)
{
    size_t at = 0;

    for (size_t i = 0; i < real.len; i++) {
        size_t start = at;

        if (real.ptr[i] != '-') {
            if (at == name.len || (name.ptr[at] | 0x20) != real.ptr[i])
                return false;
            at++;
            continue;
        }
        while (at < name.len && (name.ptr[at] == '-' || name.ptr[at] == '_'))
            at++;
        if (at == start)
            return false;
    }
    return at == name.len;
}

static enum sy_http_verdict check_lookalike(struct sy_http_parse *p, struct sy_str name)
{
    if (looks_like(name, SY_STR("content-length")))
        return sy_http_refuse(p->refusal, 400, "framing_lookalike");
    if (looks_like(name, SY_STR("transfer-encoding")))
        p->coding_lookalike = true;
    return SY_HTTP_DONE;
}

enum sy_http_verdict sy_http_field_meaning(struct sy_http_parse *p,
                                           const struct sy_http_header *field)
{
    static const struct {
        struct sy_str name;
        enum sy_http_verdict (*apply)(struct sy_http_parse *p, struct sy_str value);
    } fields[] = {
        {SY_STR_INIT("host"), on_host},
        {SY_STR_INIT("content-length"), sy_http_length},
        {SY_STR_INIT("transfer-encoding"), sy_http_codings},
        {SY_STR_INIT("connection"), on_connection},
        {SY_STR_INIT("upgrade"), on_upgrade},
        {SY_STR_INIT("expect"), on_expect},
        {SY_STR_INIT("content-type"), on_content_type},
    };

    for (size_t i = 0; i < SY_ARRAY_LEN(fields); i++) {
        if (field->name.len == fields[i].name.len && sy_str_eq_nocase(field->name, fields[i].name))
            return fields[i].apply(p, field->value);
    }
    return check_lookalike(p, field->name);
}
