/* The writer: what it puts out is JSON, says what was given, and fails as a whole or not at all. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

#include <string.h>

static void assert_text(const struct sy_buf *buf, const char *text)
{
    if (!sy_str_eq(sy_buf_str(buf), sy_str_of(text)))
        fail_msg("%.*s\nis not\n%s", SY_FMT(sy_buf_str(buf)), text);
}

static void write_sample(struct sy_json_writer *w)
{
    sy_jw_object(w);
    sy_jw_member_str(w, "name", SY_STR("caf\xc3\xa9"));
    sy_jw_opt_str(w, "left_out", (struct sy_str){NULL, 0});
    sy_jw_opt_str(w, "empty", SY_STR(""));
    sy_jw_member_str(w, "absent", (struct sy_str){NULL, 0});
    sy_jw_member_z(w, "none", NULL);
    sy_jw_member_i64(w, "min", INT64_MIN);
    sy_jw_name_str(w, SY_STR("max"));
    sy_jw_u64(w, UINT64_MAX);
    sy_jw_member_bool(w, "ok", true);
    sy_jw_member_time(w, "at", 1795251600123);
    sy_jw_member_time(w, "never", 0);
    sy_jw_member_raw(w, "raw", SY_STR("[1e400, {\"a\" :1}]"));
    sy_jw_member_raw(w, "hole", (struct sy_str){NULL, 0});
    sy_jw_name(w, "list");
    sy_jw_array(w);
    sy_jw_null(w);
    sy_jw_bool(w, false);
    sy_jw_array(w);
    sy_jw_array_end(w);
    sy_jw_object(w);
    sy_jw_object_end(w);
    sy_jw_z(w, "z");
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

static void documents_are_written_compact(void **state)
{
    struct sy_json_writer w;
    struct sy_buf buf;
    struct sy_json root;

    (void)state;
    sy_buf_init(&buf, 4096);
    sy_jw_init(&w, &buf);
    write_sample(&w);
    assert_text(&buf, "{\"name\":\"caf\xc3\xa9\",\"empty\":\"\",\"absent\":null,\"none\":null,"
                      "\"min\":-9223372036854775808,\"max\":18446744073709551615,\"ok\":true,"
                      "\"at\":\"2026-11-21T09:00:00.123Z\",\"never\":null,"
                      "\"raw\":[1e400, {\"a\" :1}],\"hole\":null,"
                      "\"list\":[null,false,[],{},\"z\"]}");
    assert_int_equal(sy_json_read(sy_buf_str(&buf), 8, &root, NULL), SY_OK);
    sy_buf_release(&buf);
}

static void documents_are_written_for_people(void **state)
{
    struct sy_json_writer w;
    struct sy_buf buf;
    struct sy_json root;

    (void)state;
    sy_buf_init(&buf, 4096);
    sy_jw_init(&w, &buf);
    w.pretty = true;
    sy_jw_object(&w);
    sy_jw_member_i64(&w, "a", 1);
    sy_jw_name(&w, "b");
    sy_jw_array(&w);
    sy_jw_i64(&w, 2);
    sy_jw_object(&w);
    sy_jw_object_end(&w);
    sy_jw_array_end(&w);
    sy_jw_object_end(&w);
    assert_text(&buf, "{\n  \"a\": 1,\n  \"b\": [\n    2,\n    {}\n  ]\n}");

    sy_buf_clear(&buf);
    sy_jw_init(&w, &buf);
    w.pretty = true;
    write_sample(&w);
    assert_int_equal(sy_json_read(sy_buf_str(&buf), 8, &root, NULL), SY_OK);
    sy_buf_release(&buf);
}

static void strings_are_escaped_and_made_utf8(void **state)
{
    static const struct {
        struct sy_str text;
        const char *quoted;
    } rows[] = {
        {SY_STR_INIT(""), "\"\""},
        {SY_STR_INIT("plain / text"), "\"plain / text\""},
        {SY_STR_INIT("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {SY_STR_INIT("a\0b\x01\x1f"), "\"a\\u0000b\\u0001\\u001f\""},
        {SY_STR_INIT("\x1b[31m\x7f\xc2\x9b"), "\"\\u001b[31m\\u007f\\u009b\""},
        {SY_STR_INIT("\xc2\xa0\xe2\x82\xac\xf0\x9f\x98\x80"),
         "\"\xc2\xa0\xe2\x82\xac\xf0\x9f\x98\x80\""},
        {SY_STR_INIT("a\xff"
                     "b"),
         "\"a\xef\xbf\xbd"
         "b\""},
        {SY_STR_INIT("\xe6\x97"), "\"\xef\xbf\xbd\""},
        {SY_STR_INIT("\xed\xa0\x80"), "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\""},
    };
    struct sy_buf buf;

    (void)state;
    sy_buf_init(&buf, 4096);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        sy_buf_clear(&buf);
        sy_json_quote(&buf, rows[i].text);
        assert_text(&buf, rows[i].quoted);
    }
    sy_buf_release(&buf);
}

static void every_text_comes_back_as_it_was(void **state)
{
    struct sy_arena arena;
    struct sy_buf buf;

    (void)state;
    sy_buf_init(&buf, 4096);
    sy_arena_init(&arena, 1 << 20);
    for (unsigned c = 0; c < 128; c++) {
        char text[3] = {'x', (char)c, 'y'};
        struct sy_json root;
        struct sy_str back;
        sy_buf_clear(&buf);
        sy_json_quote(&buf, sy_str_from(text, sizeof(text)));
        assert_int_equal(sy_json_read(sy_buf_str(&buf), 0, &root, NULL), SY_OK);
        assert_int_equal(sy_json_string(root, &arena, false, &back), SY_OK);
        assert_true(sy_str_eq(back, sy_str_from(text, sizeof(text))));
    }
    sy_arena_release(&arena);
    sy_buf_release(&buf);
}

static void microseconds_are_printed_as_short_milliseconds(void **state)
{
    static const struct {
        int64_t us;
        const char *text;
    } rows[] = {
        {0, "0"},
        {3000, "3"},
        {412600, "412.6"},
        {50, "0.05"},
        {1, "0.001"},
        {1001, "1.001"},
        {120, "0.12"},
        {-1500, "-1.5"},
        {-1, "-0.001"},
        {INT64_MAX, "9223372036854775.807"},
        {INT64_MIN, "-9223372036854775.808"},
    };
    struct sy_buf buf;

    (void)state;
    sy_buf_init(&buf, 4096);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_json_writer w;
        sy_buf_clear(&buf);
        sy_jw_init(&w, &buf);
        sy_jw_us_as_ms(&w, rows[i].us);
        assert_text(&buf, rows[i].text);
    }
    sy_buf_release(&buf);
}

static void a_full_buffer_fails_the_whole_document(void **state)
{
    struct sy_buf whole;

    (void)state;
    sy_buf_init(&whole, 4096);
    struct sy_json_writer w;
    sy_jw_init(&w, &whole);
    write_sample(&w);
    for (size_t max = 0; max < whole.len; max++) {
        struct sy_buf buf;
        sy_buf_init(&buf, max);
        sy_jw_init(&w, &buf);
        write_sample(&w);
        assert_false(sy_buf_ok(&buf));
        assert_true(buf.len <= max);
        sy_buf_release(&buf);
    }
    sy_buf_release(&whole);
}

static void nesting_past_the_limit_fails_the_buffer(void **state)
{
    struct sy_json_writer w;
    struct sy_buf buf;

    (void)state;
    for (unsigned depth = SY_JSON_WRITER_DEPTH - 1; depth < SY_JSON_WRITER_DEPTH + 9; depth++) {
        sy_buf_init(&buf, 65536);
        sy_jw_init(&w, &buf);
        for (unsigned i = 0; i < depth; i++)
            sy_jw_array(&w);
        sy_jw_i64(&w, 1);
        for (unsigned i = 0; i < depth; i++)
            sy_jw_array_end(&w);
        assert_int_equal(sy_buf_ok(&buf), depth < SY_JSON_WRITER_DEPTH);
        assert_int_equal(w.depth, 0);
        sy_buf_release(&buf);
    }
}

/* One byte at a time, as the grammar says it. */
static void quote_slowly(struct sy_buf *out, const char *text, size_t len)
{
    sy_buf_append_char(out, '"');
    for (size_t i = 0; i < len; i++) {
        if (text[i] == '"' || text[i] == '\\')
            sy_buf_append_char(out, '\\');
        if (text[i] == 0x7f)
            sy_buf_append(out, SY_STR("\\u007f"));
        else if (text[i] == 1)
            sy_buf_append(out, SY_STR("\\u0001"));
        else
            sy_buf_append_char(out, text[i]);
    }
    sy_buf_append_char(out, '"');
}

static void a_byte_is_escaped_wherever_it_stands(void **state)
{
    static const char special[] = {'"', '\\', 1, 0x7f, ' ', '~', '!', '[', ']', 'a'};
    char text[50];

    (void)state;
    for (size_t len = 1; len <= sizeof(text); len++) {
        for (size_t at = 0; at < len * sizeof(special); at++) {
            struct sy_buf want, got;

            sy_buf_init(&want, 4096);
            sy_buf_init(&got, 4096);
            memset(text, 'x', len);
            text[at % len] = special[at / len];
            quote_slowly(&want, text, len);
            sy_json_quote(&got, sy_str_from(text, len));
            if (!sy_str_eq(sy_buf_str(&want), sy_buf_str(&got)))
                fail_msg("byte %d at %zu of %zu: %.*s", special[at / len], at % len, len,
                         SY_FMT(sy_buf_str(&got)));
            sy_buf_release(&want);
            sy_buf_release(&got);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(documents_are_written_compact),
        cmocka_unit_test(documents_are_written_for_people),
        cmocka_unit_test(strings_are_escaped_and_made_utf8),
        cmocka_unit_test(a_byte_is_escaped_wherever_it_stands),
        cmocka_unit_test(every_text_comes_back_as_it_was),
        cmocka_unit_test(microseconds_are_printed_as_short_milliseconds),
        cmocka_unit_test(a_full_buffer_fails_the_whole_document),
        cmocka_unit_test(nesting_past_the_limit_fails_the_buffer),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
