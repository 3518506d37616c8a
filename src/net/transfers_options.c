/*
 * Everything libcurl is told once, and the hooks by which it asks. docs/decisions/0003 says more.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "net/transfers_int.h"

/* How often one transfer may be sent if its request does not say. A read may be resent once by
 * libcurl; over HTTP/2 a server that closes its connection (GOAWAY) hands back many streams at
 * once, and those that move to the next connection can meet the same end. */
#define STARTS_WRITE 1
#define STARTS_READ 2
#define STARTS_HTTP2 4

enum kind { NUMBER, TEXT };

struct option {
    CURLoption option;
    enum kind kind;
    long number;
    const char *text;
};

/* Never changed afterwards. The reason stands behind each; C… are the traps it closes. */
static const struct option constants[] = {
    {CURLOPT_NOSIGNAL, NUMBER, 1, NULL},            /* several loops in one process */
    {CURLOPT_NOPROGRESS, NUMBER, 1, NULL},          /* no meter */
    {CURLOPT_QUICK_EXIT, NUMBER, 1, NULL},          /* C12: never wait for a resolver thread */
    {CURLOPT_PROXY, TEXT, 0, ""},                   /* C13: no proxy from the environment */
    {CURLOPT_NOPROXY, TEXT, 0, ""},                 /* and no look there for exceptions */
    {CURLOPT_PROTOCOLS_STR, TEXT, 0, "http,https"}, /* C9 */
    {CURLOPT_REDIR_PROTOCOLS_STR, TEXT, 0, "http,https"}, /* C9, should it ever follow */
    {CURLOPT_FOLLOWLOCATION, NUMBER, 0, NULL},            /* C3, C4: a 3xx is the engine's */
    {CURLOPT_MAXREDIRS, NUMBER, 0, NULL},                 /* the same again */
    {CURLOPT_UNRESTRICTED_AUTH, NUMBER, 0, NULL},         /* C3 */
    {CURLOPT_NETRC, NUMBER, CURL_NETRC_IGNORED, NULL},    /* C13: no passwords from files */
    {CURLOPT_DISALLOW_USERNAME_IN_URL, NUMBER, 1, NULL},  /* C10: user@ */
    {CURLOPT_HTTP09_ALLOWED, NUMBER, 0, NULL},            /* C8: no reply without a head */
    {CURLOPT_HTTP_CONTENT_DECODING, NUMBER, 0, NULL},     /* C5, C6: inflate.c does it */
    {CURLOPT_SSL_VERIFYPEER, NUMBER, 1, NULL},            /* C15 */
    {CURLOPT_SSL_VERIFYHOST, NUMBER, 2, NULL},            /* C15 */
    {CURLOPT_SSLVERSION, NUMBER, CURL_SSLVERSION_TLSv1_2, NULL},
    {CURLOPT_CAINFO, TEXT, 0, NULL}, /* one store, loaded once: transfers_trust.c */
    {CURLOPT_CAPATH, TEXT, 0, NULL},
    {CURLOPT_TCP_NODELAY, NUMBER, 1, NULL},
    {CURLOPT_TCP_KEEPALIVE, NUMBER, 1, NULL},
    {CURLOPT_DNS_CACHE_TIMEOUT, NUMBER, 60, NULL}, /* how long a pin of transfers_host.c holds */
    {CURLOPT_PIPEWAIT, NUMBER, 1, NULL},           /* HTTP/2: share a connection, do not race */
    {CURLOPT_UPLOAD_BUFFERSIZE, NUMBER, SY_NET_SEND_BUFFER, NULL},
};

/* ---- the hooks ---- */

static curl_socket_t open_socket(void *ctx, curlsocktype purpose, struct curl_sockaddr *address)
{
    struct sy_transfer *transfer = ctx;
    struct sy_net_socket *dialling;
    int fd;

    if (purpose != CURLSOCKTYPE_IPCXN ||
        (!transfer->what.trusted_address &&
         !sy_egress_may_dial(transfer->owner->options.egress, &address->addr))) {
        transfer->egress_refused = true;
        return CURL_SOCKET_BAD;
    }
    fd = socket(address->family, address->socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                address->protocol);
    if (fd < 0) {
        if (errno == EMFILE || errno == ENFILE || errno == ENOBUFS || errno == ENOMEM)
            sy_transfer_fault(transfer, SY_NET_OVERLOADED, SY_CAUSE_DESCRIPTORS);
        return CURL_SOCKET_BAD;
    }
    transfer->dialled = true;
    dialling = sy_net_socket_add(transfer->pool, fd);
    if (!dialling) {
        close(fd);
        return CURL_SOCKET_BAD;
    }
    dialling->dialler = transfer;
    transfer->opened[1] = transfer->opened[0];
    transfer->opened[0] = fd;
    return fd;
}

static bool may_use(const struct sy_transfer *transfer, const char *ip)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};
    const struct sy_egress *egress = transfer->owner->options.egress;

    if (transfer->what.trusted_address)
        return true;
    if (inet_pton(AF_INET, ip, &v4.sin_addr) == 1)
        return sy_egress_may_dial(egress, (const struct sockaddr *)&v4);
    if (inet_pton(AF_INET6, ip, &v6.sin6_addr) == 1)
        return sy_egress_may_dial(egress, (const struct sockaddr *)&v6);
    return false;
}

static unsigned starts_max(const struct sy_transfer *transfer)
{
    if (transfer->what.request->effect == SY_REQUEST_WRITE)
        return STARTS_WRITE;
    if (transfer->what.sends_max)
        return transfer->what.sends_max;
    return transfer->pool->http2 ? STARTS_HTTP2 : STARTS_READ;
}

/* Called when a connection is there and before anything is sent on it, also when libcurl sends a
 * second time because a connection it had kept was dead: C1. */
static int before_sending(void *ctx, char *remote_ip, char *local_ip, int remote_port,
                          int local_port)
{
    struct sy_transfer *transfer = ctx;

    (void)local_ip;
    (void)remote_port;
    (void)local_port;
    if (transfer->starts >= starts_max(transfer)) {
        transfer->resend_refused = true;
        return CURL_PREREQFUNC_ABORT;
    }
    transfer->starts++;
    if (!may_use(transfer, remote_ip)) {
        sy_transfer_fault(transfer, SY_NET_REFUSED_HERE, SY_CAUSE_EGRESS_REFUSED);
        return CURL_PREREQFUNC_ABORT;
    }
    if (transfer->dialled && transfer->pool->http2)
        sy_net_host_linked(transfer, sy_net_speaks_http2(transfer->easy));
    transfer->started = true;
    (void)sy_timer_set(transfer->owner->loop, &transfer->timer, transfer->what.deadline_ms);
    return CURL_PREREQFUNC_OK;
}

/* libcurl looks names up only if a pin is missing: for literals, which need no resolver. */
static int before_resolving(void *resolver_state, void *reserved, void *ctx)
{
    const struct sy_transfer *transfer = ctx;

    (void)resolver_state;
    (void)reserved;
    return transfer->url.literal ? 0 : 1;
}

static CURLcode set_hooks(struct sy_transfer *transfer)
{
    CURL *easy = transfer->easy;
    CURLcode code = CURLE_OK;

#define SET(option, value)                                                                         \
    if (code == CURLE_OK)                                                                          \
    code = curl_easy_setopt(easy, option, value)
    SET(CURLOPT_PRIVATE, transfer);
    SET(CURLOPT_HEADER, transfer->owner->heads_first ? 1L : 0L);
    SET(CURLOPT_OPENSOCKETFUNCTION, open_socket);
    SET(CURLOPT_OPENSOCKETDATA, transfer);
    SET(CURLOPT_CLOSESOCKETFUNCTION, sy_net_socket_close);
    SET(CURLOPT_CLOSESOCKETDATA, transfer->owner);
    SET(CURLOPT_PREREQFUNCTION, before_sending);
    SET(CURLOPT_PREREQDATA, transfer);
    SET(CURLOPT_RESOLVER_START_FUNCTION, before_resolving);
    SET(CURLOPT_RESOLVER_START_DATA, transfer);
    SET(CURLOPT_SSL_CTX_FUNCTION, sy_net_trust_install);
    SET(CURLOPT_SSL_CTX_DATA, transfer->owner);
    SET(CURLOPT_HEADERFUNCTION, sy_net_on_header);
    SET(CURLOPT_HEADERDATA, transfer);
    SET(CURLOPT_WRITEFUNCTION, sy_net_on_body);
    SET(CURLOPT_WRITEDATA, transfer);
#undef SET
    return code;
}

int sy_transfer_set_constants(struct sy_transfer *transfer)
{
    for (size_t i = 0; i < SY_ARRAY_LEN(constants); i++) {
        const struct option *at = &constants[i];
        CURLcode code = at->kind == NUMBER
                            ? curl_easy_setopt(transfer->easy, at->option, at->number)
                            : curl_easy_setopt(transfer->easy, at->option, at->text);

        if (code != CURLE_OK)
            return SY_ERR;
    }
    return set_hooks(transfer) == CURLE_OK ? SY_OK : SY_ERR;
}
