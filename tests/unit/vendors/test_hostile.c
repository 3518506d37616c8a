/*
 * Whatever a vendor answers, an adapter ends: with a known step, at most the granted number of
 * requests, and a typed failure where there is one. Also when memory runs out half-way.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/json.h"
#include "vendors/vendors.h"

#include <string.h>

static const struct sy_str settings[] = {SY_STR_INIT("https://vendor.example"),
                                         SY_STR_INIT("value-1"),
                                         SY_STR_INIT("value-2"),
                                         SY_STR_INIT("value-3"),
                                         SY_STR_INIT("proj_1"),
                                         SY_STR_INIT("production")};

/* One of each shape the vendors use; the tests cut and bend them. */
static const char *const bodies[] = {
    "{\"data\":{\"status_code\":403,\"isError\":true,\"error\":{\"message\":\"x\"},\"content\":"
    "[{\"text\":\"t\"}]},\"error\":\"HTTP 403: insufficient scope\",\"successful\":false}",
    "{\"error\":{\"message\":\"m\",\"code\":1810,\"slug\":\"s\",\"errors\":[\"a\",1,null]}}",
    "{\"error\":{\"message\":\"m\",\"code\":2401}}",
    "{\"items\":[{\"id\":\"ac_1\",\"slug\":\"A_B\",\"user_id\":\"u\",\"status\":\"ENABLED\","
    "\"toolkit\":{\"slug\":\"slack\"},\"state\":{\"val\":{\"scope\":\"a b,,c\"}}}]}",
    "{\"exports\":{},\"os\":[{\"k\":\"error\",\"err\":{\"message\":\"m\",\"response\":{\"status\":"
    "429,\"headers\":{\"retry-after\":7}}}}],\"ret\":1,\"error\":{\"name\":\"n\"}}",
    "{\"data\":{\"key\":\"slack-send\",\"configurable_props\":[{\"name\":\"slack\",\"type\":"
    "\"app\"}]},"
    "\"page_info\":{\"end_cursor\":\"abc\"}}",
    "{\"data\":[{\"id\":\"apn_1\",\"external_id\":\"u\",\"healthy\":true,\"name_slug\":\"s\"}]}",
    "{\"code\":5,\"message\":\"not found\",\"details\":[{\"error_code\":\"TOOL_ERROR\","
    "\"tool_error_info\":{\"tool_error_message\":\"m\"},\"validation_error_info\":"
    "{\"field_violations\":[{\"field\":\"params.a\"}]}}]}",
    "{\"access_token\":\"t\",\"expires_in\":3600,\"connect_link_url\":\"https://x/?a=b\","
    "\"link\":\"https://x/l\",\"redirect_url\":\"https://x/"
    "r\",\"expires_at\":\"2026-11-21T10:00:00Z\"}",
    "{\"tools\":[{\"provider\":\"SLACK\",\"definition\":{\"name\":\"slack-send\"}}],\"tool_names\":"
    "[\"a_b\",1],\"next_page_token\":\"p\",\"total_size\":2,\"providers\":[{\"identifier\":"
    "\"SLACK\"}]}",
    "{\"code\":\"tool_failed\",\"status\":422,\"errors\":[],\"provider_status\":99999}",
    "[]",
    "\"text\"",
    "<html>",
    "",
};

static const int statuses[] = {0,   100, 200, 201, 202, 204, 301, 400, 401, 403, 404, 408,
                               409, 410, 413, 422, 429, 499, 500, 502, 503, 504, 999, -1};

static void check_step(enum sy_step step, const struct sy_wish *wish)
{
    if (step == SY_STEP_FAIL) {
        struct sy_buf out;
        struct sy_json root;
        assert_int_not_equal(wish->failure.code, SY_CODE_NONE);
        sy_buf_init(&out, 1u << 20);
        sy_failure_write(&out, &wish->failure, false, SY_STR("call_1"));
        assert_true(sy_buf_ok(&out));
        assert_int_equal(sy_json_read(sy_buf_str(&out), SY_JSON_DEPTH_MAX, &root, NULL), 0);
        sy_buf_release(&out);
        return;
    }
    assert_true(step == SY_STEP_DONE || step == SY_STEP_SEND || step == SY_STEP_NEED);
    if (step == SY_STEP_SEND) {
        assert_true(wish->request.url.len > 0);
        assert_false(sy_str_has_control(wish->request.url));
    }
}

/* Answers every request with (status, body) and every need with a value the vendor never had. */
static void drive(const struct sy_vendor *vendor, enum sy_op op, int status, struct sy_str body,
                  size_t memory)
{
    static const struct sy_header headers[] = {{SY_STR_INIT("retry-after"), SY_STR_INIT("3"), 0}};
    struct sy_arena mem, state;
    struct sy_fact given[8];
    struct sy_facts facts = {.now_unix_ms = 1795251600000,
                             .subject = SY_STR("u"),
                             .settings = settings,
                             .row_secret = SY_STR("row-secret"),
                             .facts = given,
                             .mem = &mem};
    struct sy_operation what = {
        .op = op,
        .key = SY_STR("slack"),
        .tool = SY_STR("slack-send"),
        .arguments = SY_STR("{\"a\":1}"),
        .target = {.vendor_slug = SY_STR("slack"), .endpoint = SY_STR("https://w.example")}};
    struct sy_wish wish = {0};
    enum sy_step step;
    int sends = 0;

    sy_arena_init(&mem, memory);
    sy_arena_init(&state, SY_VENDOR_OP_SIZE_MAX * 2);
    void *op_memory = sy_arena_zalloc(&state, SY_VENDOR_OP_SIZE_MAX);
    step = vendor->start(op_memory, &what, &facts, &wish);
    for (int i = 0; i < 40 && (step == SY_STEP_SEND || step == SY_STEP_NEED); i++) {
        struct sy_event event = {.kind = SY_EVENT_REPLY,
                                 .status = status,
                                 .headers = headers,
                                 .header_count = 1,
                                 .body = body};
        check_step(step, &wish);
        sends += step == SY_STEP_SEND;
        if (step == SY_STEP_NEED) {
            struct sy_fact *fact = &given[facts.fact_count % 8];
            *fact = (struct sy_fact){wish.need.kind, wish.need.key, body,
                                     wish.need.reject_generation + 1};
            if (facts.fact_count < 8)
                facts.fact_count++;
            event = (struct sy_event){.kind = SY_EVENT_FACT, .fact = fact};
        }
        wish = (struct sy_wish){0};
        step = vendor->resume(op_memory, &what, &event, &facts, &wish);
    }
    check_step(step, &wish);
    assert_true(step == SY_STEP_DONE || step == SY_STEP_FAIL);
    assert_in_range(sends, 0, SY_OPERATION_SENDS_MAX);
    sy_arena_release(&mem);
    sy_arena_release(&state);
}

static void drive_all(int status, struct sy_str body, size_t memory)
{
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    for (size_t i = 0; i < count; i++)
        for (int op = 0; op < SY_OP_COUNT; op++)
            if (vendors[i]->can & SY_CAN(op))
                drive(vendors[i], (enum sy_op)op, status, body, memory);
}

static void any_status_with_any_body_ends_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bodies); i++)
        for (size_t j = 0; j < SY_ARRAY_LEN(statuses); j++)
            drive_all(statuses[j], sy_str_of(bodies[i]), 8u << 20);
}

static void a_body_cut_anywhere_ends_typed(void **state)
{
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bodies); i++)
        for (size_t len = 0; len < strlen(bodies[i]); len += 3) {
            drive_all(200, sy_str_from(bodies[i], len), 8u << 20);
            drive_all(404, sy_str_from(bodies[i], len), 8u << 20);
        }
}

static void a_body_with_one_byte_changed_ends_typed(void **state)
{
    static const char bytes[] = "\"{}[]:,\\0n \x01\x80";
    char bent[1024];

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bodies); i++)
        for (size_t at = 0; at < strlen(bodies[i]); at += 2) {
            size_t len = strlen(bodies[i]);
            memcpy(bent, bodies[i], len);
            bent[at] = bytes[at % (sizeof(bytes) - 1)];
            drive_all(at % 4 ? 200 : 400, sy_str_from(bent, len), 8u << 20);
        }
}

static void any_amount_of_memory_ends_typed(void **state)
{
    (void)state;
    for (size_t memory = 0; memory < 12000; memory += 97)
        for (size_t i = 0; i < SY_ARRAY_LEN(bodies); i++)
            drive_all(i % 2 ? 404 : 200, sy_str_of(bodies[i]), memory);
}

static void names_with_anything_in_them_never_bend_a_url(void **state)
{
    static const char *const names[] = {"..",   ".",        "a/../../b",  "a?b=c#d", "a\r\nb: c",
                                        "a\tb", "\x7f",     "%2e%2e%2f",  "a b",     "\xff\xfe",
                                        "a\\b", "a@b:80/c", "//evil.tld", "a&b=c"};
    size_t count;
    const struct sy_vendor *const *vendors = sy_vendors(&count);

    (void)state;
    for (size_t i = 0; i < count; i++)
        for (int op = 0; op < SY_OP_COUNT; op++)
            for (size_t n = 0; n < SY_ARRAY_LEN(names); n++) {
                struct sy_arena mem;
                struct sy_wish wish = {0};
                struct sy_fact token = {SY_FACT_TOKEN, SY_STR(""), SY_STR("tok"), 1};
                struct sy_str name = sy_str_of(names[n]);
                struct sy_facts facts = {.settings = settings,
                                         .subject = name,
                                         .facts = &token,
                                         .fact_count = 1,
                                         .mem = &mem};
                struct sy_operation what = {
                    .op = (enum sy_op)op, .key = name, .tool = name, .target.vendor_slug = name};
                void *memory;
                if (!(vendors[i]->can & SY_CAN(op)))
                    continue;
                sy_arena_init(&mem, 1u << 20);
                memory = sy_arena_zalloc(&mem, SY_VENDOR_OP_SIZE_MAX);
                if (vendors[i]->start(memory, &what, &facts, &wish) == SY_STEP_SEND) {
                    struct sy_str url = wish.request.url;
                    assert_true(sy_str_starts(url, settings[0]));
                    assert_false(sy_str_has_control(url));
                    assert_int_equal(sy_str_find(url, SY_STR("/../")), (size_t)-1);
                    assert_int_equal(sy_str_find(url, SY_STR("/./")), (size_t)-1);
                    assert_false(sy_str_ends(url, SY_STR("/..")));
                    assert_int_equal(sy_str_find_char(url, '#'), (size_t)-1);
                    assert_int_equal(sy_str_find_char(url, ' '), (size_t)-1);
                    /* What is no UTF-8 cannot stand in JSON as it is: the core then refuses. */
                    if (sy_str_is_utf8(name))
                        assert_true(sy_request_is_bound(&wish.request, name, (struct sy_str){0}));
                }
                sy_arena_release(&mem);
            }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(any_status_with_any_body_ends_typed),
        cmocka_unit_test(a_body_cut_anywhere_ends_typed),
        cmocka_unit_test(a_body_with_one_byte_changed_ends_typed),
        cmocka_unit_test(any_amount_of_memory_ends_typed),
        cmocka_unit_test(names_with_anything_in_them_never_bend_a_url),
    };

    return sy_crypto_init() ? 1 : cmocka_run_group_tests(tests, NULL, NULL);
}
