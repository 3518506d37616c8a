#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "http/parser.h"

/* What comes of a chunked body of at most 16 bytes, fed `step` bytes at a time. */
struct result {
    enum sy_http_verdict verdict;
    struct sy_http_refusal refusal;
    size_t consumed;
    char data[64];
    size_t len;
};

static void run(struct sy_str text, size_t step, struct result *out)
{
    struct sy_http_chunked state;

    memset(&state, 0, sizeof(state));
    memset(out, 0, sizeof(*out));
    out->verdict = SY_HTTP_MORE;
    while (out->verdict == SY_HTTP_MORE && out->consumed < text.len) {
        struct sy_str piece = sy_str_head(sy_str_skip(text, out->consumed), step);
        struct sy_str data;
        size_t consumed = 0;

        out->verdict = sy_http_chunked_feed(&state, piece, 16, &consumed, &data, &out->refusal);
        if (out->verdict == SY_HTTP_REFUSE)
            return;
        memcpy(out->data + out->len, data.ptr, data.len);
        out->len += data.len;
        out->consumed += consumed;
    }
}

static void chunks_are_joined(void **state)
{
    struct sy_str text = SY_STR("5\r\nhello\r\n00B;a;b=c;d=\"x \\\" y\"\r\nhello world\r\n0;z\r\n"
                                "X-Sum: a b\r\nVary:\r\n\r\nGET");

    (void)state;
    for (size_t step = 1; step <= text.len; step++) {
        struct result result;

        run(text, step, &result);
        assert_int_equal(result.verdict, SY_HTTP_DONE);
        assert_int_equal(result.consumed, text.len - 3);
        assert_int_equal(result.len, 16);
        assert_memory_equal(result.data, "hello", 5);
        assert_memory_equal(result.data + 5, "hello world", 11);
    }
}

static void what_is_no_chunk_is_refused(void **state)
{
    static const struct {
        const char *text;
        int status;
        const char *cause;
    } rows[] = {
        {"\r\n", 400, "bad_chunk"},
        {" 5\r\n", 400, "bad_chunk"},
        {"5 \r\n", 400, "bad_chunk"},
        {"+5", 400, "bad_chunk"},
        {"-1", 400, "bad_chunk"},
        {"0x5", 400, "bad_chunk"},
        {"1_0", 400, "bad_chunk"},
        {"g", 400, "bad_chunk"},
        {"5\n", 400, "bad_chunk"},
        {"5\rx", 400, "bad_chunk"},
        {"5;\r\n", 400, "bad_chunk"},
        {"5;;", 400, "bad_chunk"},
        {"5; a", 400, "bad_chunk"},
        {"5;a=\r\n", 400, "bad_chunk"},
        {"5;a=\"b\"c", 400, "bad_chunk"},
        {"5;a=\"b\r\n", 400, "bad_chunk"},
        {"5;a=\"\\\n", 400, "bad_chunk"},
        {"5;a\n", 400, "bad_chunk"},
        {"5;a\r\r", 400, "bad_chunk"},
        {"5\r\nhello!", 400, "bad_chunk"},
        {"5\r\nhello\n", 400, "bad_chunk"},
        {"5\r\nhello\r0", 400, "bad_chunk"},
        {"FFFFFFFFFFFFFFFF0", 400, "bad_chunk"},
        {"FFFFFFFFFFFFFFFF\r\n", 413, "body_too_large"},
        {"11\r\n", 413, "body_too_large"},
        {"10\r\n0123456789abcdef\r\n1\r\n", 413, "body_too_large"},
        {"0\r\n\n", 400, "bad_trailer"},
        {"0\r\n\rx", 400, "bad_trailer"},
        {"0\r\n x: y", 400, "bad_trailer"},
        {"0\r\n: y", 400, "bad_trailer"},
        {"0\r\nx y", 400, "bad_trailer"},
        {"0\r\nx: y\n", 400, "bad_trailer"},
        {"0\r\nx: y\rz", 400, "bad_trailer"},
        {"0\r\nx: \x01", 400, "bad_trailer"},
        {"0\r\ncontent-length: 5", 400, "forbidden_trailer"},
        {"0\r\nA: b\r\nTransfer-Encoding: chunked", 400, "forbidden_trailer"},
        {"0\r\nHOST:", 400, "forbidden_trailer"},
        {"0\r\nTransfer_Encoding:", 400, "forbidden_trailer"},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        for (size_t step = 1; step < 8; step++) {
            struct result result;

            run(sy_str_of(rows[i].text), step, &result);
            if (result.verdict != SY_HTTP_REFUSE || result.refusal.status != rows[i].status ||
                strcmp(result.refusal.cause, rows[i].cause) != 0) {
                print_error("%s: %d\n", rows[i].text, result.refusal.status);
                fail();
            }
        }
    }
}

static void names_that_only_begin_like_framing_fields_may_be_trailers(void **state)
{
    struct result result;

    (void)state;
    run(SY_STR("0\r\nHosts: a\r\nHos: a\r\nXHost: a\r\nT: a\r\n\r\n"), 1, &result);
    assert_int_equal(result.verdict, SY_HTTP_DONE);
}

static void lines_and_trailers_are_bounded(void **state)
{
    static const struct {
        const char *start;
        const char *cause;
    } rows[] = {
        {"5;", "chunk_line_too_long"},
        {"0", "chunk_line_too_long"},
        {"0\r\nx:", "trailers_too_large"},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct result result;
        struct sy_buf text;

        sy_buf_init(&text, 1u << 20);
        sy_buf_append_z(&text, rows[i].start);
        while (text.len < 10000)
            sy_buf_append_char(&text, '0');
        run(sy_buf_str(&text), 7, &result);
        assert_int_equal(result.verdict, SY_HTTP_REFUSE);
        assert_string_equal(result.refusal.cause, rows[i].cause);
        sy_buf_release(&text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(chunks_are_joined),
        cmocka_unit_test(what_is_no_chunk_is_refused),
        cmocka_unit_test(names_that_only_begin_like_framing_fields_may_be_trailers),
        cmocka_unit_test(lines_and_trailers_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
