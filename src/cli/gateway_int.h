/*
 * Inside the gateway: the one struct that holds the parts, for gateway*.c.
 */
#ifndef SY_CLI_GATEWAY_INT_H
#define SY_CLI_GATEWAY_INT_H

#include <pthread.h>
#include <stdatomic.h>

#include "api/api.h"
#include "cli/fetch.h"
#include "cli/gateway.h"
#include "engine/engine.h"
#include "net/dns.h"
#include "net/server.h"
#include "net/server_tls.h"
#include "net/transfers.h"
#include "sandbox/sandbox.h"

#define GATEWAY_THREADS_MAX 64

struct gateway_thread {
    struct sy_gateway *gateway;
    pthread_t thread;
    bool started;
    struct sy_loop *loop;
    struct sy_curl_transfers *transfers;
    struct sy_engine_loop *engine;
    struct sy_api_loop *api;
    struct sy_server *server;
    struct sy_server *admin; /* first thread only */
    struct sy_task drain;
    unsigned undrained; /* servers */
    struct sy_timer grace;
};

struct sy_gateway {
    struct sy_gateway_options options;
    const struct sy_config *config;
    struct sy_config reloaded; /* the one in force after a reload */
    bool has_reloaded;
    bool has_policy;       /* one of files is in force */
    struct sy_arena arena; /* texts that live as long as the gateway */
    struct sy_buf warnings;
    struct sy_fetcher *fetcher;
    struct sy_secrets *secrets;
    struct sy_egress egress;
    struct sy_dns *dns;
    struct sy_writer *writer;
    struct sy_ledger *ledger;
    struct sy_metrics *metrics;
    struct sy_metrics_set *counters; /* the main thread's; made on first use */
    struct sy_engine *engine;
    struct sy_api *api;
    unsigned lost;
    int listen_fd, admin_fd;
    struct sy_tls *tls;            /* NULL: plain */
    struct sy_server_group *group; /* spreads connections over the threads */
    struct sy_str url, admin_url;
    struct gateway_thread threads[GATEWAY_THREADS_MAX];
    unsigned thread_count;
    int64_t grace_ms;
    _Atomic unsigned accepting; /* threads that have not taken the drain up yet */

    struct sy_loop *sandbox_loop;
    struct sy_sandbox *sandbox;
    struct sy_sandbox_endpoints endpoints;
    pthread_t sandbox_thread;
    bool sandbox_started;
    char store_folder[64]; /* the sandbox's own, removed at the end */
};

/* gateway_vendors.c: the vendors' settings with their secrets read. */
int gateway_vendors(struct sy_gateway *gateway, const struct sy_settings *settings,
                    struct sy_vendor_runtime runtimes[SY_VENDORS_MAX], size_t *ret_count);
void gateway_warn(struct sy_gateway *gateway, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
struct sy_str gateway_named_secret(void *ctx, struct sy_str name);
/* gateway_reload.c: takes the policy over, whatever comes of it. */
int gateway_put_policy(struct sy_gateway *gateway, struct sy_loaded_policy *policy,
                       struct sy_err *err);
/* gateway_tls.c */
bool gateway_tls_wanted(const struct sy_settings *settings);
int gateway_tls_read(const struct sy_settings *settings, struct sy_tls_pair **ret,
                     struct sy_err *err);
int gateway_tls_start(struct sy_gateway *gateway, struct sy_err *err);
/* Puts the pair in force; NULL: the old one stays. */
void gateway_tls_put(struct sy_gateway *gateway, struct sy_tls_pair *pair);
/* gateway_sandbox.c */
int gateway_sandbox_start(struct sy_gateway *gateway, struct sy_err *err);
void gateway_sandbox_stop(struct sy_gateway *gateway);
/* gateway_threads.c */
int gateway_threads_start(struct sy_gateway *gateway, unsigned count, struct sy_err *err);
void gateway_threads_stop(struct sy_gateway *gateway, int64_t grace_ms);

#endif
