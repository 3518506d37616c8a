#include "net/transfers.h"

#include <signal.h>
#include <stdlib.h>

#include "net/transfers_int.h"

#define CONNECTIONS_PER_HOST 32
#define HEADS_KEPT_SAFELY 0x080101u /* from this libcurl on: see heads_first */
#define MEMORY (256u * 1024u * 1024u)

int sy_transfers_global_init(struct sy_err *err)
{
    /* OpenSSL writes to sockets without MSG_NOSIGNAL. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR)
        return sy_err_set(err, SY_ERR, "SIGPIPE cannot be ignored");
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK)
        return sy_err_set(err, SY_ERR, "libcurl cannot be initialised");
    /* Without authorities plain HTTP still works; every TLS transfer then says so. */
    (void)sy_net_trust_load(NULL, NULL);
    return SY_OK;
}

void sy_transfers_global_cleanup(void)
{
    sy_net_trust_forget();
    curl_global_cleanup();
}

int sy_transfers_load_trust(const char *file, struct sy_err *err)
{
    return sy_net_trust_load(file, err);
}

static void reap(struct sy_loop *loop, struct sy_task *task)
{
    struct sy_curl_transfers *transfers = task->ctx;
    struct sy_net_pool **at = &transfers->retired;

    (void)loop;
    while (*at) {
        struct sy_net_pool *pool = *at;

        if (pool->active) {
            at = &pool->next;
            continue;
        }
        *at = pool->next;
        sy_net_pool_free(pool);
    }
}

int sy_transfers_create(struct sy_loop *loop, const struct sy_transfers_options *options,
                        struct sy_curl_transfers **ret, struct sy_err *err)
{
    struct sy_curl_transfers *transfers = calloc(1, sizeof(*transfers));

    if (!transfers)
        return sy_err_set(err, SY_NOMEM, "no memory for outbound transfers");
    transfers->loop = loop;
    transfers->options = *options;
    if (!transfers->options.connections_per_host)
        transfers->options.connections_per_host = CONNECTIONS_PER_HOST;
    if (!transfers->options.memory)
        transfers->options.memory = MEMORY;
    transfers->reap = (struct sy_task){.fn = reap, .ctx = transfers};
    transfers->trim = (struct sy_timer){.fn = sy_transfers_trim, .ctx = transfers};
    transfers->heads_first = curl_version_info(CURLVERSION_NOW)->version_num < HEADS_KEPT_SAFELY;
    transfers->trust = sy_net_trust_acquire();
    transfers->pools[0] = sy_net_pool_create(transfers, false);
    transfers->pools[1] = sy_net_pool_create(transfers, true);
    if (!transfers->pools[0] || !transfers->pools[1]) {
        sy_transfers_destroy(transfers);
        return sy_err_set(err, SY_NOMEM, "no memory for outbound transfers");
    }
    *ret = transfers;
    return SY_OK;
}

void sy_transfers_destroy(struct sy_curl_transfers *transfers)
{
    if (!transfers)
        return;
    /* From the back of each host's queue no one moves up: all are taken out before. */
    for (struct sy_transfer *at = transfers->all; at; at = at->all_next) {
        if (at->phase == SY_NET_PHASE_WAITING || at->phase == SY_NET_PHASE_ENDING)
            (void)sy_curl_transfers_ops.cancel(transfers, at);
    }
    while (transfers->all)
        sy_curl_transfers_ops.release(transfers, transfers->all);
    while (transfers->idle) {
        struct sy_transfer *transfer = transfers->idle;

        transfers->idle = transfer->next;
        sy_transfer_free(transfer);
    }
    while (transfers->retired) {
        struct sy_net_pool *pool = transfers->retired;

        transfers->retired = pool->next;
        sy_net_pool_free(pool);
    }
    sy_net_pool_free(transfers->pools[0]);
    sy_net_pool_free(transfers->pools[1]);
    sy_loop_undefer(transfers->loop, &transfers->reap);
    sy_timer_cancel(transfers->loop, &transfers->trim);
    sy_net_hosts_free(transfers);
    sy_net_trust_release(transfers->trust);
    sy_net_sockets_free(transfers);
    free(transfers);
}

struct sy_transfers sy_transfers_view(struct sy_curl_transfers *transfers)
{
    return (struct sy_transfers){.ops = &sy_curl_transfers_ops, .self = transfers};
}

void sy_transfers_flush(struct sy_curl_transfers *transfers)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(transfers->pools); i++) {
        struct sy_net_pool *fresh = sy_net_pool_create(transfers, i == 1);

        if (!fresh)
            continue;
        sy_net_pool_retire(transfers->pools[i]);
        transfers->pools[i] = fresh;
    }
    sy_net_trust_release(transfers->trust);
    transfers->trust = sy_net_trust_acquire();
}
