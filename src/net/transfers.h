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
struct sy_dns;

struct sy_transfers_options {
    const struct sy_egress *egress; /* what addresses may be dialled; outlives the transfers */
    struct sy_dns *dns;             /* shared resolver; outlives the transfers */
    /* On this loop; more wait in our own queue. 0: 32. */
    unsigned connections_per_host;
    /* Bytes of replies over 16 KiB held at once; beyond: SY_NET_OVERLOADED. 0: 256 MiB. */
    size_t memory;
};

/* Once per process, before threads. Also ignores SIGPIPE and reads the system's authorities. */
int sy_transfers_global_init(struct sy_err *err);
void sy_transfers_global_cleanup(void);
/* Reads the certificate authorities from `file`, or with NULL from where SSL_CERT_FILE or the
 * system keeps them (global_init has done that). Blocks some 20 ms: not for a loop's thread. New
 * transfers objects use them at once, others from their next flush on. SY_NOT_FOUND if there are
 * none. */
int sy_transfers_load_trust(const char *file, struct sy_err *err);
int sy_transfers_create(struct sy_loop *loop, const struct sy_transfers_options *options,
                        struct sy_curl_transfers **ret, struct sy_err *err);
/* Also drops what runs or was not released; no `done` is called. Not from inside `done`. */
void sy_transfers_destroy(struct sy_curl_transfers *transfers);
/* The vtable view of it. */
struct sy_transfers sy_transfers_view(struct sy_curl_transfers *transfers);
/* Drops idle connections (after a configuration change). */
void sy_transfers_flush(struct sy_curl_transfers *transfers);

#endif
