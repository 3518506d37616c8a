/*
 * contract/transfer.h by libcurl's multi interface on a loop, with the egress guard.
 *
 * Every option that keeps libcurl honest stands in one table in transfers.c with its reason
 * (docs/architecture.md "libcurl needs a firm hand"); replies are checked here for what curl lets
 * pass: cut heads, two Content-Lengths, CL with TE, truncated gzip, status outside 200-599.
 */
#ifndef SY_NET_TRANSFERS_H
#define SY_NET_TRANSFERS_H

#include "base/err.h"
#include "contract/transfer.h"
#include "net/egress.h"
#include "net/loop.h"

struct sy_curl_transfers;

struct sy_transfers_options {
    const struct sy_egress *egress;  /* what addresses may be dialled; outlives the transfers */
    struct sy_dns *dns;              /* shared resolver; outlives the transfers */
    unsigned connections_per_host;   /* on this loop; more wait in our own queue */
    size_t memory;                   /* bytes of replies held at once; beyond: SY_NET_OVERLOADED */
};

/* Once per process, before threads. */
int sy_transfers_global_init(struct sy_err *err);
void sy_transfers_global_cleanup(void);
int sy_transfers_create(struct sy_loop *loop, const struct sy_transfers_options *options,
                        struct sy_curl_transfers **ret, struct sy_err *err);
void sy_transfers_destroy(struct sy_curl_transfers *transfers);
/* The vtable view of it. */
struct sy_transfers sy_transfers_view(struct sy_curl_transfers *transfers);
/* Drops idle connections (after a configuration change). */
void sy_transfers_flush(struct sy_curl_transfers *transfers);

#endif
