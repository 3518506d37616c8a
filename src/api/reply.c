/* How a request ends: headers of every reply, answers, problem documents. */
#include "api/api_int.h"

#include "http/response.h"

#define PROBLEM_MAX ((size_t)1 << 20)

void api_header(struct api_request *rq, struct sy_str name, struct sy_str value)
{
    if (value.ptr && rq->header_count < API_HEADERS_MAX)
        rq->headers[rq->header_count++] = (struct sy_http_header){name, value};
}

static void count_reply(struct api_request *rq, int status)
{
    char text[8] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};
    struct sy_str labels[2] = {sy_str_of(rq->route ? rq->route->id : "none"), sy_str_from(text, 3)};

    sy_metric_add(rq->al->metrics, SY_METRIC_HTTP_REQUESTS, labels, 1);
    if (rq->al->server)
        sy_metric_set(rq->al->metrics, SY_METRIC_HTTP_CONNECTIONS, NULL,
                      (int64_t)sy_server_connections(rq->al->server));
}

void api_reply(struct api_request *rq, int status, struct sy_str content_type,
               const struct sy_str *body, unsigned body_count)
{
    struct sy_reply reply = {.status = status, .content_type = content_type};

    api_header(rq, SY_STR("X-Request-Id"), rq->request_id);
    reply.headers = rq->headers;
    reply.header_count = rq->header_count;
    for (unsigned i = 0; i < body_count && i < SY_REPLY_SLICES_MAX; i++)
        reply.body[reply.body_count++] = body[i];
    count_reply(rq, status);
    sy_exchange_reply(rq->x, &reply);
}

void api_reply_json(struct api_request *rq, int status, const struct sy_buf *out)
{
    struct sy_str body = sy_buf_str(out);

    if (!sy_buf_ok(out)) {
        api_fail_code(rq, SY_CODE_OVERLOADED, SY_CAUSE_MEMORY, (struct sy_str){NULL, 0});
        return;
    }
    api_reply(rq, status, SY_STR("application/json"), &body, 1);
}

/* ---- problems ---- */

static void retry_after(struct api_request *rq, int64_t after_ms)
{
    if (after_ms > 0)
        api_header(rq, SY_STR("Retry-After"),
                   sy_arena_printf(rq->arena, "%lld", (long long)((after_ms + 999) / 1000)));
}

void api_fail(struct api_request *rq, const struct sy_failure *failure)
{
    static const struct sy_failure no_memory = {
        .code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY, .retry_after_ms = 1000};
    struct sy_str body, none = {NULL, 0};
    struct sy_buf out;

    /* What was found wrong with a request that could not be read whole says nothing about it. */
    if (rq->arena->failed && sy_failure_origin(failure) == SY_ORIGIN_CALLER)
        failure = &no_memory;
    sy_buf_init_arena(&out, rq->arena, PROBLEM_MAX);
    sy_failure_write(&out, failure, false, none);
    body = sy_buf_ok(&out) ? sy_buf_str(&out)
                           : sy_failure_write_bare(rq->al->bare, failure, false, none);
    retry_after(rq, failure->retry_after_ms);
    if (failure->code == SY_CODE_UNAUTHORIZED)
        api_header(rq, SY_STR("WWW-Authenticate"), SY_STR("Bearer"));
    api_reply(rq, failure->status ? failure->status : sy_code_status(failure->code),
              SY_STR("application/problem+json"), &body, 1);
}

void api_fail_code(struct api_request *rq, enum sy_code code, enum sy_cause cause,
                   struct sy_str detail)
{
    struct sy_failure failure = {.code = code, .cause = cause, .detail = detail};

    if (code == SY_CODE_OVERLOADED || code == SY_CODE_SHUTTING_DOWN)
        failure.retry_after_ms = 1000;
    api_fail(rq, &failure);
}

void api_fail_errors(struct api_request *rq, struct api_errors *errors)
{
    struct sy_failure failure = api_errors_failure(errors);

    api_fail(rq, &failure);
}

void api_fail_parameter(struct api_request *rq, enum api_query parameter, const char *detail)
{
    struct api_errors errors = {.arena = rq->arena};

    api_error_in(&errors, "parameter", sy_str_of(api_queries[parameter].name), sy_str_of(detail));
    api_fail_errors(rq, &errors);
}

void api_writer(struct api_request *rq, struct sy_buf *out, struct sy_json_writer *w)
{
    sy_buf_init_arena(out, rq->arena, API_ANSWER_MAX);
    sy_jw_init(w, out);
}

struct sy_failure api_failure_of(int status, struct sy_str text)
{
    struct sy_failure failure = {.code = SY_CODE_INTERNAL, .detail = text};

    switch (status) {
    case SY_NOT_FOUND:
        failure.code = SY_CODE_NOT_FOUND;
        break;
    case SY_EXISTS:
        failure.code = SY_CODE_CONFLICT;
        break;
    case SY_CONFLICT:
        failure.code = SY_CODE_PRECONDITION_FAILED;
        break;
    case SY_INVALID:
        failure.code = SY_CODE_INVALID_REQUEST;
        failure.cause = SY_CAUSE_BAD_FIELD;
        break;
    case SY_DENIED:
        failure.code = SY_CODE_FORBIDDEN;
        break;
    case SY_NOMEM:
        failure.code = SY_CODE_OVERLOADED;
        failure.cause = SY_CAUSE_MEMORY;
        failure.retry_after_ms = 1000;
        break;
    case SY_UNAVAILABLE:
        failure.code = SY_CODE_OVERLOADED;
        failure.cause = SY_CAUSE_STORE;
        failure.retry_after_ms = 1000;
        break;
    default:
        failure.cause = SY_CAUSE_BUG;
        break;
    }
    return failure;
}

/* ---- lists ---- */

void api_list_begin(struct sy_json_writer *w)
{
    sy_jw_object(w);
    sy_jw_name(w, "items");
    sy_jw_array(w);
}

void api_list_end(struct sy_json_writer *w, struct sy_str position, struct sy_arena *arena)
{
    sy_jw_array_end(w);
    sy_jw_member_str(w, "next_cursor", position.ptr ? api_cursor_make(position, arena) : position);
    sy_jw_object_end(w);
}
