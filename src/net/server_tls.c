/* Certificates and keys: reading a pair, its settings, and putting it in the place of another. */
#include "net/server_tls.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

#include "base/clock.h"
#include "net/server_conn.h"

#define PATH_LEN_MAX 4096u
#define READ_AGAIN_MS ((int64_t)60 * 1000) /* a pair that is due and could not be read */
#define TICKET_LIFE_S (3600L)

/* Only ECDHE with an AEAD for 1.2; 1.3 has nothing else. */
#define CIPHERS_12 "ECDHE+AESGCM:ECDHE+CHACHA20:!aNULL:!eNULL"

/* What tells a file from its successor without reading it. */
struct file_mark {
    dev_t device;
    ino_t inode;
    off_t size;
    struct timespec changed;
};

struct sy_tls_pair {
    SSL_CTX *ctx;
    char certificate[PATH_LEN_MAX];
    char key[PATH_LEN_MAX];
    struct file_mark marks[2];
    int64_t read_ms;
    int64_t expires_s;
    char warning[256];
};

struct sy_tls {
    pthread_mutex_t lock; /* of `pair` where loops read it; taken once per connection */
    struct sy_tls_pair *pair;
    struct file_mark seen[2]; /* as the files were when last read or looked at */
    int64_t due_ms;           /* when the pair is read again whatever its files are */
};

/* ---- what can be wrong ---- */

static const char *reason(void)
{
    unsigned long code = ERR_peek_last_error();
    const char *text = code ? ERR_reason_error_string(code) : NULL;

    return text ? text : "unreadable";
}

static int pair_fault(struct sy_err *err, const char *path, const char *what)
{
    int status = sy_err_set(err, SY_INVALID, "tls: %s: %s", path, what);

    ERR_clear_error();
    return status;
}

static bool mark_file(const char *path, struct file_mark *ret)
{
    struct stat st;

    memset(ret, 0, sizeof(*ret));
    if (stat(path, &st) != 0)
        return false;
    ret->device = st.st_dev;
    ret->inode = st.st_ino;
    ret->size = st.st_size;
    ret->changed = st.st_mtim;
    return true;
}

/* A pipe would be waited for by the thread that hears signals. */
static int look_at(const char *path, struct file_mark *ret, struct sy_err *err)
{
    struct stat st;

    if (!mark_file(path, ret) || stat(path, &st) != 0)
        return pair_fault(err, path, strerror(errno));
    return S_ISREG(st.st_mode) ? SY_OK : pair_fault(err, path, "is not a regular file");
}

static bool is_same(const struct file_mark *a, const struct file_mark *b)
{
    return a->device == b->device && a->inode == b->inode && a->size == b->size &&
           a->changed.tv_sec == b->changed.tv_sec && a->changed.tv_nsec == b->changed.tv_nsec;
}

/* A server has nobody to ask for a passphrase. */
static int no_passphrase(char *into, int size, int writing, void *ctx)
{
    (void)into;
    (void)size;
    (void)writing;
    (void)ctx;
    return -1;
}

/* ---- a context ---- */

/* Offers without http/1.1 are refused, as RFC 7301 wants; no offer is fine. */
static int choose_protocol(SSL *ssl, const unsigned char **ret, unsigned char *ret_len,
                           const unsigned char *offers, unsigned len, void *ctx)
{
    static const char wanted[] = "http/1.1";

    (void)ssl;
    (void)ctx;
    for (unsigned at = 0; at < len && at + 1 + offers[at] <= len; at += 1u + offers[at]) {
        if (offers[at] != sizeof(wanted) - 1 ||
            memcmp(offers + at + 1, wanted, sizeof(wanted) - 1) != 0)
            continue;
        *ret = offers + at + 1;
        *ret_len = offers[at];
        return SSL_TLSEXT_ERR_OK;
    }
    return SSL_TLSEXT_ERR_ALERT_FATAL;
}

static SSL_CTX *new_context(void)
{
    static const unsigned char id[] = "switchyard";
    SSL_CTX *ctx = SSL_CTX_new(TLS_server_method());

    if (!ctx)
        return NULL;
    if (!SSL_CTX_set_min_proto_version(ctx, TLS1_2_VERSION) ||
        !SSL_CTX_set_cipher_list(ctx, CIPHERS_12) ||
        !SSL_CTX_set_session_id_context(ctx, id, sizeof(id) - 1)) {
        SSL_CTX_free(ctx);
        return NULL;
    }
    SSL_CTX_set_options(ctx, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
                                 SSL_OP_CIPHER_SERVER_PREFERENCE | SSL_OP_PRIORITIZE_CHACHA);
    SSL_CTX_set_mode(ctx, SSL_MODE_RELEASE_BUFFERS | SSL_MODE_ENABLE_PARTIAL_WRITE |
                              SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
    /* Tickets only: nothing of a client that left stays in memory. */
    SSL_CTX_set_session_cache_mode(ctx, SSL_SESS_CACHE_OFF);
    SSL_CTX_set_num_tickets(ctx, 1);
    SSL_CTX_set_timeout(ctx, TICKET_LIFE_S);
    SSL_CTX_set_alpn_select_cb(ctx, choose_protocol, NULL);
    SSL_CTX_set_default_passwd_cb(ctx, no_passphrase);
    return ctx;
}

static int64_t expiry(const SSL_CTX *ctx)
{
    const X509 *certificate = SSL_CTX_get0_certificate(ctx);
    struct tm when = {0};

    if (!certificate || !ASN1_TIME_to_tm(X509_get0_notAfter(certificate), &when))
        return 0;
    return (int64_t)timegm(&when);
}

static void find_warnings(struct sy_tls_pair *pair)
{
    struct stat st;

    if (pair->expires_s * 1000 <= sy_clock_unix_ms())
        snprintf(pair->warning, sizeof(pair->warning), "tls: the certificate has expired");
    else if (stat(pair->key, &st) == 0 && st.st_mode & (S_IRWXO | S_IWGRP))
        snprintf(pair->warning, sizeof(pair->warning),
                 "tls: the key file has mode %04o: others than its owner and group can use it",
                 (unsigned)st.st_mode & 07777u);
}

static int load(struct sy_tls_pair *pair, struct sy_err *err)
{
    ERR_clear_error();
    pair->ctx = new_context();
    if (!pair->ctx)
        return pair_fault(err, pair->certificate, "no memory for a TLS context");
    if (look_at(pair->certificate, &pair->marks[0], err) != SY_OK ||
        look_at(pair->key, &pair->marks[1], err) != SY_OK)
        return SY_INVALID;
    if (SSL_CTX_use_certificate_chain_file(pair->ctx, pair->certificate) != 1)
        return pair_fault(err, pair->certificate, reason());
    ERR_clear_error();
    /* Also compares it with the certificate, if that has a key of its kind. */
    if (SSL_CTX_use_PrivateKey_file(pair->ctx, pair->key, SSL_FILETYPE_PEM) != 1 &&
        ERR_GET_LIB(ERR_peek_last_error()) != ERR_LIB_X509)
        return pair_fault(err, pair->key, reason());
    if (SSL_CTX_check_private_key(pair->ctx) != 1)
        return pair_fault(err, pair->key, "is not the key of the certificate");
    pair->expires_s = expiry(pair->ctx);
    find_warnings(pair);
    return SY_OK;
}

int sy_tls_pair_read(struct sy_str certificate, struct sy_str key, struct sy_tls_pair **ret,
                     struct sy_err *err)
{
    struct sy_tls_pair *pair;
    int status;

    if (certificate.len >= PATH_LEN_MAX || key.len >= PATH_LEN_MAX)
        return sy_err_set(err, SY_INVALID, "tls: a path is too long");
    pair = calloc(1, sizeof(*pair));
    if (!pair)
        return sy_err_set(err, SY_NOMEM, "no memory for a certificate");
    memcpy(pair->certificate, certificate.ptr, certificate.len);
    memcpy(pair->key, key.ptr, key.len);
    pair->read_ms = sy_clock_ms();
    status = load(pair, err);
    if (status != SY_OK)
        sy_tls_pair_free(pair);
    else
        *ret = pair;
    return status;
}

void sy_tls_pair_free(struct sy_tls_pair *pair)
{
    if (!pair)
        return;
    SSL_CTX_free(pair->ctx);
    free(pair);
}

const char *sy_tls_pair_warning(const struct sy_tls_pair *pair)
{
    return pair->warning;
}

/* ---- the pair in force ---- */

int sy_tls_create(struct sy_tls_pair *pair, struct sy_tls **ret, struct sy_err *err)
{
    struct sy_tls *tls = calloc(1, sizeof(*tls));

    if (!tls) {
        sy_tls_pair_free(pair);
        return sy_err_set(err, SY_NOMEM, "no memory for TLS");
    }
    pthread_mutex_init(&tls->lock, NULL);
    sy_tls_put(tls, pair);
    *ret = tls;
    return SY_OK;
}

void sy_tls_put(struct sy_tls *tls, struct sy_tls_pair *pair)
{
    struct sy_tls_pair *old;

    pthread_mutex_lock(&tls->lock);
    old = tls->pair;
    tls->pair = pair;
    tls->due_ms = pair->read_ms + SY_TLS_CONTEXT_MS;
    memcpy(tls->seen, pair->marks, sizeof(tls->seen));
    pthread_mutex_unlock(&tls->lock);
    sy_tls_pair_free(old);
}

void sy_tls_free(struct sy_tls *tls)
{
    if (!tls)
        return;
    sy_tls_pair_free(tls->pair);
    pthread_mutex_destroy(&tls->lock);
    free(tls);
}

bool sy_tls_is_stale(struct sy_tls *tls, int64_t now_ms)
{
    struct file_mark marks[2];
    bool stale = now_ms >= tls->due_ms;

    if (stale)
        tls->due_ms = now_ms + READ_AGAIN_MS;
    /* A file that is gone for a moment is one that is being replaced. */
    if (mark_file(tls->pair->certificate, &marks[0]) && mark_file(tls->pair->key, &marks[1]) &&
        !(is_same(&marks[0], &tls->seen[0]) && is_same(&marks[1], &tls->seen[1]))) {
        memcpy(tls->seen, marks, sizeof(tls->seen));
        stale = true;
    }
    return stale;
}

int64_t sy_tls_expires_s(struct sy_tls *tls)
{
    int64_t expires_s;

    pthread_mutex_lock(&tls->lock);
    expires_s = tls->pair->expires_s;
    pthread_mutex_unlock(&tls->lock);
    return expires_s;
}

struct ssl_st *sy_tls_session(struct sy_tls *tls)
{
    SSL *ssl;

    pthread_mutex_lock(&tls->lock);
    ssl = SSL_new(tls->pair->ctx);
    pthread_mutex_unlock(&tls->lock);
    return ssl;
}
