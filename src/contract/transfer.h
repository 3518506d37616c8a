/*
 * Outbound HTTP: what the engine asks of a transport, and what it is told.
 *
 * net/ implements it with libcurl; tests implement it with tables. A transfer belongs to one loop.
 * Start answers by callback exactly once unless cancelled; never from inside start.
 */
#ifndef SY_CONTRACT_TRANSFER_H
#define SY_CONTRACT_TRANSFER_H

#include "base/str.h"
#include "contract/vendor.h"

/* Why a transfer ended without a usable reply. */
enum sy_net_failure {
    SY_NET_OK = 0,
    SY_NET_UNREACHABLE, /* DNS, refused, TLS: never reached the vendor's application */
    SY_NET_RESET,       /* the connection died */
    SY_NET_TIMEOUT,
    SY_NET_PROTOCOL, /* nonsense, truncated, bad framing, bad encoding */
    SY_NET_TOO_LARGE,
    SY_NET_REFUSED_HERE, /* our own guard: address, URL, header, scheme */
    SY_NET_OVERLOADED,   /* our own memory or queue limit */
};

struct sy_transfer_request {
    const struct sy_request *request; /* must outlive the transfer */
    struct sy_str vendor;             /* pool and metrics label */
    int64_t deadline_ms;              /* monotonic, absolute */
    int64_t connect_timeout_ms;
    bool trusted_address; /* base URL of the configuration: no address guard */
    /* How often it may be sent, the transport's own resends on dead connections included; 0: as the
     * transport sees fit. A write is sent once, whatever stands here. */
    unsigned sends_max;
};

struct sy_transfer_result {
    enum sy_net_failure failure;
    enum sy_cause cause; /* the fine class: SY_CAUSE_DNS, SY_CAUSE_TRUNCATED, … */
    bool started;        /* the request may have reached the vendor (PREREQ ran) */
    unsigned sends;      /* how often it may have; over 1 after a resend */
    int status;
    const struct sy_header *headers; /* names in lower case; live until `release` */
    unsigned header_count;
    struct sy_str body;    /* decoded; lives until `release` */
    int64_t first_byte_us; /* durations from start */
    int64_t total_us;
};

struct sy_transfer;
typedef void sy_transfer_done_fn(struct sy_transfer *transfer,
                                 const struct sy_transfer_result *result, void *ctx);

struct sy_transfers_ops {
    /* NULL: out of memory. The result's slices live until `release`. */
    struct sy_transfer *(*start)(void *self, const struct sy_transfer_request *what,
                                 sy_transfer_done_fn *done, void *ctx);
    /* Stops a running transfer; `done` will not be called. True: the request had started. */
    bool (*cancel)(void *self, struct sy_transfer *transfer);
    /* Frees a finished or cancelled transfer with its reply. */
    void (*release)(void *self, struct sy_transfer *transfer);
};

struct sy_transfers {
    const struct sy_transfers_ops *ops;
    void *self;
};

#endif
