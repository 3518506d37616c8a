/* What the edge refuses before there is a route: problem documents, too. */
#include <string.h>

#include "api/api_int.h"

static enum sy_code refusal_code(int status)
{
    switch (status) {
    case 405:
        return SY_CODE_METHOD_NOT_ALLOWED;
    case 408:
        return SY_CODE_REQUEST_TIMEOUT;
    case 413:
        return SY_CODE_PAYLOAD_TOO_LARGE;
    case 431:
        return SY_CODE_HEADERS_TOO_LARGE;
    case 503:
        return SY_CODE_OVERLOADED;
    case 500:
        return SY_CODE_INTERNAL;
    default:
        return SY_CODE_INVALID_REQUEST;
    }
}

void api_on_refusal(struct sy_exchange *x, int status, const char *cause,
                    struct sy_str *ret_content_type, struct sy_str *ret_body, void *ctx)
{
    struct sy_api_loop *al = ctx;
    struct sy_server_limits limits;
    struct sy_failure failure = {.code = refusal_code(status), .status = status};
    struct sy_buf out;

    sy_server_limits_default(&limits);
    failure.detail = sy_arena_printf(sy_exchange_arena(x), "the request was refused: %s", cause);
    if (failure.code == SY_CODE_INVALID_REQUEST)
        failure.cause = SY_CAUSE_BAD_HTTP;
    else if (failure.code == SY_CODE_OVERLOADED)
        failure.cause = SY_CAUSE_MEMORY;
    else if (failure.code == SY_CODE_PAYLOAD_TOO_LARGE)
        failure.limit_bytes = al->api->body_limit;
    else if (failure.code == SY_CODE_HEADERS_TOO_LARGE)
        failure.limit_bytes = limits.http.head_bytes;
    if (failure.limit_bytes && (!strncmp(cause, "head", 4) || !strncmp(cause, "body", 4)))
        failure.detail =
            sy_arena_printf(sy_exchange_arena(x), "the request's %s may have at most %lld bytes",
                            failure.code == SY_CODE_PAYLOAD_TOO_LARGE ? "body" : "head",
                            (long long)failure.limit_bytes);
    sy_buf_init_arena(&out, sy_exchange_arena(x), 4096);
    sy_failure_write(&out, &failure, false, (struct sy_str){NULL, 0});
    *ret_content_type = SY_STR("application/problem+json");
    *ret_body = sy_buf_ok(&out)
                    ? sy_buf_str(&out)
                    : sy_failure_write_bare(al->bare, &failure, false, (struct sy_str){NULL, 0});
}

size_t api_on_refusal_headers(struct sy_exchange *x, int status,
                              const struct sy_http_header **ret_headers, void *ctx)
{
    static const struct sy_http_head no_head = {.method = SY_HTTP_OTHER};
    struct sy_api_loop *al = ctx;
    struct sy_http_header *headers = sy_arena_array(sy_exchange_arena(x), 2, sizeof(*headers));
    char text[8] = {(char)('0' + status / 100 % 10), (char)('0' + status / 10 % 10),
                    (char)('0' + status % 10)};
    struct sy_str labels[2] = {SY_STR("refused"), sy_str_from(text, 3)};
    size_t count = 0;

    sy_metric_add(al->metrics, SY_METRIC_HTTP_REQUESTS, labels, 1);
    if (!headers)
        return 0;
    /* The head may not have been read whole: nothing of it is echoed. */
    headers[count].name = SY_STR("X-Request-Id");
    headers[count].value =
        api_request_id(&no_head, sy_exchange_arena(x), sy_loop_unix_ms(al->loop), al->serial);
    count += headers[count].value.ptr != NULL;
    if (status == 503)
        headers[count++] = (struct sy_http_header){SY_STR("Retry-After"), SY_STR("1")};
    *ret_headers = headers;
    return count;
}
