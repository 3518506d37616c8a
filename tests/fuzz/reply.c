/*
 * A vendor's reply as libcurl hands it on: two bytes (HTTP/2, pieces), lines up to an empty one,
 * perhaps several heads, then a body in pieces. What is kept is within its limits, has one meaning
 * for where the body ends, and is the same however the body was cut.
 */
#include "fuzz.h"

#include "net/transfers_int.h"

#define LIMIT 65536u

struct fed {
    struct sy_curl_transfers owner;
    struct sy_net_pool pool;
    struct sy_transfer transfer;
};

static bool feed_line(struct sy_transfer *transfer, struct sy_str line)
{
    char *data = (char *)(uintptr_t)line.ptr;

    if (transfer->owner->heads_first && !transfer->reply.whole_head &&
        sy_net_on_body(data, 1, line.len, transfer) != line.len)
        return false;
    return sy_net_on_header(data, 1, line.len, transfer) == line.len;
}

static bool feed(struct fed *fed, struct sy_str text, size_t piece)
{
    struct sy_transfer *transfer = &fed->transfer;
    bool going = true;

    while (going && text.len && !transfer->reply.whole_head) {
        size_t end = sy_str_find_char(text, '\n');

        end = end < text.len ? end + 1 : text.len;
        going = feed_line(transfer, sy_str_head(text, end));
        text = sy_str_skip(text, end);
    }
    while (going && text.len && transfer->reply.whole_head) {
        struct sy_str head = sy_str_head(text, piece < text.len ? piece : text.len);

        going = sy_net_on_body((char *)(uintptr_t)head.ptr, 1, head.len, transfer) == head.len;
        text = sy_str_skip(text, head.len);
    }
    return going;
}

static void check(const struct fed *fed, bool going)
{
    const struct sy_net_reply *reply = &fed->transfer.reply;
    unsigned lengths = 0;

    FUZZ_CHECK(going == (fed->transfer.result.failure == SY_NET_OK));
    FUZZ_CHECK(reply->body_len <= LIMIT && reply->body_len <= reply->body_cap);
    FUZZ_CHECK(reply->head_len <= reply->head_cap);
    FUZZ_CHECK(reply->header_count <= SY_NET_HEADERS_MAX + 1);
    if (!reply->whole_head)
        return;
    FUZZ_CHECK(reply->status >= 200 && reply->status <= 599);
    for (unsigned i = 0; i < reply->header_count; i++) {
        struct sy_str name = reply->headers[i].name;

        FUZZ_CHECK(name.len && sy_str_find_char(name, ' ') == (size_t)-1);
        FUZZ_CHECK(sy_str_find_char(name, '\n') == (size_t)-1);
        FUZZ_CHECK(sy_str_find_char(reply->headers[i].value, '\n') == (size_t)-1);
        lengths += sy_str_eq(name, SY_STR("content-length")) ||
                   sy_str_eq(name, SY_STR("transfer-encoding"));
    }
    FUZZ_CHECK(lengths <= 1);
}

static void begin(struct fed *fed, bool http2, bool heads_first)
{
    *fed = (struct fed){.pool = {.http2 = http2}};
    fed->owner.heads_first = heads_first;
    fed->owner.options.memory = (size_t)64 << 20;
    fed->transfer.owner = &fed->owner;
    fed->transfer.pool = &fed->pool;
    fed->transfer.reply.limit = LIMIT;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static struct fed whole, cut;
    struct sy_str text = fuzz_all(data, size);
    unsigned flags = fuzz_byte(&text);
    size_t piece = fuzz_byte(&text) + 1;
    bool first, second;

    begin(&whole, flags & 1, flags & 2);
    begin(&cut, flags & 1, flags & 2);
    first = feed(&whole, text, LIMIT * 2);
    second = feed(&cut, text, piece);
    check(&whole, first);
    check(&cut, second);
    FUZZ_CHECK(whole.transfer.reply.status == cut.transfer.reply.status);
    if (first && second) {
        FUZZ_CHECK(whole.transfer.reply.body_len == cut.transfer.reply.body_len);
        FUZZ_CHECK(!cut.transfer.reply.body_len ||
                   memcmp(whole.transfer.reply.body, cut.transfer.reply.body,
                          cut.transfer.reply.body_len) == 0);
    }
    sy_net_reply_clear(&whole.transfer.reply, false);
    sy_net_reply_clear(&cut.transfer.reply, false);
    return 0;
}
