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
    int64_t store_version;  /* of the store as it was looked at last; the writer's */
    uint64_t store_content; /* what was loaded of it; the writer's */
    struct sy_api *api;
    unsigned lost;
    int listen_fd, admin_fd;
    struct sy_tls *tls; /* NULL: plain */
    int upgrade_fd; /* to the process that hands over to this one, or that this one hands over to */
    bool predecessor_ended;
    bool handed_over; /* another process has the listeners and the store */
    int lock_fd;      /* of the store, borrowed; -1: it has none */
    const char *journal_names[GATEWAY_JOURNALS]; /* every folder's, whether it is there or not */
    struct sy_str journals;                      /* the folder of this process */
    int journal_fds[GATEWAY_JOURNALS]; /* of the folder that this process has locked, else -1 */
    struct sy_server_group *group;     /* spreads connections over the threads */
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
/* gateway_journals.c */
/* Takes a folder beside the store for this process's journals. */
int gateway_journals_take(struct sy_gateway *gateway, struct sy_str store_path, struct sy_err *err);
/* Brings into the store what processes that have ended left in theirs. False: one still runs. */
bool gateway_journals_recover(struct sy_gateway *gateway, unsigned *ret_lost);
void gateway_journals_leave(struct sy_gateway *gateway);
/* gateway_upgrade.c */
/* All is ready but the listeners: lets the process before share the store's keys. */
int gateway_upgrade_ready(struct sy_gateway *gateway, struct sy_err *err);
/* The listeners are served. */
void gateway_upgrade_serving(struct sy_gateway *gateway);
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
