/*
 * Registry writes over the API: partial rows onto a toolkit's rows (PATCH), and the same text as
 * whole rows (PUT). Either a list of rows that the registry's own reader judges, or faults that a
 * problem document can hold; a patch never names a vendor twice nor loses a row.
 */
#include "fuzz.h"

#include "api/registry_change.h"
#include "registry/registry.h"

static const struct sy_str aliases[] = {SY_STR_INIT("mail")};
static const struct sy_toolkit_facts facts = {
    .toolkit = SY_STR_INIT("gmail"), .aliases = aliases, .alias_count = 1};
static const struct sy_row two_rows[] = {
    {.toolkit = SY_STR_INIT("gmail"),
     .vendor = SY_STR_INIT("composio"),
     .state = SY_ROW_LIVE,
     .notes = SY_STR_INIT("old"),
     .version_number = 7},
    {.toolkit = SY_STR_INIT("gmail"),
     .vendor = SY_STR_INIT("scalekit"),
     .state = SY_ROW_LIVE,
     .version_number = 7},
};

static void check_refused(struct api_errors *errors)
{
    struct sy_failure failure = api_errors_failure(errors);
    struct sy_buf out;

    FUZZ_CHECK(errors->count);
    FUZZ_CHECK(failure.code != SY_CODE_NONE);
    FUZZ_CHECK(!failure.errors.ptr || fuzz_is_json(failure.errors, SY_JSON_ARRAY));
    sy_buf_init(&out, 16u << 20);
    sy_failure_write(&out, &failure, false, SY_STR("req_1"));
    FUZZ_CHECK(sy_buf_ok(&out) && fuzz_is_json(sy_buf_str(&out), SY_JSON_OBJECT));
    sy_buf_release(&out);
}

/* What is taken prints as what reads the same. */
static void read_rows(struct sy_str json, struct sy_arena *arena)
{
    struct api_errors errors = {.arena = arena};
    struct sy_toolkit_facts told;
    struct sy_row *rows = NULL;
    size_t count = 0;
    int status = sy_rows_from_json(json, SY_STR("gmail"), arena, &rows, &count, &told,
                                   api_errors_writer(&errors));

    FUZZ_CHECK(status == SY_OK || status == SY_INVALID);
    for (size_t i = 0; status == SY_OK && i < count; i++) {
        FUZZ_CHECK(rows[i].vendor.len);
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(!sy_str_eq(rows[i].vendor, rows[j].vendor));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str text = fuzz_all(data, size);
    unsigned rows = fuzz_byte(&text) % 3;
    const struct api_rows before = {
        .rows = two_rows, .count = rows, .facts = rows ? &facts : NULL, .version = rows ? 7 : 0};
    struct api_errors errors = {0};
    struct sy_str patched;
    struct sy_arena arena;
    struct sy_json root;

    sy_arena_init(&arena, 64u << 20);
    errors.arena = &arena;
    patched = api_rows_patched(&before, text, &errors);
    if (patched.ptr && !errors.count) {
        FUZZ_CHECK(sy_json_read(patched, SY_JSON_DEPTH_MAX + 2, &root, NULL) == SY_OK);
        FUZZ_CHECK(root.type == SY_JSON_ARRAY && sy_json_count(root) >= rows);
        read_rows(patched, &arena);
    } else {
        check_refused(&errors);
    }
    read_rows(text, &arena);
    sy_arena_release(&arena);
    return 0;
}
