/* Borrowed text. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/str.h"

#include <string.h>

#define NOWHERE ((size_t)-1)

static const struct sy_str absent = {NULL, 0};

static void absent_text_is_safe_everywhere(void **state)
{
    struct sy_str rest = absent;
    struct sy_str part;
    uint64_t value;
    int64_t signed_value;

    (void)state;
    assert_null(sy_str_of(NULL).ptr);
    assert_true(sy_str_eq(absent, SY_STR("")));
    assert_true(sy_str_eq_nocase(absent, absent));
    assert_int_equal(sy_str_cmp(absent, SY_STR("")), 0);
    assert_true(sy_str_cmp(absent, SY_STR("a")) < 0);
    assert_true(sy_str_starts(absent, absent));
    assert_true(sy_str_ends(absent, absent));
    assert_false(sy_str_starts(absent, SY_STR("a")));
    assert_int_equal(sy_str_find(absent, SY_STR("a")), NOWHERE);
    assert_int_equal(sy_str_find(absent, absent), 0);
    assert_int_equal(sy_str_find_nocase(absent, SY_STR("a")), NOWHERE);
    assert_int_equal(sy_str_find_char(absent, 'a'), NOWHERE);
    assert_int_equal(sy_str_skip(absent, 9).len, 0);
    assert_int_equal(sy_str_head(absent, 9).len, 0);
    assert_int_equal(sy_str_trim(absent).len, 0);
    assert_false(sy_str_split(&rest, ',', &part));
    assert_false(sy_str_to_u64(absent, &value));
    assert_false(sy_str_to_i64(absent, &signed_value));
    assert_true(sy_str_is_utf8(absent));
    assert_false(sy_str_has_control(absent));
    assert_true(sy_str_glob(absent, absent));
    assert_true(sy_str_glob(SY_STR("*"), absent));
    assert_false(sy_str_glob(SY_STR("?"), absent));
    assert_int_equal(sy_str_distance(absent, SY_STR("ab"), 3), 2);
    assert_true(sy_str_hash(absent) == sy_str_hash(SY_STR("")));
}

static void text_is_compared_by_bytes(void **state)
{
    (void)state;
    assert_true(sy_str_eq(SY_STR("a\0b"), sy_str_from("a\0b", 3)));
    assert_false(sy_str_eq(SY_STR("a\0b"), SY_STR("a\0c")));
    assert_true(sy_str_eq_nocase(SY_STR("Content-TYPE"), SY_STR("content-type")));
    assert_false(sy_str_eq_nocase(SY_STR("a@"), SY_STR("a`")));
    assert_false(sy_str_eq_nocase(SY_STR("\xc3\x84"), SY_STR("\xc3\xa4")));
    assert_true(sy_str_cmp(SY_STR("ab"), SY_STR("abc")) < 0);
    assert_true(sy_str_cmp(SY_STR("abc"), SY_STR("ab")) > 0);
    assert_true(sy_str_cmp(SY_STR("\xff"), SY_STR("a")) > 0);
    assert_true(sy_str_starts(SY_STR("mcp/tools"), SY_STR("mcp/")));
    assert_true(sy_str_ends(SY_STR("a.json"), SY_STR(".json")));
    assert_false(sy_str_ends(SY_STR("json"), SY_STR(".json")));
    /* The published FNV-1a values. */
    assert_true(sy_str_hash(SY_STR("")) == UINT64_C(0xcbf29ce484222325));
    assert_true(sy_str_hash(SY_STR("foobar")) == UINT64_C(0x85944171f73967e8));
}

static void places_are_found(void **state)
{
    (void)state;
    assert_int_equal(sy_str_find(SY_STR("abcabc"), SY_STR("ca")), 2);
    assert_int_equal(sy_str_find(SY_STR("abc"), SY_STR("abcd")), NOWHERE);
    assert_int_equal(sy_str_find(SY_STR("a\0b"), SY_STR("\0b")), 1);
    assert_int_equal(sy_str_find_nocase(SY_STR("xxBEARER y"), SY_STR("bearer")), 2);
    assert_int_equal(sy_str_find_nocase(SY_STR("bear"), SY_STR("bearer")), NOWHERE);
    assert_int_equal(sy_str_find_char(SY_STR("a=b"), '='), 1);
    assert_true(sy_str_eq(sy_str_skip(SY_STR("abc"), 1), SY_STR("bc")));
    assert_int_equal(sy_str_skip(SY_STR("abc"), 7).len, 0);
    assert_true(sy_str_eq(sy_str_head(SY_STR("abc"), 2), SY_STR("ab")));
    assert_true(sy_str_eq(sy_str_trim(SY_STR(" \t a b\t ")), SY_STR("a b")));
    assert_int_equal(sy_str_trim(SY_STR(" \t ")).len, 0);
    assert_true(sy_str_eq(sy_str_trim(SY_STR("\na\r")), SY_STR("\na\r")));
}

static void splitting_gives_every_part_once(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        const char *parts[4];
    } rows[] = {
        {"", 1, {""}},
        {"a", 1, {"a"}},
        {"a,b", 2, {"a", "b"}},
        {"a,", 2, {"a", ""}},
        {",a,,b", 4, {"", "a", "", "b"}},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_str rest = sy_str_of(rows[i].text);
        struct sy_str part;
        size_t count = 0;
        while (sy_str_split(&rest, ',', &part)) {
            assert_true(count < rows[i].count);
            assert_true(sy_str_eq(part, sy_str_of(rows[i].parts[count])));
            assert_non_null(part.ptr);
            count++;
        }
        assert_int_equal(count, rows[i].count);
    }
}

static void numbers_are_digits_in_range_or_nothing(void **state)
{
    static const struct {
        const char *text;
        bool is_u64;
        uint64_t u64;
        bool is_i64;
        int64_t i64;
    } rows[] = {
        {"0", true, 0, true, 0},
        {"007", true, 7, true, 7},
        {"18446744073709551615", true, UINT64_MAX, false, 0},
        {"18446744073709551616", false, 0, false, 0},
        {"99999999999999999999999", false, 0, false, 0},
        {"9223372036854775807", true, INT64_MAX, true, INT64_MAX},
        {"9223372036854775808", true, UINT64_C(9223372036854775808), false, 0},
        {"-9223372036854775808", false, 0, true, INT64_MIN},
        {"-9223372036854775809", false, 0, false, 0},
        {"-5", false, 0, true, -5},
        {"-", false, 0, false, 0},
        {"", false, 0, false, 0},
        {"+1", false, 0, false, 0},
        {"--1", false, 0, false, 0},
        {" 1", false, 0, false, 0},
        {"1 ", false, 0, false, 0},
        {"1.0", false, 0, false, 0},
        {"0x1", false, 0, false, 0},
        {"\xd9\xa1", false, 0, false, 0}, /* ARABIC-INDIC DIGIT ONE */
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        uint64_t u64 = 0;
        int64_t i64 = 0;
        assert_int_equal(sy_str_to_u64(sy_str_of(rows[i].text), &u64), rows[i].is_u64);
        assert_int_equal(sy_str_to_i64(sy_str_of(rows[i].text), &i64), rows[i].is_i64);
        assert_true(u64 == rows[i].u64 && i64 == rows[i].i64);
    }
}

static void utf8_is_checked_by_table_3_7(void **state)
{
    static const struct {
        struct sy_str text;
        bool valid;
    } rows[] = {
        {SY_STR_INIT("plain ASCII that is longer than eight"), true},
        {SY_STR_INIT("\0\x7f"), true},
        {SY_STR_INIT("\xc2\x80\xdf\xbf"), true},
        {SY_STR_INIT("\xe0\xa0\x80\xec\xbf\xbf\xed\x9f\xbf\xee\x80\x80\xef\xbf\xbf"), true},
        {SY_STR_INIT("\xf0\x90\x80\x80\xf3\xbf\xbf\xbf\xf4\x8f\xbf\xbf"), true},
        {SY_STR_INIT("\x80"), false},
        {SY_STR_INIT("\xc0\x80"), false},
        {SY_STR_INIT("\xc1\xbf"), false},
        {SY_STR_INIT("\xc2"), false},
        {SY_STR_INIT("\xc2\x41"), false},
        {SY_STR_INIT("\xe0\x9f\xbf"), false},
        {SY_STR_INIT("\xed\xa0\x80"), false},
        {SY_STR_INIT("\xe2\x82"), false},
        {SY_STR_INIT("\xf0\x8f\xbf\xbf"), false},
        {SY_STR_INIT("\xf4\x90\x80\x80"), false},
        {SY_STR_INIT("\xf5\x80\x80\x80"), false},
        {SY_STR_INIT("\xf0\x9f\x98"), false},
        {SY_STR_INIT("12345678\xff"), false},
        {SY_STR_INIT("\xff"), false},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        if (sy_str_is_utf8(rows[i].text) != rows[i].valid)
            fail_msg("row %zu", i);
    }
    assert_true(sy_str_has_control(SY_STR("a\r\nb")));
    assert_true(sy_str_has_control(SY_STR("a\x7f")));
    assert_true(sy_str_has_control(SY_STR("a\0")));
    assert_false(sy_str_has_control(SY_STR("a b\xc3\xa9")));
}

static void globs_match_whole_texts(void **state)
{
    static const struct {
        const char *pattern;
        const char *text;
        bool match;
    } rows[] = {
        {"", "", true},
        {"", "a", false},
        {"*", "", true},
        {"*", "anything", true},
        {"a*", "a", true},
        {"a*", "ba", false},
        {"*.json", ".json", true},
        {"*.json", "a.jsonx", false},
        {"a?c", "abc", true},
        {"a?c", "ac", false},
        {"gmail_*_send", "gmail_x_y_send", true},
        {"**a**", "xxaxx", true},
        {"a*b*c", "aXbXbXc", true},
        {"a*b*c", "aXcXb", false},
        {"[a]", "a", false},
        {"[a]", "[a]", true},
        {"?", "", false},
    };
    static char text[4097];

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        if (sy_str_glob(sy_str_of(rows[i].pattern), sy_str_of(rows[i].text)) != rows[i].match)
            fail_msg("%s against %s", rows[i].pattern, rows[i].text);
    }
    /* What takes exponential time where a glob recurses. */
    memset(text, 'a', sizeof(text) - 1);
    assert_false(sy_str_glob(SY_STR("*a*a*a*a*a*a*a*a*a*a*a*a*b"), sy_str_of(text)));
}

static void distance_counts_edits_and_swaps_up_to_the_limit(void **state)
{
    static const struct {
        const char *a;
        const char *b;
        unsigned limit;
        unsigned distance;
    } rows[] = {
        {"", "", 3, 0},
        {"abc", "abc", 3, 0},
        {"abc", "", 3, 3},
        {"kitten", "sitting", 3, 3},
        {"kitten", "sitting", 2, 3},
        {"gmail_send", "gmial_send", 3, 1}, /* a swap is one edit */
        {"ab", "ba", 0, 1},
        {"ca", "abc", 5, 3}, /* optimal string alignment: no edit inside a swap */
        {"slack_post", "slack_posts", 2, 1},
        {"a", "completely_other", 3, 4},
        {"abcdefgh", "hgfedcba", 8, 7},
        {"abcdefgh", "stuvwxyz", 8, 8},
        {"abcdefghi", "stuvwxyz0", 8, 9},
    };
    static const char long_name[] =
        "0123456789012345678901234567890123456789012345678901234567890123"
        "0123456789012345678901234567890123456789012345678901234567890123";

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_str a = sy_str_of(rows[i].a);
        struct sy_str b = sy_str_of(rows[i].b);
        if (sy_str_distance(a, b, rows[i].limit) != rows[i].distance ||
            sy_str_distance(b, a, rows[i].limit) != rows[i].distance)
            fail_msg("%s, %s: %u", rows[i].a, rows[i].b, sy_str_distance(a, b, rows[i].limit));
    }
    assert_int_equal(sy_str_distance(SY_STR(long_name), SY_STR(long_name), 3), 0);
    assert_int_equal(sy_str_distance(sy_str_from(long_name, sizeof(long_name)),
                                     sy_str_from(long_name, sizeof(long_name)), 3),
                     4);
}

static bool same_letter(unsigned char a, unsigned char b)
{
    unsigned char low = a | 0x20;

    return a == b || (low == (b | 0x20) && low >= 'a' && low <= 'z');
}

static void case_is_a_letters_alone_wherever_it_stands(void **state)
{
    char left[19], right[19];

    (void)state;
    for (size_t len = 1; len <= sizeof(left); len++) {
        for (unsigned pair = 0; pair < 65536; pair += len == 1 || len == 9 ? 1 : 13) {
            size_t at = pair % len;

            memset(left, 'x', len);
            memset(right, 'X', len);
            left[at] = (char)(pair >> 8);
            right[at] = (char)pair;
            if (sy_str_eq_nocase(sy_str_from(left, len), sy_str_from(right, len)) !=
                same_letter((unsigned char)(pair >> 8), (unsigned char)pair))
                fail_msg("%02x and %02x at %zu of %zu", pair >> 8, pair & 255, at, len);
        }
    }
}

static void a_control_is_seen_wherever_it_stands(void **state)
{
    char text[27];

    (void)state;
    for (size_t at = 0; at < sizeof(text); at++) {
        for (unsigned c = 0; c < 256; c++) {
            memset(text, at % 2 ? 0x20 : 0xff, sizeof(text));
            text[at] = (char)c;
            assert_int_equal(sy_str_has_control(sy_str_from(text, sizeof(text))),
                             c < 0x20 || c == 0x7f);
        }
    }
}

static void a_text_is_found_behind_any_number_of_beginnings(void **state)
{
    static const char hay[] = "ab ab ab ab ab ab abc ab";

    (void)state;
    for (size_t len = 0; len < sizeof(hay); len++) {
        struct sy_str part = sy_str_from(hay, len);

        assert_int_equal(sy_str_find(part, SY_STR("abc")), len >= 21 ? 18 : (size_t)-1);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(absent_text_is_safe_everywhere),
        cmocka_unit_test(text_is_compared_by_bytes),
        cmocka_unit_test(places_are_found),
        cmocka_unit_test(splitting_gives_every_part_once),
        cmocka_unit_test(numbers_are_digits_in_range_or_nothing),
        cmocka_unit_test(utf8_is_checked_by_table_3_7),
        cmocka_unit_test(globs_match_whole_texts),
        cmocka_unit_test(case_is_a_letters_alone_wherever_it_stands),
        cmocka_unit_test(a_control_is_seen_wherever_it_stands),
        cmocka_unit_test(a_text_is_found_behind_any_number_of_beginnings),
        cmocka_unit_test(distance_counts_edits_and_swaps_up_to_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
