/* POST /v1/triage: the runbook itself is src/triage's. */
#include "api/api_int.h"

#include "triage/triage.h"

struct triage_input {
    struct sy_str provider;
    struct sy_str criticality;
    struct api_names needs;
    bool can_wait;
    bool apply;
};

#define AT(member) offsetof(struct triage_input, member)

/* Of a name without them no toolkit's name can be made. */
static bool has_letter_or_digit(struct sy_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        char c = (char)(text.ptr[i] | 0x20);

        if ((c >= 'a' && c <= 'z') || (text.ptr[i] >= '0' && text.ptr[i] <= '9'))
            return true;
    }
    return false;
}

static const char *check_provider(struct sy_str text)
{
    const char *wrong = api_check_line(text);

    if (text.len > SY_NAME_MAX)
        return "is longer than 128 bytes";
    return wrong || has_letter_or_digit(text) ? wrong : "must hold a letter or a digit (a-z, 0-9)";
}

static const char *check_criticality(struct sy_str text)
{
    enum sy_criticality criticality;

    return sy_criticality_from_name(text, &criticality) ? NULL : "must be low, medium or high";
}

static const char *check_need(struct sy_str text)
{
    return sy_triage_need_from_name(text) ? NULL : "must be latency, signing or residency";
}

static void answered(const struct sy_triage_answer *answer, void *ctx)
{
    struct api_request *rq = ctx;

    if (answer->ok)
        api_reply(rq, 200, SY_STR("application/json"), &answer->json, 1);
    else
        api_fail(rq, &answer->failure);
}

void api_triage(struct api_request *rq)
{
    static const struct api_field fields[] = {
        {.pointer = "/provider",
         .kind = API_FIELD_TEXT,
         .required = true,
         .is_name = true,
         .offset = AT(provider),
         .check = check_provider},
        {.pointer = "/criticality",
         .kind = API_FIELD_TEXT,
         .offset = AT(criticality),
         .check = check_criticality},
        {.pointer = "/can_wait", .kind = API_FIELD_BOOL, .offset = AT(can_wait)},
        {.pointer = "/needs", .kind = API_FIELD_NAMES, .offset = AT(needs), .check = check_need},
        {.pointer = "/apply", .kind = API_FIELD_BOOL, .offset = AT(apply)},
    };
    struct triage_input in = {.can_wait = true};
    struct sy_triage_request request = {
        .actor = rq->caller.key_id,
        .tenant = rq->caller.tenant,
        .now_unix_ms = sy_loop_unix_ms(rq->al->loop),
    };

    if (!api_read_body(rq, false, fields, SY_ARRAY_LEN(fields), &in, NULL))
        return;
    request.provider = in.provider;
    request.can_wait = in.can_wait;
    request.apply = in.apply;
    if (in.criticality.ptr)
        (void)sy_criticality_from_name(in.criticality, &request.criticality);
    for (size_t i = 0; i < in.needs.count; i++)
        request.needs |= sy_triage_need_from_name(in.needs.items[i]);
    if (sy_triage_start(rq->al->engine, &request, answered, rq) != SY_OK)
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
}
