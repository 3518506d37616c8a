#include "http/internal.h"

/* A CR at p->at must be followed by LF; leaves p->at behind both. */
static enum sy_http_verdict read_line_end(struct sy_http_parse *p, const char *cause)
{
    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at] != '\r')
        return sy_http_refuse(p->refusal, 400, cause);
    if (p->at + 1 == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at + 1] != '\n')
        return sy_http_refuse(p->refusal, 400, "bare_cr");
    p->at += 2;
    return SY_HTTP_DONE;
}

static enum sy_http_verdict read_name(struct sy_http_parse *p, struct sy_str *ret_name)
{
    size_t start = p->at;

    while (p->at < p->in.len && sy_http_is(p->in.ptr[p->at], SY_HTTP_TCHAR))
        p->at++;
    if (p->at == p->in.len)
        return SY_HTTP_MORE;
    if (p->in.ptr[p->at] != ':' || p->at == start)
        return sy_http_refuse(p->refusal, 400, "bad_field_name");
    *ret_name = sy_str_from(p->in.ptr + start, p->at - start);
    p->at++;
    return SY_HTTP_DONE;
}

static enum sy_http_verdict read_value(struct sy_http_parse *p, struct sy_str *ret_value)
{
    size_t start = p->at;
    size_t end;
    enum sy_http_verdict verdict;

    while (p->at < p->in.len && sy_http_is(p->in.ptr[p->at], SY_HTTP_VALUE))
        p->at++;
    end = p->at;
    verdict = read_line_end(p, "bad_field_value");
    if (verdict == SY_HTTP_DONE)
        *ret_value = sy_str_trim(sy_str_from(p->in.ptr + start, end - start));
    return verdict;
}

enum sy_http_verdict sy_http_field_line(struct sy_http_parse *p)
{
    struct sy_http_head *head = p->head;
    struct sy_http_header field = {{NULL, 0}, {NULL, 0}};
    enum sy_http_verdict verdict;

    if (p->at < p->in.len && (p->in.ptr[p->at] == ' ' || p->in.ptr[p->at] == '\t'))
        return sy_http_refuse(p->refusal, 400, "folded_field");
    verdict = read_name(p, &field.name);
    if (verdict == SY_HTTP_DONE)
        verdict = read_value(p, &field.value);
    if (verdict != SY_HTTP_DONE)
        return verdict;
    if (head->header_count == SY_HTTP_HEADERS_MAX)
        return sy_http_refuse(p->refusal, 431, "too_many_fields");
    head->headers[head->header_count++] = field;
    return sy_http_field_meaning(p, &field);
}

static bool is_named(const struct sy_http_header *field, struct sy_str name)
{
    return field->name.len == name.len && sy_str_eq_nocase(field->name, name);
}

struct sy_str sy_http_header_get(const struct sy_http_head *head, struct sy_str name)
{
    for (unsigned i = 0; i < head->header_count; i++) {
        if (is_named(&head->headers[i], name))
            return head->headers[i].value;
    }
    return (struct sy_str){NULL, 0};
}

unsigned sy_http_header_count(const struct sy_http_head *head, struct sy_str name)
{
    unsigned count = 0;

    for (unsigned i = 0; i < head->header_count; i++)
        count += is_named(&head->headers[i], name);
    return count;
}
