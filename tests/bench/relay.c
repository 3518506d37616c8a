/*
 * bare-relay LISTEN URL: passes every POST's body on to URL and the answer back. Our edge, our
 * transport and nothing between them: what a call would cost if nothing had to be decided.
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

#include "net/dns.h"
#include "net/server.h"
#include "net/transfers.h"

struct relay {
    struct sy_transfers transfers;
    struct sy_str url;
};

struct passing {
    struct relay *relay;
    struct sy_exchange *x;
    struct sy_request request;
};

static void passed(struct sy_transfer *transfer, const struct sy_transfer_result *result, void *ctx)
{
    struct passing *passing = ctx;
    struct relay *relay = passing->relay;
    struct sy_reply reply = {
        .status = result->failure == SY_NET_OK ? result->status : 502,
        .content_type = SY_STR("application/json"),
        .body = {result->body},
        .body_count = result->failure == SY_NET_OK,
    };

    sy_exchange_reply(passing->x, &reply);
    relay->transfers.ops->release(relay->transfers.self, transfer);
}

static void on_request(struct sy_exchange *x, void *ctx)
{
    struct relay *relay = ctx;
    struct passing *passing = sy_arena_zalloc(sy_exchange_arena(x), sizeof(*passing));
    struct sy_transfer_request what = {
        .vendor = SY_STR("relay"), .connect_timeout_ms = 5000, .trusted_address = true};
    struct sy_reply reply = {.status = 503};

    if (passing) {
        passing->relay = relay;
        passing->x = x;
        passing->request = (struct sy_request){
            .verb = SY_VERB_POST,
            .url = relay->url,
            .headers = {{SY_STR("content-type"), SY_STR("application/json"), false},
                        {SY_STR("x-api-key"), SY_STR("ak_bench"), true}},
            .header_count = 2,
            .body = {sy_exchange_body(x)},
            .body_count = 1,
            .effect = SY_REQUEST_IDEMPOTENT,
        };
        what.request = &passing->request;
        what.deadline_ms = sy_loop_now_ms(sy_exchange_loop(x)) + 30000;
        if (relay->transfers.ops->start(relay->transfers.self, &what, passed, passing))
            return;
    }
    sy_exchange_reply(x, &reply);
}

int main(int argc, char **argv)
{
    struct sy_server_limits limits;
    struct sy_egress egress = {0};
    struct sy_transfers_options options = {
        .egress = &egress, .connections_per_host = 256, .memory = (size_t)256 << 20};
    struct relay relay = {.url = sy_str_of(argc > 2 ? argv[2] : "")};
    struct sy_server_events events = {.on_request = on_request, .ctx = &relay};
    struct sy_curl_transfers *transfers;
    struct sy_err err = SY_ERR_INIT;
    struct sy_server *server;
    struct sy_loop *loop;
    int fd;

    if (argc != 3) {
        fputs("usage: bare-relay LISTEN URL\n", stderr);
        return 2;
    }
    signal(SIGPIPE, SIG_IGN);
    sy_server_limits_default(&limits);
    limits.connections = 10000;
    if (sy_transfers_global_init(&err) != SY_OK || sy_loop_create(0, &loop, &err) != SY_OK ||
        sy_dns_create(1, &options.dns, &err) != SY_OK ||
        sy_transfers_create(loop, &options, &transfers, &err) != SY_OK ||
        sy_listen(sy_str_of(argv[1]), &fd, &err) != SY_OK ||
        sy_server_create(loop, fd, &limits, &events, &server, &err) != SY_OK) {
        fprintf(stderr, "bare-relay: %s\n", err.text);
        return 1;
    }
    relay.transfers = sy_transfers_view(transfers);
    sy_loop_run(loop);
    return 0;
}
