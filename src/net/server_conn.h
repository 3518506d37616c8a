/*
 * A connection of net/server, shared by the server*.c files only.
 *
 * Life: server_listen.c makes it, server_read.c turns bytes into an exchange, server_write.c turns
 * the reply into bytes, server_deadline.c ends what takes too long. Its socket may close at any
 * time (sy_conn_close); the struct itself is freed only by the server's chores, at the end of a
 * turn, so that no function up the stack holds a dead one. An exchange with its handler outlives
 * the socket, and even the server, until it is answered.
 */
#ifndef SY_NET_SERVER_CONN_H
#define SY_NET_SERVER_CONN_H

#include <sys/epoll.h>
#include <sys/socket.h>
#include <sys/uio.h>

#include "base/buf.h"
#include "http/response.h"
#include "net/server.h"
#include "net/server_tls.h"

#define SY_CONN_INPUT_SMALL 2048u      /* first read buffer; pooled, not charged to the budget */
#define SY_CONN_PIPELINE_MAX 2048u     /* read ahead while a handler works */
#define SY_CONN_BODY_FIRST (64u << 10) /* reserved for an announced length before it arrives */
#define SY_CONN_SCRATCH (64u << 10)
#define SY_CONN_LINGER_BYTES (8u << 20)
#define SY_CONN_LINGER_MS 2000
#define SY_CONN_RATE_GRACE_MS 5000
#define SY_CONN_WRITE_STEP 4096u /* fewer bytes delivered per write deadline are no progress */
#define SY_CONN_PEER_TEXT 56
#define SY_CONN_DRAIN_FIRST_MS 1000 /* a connection without a request yet, when draining starts */
#define SY_EXCHANGE_ARENA_MAX (64u << 20)
#define SY_CONN_OUT_MAX (64u << 20)

/* Address sanitizer builds recycle nothing, so that a use after the end is seen. */
#ifdef SY_ARENA_EACH
#define SY_POOL_INPUTS 0u
#define SY_POOL_EXCHANGES 0u
#else
#define SY_POOL_INPUTS 256u
#define SY_POOL_EXCHANGES 64u
#endif

enum sy_conn_phase {
    SY_CONN_HEAD,    /* idle, or a head is coming in */
    SY_CONN_BODY,    /* `x` exists, its body is coming in */
    SY_CONN_HANDLER, /* `x` waits for its reply */
    SY_CONN_FLUSH,   /* the reply waits for the socket */
    SY_CONN_LINGER,  /* our side is shut; reading until the client's is, so that it sees the answer
                      */
    SY_CONN_CLOSED,  /* no socket; freed once `x` is gone */
};

struct sy_conn {
    struct sy_watch watch;
    struct sy_timer timer; /* armed at or before deadline_ms, moved lazily */
    int64_t deadline_ms;
    struct sy_server *server; /* NULL once the server is destroyed */
    struct sy_conn *prev;
    struct sy_conn *next;
    struct sy_conn *chore_next;
    struct sy_exchange *x;
    struct ssl_st *tls; /* NULL: plain, or TLS has ended */
    char *in;           /* bytes not yet taken by an exchange */
    size_t in_len;
    size_t in_cap;
    size_t in_parsed;  /* in_len at the last parse */
    struct sy_buf out; /* what the socket did not take at once */
    size_t out_done;
    size_t charged; /* of limits.memory, for in and out */
    int64_t body_started_ms;
    uint64_t sent;      /* bytes the socket took in all */
    uint64_t delivered; /* of these, what the client had taken when the write deadline was set */
    size_t linger_left;
    unsigned requests;
    enum sy_conn_phase phase;
    bool chore;         /* on the server's list of chores */
    bool processing;    /* sy_conn_process is up the stack */
    bool head_timed;    /* the deadline of the head that is coming in is set */
    bool closing;       /* no further request after this one */
    bool linger;        /* close only after the client did, or a while */
    bool tls_ready;     /* the handshake is done */
    bool tls_wants_out; /* TLS has to write before it can read on */
    unsigned char peer_len;
    char peer[SY_CONN_PEER_TEXT];
};

struct sy_exchange {
    struct sy_conn *conn;
    struct sy_loop *loop;
    struct sy_exchange *next_free;
    struct sy_arena arena;
    char *input; /* the read buffer with the head, and with the body when that came along */
    size_t input_cap;
    struct sy_buf body_buf; /* the body otherwise */
    struct sy_str body;
    struct sy_http_chunked chunked;
    size_t charged;
    void *state;
    void (*on_hangup)(struct sy_exchange *x, void *ctx);
    void *hangup_ctx;
    int64_t started_us;
    bool owned; /* a handler or the reply under way ends it, not the connection */
    struct sy_http_head head;
};

struct sy_server {
    struct sy_loop *loop;
    struct sy_server_limits limits;
    struct sy_server_events events;
    struct sy_watch listener; /* fd is the caller's */
    bool listening;
    bool draining;
    int reserve_fd; /* given up for a moment when descriptors run out */
    struct sy_timer resume_accept;
    struct sy_group_slot *slot; /* in a group, or NULL */
    struct sy_server_tls *tls;  /* NULL: plain */
    struct sy_conn *conns;
    unsigned conn_count;
    size_t held; /* of limits.memory */
    struct sy_task chores;
    struct sy_conn *chore_list;
    void (*on_drained)(void *ctx);
    void *drained_ctx;
    char *inputs; /* pool of small read buffers, linked through their first bytes */
    unsigned input_count;
    struct sy_exchange *exchanges; /* pool */
    unsigned exchange_count;
    struct sy_buf head; /* scratch: a response's head */
    char date[32];
    size_t date_len;
    int64_t date_s;
    struct sy_http_head parsed;    /* scratch: a request's head */
    char scratch[SY_CONN_SCRATCH]; /* scratch: chunked bytes, discarded bytes */
};

/* server_listen.c */
void sy_server_accept_resume(struct sy_loop *loop, struct sy_timer *timer);
int sy_server_listener_on(struct sy_server *server);
void sy_server_listener_off(struct sy_server *server);
/* Takes what waits in the backlog, at most `batch`. */
void sy_server_accept_batch(struct sy_server *server, unsigned batch);

/* server_group.c; all do nothing for a server without a group */
/* Gives the accepted descriptor to a loop with fewer connections; false: it is ours. */
bool sy_server_hand_over(struct sy_server *server, int fd, const struct sockaddr_storage *address);
/* A connection, or a descriptor that became none, is gone. */
void sy_server_uncount(struct sy_server *server);
/* No more is handed to this server; what waits for it is opened, or closed if `drop`. */
void sy_server_leave(struct sy_server *server, bool drop);

/* server.c */
/* Queues the connection for the end of the turn: to be freed, or to go on with its input. */
void sy_conn_chore(struct sy_conn *conn);

/* server_memory.c */
/* Charges `more` bytes to the memory budget; false when they do not fit. */
bool sy_server_charge(struct sy_server *server, size_t *owner, size_t more);
void sy_server_discharge(struct sy_server *server, size_t *owner, size_t less);
/* Room in the read buffer, which may grow to `max`; 0 when memory does not allow it. */
size_t sy_conn_input_room(struct sy_conn *conn, size_t max);
/* Puts bytes that came behind a request into an empty read buffer. */
bool sy_conn_input_stash(struct sy_conn *conn, struct sy_str bytes);
void sy_conn_input_drop(struct sy_conn *conn);
/* A new exchange on `conn`, which takes over the read buffer, or NULL. */
struct sy_exchange *sy_exchange_begin(struct sy_conn *conn);
/* Recycles the exchange; its connection's x is NULL afterwards. */
void sy_exchange_finish(struct sy_exchange *x);
void sy_server_pools_release(struct sy_server *server);

/* server_conn.c */
/* Takes the accepted descriptor over, closing it if that fails. */
void sy_conn_open(struct sy_server *server, int fd, const struct sockaddr_storage *address);
/* Closes the socket; a handler at work is told through its on_hangup. */
void sy_conn_close(struct sy_conn *conn);
void sy_conn_reset(struct sy_conn *conn);
/* Ends the connection, gently where bytes may still be on their way to us. */
void sy_conn_finish(struct sy_conn *conn);
/* Frees a connection without socket and exchange. */
void sy_conn_free(struct sy_conn *conn);
/* Asks epoll for what the phase needs. */
void sy_conn_rewatch(struct sy_conn *conn);
/* Whether the phase wants bytes that are here already, so that epoll will not tell of them. */
bool sy_conn_has_unread(const struct sy_conn *conn);

/* server_tls.c */
/* A new session of the pair in force, or NULL. */
struct ssl_st *sy_tls_session(struct sy_tls *tls);

/* server_tls_conn.c; but for the first two only while conn->tls is set */
void sy_server_tls_release(struct sy_server *server);
bool sy_conn_tls_begin(struct sy_conn *conn);
/* Frees the session; `notify` tells the client first that no more will come. */
void sy_conn_tls_end(struct sy_conn *conn, bool notify);
/* Goes on with the handshake; true when it is done and bytes may be read. */
bool sy_conn_tls_handshake(struct sy_conn *conn);
ssize_t sy_conn_tls_recv(struct sy_conn *conn, void *into, size_t room);
ssize_t sy_conn_tls_send(struct sy_conn *conn, const struct iovec *iov, size_t count);
/* Whether bytes wait that epoll will not tell of. */
bool sy_conn_tls_pending(const struct sy_conn *conn);
/* Bytes that the socket took, as they went over the wire. */
uint64_t sy_conn_tls_written(const struct sy_conn *conn);

/* As recv and sendmsg. */
static inline ssize_t sy_conn_recv(struct sy_conn *conn, void *into, size_t room)
{
    if (__builtin_expect(conn->tls != NULL, 0))
        return sy_conn_tls_recv(conn, into, room);
    return recv(conn->watch.fd, into, room, 0);
}

static inline ssize_t sy_conn_sendmsg(struct sy_conn *conn, struct iovec *iov, size_t count)
{
    struct msghdr message = {.msg_iov = iov, .msg_iovlen = count};

    if (__builtin_expect(conn->tls != NULL, 0))
        return sy_conn_tls_send(conn, iov, count);
    return sendmsg(conn->watch.fd, &message, MSG_NOSIGNAL);
}

/* server_read.c */
void sy_conn_readable(struct sy_conn *conn);
/* Takes requests from the read buffer while the connection is free for them. */
void sy_conn_process(struct sy_conn *conn);

/* server_write.c */
/* Answers in the handler's place: parser, limits, deadlines. The connection closes gently. */
void sy_conn_refuse(struct sy_conn *conn, int status, const char *cause);
/* Sends at once what the socket takes and keeps a copy of the rest. */
void sy_conn_send(struct sy_conn *conn, struct iovec *iov, size_t count);
void sy_conn_send_str(struct sy_conn *conn, struct sy_str bytes);
bool sy_conn_has_output(const struct sy_conn *conn);
void sy_conn_flush(struct sy_conn *conn);

/* server_deadline.c */
void sy_conn_deadline(struct sy_conn *conn, int64_t after_ms);
void sy_conn_no_deadline(struct sy_conn *conn);
/* Another write deadline for the client to take some bytes. */
void sy_conn_write_deadline(struct sy_conn *conn);
void sy_conn_expired(struct sy_loop *loop, struct sy_timer *timer);

#endif
