#include "base/clock.h"
#include "base/json.h"
#include "engine/call.h"

#define HEAD_MAX ((size_t)256 << 10)
#define HEAD_USUAL 88u
#define TAIL_USUAL 500u
#define ROW_USUAL 800u

static void write_route(struct sy_json_writer *w, const struct sy_call *call)
{
    const struct sy_candidate *candidate = sy_call_candidate(call);

    if (!candidate)
        return;
    sy_jw_name(w, "route");
    sy_jw_object(w);
    sy_jw_member_str(w, "toolkit", call->decision.toolkit);
    sy_jw_opt_str(w, "tool", call->decision.tool);
    sy_jw_member_z(w, "path", sy_path_name(candidate->path));
    sy_jw_member_str(w, "vendor", candidate->vendor);
    sy_jw_opt_str(w, "vendor_tool", candidate->vendor_tool);
    sy_jw_member_i64(w, "row_version", candidate->row_version);
    sy_jw_member_i64(w, "attempts", call->tries);
    sy_jw_name(w, "because");
    sy_jw_array(w);
    if (call->fell_back)
        sy_jw_str(w,
                  SY_STR("fallback: the first vendor failed before anything was sent or changed"));
    else
        for (unsigned i = 0; i < call->decision.because_count; i++)
            sy_jw_str(w, call->decision.because[i]);
    sy_jw_array_end(w);
    sy_jw_object_end(w);
}

static void write_timing(struct sy_json_writer *w, const struct sy_call *call)
{
    int64_t total_us = sy_loop_now_us(call->el->loop) - call->started_us;

    sy_jw_name(w, "timing");
    sy_jw_object(w);
    sy_jw_name(w, "total_ms");
    sy_jw_us_as_ms(w, total_us > call->vendor_us ? total_us : call->vendor_us);
    sy_jw_name(w, "vendor_ms");
    sy_jw_us_as_ms(w, call->vendor_us);
    sy_jw_object_end(w);
}

static void write_warnings(struct sy_json_writer *w, const struct sy_call *call)
{
    const struct sy_candidate *candidate = sy_call_candidate(call);

    sy_jw_name(w, "warnings");
    sy_jw_array(w);
    if (candidate && candidate->warning.len)
        sy_jw_str(w, candidate->warning);
    if (call->result.warning.len)
        sy_jw_str(w, call->result.warning);
    if (sy_ledger_degraded(call->el->engine->options.ledger))
        sy_jw_str(w, SY_STR("the ledger cannot be written at present; this call may leave no row"));
    sy_jw_array_end(w);
}

/* What follows the vendor's bytes in the same object; false without memory. */
static bool write_tail(struct sy_json_writer *w, struct sy_call *call)
{
    write_route(w, call);
    write_timing(w, call);
    write_warnings(w, call);
    if (call->request.explain) {
        sy_jw_name(w, "decision");
        sy_jw_object(w);
        sy_decision_write(w, &call->decision, true);
        sy_jw_object_end(w);
    }
    sy_jw_object_end(w);
    return sy_buf_ok(w->out);
}

static void write_failure(struct sy_call *call);

/* The vendor did what was asked; only our own account of it did not fit. */
static void answer_does_not_fit(struct sy_call *call)
{
    call->maybe_applied = call->maybe_applied || call->decision.effect != SY_EFFECT_READ;
    call->successful = false;
    call->failure = (struct sy_failure){.code = SY_CODE_OVERLOADED,
                                        .cause = SY_CAUSE_MEMORY,
                                        .detail = sy_str_of(sy_cause_text(SY_CAUSE_MEMORY))};
    write_failure(call);
}

/*
 * The vendor's bytes go out as they came in, as slices of their own between ours: head, data,
 * vendor_reply and tail are never one re-encoded text, however large they are.
 */
static void write_success(struct sy_call *call)
{
    struct sy_call_answer *answer = &call->answer;
    struct sy_buf head, name, tail;
    struct sy_json_writer w;
    unsigned n = 0;

    sy_buf_init_arena(&head, &call->mem, HEAD_MAX);
    sy_buf_init_arena(&name, &call->mem, HEAD_MAX);
    sy_buf_init_arena(&tail, &call->mem, HEAD_MAX);
    /* Room for the usual at once, not by doubling. */
    sy_buf_reserve(&head, HEAD_USUAL);
    sy_buf_reserve(&tail, TAIL_USUAL);
    sy_jw_init(&w, &head);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "id", answer->call_id);
    sy_jw_member_bool(&w, "successful", true);
    sy_jw_name(&w, "data");
    answer->body[n++] = sy_buf_str(&head);
    answer->body[n++] = call->result.data.ptr ? call->result.data : SY_STR("null");

    /* What follows continues the same object: it starts with a comma of its own. */
    w.after_name = false;
    if (call->result.vendor_reply.ptr) {
        w.out = &name;
        sy_jw_name(&w, "vendor_reply");
        answer->body[n++] = sy_buf_str(&name);
        answer->body[n++] = call->result.vendor_reply;
        w.after_name = false;
    }
    w.out = &tail;
    if (!write_tail(&w, call) || !sy_buf_ok(&head) || !sy_buf_ok(&name)) {
        answer_does_not_fit(call);
        return;
    }
    answer->body[n++] = sy_buf_str(&tail);
    answer->body_count = n;
    answer->status = 200;
    answer->content_type = SY_STR("application/json");
}

static void write_failure(struct sy_call *call)
{
    struct sy_call_answer *answer = &call->answer;
    struct sy_buf body;

    /* These two always say when to come again. */
    if ((call->failure.code == SY_CODE_OVERLOADED || call->failure.code == SY_CODE_SHUTTING_DOWN) &&
        call->failure.retry_after_ms <= 0)
        call->failure.retry_after_ms = 1000;

    sy_buf_init_arena(&body, &call->mem, (size_t)40 << 20);
    sy_failure_write(&body, &call->failure, call->maybe_applied, answer->call_id);
    answer->status = sy_code_status(call->failure.code);
    answer->content_type = SY_STR("application/problem+json");
    answer->retry_after_ms = call->failure.retry_after_ms;
    answer->body[0] = sy_buf_str(&body);
    answer->body_count = 1;
    if (!sy_buf_ok(&body)) {
        call->bare = true;
        answer->body_count = 0;
    }
}

void sy_call_write_answer(struct sy_call *call)
{
    call->answer = (struct sy_call_answer){.call_id = sy_str_from(call->id, call->id_len)};
    call->bare = false;
    if (call->successful)
        write_success(call);
    else
        write_failure(call);
}

/* What a write's row says until the next one is written: it stands if the process ends now. */
static void write_lost(struct sy_json_writer *w)
{
    sy_jw_member_z(w, "code", sy_code_name(SY_CODE_OUTCOME_UNKNOWN));
    sy_jw_member_z(w, "cause", sy_cause_word(SY_CAUSE_LOST));
    sy_jw_member_z(w, "origin", sy_origin_name(SY_ORIGIN_GATEWAY));
}

static void write_outcome(struct sy_json_writer *w, const struct sy_call *call)
{
    if (call->successful || call->replayed)
        return;
    sy_jw_member_z(w, "code", sy_code_name(call->failure.code));
    if (call->failure.cause != SY_CAUSE_NONE)
        sy_jw_member_z(w, "cause", sy_cause_word(call->failure.cause));
    sy_jw_member_z(w, "origin", sy_origin_name(sy_failure_origin(&call->failure)));
    sy_jw_opt_str(w, "case_id", call->failure.case_id);
}

static void write_decision_facts(struct sy_json_writer *w, const struct sy_call *call)
{
    const struct sy_candidate *candidate = sy_call_candidate(call);

    sy_jw_opt_str(w, "toolkit", call->decision.toolkit);
    sy_jw_member_str(w, "tool", call->decision.tool.ptr ? call->decision.tool : call->request.tool);
    sy_jw_member_z(w, "effect", sy_effect_name(call->decision.effect));
    if (candidate) {
        sy_jw_member_z(w, "path", sy_path_name(candidate->path));
        sy_jw_member_str(w, "vendor", candidate->vendor);
        sy_jw_opt_str(w, "vendor_tool", candidate->vendor_tool);
        sy_jw_member_i64(w, "row_version", candidate->row_version);
    }
    sy_jw_member_i64(w, "registry_version", call->decision.snapshot_version);
    sy_jw_opt_str(w, "policy", call->decision.policy_digest);
    sy_jw_name(w, "because");
    sy_jw_array(w);
    for (unsigned i = 0; i < call->decision.because_count; i++)
        sy_jw_str(w, call->decision.because[i]);
    sy_jw_array_end(w);
}

static bool write_row(struct sy_call *call, const char *outcome, bool whole, struct sy_buf *row)
{
    bool lost = sy_str_eq(sy_str_of(outcome), SY_STR("unknown"));
    struct sy_json_writer w;

    sy_jw_init(&w, row);
    sy_jw_object(&w);
    sy_jw_member_str(&w, "id", sy_str_from(call->id, call->id_len));
    sy_jw_member_time(&w, "at", call->started_unix_ms);
    sy_jw_member_str(&w, "tenant", call->request.caller.tenant);
    sy_jw_member_str(&w, "key_id", call->request.caller.key_id);
    sy_jw_opt_str(&w, "user_id", call->request.user_id);
    write_decision_facts(&w, call);
    sy_jw_member_z(&w, "outcome", outcome);
    if (lost)
        write_lost(&w);
    else
        write_outcome(&w, call);
    sy_jw_member_bool(&w, "maybe_applied", lost || call->maybe_applied);
    sy_jw_member_i64(&w, "attempts", call->tries);
    sy_jw_member_bool(&w, "idempotency_key", call->has_key);
    if (call->replayed)
        sy_jw_member_z(&w, "replay_of", call->replay.call_id);
    write_timing(&w, call);
    sy_jw_member_i64(&w, "argument_bytes", (int64_t)call->request.arguments.len);
    if (whole && call->el->engine->options.payloads &&
        call->request.arguments.len <= (size_t)1 << 20)
        sy_jw_member_raw(&w, "arguments", call->request.arguments);
    sy_jw_object_end(&w);
    return sy_buf_ok(row);
}

struct sy_str sy_call_write_row(struct sy_call *call, const char *outcome)
{
    struct sy_buf fixed = {
        .ptr = call->el->bare_row, .cap = BARE_ROW_MAX - 1, .max = BARE_ROW_MAX - 1};
    struct sy_buf row;

    sy_buf_init_arena(&row, &call->mem, (size_t)8 << 20);
    sy_buf_reserve(&row, ROW_USUAL);
    if (write_row(call, outcome, true, &row))
        return sy_buf_str(&row);
    /* Without memory a call still leaves its row: all but its arguments fits without. */
    if (write_row(call, outcome, false, &fixed))
        return sy_buf_str(&fixed);
    return (struct sy_str){NULL, 0};
}
