/* A tool's arguments from words of the command line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "cli/arguments.h"

struct good {
    const char *words[4];
    const char *json;
};

static const struct good GOOD[] = {
    {{NULL}, "{}"},
    {{"a=b"}, "{\"a\":\"b\"}"},
    {{"a="}, "{\"a\":\"\"}"},
    {{"a=5", "b:=5"}, "{\"a\":\"5\",\"b\":5}"},
    {{"b:=1e400"}, "{\"b\":1e400}"},
    {{"b:=12345678901234567890"}, "{\"b\":12345678901234567890}"},
    {{"b:= { \"x\" : [1, 2] } "}, "{\"b\":{ \"x\" : [1, 2] }}"},
    {{"b:={\"x\":1,\"x\":2}"}, "{\"b\":{\"x\":1,\"x\":2}}"},
    {{"b:=\"\\u0000\""}, "{\"b\":\"\\u0000\"}"},
    {{"e=x=y"}, "{\"e\":\"x=y\"}"},
    {{"e=x:=y"}, "{\"e\":\"x:=y\"}"},
    {{"a:b=c"}, "{\"a:b\":\"c\"}"},
    {{"q=a\"b\\c\n"}, "{\"q\":\"a\\\"b\\\\c\\n\"}"},
    {{"n\"m=1"}, "{\"n\\\"m\":\"1\"}"},
    {{"\xc3\xbc=\xe2\x82\xac"}, "{\"\xc3\xbc\":\"\xe2\x82\xac\"}"},
    {{"c:=null", "b=2", "a:=true"}, "{\"c\":null,\"b\":\"2\",\"a\":true}"},
};

struct bad {
    const char *words[4];
    const char *part; /* of what is said */
};

static const struct bad BAD[] = {
    {{"plain"}, "neither name=text nor name:=json"},
    {{"=x"}, "no name"},
    {{":=1"}, "no name"},
    {{"a=1", "a=2"}, "a is given twice"},
    {{"a=1", "b=1", "a:=2"}, "a is given twice"},
    {{"a:="}, "a is not JSON"},
    {{"a:={"}, "a is not JSON"},
    {{"a:=01"}, "a is not JSON"},
    {{"a:=1 2"}, "a is not JSON"},
    {{"a:='x'"}, "a is not JSON"},
    {{"a=\xff"}, "not UTF-8"},
    {{"a:=\"\xc0\xaf\""}, "not UTF-8"},
};

static size_t words_of(const char *const *from, struct sy_str words[4])
{
    size_t count = 0;

    while (count < 4 && from[count]) {
        words[count] = sy_str_of(from[count]);
        count++;
    }
    return count;
}

static void words_become_an_object_octet_for_octet(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(GOOD); i++) {
        struct sy_err err = SY_ERR_INIT;
        struct sy_arena arena;
        struct sy_str words[4], json;
        struct sy_json root;
        size_t count = words_of(GOOD[i].words, words);

        sy_arena_init(&arena, 65536);
        assert_int_equal(cli_arguments(words, count, &arena, &json, &err), SY_OK);
        assert_int_equal(json.len, sy_str_of(GOOD[i].json).len);
        assert_memory_equal(json.ptr, GOOD[i].json, json.len);
        assert_int_equal(sy_json_read(json, SY_JSON_DEPTH_MAX, &root, NULL), SY_OK);
        sy_arena_release(&arena);
    }
}

static void bad_words_are_refused_with_the_reason(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(BAD); i++) {
        struct sy_err err = SY_ERR_INIT;
        struct sy_arena arena;
        struct sy_str words[4], json;
        size_t count = words_of(BAD[i].words, words);

        sy_arena_init(&arena, 65536);
        assert_int_equal(cli_arguments(words, count, &arena, &json, &err), SY_INVALID);
        assert_true(sy_str_find(sy_str_of(err.text), sy_str_of(BAD[i].part)) != (size_t)-1);
        sy_arena_release(&arena);
    }
}

static int nested(unsigned depth)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_arena arena;
    struct sy_buf word;
    struct sy_str given, json;
    int status;

    sy_arena_init(&arena, 1 << 20);
    sy_buf_init_arena(&word, &arena, 65536);
    sy_buf_append_z(&word, "a:=");
    for (unsigned i = 0; i < depth; i++)
        sy_buf_append_char(&word, '[');
    for (unsigned i = 0; i < depth; i++)
        sy_buf_append_char(&word, ']');
    given = sy_buf_str(&word);
    status = cli_arguments(&given, 1, &arena, &json, &err);
    sy_arena_release(&arena);
    return status;
}

static void a_value_may_be_as_deep_as_payloads_and_no_deeper(void **state)
{
    (void)state;
    assert_int_equal(nested(SY_JSON_DEPTH_MAX), SY_OK);
    assert_int_equal(nested(SY_JSON_DEPTH_MAX + 1), SY_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(words_become_an_object_octet_for_octet),
        cmocka_unit_test(bad_words_are_refused_with_the_reason),
        cmocka_unit_test(a_value_may_be_as_deep_as_payloads_and_no_deeper),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
