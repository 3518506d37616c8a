/* A failure with any text in it: the problem document is JSON with each member once. */
#include "fuzz.h"

#include "contract/failure.h"

static struct sy_str json_part(struct sy_str *rest, enum sy_json_type type)
{
    struct sy_str part = fuzz_part(rest);

    return fuzz_is_json(part, type) ? part : (struct sy_str){NULL, 0};
}

static void fill(struct sy_failure *failure, struct sy_str *rest)
{
    static const char *const by[] = {NULL, "gateway", "vendor", "provider"};
    unsigned code = fuzz_byte(rest), cause = fuzz_byte(rest), flags = fuzz_byte(rest);

    *failure = (struct sy_failure){.code = (enum sy_code)(1 + code % (SY_CODE_COUNT - 1)),
                                   .cause = (enum sy_cause)(cause % SY_CAUSE_COUNT),
                                   .origin = (enum sy_origin)(flags % 6),
                                   .retryable = (enum sy_tristate)(flags % 3),
                                   .limited_by = by[flags % 4],
                                   .fix = flags & 16 ? "reconsent" : NULL,
                                   .limit_bytes = flags & 32 ? UINT64_MAX : 0};
    if (flags & 64)
        failure->expires_at_ms = failure->due_at_ms = INT64_MIN + (int64_t)code;
    if (flags & 128)
        failure->requested_at_ms = INT64_MAX - (int64_t)code;
    failure->provider_status = (int)code - 100;
    failure->detail = fuzz_optional(rest);
    failure->connect_url = fuzz_optional(rest);
    failure->connection_id = fuzz_optional(rest);
    failure->todo = fuzz_optional(rest);
    failure->renamed_to = fuzz_optional(rest);
    failure->case_id = fuzz_optional(rest);
    failure->issue_url = fuzz_optional(rest);
    failure->connected_at = json_part(rest, SY_JSON_ARRAY);
    failure->missing_scopes = json_part(rest, SY_JSON_ARRAY);
    failure->errors = json_part(rest, SY_JSON_ARRAY);
    failure->suggestions = json_part(rest, SY_JSON_ARRAY);
    failure->rules = json_part(rest, SY_JSON_ARRAY);
    failure->provider_body = json_part(rest, SY_JSON_NONE);
}

static void check(const struct sy_failure *failure, struct sy_str text)
{
    struct sy_json root, detail;
    struct sy_arena arena;
    struct sy_str plain;

    sy_arena_init(&arena, 4u << 20);
    FUZZ_CHECK(sy_json_read(text, SY_JSON_DEPTH_MAX + 2, &root, NULL) == SY_OK);
    FUZZ_CHECK(!sy_json_has_duplicates(root, &arena));
    detail = sy_json_get_z(root, "detail");
    FUZZ_CHECK(sy_json_string(detail, &arena, false, &plain) == SY_OK && plain.len);
    if (failure->detail.len && sy_str_is_utf8(failure->detail))
        FUZZ_CHECK(sy_str_eq(plain, failure->detail));
    FUZZ_CHECK(sy_json_get_z(root, "code").type == SY_JSON_STRING);
    sy_arena_release(&arena);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size);
    struct sy_buf first, second;
    struct sy_failure failure;
    struct sy_arena arena;

    fill(&failure, &rest);
    sy_buf_init(&first, 4u << 20);
    sy_buf_init(&second, 4u << 20);
    sy_failure_write(&first, &failure, size & 1, rest);
    FUZZ_CHECK(sy_buf_ok(&first));
    check(&failure, sy_buf_str(&first));
    sy_arena_init(&arena, 1u << 20);
    sy_failure_copy(&failure, &arena);
    sy_failure_write(&second, &failure, size & 1, rest);
    FUZZ_CHECK(sy_str_eq(sy_buf_str(&first), sy_buf_str(&second)));
    sy_arena_release(&arena);
    sy_buf_release(&first);
    sy_buf_release(&second);
    return 0;
}
