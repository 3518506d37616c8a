/*
 * Inbound HTTP/1.1: listeners and connections on a loop. Strict parsing is http/parser's; this file
 * adds sockets, absolute deadlines, limits, keep-alive, pipelining and writing.
 *
 * One request of a connection is handled at a time; pipelined ones wait in the buffer. A handler is
 * called with a complete request (head and body) and answers at once or later, on the same loop.
 */
#ifndef SY_NET_SERVER_H
#define SY_NET_SERVER_H

#include "base/arena.h"
#include "base/err.h"
#include "http/parser.h"
#include "net/loop.h"

struct sy_server;
struct sy_exchange; /* one request and its response */

struct sy_server_limits {
    struct sy_http_limits http;
    int64_t head_deadline_ms;  /* from the first byte (or accept) to the end of the head: 10 s */
    int64_t body_deadline_ms;  /* absolute: 30 s, and at least body_min_rate */
    uint64_t body_min_rate;    /* bytes per second, judged after 5 s: 1000 */
    int64_t idle_ms;           /* keep-alive without a request: 60 s */
    int64_t write_deadline_ms; /* to take a response off us: 30 s without progress */
    unsigned connections;      /* on this loop; beyond it accept is paused */
    unsigned requests_per_connection; /* then Connection: close; 0 = no limit */
    size_t memory;                    /* bytes of request bodies held on this loop; beyond: 503 */
};
void sy_server_limits_default(struct sy_server_limits *limits);

struct sy_server_events {
    /* Complete request; must lead to exactly one reply (or close/raw end), now or later. */
    void (*on_request)(struct sy_exchange *x, void *ctx);
    /* Optional: head is read, body is not; return false after sy_exchange_abort to stop here. */
    bool (*on_head)(struct sy_exchange *x, void *ctx);
    /* Optional: builds the body of a refusal (parser, limits, timeouts) into `x`'s arena; status
     * and cause are given. Without it the body is empty. */
    void (*on_refusal)(struct sy_exchange *x, int status, const char *cause,
                       struct sy_str *ret_content_type, struct sy_str *ret_body, void *ctx);
    /* Optional: further headers of a refusal, in `x`'s arena; asked after on_refusal. */
    size_t (*on_refusal_headers)(struct sy_exchange *x, int status,
                                 const struct sy_http_header **ret_headers, void *ctx);
    void *ctx;
};

/* Binds and listens (SO_REUSEADDR, non-blocking, CLOEXEC). "host:port", "[v6]:port"; port 0 picks.
 */
int sy_listen(struct sy_str address, int *ret_fd, struct sy_err *err);
/* The port a listening descriptor has. */
int sy_listen_port(int fd);

/* Serves `listen_fd` (shared by several loops: EPOLLEXCLUSIVE) on this loop. fd stays the caller's.
 */
int sy_server_create(struct sy_loop *loop, int listen_fd, const struct sy_server_limits *limits,
                     const struct sy_server_events *events, struct sy_server **ret_server,
                     struct sy_err *err);
/*
 * Servers on several loops that share a listener: a connection is served by the loop that has
 * fewest, whichever accepted it. Left to the kernel, nearly all of a burst go to one.
 */
struct sy_server_group;
int sy_server_group_create(unsigned servers, struct sy_server_group **ret_group,
                           struct sy_err *err);
/* After its servers are destroyed and their loops are gone. */
void sy_server_group_destroy(struct sy_server_group *group);
/* Before the loop runs. The group outlives the server. SY_NOMEM: it has all its servers. */
int sy_server_join(struct sy_server *server, struct sy_server_group *group);
/* Speaks TLS with what connects from now on. Before the loop runs; `tls` outlives the server. */
struct sy_tls;
int sy_server_use_tls(struct sy_server *server, struct sy_tls *tls);
/* Stops accepting; idle connections close, busy ones answer with Connection: close.
 * `on_drained` is called once, on the loop, when the last connection is gone. */
void sy_server_drain(struct sy_server *server, void (*on_drained)(void *ctx), void *ctx);
/* As drain, where another process goes on with the listener: connections without a request stay
 * until their next one, which is answered with Connection: close, or until their usual deadline. */
void sy_server_retire(struct sy_server *server, void (*on_drained)(void *ctx), void *ctx);
/* Closes everything at once. */
void sy_server_destroy(struct sy_server *server);
unsigned sy_server_connections(const struct sy_server *server);

/* The request; slices live until the exchange is answered. */
const struct sy_http_head *sy_exchange_head(const struct sy_exchange *x);
struct sy_str sy_exchange_body(const struct sy_exchange *x);
/* Memory that lives as long as the exchange. */
struct sy_arena *sy_exchange_arena(struct sy_exchange *x);
struct sy_loop *sy_exchange_loop(struct sy_exchange *x);
struct sy_str sy_exchange_peer(const struct sy_exchange *x); /* "127.0.0.1:4711" */
int64_t sy_exchange_started_us(const struct sy_exchange *x);
/* A place for the handler's own per-request state. */
void sy_exchange_set_state(struct sy_exchange *x, void *state);
void *sy_exchange_state(const struct sy_exchange *x);

/* Called at most once if the client hangs up before the reply; the reply must still be given (it is
 * then dropped), so that ownership has one path. Set fn NULL to stop listening. */
void sy_exchange_on_hangup(struct sy_exchange *x, void (*fn)(struct sy_exchange *x, void *ctx),
                           void *ctx);

#define SY_REPLY_SLICES_MAX 12
#define SY_REPLY_HEADERS_MAX 64
struct sy_reply {
    int status;
    struct sy_str content_type; /* absent: none */
    const struct sy_http_header *headers;
    size_t header_count;                     /* SY_REPLY_HEADERS_MAX; more is a 500 */
    struct sy_str body[SY_REPLY_SLICES_MAX]; /* written with one writev; */
    unsigned body_count;
    bool close;
};
/* Ends the exchange: the slices need to live only until this returns (what the socket does not take
 * at once is copied). HEAD requests get the head alone. x is invalid afterwards. */
void sy_exchange_reply(struct sy_exchange *x, const struct sy_reply *reply);

/* Raw control, for stand-ins that must misbehave: bytes as they are, then go on, close or reset. */
void sy_exchange_raw_write(struct sy_exchange *x, struct sy_str bytes);
enum sy_exchange_end { SY_END_CLOSE, SY_END_RESET };
void sy_exchange_abort(struct sy_exchange *x, enum sy_exchange_end how);

#endif
