/* Times as text, both ways, and durations. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/clock.h"

#include <string.h>
#include <time.h>

static void times_are_written_as_utc(void **state)
{
    static const struct {
        int64_t ms;
        const char *text;
    } rows[] = {
        {0, "1970-01-01T00:00:00.000Z"},
        {-1, "1969-12-31T23:59:59.999Z"},
        {951782400000, "2000-02-29T00:00:00.000Z"},
        {1795251600123, "2026-11-21T09:00:00.123Z"},
        {253402300799999, "9999-12-31T23:59:59.999Z"},
        {-62167219200000, "0000-01-01T00:00:00.000Z"},
        {4107542400000, "2100-03-01T00:00:00.000Z"},
    };
    char out[SY_TIME_TEXT_MAX];

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_str text = sy_time_text(rows[i].ms, out);
        int64_t back = 0;
        assert_true(sy_str_eq(text, sy_str_of(rows[i].text)));
        assert_ptr_equal(text.ptr, out);
        assert_true(sy_time_parse(text, &back));
        assert_true(back == rows[i].ms);
    }
    assert_true(sy_time_text(INT64_MIN, out).len < SY_TIME_TEXT_MAX);
    assert_true(sy_time_text(INT64_MAX, out).len < SY_TIME_TEXT_MAX);
}

static void the_calendar_is_that_of_the_c_library(void **state)
{
    (void)state;
    for (int64_t second = -INT64_C(62135596800); second < INT64_C(253402300800);
         second += INT64_C(86399) * 97 + 11) {
        char out[SY_TIME_TEXT_MAX];
        char wanted[SY_TIME_TEXT_MAX];
        time_t t = (time_t)second;
        struct tm tm;
        assert_non_null(gmtime_r(&t, &tm));
        size_t len = strftime(wanted, sizeof(wanted), "-%m-%dT%H:%M:%S.000Z", &tm);
        struct sy_str text = sy_time_text(second * 1000, out);
        assert_true(sy_str_ends(text, sy_str_from(wanted, len)));
        int64_t back;
        assert_true(sy_time_parse(text, &back));
        assert_true(back == second * 1000);
    }
}

static void rfc_3339_is_read_and_nothing_else(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        {"2026-11-21", 1795219200000},
        {"2026-11-21T09:00:00Z", 1795251600000},
        {"2026-11-21t09:00:00z", 1795251600000},
        {"2026-11-21 09:00:00Z", 1795251600000},
        {"2026-11-21T09:00:00.1Z", 1795251600100},
        {"2026-11-21T09:00:00.123999999999999999999Z", 1795251600123},
        {"2026-11-21T10:30:00+01:30", 1795251600000},
        {"2026-11-21T01:00:00.5-08:00", 1795251600500},
        {"2026-11-21T09:00:00-00:00", 1795251600000},
        {"2016-12-31T23:59:60Z", 1483228800000},
        {"2024-02-29", 1709164800000},
    };
    static const char *const wrong[] = {
        "",
        "2026",
        "2026-11",
        "2026-11-",
        "2026-13-01",
        "2026-00-01",
        "2026-02-29",
        "2100-02-29",
        "2026-04-31",
        "2026-11-00",
        "26-11-21",
        "+2026-11-21",
        "2026/11/21",
        "2026-11-21T",
        "2026-11-21T09:00Z",
        "2026-11-21T09:00:00",
        "2026-11-21T24:00:00Z",
        "2026-11-21T09:60:00Z",
        "2026-11-21T09:00:61Z",
        "2026-11-21T09:00:60Z",
        "2026-11-21T09:00:00.Z",
        "2026-11-21T09:00:00,5Z",
        "2026-11-21T09:00:00Zx",
        "2026-11-21T09:00:00Z ",
        " 2026-11-21",
        "2026-11-21T09:00:00+1:00",
        "2026-11-21T09:00:00+0100",
        "2026-11-21T09:00:00+24:00",
        "2026-11-21T09:00:00+01:60",
        "2026-11-21T09:00:00GMT",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(right); i++) {
        int64_t ms = -1;
        if (!sy_time_parse(sy_str_of(right[i].text), &ms) || ms != right[i].ms)
            fail_msg("%s: %lld", right[i].text, (long long)ms);
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(wrong); i++) {
        int64_t ms = -1;
        if (sy_time_parse(sy_str_of(wrong[i]), &ms) || ms != -1)
            fail_msg("%s accepted", wrong[i]);
    }
}

static void the_three_http_dates_are_read(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        {"Sun, 06 Nov 1994 08:49:37 GMT", 784111777000},
        {"Sunday, 06-Nov-94 08:49:37 GMT", 784111777000},
        {"Sun Nov  6 08:49:37 1994", 784111777000},
        {"Sat Nov 26 08:49:37 1994", 785839777000},
        {"Sat, 21 Nov 2026 09:00:00 GMT", 1795251600000},
        {"Saturday, 21-Nov-26 09:00:00 GMT", 1795251600000},
        {"Thu, 01 Jan 1970 00:00:00 GMT", 0},
    };
    static const char *const wrong[] = {
        "",
        "120",
        "Sun, 06 Nov 1994 08:49:37",
        "Sun, 06 Nov 1994 08:49:37 UTC",
        "Sun, 06 Nov 1994 08:49:37 GMT ",
        "Sun, 6 Nov 1994 08:49:37 GMT",
        "Sun, 31 Nov 1994 08:49:37 GMT",
        "Sun, 06 nov 1994 08:49:37 GMT",
        "sun, 06 Nov 1994 08:49:37 GMT",
        "Xyz, 06 Nov 1994 08:49:37 GMT",
        "Sun,06 Nov 1994 08:49:37 GMT",
        "Sunday, 06 Nov 1994 08:49:37 GMT",
        "Sun, 06-Nov-94 08:49:37 GMT",
        "Sun Nov 6 08:49:37 1994",
        "Sun Nov  6 08:49:37 94",
        "Sun Nov  6 08:49:37 1994 GMT",
        "Sun, 06 Nov 1994 25:49:37 GMT",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(right); i++) {
        int64_t ms = -1;
        if (!sy_time_parse_http(sy_str_of(right[i].text), &ms) || ms != right[i].ms)
            fail_msg("%s: %lld", right[i].text, (long long)ms);
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(wrong); i++) {
        int64_t ms = -1;
        if (sy_time_parse_http(sy_str_of(wrong[i]), &ms) || ms != -1)
            fail_msg("%s accepted", wrong[i]);
    }
}

static void durations_have_a_number_and_a_unit(void **state)
{
    static const struct {
        const char *text;
        int64_t ms;
    } right[] = {
        {"0s", 0},
        {"500ms", 500},
        {"30s", 30000},
        {"5m", 300000},
        {"2h", 7200000},
        {"14d", 1209600000},
        {"106751991167d", 9223372036828800000},
    };
    static const char *const wrong[] = {
        "",     "s",   "5",   "-5s",           "+5s",
        "1.5s", "5 s", "5S",  "5min",          "1h30m",
        "5w",   " 5s", "5s ", "106751991168d", "99999999999999999999ms"};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(right); i++) {
        int64_t ms = -1;
        if (!sy_duration_parse(sy_str_of(right[i].text), &ms) || ms != right[i].ms)
            fail_msg("%s: %lld", right[i].text, (long long)ms);
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(wrong); i++) {
        int64_t ms = -1;
        if (sy_duration_parse(sy_str_of(wrong[i]), &ms) || ms != -1)
            fail_msg("%s accepted", wrong[i]);
    }
}

static void the_clocks_agree_on_their_units(void **state)
{
    int64_t us = sy_clock_us();
    int64_t ms = sy_clock_ms();

    (void)state;
    assert_true(ms >= us / 1000 && ms - us / 1000 < 60000);
    assert_true(sy_clock_unix_ms() / 1000 - (int64_t)time(NULL) < 60);
    assert_true(sy_clock_us() >= us);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(times_are_written_as_utc),
        cmocka_unit_test(the_calendar_is_that_of_the_c_library),
        cmocka_unit_test(rfc_3339_is_read_and_nothing_else),
        cmocka_unit_test(the_three_http_dates_are_read),
        cmocka_unit_test(durations_have_a_number_and_a_unit),
        cmocka_unit_test(the_clocks_agree_on_their_units),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
