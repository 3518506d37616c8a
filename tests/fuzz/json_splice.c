/*
 * Renaming arguments: two renames (old, new, old, new), then the arguments. What is not renamed
 * stays byte for byte, order and white space too.
 */
#include "fuzz.h"

#include "resolve/resolve.h"

static const struct sy_pair *rename_of(const struct sy_pair *renames, struct sy_str raw)
{
    for (size_t i = 0; i < 2; i++)
        if (sy_json_name_is(raw, renames[i].name))
            return &renames[i];
    return NULL;
}

static struct sy_str between(const char *from, const char *to)
{
    return sy_str_from(from, (size_t)(to - from));
}

static void check(struct sy_json before, struct sy_json after, const struct sy_pair *renames)
{
    struct sy_json_iter old_iter = sy_json_iter(before), new_iter = sy_json_iter(after);
    const char *old_at = before.raw.ptr, *new_at = after.raw.ptr;
    struct sy_str old_name, new_name;
    struct sy_json old_value, new_value;

    while (sy_json_next(&old_iter, &old_name, &old_value)) {
        const struct sy_pair *pair = rename_of(renames, old_name);

        FUZZ_CHECK(sy_json_next(&new_iter, &new_name, &new_value));
        FUZZ_CHECK(sy_str_eq(between(old_at, old_name.ptr), between(new_at, new_name.ptr)));
        if (pair)
            FUZZ_CHECK(sy_json_name_is(new_name, pair->value));
        else
            FUZZ_CHECK(sy_str_eq(old_name, new_name));
        old_at = old_name.ptr + old_name.len;
        new_at = new_name.ptr + new_name.len;
    }
    FUZZ_CHECK(!sy_json_next(&new_iter, &new_name, &new_value));
    FUZZ_CHECK(sy_str_eq(between(old_at, before.raw.ptr + before.raw.len),
                         between(new_at, after.raw.ptr + after.raw.len)));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size), out;
    struct sy_failure failure = {0};
    struct sy_json before, after;
    struct sy_pair renames[2];
    struct sy_arena arena;
    int status;

    for (size_t i = 0; i < 2; i++) {
        renames[i].name = fuzz_part(&rest);
        renames[i].value = fuzz_part(&rest);
        if (!sy_str_is_utf8(renames[i].name) || !sy_str_is_utf8(renames[i].value))
            return 0;
    }
    const struct sy_candidate candidate = {.renames = renames, .rename_count = 2};
    bool object = fuzz_is_json(rest, SY_JSON_OBJECT);

    sy_arena_init(&arena, 4u << 20);
    status = sy_resolve_arguments(&candidate, rest, &arena, &out, &failure);
    FUZZ_CHECK(status == SY_OK || status == SY_INVALID);
    if (status == SY_OK && rest.len) {
        FUZZ_CHECK(object);
        FUZZ_CHECK(sy_json_read(rest, SY_JSON_DEPTH_MAX, &before, NULL) == SY_OK);
        FUZZ_CHECK(sy_json_read(out, SY_JSON_DEPTH_MAX, &after, NULL) == SY_OK);
        check(before, after, renames);
    } else if (status != SY_OK) {
        FUZZ_CHECK(failure.code != SY_CODE_NONE && failure.detail.len);
        FUZZ_CHECK(!object == (failure.code == SY_CODE_INVALID_REQUEST));
        FUZZ_CHECK(!failure.errors.ptr || fuzz_is_json(failure.errors, SY_JSON_ARRAY));
    }
    sy_arena_release(&arena);
    return 0;
}
