/* Two users never become one subject, whichever templates a policy that loads may hold. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdlib.h>
#include <string.h>

#include "policy/policy.h"

static const char *const TENANTS[] = {"a", "b", "ab", "a-b", "ascend", "x", "a-", "acme"};
static const char *const USERS[] = {
    "",    "a",   "b",  "a:b",   "b:a",      "a%3Ab", "%shared", "shared",     "%", "%25",  "ab",
    "a-b", "a_b", "_a", "x:y:z", "acme:bob", "acme",  "bob",     "ascend:bob", ":", "a@b.c"};

struct seen {
    struct sy_str subject;
    unsigned who;
};

static int by_subject(const void *a, const void *b)
{
    return sy_str_cmp(((const struct seen *)a)->subject, ((const struct seen *)b)->subject);
}

static void all_differ(const char *text)
{
    static const struct sy_str vendors[] = {SY_STR_INIT("composio"), SY_STR_INIT("scalekit")};
    const struct sy_policy_source source = {.file = SY_STR("p.yaml"), .text = sy_str_of(text)};
    struct seen seen[SY_ARRAY_LEN(TENANTS) * SY_ARRAY_LEN(USERS)];
    struct sy_faults faults;
    struct sy_policy policy;
    struct sy_arena arena;

    sy_arena_init(&arena, 16 << 20);
    sy_faults_init(&faults);
    if (sy_policy_load(&source, 1, vendors, 2, &arena, &policy, &faults) != SY_OK)
        fail_msg("%.*s", SY_FMT(sy_buf_str(&faults.text)));
    for (size_t v = 0; v < SY_ARRAY_LEN(vendors); v++) {
        unsigned count = 0;
        for (size_t t = 0; t < SY_ARRAY_LEN(TENANTS); t++) {
            for (size_t u = 0; u < SY_ARRAY_LEN(USERS); u++) {
                seen[count].who = count;
                assert_int_equal(sy_policy_subject(&policy, vendors[v], sy_str_of(TENANTS[t]),
                                                   sy_str_of(USERS[u]), 0, &arena,
                                                   &seen[count++].subject),
                                 SY_OK);
            }
        }
        qsort(seen, count, sizeof(seen[0]), by_subject);
        for (unsigned i = 1; i < count; i++) {
            if (sy_str_eq(seen[i].subject, seen[i - 1].subject))
                fail_msg("%s: \"%.*s\" is both %s/%s and %s/%s", text, SY_FMT(seen[i].subject),
                         TENANTS[seen[i].who / SY_ARRAY_LEN(USERS)],
                         USERS[seen[i].who % SY_ARRAY_LEN(USERS)],
                         TENANTS[seen[i - 1].who / SY_ARRAY_LEN(USERS)],
                         USERS[seen[i - 1].who % SY_ARRAY_LEN(USERS)]);
        }
    }
    sy_faults_release(&faults);
    sy_arena_release(&arena);
}

static void no_two_users_share_a_subject(void **state)
{
    static const char *const policies[] = {
        "",
        "subject: \"{tenant}:{user}\"\n",
        "subject: \"{user}:{tenant}\"\n",
        "subject: \"{tenant}_{user}\"\n",
        "subject: \"{tenant}/x/{user}\"\n",
        "subject: \"p-{tenant}:{user}-s\"\n",
        "subject: {tenants: {ascend: \"{user}\"}}\n",
        "subject: {tenants: {ascend: \"x-{user}\"}}\n",
        ("subject: {default: \"{tenant}:{user}\", tenants: {ascend: \"{user}\", a: "
         "\"{tenant}:x:{user}\"}}\n"),
        "subject: {vendors: {scalekit: \"{user}:{tenant}\"}}\n",
        "subject: {vendors: {scalekit: \"{tenant}:u{user}\"}, tenants: {acme: \"{user}\"}}\n",
    };
    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(policies); i++)
        all_differ(policies[i]);
}

static void one_over_the_vendors_limit_is_invalid(void **state)
{
    struct sy_policy policy = {0};
    struct sy_arena arena;
    struct sy_str subject;
    (void)state;
    sy_arena_init(&arena, 1 << 16);
    assert_int_equal(sy_policy_subject(&policy, SY_STR("scalekit"), SY_STR("acme"), SY_STR("12345"),
                                       10, &arena, &subject),
                     SY_OK);
    assert_true(sy_str_eq(subject, SY_STR("acme:12345")));
    assert_int_equal(sy_policy_subject(&policy, SY_STR("scalekit"), SY_STR("acme"), SY_STR("12345"),
                                       9, &arena, &subject),
                     SY_INVALID);
    /* escapes count, too */
    assert_int_equal(sy_policy_subject(&policy, SY_STR("scalekit"), SY_STR("acme"), SY_STR("1234:"),
                                       10, &arena, &subject),
                     SY_INVALID);
    sy_arena_release(&arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(no_two_users_share_a_subject),
        cmocka_unit_test(one_over_the_vendors_limit_is_invalid),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
