/*
 * TLS on a connection: the handshake, and bytes in and out with the return values of recv and
 * sendmsg, so that the rest of the server need not know.
 *
 * OpenSSL reads one record at a time and may keep a part of it: epoll does not tell of that, so
 * sy_conn_rewatch asks sy_conn_tls_pending. It reads ahead of a record never.
 */
#include <errno.h>
#include <limits.h>
#include <stdlib.h>
#include <string.h>

#include <openssl/bio.h>
#include <openssl/err.h>
#include <openssl/ssl.h>

#include "net/server_conn.h"

#define RECORD_BYTES (16u << 10) /* the most that a record takes */

/* ---- the socket, without SIGPIPE ---- */

static int socket_done(BIO *bio, ssize_t n, int retry)
{
    BIO_clear_retry_flags(bio);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        BIO_set_flags(bio, retry | BIO_FLAGS_SHOULD_RETRY);
    return (int)n;
}

static int socket_write(BIO *bio, const char *bytes, int len)
{
    const struct sy_conn *conn = BIO_get_data(bio);

    return socket_done(bio, send(conn->watch.fd, bytes, (size_t)len, MSG_NOSIGNAL),
                       BIO_FLAGS_WRITE);
}

static int socket_read(BIO *bio, char *into, int room)
{
    const struct sy_conn *conn = BIO_get_data(bio);

    return socket_done(bio, recv(conn->watch.fd, into, (size_t)room, 0), BIO_FLAGS_READ);
}

static long socket_ctrl(BIO *bio, int what, long number, void *ptr)
{
    (void)bio;
    (void)number;
    (void)ptr;
    return what == BIO_CTRL_FLUSH || what == BIO_CTRL_DUP;
}

static BIO_METHOD *socket_method(void)
{
    BIO_METHOD *method = BIO_meth_new(BIO_get_new_index() | BIO_TYPE_SOURCE_SINK, "connection");

    if (method && BIO_meth_set_write(method, socket_write) &&
        BIO_meth_set_read(method, socket_read) && BIO_meth_set_ctrl(method, socket_ctrl))
        return method;
    BIO_meth_free(method);
    return NULL;
}

/* ---- the server's part ---- */

struct sy_server_tls {
    struct sy_tls *tls;
    BIO_METHOD *method;
    char record[RECORD_BYTES]; /* scratch: slices become one record */
};

int sy_server_use_tls(struct sy_server *server, struct sy_tls *tls)
{
    struct sy_server_tls *own = calloc(1, sizeof(*own));

    if (!own)
        return SY_NOMEM;
    own->tls = tls;
    own->method = socket_method();
    if (!own->method) {
        free(own);
        return SY_NOMEM;
    }
    server->tls = own;
    return SY_OK;
}

void sy_server_tls_release(struct sy_server *server)
{
    if (server->tls)
        BIO_meth_free(server->tls->method);
    free(server->tls);
    server->tls = NULL;
}

/* ---- a connection's life ---- */

bool sy_conn_tls_begin(struct sy_conn *conn)
{
    const struct sy_server_tls *own = conn->server->tls;
    SSL *ssl = sy_tls_session(own->tls);
    BIO *bio = ssl ? BIO_new(own->method) : NULL;

    if (!bio) {
        SSL_free(ssl);
        ERR_clear_error();
        return false;
    }
    BIO_set_data(bio, conn);
    BIO_set_init(bio, 1);
    SSL_set_bio(ssl, bio, bio);
    SSL_set_accept_state(ssl);
    conn->tls = ssl;
    return true;
}

void sy_conn_tls_end(struct sy_conn *conn, bool notify)
{
    if (!conn->tls)
        return;
    if (notify && conn->tls_ready) {
        ERR_clear_error();
        (void)SSL_shutdown(conn->tls);
    }
    SSL_free(conn->tls);
    ERR_clear_error();
    conn->tls = NULL;
    conn->tls_ready = false;
}

/* After a fatal error nothing more may be said. */
static void broken(struct sy_conn *conn)
{
    sy_conn_tls_end(conn, /* notify= */ false);
    sy_conn_close(conn);
}

static void want(struct sy_conn *conn, bool out)
{
    conn->tls_wants_out = out;
    sy_conn_rewatch(conn);
}

static bool is_plain_http(void)
{
    return ERR_GET_LIB(ERR_peek_error()) == ERR_LIB_SSL &&
           ERR_GET_REASON(ERR_peek_error()) == SSL_R_HTTP_REQUEST;
}

static void handshake_failed(struct sy_conn *conn)
{
    if (!is_plain_http()) {
        broken(conn);
        return;
    }
    /* In the clear, which is all that this client reads. */
    sy_conn_tls_end(conn, /* notify= */ false);
    sy_conn_refuse(conn, 400, "plain HTTP on a TLS port");
}

bool sy_conn_tls_handshake(struct sy_conn *conn)
{
    int done;

    if (conn->tls_ready)
        return true;
    ERR_clear_error();
    done = SSL_do_handshake(conn->tls);
    if (done == 1) {
        conn->tls_ready = true;
        want(conn, false);
        return conn->phase != SY_CONN_CLOSED;
    }
    switch (SSL_get_error(conn->tls, done)) {
    case SSL_ERROR_WANT_READ:
        want(conn, false);
        break;
    case SSL_ERROR_WANT_WRITE:
        want(conn, true);
        break;
    default:
        handshake_failed(conn);
        break;
    }
    return false;
}

/* ---- bytes ---- */

ssize_t sy_conn_tls_recv(struct sy_conn *conn, void *into, size_t room)
{
    int got;

    ERR_clear_error();
    got = SSL_read(conn->tls, into, room < INT_MAX ? (int)room : INT_MAX);
    if (got > 0)
        return got;
    switch (SSL_get_error(conn->tls, got)) {
    case SSL_ERROR_WANT_READ:
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_WANT_WRITE:
        want(conn, true);
        errno = EAGAIN;
        return -1;
    case SSL_ERROR_ZERO_RETURN:
        return 0;
    default:
        sy_conn_tls_end(conn, /* notify= */ false);
        errno = ECONNRESET;
        return -1;
    }
}

static ssize_t write_some(struct sy_conn *conn, const char *bytes, size_t len)
{
    int sent;

    ERR_clear_error();
    sent = SSL_write(conn->tls, bytes, len < INT_MAX ? (int)len : INT_MAX);
    if (sent > 0)
        return sent;
    if (SSL_get_error(conn->tls, sent) == SSL_ERROR_WANT_WRITE) {
        errno = EAGAIN;
    } else {
        sy_conn_tls_end(conn, /* notify= */ false);
        errno = ECONNRESET;
    }
    return -1;
}

/* As much of the slices as a record takes, from `*at` bytes into the first of them. */
static size_t gather(char *record, const struct iovec *iov, size_t count, size_t skip)
{
    size_t len = 0;

    for (size_t i = 0; i < count && len < RECORD_BYTES; i++) {
        size_t from = skip < iov[i].iov_len ? skip : iov[i].iov_len;
        size_t n = iov[i].iov_len - from;

        skip -= from;
        if (n > RECORD_BYTES - len)
            n = RECORD_BYTES - len;
        if (n)
            memcpy(record + len, (const char *)iov[i].iov_base + from, n);
        len += n;
    }
    return len;
}

/* A record that the socket does not take stays with OpenSSL, which wants the same bytes again: the
 * caller keeps what was not sent, in order, so that the next write begins with them. */
ssize_t sy_conn_tls_send(struct sy_conn *conn, const struct iovec *iov, size_t count)
{
    char *record = conn->server->tls->record;
    size_t done = 0;
    size_t len;

    while ((len = gather(record, iov, count, done)) > 0) {
        ssize_t sent = write_some(conn, record, len);

        if (sent < 0)
            return done > 0 && errno == EAGAIN ? (ssize_t)done : -1;
        done += (size_t)sent;
    }
    return (ssize_t)done;
}

bool sy_conn_tls_pending(const struct sy_conn *conn)
{
    return SSL_pending(conn->tls) > 0;
}

uint64_t sy_conn_tls_written(const struct sy_conn *conn)
{
    return BIO_number_written(SSL_get_wbio(conn->tls));
}
