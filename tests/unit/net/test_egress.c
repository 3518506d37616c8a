#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <cmocka.h>
#include <curl/curl.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/arena.h"
#include "base/json.h"
#include "net/egress.h"

static struct sy_egress nothing;

static bool address_of(const char *text, struct sockaddr_storage *ret)
{
    struct sockaddr_in v4 = {.sin_family = AF_INET};
    struct sockaddr_in6 v6 = {.sin6_family = AF_INET6};

    memset(ret, 0, sizeof(*ret));
    if (inet_pton(AF_INET, text, &v4.sin_addr) == 1)
        memcpy(ret, &v4, sizeof(v4));
    else if (inet_pton(AF_INET6, text, &v6.sin6_addr) == 1)
        memcpy(ret, &v6, sizeof(v6));
    else
        return false;
    return true;
}

static bool may_dial(const struct sy_egress *egress, const char *text)
{
    struct sockaddr_storage address;

    assert_true(address_of(text, &address));
    return sy_egress_may_dial(egress, (const struct sockaddr *)&address);
}

static void special_addresses_are_not_dialled(void **state)
{
    static const char *const refused[] = {
        "0.0.0.0",
        "0.1.2.3",
        "10.0.0.1",
        "10.255.255.255",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.255.254",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.1",
        "192.0.0.8",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.9",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::ffff:127.0.0.1",
        "::ffff:10.1.2.3",
        "::127.0.0.1",
        "::8.8.8.8",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::1",
        "64:ff9b:1::808:808",
        "100::1",
        "100:0:0:1::1",
        "2001::1",
        "2001:2::1",
        "2001:10::1",
        "2001:db8::1",
        "2001:0:7f00:1:0:0:f7f7:f7f7" /* Teredo, server 127.0.0.1 */,
        "2001:0:808:808:0:0:80ff:fffe" /* Teredo, client 127.0.0.1 */,
        "2002:7f00:1::1",
        "2002:a9fe:a9fe::",
        "2002:c0a8:101::1",
        "3fff::1",
        "4000::1",
        "5f00::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
        "::ffff:0:127.0.0.1",
        "1::1",
        "0:0:0:0:ffff:ffff:7f00:1",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(refused); i++) {
        if (may_dial(&nothing, refused[i]) || may_dial(NULL, refused[i]))
            fail_msg("%s would be dialled", refused[i]);
    }
}

static void public_addresses_are_dialled(void **state)
{
    static const char *const fine[] = {
        "1.1.1.1",
        "8.8.8.8",
        "9.255.255.255",
        "11.0.0.0",
        "100.63.255.255",
        "100.128.0.0",
        "126.255.255.255",
        "128.0.0.1",
        "169.253.255.255",
        "169.255.0.0",
        "172.15.255.255",
        "172.32.0.0",
        "192.0.0.9",
        "192.0.0.10",
        "192.0.1.0",
        "192.0.3.0",
        "192.31.196.1",
        "192.52.193.1",
        "192.88.98.255",
        "192.88.100.0",
        "192.167.255.255",
        "192.169.0.0",
        "192.175.48.1",
        "198.17.255.255",
        "198.20.0.0",
        "198.51.99.255",
        "203.0.112.255",
        "223.255.255.255",
        "2000::1",
        "2001:1::1",
        "2001:1::2",
        "2001:1::3",
        "2001:3::1",
        "2001:4:112::1",
        "2001:20::1",
        "2001:30::1",
        "2001:200::1",
        "2001:4860:4860::8888",
        "2606:4700::1111",
        "2620:4f:8000::1",
        "3ffe::1",
        "64:ff9b::808:808",
        "::ffff:8.8.8.8",
        "2002:808:808::1",
        "2001:0:808:808:0:0:f7f7:f7f7",
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(fine); i++) {
        if (!may_dial(&nothing, fine[i]))
            fail_msg("%s would not be dialled", fine[i]);
    }
}

static void other_families_are_not_dialled(void **state)
{
    struct sockaddr_storage address = {.ss_family = AF_UNIX};

    (void)state;
    assert_false(sy_egress_may_dial(&nothing, (const struct sockaddr *)&address));
    address.ss_family = AF_UNSPEC;
    assert_false(sy_egress_may_dial(&nothing, (const struct sockaddr *)&address));
}

static void the_operator_may_allow_networks(void **state)
{
    struct sy_egress egress = {0};

    (void)state;
    assert_int_equal(sy_egress_allow(&egress, SY_STR("10.0.0.0/8"), NULL), SY_OK);
    assert_int_equal(sy_egress_allow(&egress, SY_STR("fd00::/8"), NULL), SY_OK);
    assert_int_equal(sy_egress_allow(&egress, SY_STR("127.0.0.1"), NULL), SY_OK);
    assert_int_equal(sy_egress_allow(&egress, SY_STR("192.168.4.0/30"), NULL), SY_OK);
    assert_true(may_dial(&egress, "10.255.0.1"));
    assert_true(may_dial(&egress, "::ffff:10.0.0.1"));
    assert_true(may_dial(&egress, "fdff::1"));
    assert_true(may_dial(&egress, "127.0.0.1"));
    assert_true(may_dial(&egress, "192.168.4.3"));
    assert_false(may_dial(&egress, "127.0.0.2"));
    assert_false(may_dial(&egress, "11.0.0.1") && may_dial(&egress, "192.168.4.4"));
    assert_false(may_dial(&egress, "fc00::1"));
    assert_true(may_dial(&egress, "8.8.8.8"));
}

static void networks_that_make_no_sense_are_refused(void **state)
{
    static const char *const bad[] = {"",
                                      "/8",
                                      "10.0.0.0/",
                                      "10.0.0.0/33",
                                      "fd00::/129",
                                      "10.0.0/8",
                                      "10.0.0.0/-1",
                                      "10.0.0.0/8 ",
                                      "example.com",
                                      "10.0.0.0/0x8",
                                      "[::1]",
                                      "fe80::1%eth0",
                                      "1111:2222:3333:4444:5555:6666:7777:8888:9999:aaaa:bbbb/8"};
    struct sy_egress egress = {0};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++) {
        struct sy_err err = SY_ERR_INIT;

        assert_int_equal(sy_egress_allow(&egress, sy_str_of(bad[i]), &err), SY_INVALID);
        assert_true(err.text[0] != '\0');
    }
    assert_int_equal(egress.allow_count, 0);
    for (unsigned i = 0; i < SY_EGRESS_NETS_MAX; i++)
        assert_int_equal(sy_egress_allow(&egress, SY_STR("10.0.0.0/8"), NULL), SY_OK);
    assert_int_equal(sy_egress_allow(&egress, SY_STR("10.0.0.0/8"), NULL), SY_NOMEM);
}

/* ---- URLs ---- */

static void vendor_urls_are_read_into_their_parts(void **state)
{
    static const struct {
        const char *url;
        const char *host;
        uint16_t port;
        bool tls, literal;
    } table[] = {
        {"https://backend.composio.dev/api/v3.1/tools?a=..", "backend.composio.dev", 443, true,
         false},
        {"HTTP://127.0.0.1:8080", "127.0.0.1", 8080, false, true},
        {"https://[2606:4700::1111]:8443/x", "2606:4700::1111", 8443, true, true},
        {"http://a_b-c.example?x", "a_b-c.example", 80, false, false},
        {"http://h/...", "h", 80, false, false},
        {"http://h/.well-known/a.b/..c/d..", "h", 80, false, false},
        {"http://h:65535/%41%2525", "h", 65535, false, false},
    };

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(table); i++) {
        struct sy_egress_url parts;

        assert_int_equal(sy_egress_read_url(sy_str_of(table[i].url), &parts, NULL), SY_OK);
        assert_true(sy_str_eq(parts.host, sy_str_of(table[i].host)));
        assert_int_equal(parts.port, table[i].port);
        assert_int_equal(parts.tls, table[i].tls);
        assert_int_equal(parts.literal, table[i].literal);
    }
}

static void urls_that_readers_differ_about_are_refused(void **state)
{
    static const char *const bad[] = {
        "",
        "http",
        "http:",
        "http:/",
        "http://",
        "http:///x",
        "http://:80/",
        "//h/",
        "h/",
        "ftp://h/",
        "file:///etc/passwd",
        "gopher://h/",
        "httpx://h/",
        " http://h/",
        "http:h/",
        "http://user@h/",
        "http://user:pw@h/",
        "http://@h/",
        "http://h@/",
        "http://h:0/",
        "http://h:65536/",
        "http://h:/",
        "http://h:80a/",
        "http://h:-1/",
        "http://h: 80/",
        "http://h:000080/",
        "http://h\\@g/",
        "http://h/\\..",
        "http://h/#x",
        "http://h#@g/",
        "http://h/a b",
        "http://h/\t",
        "http://h/\x7f",
        "http://h/\xc3\xa9",
        "http://\xc3\xa9/",
        "http://h./",
        "http://.h/",
        "http://a..b/",
        "http://./",
        "http://%31/",
        "http://h%2eg/",
        "http://2130706433/",
        "http://0x7f000001/",
        "http://0x7f.1/",
        "http://017700000001/",
        "http://127.1/",
        "http://127.0.0.01/",
        "http://127.0.0.256/",
        "http://1.2.3.4.5/",
        "http://a.1/",
        "http://a.0x1/",
        "http://0/",
        "http://[::1/",
        "http://[::1]x/",
        "http://[::1%25lo]/",
        "http://[127.0.0.1]/",
        "http://[]/",
        "http://::1/",
        "http://[::g]/",
        "http://h/../x",
        "http://h/a/..",
        "http://h/a/../b",
        "http://h/.",
        "http://h/./a",
        "http://h/%2e%2e/a",
        "http://h/%2E./a",
        "http://h/a%2f..%2fb",
        "http://h/a%5c..%5Cb",
        "http://h/..?x",
        "http://h/a/.%2e",
        "http://h!/",
        "http://h,g/",
        "http://h;g/",
        "http://h{/",
        "http://\"/",
        "http://*/",
        "http://h\r\nX: y/",
    };
    char label[80];
    char url[400];

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(bad); i++) {
        struct sy_err err = SY_ERR_INIT;

        if (sy_egress_check_url(sy_str_of(bad[i]), &err) != SY_INVALID || err.text[0] == '\0')
            fail_msg("accepted: %s", bad[i]);
    }
    assert_int_equal(sy_egress_check_url((struct sy_str){0}, NULL), SY_INVALID);
    assert_int_equal(sy_egress_check_url(SY_STR("http://h/\0"), NULL), SY_INVALID);
    memset(label, 'a', sizeof(label));
    snprintf(url, sizeof(url), "http://%.64s/", label);
    assert_int_equal(sy_egress_check_url(sy_str_of(url), NULL), SY_INVALID);
    snprintf(url, sizeof(url), "http://%.63s.%.63s.%.63s.%.63s/", label, label, label, label);
    assert_int_equal(sy_egress_check_url(sy_str_of(url), NULL), SY_INVALID);
}

static void overlong_urls_are_refused(void **state)
{
    char *url = malloc(SY_EGRESS_URL_MAX + 1);

    (void)state;
    memset(url, 'a', SY_EGRESS_URL_MAX + 1);
    memcpy(url, "http://h/", 9);
    assert_int_equal(sy_egress_check_url(sy_str_from(url, SY_EGRESS_URL_MAX), NULL), SY_OK);
    assert_int_equal(sy_egress_check_url(sy_str_from(url, SY_EGRESS_URL_MAX + 1), NULL),
                     SY_INVALID);
    free(url);
}

/* ---- the corpora: what we accept libcurl must understand in the same way ---- */

struct tally {
    unsigned accepted, refused, dialled;
};

/* Equal as text, but for case; as addresses where both are IPv6. */
static bool same_host(struct sy_str ours, const char *theirs)
{
    struct in6_addr a, b;
    char text[128];
    size_t len = strlen(theirs);

    if (sy_str_eq_nocase(ours, sy_str_of(theirs)))
        return true;
    if (theirs[0] != '[' || ours.len >= sizeof(text) || len >= sizeof(text))
        return false;
    snprintf(text, sizeof(text), "%.*s", SY_FMT(ours));
    if (inet_pton(AF_INET6, text, &a) != 1)
        return false;
    snprintf(text, sizeof(text), "%.*s", (int)len - 2, theirs + 1);
    return inet_pton(AF_INET6, text, &b) == 1 && memcmp(&a, &b, sizeof(a)) == 0;
}

static void compare_with_libcurl(struct sy_str url, const struct sy_egress_url *parts)
{
    CURLU *reader = curl_url();
    char *text = strndup(url.ptr, url.len);
    char *host = NULL, *port = NULL, *scheme = NULL, *user = NULL;

    if (curl_url_set(reader, CURLUPART_URL, text, CURLU_PATH_AS_IS) != CURLUE_OK)
        fail_msg("libcurl refuses %s", text);
    assert_int_equal(curl_url_get(reader, CURLUPART_HOST, &host, 0), CURLUE_OK);
    assert_int_equal(curl_url_get(reader, CURLUPART_PORT, &port, CURLU_DEFAULT_PORT), CURLUE_OK);
    assert_int_equal(curl_url_get(reader, CURLUPART_SCHEME, &scheme, 0), CURLUE_OK);
    assert_int_not_equal(curl_url_get(reader, CURLUPART_USER, &user, 0), CURLUE_OK);
    if (!same_host(parts->host, host) || (unsigned long)parts->port != strtoul(port, NULL, 10) ||
        strcmp(scheme, parts->tls ? "https" : "http") != 0)
        fail_msg("%s: libcurl reads %s://%s:%s", text, scheme, host, port);
    curl_free(host);
    curl_free(port);
    curl_free(scheme);
    curl_url_cleanup(reader);
    free(text);
}

/* What would be dialled without asking a resolver: literals and the names of this host. */
static bool would_dial(const struct sy_egress_url *parts)
{
    char text[300];
    struct sockaddr_storage address;

    if (!parts->literal)
        return false;
    snprintf(text, sizeof(text), "%.*s", SY_FMT(parts->host));
    assert_true(address_of(text, &address));
    return sy_egress_may_dial(&nothing, (const struct sockaddr *)&address);
}

static void judge(struct sy_str url, struct tally *tally)
{
    struct sy_egress_url parts;

    if (sy_egress_read_url(url, &parts, NULL) < 0) {
        tally->refused++;
        return;
    }
    tally->accepted++;
    compare_with_libcurl(url, &parts);
    if (would_dial(&parts)) {
        print_message("a public literal: %.*s\n", SY_FMT(url));
        tally->dialled++;
    }
}

static char *read_shared(const char *name, size_t *ret_len)
{
    const char *shared = getenv("SY_SHARED_DIR");
    char path[512];
    char *text;
    FILE *file;
    long size;

    snprintf(path, sizeof(path), "%s/data/corpora/%s", shared ? shared : "", name);
    file = shared ? fopen(path, "rb") : NULL;
    if (!file) {
        print_message("no %s\n", path);
        return NULL;
    }
    fseek(file, 0, SEEK_END);
    size = ftell(file);
    rewind(file);
    text = malloc((size_t)size + 1);
    assert_int_equal(fread(text, 1, (size_t)size, file), size);
    fclose(file);
    *ret_len = (size_t)size;
    return text;
}

static void no_line_of_the_ssrf_corpus_reaches_a_private_address(void **state)
{
    static const char *const files[] = {"ssrf/urls-payloadsallthethings.txt",
                                        "ssrf/urls-seclists.txt", "ssrf/crlf-injection.txt"};
    struct tally tally = {0};

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(files); i++) {
        size_t len;
        char *text = read_shared(files[i], &len);
        struct sy_str rest = sy_str_from(text, text ? len : 0);
        struct sy_str line;

        if (!text)
            skip();
        while (sy_str_split(&rest, '\n', &line)) {
            if (line.len)
                judge(line, &tally);
        }
        free(text);
    }
    print_message("%u accepted as text, %u refused, %u literals that would be dialled\n",
                  tally.accepted, tally.refused, tally.dialled);
    assert_true(tally.accepted + tally.refused >= 260);
    /* Public literals of the corpus, if any, are in it as bait for redirects. */
    assert_true(tally.dialled <= 1);
}

/* One entry of the web platform's URL tests: WHATWG's reading must be ours as well. */
static void judge_entry(struct sy_json entry, struct sy_arena *mem, struct tally *tally)
{
    struct sy_str url = sy_json_text(sy_json_get_z(entry, "input"), mem);
    struct sy_str host = sy_json_text(sy_json_get_z(entry, "hostname"), mem);
    struct sy_egress_url parts;
    char bracketed[130];

    if (!url.ptr)
        return;
    judge(url, tally);
    if (sy_egress_read_url(url, &parts, NULL) < 0)
        return;
    /* Some entries fail for their base; an absolute URL needs none. */
    if (sy_json_is_true(sy_json_get_z(entry, "failure")) &&
        sy_json_is_nothing(sy_json_get_z(entry, "base")))
        fail_msg("accepted, though browsers refuse it: %.*s", SY_FMT(url));
    snprintf(bracketed, sizeof(bracketed), "%.*s", SY_FMT(host));
    if (host.ptr && !same_host(parts.host, bracketed))
        fail_msg("%.*s: browsers read %s", SY_FMT(url), bracketed);
}

static void judge_wpt(const char *name, struct tally *tally)
{
    struct sy_arena mem;
    size_t len;
    char *text = read_shared(name, &len);
    struct sy_json root, entry;
    struct sy_json_iter iter;
    struct sy_str no_name;

    if (!text)
        skip();
    sy_arena_init(&mem, 16u * 1024 * 1024);
    assert_int_equal(sy_json_read(sy_str_from(text, len), 16, &root, NULL), SY_OK);
    iter = sy_json_iter(root);
    while (sy_json_next(&iter, &no_name, &entry)) {
        if (entry.type == SY_JSON_OBJECT)
            judge_entry(entry, &mem, tally);
    }
    sy_arena_release(&mem);
    free(text);
}

static void browsers_and_libcurl_read_what_we_accept_as_we_do(void **state)
{
    struct tally tally = {0};

    (void)state;
    judge_wpt("url-wpt/urltestdata.json", &tally);
    judge_wpt("url-wpt/ada_extra_urltestdata.json", &tally);
    print_message("%u accepted, %u refused\n", tally.accepted, tally.refused);
    assert_true(tally.accepted > 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(special_addresses_are_not_dialled),
        cmocka_unit_test(public_addresses_are_dialled),
        cmocka_unit_test(other_families_are_not_dialled),
        cmocka_unit_test(the_operator_may_allow_networks),
        cmocka_unit_test(networks_that_make_no_sense_are_refused),
        cmocka_unit_test(vendor_urls_are_read_into_their_parts),
        cmocka_unit_test(urls_that_readers_differ_about_are_refused),
        cmocka_unit_test(overlong_urls_are_refused),
        cmocka_unit_test(no_line_of_the_ssrf_corpus_reaches_a_private_address),
        cmocka_unit_test(browsers_and_libcurl_read_what_we_accept_as_we_do),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
