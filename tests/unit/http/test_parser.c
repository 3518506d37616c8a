#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "simulator.h"

#define HOST "Host: a\r\n"

static const struct sy_http_limits limits = {32u << 10, 8u << 10, 8u << 20};

/* A request and what becomes of it: 0 is accepted, 1 needs more bytes, else the refusal. */
struct row {
    const char *text;
    int status;
    const char *cause;
};

static void check_row(const struct row *row)
{
    struct sy_http_head head;
    struct sy_http_refusal refusal = {0, NULL};
    size_t consumed = 0;
    enum sy_http_verdict verdict =
        sy_http_head_parse(sy_str_of(row->text), &limits, &head, &consumed, &refusal);
    int status = verdict == SY_HTTP_MORE ? 1 : refusal.status;

    if (status != row->status || (row->cause && strcmp(refusal.cause, row->cause) != 0)) {
        print_error("%s\n-> %d %s\n", row->text, status, refusal.cause ? refusal.cause : "");
        fail();
    }
}

#define CHECK_ROWS(rows)                                                                           \
    do {                                                                                           \
        for (size_t i_ = 0; i_ < SY_ARRAY_LEN(rows); i_++)                                         \
            check_row(&(rows)[i_]);                                                                \
    } while (0)

static void a_head_is_taken_apart(void **state)
{
    struct sy_str text =
        SY_STR("\r\nPOST /a%20b?c=d#e HTTP/1.1\r\nHost: [::1]:80\r\nX-A:\t b c \t\r\n"
               "Content-Length: 4\r\nx-a: 2\r\nExpect: 100-Continue\r\n\r\nbody");
    struct sy_http_head head;
    struct sy_http_refusal refusal;
    size_t consumed = 0;

    (void)state;
    assert_int_equal(sy_http_head_parse(text, &limits, &head, &consumed, &refusal), SY_HTTP_DONE);
    assert_int_equal(consumed, text.len - 4);
    assert_int_equal(head.method, SY_HTTP_POST);
    assert_true(sy_str_eq(head.method_text, SY_STR("POST")));
    assert_true(sy_str_eq(head.target, SY_STR("/a%20b?c=d#e")));
    assert_true(sy_str_eq(head.path, SY_STR("/a%20b")));
    assert_true(sy_str_eq(head.query, SY_STR("c=d#e")));
    assert_true(sy_str_eq(head.host, SY_STR("[::1]:80")));
    assert_int_equal(head.minor, 1);
    assert_true(head.keep_alive);
    assert_true(head.expect_continue);
    assert_false(head.coded);
    assert_int_equal(head.framing, SY_HTTP_LENGTH);
    assert_int_equal(head.content_length, 4);
    assert_int_equal(head.header_count, 5);
    assert_true(sy_str_eq(sy_http_header_get(&head, SY_STR("X-a")), SY_STR("b c")));
    assert_int_equal(sy_http_header_count(&head, SY_STR("x-A")), 2);
    assert_null(sy_http_header_get(&head, SY_STR("X-B")).ptr);
}

static void every_prefix_of_a_good_head_needs_more(void **state)
{
    const char *text = "\r\n\r\nPOST http://u:p@a:80?x HTTP/1.1\r\nHost: A:80\r\nX:\r\n"
                       "Transfer-Encoding: Chunked\r\nConnection: close\r\n\r\n";
    struct sy_http_head head;
    struct sy_http_refusal refusal;
    size_t consumed = 0;
    size_t len = strlen(text);

    (void)state;
    for (size_t i = 0; i <= len; i++) {
        enum sy_http_verdict verdict =
            sy_http_head_parse(sy_str_from(text, i), &limits, &head, &consumed, &refusal);

        assert_int_equal(verdict, i < len ? SY_HTTP_MORE : SY_HTTP_DONE);
    }
    assert_true(sy_str_eq(head.path, SY_STR("/")));
    assert_true(sy_str_eq(head.query, SY_STR("x")));
    assert_int_equal(head.framing, SY_HTTP_CHUNKED);
    assert_false(head.keep_alive);
}

static void request_lines_are_read_to_the_letter(void **state)
{
    static const struct row rows[] = {
        {"GET / HTTP/1.1\r\n" HOST "\r\n", 0, NULL},
        {"OPTIONS * HTTP/1.1\r\n" HOST "\r\n", 0, NULL},
        {"GET * HTTP/1.1", 400, "bad_target"},
        {"OPTIONS ** HTTP/1.1", 400, "bad_target"},
        {"GET  / HTTP/1.1", 400, "bad_target"},
        {"GET /  HTTP/1.1", 400, "bad_version"},
        {"GET / HTTP/1.1 ", 400, "bad_version"},
        {" GET / HTTP/1.1", 400, "bad_request_line"},
        {"GET\t/", 400, "bad_request_line"},
        {"\n", 400, "bad_request_line"},
        {"\r\n\r\n\r", 400, "bad_request_line"},
        {"\rG", 400, "bare_cr"},
        {"\x16\x03\x01", 400, "bad_request_line"},
        {"get /", 501, "method_not_implemented"},
        {"CONNECT a:443 HTTP/1.1", 501, "method_not_implemented"},
        {"AAAAAAAAAAAAAAAAAAAAAAAAA", 400, "method_too_long"},
        {"GET x", 400, "bad_target"},
        {"GET httpx://a/ ", 400, "bad_target"},
        {"GET http:///x ", 400, "bad_authority"},
        {"GET http://a@b@c/ ", 400, "bad_authority"},
        {"GET http://a/ HTTP/1.1\r\nHost: b\r\n\r\n", 400, "host_mismatch"},
        {"GET http://a/ HTTP/1.1\r\nHost: A\r\n\r\n", 0, NULL},
        {"GET /a#b ", 400, "fragment_in_path"},
        {"GET /caf\xc3\xa9", 400, "bad_target"},
        {"GET /a\x7f", 400, "bad_target"},
        {"GET / HTTP/1.1\n", 400, "bad_version"},
        {"GET / HTTP/1.1\rX", 400, "bad_version"},
        {"GET / HTTP/2", 505, "version_not_supported"},
        {"GET / HTTP/1.2", 505, "version_not_supported"},
        {"GET / HTTP/0", 400, "bad_version"},
        {"GET / http/1.1", 400, "bad_version"},
        {"GET /\r\n\r\n", 0, NULL},
        {"POST /\r\n", 400, "version_missing"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

#define GET "GET / HTTP/1.1\r\n"

static void fields_are_read_to_the_letter(void **state)
{
    static const struct row rows[] = {
        {GET "\r\n", 400, "host_missing"},
        {"GET / HTTP/1.0\r\n\r\n", 0, NULL},
        {GET "Host:\r\n", 400, "bad_host"},
        {GET "Host: a, b\r\n", 400, "bad_host"},
        {GET "Host: a,b\r\n", 400, "bad_host"},
        {GET "Host: u@a\r\n", 400, "bad_host"},
        {GET "Host: a%b\r\n", 400, "bad_host"},
        {GET "Host: a%2\r\n", 400, "bad_host"},
        {GET "Host: a/b\r\n", 400, "bad_host"},
        {GET "Host: a:123456\r\n", 400, "bad_host"},
        {GET "Host: [::1\r\n", 400, "bad_host"},
        {GET "Host: [::1]x\r\n", 400, "bad_host"},
        {GET HOST HOST, 400, "repeated_host"},
        {GET " X", 400, "folded_field"},
        {GET HOST "X: a\r\n b", 400, "folded_field"},
        {GET HOST "X : a", 400, "bad_field_name"},
        {GET HOST ": a", 400, "bad_field_name"},
        {GET HOST "X\r\n", 400, "bad_field_name"},
        {GET HOST "X\xc3: a", 400, "bad_field_name"},
        {GET HOST "X: a\n", 400, "bad_field_value"},
        {GET HOST "X: a\x7f", 400, "bad_field_value"},
        {GET HOST "X: a\rb", 400, "bare_cr"},
        {GET HOST "X: \x80\xff\r\n\r\n", 0, NULL},
        {GET HOST "\rX", 400, "bare_cr"},
        {GET HOST "\n", 400, "bad_field_name"},
        {GET HOST "Content-Type: a/b\r\nContent-Type: a/b\r\n", 400, "repeated_content_type"},
        {GET HOST "Connection: a b\r\n", 400, "bad_connection_option"},
        {GET HOST "Connection: upgrade\r\nUpgrade: websocket\r\n\r\n", 501,
         "upgrade_not_implemented"},
        {GET HOST "Connection: Upgrade, HTTP2-Settings\r\nUpgrade: h2c\r\n\r\n", 0, NULL},
        {GET HOST "Upgrade: websocket\r\n\r\n", 0, NULL},
        {"GET / HTTP/1.0\r\nConnection: upgrade\r\nUpgrade: websocket\r\n\r\n", 0, NULL},
        {GET HOST "Expect: 200-ok\r\n\r\n", 417, "expectation_failed"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

#define POST "POST / HTTP/1.1\r\nHost: a\r\n"
#define CL(value) "Content-Length: " value "\r\n"
#define TE(value) "Transfer-Encoding: " value "\r\n"

static void a_body_has_one_end(void **state)
{
    static const struct row rows[] = {
        {POST "\r\n", 0, NULL},
        {POST CL("5") "\r\n", 0, NULL},
        {POST CL("007") "\r\n", 0, NULL},
        {POST CL("00") "\r\n", 0, NULL},
        {POST CL("010"), 400, "ambiguous_length"},
        {POST CL("08"), 400, "ambiguous_length"},
        {POST CL("+5"), 400, "bad_length"},
        {POST CL("5,5"), 400, "bad_length"},
        {POST CL("5 5"), 400, "bad_length"},
        {POST CL(""), 400, "bad_length"},
        {POST CL("18446744073709551616"), 400, "bad_length"},
        {POST CL("5") CL("5"), 400, "repeated_length"},
        {POST CL("5") TE("chunked"), 400, "length_and_coding"},
        {POST TE("chunked") CL("5"), 400, "length_and_coding"},
        {POST TE("chunked") "\r\n", 0, NULL},
        {POST TE("gzip,\tchunked") "\r\n", 0, NULL},
        {POST TE("gzip") TE("chunked") "\r\n", 0, NULL},
        {POST TE("gzip") "\r\n", 501, "coding_not_implemented"},
        {POST TE("xchunked"), 501, "coding_not_implemented"},
        {POST TE("chunked, gzip"), 400, "bad_coding"},
        {POST TE("chunked, chunked"), 400, "bad_coding"},
        {POST TE("chunked") TE("chunked"), 400, "bad_coding"},
        {POST TE("chunked;a=b"), 400, "bad_coding"},
        {POST TE(",chunked"), 400, "bad_coding"},
        {POST TE("chunked,"), 400, "bad_coding"},
        {POST TE(""), 400, "bad_coding"},
        {POST "Transfer_Encoding: chunked\r\n\r\n", 400, "framing_lookalike"},
        {POST "Transfer--Encoding: chunked\r\n\r\n", 400, "framing_lookalike"},
        {POST CL("5") "content_length: 5\r\n", 400, "framing_lookalike"},
        {"POST / HTTP/1.0\r\n" TE("chunked") "\r\n", 400, "coding_in_old_version"},
        {"GET / HTTP/1.1\r\nHost: a\r\n" CL("5") "\r\n", 400, "unexpected_body"},
        {"HEAD / HTTP/1.1\r\nHost: a\r\n" TE("chunked") "\r\n", 400, "unexpected_body"},
        {"GET / HTTP/1.1\r\nHost: a\r\n" CL("0") "\r\n", 0, NULL},
        {"GET / HTTP/1.1\r\nHost: a\r\nConnection: close\r\n" CL("5") "\r\n", 0, NULL},
        {"GET / HTTP/1.0\r\n" CL("5") "\r\n", 0, NULL},
        {"GET /\r\n" CL("5") "\r\n", 400, "length_in_other_protocol"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

static void a_length_above_the_limit_is_refused_with_its_first_byte(void **state)
{
    static const struct row rows[] = {
        {POST CL("8388608") "\r\n", 0, NULL},
        {POST CL("8388609") "\r\n", 1, NULL},
        {POST CL("8388609") "\r\nx", 413, "body_too_large"},
        {POST CL("8388609") "Expect: 100-continue\r\n\r\n", 413, "body_too_large"},
    };

    (void)state;
    CHECK_ROWS(rows);
}

/* What only reads as a request of another protocol or coding ends the connection unserved. */
static void what_is_never_served_ends_the_connection(void **state)
{
    static const char *const texts[] = {
        "GET /\r\n\r\n",
        "OPTIONS / RTSP/1.0\r\n\r\n",
        "SOURCE / ICE/1.0\r\n\r\n",
        POST TE("deflate, chunked") "\r\n0\r\n\r\n",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(texts); i++) {
        struct sim sim;

        sim_run(&sim, sy_str_of(texts[i]));
        assert_int_equal(sim.phase, SIM_CLOSED);
        assert_true(sim.foreign);
        assert_true(sim.statuses[0] == 405 || sim.statuses[0] == 501);
        sim_release(&sim);
    }
}

static void a_lookalike_beside_a_length_ends_the_connection(void **state)
{
    struct sim sim;

    (void)state;
    sim_run(&sim, SY_STR(POST CL("5") "Transfer_Encoding: chunked\r\n\r\n0\r\n\r\n"));
    assert_int_equal(sim.phase, SIM_CLOSED);
    assert_int_equal(sim.statuses[0], 200);
    assert_int_equal(sim.body_bytes, 5);
    sim_release(&sim);
}

static void pipelined_requests_are_read_one_after_the_other(void **state)
{
    struct sim sim;

    (void)state;
    sim_run(&sim, SY_STR(GET HOST "\r\n" POST CL("3") "\r\nabc\r\n" POST TE(
                      "chunked") "\r\n3\r\nabc\r\n0\r\n\r\nDELETE / HTTP/1.1\r\n" HOST "\r\n"));
    assert_int_equal(sim.messages, 4);
    assert_int_equal(sim.body_bytes, 6);
    assert_int_equal(sim.statuses[3], 405);
    assert_int_equal(sim.phase, SIM_HEAD);
    sim_release(&sim);
}

/* Fills a head of `size` bytes with `start` and a run of one byte. */
static enum sy_http_verdict parse_run(const char *start, char byte, size_t size,
                                      struct sy_http_refusal *refusal)
{
    static struct sy_http_head head;
    char *text = malloc(size);
    size_t consumed;
    enum sy_http_verdict verdict;

    memset(text, byte, size);
    memcpy(text, start, strlen(start));
    verdict = sy_http_head_parse(sy_str_from(text, size), &limits, &head, &consumed, refusal);
    free(text);
    return verdict;
}

static void limits_are_exact(void **state)
{
    static const struct {
        const char *start;
        size_t size;
        enum sy_http_verdict verdict;
        int status;
    } rows[] = {
        {"GET /", 4 + 8192, SY_HTTP_MORE, 0}, {"GET /", 4 + 8193, SY_HTTP_REFUSE, 414},
        {GET "X: ", 32767, SY_HTTP_MORE, 0},  {GET "X: ", 32768, SY_HTTP_REFUSE, 431},
        {GET, 100000, SY_HTTP_REFUSE, 431},   {"", 24, SY_HTTP_MORE, 0},
        {"", 25, SY_HTTP_REFUSE, 400},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_http_refusal refusal = {0, NULL};

        assert_int_equal(parse_run(rows[i].start, 'x', rows[i].size, &refusal), rows[i].verdict);
        assert_int_equal(refusal.status, rows[i].status);
    }
}

static void the_sixty_fifth_field_is_refused(void **state)
{
    char text[2048] = GET HOST;
    struct row row = {text, 0, NULL};

    (void)state;
    for (unsigned i = 1; i < SY_HTTP_HEADERS_MAX; i++)
        memcpy(text + strlen(text), "X: y\r\n", 7);
    memcpy(text + strlen(text), "\r\n", 3);
    check_row(&row);
    memcpy(text + strlen(text) - 2, "X: y\r\n\r\n", 9);
    row.status = 431;
    row.cause = "too_many_fields";
    check_row(&row);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_taken_apart),
        cmocka_unit_test(every_prefix_of_a_good_head_needs_more),
        cmocka_unit_test(request_lines_are_read_to_the_letter),
        cmocka_unit_test(fields_are_read_to_the_letter),
        cmocka_unit_test(a_body_has_one_end),
        cmocka_unit_test(a_length_above_the_limit_is_refused_with_its_first_byte),
        cmocka_unit_test(what_is_never_served_ends_the_connection),
        cmocka_unit_test(a_lookalike_beside_a_length_ends_the_connection),
        cmocka_unit_test(pipelined_requests_are_read_one_after_the_other),
        cmocka_unit_test(limits_are_exact),
        cmocka_unit_test(the_sixty_fifth_field_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
