#include "outbound.h"

#include <zlib.h>

#define LINE_4K_SIZE 4006

static char line_4k[LINE_4K_SIZE]; /* a header line */
static char line_200k[200010];
static char chunk_64k[65536 + 9];
static char gzip_good[4096], gzip_cut[4096], gzip_bomb[2 * 1024 * 1024], gzip_tail[4096];
static char gzip_two[4096];
static size_t gzip_good_len, gzip_cut_len, gzip_bomb_len, gzip_tail_len, gzip_two_len;

/* The first row answers whatever has no row of its own. Rows with NULL heads get theirs in
 * set_up_group, from what zlib makes. */
static struct fault_row rows[] = {
    {.path = "ok",
     .head = HEAD_OK "Content-Type: application/json\r\nX-Seen: Yes\r\n" JSON_LENGTH JSON_BODY},
    {.path = "reset", .after = FAULT_RESET},
    {.path = "close", .after = FAULT_CLOSE},
    {.path = "close-reused", .after = FAULT_CLOSE, .first_is_fine = true},
    {.path = "reset-reused", .after = FAULT_RESET, .first_is_fine = true},
    {.path = "cut-status", .head = "HTTP/1.1 20", .after = FAULT_CLOSE},
    {.path = "cut-head", .head = HEAD_OK "Content-Type: app", .after = FAULT_CLOSE},
    {.path = "cut-head-reset",
     .head = HEAD_OK "Content-Type: app",
     .after = FAULT_RESET,
     .pause_last_ms = 100},
    {.path = "cut-body",
     .head = HEAD_OK "Content-Length: 100\r\n\r\n{\"ok\":",
     .after = FAULT_CLOSE},
    {.path = "cut-body-reset",
     .head = HEAD_OK "Content-Length: 100\r\n\r\n{\"ok\":",
     .after = FAULT_RESET,
     .pause_last_ms = 100},
    {.path = "cut-chunk-reset",
     .head = HEAD_OK CHUNKED "5\r\nhel",
     .after = FAULT_RESET,
     .pause_last_ms = 100},
    {.path = "cut-chunk", .head = HEAD_OK CHUNKED "5\r\nhel", .after = FAULT_CLOSE},
    {.path = "no-last-chunk",
     .head = HEAD_OK CHUNKED "b\r\n" JSON_BODY "\r\n",
     .after = FAULT_CLOSE},
    {.path = "bad-chunk", .head = HEAD_OK CHUNKED "ZZ\r\nhello\r\n0\r\n\r\n", .after = FAULT_HOLD},
    {.path = "chunk-overflow",
     .head = HEAD_OK CHUNKED "FFFFFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
     .after = FAULT_HOLD},
    {.path = "two-lengths",
     .head = HEAD_OK "Content-Length: 5\r\nContent-Length: 11\r\n\r\n" JSON_BODY,
     .after = FAULT_HOLD},
    {.path = "same-length-twice",
     .head = HEAD_OK "Content-Length: 11\r\nContent-Length: 11\r\n\r\n" JSON_BODY},
    {.path = "length-and-chunks",
     .head = HEAD_OK "Content-Length: 5\r\n" CHUNKED "b\r\n" JSON_BODY "\r\n0\r\n\r\n"},
    {.path = "length-20-digits",
     .head = HEAD_OK "Content-Length: 99999999999999999999\r\n\r\n" JSON_BODY,
     .after = FAULT_HOLD},
    {.path = "length-list",
     .head = HEAD_OK "Content-Length: 11, 11\r\n\r\n" JSON_BODY,
     .after = FAULT_HOLD},
    {.path = "te-gzip",
     .head = HEAD_OK "Transfer-Encoding: gzip, chunked\r\n\r\nb\r\n" JSON_BODY "\r\n0\r\n\r\n",
     .after = FAULT_HOLD},
    {.path = "folded-first", .head = HEAD_OK " two: 2\r\n" JSON_LENGTH JSON_BODY},
    {.path = "folded", .head = HEAD_OK "X-A: one\r\n two\r\n" JSON_LENGTH JSON_BODY},
    {.path = "blank-before-colon",
     .head = HEAD_OK "Content-Length : 11\r\n\r\n" JSON_BODY,
     .after = FAULT_CLOSE},
    {.path = "no-colon", .head = HEAD_OK "this is not a header\r\n" JSON_LENGTH JSON_BODY},
    {.path = "nul-in-head",
     .head = HEAD_OK "X-A: a\0b\r\n" JSON_LENGTH JSON_BODY,
     .head_len = sizeof(HEAD_OK "X-A: a\0b\r\n" JSON_LENGTH JSON_BODY) - 1},
    {.path = "garbage",
     .head = "\x16\x03\x01\x02\x00\x01\xfc\x03 nothing like it\r\n\r\n",
     .head_len = 28,
     .after = FAULT_CLOSE},
    {.path = "http09", .head = "hello world without a head\n", .after = FAULT_CLOSE},
    {.path = "http3", .head = "HTTP/3.7 200 OK\r\n" JSON_LENGTH JSON_BODY, .after = FAULT_HOLD},
    {.path = "status-20", .head = "HTTP/1.1 20 X\r\n" JSON_LENGTH JSON_BODY, .after = FAULT_HOLD},
    {.path = "status-000", .head = "HTTP/1.1 000 X\r\n" JSON_LENGTH JSON_BODY, .after = FAULT_HOLD},
    {.path = "status-999", .head = "HTTP/1.1 999 X\r\n" JSON_LENGTH JSON_BODY},
    {.path = "status-600", .head = "HTTP/1.1 600 X\r\n" JSON_LENGTH JSON_BODY},
    {.path = "status-101",
     .head = "HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\nxxxx",
     .after = FAULT_HOLD},
    {.path = "interim-flood", .unit = "HTTP/1.1 100 Continue\r\n\r\n", .times = 20000},
    {.path = "interim",
     .head = "HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n" HEAD_OK JSON_LENGTH JSON_BODY},
    {.path = "line-200k", .head = HEAD_OK, .unit = line_200k, .times = 1, .after = FAULT_HOLD},
    {.path = "many-lines", .head = HEAD_OK, .unit = line_4k, .times = 30, .after = FAULT_HOLD},
    {.path = "endless-head", .head = HEAD_OK, .unit = line_4k, .times = 100000},
    {.path = "many-fields", .head = HEAD_OK, .unit = "A: b\r\n", .times = 300, .after = FAULT_HOLD},
    {.path = "endless-body", .head = HEAD_OK CHUNKED, .unit = chunk_64k, .times = 100000},
    {.path = "length-over-cap",
     .head = HEAD_OK "Content-Length: 40000000\r\n\r\n",
     .after = FAULT_HOLD},
    {.path = "gzip", .unit = gzip_good, .times = 1},
    {.path = "gzip-two-members", .unit = gzip_two, .times = 1},
    {.path = "gzip-cut", .unit = gzip_cut, .times = 1},
    {.path = "gzip-and-more", .unit = gzip_tail, .times = 1},
    {.path = "gzip-bomb", .unit = gzip_bomb, .times = 1},
    {.path = "gzip-bad", .head = HEAD_OK "Content-Encoding: gzip\r\n" JSON_LENGTH JSON_BODY},
    {.path = "gzip-empty", .head = HEAD_OK "Content-Encoding: gzip\r\nContent-Length: 0\r\n\r\n"},
    {.path = "coding-br", .head = HEAD_OK "Content-Encoding: br\r\n" JSON_LENGTH JSON_BODY},
    {.path = "coding-twice",
     .head = HEAD_OK "Content-Encoding: gzip, gzip\r\n" JSON_LENGTH JSON_BODY},
    {.path = "identity", .head = HEAD_OK "Content-Encoding: identity\r\n" JSON_LENGTH JSON_BODY},
    {.path = "silent", .after = FAULT_HOLD},
    {.path = "drip-body",
     .head = HEAD_OK "Content-Length: 1000\r\n\r\n",
     .unit = "x",
     .unit_len = 1,
     .times = 1000,
     .pause_ms = 20},
    {.path = "drip-head",
     .head = HEAD_OK "X-A: ",
     .unit = "y",
     .unit_len = 1,
     .times = 1000,
     .pause_ms = 20},
    {.path = "redirect",
     .head = "HTTP/1.1 302 Found\r\nLocation: http://169.254.169.254/\r\n"
             "Content-Length: 0\r\n\r\n"},
    {.path = "no-length", .head = HEAD_OK "\r\n" JSON_BODY, .after = FAULT_CLOSE},
    {.path = "http10", .head = "HTTP/1.0 200 OK\r\n\r\n" JSON_BODY, .after = FAULT_CLOSE},
    {.path = "chunks-and-trailer",
     .head = HEAD_OK CHUNKED "b\r\n" JSON_BODY "\r\n0\r\nX-Trailer: a\r\n\r\n"},
    {.path = "more-than-length",
     .head = HEAD_OK "Content-Length: 11\r\n\r\n" JSON_BODY "HTTP/1.1 "},
    {.path = "status-304",
     .head = "HTTP/1.1 304 Not Modified\r\n" JSON_LENGTH JSON_BODY,
     .after = FAULT_CLOSE},
    {.path = "length-negative",
     .head = HEAD_OK "Content-Length: -1\r\n\r\n" JSON_BODY,
     .after = FAULT_HOLD},
    {.path = "status-204", .head = "HTTP/1.1 204 No Content\r\n\r\n"},
    {.path = "status-500", .head = "HTTP/1.1 500 Oh\r\n" JSON_LENGTH JSON_BODY},
    {.path = "big",
     .head = HEAD_OK "Content-Length: 1048576\r\n\r\n",
     .unit = chunk_64k + 7,
     .unit_len = 65536,
     .times = 16},
    {.path = "slow", .unit = HEAD_OK JSON_LENGTH JSON_BODY, .times = 1, .pause_ms = 60},
};

static struct fault_row rows_reset_at_once[] = {{.path = "x", .before_request = true}};

/* ---- fixtures ---- */

static size_t deflate_to(char *out, size_t size, const char *head, const char *text, size_t len,
                         size_t cut)
{
    z_stream stream = {0};
    size_t at;
    char *packed = malloc(size);

    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, 15 + 16, 8, Z_DEFAULT_STRATEGY), Z_OK);
    stream.next_in = (Bytef *)(uintptr_t)text;
    stream.avail_in = (uInt)len;
    stream.next_out = (Bytef *)packed;
    stream.avail_out = (uInt)size;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    len = size - stream.avail_out - cut;
    deflateEnd(&stream);
    at = (size_t)snprintf(out, size, "%sContent-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n",
                          head, len);
    assert_true(at + len <= size);
    memcpy(out + at, packed, len);
    free(packed);
    return at + len;
}

/* The same reply with `more` put behind its body. */
static size_t with_more(char *out, const char *from, size_t len, const char *more, size_t more_len)
{
    const char *body = (const char *)memmem(from, len, "\r\n\r\n", 4) + 4;
    size_t body_len = len - (size_t)(body - from);
    size_t at = (size_t)sprintf(
        out, HEAD_OK "Content-Encoding: gzip\r\nContent-Length: %zu\r\n\r\n", body_len + more_len);

    memcpy(out + at, body, body_len);
    memcpy(out + at + body_len, more, more_len);
    return at + body_len + more_len;
}

static void make_payloads(void)
{
    size_t zeros = 200u * 1024 * 1024;
    char *bomb = calloc(1, zeros);
    const char *body;

    memset(line_4k, 'b', sizeof(line_4k));
    memcpy(line_4k, "X-A: ", 5);
    memcpy(line_4k + sizeof(line_4k) - 2, "\r\n", 2);
    memset(line_200k, 'b', sizeof(line_200k));
    memcpy(line_200k, "X-A: ", 5);
    memset(chunk_64k, 'c', sizeof(chunk_64k));
    memcpy(chunk_64k, "10000\r\n", 7);
    memcpy(chunk_64k + 7 + 65536, "\r\n", 2);
    gzip_good_len = deflate_to(gzip_good, sizeof(gzip_good), HEAD_OK, JSON_BODY, 11, 0);
    gzip_cut_len = deflate_to(gzip_cut, sizeof(gzip_cut), HEAD_OK, JSON_BODY, 11, 9);
    gzip_bomb_len = deflate_to(gzip_bomb, sizeof(gzip_bomb), HEAD_OK, bomb, zeros, 0);
    gzip_tail_len = with_more(gzip_tail, gzip_good, gzip_good_len, "more", 4);
    body = (const char *)memmem(gzip_good, gzip_good_len, "\r\n\r\n", 4) + 4;
    gzip_two_len = with_more(gzip_two, gzip_good, gzip_good_len, body,
                             gzip_good_len - (size_t)(body - gzip_good));
    free(bomb);
}

static void set_units(void)
{
    const struct {
        const char *unit;
        size_t len;
    } sizes[] = {{gzip_good, gzip_good_len},     {gzip_cut, gzip_cut_len},
                 {gzip_bomb, gzip_bomb_len},     {gzip_tail, gzip_tail_len},
                 {gzip_two, gzip_two_len},       {line_4k, sizeof(line_4k)},
                 {line_200k, sizeof(line_200k)}, {chunk_64k, sizeof(chunk_64k)}};

    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        for (size_t k = 0; k < SY_ARRAY_LEN(sizes); k++) {
            if (rows[i].unit == sizes[k].unit)
                rows[i].unit_len = sizes[k].len;
        }
        if (rows[i].unit && !rows[i].unit_len)
            rows[i].unit_len = strlen(rows[i].unit);
    }
}

static int set_up_group(void **state)
{
    (void)state;
    make_payloads();
    set_units();
    server = malloc(sizeof(*server));
    return sy_transfers_global_init(NULL) == SY_OK && server &&
                   fault_server_start(server, rows, SY_ARRAY_LEN(rows), "127.0.0.1") == 0
               ? 0
               : -1;
}

static int tear_down_group(void **state)
{
    (void)state;
    fault_server_stop(server);
    free(server);
    sy_transfers_global_cleanup();
    return 0;
}

/* ---- faults ---- */

struct expected {
    const char *path;
    enum sy_net_failure failure;
    enum sy_cause cause;
};

#define ROW(path, failure, cause)                                                                  \
    {                                                                                              \
        path, SY_NET_##failure, SY_CAUSE_##cause                                                   \
    }

static const struct expected faults[] = {
    ROW("reset", RESET, RESET),
    ROW("close", RESET, EMPTY_REPLY),
    ROW("cut-status", RESET, EMPTY_REPLY),
    ROW("cut-head", PROTOCOL, TRUNCATED),
    ROW("cut-head-reset", PROTOCOL, TRUNCATED),
    ROW("cut-body", PROTOCOL, TRUNCATED),
    ROW("cut-body-reset", PROTOCOL, TRUNCATED),
    ROW("cut-chunk-reset", PROTOCOL, TRUNCATED),
    ROW("cut-chunk", PROTOCOL, TRUNCATED),
    ROW("no-last-chunk", PROTOCOL, TRUNCATED),
    ROW("bad-chunk", PROTOCOL, BAD_FRAMING),
    ROW("chunk-overflow", PROTOCOL, BAD_FRAMING),
    ROW("two-lengths", PROTOCOL, BAD_FRAMING),
    ROW("same-length-twice", PROTOCOL, BAD_FRAMING),
    ROW("length-and-chunks", PROTOCOL, BAD_FRAMING),
    ROW("length-20-digits", PROTOCOL, BAD_FRAMING),
    ROW("length-negative", PROTOCOL, BAD_FRAMING),
    ROW("length-list", PROTOCOL, BAD_FRAMING),
    ROW("te-gzip", PROTOCOL, BAD_FRAMING),
    ROW("folded-first", PROTOCOL, BAD_FRAMING),
    ROW("folded", PROTOCOL, BAD_FRAMING),
    ROW("blank-before-colon", PROTOCOL, BAD_FRAMING),
    ROW("no-colon", PROTOCOL, BAD_FRAMING),
    ROW("nul-in-head", PROTOCOL, BAD_FRAMING),
    ROW("garbage", PROTOCOL, NOT_HTTP),
    ROW("http09", PROTOCOL, NOT_HTTP),
    ROW("http3", PROTOCOL, NOT_HTTP),
    ROW("status-20", PROTOCOL, NOT_HTTP),
    ROW("status-000", PROTOCOL, NOT_HTTP),
    ROW("status-999", PROTOCOL, BAD_STATUS),
    ROW("status-600", PROTOCOL, BAD_STATUS),
    ROW("status-101", PROTOCOL, BAD_STATUS),
    ROW("interim-flood", PROTOCOL, BAD_FRAMING),
    ROW("line-200k", TOO_LARGE, HEADERS_TOO_LARGE),
    ROW("many-lines", TOO_LARGE, HEADERS_TOO_LARGE),
    ROW("endless-head", TOO_LARGE, HEADERS_TOO_LARGE),
    ROW("many-fields", TOO_LARGE, HEADERS_TOO_LARGE),
    ROW("endless-body", TOO_LARGE, BODY_TOO_LARGE),
    ROW("length-over-cap", TOO_LARGE, BODY_TOO_LARGE),
    ROW("gzip-cut", PROTOCOL, TRUNCATED),
    ROW("gzip-and-more", PROTOCOL, BAD_ENCODING),
    ROW("gzip-bomb", TOO_LARGE, DECOMPRESSION_LIMIT),
    ROW("gzip-bad", PROTOCOL, BAD_ENCODING),
    ROW("coding-br", PROTOCOL, BAD_ENCODING),
    ROW("coding-twice", PROTOCOL, BAD_ENCODING),
};

static void every_fault_has_its_cause(void **state)
{
    unsigned wrong = 0;

    (void)state;
    for (size_t i = 0; i < 2 * SY_ARRAY_LEN(faults); i++) {
        const struct expected *row = &faults[i / 2];
        unsigned before = fault_server_hits(server, row->path);
        struct call call;

        if (i % 2)
            call_init_write(&call, row->path);
        else
            call_init(&call, row->path);
        call_run(&call);
        if (call.failure != row->failure || call.cause != row->cause || !call.started ||
            call.status != 0 || fault_server_hits(server, row->path) != before + 1) {
            print_error("%s%s: failure %d cause %s started %d, %u copies, want %d %s\n", row->path,
                        i % 2 ? " (write)" : "", call.failure, sy_cause_word(call.cause),
                        call.started, fault_server_hits(server, row->path) - before, row->failure,
                        sy_cause_word(row->cause));
            wrong++;
        }
    }
    assert_int_equal(wrong, 0);
}

static void odd_but_whole_replies_are_taken(void **state)
{
    static const struct {
        const char *path;
        int status;
        const char *body;
    } fine[] = {
        {"ok", 200, JSON_BODY},
        {"interim", 200, JSON_BODY},
        {"gzip", 200, JSON_BODY},
        {"gzip-two-members", 200, JSON_BODY JSON_BODY},
        {"gzip-empty", 200, ""},
        {"identity", 200, JSON_BODY},
        {"no-length", 200, JSON_BODY},
        {"http10", 200, JSON_BODY},
        {"chunks-and-trailer", 200, JSON_BODY},
        {"more-than-length", 200, JSON_BODY},
        {"status-204", 204, ""},
        {"status-304", 304, ""},
        {"status-500", 500, JSON_BODY},
        {"slow", 200, JSON_BODY},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(fine); i++) {
        struct call call;

        call_init(&call, fine[i].path);
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
        assert_int_equal(call.cause, SY_CAUSE_NONE);
        assert_int_equal(call.status, fine[i].status);
        assert_string_equal(call.body, fine[i].body);
        assert_true(call.started);
        assert_true(call.first_byte_us >= 0 && call.first_byte_us <= call.total_us);
    }
}

static void header_names_come_in_lower_case(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "ok");
    call_run(&call);
    assert_string_equal(call.seen, "Yes");
    assert_int_equal(call.header_count, 3);
}

static void a_redirect_is_handed_over_and_not_followed(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "redirect");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    assert_int_equal(call.status, 302);
    assert_string_equal(call.location, "http://169.254.169.254/");
}

static void a_cap_of_the_request_counts_decoded_bytes(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "big");
    call.request.reply_cap = 1048576;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    assert_int_equal(call.body_len, 1048576);
    call_init(&call, "big");
    call.request.reply_cap = 1048575;
    call_run(&call);
    assert_int_equal(call.cause, SY_CAUSE_BODY_TOO_LARGE);
    call_init(&call, "gzip");
    call.request.reply_cap = 10;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_TOO_LARGE);
}

/* ---- copies on the wire ---- */

/* libcurl up to 8.1.0 would write through a pointer into the first call's freed header. */
static void a_used_handle_takes_no_folded_first_line(void **state)
{
    struct call call;

    (void)state;
    make_transfers(1, 0);
    for (int i = 0; i < 6; i++) {
        call_init(&call, i % 2 ? "folded-first" : "ok");
        call_run(&call);
        assert_int_equal(call.failure, i % 2 ? SY_NET_PROTOCOL : SY_NET_OK);
        assert_int_equal(call.cause, i % 2 ? SY_CAUSE_BAD_FRAMING : SY_CAUSE_NONE);
    }
}

static void a_write_is_never_sent_twice(void **state)
{
    static const char *const paths[] = {"close-reused", "reset-reused"};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(paths); i++) {
        unsigned before = fault_server_hits(server, paths[i]);
        unsigned accepted;
        struct call call;

        make_transfers(1, 0);
        call_init_write(&call, paths[i]);
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
        accepted = atomic_load(&server->accepted);
        call_init_write(&call, paths[i]);
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_RESET);
        assert_true(call.cause == SY_CAUSE_EMPTY_REPLY || call.cause == SY_CAUSE_RESET);
        assert_true(call.started);
        run_for(50);
        assert_int_equal(fault_server_hits(server, paths[i]), before + 2);
        /* libcurl dials again before it is stopped; nothing is said on that connection. */
        assert_true(atomic_load(&server->accepted) <= accepted + 1);
    }
}

static void a_read_is_sent_once_more_on_a_dead_connection(void **state)
{
    unsigned before = fault_server_hits(server, "close-reused");
    struct call call;

    (void)state;
    make_transfers(1, 0);
    call_init(&call, "close-reused");
    call_run(&call);
    call_init(&call, "close-reused");
    call_run(&call);
    /* The new connection's first request is answered. */
    assert_int_equal(call.failure, SY_NET_OK);
    assert_int_equal(call.sends, 2);
    assert_int_equal(fault_server_hits(server, "close-reused"), before + 3);
}

static void a_read_is_sent_no_more_often_than_its_request_allows(void **state)
{
    unsigned before = fault_server_hits(server, "close-reused");
    struct call call;

    (void)state;
    make_transfers(1, 0);
    for (int i = 0; i < 2; i++) {
        call_init(&call, "close-reused");
        call.what.sends_max = 1;
        call_run(&call);
        assert_int_equal(call.failure, i ? SY_NET_RESET : SY_NET_OK);
        assert_int_equal(call.sends, 1);
    }
    run_for(50);
    assert_int_equal(fault_server_hits(server, "close-reused"), before + 2);
}

static void connections_are_kept_for_the_next_call(void **state)
{
    unsigned accepted = atomic_load(&server->accepted);
    struct call call;

    (void)state;
    for (int i = 0; i < 20; i++) {
        if (i % 2)
            call_init_write(&call, "ok");
        else
            call_init(&call, "ok");
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
    }
    assert_int_equal(atomic_load(&server->accepted), accepted + 1);
    sy_transfers_flush(transfers);
    call_init(&call, "ok");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    assert_int_equal(atomic_load(&server->accepted), accepted + 2);
}

static void a_write_takes_no_connection_that_was_idle_for_four_seconds(void **state)
{
    unsigned accepted = atomic_load(&server->accepted);
    struct call call;

    (void)state;
    call_init(&call, "ok");
    call_run(&call);
    run_for(4050);
    call_init(&call, "ok");
    call_run(&call);
    assert_int_equal(atomic_load(&server->accepted), accepted + 1);
    run_for(4050);
    call_init_write(&call, "ok");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    assert_int_equal(atomic_load(&server->accepted), accepted + 2);
}

/* ---- what is sent ---- */

static void the_request_goes_out_as_it_was_made(void **state)
{
    char sent[4096];
    struct call call;

    (void)state;
    call_init_write(&call, "ok?a=%2F&b=..");
    call.request.headers[0] =
        (struct sy_header){.name = SY_STR("Authorization"), .value = SY_STR("Bearer t")};
    call.request.headers[1] = (struct sy_header){.name = SY_STR("X-Empty"), .value = SY_STR("")};
    call.request.headers[2] =
        (struct sy_header){.name = SY_STR("Content-Type"), .value = SY_STR("application/json")};
    call.request.header_count = 3;
    call.request.body[0] = SY_STR("{\"a\":");
    call.request.body[1] = SY_STR("[1,2]");
    call.request.body[2] = SY_STR("}");
    call.request.body_count = 3;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    last_request(sent, sizeof(sent));
    assert_non_null(strstr(sent, "POST /ok?a=%2F&b=.. HTTP/1.1\r\n"));
    assert_non_null(strstr(sent, "\r\nAuthorization: Bearer t\r\n"));
    assert_non_null(strstr(sent, "\r\nX-Empty:\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Type: application/json\r\n"));
    assert_non_null(strstr(sent, "\r\nAccept-Encoding: gzip\r\n"));
    assert_non_null(strstr(sent, "\r\nContent-Length: 11\r\n"));
    assert_non_null(strstr(sent, "\r\n\r\n{\"a\":[1,2]}"));
    assert_null(strstr(sent, "Expect"));
}

static void every_verb_is_sent_with_or_without_a_body(void **state)
{
    static const struct {
        enum sy_http_verb verb;
        bool body;
        const char *line;
        const char *length;
    } table[] = {
        {SY_VERB_GET, false, "GET /ok HTTP/1.1\r\n", NULL},
        {SY_VERB_DELETE, false, "DELETE /ok HTTP/1.1\r\n", NULL},
        {SY_VERB_DELETE, true, "DELETE /ok HTTP/1.1\r\n", "\r\nContent-Length: 7\r\n"},
        {SY_VERB_PUT, true, "PUT /ok HTTP/1.1\r\n", "\r\nContent-Length: 7\r\n"},
        {SY_VERB_PUT, false, "PUT /ok HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
        {SY_VERB_PATCH, true, "PATCH /ok HTTP/1.1\r\n", "\r\nContent-Length: 7\r\n"},
        {SY_VERB_POST, false, "POST /ok HTTP/1.1\r\n", "\r\nContent-Length: 0\r\n"},
        {SY_VERB_POST, true, "POST /ok HTTP/1.1\r\n", "\r\nContent-Length: 7\r\n"},
        {SY_VERB_GET, false, "GET /ok HTTP/1.1\r\n", NULL},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        char sent[4096];
        struct call call;

        call_init_write(&call, "ok");
        call.request.verb = table[i].verb;
        call.request.body_count = table[i].body ? 1 : 0;
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
        last_request(sent, sizeof(sent));
        assert_int_equal(strncmp(sent, table[i].line, strlen(table[i].line)), 0);
        if (table[i].length)
            assert_non_null(strstr(sent, table[i].length));
        else
            assert_null(strstr(sent, "Content-Length"));
        assert_null(strstr(sent, "x-www-form-urlencoded"));
    }
}

static void a_large_body_arrives_whole(void **state)
{
    static char part[200000];
    struct call call;

    (void)state;
    memset(part, 'p', sizeof(part));
    call_init_write(&call, "ok");
    for (unsigned i = 0; i < 3; i++)
        call.request.body[i] = sy_str_from(part, sizeof(part));
    call.request.body_count = 3;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    call_init_write(&call, "ok");
    call.request.body[0] = sy_str_from(part, sizeof(part));
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
}

static void control_bytes_in_a_header_are_refused_here(void **state)
{
    static const struct {
        struct sy_str name;
        struct sy_str value;
    } table[] = {
        {SY_STR_INIT("X-A"), SY_STR_INIT("a\r\nX-Evil: 1")},
        {SY_STR_INIT("X-A"), SY_STR_INIT("a\nX-Evil: 1")},
        {SY_STR_INIT("X-A"), SY_STR_INIT("a\tb")},
        {SY_STR_INIT("X-A"), SY_STR_INIT("a\0b")},
        {SY_STR_INIT("X-A"), SY_STR_INIT("a\x7f")},
        {SY_STR_INIT("X-A\r\nX-Evil"), SY_STR_INIT("b")},
        {SY_STR_INIT("X A"), SY_STR_INIT("b")},
        {SY_STR_INIT("X:A"), SY_STR_INIT("b")},
        {SY_STR_INIT(""), SY_STR_INIT("b")},
        {SY_STR_INIT("Content-Length"), SY_STR_INIT("3")},
        {SY_STR_INIT("host"), SY_STR_INIT("elsewhere")},
        {SY_STR_INIT("Transfer-Encoding"), SY_STR_INIT("chunked")},
    };
    unsigned before = fault_server_hits(server, "ok");

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        struct call call;

        call_init_write(&call, "ok");
        call.request.headers[0] =
            (struct sy_header){.name = table[i].name, .value = table[i].value, .secret = true};
        call.request.header_count = 1;
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_REFUSED_HERE);
        assert_int_equal(call.cause, SY_CAUSE_HEADER_REFUSED);
        assert_false(call.started);
    }
    assert_int_equal(fault_server_hits(server, "ok"), before);
}

static void urls_that_are_no_vendor_urls_are_refused_here(void **state)
{
    static const struct {
        struct sy_str url;
        enum sy_cause cause;
    } table[] = {
        {SY_STR_INIT("file:///etc/passwd"), SY_CAUSE_EGRESS_REFUSED},
        {SY_STR_INIT("http://user@127.0.0.1/"), SY_CAUSE_EGRESS_REFUSED},
        {SY_STR_INIT("http://127.0.0.1/a/../b"), SY_CAUSE_EGRESS_REFUSED},
        {SY_STR_INIT("http://2130706433/"), SY_CAUSE_EGRESS_REFUSED},
        {SY_STR_INIT(""), SY_CAUSE_EGRESS_REFUSED},
        {SY_STR_INIT("http://127.0.0.1/\r\nX-Evil: 1"), SY_CAUSE_HEADER_REFUSED},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        struct call call;

        call_init(&call, "ok");
        call.request.url = table[i].url;
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_REFUSED_HERE);
        assert_int_equal(call.cause, table[i].cause);
        assert_false(call.started);
    }
}

/* ---- addresses ---- */

static void a_private_address_is_for_trusted_requests_only(void **state)
{
    unsigned accepted = atomic_load(&server->accepted);
    struct call call;

    (void)state;
    call_init(&call, "ok");
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_REFUSED_HERE);
    assert_int_equal(call.cause, SY_CAUSE_EGRESS_REFUSED);
    assert_false(call.started);
    call_init(&call, "ok");
    snprintf(call.url, sizeof(call.url), "http://localhost:%u/ok", server->port);
    call.request.url = sy_str_of(call.url);
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.cause, SY_CAUSE_EGRESS_REFUSED);
    assert_int_equal(atomic_load(&server->accepted), accepted);
    call_init(&call, "ok");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    /* The connection that the trusted call left is no way around the guard. */
    call_init(&call, "ok");
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.cause, SY_CAUSE_EGRESS_REFUSED);
    assert_false(call.started);
    assert_int_equal(sy_egress_allow(&egress, SY_STR("127.0.0.0/8"), NULL), SY_OK);
    call_init(&call, "ok");
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
}

static void the_hook_guards_reused_connections_too(void **state)
{
    struct sy_egress_net loopback;
    struct call call;

    (void)state;
    /* Dialled while the operator allowed it, judged again when it no longer does. */
    assert_int_equal(sy_egress_allow(&egress, SY_STR("127.0.0.1"), NULL), SY_OK);
    loopback = egress.allow[0];
    call_init(&call, "ok");
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    egress.allow_count = 0;
    call_init(&call, "ok");
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.cause, SY_CAUSE_EGRESS_REFUSED);
    assert_int_equal(loopback.prefix, 128);
}

static void names_are_looked_up_by_our_resolver(void **state)
{
    struct call call;

    (void)state;
    call_init(&call, "ok");
    snprintf(call.url, sizeof(call.url), "http://LocalHost:%u/ok", server->port);
    call.request.url = sy_str_of(call.url);
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    call_init(&call, "ok");
    call.request.url = SY_STR("http://no-such-name.invalid/");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_UNREACHABLE);
    assert_int_equal(call.cause, SY_CAUSE_DNS);
    assert_false(call.started);
}

static void a_name_goes_where_the_resolver_says(void **state)
{
    struct call call;
    char sent[1024];
    char host[64];

    (void)state;
    use_fake_names();
    call_to_name(&call, "vendor.test", "ok");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    last_request(sent, sizeof(sent));
    snprintf(host, sizeof(host), "\r\nHost: vendor.test:%u\r\n", server->port);
    assert_non_null(strstr(sent, host));
    call_to_name(&call, "two.test", "ok");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
    /* Only the address that may be dialled is. */
    assert_int_equal(sy_egress_allow(&egress, SY_STR("127.0.0.1"), NULL), SY_OK);
    call_to_name(&call, "two.guarded.test", "ok");
    call.what.trusted_address = false;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
}

static void a_resolver_that_hangs_stops_only_its_own_calls(void **state)
{
    struct call hanging, fine;

    (void)state;
    use_fake_names();
    call_to_name(&hanging, "hang.test", "ok");
    hanging.what.connect_timeout_ms = 150;
    call_to_name(&fine, "vendor.test", "ok");
    call_start(&hanging);
    call_start(&fine);
    run();
    assert_int_equal(fine.failure, SY_NET_OK);
    assert_true(fine.total_us < 120000);
    assert_int_equal(hanging.failure, SY_NET_TIMEOUT);
    assert_int_equal(hanging.cause, SY_CAUSE_DNS_TIMEOUT);
    assert_false(hanging.started);
    assert_true(hanging.total_us < 400000);
}

static void nobody_listening_is_refused_and_not_started(void **state)
{
    struct call call;

    (void)state;
    call_init_write(&call, "ok");
    call.request.url = SY_STR("http://127.0.0.1:9/");
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_UNREACHABLE);
    assert_int_equal(call.cause, SY_CAUSE_CONNECT_REFUSED);
    assert_false(call.started);
}

static void a_reset_at_once_counts_as_maybe_sent(void **state)
{
    struct fault_server *other = malloc(sizeof(*other));
    struct call call;

    (void)state;
    assert_int_equal(fault_server_start(other, rows_reset_at_once, 1, "127.0.0.1"), 0);
    call_init_write(&call, "x");
    snprintf(call.url, sizeof(call.url), "http://127.0.0.1:%u/x", other->port);
    call.request.url = sy_str_of(call.url);
    call_run(&call);
    assert_int_equal(call.failure, call.started ? SY_NET_RESET : SY_NET_UNREACHABLE);
    fault_server_stop(other);
    free(other);
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(every_fault_has_its_cause),
        T(odd_but_whole_replies_are_taken),
        T(header_names_come_in_lower_case),
        T(a_redirect_is_handed_over_and_not_followed),
        T(a_cap_of_the_request_counts_decoded_bytes),
        T(a_used_handle_takes_no_folded_first_line),
        T(a_write_is_never_sent_twice),
        T(a_read_is_sent_no_more_often_than_its_request_allows),
        T(a_read_is_sent_once_more_on_a_dead_connection),
        T(connections_are_kept_for_the_next_call),
        T(a_write_takes_no_connection_that_was_idle_for_four_seconds),
        T(the_request_goes_out_as_it_was_made),
        T(every_verb_is_sent_with_or_without_a_body),
        T(a_large_body_arrives_whole),
        T(control_bytes_in_a_header_are_refused_here),
        T(urls_that_are_no_vendor_urls_are_refused_here),
        T(a_private_address_is_for_trusted_requests_only),
        T(the_hook_guards_reused_connections_too),
        T(names_are_looked_up_by_our_resolver),
        T(a_name_goes_where_the_resolver_says),
        T(a_resolver_that_hangs_stops_only_its_own_calls),
        T(nobody_listening_is_refused_and_not_started),
        T(a_reset_at_once_counts_as_maybe_sent),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
