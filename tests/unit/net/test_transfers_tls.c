/* Outbound TLS: whom we trust, what a failed handshake is called, and that nothing was sent then. */
#include "outbound.h"

#include <openssl/ec.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/ssl.h>
#include <openssl/x509.h>
#include <openssl/x509v3.h>
#include <sys/stat.h>

enum talk { TALK_TLS, TALK_OLD_TLS, TALK_PLAIN, TALK_RESET, TALK_CUT_BODY };

/* Serves one connection after another, in a thread of its own. */
struct tls_server {
    SSL_CTX *context;
    int listener;
    uint16_t port;
    pthread_t thread;
    atomic_int talk;
    atomic_uint requests;
    atomic_uint handshakes;
};

static struct tls_server tls;
static char authority_file[64];

struct certificate {
    X509 *x509;
    EVP_PKEY *key;
};

static void add_extension(X509 *x509, int nid, const char *value)
{
    X509_EXTENSION *extension = X509V3_EXT_conf_nid(NULL, NULL, nid, value);

    assert_non_null(extension);
    X509_add_ext(x509, extension, -1);
    X509_EXTENSION_free(extension);
}

/* Signed by itself, for 127.0.0.1 and good.test, valid from `from` to `to` seconds from now. */
static struct certificate make_certificate(long from, long to)
{
    struct certificate made = {.x509 = X509_new(), .key = EVP_EC_gen("P-256")};
    X509_NAME *name = X509_get_subject_name(made.x509);

    X509_set_version(made.x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(made.x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(made.x509), from);
    X509_gmtime_adj(X509_getm_notAfter(made.x509), to);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"test", -1, -1, 0);
    X509_set_issuer_name(made.x509, name);
    X509_set_pubkey(made.x509, made.key);
    add_extension(made.x509, NID_basic_constraints, "critical,CA:TRUE");
    add_extension(made.x509, NID_subject_alt_name, "IP:127.0.0.1,DNS:good.test");
    assert_true(X509_sign(made.x509, made.key, EVP_sha256()) > 0);
    return made;
}

static void use_certificate(struct certificate made)
{
    FILE *file = fopen(authority_file, "w");

    assert_non_null(file);
    PEM_write_X509(file, made.x509);
    fclose(file);
    SSL_CTX_use_certificate(tls.context, made.x509);
    SSL_CTX_use_PrivateKey(tls.context, made.key);
    X509_free(made.x509);
    EVP_PKEY_free(made.key);
}

static void answer_requests(SSL *ssl)
{
    static const char reply[] = HEAD_OK JSON_LENGTH JSON_BODY;
    static const char cut[] = HEAD_OK "Content-Length: 100\r\n\r\nhalf";
    char bytes[16384];

    while (SSL_read(ssl, bytes, sizeof(bytes)) > 0) {
        atomic_fetch_add(&tls.requests, 1);
        if (atomic_load(&tls.talk) == TALK_CUT_BODY) {
            SSL_write(ssl, cut, sizeof(cut) - 1);
            return;
        }
        SSL_write(ssl, reply, sizeof(reply) - 1);
    }
}

static void serve_one(int fd)
{
    static const char plain[] = "HTTP/1.1 400 No TLS\r\n\r\n";
    struct linger linger = {.l_onoff = 1};
    int talk = atomic_load(&tls.talk);
    SSL *ssl;

    if (talk == TALK_PLAIN) {
        (void)send(fd, plain, sizeof(plain) - 1, MSG_NOSIGNAL);
        shutdown(fd, SHUT_WR);
        while (recv(fd, (char[512]){0}, 512, 0) > 0)
            ;
    } else if (talk == TALK_RESET) {
        setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof(linger));
    } else {
        ssl = SSL_new(tls.context);
        if (talk == TALK_OLD_TLS) {
            SSL_set_min_proto_version(ssl, TLS1_1_VERSION);
            SSL_set_max_proto_version(ssl, TLS1_1_VERSION);
        }
        SSL_set_fd(ssl, fd);
        if (SSL_accept(ssl) == 1) {
            atomic_fetch_add(&tls.handshakes, 1);
            answer_requests(ssl);
        }
        SSL_free(ssl);
    }
    close(fd);
}

static void *serve(void *arg)
{
    int fd;

    (void)arg;
    while ((fd = accept(tls.listener, NULL, NULL)) >= 0)
        serve_one(fd);
    return NULL;
}

static int set_up_group(void **state)
{
    struct sockaddr_in bound = {.sin_family = AF_INET};
    socklen_t len = sizeof(bound);
    int fd;

    (void)state;
    signal(SIGPIPE, SIG_IGN);
    snprintf(authority_file, sizeof(authority_file), "%s/authority-XXXXXX",
             getenv("TMPDIR") ? getenv("TMPDIR") : P_tmpdir);
    fd = mkstemp(authority_file);
    if (fd < 0)
        return -1;
    close(fd);
    tls.context = SSL_CTX_new(TLS_server_method());
    inet_pton(AF_INET, "127.0.0.1", &bound.sin_addr);
    tls.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (bind(tls.listener, (struct sockaddr *)&bound, sizeof(bound)) < 0 ||
        listen(tls.listener, 16) < 0 ||
        getsockname(tls.listener, (struct sockaddr *)&bound, &len) < 0)
        return -1;
    tls.port = ntohs(bound.sin_port);
    return sy_transfers_global_init(NULL) == SY_OK ? pthread_create(&tls.thread, NULL, serve, NULL)
                                                   : -1;
}

static int tear_down_group(void **state)
{
    (void)state;
    shutdown(tls.listener, SHUT_RDWR);
    pthread_join(tls.thread, NULL);
    close(tls.listener);
    SSL_CTX_free(tls.context);
    unlink(authority_file);
    sy_transfers_global_cleanup();
    return 0;
}

/* A call over TLS to `host`; a write, so that HTTP/1.1 is asked for. */
static void call_tls(struct call *call, const char *host, enum talk talk)
{
    static struct fault_server nobody = {.port = 1};

    atomic_store(&tls.talk, talk);
    server = &nobody;
    call_init_write(call, "x");
    snprintf(call->url, sizeof(call->url), "https://%s:%u/x", host, tls.port);
    call->request.url = sy_str_of(call->url);
}

static void trust_the_server(long from, long to)
{
    use_certificate(make_certificate(from, to));
    assert_int_equal(sy_transfers_load_trust(authority_file, NULL), SY_OK);
    make_transfers(4, 0);
}

static void a_trusted_server_is_spoken_to_and_kept(void **state)
{
    unsigned handshakes = atomic_load(&tls.handshakes);

    (void)state;
    trust_the_server(-60, 3600);
    for (int i = 0; i < 5; i++) {
        struct call call;

        call_tls(&call, "127.0.0.1", TALK_TLS);
        call_run(&call);
        assert_int_equal(call.failure, SY_NET_OK);
        assert_string_equal(call.body, JSON_BODY);
    }
    assert_int_equal(atomic_load(&tls.handshakes), handshakes + 1);
}

static void reads_go_over_tls_too(void **state)
{
    struct call call;

    (void)state;
    trust_the_server(-60, 3600);
    call_tls(&call, "127.0.0.1", TALK_TLS);
    call.request.verb = SY_VERB_GET;
    call.request.effect = SY_REQUEST_NONE;
    call.request.body_count = 0;
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
}

static void expect_unsent(struct call *call, enum sy_cause cause)
{
    unsigned requests = atomic_load(&tls.requests);

    call_run(call);
    assert_int_equal(call->failure, SY_NET_UNREACHABLE);
    assert_int_equal(call->cause, cause);
    assert_false(call->started);
    assert_int_equal(atomic_load(&tls.requests), requests);
}

static void a_stranger_is_not_trusted(void **state)
{
    struct call call;

    (void)state;
    trust_the_server(-60, 3600);
    use_certificate(make_certificate(-60, 3600)); /* another key than the one we know */
    call_tls(&call, "127.0.0.1", TALK_TLS);
    expect_unsent(&call, SY_CAUSE_TLS_UNTRUSTED);
}

static void an_expired_certificate_is_not_trusted(void **state)
{
    struct call call;

    (void)state;
    trust_the_server(-7200, -3600);
    call_tls(&call, "127.0.0.1", TALK_TLS);
    expect_unsent(&call, SY_CAUSE_TLS_UNTRUSTED);
}

static void another_name_is_not_trusted(void **state)
{
    struct call call;

    (void)state;
    use_fake_names();
    trust_the_server(-60, 3600);
    call_tls(&call, "bad.test", TALK_TLS);
    expect_unsent(&call, SY_CAUSE_TLS_UNTRUSTED);
    call_tls(&call, "good.test", TALK_TLS);
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
}

static void broken_handshakes_are_no_start(void **state)
{
    static const enum talk talks[] = {TALK_OLD_TLS, TALK_PLAIN};
    struct call reset;
    unsigned requests;

    (void)state;
    trust_the_server(-60, 3600);
    for (size_t i = 0; i < SY_ARRAY_LEN(talks); i++) {
        struct call call;

        call_tls(&call, "127.0.0.1", talks[i]);
        expect_unsent(&call, SY_CAUSE_TLS_FAILED);
    }
    /* A reset may overtake the handshake's first byte: then nobody is listening. */
    requests = atomic_load(&tls.requests);
    call_tls(&reset, "127.0.0.1", TALK_RESET);
    call_run(&reset);
    assert_int_equal(reset.failure, SY_NET_UNREACHABLE);
    assert_true(reset.cause == SY_CAUSE_TLS_FAILED || reset.cause == SY_CAUSE_CONNECT_REFUSED);
    assert_false(reset.started);
    assert_int_equal(atomic_load(&tls.requests), requests);
}

static void a_cut_body_is_seen_under_tls(void **state)
{
    struct call call;

    (void)state;
    trust_the_server(-60, 3600);
    call_tls(&call, "127.0.0.1", TALK_CUT_BODY);
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_PROTOCOL);
    assert_int_equal(call.cause, SY_CAUSE_TRUNCATED);
    assert_true(call.started);
}

static void a_flush_brings_new_authorities(void **state)
{
    struct call call;

    (void)state;
    trust_the_server(-60, 3600);
    use_certificate(make_certificate(-60, 3600));
    assert_int_equal(sy_transfers_load_trust(authority_file, NULL), SY_OK);
    call_tls(&call, "127.0.0.1", TALK_TLS);
    expect_unsent(&call, SY_CAUSE_TLS_UNTRUSTED);
    sy_transfers_flush(transfers);
    call_tls(&call, "127.0.0.1", TALK_TLS);
    call_run(&call);
    assert_int_equal(call.failure, SY_NET_OK);
}

static void a_file_without_certificates_is_refused(void **state)
{
    struct sy_err err = SY_ERR_INIT;

    (void)state;
    assert_int_equal(sy_transfers_load_trust("/nonexistent", &err), SY_NOT_FOUND);
    assert_true(err.text[0] != '\0');
}

int main(int argc, char **argv)
{
#define T(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        T(a_trusted_server_is_spoken_to_and_kept),
        T(reads_go_over_tls_too),
        T(a_stranger_is_not_trusted),
        T(an_expired_certificate_is_not_trusted),
        T(another_name_is_not_trusted),
        T(broken_handshakes_are_no_start),
        T(a_cut_body_is_seen_under_tls),
        T(a_flush_brings_new_authorities),
        T(a_file_without_certificates_is_refused),
    };

    if (argc > 1)
        cmocka_set_test_filter(argv[1]);
    return cmocka_run_group_tests(tests, set_up_group, tear_down_group);
}
