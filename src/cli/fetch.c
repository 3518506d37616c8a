#include "cli/fetch.h"

#include <stdlib.h>

#include "base/clock.h"
#include "net/dns.h"
#include "net/transfers.h"

#define FETCH_MEMORY ((size_t)64 << 20)
#define SECRET_TIMEOUT_MS 10000

struct sy_fetcher {
    struct sy_loop *loop;
    struct sy_dns *dns;
    struct sy_egress egress;
    struct sy_curl_transfers *transfers;
};

int sy_fetcher_create(struct sy_fetcher **ret, struct sy_err *err)
{
    struct sy_fetcher *fetcher = calloc(1, sizeof(*fetcher));
    struct sy_transfers_options options = {.connections_per_host = 4, .memory = FETCH_MEMORY};
    int status;

    if (!fetcher)
        return sy_err_set(err, SY_NOMEM, "no memory for a request");
    status = sy_loop_create(0, &fetcher->loop, err);
    if (status == SY_OK)
        status = sy_dns_create(1, &fetcher->dns, err);
    options.egress = &fetcher->egress;
    options.dns = fetcher->dns;
    if (status == SY_OK)
        status = sy_transfers_create(fetcher->loop, &options, &fetcher->transfers, err);
    if (status != SY_OK) {
        sy_fetcher_free(fetcher);
        return status;
    }
    *ret = fetcher;
    return SY_OK;
}

void sy_fetcher_free(struct sy_fetcher *fetcher)
{
    if (!fetcher)
        return;
    if (fetcher->transfers)
        sy_transfers_destroy(fetcher->transfers);
    if (fetcher->dns)
        sy_dns_destroy(fetcher->dns);
    if (fetcher->loop)
        sy_loop_destroy(fetcher->loop);
    free(fetcher);
}

struct fetching {
    struct sy_fetcher *fetcher;
    struct sy_arena *arena;
    struct sy_fetch_reply *reply;
    struct sy_err *err;
    struct sy_transfer *transfer;
    int status;
};

static struct sy_str header_copy(const struct sy_transfer_result *result, const char *name,
                                 struct sy_arena *arena)
{
    for (unsigned i = 0; i < result->header_count; i++)
        if (sy_str_eq(result->headers[i].name, sy_str_of(name)))
            return sy_arena_copy(arena, result->headers[i].value);
    return (struct sy_str){NULL, 0};
}

static void fetched(struct sy_transfer *transfer, const struct sy_transfer_result *result,
                    void *ctx)
{
    struct fetching *fetching = ctx;

    fetching->transfer = transfer;
    if (result->failure != SY_NET_OK) {
        fetching->reply->cause = result->cause;
        fetching->status =
            sy_err_set(fetching->err, SY_UNAVAILABLE, "%s", sy_cause_text(result->cause));
    } else {
        fetching->reply->status = result->status;
        fetching->reply->body = sy_arena_copy(fetching->arena, result->body);
        fetching->reply->content_type = header_copy(result, "content-type", fetching->arena);
        fetching->reply->etag = header_copy(result, "etag", fetching->arena);
        fetching->reply->call_id = header_copy(result, "x-call-id", fetching->arena);
    }
    sy_loop_stop(fetching->fetcher->loop);
}

struct start {
    struct sy_task task;
    struct fetching *fetching;
    const struct sy_request *request;
    int64_t timeout_ms;
};

static void start_now(struct sy_loop *loop, struct sy_task *task)
{
    struct start *start = task->ctx;
    struct sy_transfers view = sy_transfers_view(start->fetching->fetcher->transfers);
    struct sy_transfer_request what = {
        .request = start->request,
        .vendor = SY_STR("cli"),
        .deadline_ms = sy_loop_now_ms(loop) + start->timeout_ms,
        .connect_timeout_ms = 5000,
        .trusted_address = true, /* the operator's own URL */
    };

    if (view.ops->start(view.self, &what, fetched, start->fetching))
        return;
    start->fetching->status = sy_err_set(start->fetching->err, SY_NOMEM, "no memory for a request");
    sy_loop_stop(loop);
}

int sy_fetch(struct sy_fetcher *fetcher, const struct sy_request *request, int64_t timeout_ms,
             struct sy_arena *arena, struct sy_fetch_reply *ret, struct sy_err *err)
{
    struct fetching fetching = {.fetcher = fetcher, .arena = arena, .reply = ret, .err = err};
    struct start start = {.fetching = &fetching, .request = request, .timeout_ms = timeout_ms};
    struct sy_transfers view = sy_transfers_view(fetcher->transfers);

    *ret = (struct sy_fetch_reply){0};
    start.task.fn = start_now;
    start.task.ctx = &start;
    sy_loop_post(fetcher->loop, &start.task);
    sy_loop_run(fetcher->loop);
    if (fetching.transfer)
        view.ops->release(view.self, fetching.transfer);
    return fetching.status;
}

/* ---- for secrets ---- */

static int secret_fetch(void *self, struct sy_request *request, struct sy_arena *arena,
                        int *ret_status, struct sy_str *ret_body)
{
    struct sy_fetch_reply reply;
    struct sy_err err = SY_ERR_INIT;
    int status = sy_fetch(self, request, SECRET_TIMEOUT_MS, arena, &reply, &err);

    *ret_status = status == SY_OK ? reply.status : 0;
    *ret_body = status == SY_OK ? reply.body : sy_arena_copy(arena, sy_str_of(err.text));
    return SY_OK;
}

static int secret_post(void *self, struct sy_str url, struct sy_str body, struct sy_arena *arena,
                       int *ret_status, struct sy_str *ret_body)
{
    struct sy_request request = {
        .verb = SY_VERB_POST,
        .url = url,
        .headers = {{SY_STR("content-type"), SY_STR("application/json"), false},
                    {SY_STR("accept"), SY_STR("application/json"), false}},
        .header_count = 2,
        .body = {body},
        .body_count = 1,
        .effect = SY_REQUEST_IDEMPOTENT,
    };

    return secret_fetch(self, &request, arena, ret_status, ret_body);
}

static int secret_get(void *self, struct sy_str url, struct sy_str bearer, struct sy_arena *arena,
                      int *ret_status, struct sy_str *ret_body)
{
    struct sy_str parts[2] = {SY_STR("Bearer "), bearer};
    struct sy_request request = {
        .verb = SY_VERB_GET,
        .url = url,
        .headers = {{SY_STR("accept"), SY_STR("application/json"), false},
                    {SY_STR("authorization"), sy_arena_join(arena, parts, 2), true}},
        .header_count = 2,
    };

    return secret_fetch(self, &request, arena, ret_status, ret_body);
}

struct sy_secret_fetch sy_fetcher_for_secrets(struct sy_fetcher *fetcher)
{
    return (struct sy_secret_fetch){
        .post_json = secret_post, .get_json = secret_get, .self = fetcher};
}
