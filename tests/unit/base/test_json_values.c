/* Walking validated text: slices stay as they were written, names are compared decoded. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/json.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct sy_json root_of(struct sy_str text)
{
    struct sy_json root = {0};
    struct sy_json_fault fault = {0};

    if (sy_json_read(text, SY_JSON_DEPTH_MAX, &root, &fault) != SY_OK)
        fail_msg("%.*s: %s at %zu", SY_FMT(text), fault.why, fault.offset);
    return root;
}

static void assert_raw(struct sy_json value, const char *raw)
{
    if (!sy_str_eq(value.raw, sy_str_of(raw)))
        fail_msg("%.*s is not %s", SY_FMT(value.raw), raw);
}

static void members_come_in_order_with_duplicates_and_untouched(void **state)
{
    static const struct {
        const char *name;
        const char *raw;
        enum sy_json_type type;
    } rows[] = {
        {"\"id\"", "9007199254740993", SY_JSON_NUMBER},
        {"\"big\"", "1234567890123456789012345678901234567890", SY_JSON_NUMBER},
        {"\"exp\"", "-1E+400", SY_JSON_NUMBER},
        {"\"f\"", "0.30000000000000004", SY_JSON_NUMBER},
        {"\"s\"", "\"a\\\"]},:\\\\\"", SY_JSON_STRING},
        {"\"a\\\\\"", "[ 1 , [ ] , { } , \"]\" ]", SY_JSON_ARRAY},
        {"\"o\"", "{ \"}\" : { \"x\" : null } }", SY_JSON_OBJECT},
        {"\"\"", "true", SY_JSON_TRUE},
        {"\"id\"", "false", SY_JSON_FALSE},
        {"\"n\"", "null", SY_JSON_NULL},
    };
    struct sy_json root = root_of(
        SY_STR("{ \"id\" : 9007199254740993 , \"big\":1234567890123456789012345678901234567890,"
               "\"exp\":-1E+400,\n\"f\":0.30000000000000004\r,\"s\":\"a\\\"]},:\\\\\",\t"
               "\"a\\\\\":[ 1 , [ ] , { } , \"]\" ],\"o\":{ \"}\" : { \"x\" : null } },\"\":true,"
               "\"id\":false,\"n\":null }"));
    struct sy_json_iter iter = sy_json_iter(root);
    struct sy_json value;
    struct sy_str name;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        assert_true(sy_json_next(&iter, &name, &value));
        assert_true(sy_str_eq(name, sy_str_of(rows[i].name)));
        assert_int_equal(value.type, rows[i].type);
        assert_raw(value, rows[i].raw);
    }
    assert_false(sy_json_next(&iter, &name, &value));
    assert_false(sy_json_next(&iter, &name, &value));
    assert_int_equal(sy_json_count(root), SY_ARRAY_LEN(rows));
    assert_raw(sy_json_get_z(root, "id"), "9007199254740993"); /* the first of the two */
}

static void elements_have_no_names_and_scalars_no_elements(void **state)
{
    struct sy_json root = root_of(SY_STR("[1,\"two\", [3] ,{\"a\":4}]"));
    struct sy_json_iter iter = sy_json_iter(root);
    struct sy_str name = SY_STR("before");
    struct sy_json value;

    (void)state;
    assert_true(sy_json_next(&iter, &name, &value));
    assert_null(name.ptr);
    assert_raw(value, "1");
    assert_int_equal(sy_json_count(root), 4);
    assert_int_equal(sy_json_count(root_of(SY_STR("[ ]"))), 0);
    assert_int_equal(sy_json_count(root_of(SY_STR("{ }"))), 0);
    assert_int_equal(sy_json_count(root_of(SY_STR("12"))), 0);
    assert_int_equal(sy_json_count((struct sy_json){0}), 0);
    assert_int_equal(sy_json_get_z(root, "a").type, SY_JSON_NONE);
    assert_int_equal(sy_json_get_z((struct sy_json){0}, "a").type, SY_JSON_NONE);
}

static void names_are_compared_decoded_exactly_and_with_case(void **state)
{
    static const struct {
        struct sy_str raw;
        struct sy_str plain;
        bool same;
    } rows[] = {
        {SY_STR_INIT("\"role\""), SY_STR_INIT("role"), true},
        {SY_STR_INIT("\"role\""), SY_STR_INIT("Role"), false},
        {SY_STR_INIT("\"role\""), SY_STR_INIT("rol"), false},
        {SY_STR_INIT("\"role\""), SY_STR_INIT("roles"), false},
        {SY_STR_INIT("\"\\u0072ole\""), SY_STR_INIT("role"), true},
        {SY_STR_INIT("\"r\\u006Fle\""), SY_STR_INIT("role"), true},
        {SY_STR_INIT("\"rol\\u0065\""), SY_STR_INIT("rol"), false},
        {SY_STR_INIT("\"rol\\u0065\""), SY_STR_INIT("roles"), false},
        {SY_STR_INIT("\"role\\u0000x\""), SY_STR_INIT("role"), false},
        {SY_STR_INIT("\"role\\u0000x\""), SY_STR_INIT("role\0x"), true},
        {SY_STR_INIT("\"\\u0000role\""), SY_STR_INIT("role"), false},
        {SY_STR_INIT("\"\""), SY_STR_INIT(""), true},
        {SY_STR_INIT("\"\\u0000\""), SY_STR_INIT(""), false},
        {SY_STR_INIT("\"\\/\\\"\\\\\\b\\f\\n\\r\\t\""), SY_STR_INIT("/\"\\\b\f\n\r\t"), true},
        {SY_STR_INIT("\"\\u00e9\""), SY_STR_INIT("\xc3\xa9"), true},
        {SY_STR_INIT("\"\\u20AC\""), SY_STR_INIT("\xe2\x82\xac"), true},
        {SY_STR_INIT("\"\\ud83d\\uDE00\""), SY_STR_INIT("\xf0\x9f\x98\x80"), true},
        {SY_STR_INIT("\"\\ud83d\""), SY_STR_INIT("\xef\xbf\xbd"), true},
        {SY_STR_INIT("\"\\ud83dx\""), SY_STR_INIT("\xef\xbf\xbdx"), true},
        {SY_STR_INIT("\"\\ude00\\ud83d\""), SY_STR_INIT("\xef\xbf\xbd\xef\xbf\xbd"), true},
        {SY_STR_INIT("\"\\ud83d\\u0041\""),
         SY_STR_INIT("\xef\xbf\xbd"
                     "A"),
         true},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        if (sy_json_name_is(rows[i].raw, rows[i].plain) != rows[i].same)
            fail_msg("row %zu", i);
    }
}

static void a_spoofed_name_is_not_found_for_the_real_one(void **state)
{
    struct sy_json root = root_of(SY_STR("{\"role\\u0000x\":\"admin\",\"A\":1,\"role\":\"user\"}"));

    (void)state;
    assert_raw(sy_json_get_z(root, "role"), "\"user\"");
    assert_int_equal(sy_json_get_z(root, "a").type, SY_JSON_NONE);
    assert_raw(sy_json_get(root, SY_STR("role\0x")), "\"admin\"");
}

static void a_path_walks_objects_only(void **state)
{
    struct sy_json root =
        root_of(SY_STR("{\"a\":{\"b\":{\"c\":7}},\"l\":[{\"b\":1}],\"s\":\"x\"}"));

    (void)state;
    assert_raw(sy_json_path(root, "a.b.c"), "7");
    assert_raw(sy_json_path(root, "s"), "\"x\"");
    assert_int_equal(sy_json_path(root, "a.x.c").type, SY_JSON_NONE);
    assert_int_equal(sy_json_path(root, "l.b").type, SY_JSON_NONE);
    assert_int_equal(sy_json_path(root, "s.x").type, SY_JSON_NONE);
    assert_int_equal(sy_json_path(root, "").type, SY_JSON_NONE);
}

static void strings_are_decoded_and_borrowed_where_they_can_be(void **state)
{
    static const struct {
        struct sy_str raw;
        struct sy_str text;
        bool nul;
    } rows[] = {
        {SY_STR_INIT("\"\""), SY_STR_INIT(""), false},
        {SY_STR_INIT("\"plain \xc3\xa9\""), SY_STR_INIT("plain \xc3\xa9"), false},
        {SY_STR_INIT("\"\\\"\\\\\\/\\b\\f\\n\\r\\t\""), SY_STR_INIT("\"\\/\b\f\n\r\t"), false},
        {SY_STR_INIT("\"a\\u0041\\u00E9\\u20ac\\ud83d\\ude00z\""),
         SY_STR_INIT("aA\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z"), false},
        {SY_STR_INIT("\"\\ud800\""), SY_STR_INIT("\xef\xbf\xbd"), false},
        {SY_STR_INIT("\"\\ud800\\ud800\\n\""), SY_STR_INIT("\xef\xbf\xbd\xef\xbf\xbd\n"), false},
        {SY_STR_INIT("\"\\udc00x\""), SY_STR_INIT("\xef\xbf\xbdx"), false},
        {SY_STR_INIT("\"a\\u0000b\""), SY_STR_INIT("a\0b"), true},
    };
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, 65536);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_json value = root_of(rows[i].raw);
        struct sy_str text = SY_STR("before");
        int strict = sy_json_string(value, &arena, true, &text);
        assert_int_equal(strict, rows[i].nul ? SY_INVALID : SY_OK);
        assert_true(sy_str_eq(text, rows[i].nul ? SY_STR("before") : rows[i].text));
        assert_int_equal(sy_json_string(value, &arena, false, &text), SY_OK);
        assert_true(sy_str_eq(text, rows[i].text));
        assert_true(rows[i].nul ? !sy_json_text(value, &arena).ptr
                                : sy_str_eq(sy_json_text(value, &arena), rows[i].text));
        if (!memchr(rows[i].raw.ptr, '\\', rows[i].raw.len))
            assert_ptr_equal(text.ptr, value.raw.ptr + 1);
    }
    sy_arena_release(&arena);
}

static void only_strings_give_text_and_memory_may_run_out(void **state)
{
    struct sy_str text = {NULL, 0};
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, 0);
    assert_int_equal(sy_json_string(root_of(SY_STR("12")), &arena, true, &text), SY_INVALID);
    assert_int_equal(sy_json_string((struct sy_json){0}, &arena, true, &text), SY_INVALID);
    assert_null(sy_json_text(root_of(SY_STR("null")), &arena).ptr);
    assert_int_equal(sy_json_string(root_of(SY_STR("\"\\n\"")), &arena, true, &text), SY_NOMEM);
    assert_int_equal(sy_json_string(root_of(SY_STR("\"n\"")), &arena, true, &text), SY_OK);
    sy_arena_release(&arena);
}

static void integers_are_exact_or_refused(void **state)
{
    static const struct {
        const char *raw;
        bool ok;
        int64_t value;
    } rows[] = {
        {"0", true, 0},
        {"-0", true, 0},
        {"4294967297", true, 4294967297},
        {"9007199254740993", true, 9007199254740993},
        {"9223372036854775807", true, INT64_MAX},
        {"-9223372036854775808", true, INT64_MIN},
        {"9223372036854775808", false, 0},
        {"-9223372036854775809", false, 0},
        {"1e2", false, 0},
        {"1.0", false, 0},
        {"1E400", false, 0},
        {"\"1\"", false, 0},
        {"null", false, 0},
        {"true", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        int64_t value = 0;
        assert_int_equal(sy_json_i64(root_of(sy_str_of(rows[i].raw)), &value), rows[i].ok);
        assert_true(value == rows[i].value);
    }
    assert_true(sy_json_is_true(root_of(SY_STR("true"))));
    assert_false(sy_json_is_true(root_of(SY_STR("1"))));
    assert_true(sy_json_is_nothing(root_of(SY_STR("null"))));
    assert_true(sy_json_is_nothing((struct sy_json){0}));
    assert_false(sy_json_is_nothing(root_of(SY_STR("false"))));
}

static void duplicates_are_seen_through_escapes_and_not_in_nested_objects(void **state)
{
    static const struct {
        const char *raw;
        bool duplicates;
    } rows[] = {
        {"{}", false},
        {"{\"a\":1}", false},
        {"{\"a\":1,\"b\":{\"a\":1,\"a\":2}}", false},
        {"{\"a\":1,\"A\":2}", false},
        {"{\"a\":1,\"b\":2,\"a\":3}", true},
        {"{\"a\":1,\"\\u0061\":2}", true},
        {"{\"a\\u0000b\":1,\"a\":2}", false},
        {"{\"a\\u0000b\":1,\"a\\u0000b\":2}", true},
        {"{\"\":1,\"\":2}", true},
        {"{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,"
         "\"l\":0,\"m\":0,\"n\":0,\"o\":0,\"p\":0,\"q\":0,\"r\":0}",
         false},
        {"{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,\"j\":0,\"k\":0,"
         "\"l\":0,\"m\":0,\"n\":0,\"o\":0,\"p\":0,\"q\":0,\"\\u0061\":0}",
         true},
        {"[\"a\",\"a\"]", false},
        {"\"a\"", false},
    };
    struct sy_arena arena;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        sy_arena_init(&arena, 65536);
        if (sy_json_has_duplicates(root_of(sy_str_of(rows[i].raw)), &arena) != rows[i].duplicates)
            fail_msg("%s", rows[i].raw);
        sy_arena_release(&arena);
    }
    /* What cannot be told is treated as the dangerous case. */
    sy_arena_init(&arena, 0);
    assert_true(sy_json_has_duplicates(
        root_of(SY_STR("{\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":0,\"g\":0,\"h\":0,\"i\":0,"
                       "\"j\":0,\"k\":0,\"l\":0,\"m\":0,\"n\":0,\"o\":0,\"p\":0,\"q\":0}")),
        &arena));
    assert_true(sy_json_has_duplicates(root_of(SY_STR("{\"a\":1,\"\\u0062\":2}")), &arena));
    sy_arena_release(&arena);
}

/* A value of pieces that mislead whoever counts brackets in strings, at every place of a block. */
static void put_value(struct sy_buf *out, uint64_t *seed, unsigned depth)
{
    static const char *const scalars[] = {
        "0",        "-1.5e3",        "true",           "null",
        "\"\"",     "\"[{\"",        "\"]}]}\"",       "\"a\\\"]b\"",
        "\"\\\\\"", "\"\\\\\\\"}\"", "\"\\u005d\\n\"", "\"0123456789012345678901234567890\"",
    };
    unsigned pick, count;

    *seed = *seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    pick = (unsigned)(*seed >> 33);
    if (depth == 0 || pick % 3 == 0) {
        sy_buf_append_z(out, scalars[pick / 3 % SY_ARRAY_LEN(scalars)]);
        return;
    }
    count = pick / 3 % 4;
    sy_buf_append_char(out, pick % 3 == 1 ? '[' : '{');
    for (unsigned i = 0; i < count; i++) {
        sy_buf_append_z(out, i ? " ," : "");
        if (pick % 3 == 2)
            sy_buf_append_z(out, i % 2 ? "\"}\\\\\": " : "\"name\":");
        put_value(out, seed, depth - 1);
    }
    sy_buf_append_char(out, pick % 3 == 1 ? ']' : '}');
}

static void every_value_ends_where_it_ends_whatever_its_strings_hold(void **state)
{
    uint64_t seed = 1;

    (void)state;
    for (unsigned round = 0; round < 2000; round++) {
        struct sy_buf text, expected[3];
        struct sy_json_iter iter;
        struct sy_json value;
        unsigned count = 0;

        sy_buf_init(&text, (size_t)1 << 20);
        sy_buf_append_char(&text, '[');
        for (unsigned i = 0; i < 3; i++) {
            sy_buf_init(&expected[i], (size_t)1 << 20);
            put_value(&expected[i], &seed, 5);
            sy_buf_append_z(&text, i ? ", " : "");
            sy_buf_append(&text, sy_buf_str(&expected[i]));
        }
        sy_buf_append_char(&text, ']');
        iter = sy_json_iter(root_of(sy_buf_str(&text)));
        for (; sy_json_next(&iter, NULL, &value); count++)
            if (count == 3 || !sy_str_eq(value.raw, sy_buf_str(&expected[count])))
                fail_msg("value %u of %.*s", count, SY_FMT(sy_buf_str(&text)));
        assert_int_equal(count, 3);
        for (unsigned i = 0; i < 3; i++)
            sy_buf_release(&expected[i]);
        sy_buf_release(&text);
    }
}

static double seconds(void)
{
    struct timespec now;

    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return (double)now.tv_sec + (double)now.tv_nsec / 1e9;
}

/* Reads, walks and looks for duplicates in `count` members; answers the CPU seconds it took. */
static double cost_of(size_t count, const char *value)
{
    double before;
    struct sy_arena arena;
    struct sy_buf buf;
    struct sy_json root;

    sy_buf_init(&buf, 1u << 26);
    sy_arena_init(&arena, 1u << 26);
    sy_buf_append_char(&buf, '{');
    for (size_t i = 0; i < count; i++)
        sy_buf_printf(&buf, "%s\"member%zu\":%s", i ? "," : "", i, value);
    sy_buf_append_char(&buf, '}');
    assert_true(sy_buf_ok(&buf));

    before = seconds();
    root = root_of(sy_buf_str(&buf));
    assert_int_equal(sy_json_count(root), count);
    assert_false(sy_json_has_duplicates(root, &arena));
    before = seconds() - before;
    sy_arena_release(&arena);
    sy_buf_release(&buf);
    return before;
}

static void time_grows_with_the_text_and_not_with_its_square(void **state)
{
    static const char *const values[] = {"[[[[1,2],3],4],{\"a\":{\"b\":[]}}]",
                                         "\"\\\\\\\\\\\\\\\\\"",
                                         "\"0123456789abcdef0123456789abcdef\""};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(values); i++) {
        double small = cost_of(2000, values[i]);
        double large = cost_of(20000, values[i]);
        if (large > small * 40 + 0.05)
            fail_msg("%s: %f s for 2,000 members, %f s for 20,000", values[i], small, large);
    }
}

static struct sy_json listed_of(struct sy_str text, struct sy_arena *arena)
{
    struct sy_json root = {0};

    assert_int_equal(sy_json_read_listed(text, SY_JSON_DEPTH_MAX, arena, &root, NULL), SY_OK);
    return root;
}

static void assert_same(struct sy_json a, struct sy_json b)
{
    assert_int_equal(a.type, b.type);
    assert_ptr_equal(a.raw.ptr, b.raw.ptr);
    assert_int_equal(a.raw.len, b.raw.len);
}

static void a_listed_object_reads_as_one_that_is_walked(void **state)
{
    static const struct {
        struct sy_str text;
        bool listed;
    } rows[] = {
        {SY_STR_INIT(" { } "), true},
        {SY_STR_INIT("{\"a\":1}"), true},
        {SY_STR_INIT(" {\"a\" : [ { \"b\" : [ ] } , 1 ] ,\n\"a\":{ \"a\" : 2 } , \"\":null\t} "),
         true},
        {SY_STR_INIT("{\"a\\u0062\":\"\\\"},\",\"ab\":{},\"c\":[[],{}],\"d\":-0.5e3}"), true},
        {SY_STR_INIT("{\"0\":0,\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,"
                     "\"8\":0,\"9\":0,\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":1}"),
         true},
        {SY_STR_INIT("{\"0\":0,\"1\":0,\"2\":0,\"3\":0,\"4\":0,\"5\":0,\"6\":0,\"7\":0,"
                     "\"8\":0,\"9\":0,\"a\":0,\"b\":0,\"c\":0,\"d\":0,\"e\":0,\"f\":1,\"a\":2}"),
         false},
        {SY_STR_INIT("[{\"a\":1}]"), false},
        {SY_STR_INIT("\"a\""), false},
    };
    static const char *const names[] = {"", "a", "ab", "c", "d", "f", "b", "missing"};
    struct sy_arena arena;

    (void)state;
    sy_arena_init(&arena, 1 << 20);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        struct sy_json walked = root_of(rows[i].text), listed = listed_of(rows[i].text, &arena);
        struct sy_json_iter left = sy_json_iter(walked), right = sy_json_iter(listed);
        struct sy_json a, b;
        struct sy_str an, bn;

        assert_int_equal(listed.members != NULL, rows[i].listed);
        assert_same(walked, listed);
        assert_int_equal(sy_json_count(walked), sy_json_count(listed));
        assert_int_equal(sy_json_has_duplicates(walked, &arena),
                         sy_json_has_duplicates(listed, &arena));
        for (size_t n = 0; n < SY_ARRAY_LEN(names); n++)
            assert_same(sy_json_get_z(walked, names[n]), sy_json_get_z(listed, names[n]));
        while (sy_json_next(&left, &an, &a)) {
            assert_true(sy_json_next(&right, &bn, &b));
            assert_same(a, b);
            assert_true(sy_str_eq(an, bn));
        }
        assert_false(sy_json_next(&right, &bn, &b));
    }
    sy_arena_release(&arena);
}

static void without_room_for_the_list_an_object_is_walked(void **state)
{
    struct sy_arena arena;
    struct sy_json root;

    (void)state;
    sy_arena_init(&arena, 32);
    root = listed_of(SY_STR("{\"a\":1,\"b\":2}"), &arena);
    assert_null(root.members);
    assert_false(arena.failed);
    assert_raw(sy_json_get_z(root, "b"), "2");
    sy_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(members_come_in_order_with_duplicates_and_untouched),
        cmocka_unit_test(elements_have_no_names_and_scalars_no_elements),
        cmocka_unit_test(names_are_compared_decoded_exactly_and_with_case),
        cmocka_unit_test(a_spoofed_name_is_not_found_for_the_real_one),
        cmocka_unit_test(a_path_walks_objects_only),
        cmocka_unit_test(strings_are_decoded_and_borrowed_where_they_can_be),
        cmocka_unit_test(only_strings_give_text_and_memory_may_run_out),
        cmocka_unit_test(integers_are_exact_or_refused),
        cmocka_unit_test(duplicates_are_seen_through_escapes_and_not_in_nested_objects),
        cmocka_unit_test(every_value_ends_where_it_ends_whatever_its_strings_hold),
        cmocka_unit_test(a_listed_object_reads_as_one_that_is_walked),
        cmocka_unit_test(without_room_for_the_list_an_object_is_walked),
        cmocka_unit_test(time_grows_with_the_text_and_not_with_its_square),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
