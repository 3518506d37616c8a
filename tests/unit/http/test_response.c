#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "http/response.h"

static const struct sy_str no_date = {NULL, 0};

static void a_head_is_written_in_order(void **state)
{
    const struct sy_http_header headers[] = {
        {SY_STR_INIT("Content-Type"), SY_STR_INIT("application/json")},
        {SY_STR_INIT("X-A"), SY_STR_INIT("")},
    };
    struct sy_buf out;

    (void)state;
    sy_buf_init(&out, 4096);
    sy_http_write_head(&out, 404, headers, 2, 12, true, SY_STR("Sun, 06 Nov 1994 08:49:37 GMT"));
    assert_true(sy_buf_ok(&out));
    assert_true(sy_str_eq(sy_buf_str(&out), SY_STR("HTTP/1.1 404 Not Found\r\n"
                                                   "Date: Sun, 06 Nov 1994 08:49:37 GMT\r\n"
                                                   "Content-Type: application/json\r\n"
                                                   "X-A: \r\n"
                                                   "Content-Length: 12\r\n"
                                                   "Connection: close\r\n\r\n")));
    sy_buf_release(&out);
}

static void answers_without_a_body_have_no_length(void **state)
{
    static const int statuses[] = {100, 101, 199, 204, 304};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(statuses); i++) {
        struct sy_buf out;

        sy_buf_init(&out, 4096);
        sy_http_write_head(&out, statuses[i], NULL, 0, 0, false, no_date);
        assert_true(sy_buf_ok(&out));
        assert_int_equal(sy_str_find(sy_buf_str(&out), SY_STR("Length")), (size_t)-1);
        assert_true(sy_str_ends(sy_buf_str(&out), SY_STR("\r\n\r\n")));
        sy_buf_release(&out);
    }
}

static void a_field_cannot_split_the_response(void **state)
{
    static const struct sy_http_header bad[] = {
        {SY_STR_INIT("X"), SY_STR_INIT("a\r\nSet-Cookie: b")},
        {SY_STR_INIT("X"), SY_STR_INIT("a\n")},
        {SY_STR_INIT("X"), SY_STR_INIT("a\0b")},
        {SY_STR_INIT("X"), SY_STR_INIT("a\x7f")},
        {SY_STR_INIT("X:"), SY_STR_INIT("a")},
        {SY_STR_INIT("X\r\nY"), SY_STR_INIT("a")},
        {SY_STR_INIT(""), SY_STR_INIT("a")},
        {SY_STR_INIT("Content-Length"), SY_STR_INIT("5")},
        {SY_STR_INIT("transfer-encoding"), SY_STR_INIT("chunked")},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++) {
        struct sy_buf out;

        sy_buf_init(&out, 4096);
        sy_http_write_head(&out, 200, &bad[i], 1, 0, false, no_date);
        assert_false(sy_buf_ok(&out));
        sy_buf_release(&out);
    }
}

static void reasons_are_known_or_unknown(void **state)
{
    (void)state;
    assert_string_equal(sy_http_reason(404), "Not Found");
    assert_string_equal(sy_http_reason(299), "Unknown");
}

/* The library's calendar as the oracle, over four hundred years and odd seconds. */
static void dates_agree_with_the_calendar(void **state)
{
    char out[32];
    char expected[32];

    (void)state;
    for (int64_t s = 0; s < INT64_C(12622780800); s += 86400 * 13 + 3671) {
        time_t at = (time_t)s;
        struct tm tm;

        gmtime_r(&at, &tm);
        strftime(expected, sizeof(expected), "%a, %d %b %Y %H:%M:%S GMT", &tm);
        assert_true(sy_str_eq(sy_http_date(s * 1000 + 999, out), sy_str_of(expected)));
    }
    assert_true(sy_str_eq(sy_http_date(INT64_C(784111777000), out),
                          SY_STR("Sun, 06 Nov 1994 08:49:37 GMT")));
    assert_true(sy_str_eq(sy_http_date(-1, out), SY_STR("Thu, 01 Jan 1970 00:00:00 GMT")));
    assert_true(sy_str_eq(sy_http_date(INT64_MAX, out), SY_STR("Fri, 31 Dec 9999 23:59:59 GMT")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_head_is_written_in_order),
        cmocka_unit_test(answers_without_a_body_have_no_length),
        cmocka_unit_test(a_field_cannot_split_the_response),
        cmocka_unit_test(reasons_are_known_or_unknown),
        cmocka_unit_test(dates_agree_with_the_calendar),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
