/*
 * POST /v1/execute: an idempotency header, then the body. Taken: every member within its rules.
 * Refused: a problem document that names the places.
 */
#include "fuzz.h"

#include "api/execute.h"

static void check_taken(const struct api_execute_body *body, struct sy_str text)
{
    FUZZ_CHECK(fuzz_is_json(text, SY_JSON_OBJECT));
    FUZZ_CHECK(body->tool.len && !api_check_tool(body->tool));
    FUZZ_CHECK(!body->toolkit.ptr || !api_check_tool(body->toolkit));
    FUZZ_CHECK(!body->user_id.ptr || sy_user_id_is_valid(body->user_id));
    FUZZ_CHECK(!body->vendor.ptr || body->vendor.len <= 32);
    FUZZ_CHECK(!body->connection_id.ptr || !api_check_visible(body->connection_id));
    FUZZ_CHECK(!body->idempotency_key.ptr || !api_check_visible(body->idempotency_key));
    FUZZ_CHECK(!body->idempotency_key.ptr || body->idempotency_key.len <= 255);
    FUZZ_CHECK(body->timeout_ms >= 0 && body->timeout_ms <= 300000);
    if (body->arguments.ptr) {
        FUZZ_CHECK(fuzz_is_json(body->arguments, SY_JSON_OBJECT));
        FUZZ_CHECK(sy_str_find(text, body->arguments) != (size_t)-1);
    }
}

static void check_refused(struct api_errors *errors)
{
    struct sy_failure failure = api_errors_failure(errors);
    struct sy_buf out;

    FUZZ_CHECK(errors->count || errors->broken);
    FUZZ_CHECK(failure.code != SY_CODE_NONE);
    sy_buf_init(&out, 16u << 20);
    sy_failure_write(&out, &failure, false, SY_STR("call_1"));
    FUZZ_CHECK(sy_buf_ok(&out) && fuzz_is_json(sy_buf_str(&out), SY_JSON_OBJECT));
    FUZZ_CHECK(!failure.errors.ptr || fuzz_is_json(failure.errors, SY_JSON_ARRAY));
    sy_buf_release(&out);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size), key;
    struct api_errors errors = {0};
    struct api_execute_body body;
    struct sy_arena arena;

    sy_arena_init(&arena, 16u << 20);
    errors.arena = &arena;
    key = fuzz_optional(&rest);
    if (api_execute_read(rest, key, key.ptr ? 1 : 0, &body, &errors))
        check_taken(&body, rest);
    else
        check_refused(&errors);
    sy_arena_release(&arena);
    return 0;
}
