/*
 * A reply as it comes: libcurl passes on cut heads, several lengths, broken gzip and odd status
 * codes, so what is believed is decided here.
 */
#include <stdlib.h>
#include <string.h>

#include "base/clock.h"
#include "net/transfers_int.h"

#define HEAD_START 2048
#define BODY_START 4096
#define BODY_AHEAD 262144 /* taken at once on the word of a Content-Length */

static bool fault(struct sy_transfer *transfer, enum sy_net_failure failure, enum sy_cause cause)
{
    sy_transfer_fault(transfer, failure, cause);
    return false;
}

void sy_net_reply_clear(struct sy_net_reply *reply, bool keep_buffers)
{
    struct sy_net_reply kept = {
        .head = reply->head,
        .head_cap = reply->head_cap,
        .headers = reply->headers,
        .header_cap = reply->header_cap,
        .body = reply->body,
        .body_cap = reply->body_cap,
    };

    sy_inflate_end(&reply->inflate);
    if (!keep_buffers || kept.head_cap > SY_NET_KEEP) {
        free(kept.head);
        kept.head = NULL;
        kept.head_cap = 0;
    }
    if (!keep_buffers || kept.body_cap > SY_NET_KEEP) {
        free(kept.body);
        kept.body = NULL;
        kept.body_cap = 0;
    }
    if (!keep_buffers) {
        free(kept.headers);
        kept.headers = NULL;
        kept.header_cap = 0;
    }
    *reply = kept;
}

static size_t over_keep(size_t cap)
{
    return cap > SY_NET_KEEP ? cap : 0;
}

/* ---- the head ---- */

static bool append_line(struct sy_transfer *transfer, struct sy_str line)
{
    struct sy_net_reply *reply = &transfer->reply;
    size_t cap = reply->head_cap ? reply->head_cap : HEAD_START;
    char *grown;

    while (cap < reply->head_len + line.len)
        cap *= 2;
    if (cap != reply->head_cap) {
        grown = realloc(reply->head, cap);
        if (!grown)
            return fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
        reply->head = grown;
        reply->head_cap = cap;
    }
    memcpy(reply->head + reply->head_len, line.ptr, line.len);
    reply->head_len += line.len;
    return true;
}

static bool is_digit(char c)
{
    return c >= '0' && c <= '9';
}

/* "HTTP/1.1 200 OK"; libcurl writes "HTTP/2 200" for the newer ones. */
static bool read_status(struct sy_transfer *transfer, struct sy_str line)
{
    struct sy_str rest = line;
    int status;

    if (sy_str_starts(line, SY_STR("HTTP/1.0 ")) || sy_str_starts(line, SY_STR("HTTP/1.1 ")))
        rest = sy_str_skip(line, 9);
    else if (transfer->pool->http2 && sy_str_starts(line, SY_STR("HTTP/2 ")))
        rest = sy_str_skip(line, 7);
    else
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_NOT_HTTP);
    if (rest.len < 3 || !is_digit(rest.ptr[0]) || !is_digit(rest.ptr[1]) ||
        !is_digit(rest.ptr[2]) || (rest.len > 3 && rest.ptr[3] != ' '))
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_NOT_HTTP);
    status = (rest.ptr[0] - '0') * 100 + (rest.ptr[1] - '0') * 10 + (rest.ptr[2] - '0');
    if (status < 100 || status == 101 || status > 599)
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_STATUS);
    transfer->reply.status = status;
    transfer->reply.in_head = true;
    transfer->reply.head_len = 0;
    transfer->reply.lines = 0;
    return true;
}

static bool add_header(struct sy_transfer *transfer, const struct sy_header *header)
{
    struct sy_net_reply *reply = &transfer->reply;
    unsigned cap = reply->header_cap ? reply->header_cap * 2 : 32;
    struct sy_header *grown;

    if (reply->header_count == reply->header_cap) {
        grown = realloc(reply->headers, cap * sizeof(*grown));
        if (!grown)
            return fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
        reply->headers = grown;
        reply->header_cap = cap;
    }
    reply->headers[reply->header_count++] = *header;
    return true;
}

/* Takes one line of reply->head apart, in place: the name becomes lower case. */
static bool read_line(struct sy_transfer *transfer, char *line, size_t len)
{
    struct sy_str whole = sy_str_from(line, len);
    size_t colon = sy_str_find_char(whole, ':');
    struct sy_header header = {0};

    if (len && (line[0] == ' ' || line[0] == '\t'))
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_FRAMING); /* folded */
    if (colon == (size_t)-1 || colon == 0 || sy_str_find_char(whole, '\r') != (size_t)-1)
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_FRAMING);
    for (size_t i = 0; i < colon; i++) {
        /* A blank in the name: readers differ in what the name is. */
        if (line[i] == ' ' || line[i] == '\t')
            return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_FRAMING);
        if (line[i] >= 'A' && line[i] <= 'Z')
            line[i] = (char)(line[i] + ('a' - 'A'));
    }
    header.name = sy_str_head(whole, colon);
    header.value = sy_str_trim(sy_str_skip(whole, colon + 1));
    return add_header(transfer, &header);
}

static bool read_lines(struct sy_transfer *transfer)
{
    struct sy_net_reply *reply = &transfer->reply;
    size_t at = 0;

    while (at < reply->head_len) {
        char *line = reply->head + at;
        const char *end = memchr(line, '\n', reply->head_len - at);
        size_t len = end ? (size_t)(end - line) : reply->head_len - at;

        at += len + 1;
        if (len && line[len - 1] == '\r')
            len--;
        if (!read_line(transfer, line, len))
            return false;
    }
    return true;
}

static bool read_coding(struct sy_transfer *transfer, struct sy_str value)
{
    struct sy_net_reply *reply = &transfer->reply;

    if (value.len == 0 || sy_str_eq_nocase(value, SY_STR("identity")))
        return true;
    if (reply->coding != SY_NET_CODING_NONE ||
        (!sy_str_eq_nocase(value, SY_STR("gzip")) && !sy_str_eq_nocase(value, SY_STR("x-gzip"))))
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_ENCODING);
    reply->coding = SY_NET_CODING_GZIP;
    if (sy_inflate_begin(&reply->inflate) < 0)
        return fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
    return true;
}

/* What decides where the body ends: one Content-Length of digits, or chunked alone, or neither. */
static bool check_framing(struct sy_transfer *transfer, uint64_t *ret_length, bool *ret_has_length)
{
    struct sy_net_reply *reply = &transfer->reply;
    unsigned lengths = 0, codings = 0;
    bool sound = true;

    for (unsigned i = 0; i < reply->header_count; i++) {
        struct sy_str value = reply->headers[i].value;

        if (sy_str_eq(reply->headers[i].name, SY_STR("content-length"))) {
            lengths++;
            sound = sound && sy_str_to_u64(value, ret_length) && *ret_length <= INT64_MAX;
        } else if (sy_str_eq(reply->headers[i].name, SY_STR("transfer-encoding"))) {
            codings++;
            sound = sound && sy_str_eq_nocase(value, SY_STR("chunked"));
        } else if (sy_str_eq(reply->headers[i].name, SY_STR("content-encoding")) &&
                   !read_coding(transfer, value)) {
            return false;
        }
    }
    if (!sound || lengths + codings > 1)
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_FRAMING);
    reply->chunked = codings == 1;
    *ret_has_length = lengths == 1;
    return true;
}

static bool reserve_body(struct sy_transfer *transfer, size_t room)
{
    struct sy_net_reply *reply = &transfer->reply;
    size_t inflating = reply->inflate.stream ? SY_INFLATE_MEMORY : 0;
    size_t cap = reply->body_cap ? reply->body_cap : BODY_START;
    char *grown;

    while (cap < room)
        cap *= 2;
    if (!sy_transfer_count(transfer, over_keep(cap) + over_keep(transfer->body_cap) + inflating))
        return fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
    if (cap == reply->body_cap)
        return true;
    grown = realloc(reply->body, cap);
    if (!grown)
        return fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_MEMORY);
    reply->body = grown;
    reply->body_cap = cap;
    return true;
}

static bool end_of_head(struct sy_transfer *transfer)
{
    struct sy_net_reply *reply = &transfer->reply;
    bool has_length = false;
    uint64_t length = 0;

    reply->in_head = false;
    if (reply->status < 200)
        return true;
    if (!read_lines(transfer) || !check_framing(transfer, &length, &has_length))
        return false;
    reply->whole_head = true;
    if (!has_length || reply->status == 204 || reply->status == 304)
        return true;
    if (length > reply->limit)
        return fault(transfer, SY_NET_TOO_LARGE, SY_CAUSE_BODY_TOO_LARGE);
    return reserve_body(transfer, length < BODY_AHEAD ? (size_t)length : BODY_AHEAD);
}

static bool take_line(struct sy_transfer *transfer, struct sy_str line)
{
    struct sy_net_reply *reply = &transfer->reply;
    struct sy_str text = line;

    reply->head_total += line.len;
    if (reply->head_total > SY_NET_HEAD_MAX || reply->lines > SY_NET_HEADERS_MAX) {
        /* Interim replies without end: no head is too large, there is none. */
        if (reply->status >= 100 && reply->status < 200)
            return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_FRAMING);
        return fault(transfer, SY_NET_TOO_LARGE, SY_CAUSE_HEADERS_TOO_LARGE);
    }
    if (reply->whole_head)
        return true; /* a trailer: counted, not kept */
    while (text.len && (text.ptr[text.len - 1] == '\n' || text.ptr[text.len - 1] == '\r'))
        text.len--;
    if (!reply->in_head)
        return read_status(transfer, text);
    if (text.len == 0)
        return end_of_head(transfer);
    reply->lines++;
    return append_line(transfer, line);
}

size_t sy_net_on_header(char *data, size_t size, size_t count, void *transfer)
{
    struct sy_transfer *t = transfer;
    size_t len = size * count;

    if (t->reply.first_us == 0)
        t->reply.first_us = sy_clock_us();
    return take_line(t, sy_str_from(data, len)) ? len : 0;
}

/* ---- the body ---- */

static bool append_body(void *ctx, struct sy_str piece)
{
    struct sy_transfer *transfer = ctx;
    struct sy_net_reply *reply = &transfer->reply;

    if (piece.len > reply->limit - reply->body_len)
        return fault(transfer, SY_NET_TOO_LARGE,
                     reply->coding == SY_NET_CODING_GZIP ? SY_CAUSE_DECOMPRESSION_LIMIT
                                                         : SY_CAUSE_BODY_TOO_LARGE);
    if (!reserve_body(transfer, reply->body_len + piece.len))
        return false;
    memcpy(reply->body + reply->body_len, piece.ptr, piece.len);
    reply->body_len += piece.len;
    return true;
}

static bool inflate_body(struct sy_transfer *transfer, struct sy_str piece)
{
    switch (sy_inflate_feed(&transfer->reply.inflate, piece, append_body, transfer)) {
    case SY_INFLATE_OK:
        return true;
    case SY_INFLATE_RATIO:
        return fault(transfer, SY_NET_TOO_LARGE, SY_CAUSE_DECOMPRESSION_LIMIT);
    case SY_INFLATE_BROKEN:
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_ENCODING);
    case SY_INFLATE_STOPPED:
        break;
    }
    return false; /* the sink has said why */
}

/* A head line before libcurl keeps it: see heads_first. A first field's later pieces of 16 KiB
 * count as lines of their own here. */
static bool may_keep_line(struct sy_transfer *transfer, struct sy_str line)
{
    const struct sy_net_reply *reply = &transfer->reply;

    if (reply->in_head && reply->lines == 0 && line.len &&
        (line.ptr[0] == ' ' || line.ptr[0] == '\t'))
        return fault(transfer, SY_NET_PROTOCOL, SY_CAUSE_BAD_FRAMING);
    return true;
}

size_t sy_net_on_body(char *data, size_t size, size_t count, void *transfer)
{
    struct sy_transfer *t = transfer;
    struct sy_str piece = sy_str_from(data, size * count);
    bool taken;

    if (!t->reply.whole_head && t->owner->heads_first)
        taken = may_keep_line(t, piece);
    else if (!t->reply.whole_head)
        taken = fault(t, SY_NET_PROTOCOL, SY_CAUSE_NOT_HTTP);
    else if (t->reply.coding == SY_NET_CODING_GZIP)
        taken = inflate_body(t, piece);
    else
        taken = append_body(t, piece);
    /* Any other number than that of the bytes stops libcurl; for no bytes at all 0 would not. */
    return taken ? piece.len : piece.len + 1;
}
