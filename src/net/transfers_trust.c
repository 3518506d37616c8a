/*
 * One certificate store for the process, read from disk off the hot path and installed in each new
 * TLS connection by reference: 1 ms a connection instead of the 20 ms libcurl takes to load one.
 *
 * `current` and its lock are the module's only mutable globals: the store serves all loops, and
 * libcurl's own start-up is per process as well.
 */
#include <openssl/ssl.h>
#include <openssl/x509_vfy.h>
#include <pthread.h>
#include <stdlib.h>

#include "net/transfers_int.h"

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static X509_STORE *current;

static bool load_default(X509_STORE *store)
{
    const char *named = secure_getenv(X509_get_default_cert_file_env());

    if (named)
        return X509_STORE_load_file(store, named) == 1;
    return X509_STORE_load_file(store, "/etc/ssl/certs/ca-certificates.crt") == 1 ||
           X509_STORE_load_file(store, X509_get_default_cert_file()) == 1;
}

int sy_net_trust_load(const char *file, struct sy_err *err)
{
    X509_STORE *store = X509_STORE_new();
    X509_STORE *old;
    bool loaded;

    if (!store)
        return sy_err_set(err, SY_NOMEM, "no memory for the certificate store");
    loaded = file ? X509_STORE_load_file(store, file) == 1 : load_default(store);
    if (!loaded && file) {
        X509_STORE_free(store);
        return sy_err_set(err, SY_NOT_FOUND, "%s holds no certificates that can be read", file);
    }
    pthread_mutex_lock(&lock);
    old = current;
    current = store;
    pthread_mutex_unlock(&lock);
    X509_STORE_free(old);
    return loaded ? SY_OK
                  : sy_err_set(err, SY_NOT_FOUND,
                               "no certificate authorities found: TLS connections will fail");
}

void sy_net_trust_forget(void)
{
    pthread_mutex_lock(&lock);
    X509_STORE_free(current);
    current = NULL;
    pthread_mutex_unlock(&lock);
}

void *sy_net_trust_acquire(void)
{
    X509_STORE *store;

    pthread_mutex_lock(&lock);
    store = current;
    if (store)
        X509_STORE_up_ref(store);
    pthread_mutex_unlock(&lock);
    return store;
}

void sy_net_trust_release(void *trust)
{
    X509_STORE_free(trust);
}

bool sy_net_speaks_http2(CURL *easy)
{
    struct curl_tlssessioninfo *session = NULL;
    const unsigned char *protocol = NULL;
    unsigned len = 0;

    if (curl_easy_getinfo(easy, CURLINFO_TLS_SSL_PTR, &session) != CURLE_OK || !session ||
        !session->internals)
        return false;
    SSL_get0_alpn_selected(session->internals, &protocol, &len);
    return len == 2 && protocol[0] == 'h' && protocol[1] == '2';
}

CURLcode sy_net_trust_install(CURL *easy, void *ssl_ctx, void *transfers)
{
    struct sy_curl_transfers *owner = transfers;

    (void)easy;
    if (owner->trust)
        SSL_CTX_set1_cert_store(ssl_ctx, owner->trust);
    return CURLE_OK;
}
