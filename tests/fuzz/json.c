/*
 * Any text: refused with a place in it, or every byte of it belongs to exactly one value, name or
 * piece of punctuation, and each part is JSON by itself.
 */
#include "fuzz.h"

#define PARTS_MAX 2048u /* texts longer than this are walked, not taken apart */
#define NAMES_MAX 64u

static void check_string(struct sy_json value)
{
    struct sy_arena arena;
    struct sy_buf quoted;
    struct sy_json again;
    struct sy_str plain;

    sy_arena_init(&arena, 1u << 20);
    sy_buf_init_arena(&quoted, &arena, 1u << 19);
    FUZZ_CHECK(sy_json_string(value, &arena, false, &plain) == SY_OK);
    FUZZ_CHECK(sy_str_is_utf8(plain));
    sy_json_quote(&quoted, plain);
    FUZZ_CHECK(sy_buf_ok(&quoted));
    FUZZ_CHECK(sy_json_read(sy_buf_str(&quoted), 0, &again, NULL) == SY_OK);
    FUZZ_CHECK(sy_json_name_is(again.raw, plain));
    sy_arena_release(&arena);
}

static void check_number(struct sy_json value)
{
    char text[32];
    int64_t number;

    if (!sy_json_i64(value, &number))
        return;
    (void)snprintf(text, sizeof(text), "%lld", (long long)number);
    FUZZ_CHECK(sy_str_eq(value.raw, sy_str_of(text)) || sy_str_eq(value.raw, SY_STR("-0")));
}

/* Names that stand twice, by decoding all and comparing each with each. */
static void check_names(struct sy_json object)
{
    struct sy_json_iter iter = sy_json_iter(object);
    struct sy_str raw, names[NAMES_MAX];
    struct sy_json value;
    struct sy_arena arena;
    bool twice = false;
    size_t count = 0;

    if (sy_json_count(object) > NAMES_MAX)
        return;
    sy_arena_init(&arena, 4u << 20);
    while (sy_json_next(&iter, &raw, &value)) {
        struct sy_json name = {.type = SY_JSON_STRING, .raw = raw};
        bool known = false;

        FUZZ_CHECK(sy_json_string(name, &arena, false, &names[count]) == SY_OK);
        for (size_t i = 0; i < count; i++)
            known = known || sy_str_eq(names[i], names[count]);
        if (!known && sy_json_name_is(raw, names[count]))
            FUZZ_CHECK(sy_json_get(object, names[count]).raw.ptr == value.raw.ptr);
        twice = twice || known;
        count++;
    }
    FUZZ_CHECK(sy_json_has_duplicates(object, &arena) == twice);
    sy_arena_release(&arena);
}

/* Only white space and `expected` marks between two parts. */
static void check_gap(const char *from, const char *to, const char *expected)
{
    FUZZ_CHECK(from <= to);
    for (; from < to; from++) {
        if (memchr(" \t\r\n", *from, 4))
            continue;
        FUZZ_CHECK(*expected && *from == *expected);
        expected++;
    }
    FUZZ_CHECK(!*expected);
}

static void check(struct sy_json value, bool apart);

static void check_container(struct sy_json value, bool apart)
{
    bool object = value.type == SY_JSON_OBJECT;
    const char *at = value.raw.ptr, *mark = object ? "{" : "[";
    struct sy_json_iter iter = sy_json_iter(value);
    struct sy_json member;
    struct sy_str name;
    size_t count = 0;

    while (sy_json_next(&iter, &name, &member)) {
        if (object) {
            check_gap(at, name.ptr, mark);
            check_gap(name.ptr + name.len, member.raw.ptr, ":");
        } else {
            FUZZ_CHECK(!name.ptr);
            check_gap(at, member.raw.ptr, mark);
        }
        check(member, apart);
        at = member.raw.ptr + member.raw.len;
        mark = ",";
        count++;
    }
    if (!count)
        check_gap(at, value.raw.ptr + value.raw.len, object ? "{}" : "[]");
    else
        check_gap(at, value.raw.ptr + value.raw.len, object ? "}" : "]");
    FUZZ_CHECK(sy_json_count(value) == count);
    if (object && apart)
        check_names(value);
}

static void check(struct sy_json value, bool apart)
{
    struct sy_json again;

    if (apart) {
        FUZZ_CHECK(sy_json_read(value.raw, SY_JSON_DEPTH_MAX, &again, NULL) == SY_OK);
        FUZZ_CHECK(again.type == value.type && sy_str_eq(again.raw, value.raw));
    }
    if (value.type == SY_JSON_OBJECT || value.type == SY_JSON_ARRAY)
        check_container(value, apart);
    else if (value.type == SY_JSON_STRING)
        check_string(value);
    else if (value.type == SY_JSON_NUMBER)
        check_number(value);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_json_fault fault = {.offset = (size_t)-1};
    struct sy_str text = fuzz_all(data, size);
    struct sy_json root;

    if (sy_json_read(text, SY_JSON_DEPTH_MAX, &root, &fault)) {
        FUZZ_CHECK(fault.offset <= size && fault.why);
        return 0;
    }
    check_gap(text.ptr, root.raw.ptr, "");
    check_gap(root.raw.ptr + root.raw.len, text.ptr + text.len, "");
    check(root, size <= PARTS_MAX);
    return 0;
}
