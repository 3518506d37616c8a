/*
 * What the tests of outbound transfers share: a loop, a transfers object, a call with its outcome.
 */
#ifndef SY_TESTS_OUTBOUND_H
#define SY_TESTS_OUTBOUND_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <netdb.h>
#include <stdio.h>

#include "fault_server.h"
#include "net/dns.h"
#include "net/loop.h"
#include "net/transfers.h"

#define HEAD_OK "HTTP/1.1 200 OK\r\n"
#define JSON_BODY "{\"ok\":true}"
#define JSON_LENGTH "Content-Length: 11\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n\r\n"

static struct fault_server *server;
static struct sy_loop *loop;
static struct sy_dns *dns;
static struct sy_egress egress;
static struct sy_curl_transfers *transfers;
static struct sy_transfers view;

/* ---- a call and what became of it ---- */

struct call {
    struct sy_request request;
    struct sy_transfer_request what;
    struct sy_transfer *transfer;
    char url[256];
    unsigned done;
    enum sy_net_failure failure;
    enum sy_cause cause;
    bool started;
    unsigned sends;
    int status;
    char body[64];
    size_t body_len;
    char seen[64]; /* header x-seen */
    char location[64];
    unsigned header_count;
    int64_t first_byte_us;
    int64_t total_us;
    bool keep; /* do not release in done */
};

static unsigned calls_out;

static inline void copy(char *to, size_t size, struct sy_str from)
{
    snprintf(to, size, "%.*s", SY_FMT(sy_str_head(from, size - 1)));
}

static inline void call_done(struct sy_transfer *transfer, const struct sy_transfer_result *result,
                             void *ctx)
{
    struct call *call = ctx;

    assert_ptr_equal(transfer, call->transfer);
    call->done++;
    call->failure = result->failure;
    call->cause = result->cause;
    call->started = result->started;
    call->sends = result->sends;
    call->status = result->status;
    call->body_len = result->body.len;
    call->header_count = result->header_count;
    call->first_byte_us = result->first_byte_us;
    call->total_us = result->total_us;
    copy(call->body, sizeof(call->body), result->body);
    for (unsigned i = 0; i < result->header_count; i++) {
        if (sy_str_eq(result->headers[i].name, SY_STR("x-seen")))
            copy(call->seen, sizeof(call->seen), result->headers[i].value);
        if (sy_str_eq(result->headers[i].name, SY_STR("location")))
            copy(call->location, sizeof(call->location), result->headers[i].value);
    }
    if (!call->keep)
        view.ops->release(view.self, transfer);
    if (--calls_out == 0)
        sy_loop_stop(loop);
}

/* A read with 2 s; change what the test is about before call_start. */
static inline void call_init(struct call *call, const char *path)
{
    memset(call, 0, sizeof(*call));
    snprintf(call->url, sizeof(call->url), "http://127.0.0.1:%u/%s", server->port, path);
    call->request.verb = SY_VERB_GET;
    call->request.url = sy_str_of(call->url);
    call->what.request = &call->request;
    call->what.vendor = SY_STR("test");
    call->what.deadline_ms = sy_clock_ms() + 4000;
    call->what.connect_timeout_ms = 2000;
    call->what.trusted_address = true;
}

static inline void call_init_write(struct call *call, const char *path)
{
    call_init(call, path);
    call->request.verb = SY_VERB_POST;
    call->request.effect = SY_REQUEST_WRITE;
    call->request.body[0] = SY_STR("{\"a\":1}");
    call->request.body_count = 1;
}

static inline void call_start(struct call *call)
{
    calls_out++;
    call->transfer = view.ops->start(view.self, &call->what, call_done, call);
    assert_non_null(call->transfer);
    assert_int_equal(call->done, 0);
}

static inline void run(void)
{
    sy_loop_run(loop);
    assert_int_equal(calls_out, 0);
}

static inline void call_run(struct call *call)
{
    call_start(call);
    run();
    assert_int_equal(call->done, 1);
}

static inline void stop_on_timer(struct sy_loop *l, struct sy_timer *timer)
{
    (void)timer;
    sy_loop_stop(l);
}

static inline void run_for(int64_t ms)
{
    struct sy_timer end = {.fn = stop_on_timer};

    assert_int_equal(sy_timer_set(loop, &end, sy_clock_ms() + ms), SY_OK);
    sy_loop_run(loop);
    sy_timer_cancel(loop, &end);
}

static inline void make_transfers(unsigned connections, size_t memory)
{
    struct sy_transfers_options options = {
        .egress = &egress, .dns = dns, .connections_per_host = connections, .memory = memory};

    sy_transfers_destroy(transfers);
    assert_int_equal(sy_transfers_create(loop, &options, &transfers, NULL), SY_OK);
    view = sy_transfers_view(transfers);
}

static inline int set_up(void **state)
{
    (void)state;
    memset(&egress, 0, sizeof(egress));
    calls_out = 0;
    if (sy_loop_create(0, &loop, NULL) < 0 || sy_dns_create(2, &dns, NULL) < 0)
        return -1;
    transfers = NULL;
    make_transfers(16, 0);
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    sy_transfers_destroy(transfers);
    transfers = NULL;
    sy_dns_destroy(dns);
    sy_loop_destroy(loop);
    return 0;
}

/* A resolver with names of its own. "hang.test" hangs for a second. */
static inline void fake_lookup(void *ctx, const char *host, struct sy_dns_answer *answer)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};

    (void)ctx;
    if (strcmp(host, "hang.test") == 0)
        usleep(1000000);
    if (strncmp(host, "two.", 4) == 0) {
        /* A private address that nobody answers at in front of the right one. */
        inet_pton(AF_INET, "127.0.0.9", &v4.sin_addr);
        memcpy(&answer->addresses[answer->count++], &v4, sizeof(v4));
    }
    inet_pton(AF_INET, "127.0.0.1", &v4.sin_addr);
    memcpy(&answer->addresses[answer->count++], &v4, sizeof(v4));
}

static inline void use_fake_names(void)
{
    sy_transfers_destroy(transfers);
    transfers = NULL;
    sy_dns_destroy(dns);
    assert_int_equal(sy_dns_create_with(2, fake_lookup, NULL, &dns, NULL), SY_OK);
    make_transfers(16, 0);
}

static inline void call_to_name(struct call *call, const char *name, const char *path)
{
    call_init(call, path);
    snprintf(call->url, sizeof(call->url), "http://%s:%u/%s", name, server->port, path);
    call->request.url = sy_str_of(call->url);
}

static inline void last_request(char *out, size_t size)
{
    pthread_mutex_lock(&server->lock);
    copy(out, size, sy_str_from(server->last, server->last_len));
    pthread_mutex_unlock(&server->lock);
}

#endif
