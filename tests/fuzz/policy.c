/*
 * One or two policy files: faults with places, or a policy that can be asked and told. Two users
 * never share a subject.
 */
#include "fuzz.h"

#include "policy/policy.h"

static const struct sy_str vendors[] = {SY_STR_INIT("composio"),  SY_STR_INIT("scalekit"),
                                        SY_STR_INIT("pipedream"), SY_STR_INIT("worker"),
                                        SY_STR_INIT("pending"),   SY_STR_INIT("session")};

static void check_subjects(const struct sy_policy *policy, struct sy_arena *arena)
{
    static const struct sy_str who[][2] = {
        {SY_STR_INIT("acme"), SY_STR_INIT("bob")},     {SY_STR_INIT("acme"), {NULL, 0}},
        {SY_STR_INIT("acme"), SY_STR_INIT("%shared")}, {SY_STR_INIT("acme"), SY_STR_INIT("b:ob")},
        {SY_STR_INIT("acme"), SY_STR_INIT("b%3Aob")},  {SY_STR_INIT("acme"), SY_STR_INIT("BOB")},
    };
    struct sy_str subjects[SY_ARRAY_LEN(who)];

    for (size_t i = 0; i < SY_ARRAY_LEN(who); i++) {
        FUZZ_CHECK(sy_policy_subject(policy, vendors[0], who[i][0], who[i][1], 0, arena,
                                     &subjects[i]) == SY_OK);
        FUZZ_CHECK(subjects[i].len && !sy_str_has_control(subjects[i]));
        for (size_t j = 0; j < i; j++)
            FUZZ_CHECK(!sy_str_eq(subjects[i], subjects[j]));
    }
}

static void check(const struct sy_policy *policy, struct sy_arena *arena)
{
    const struct sy_tenant tenant = {.name = SY_STR("acme")};
    const struct sy_policy_input input = {.tenant = &tenant,
                                          .user = SY_STR("bob"),
                                          .toolkit = SY_STR("gmail"),
                                          .tool = SY_STR("gmail_send_email"),
                                          .effect = SY_EFFECT_WRITE,
                                          .environment = SY_STR("production")};
    struct sy_policy_verdict verdict;
    struct sy_json_writer w;
    struct sy_buf out;

    FUZZ_CHECK(policy->order_count <= SY_PATH_COUNT);
    FUZZ_CHECK(policy->native_count <= SY_POLICY_VENDORS_MAX);
    FUZZ_CHECK(policy->chain_count <= SY_POLICY_CHAIN_MAX);
    FUZZ_CHECK(policy->pending_wait_ms >= 0 && policy->fallback_total_ms >= 0);
    FUZZ_CHECK(sy_policy_evaluate(policy, &input, arena, &verdict) == SY_OK);
    FUZZ_CHECK(!verdict.denied || verdict.deny_rule.len);
    check_subjects(policy, arena);
    sy_buf_init_arena(&out, arena, 16u << 20);
    sy_jw_init(&w, &out);
    sy_policy_write_json(&w, policy);
    FUZZ_CHECK(sy_buf_ok(&out));
    FUZZ_CHECK(fuzz_is_json(sy_buf_str(&out), SY_JSON_OBJECT));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct sy_str rest = fuzz_all(data, size);
    struct sy_policy_source sources[2] = {{.file = SY_STR("a.yaml"), .text = fuzz_part(&rest)},
                                          {.file = SY_STR("b.yaml"), .text = rest}};
    struct sy_policy policy;
    struct sy_faults faults;
    struct sy_arena arena;
    int status;

    sy_arena_init(&arena, 64u << 20);
    sy_faults_init(&faults);
    status = sy_policy_load(sources, rest.len ? 2 : 1, vendors, SY_ARRAY_LEN(vendors), &arena,
                            &policy, &faults);
    FUZZ_CHECK((status == SY_OK) == (faults.errors == 0));
    if (status == SY_OK)
        check(&policy, &arena);
    else
        FUZZ_CHECK(faults.text.len);
    sy_faults_release(&faults);
    sy_arena_release(&arena);
    return 0;
}
