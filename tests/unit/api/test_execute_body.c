#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <setjmp.h>

#include <cmocka.h>

#include "api/execute.h"

struct fixture {
    struct sy_arena arena;
    struct api_errors errors;
    struct api_execute_body body;
    bool good;
    struct sy_failure failure;
};

static void read_body(struct fixture *f, struct sy_str text, const char *key, unsigned keys)
{
    memset(f, 0, sizeof(*f));
    sy_arena_init(&f->arena, (size_t)4 << 20);
    f->errors.arena = &f->arena;
    f->good = api_execute_read(text, sy_str_of(key), keys, &f->body, &f->errors);
    if (!f->good)
        f->failure = api_errors_failure(&f->errors);
}

static void release(struct fixture *f)
{
    sy_arena_release(&f->arena);
}

static void a_whole_envelope_is_read(void **state)
{
    struct fixture f;

    (void)state;
    read_body(&f,
              SY_STR("{\"tool\":\"gmail_fetch_emails\",\"user_id\":\"u\\u00e9\",\"toolkit\":null,"
                     "\"vendor\":\"composio\",\"connection_id\":\"composio:ca_1\","
                     "\"arguments\": {\"a\" : 1e400, \"a\":\"\\u0000\\ud800\"} ,"
                     "\"timeout_ms\":300000,\"explain\":true,\"idempotency_key\":\"k\"}"),
              NULL, 0);
    assert_true(f.good);
    assert_true(sy_str_eq(f.body.tool, SY_STR("gmail_fetch_emails")));
    assert_true(sy_str_eq(f.body.user_id, SY_STR("u\xc3\xa9")));
    assert_null(f.body.toolkit.ptr);
    assert_true(sy_str_eq(f.body.arguments, SY_STR("{\"a\" : 1e400, \"a\":\"\\u0000\\ud800\"}")));
    assert_int_equal(f.body.timeout_ms, 300000);
    assert_true(f.body.explain);
    assert_true(sy_str_eq(f.body.idempotency_key, SY_STR("k")));
    release(&f);
}

/* Each: a body, its cause, and the errors[] that it gets. */
static const struct {
    const char *body;
    enum sy_cause cause;
    const char *errors;
} refusals[] = {
    {"", SY_CAUSE_BAD_JSON, NULL},
    {"{\"tool\":\"a_b\"", SY_CAUSE_BAD_JSON, NULL},
    {"{\"tool\":\"a_b\"} x", SY_CAUSE_BAD_JSON, NULL},
    {"\xef\xbb\xbf{\"tool\":\"a_b\"}", SY_CAUSE_BAD_JSON, NULL},
    {"{\"tool\":\"a\xff\"}", SY_CAUSE_BAD_JSON, NULL},
    {"[]", SY_CAUSE_BAD_FIELD, "[{\"pointer\":\"\",\"detail\":\"must be an object\"}]"},
    {"{}", SY_CAUSE_BAD_FIELD, "[{\"pointer\":\"/tool\",\"detail\":\"is required\"}]"},
    {"{\"tool\":null}", SY_CAUSE_BAD_FIELD, "[{\"pointer\":\"/tool\",\"detail\":\"is required\"}]"},
    {"{\"tool\":7}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/tool\",\"detail\":\"must be a string\"}]"},
    {"{\"tool\":\"\"}", SY_CAUSE_BAD_NAME,
     "[{\"pointer\":\"/tool\",\"detail\":\"must not be empty\"}]"},
    {"{\"tool\":\"a_b\",\"tool\":\"a_b\"}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/tool\",\"detail\":\"stands twice\"}]"},
    {"{\"tool\":\"a_b\",\"t\\u006fol\":\"a_b\"}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/tool\",\"detail\":\"stands twice\"}]"},
    {"{\"tool\":\"a_b\",\"a/~b\":1}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/a~1~0b\",\"detail\":\"is not a member of this request\"}]"},
    {"{\"tool\":\"a_b\",\"argument\":{}}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/argument\",\"detail\":\"is not a member of this request; did you mean "
     "arguments?\"}]"},
    {"{\"tool\":\"a_b\",\"tool\\u0000\":1}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/tool\\u0000\",\"detail\":\"is not a member of this request; did you mean "
     "tool?\"}]"},
    {"{\"tool\":\"a_b\",\"arguments\":[]}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/arguments\",\"detail\":\"must be an object\"}]"},
    {"{\"tool\":\"a_b\",\"user_id\":\"a,b\"}", SY_CAUSE_BAD_NAME,
     "[{\"pointer\":\"/user_id\",\"detail\":\"must have 1 to 200 bytes, no control character, no "
     "comma\"}]"},
    {"{\"tool\":\"a_b\",\"user_id\":\"a\\u0000b\"}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/user_id\",\"detail\":\"must not hold U+0000\"}]"},
    {"{\"tool\":\"a_b\",\"user_id\":\"a\\ud800b\"}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/user_id\",\"detail\":\"holds half of a surrogate pair\"}]"},
    {"{\"tool\":\"a_b\",\"user_id\":\"a\\udc00\"}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/user_id\",\"detail\":\"holds half of a surrogate pair\"}]"},
    {"{\"tool\":\"a_b\",\"timeout_ms\":0}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/timeout_ms\",\"detail\":\"must be between 1 and 300000\"}]"},
    {"{\"tool\":\"a_b\",\"timeout_ms\":1e3}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/timeout_ms\",\"detail\":\"must be a whole number\"}]"},
    {"{\"tool\":\"a_b\",\"explain\":\"yes\"}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/explain\",\"detail\":\"must be true or false\"}]"},
    {"{\"tool\":\"../x\"}", SY_CAUSE_BAD_NAME,
     "[{\"pointer\":\"/tool\",\"detail\":\"must be a name: letters, digits and _, inside also - . "
     "and spaces\"}]"},
    {"{\"tool\":\"a_b\",\"toolkit\":\"a\\r\\nb\"}", SY_CAUSE_BAD_NAME,
     "[{\"pointer\":\"/toolkit\",\"detail\":\"must be a name: letters, digits and _, inside also "
     "- . and spaces\"}]"},
    {"{\"tool\":1,\"user_id\":2,\"x\":3}", SY_CAUSE_BAD_FIELD,
     "[{\"pointer\":\"/tool\",\"detail\":\"must be a string\"},{\"pointer\":\"/"
     "user_id\",\"detail\":\"must be a string\"},{\"pointer\":\"/x\",\"detail\":\"is not a member "
     "of this request\"}]"},
};

static void every_fault_is_told_with_its_place(void **state)
{
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(refusals); i++) {
        read_body(&f, sy_str_of(refusals[i].body), NULL, 0);
        if (f.good || f.failure.cause != refusals[i].cause ||
            (refusals[i].errors && !sy_str_eq(f.failure.errors, sy_str_of(refusals[i].errors))))
            fail_msg("%s: cause %s, errors %.*s", refusals[i].body, sy_cause_word(f.failure.cause),
                     SY_FMT(f.failure.errors));
        release(&f);
    }
}

static void names_have_at_most_128_characters(void **state)
{
    char text[256];
    struct fixture f;

    (void)state;
    for (int len = 127; len <= 129; len++) {
        snprintf(text, sizeof(text), "{\"tool\":\"%0*d\"}", len, 1);
        read_body(&f, sy_str_of(text), NULL, 0);
        assert_int_equal(f.good, len <= 128);
        if (!f.good)
            assert_int_equal(f.failure.cause, SY_CAUSE_BAD_NAME);
        release(&f);
    }
}

static void depth_is_limited_to_512(void **state)
{
    static char text[4096];
    struct fixture f;

    (void)state;
    for (int depth = 510; depth <= 511; depth++) {
        int len = snprintf(text, sizeof(text), "{\"tool\":\"a_b\",\"arguments\":{\"v\":");

        for (int i = 0; i < depth; i++)
            text[len++] = '[';
        for (int i = 0; i < depth; i++)
            text[len++] = ']';
        text[len++] = '}';
        text[len++] = '}';
        read_body(&f, sy_str_from(text, (size_t)len), NULL, 0);
        assert_int_equal(f.good, depth == 510);
        release(&f);
    }
}

static void header_and_member_must_name_the_same_key(void **state)
{
    static const struct {
        const char *body, *header;
        unsigned headers;
        const char *key; /* NULL: refused */
    } rows[] = {
        {"{\"tool\":\"a_b\"}", "h", 1, "h"},
        {"{\"tool\":\"a_b\",\"idempotency_key\":\"h\"}", "h", 1, "h"},
        {"{\"tool\":\"a_b\",\"idempotency_key\":\"m\"}", NULL, 0, "m"},
        {"{\"tool\":\"a_b\",\"idempotency_key\":\"m\"}", "h", 1, NULL},
        {"{\"tool\":\"a_b\"}", "h", 2, NULL},
        {"{\"tool\":\"a_b\"}", "h h", 1, NULL},
        {"{\"tool\":\"a_b\"}", "", 1, NULL},
    };
    struct fixture f;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        read_body(&f, sy_str_of(rows[i].body), rows[i].header, rows[i].headers);
        assert_int_equal(f.good, rows[i].key != NULL);
        if (rows[i].key)
            assert_true(sy_str_eq(f.body.idempotency_key, sy_str_of(rows[i].key)));
        else
            assert_true(sy_str_find(f.failure.errors, SY_STR("\"header\":\"Idempotency-Key\"")) !=
                        (size_t)-1);
        release(&f);
    }
}

static void a_flood_of_errors_is_cut(void **state)
{
    struct sy_buf text;
    struct fixture f;

    (void)state;
    sy_buf_init(&text, (size_t)1 << 20);
    sy_buf_append_z(&text, "{\"tool\":\"a_b\"");
    for (int i = 0; i < 5000; i++)
        sy_buf_printf(&text, ",\"unknown_member_%d\":%d", i, i);
    sy_buf_append_char(&text, '}');
    read_body(&f, sy_buf_str(&text), NULL, 0);
    assert_false(f.good);
    assert_true(f.failure.errors.len > 0 && f.failure.errors.len < 20000);
    sy_buf_release(&text);
    release(&f);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_envelope_is_read),
        cmocka_unit_test(every_fault_is_told_with_its_place),
        cmocka_unit_test(names_have_at_most_128_characters),
        cmocka_unit_test(depth_is_limited_to_512),
        cmocka_unit_test(header_and_member_must_name_the_same_key),
        cmocka_unit_test(a_flood_of_errors_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
