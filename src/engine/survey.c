#include "base/json.h"
#include "engine/call.h"

/* Where else the user is connected is a help, not the answer: it may cost no more than this. */
#define SURVEY_MS 2000

static bool is_about_a_connection(enum sy_code code)
{
    return code == SY_CODE_CONNECTION_REQUIRED || code == SY_CODE_CONNECTION_PENDING ||
           code == SY_CODE_CONNECTION_EXPIRED || code == SY_CODE_CONNECTION_REVOKED ||
           code == SY_CODE_CONNECTION_ERROR;
}

bool sy_accounts_have_active(struct sy_str accounts)
{
    struct sy_json root, account;
    struct sy_json_iter iter;
    struct sy_str name;

    if (sy_json_read(accounts, 16, &root, NULL) != SY_OK)
        return false;
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &name, &account))
        if (sy_json_name_is(sy_json_get_z(account, "status").raw, SY_STR("ACTIVE")))
            return true;
    return false;
}

static void survey_over(struct sy_call *call)
{
    struct sy_json_writer w;
    struct sy_buf out;

    sy_buf_init_arena(&out, &call->mem, 4096);
    sy_jw_init(&w, &out);
    sy_jw_array(&w);
    for (unsigned i = 0; i < call->decision.candidate_count; i++)
        if (call->connected_mask & (1u << i))
            sy_jw_str(&w, call->decision.candidates[i].vendor);
    sy_jw_array_end(&w);
    if (sy_buf_ok(&out))
        call->failure.connected_at = sy_buf_str(&out);
    sy_call_settle(call, &call->failure, call->maybe_applied);
}

static bool survey_ask(struct sy_call *call, unsigned index);

static void survey_came(struct sy_ask *ask, const struct sy_ask_result *result, void *ctx)
{
    struct sy_call *call = ctx;

    (void)ask;
    call->check = NULL;
    if (result->ok && sy_accounts_have_active(result->result->value))
        call->connected_mask |= 1u << call->checking_index;
    if (call->stopped || !survey_ask(call, call->checking_index + 1))
        survey_over(call);
}

/* Asks the next of the other vendors from `index` on; false if there is none. */
static bool survey_ask(struct sy_call *call, unsigned index)
{
    const struct sy_decision *decision = &call->decision;

    for (; index < decision->candidate_count; index++) {
        const struct sy_candidate *candidate = &decision->candidates[index];
        struct sy_operation what = {.op = SY_OP_ACCOUNTS,
                                    .target = candidate->target,
                                    .tenant = call->request.caller.tenant,
                                    .user_id = call->request.user_id};

        if (index == call->candidate || candidate->target.auth_none ||
            !call->el->engine->vendors[candidate->vendor_index]->user_connection)
            continue;
        call->checking_index = index;
        call->check = sy_engine_ask(call->el, candidate->vendor_index, &what, candidate->subject,
                                    call->survey_until_ms, survey_came, call);
        if (call->check)
            return true;
    }
    return false;
}

bool sy_call_survey(struct sy_call *call)
{
    int64_t until_ms = sy_loop_now_ms(call->el->loop) + SURVEY_MS;

    if (call->stopped || !is_about_a_connection(call->failure.code))
        return false;
    call->connected_mask = 0;
    call->survey_until_ms = until_ms < call->deadline_ms ? until_ms : call->deadline_ms;
    if (!survey_ask(call, 0))
        return false;
    sy_call_to(call, SY_CALL_CHECK);
    return true;
}
