/* Life of the API, and a request's way from the edge to its handler. */
#include "api/api_int.h"

#include <stdlib.h>

#include "base/crypto.h"
#include "policy/policy.h"

/* A body above this is not read before the key is known to exist. */
#define TRUSTED_BODY_MIN ((uint64_t)16 << 10)
#define OPENAPI_MAX ((size_t)4 << 20)

/* ---- life ---- */

int sy_api_create(const struct sy_api_options *options, struct sy_api **ret, struct sy_err *err)
{
    struct sy_api *api = calloc(1, sizeof(*api));
    const struct sy_snapshot *snapshot = sy_engine_published(options->engine);

    if (!api)
        return sy_err_set(err, SY_NOMEM, "no memory for the API");
    api->engine = options->engine;
    api->metrics = options->metrics;
    api->gauges = sy_metrics_set_new(options->metrics);
    api->body_limit = snapshot ? sy_snapshot_policy(snapshot)->request_bytes : 0;
    pthread_mutex_init(&api->gauges_lock, NULL);
    sy_arena_init(&api->arena, 65536);
    api->public_url = sy_arena_copy(&api->arena, options->public_url);
    api->has_local = options->local_secret.len > 0;
    if (api->has_local)
        sy_sha256(options->local_secret, api->local_hash);
    sy_buf_init(&api->openapi, OPENAPI_MAX);
    api_openapi_write(&api->openapi, api->public_url);
    if (!api->gauges || api->arena.failed || !sy_buf_ok(&api->openapi)) {
        sy_api_free(api);
        return sy_err_set(err, SY_NOMEM, "no memory for the API");
    }
    *ret = api;
    return SY_OK;
}

static void nothing(struct sy_store *store, struct sy_writer_job *job)
{
    (void)store;
    (void)job;
}

void sy_api_free(struct sy_api *api)
{
    if (!api)
        return;
    /* A stopped loop never ran the ends of its jobs: once the writer is through with them, here. */
    if (api->detached)
        sy_writer_run(sy_engine_writer(api->engine), nothing, NULL);
    while (api->detached) {
        struct sy_api_loop *al = api->detached;

        api->detached = al->next;
        api_jobs_abandon(al);
        free(al);
    }
    sy_buf_release(&api->openapi);
    sy_arena_release(&api->arena);
    pthread_mutex_destroy(&api->gauges_lock);
    free(api);
}

int sy_api_attach(struct sy_api *api, struct sy_engine_loop *engine, struct sy_api_loop **ret,
                  struct sy_err *err)
{
    struct sy_api_loop *al = calloc(1, sizeof(*al));

    if (!al)
        return sy_err_set(err, SY_NOMEM, "no memory for a loop's API");
    al->api = api;
    al->engine = engine;
    al->loop = sy_engine_loop_of(engine);
    al->metrics = sy_engine_metrics(engine);
    sy_random(al->serial, sizeof(al->serial));
    sy_random(al->token_key, sizeof(al->token_key));
    *ret = al;
    return SY_OK;
}

void sy_api_detach(struct sy_api_loop *al)
{
    if (!al)
        return;
    al->server = NULL;
    if (al->jobs) {
        al->next = al->api->detached;
        al->api->detached = al;
    } else {
        free(al);
    }
}

void sy_api_watch_server(struct sy_api_loop *al, const struct sy_server *server)
{
    al->server = server;
}

void sy_api_limits(const struct sy_api *api, struct sy_server_limits *limits)
{
    if (api->body_limit)
        limits->http.body_bytes = api->body_limit;
}

struct sy_str sy_api_openapi(const struct sy_api *api)
{
    return sy_buf_str(&api->openapi);
}

/* ---- a request ---- */

static struct api_request *request_new(struct sy_api_loop *al, struct sy_exchange *x)
{
    struct sy_arena *arena = sy_exchange_arena(x);
    struct api_request *rq = sy_arena_zalloc(arena, sizeof(*rq));

    if (!rq)
        return NULL;
    rq->al = al;
    rq->x = x;
    rq->arena = arena;
    rq->head = sy_exchange_head(x);
    rq->request_id = api_request_id(rq->head, arena, sy_loop_unix_ms(al->loop), al->serial);
    return rq;
}

static uint64_t body_limit(struct sy_api_loop *al)
{
    return sy_snapshot_policy(sy_engine_snapshot(al->engine))->request_bytes;
}

static void too_large(struct api_request *rq, uint64_t limit)
{
    struct sy_failure failure = {.code = SY_CODE_PAYLOAD_TOO_LARGE, .limit_bytes = limit};

    api_fail(rq, &failure);
}

/* Method and path to a route; answers what has none. */
static bool find_route(struct api_request *rq, bool admin_port)
{
    enum sy_http_method method = rq->head->method;
    struct api_match match;
    int status;

    if (method == SY_HTTP_OPTIONS && sy_str_eq(rq->head->path, SY_STR("*"))) {
        api_reply(rq, 204, (struct sy_str){NULL, 0}, NULL, 0);
        return false;
    }
    status = api_route_find(method, rq->head->path, admin_port, rq->arena, &match);
    if (status != SY_OK) {
        api_fail_code(rq, SY_CODE_INVALID_REQUEST, SY_CAUSE_BAD_NAME,
                      SY_STR("the path holds an empty or dotted segment, or a broken escape"));
        return false;
    }
    rq->route = match.route;
    for (unsigned i = 0; i < API_CAPTURES_MAX; i++)
        rq->captured[i] = match.captured[i];
    if (match.route)
        return true;
    if (!match.allowed) {
        api_fail_code(rq, SY_CODE_NOT_FOUND, SY_CAUSE_NONE,
                      SY_STR("there is nothing at this path"));
        return false;
    }
    api_header(rq, SY_STR("Allow"), api_allow(match.allowed, rq->arena));
    if (method == SY_HTTP_OPTIONS)
        api_reply(rq, 204, (struct sy_str){NULL, 0}, NULL, 0);
    else
        api_fail_code(rq, SY_CODE_METHOD_NOT_ALLOWED, SY_CAUSE_NONE, (struct sy_str){NULL, 0});
    return false;
}

/* What holds for every body; its form is the handler's to check. */
static bool check_body(struct api_request *rq)
{
    struct sy_str body = sy_exchange_body(rq->x);
    uint64_t limit = body_limit(rq->al);

    if (rq->head->coded) {
        api_fail_code(rq, SY_CODE_UNSUPPORTED_MEDIA_TYPE, SY_CAUSE_NONE,
                      SY_STR("transfer codings other than chunked are not taken"));
        return false;
    }
    if (sy_http_header_count(rq->head, SY_STR("content-encoding"))) {
        api_fail_code(rq, SY_CODE_UNSUPPORTED_MEDIA_TYPE, SY_CAUSE_NONE,
                      SY_STR("content codings are not taken"));
        return false;
    }
    if (body.len > limit) {
        too_large(rq, limit);
        return false;
    }
    return true;
}

/* There is no memory even for the request's own record. */
static void turn_away(struct sy_api_loop *al, struct sy_exchange *x)
{
    static const struct sy_failure failure = {.code = SY_CODE_OVERLOADED, .cause = SY_CAUSE_MEMORY};
    static const struct sy_http_header again = {SY_STR_INIT("Retry-After"), SY_STR_INIT("1")};
    struct sy_reply reply = {.status = 503,
                             .content_type = SY_STR("application/problem+json"),
                             .headers = &again,
                             .header_count = 1,
                             .body_count = 1,
                             .close = true};

    reply.body[0] = sy_failure_write_bare(al->bare, &failure, false, (struct sy_str){NULL, 0});
    sy_exchange_reply(x, &reply);
}

static void handle(struct sy_exchange *x, void *ctx, bool admin_port)
{
    struct api_request *rq = request_new(ctx, x);

    if (!rq) {
        turn_away(ctx, x);
        return;
    }
    if (find_route(rq, admin_port) && api_authorize(rq) && check_body(rq) && api_read_query(rq))
        rq->route->handle(rq);
}

static void on_request(struct sy_exchange *x, void *ctx)
{
    handle(x, ctx, false);
}

static void on_admin_request(struct sy_exchange *x, void *ctx)
{
    handle(x, ctx, true);
}

/* Large bodies are refused, and strangers' not read, before they come. */
static bool on_head(struct sy_exchange *x, void *ctx)
{
    const struct sy_http_head *head = sy_exchange_head(x);
    struct sy_api_loop *al = ctx;
    /* A client that waits to be told to go on is told of a bad key instead. */
    bool large = head->framing == SY_HTTP_CHUNKED || head->expect_continue ||
                 (head->framing == SY_HTTP_LENGTH && head->content_length > TRUSTED_BODY_MIN);
    uint64_t limit;
    struct api_request *rq;

    if (!large)
        return true;
    limit = body_limit(al);
    if (head->framing == SY_HTTP_LENGTH && head->content_length > limit) {
        rq = request_new(al, x);
        if (rq)
            too_large(rq, limit);
        return false;
    }
    if (api_knows_key(al, head))
        return true;
    rq = request_new(al, x);
    if (rq)
        api_fail_code(rq, SY_CODE_UNAUTHORIZED,
                      api_bearer(head).ptr ? SY_CAUSE_KEY_UNKNOWN : SY_CAUSE_KEY_MISSING,
                      (struct sy_str){NULL, 0});
    return false;
}

void sy_api_server_events(struct sy_api_loop *al, struct sy_server_events *ret)
{
    *ret = (struct sy_server_events){
        .on_request = on_request,
        .on_head = on_head,
        .on_refusal = api_on_refusal,
        .on_refusal_headers = api_on_refusal_headers,
        .ctx = al,
    };
}

void sy_api_admin_events(struct sy_api_loop *al, struct sy_server_events *ret)
{
    *ret = (struct sy_server_events){
        .on_request = on_admin_request,
        .on_head = on_head,
        .on_refusal = api_on_refusal,
        .on_refusal_headers = api_on_refusal_headers,
        .ctx = al,
    };
}
