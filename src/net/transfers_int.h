/*
 * The inside of transfers, shared by its files:
 *   transfers.c          the whole: created, flushed, destroyed
 *   transfers_one.c      life of a transfer, the vtable
 *   transfers_options.c  every libcurl option, with its reason; the guards that libcurl calls
 *   transfers_request.c  a request into libcurl's terms, checked
 *   transfers_reply.c    a reply out of libcurl's hands, checked
 *   transfers_verdict.c  how a transfer ended, by our own state
 *   transfers_host.c     addresses and the queue in front of each host
 *   transfers_pool.c     a multi handle on the loop: sockets, timer, finished ones
 *   transfers_trust.c    the certificate store
 */
#ifndef SY_NET_TRANSFERS_INT_H
#define SY_NET_TRANSFERS_INT_H

#include <curl/curl.h>

#include "net/dns.h"
#include "net/inflate.h"
#include "net/transfers.h"

#define SY_NET_HEAD_MAX 65536u                 /* header bytes of one transfer, 1xx included */
#define SY_NET_HEADERS_MAX 256u                /* fields of a reply */
#define SY_NET_REPLY_MAX (32u * 1024u * 1024u) /* where the request names no cap */
#define SY_NET_SEND_BUFFER 16384               /* libcurl's least; used over TLS only */
#define SY_NET_KEEP 16384u                     /* buffers up to this stay with a pooled transfer */
#define SY_NET_POOLED_MAX 1024u                /* transfers kept for reuse */
#define SY_NET_TRIM_MS 10000                   /* and those unused so long are not */
#define SY_NET_WAITING_MAX 16384u              /* queue in front of one host */
#define SY_NET_HOST_BUCKETS 64u
#define SY_NET_HOSTS_MAX 512u  /* idle ones go beyond this */
#define SY_NET_ORIGIN_MAX 288u /* https://[name of 253 bytes]:65535/ */
#define SY_NET_NODES (SY_REQUEST_HEADERS_MAX + 4)

enum sy_net_phase {
    SY_NET_PHASE_IDLE,    /* in the free list */
    SY_NET_PHASE_WAITING, /* for addresses, or its turn at the host */
    SY_NET_PHASE_RUNNING, /* in a multi handle */
    SY_NET_PHASE_ENDING,  /* `done` is called at the end of this turn */
    SY_NET_PHASE_ENDED,   /* answered or cancelled; waits for release */
};

enum sy_net_coding { SY_NET_CODING_NONE, SY_NET_CODING_GZIP };

/* One multi handle. HTTP/1.1 and HTTP/2 have one each: libcurl would let a transfer that asked for
 * HTTP/1.1 share an idle HTTP/2 connection. */
struct sy_net_pool {
    struct sy_curl_transfers *owner;
    struct sy_net_pool *next; /* of the retired ones */
    CURLM *multi;
    struct sy_timer timer;
    struct sy_task kick;
    unsigned active;
    uint64_t generation;
    bool http2;
    bool retired;
};

/* A socket of libcurl's. */
struct sy_net_socket {
    struct sy_watch watch;
    struct sy_net_pool *pool;
    uint32_t wanted; /* epoll events that libcurl asks for; 0: idle */
    bool watched;
    const struct sy_transfer *dialler; /* only to be compared */
    struct sy_net_host *host;          /* whose link it is, or NULL */
};

/* One host, port and scheme, once for each pool. */
struct sy_net_host {
    struct sy_curl_transfers *owner;
    struct sy_net_host *next; /* bucket */
    char name[256];           /* lower case */
    size_t name_len;
    uint16_t port;
    bool tls;
    bool http2;
    bool known;       /* by its first connection: whether it is */
    bool multiplexed; /* the host speaks HTTP/2 */
    unsigned links;   /* connections that are up; counted where HTTP/2 is asked for */
    struct sy_task pump;
    uint64_t id;   /* never used again in these transfers */
    CURLU *origin; /* scheme, host and port, parsed once; only libcurl's reads follow */
    char origin_text[SY_NET_ORIGIN_MAX];
    unsigned active;
    unsigned waiting_count;
    struct sy_transfer *waiting;
    struct sy_transfer *waiting_last;
    size_t reply_size; /* about the largest of its last replies; 0: none yet */
    struct sy_dns_query query;
    bool asking;
    struct sy_dns_answer answer;
    int64_t answered_ms; /* 0: no answer */
    char pin[768];       /* "+host:port:address,…" for CURLOPT_RESOLVE */
    struct curl_slist pin_node;
    int64_t pinned_ms;
    uint64_t pinned_generation; /* the pool that knows `pin` */
    int64_t used_ms;
};

struct sy_net_reply {
    char *head; /* the lines of the current header block */
    size_t head_len;
    size_t head_cap;
    size_t head_total;
    unsigned lines;
    struct sy_header *headers;
    unsigned header_count;
    unsigned header_cap;
    int status;
    bool in_head;
    bool whole_head; /* of the final reply */
    bool chunked;
    enum sy_net_coding coding;
    struct sy_inflate inflate;
    char *body;
    size_t body_len;
    size_t body_cap;
    size_t limit;
    int64_t first_us;
};

struct sy_transfer {
    struct sy_curl_transfers *owner;
    struct sy_transfer *all_next; /* every transfer that is not idle */
    struct sy_transfer *all_before;
    struct sy_transfer *next; /* the host's queue, or the free list */
    struct sy_transfer *before;
    CURL *easy;
    uint64_t origin; /* id of the host that the handle is set to; 0: none */
    long buffer;     /* CURLOPT_BUFFERSIZE of the handle */
    enum sy_net_phase phase;
    struct sy_transfer_request what;
    struct sy_egress_url url;
    sy_transfer_done_fn *done;
    void *ctx;
    struct sy_net_host *host;
    struct sy_net_pool *pool;
    struct sy_timer timer;
    struct sy_task ending;
    int64_t start_us;
    int64_t connect_by_ms;
    unsigned starts;     /* how often libcurl began to send */
    bool started;        /* and was let */
    bool resend_refused; /* the second time it was not */
    bool egress_refused; /* an address was refused */
    bool dialled;        /* an address was not */
    int opened[2];       /* its newest sockets: the other family's may be the one that connects */
    char *text;          /* target and header lines, NUL-terminated */
    size_t text_cap;
    struct curl_slist nodes[SY_NET_NODES];
    char *body; /* a body of several slices, in one piece */
    size_t body_cap;
    struct sy_net_reply reply;
    size_t counted; /* of owner->held */
    struct sy_transfer_result result;
};

struct sy_curl_transfers {
    struct sy_loop *loop;
    struct sy_transfers_options options;
    void *trust; /* X509_STORE */
    /* libcurl 7.83.0 to 8.1.0 keeps a pointer to the last transfer's last header, which is freed,
     * and writes through it when the next reply begins with a folded line (curl's issue 11101): a
     * vendor could break our heap. There head lines come to the body's callback, too, which is
     * asked before libcurl keeps them and refuses that line. */
    bool heads_first;
    struct sy_net_pool *pools[2]; /* HTTP/1.1, HTTP/2 */
    struct sy_net_pool *retired;
    struct sy_task reap;
    uint64_t generation;
    struct sy_net_socket **sockets; /* by descriptor */
    size_t sockets_cap;
    struct sy_net_host *hosts[SY_NET_HOST_BUCKETS];
    unsigned host_count;
    uint64_t host_ids;
    struct sy_transfer *all;
    struct sy_transfer *idle;
    unsigned idle_count;
    unsigned idle_least; /* since the last trim: so many nobody needed */
    struct sy_timer trim;
    size_t held; /* bytes of buffers over SY_NET_KEEP */
};

/* transfers_one.c */
extern const struct sy_transfers_ops sy_curl_transfers_ops;
/* Frees the pooled transfers that nobody needed since the last time. */
void sy_transfers_trim(struct sy_loop *loop, struct sy_timer *timer);
void sy_transfer_free(struct sy_transfer *transfer);
void sy_transfer_fault(struct sy_transfer *transfer, enum sy_net_failure failure,
                       enum sy_cause cause);
void sy_transfer_end_later(struct sy_transfer *transfer, enum sy_net_failure failure,
                           enum sy_cause cause);
void sy_transfer_run(struct sy_transfer *transfer);
void sy_transfer_finished(struct sy_transfer *transfer, CURLcode code);
/* Moves the transfer's share of the memory budget to `bytes`; false if that is too much. */
bool sy_transfer_count(struct sy_transfer *transfer, size_t bytes);

/* transfers_options.c */
int sy_transfer_set_constants(struct sy_transfer *transfer);

/* transfers_request.c */
int sy_transfer_set_request(struct sy_transfer *transfer);

/* transfers_reply.c */
void sy_net_reply_clear(struct sy_net_reply *reply, bool keep_buffers);
size_t sy_net_on_header(char *data, size_t size, size_t count, void *transfer);
size_t sy_net_on_body(char *data, size_t size, size_t count, void *transfer);

/* transfers_verdict.c */
void sy_transfer_judge(struct sy_transfer *transfer, CURLcode code);
/* True once a byte of the reply was seen. */
bool sy_transfer_was_answered(const struct sy_transfer *transfer);

/* transfers_host.c */
struct sy_net_host *sy_net_host_of(struct sy_curl_transfers *transfers,
                                   const struct sy_egress_url *url, bool http2);
bool sy_net_host_enqueue(struct sy_net_host *host, struct sy_transfer *transfer);
void sy_net_host_dequeue(struct sy_net_host *host, struct sy_transfer *transfer);
/* How large a receive buffer a transfer to it should have, by its last replies. */
long sy_net_host_buffer(const struct sy_net_host *host);
void sy_net_host_replied(struct sy_net_host *host, size_t size);
/* Starts what may start. */
void sy_net_host_pump(struct sy_net_host *host);
/* What to give as CURLOPT_RESOLVE: NULL while the pool still knows it. */
struct curl_slist *sy_net_host_pin(struct sy_net_host *host, const struct sy_net_pool *pool);
/* The transfer's new connection is there; `multiplexed`: it speaks HTTP/2. */
void sy_net_host_linked(struct sy_transfer *transfer, bool multiplexed);
void sy_net_hosts_free(struct sy_curl_transfers *transfers);

/* transfers_pool.c */
struct sy_net_pool *sy_net_pool_create(struct sy_curl_transfers *transfers, bool http2);
void sy_net_pool_retire(struct sy_net_pool *pool);
void sy_net_pool_left(struct sy_net_pool *pool);
void sy_net_pool_free(struct sy_net_pool *pool);
struct sy_net_socket *sy_net_socket_add(struct sy_net_pool *pool, int fd);
struct sy_net_socket *sy_net_socket_of(const struct sy_curl_transfers *transfers, int fd);
void sy_net_sockets_free(struct sy_curl_transfers *transfers);
int sy_net_socket_close(void *transfers, curl_socket_t fd);

/* transfers_trust.c */
/* True if the transfer's connection has agreed on HTTP/2. */
bool sy_net_speaks_http2(CURL *easy);
void *sy_net_trust_acquire(void);
void sy_net_trust_release(void *trust);
CURLcode sy_net_trust_install(CURL *easy, void *ssl_ctx, void *transfers);
int sy_net_trust_load(const char *file, struct sy_err *err);
void sy_net_trust_forget(void);

#endif
