/* Listeners, dispatch and the life of the whole. */
#include "sandbox/sandbox.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/crypto.h"
#include "sandbox/credentials.h"
#include "sandbox/internal.h"

#define CATALOGUE_MEMORY ((size_t)256 << 20)

static const char *const vendor_names[SY_SB_VENDORS] = {
    "composio", "pipedream", "scalekit", "github", "infisical", "worker",
};

static sy_sb_handler *const handlers[SY_SB_VENDORS] = {
    sy_sb_composio, sy_sb_pipedream, sy_sb_scalekit, sy_sb_github, sy_sb_infisical, sy_sb_worker,
};

const char *sy_sb_vendor_name(enum sy_sb_vendor vendor)
{
    return vendor_names[vendor];
}

bool sy_sb_vendor_from_name(struct sy_str name, enum sy_sb_vendor *ret)
{
    for (unsigned i = 0; i < SY_SB_VENDORS; i++) {
        if (sy_str_eq(name, sy_str_of(vendor_names[i]))) {
            *ret = (enum sy_sb_vendor)i;
            return true;
        }
    }
    return false;
}

int64_t sy_sb_now(const struct sy_sandbox *sb)
{
    return sy_loop_unix_ms(sb->loop);
}

/* ---- requests ---- */

static void dispatch(struct sy_sb_request *r)
{
    if (r->fault && sy_sb_fault_answer(r))
        return;
    handlers[r->vendor](r);
}

static void on_delay_over(struct sy_loop *loop, struct sy_timer *timer)
{
    struct sy_sb_request *r = timer->ctx;
    (void)loop;
    sy_sb_unwait(r);
    dispatch(r);
}

/* Connections are cut before the body is read only by faults that need nothing of the body. */
static bool on_head(struct sy_exchange *x, void *ctx)
{
    struct sy_sb_listener *listener = ctx;
    const struct sy_http_head *head = sy_exchange_head(x);
    struct sy_str none = {NULL, 0};
    if (listener->sb->faults.count == 0 || sy_str_starts(head->path, SY_STR("/__sandbox/")))
        return true;
    struct sy_sb_fault *fault = sy_sb_fault_match(listener->sb, listener->vendor, head, none, true);
    if (!fault)
        return true;
    sy_sb_record(listener->sb, listener->vendor, head, none, none, sy_exchange_peer(x));
    sy_exchange_abort(x, SY_END_RESET);
    return false;
}

static void on_request(struct sy_exchange *x, void *ctx)
{
    struct sy_sb_listener *listener = ctx;
    struct sy_sandbox *sb = listener->sb;
    struct sy_sb_request *r = sy_arena_zalloc(sy_exchange_arena(x), sizeof(*r));
    if (!r || !sy_sb_request_init(r, listener, x)) {
        struct sy_reply reply = {.status = r ? 400 : 503};
        sy_exchange_reply(x, &reply);
        return;
    }
    if (sy_sb_seg(r, 0, "__sandbox")) {
        sy_sb_admin(r);
        return;
    }
    sy_sb_record(sb, r->vendor, r->head, r->body, r->tool, sy_exchange_peer(x));
    struct sy_sb_fault *fault = sy_sb_fault_match(sb, r->vendor, r->head, r->tool, false);
    if (fault) {
        struct sy_sb_fault *copy = sy_arena_zalloc(r->mem, sizeof(*copy));
        if (copy)
            *copy = *fault;
        r->fault = copy;
    }
    if (r->fault && r->fault->delay_ms > 0)
        sy_sb_wait(r, on_delay_over, r->fault->delay_ms);
    else
        dispatch(r);
}

/* ---- start and end ---- */

static bool is_loopback(struct sy_str host)
{
    if (sy_str_eq_nocase(host, SY_STR("localhost")) || sy_str_eq(host, SY_STR("::1")))
        return true;
    return sy_str_starts(host, SY_STR("127.")) && !sy_str_has_control(host) && host.len <= 15;
}

static int listen_one(struct sy_sandbox *sb, enum sy_sb_vendor vendor, struct sy_str host,
                      unsigned port, struct sy_err *err)
{
    struct sy_sb_listener *l = &sb->listeners[vendor];
    char address[64];
    bool v6 = sy_str_find_char(host, ':') != (size_t)-1;
    if (v6)
        snprintf(address, sizeof(address), "[%.*s]:%u", SY_FMT(host), port);
    else
        snprintf(address, sizeof(address), "%.*s:%u", SY_FMT(host), port);
    int status = sy_listen(sy_str_of(address), &l->fd, err);
    if (status) {
        l->fd = -1;
        sy_err_push(err, "%s stand-in", vendor_names[vendor]);
        return status;
    }
    l->port = (unsigned)sy_listen_port(l->fd);
    if (v6)
        snprintf(l->url, sizeof(l->url), "http://[%.*s]:%u", SY_FMT(host), l->port);
    else
        snprintf(l->url, sizeof(l->url), "http://%.*s:%u", SY_FMT(host), l->port);
    struct sy_server_limits limits;
    sy_server_limits_default(&limits);
    limits.http.body_bytes = (uint64_t)64 << 20;
    limits.http.target_bytes = 16384;
    limits.memory = (size_t)512 << 20;
    struct sy_server_events events = {.on_request = on_request, .on_head = on_head, .ctx = l};
    return sy_server_create(sb->loop, l->fd, &limits, &events, &l->server, err);
}

static int listen_all(struct sy_sandbox *sb, const struct sy_sandbox_options *o, struct sy_err *err)
{
    struct sy_str host = o->listen_host.ptr ? o->listen_host : SY_STR("127.0.0.1");
    if (!is_loopback(host))
        return sy_err_set(err, SY_INVALID, "sandbox: %.*s is not a loopback address",
                          (int)(host.len > 100 ? 100 : host.len), host.ptr);
    const unsigned ports[SY_SB_VENDORS] = {
        o->composio_port, o->pipedream_port, o->scalekit_port,
        o->github_port,   o->infisical_port, o->worker_port,
    };
    for (unsigned i = 0; i < SY_SB_VENDORS; i++) {
        int status = listen_one(sb, (enum sy_sb_vendor)i, host, ports[i], err);
        if (status)
            return status;
    }
    return SY_OK;
}

int sy_sandbox_create(struct sy_loop *loop, const struct sy_sandbox_options *options,
                      struct sy_sandbox **ret, struct sy_err *err)
{
    struct sy_sandbox *sb = calloc(1, sizeof(*sb));
    if (!sb)
        return sy_err_set(err, SY_NOMEM, "sandbox: no memory");
    sb->loop = loop;
    for (unsigned i = 0; i < SY_SB_VENDORS; i++) {
        sb->listeners[i].sb = sb;
        sb->listeners[i].vendor = (enum sy_sb_vendor)i;
        sb->listeners[i].fd = -1;
    }
    sy_arena_init(&sb->mem, CATALOGUE_MEMORY);
    sy_buf_init(&sb->bomb, (size_t)16 << 20);
    sy_random(sb->token_key, sizeof(sb->token_key));
    int status = sy_sb_catalogue_load(sb, options->catalogue_dir, err);
    if (!status) {
        sy_sb_state_init(sb);
        status = listen_all(sb, options, err);
    }
    if (status) {
        sy_sandbox_destroy(sb);
        return status;
    }
    *ret = sb;
    return SY_OK;
}

void sy_sandbox_destroy(struct sy_sandbox *sb)
{
    if (!sb)
        return;
    while (sb->waiting) {
        struct sy_sb_request *r = sb->waiting;
        sy_sb_unwait(r);
        sy_exchange_abort(r->x, SY_END_CLOSE);
    }
    for (unsigned i = 0; i < SY_SB_VENDORS; i++) {
        if (sb->listeners[i].server)
            sy_server_destroy(sb->listeners[i].server);
        if (sb->listeners[i].fd >= 0)
            close(sb->listeners[i].fd);
    }
    sy_sb_state_release(sb);
    sy_sb_catalogue_release(&sb->catalogue);
    sy_buf_release(&sb->bomb);
    sy_arena_release(&sb->mem);
    free(sb);
}

void sy_sb_reset(struct sy_sandbox *sb)
{
    sy_sb_state_release(sb);
    sb->pipedream_runs = sb->pipedream_proxied = 0;
    sb->scalekit_tool_missing = sb->scalekit_not_active = 0;
    sb->link_life_ms = 0;
    for (unsigned i = 0; i < SY_SB_VENDORS; i++)
        sb->minted[i] = 0;
    sy_sb_state_init(sb);
}

void sy_sandbox_endpoints(const struct sy_sandbox *sb, struct sy_sandbox_endpoints *ret)
{
    *ret = (struct sy_sandbox_endpoints){
        .composio_api_key = SY_SB_COMPOSIO_KEY,
        .pipedream_client_id = SY_SB_PIPEDREAM_ID,
        .pipedream_client_secret = SY_SB_PIPEDREAM_SECRET,
        .pipedream_project_id = SY_SB_PIPEDREAM_PROJECT,
        .scalekit_client_id = SY_SB_SCALEKIT_ID,
        .scalekit_client_secret = SY_SB_SCALEKIT_SECRET,
        .worker_secret = SY_SB_WORKER_SECRET,
        .github_token = SY_SB_GITHUB_TOKEN,
        .infisical_client_id = SY_SB_INFISICAL_ID,
        .infisical_client_secret = SY_SB_INFISICAL_SECRET,
    };
    char *urls[SY_SB_VENDORS] = {
        ret->composio_url, ret->pipedream_url, ret->scalekit_url,
        ret->github_url,   ret->infisical_url, ret->worker_url,
    };
    for (unsigned i = 0; i < SY_SB_VENDORS; i++)
        memcpy(urls[i], sb->listeners[i].url, sizeof(sb->listeners[i].url));
}
