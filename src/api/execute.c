/* POST /v1/execute: envelope to engine, and the engine's answer to the wire. */
#include "api/api_int.h"

#include "api/execute.h"

static void count_calls(struct sy_api_loop *al, int by)
{
    al->calls += by;
    sy_metric_set(al->metrics, SY_METRIC_CALLS_IN_FLIGHT, NULL, al->calls);
}

static void answered(struct sy_call *call, const struct sy_call_answer *answer, void *ctx)
{
    struct api_request *rq = ctx;

    (void)call;
    count_calls(rq->al, -1);
    api_header(rq, SY_STR("X-Call-Id"), answer->call_id);
    if (answer->retry_after_ms > 0)
        api_header(
            rq, SY_STR("Retry-After"),
            sy_arena_printf(rq->arena, "%lld", (long long)((answer->retry_after_ms + 999) / 1000)));
    if (answer->replayed)
        api_header(rq, SY_STR("Idempotency-Replayed"), SY_STR("true"));
    api_reply(rq, answer->status, answer->content_type, answer->body, answer->body_count);
}

static void hung_up(struct sy_exchange *x, void *ctx)
{
    (void)x;
    sy_call_hangup(ctx);
}

void api_execute(struct api_request *rq)
{
    static const struct sy_str key_header = SY_STR_INIT("idempotency-key");
    struct api_errors errors = {.arena = rq->arena};
    struct sy_str body = sy_exchange_body(rq->x);
    struct api_execute_body envelope;
    struct sy_call_request request;
    struct sy_call *call;

    if (!api_expect_json(rq))
        return;
    if (!api_execute_read(body, sy_http_header_get(rq->head, key_header),
                          sy_http_header_count(rq->head, key_header), &envelope, &errors)) {
        api_fail_errors(rq, &errors);
        return;
    }
    request = (struct sy_call_request){
        .caller = rq->caller,
        .tool = envelope.tool,
        .toolkit = envelope.toolkit,
        .user_id = envelope.user_id,
        .vendor = envelope.vendor,
        .connection_id = envelope.connection_id,
        .idempotency_key = envelope.idempotency_key,
        .arguments = envelope.arguments,
        .body = body,
        .timeout_ms = envelope.timeout_ms,
        .explain = envelope.explain,
        .traceparent = api_traceparent(rq->head),
        .started_us = sy_exchange_started_us(rq->x),
    };
    call = sy_engine_execute(rq->al->engine, &request, answered, rq);
    if (!call) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    count_calls(rq->al, 1);
    sy_exchange_on_hangup(rq->x, hung_up, call);
}
