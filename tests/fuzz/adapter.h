/* What a fuzzed operation keeps besides the adapter's own state, and the judgements over it. */
#ifndef SY_TESTS_FUZZ_ADAPTER_H
#define SY_TESTS_FUZZ_ADAPTER_H

#include "contract/registry.h"
#include "fuzz.h"
#include "net/egress.h"
#include "vendors/vendors.h"

#define ADAPTER_SECRET "s3cret-0123456789abcdef"
#define ADAPTER_STEPS_MAX 64u
#define ADAPTER_FACTS_MAX 16u

static inline void check_headers(const struct sy_request *request, bool *ret_json)
{
    FUZZ_CHECK(request->header_count <= SY_REQUEST_HEADERS_MAX);
    for (unsigned i = 0; i < request->header_count; i++) {
        const struct sy_header *header = &request->headers[i];

        FUZZ_CHECK(header->name.len && !sy_str_has_control(header->name));
        FUZZ_CHECK(sy_str_find_char(header->name, ':') == (size_t)-1);
        FUZZ_CHECK(!sy_str_has_control(header->value));
        if (sy_str_eq_nocase(header->name, SY_STR("content-type")))
            *ret_json = sy_str_starts(header->value, SY_STR("application/json"));
    }
}

/* A URL that goes nowhere else, headers that stay one line, a body that is what it says. */
static inline void check_request(const struct sy_request *request, const struct sy_operation *what,
                                 const struct sy_facts *facts)
{
    struct sy_err err = SY_ERR_INIT;
    struct sy_buf body;
    bool json = false;

    if (sy_egress_check_url(request->url, &err)) {
        fprintf(stderr, "%.*s: %s\n", SY_FMT(request->url), err.text);
        abort();
    }
    check_headers(request, &json);
    FUZZ_CHECK(sy_request_is_bound(request, facts->subject, what->account));
    FUZZ_CHECK(request->body_count <= SY_REQUEST_SLICES_MAX);
    sy_buf_init(&body, 16u << 20);
    for (unsigned i = 0; i < request->body_count; i++)
        sy_buf_append(&body, request->body[i]);
    if (json && request->body_count)
        FUZZ_CHECK(fuzz_is_json(sy_buf_str(&body), SY_JSON_OBJECT));
    sy_buf_release(&body);
}

/* Whose accounts they are is never the vendor's word alone. */
static inline void check_accounts(struct sy_str value, struct sy_str subject)
{
    struct sy_json root, account;
    struct sy_json_iter iter;
    struct sy_str name, user;
    struct sy_arena arena;

    FUZZ_CHECK(sy_json_read(value, SY_JSON_DEPTH_MAX, &root, NULL) == SY_OK);
    FUZZ_CHECK(root.type == SY_JSON_ARRAY);
    sy_arena_init(&arena, 4u << 20);
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &name, &account)) {
        user = sy_json_text(sy_json_get_z(account, "user"), &arena);
        FUZZ_CHECK(!user.len || sy_str_eq(user, subject));
        FUZZ_CHECK(sy_json_text(sy_json_get_z(account, "id"), &arena).len);
    }
    sy_arena_release(&arena);
}

static inline void check_result(const struct sy_result *result, const struct sy_operation *what,
                                const struct sy_facts *facts)
{
    FUZZ_CHECK(result->ttl_ms >= 0);
    FUZZ_CHECK(!result->found_count || result->found);
    if (what->op == SY_OP_EXECUTE) {
        FUZZ_CHECK(!result->data.ptr || fuzz_is_json(result->data, SY_JSON_NONE));
        FUZZ_CHECK(!result->vendor_reply.ptr || fuzz_is_json(result->vendor_reply, SY_JSON_OBJECT));
    } else if (what->op == SY_OP_ACCOUNTS) {
        check_accounts(result->value, facts->subject);
    } else if (what->op == SY_OP_TOOL || what->op == SY_OP_LINK) {
        FUZZ_CHECK(fuzz_is_json(result->value, SY_JSON_OBJECT));
    } else if (what->op == SY_OP_MINT) {
        FUZZ_CHECK(result->value.len);
    }
}

/* Typed, fit for the problem document, and without our secrets unless the caller knew them. */
static inline void check_failure(const struct sy_failure *failure, bool callers_own)
{
    struct sy_buf out;

    FUZZ_CHECK(failure->code != SY_CODE_NONE && failure->code < SY_CODE_COUNT);
    sy_buf_init(&out, 16u << 20);
    sy_failure_write(&out, failure, false, SY_STR("call_1"));
    FUZZ_CHECK(sy_buf_ok(&out) && fuzz_is_json(sy_buf_str(&out), SY_JSON_OBJECT));
    if (!callers_own && sy_str_find(sy_buf_str(&out), SY_STR(ADAPTER_SECRET)) != (size_t)-1) {
        fprintf(stderr, "a secret is told: %.*s\n", SY_FMT(sy_buf_str(&out)));
        abort();
    }
    sy_buf_release(&out);
}

#endif
