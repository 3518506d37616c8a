/* Encodings and hashes against published vectors; decoders refuse what no encoder writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/crypto.h"
#include "base/encode.h"

#include <string.h>

static void assert_buf(const struct sy_buf *buf, struct sy_str text)
{
    if (!sy_str_eq(sy_buf_str(buf), text))
        fail_msg("%.*s is not %.*s", SY_FMT(sy_buf_str(buf)), SY_FMT(text));
}

static void hex_goes_both_ways(void **state)
{
    unsigned char out[4] = {0};
    struct sy_buf buf;

    (void)state;
    sy_buf_init(&buf, 64);
    sy_hex(&buf, SY_STR("\x00\x7f\xab\xff"));
    assert_buf(&buf, SY_STR("007fabff"));
    assert_true(sy_unhex(SY_STR("007FabFf"), out, 4));
    assert_memory_equal(out, "\x00\x7f\xab\xff", 4);
    assert_false(sy_unhex(SY_STR("007fab"), out, 4));
    assert_false(sy_unhex(SY_STR("007fabff0"), out, 4));
    assert_false(sy_unhex(SY_STR("007fabfg"), out, 4));
    assert_false(sy_unhex(SY_STR("0x7fabff"), out, 4));
    assert_true(sy_unhex(SY_STR(""), out, 0));
    sy_buf_release(&buf);
}

static void base64_is_that_of_rfc_4648(void **state)
{
    static const struct {
        struct sy_str bytes;
        struct sy_str standard;
        struct sy_str url;
    } rows[] = {
        {SY_STR_INIT(""), SY_STR_INIT(""), SY_STR_INIT("")},
        {SY_STR_INIT("f"), SY_STR_INIT("Zg=="), SY_STR_INIT("Zg")},
        {SY_STR_INIT("fo"), SY_STR_INIT("Zm8="), SY_STR_INIT("Zm8")},
        {SY_STR_INIT("foo"), SY_STR_INIT("Zm9v"), SY_STR_INIT("Zm9v")},
        {SY_STR_INIT("foob"), SY_STR_INIT("Zm9vYg=="), SY_STR_INIT("Zm9vYg")},
        {SY_STR_INIT("fooba"), SY_STR_INIT("Zm9vYmE="), SY_STR_INIT("Zm9vYmE")},
        {SY_STR_INIT("foobar"), SY_STR_INIT("Zm9vYmFy"), SY_STR_INIT("Zm9vYmFy")},
        {SY_STR_INIT("\xfb\xff\xfe\0"), SY_STR_INIT("+//+AA=="), SY_STR_INIT("-__-AA")},
    };
    static const char *const wrong[] = {"Z",    "Zg=",   "Zg===",    "=",         "====",
                                        "Z===", "Zm9v=", "Zm9v====", "Zm 9v",     "Zm9v\n",
                                        "Zh==", "Zm9=",  "Zm=v",     "Z\xc3\xa9="};
    struct sy_buf buf;

    (void)state;
    sy_buf_init(&buf, 256);
    for (size_t i = 0; i < SY_ARRAY_LEN(rows); i++) {
        sy_buf_clear(&buf);
        sy_base64(&buf, rows[i].bytes);
        assert_buf(&buf, rows[i].standard);
        sy_buf_clear(&buf);
        sy_base64url(&buf, rows[i].bytes);
        assert_buf(&buf, rows[i].url);
        sy_buf_clear(&buf);
        assert_true(sy_unbase64(&buf, rows[i].standard));
        assert_buf(&buf, rows[i].bytes);
        sy_buf_clear(&buf);
        assert_true(sy_unbase64(&buf, rows[i].url));
        assert_buf(&buf, rows[i].bytes);
    }
    for (size_t i = 0; i < SY_ARRAY_LEN(wrong); i++) {
        sy_buf_clear(&buf);
        sy_buf_append(&buf, SY_STR("kept"));
        if (sy_unbase64(&buf, sy_str_of(wrong[i])))
            fail_msg("%s accepted", wrong[i]);
        assert_buf(&buf, SY_STR("kept"));
    }
    sy_buf_release(&buf);
}

static void percent_escapes_all_that_is_not_unreserved(void **state)
{
    static const char *const wrong[] = {"%", "%4", "a%", "%zz", "%4z", "%-1", "abc%2"};
    struct sy_buf buf;

    (void)state;
    sy_buf_init(&buf, 256);
    sy_percent(&buf, SY_STR("aZ09-._~/?#[]@!$&'()*+,;=% \0\xc3\xa9"));
    assert_buf(&buf, SY_STR("aZ09-._~%2F%3F%23%5B%5D%40%21%24%26%27%28%29%2A%2B%2C%3B%3D%25%20%00"
                            "%C3%A9"));
    sy_buf_clear(&buf);
    assert_true(sy_unpercent(&buf, SY_STR("a+b%2fc%2B%41"), false));
    assert_buf(&buf, SY_STR("a+b/c+A"));
    sy_buf_clear(&buf);
    assert_true(sy_unpercent(&buf, SY_STR("a+b%20c%2B"), true));
    assert_buf(&buf, SY_STR("a b c+"));
    for (size_t i = 0; i < SY_ARRAY_LEN(wrong); i++) {
        sy_buf_clear(&buf);
        assert_false(sy_unpercent(&buf, sy_str_of(wrong[i]), false));
        assert_int_equal(buf.len, 0);
    }
    sy_buf_release(&buf);
}

static void ulids_sort_by_time_and_give_it_back(void **state)
{
    static const unsigned char zeros[10] = {0};
    static const unsigned char ones[10] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};
    static const int64_t times[] = {0, 1, 1469918176385, 1795251600123, (INT64_C(1) << 48) - 1};
    static const char *const wrong[] = {
        "",
        "01ARYZ6S41TSV4RRFFQ69G5FA",   /* 25 */
        "01ARYZ6S41TSV4RRFFQ69G5FAVX", /* 27 */
        "81ARYZ6S41TSV4RRFFQ69G5FAV",  /* past 128 bits */
        "01ARYZ6S41TSV4RRFFQ69G5FAU",  /* U is not in the alphabet */
        "01aryz6s41tsv4rrffq69g5fav",  /* one spelling only */
    };
    char last[26] = {0};
    char out[26];
    int64_t back = -1;

    (void)state;
    for (size_t i = 0; i < SY_ARRAY_LEN(times); i++) {
        sy_ulid(times[i], zeros, out);
        assert_true(memcmp(last, out, 26) < 0);
        sy_ulid(times[i], ones, last);
        assert_true(memcmp(out, last, 26) < 0);
        assert_true(sy_ulid_time(sy_str_from(last, 26), &back));
        assert_true(back == times[i]);
    }
    assert_memory_equal(last, "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", 26);
    assert_true(sy_ulid_time(SY_STR("01ARYZ6S41TSV4RRFFQ69G5FAV"), &back));
    assert_true(back == 1469918176385);
    for (size_t i = 0; i < SY_ARRAY_LEN(wrong); i++)
        assert_false(sy_ulid_time(sy_str_of(wrong[i]), &back));
    assert_false(sy_ulid_time(SY_STR("\0"
                                     "1ARYZ6S41TSV4RRFFQ69G5FAV"),
                              &back));
}

/* The four of RFC 3720, B.4, and the customary one. */
static void crc_is_castagnolis_with_and_without_the_instruction(void **state)
{
    unsigned char bytes[64];
    struct sy_str text = {(const char *)bytes, 32};

    (void)state;
    memset(bytes, 0, 32);
    assert_int_equal(sy_crc32c(0, text), 0x8a9136aa);
    memset(bytes, 0xff, 32);
    assert_int_equal(sy_crc32c(0, text), 0x62a8ab43);
    for (unsigned i = 0; i < 64; i++)
        bytes[i] = (unsigned char)i;
    assert_int_equal(sy_crc32c(0, text), 0x46dd794e);
    assert_int_equal(sy_crc32c(0, SY_STR("123456789")), 0xe3069283);
    assert_int_equal(sy_crc32c(sy_crc32c(0, SY_STR("1234")), SY_STR("56789")), 0xe3069283);
    assert_int_equal(sy_crc32c(0, (struct sy_str){NULL, 0}), 0);
    assert_int_equal(sy_crc32c(7, (struct sy_str){NULL, 0}), 7);
    for (size_t from = 0; from < 8; from++)
        for (size_t len = 0; from + len <= sizeof(bytes); len++) {
            text = sy_str_from((const char *)bytes + from, len);
            assert_int_equal(sy_crc32c((uint32_t)len, text),
                             sy_crc32c_by_table((uint32_t)len, text));
        }
}

static void hashes_are_those_of_the_standards(void **state)
{
    static const struct sy_str whole[] = {SY_STR_INIT("what do ya want for nothing?")};
    static const struct sy_str parts[] = {
        SY_STR_INIT("what do ya "), {NULL, 0}, SY_STR_INIT("want for nothing?")};
    static const struct sy_str large[] = {
        SY_STR_INIT("Test Using Larger Than Block-Size Key - Hash Key First")};
    unsigned char out[SY_SHA256_SIZE];
    unsigned char wanted[SY_SHA256_SIZE];
    char key[131];

    (void)state;
    sy_sha256(SY_STR("abc"), out);
    assert_true(sy_unhex(SY_STR("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
                         wanted, 32));
    assert_memory_equal(out, wanted, 32);
    sy_sha256((struct sy_str){NULL, 0}, out);
    assert_true(sy_unhex(SY_STR("e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
                         wanted, 32));
    assert_memory_equal(out, wanted, 32);

    /* RFC 4231, cases 2 and 6. */
    assert_true(sy_unhex(SY_STR("5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843"),
                         wanted, 32));
    sy_hmac_sha256(SY_STR("Jefe"), whole, SY_ARRAY_LEN(whole), out);
    assert_memory_equal(out, wanted, 32);
    sy_hmac_sha256(SY_STR("Jefe"), parts, SY_ARRAY_LEN(parts), out);
    assert_memory_equal(out, wanted, 32);
    memset(key, 0xaa, sizeof(key));
    assert_true(sy_unhex(SY_STR("60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54"),
                         wanted, 32));
    sy_hmac_sha256(sy_str_from(key, sizeof(key)), large, 1, out);
    assert_memory_equal(out, wanted, 32);
}

static void secrets_are_compared_random_differs_and_wiping_wipes(void **state)
{
    unsigned char a[32] = {0};
    unsigned char b[32] = {0};

    (void)state;
    assert_true(sy_secret_eq(SY_STR("key"), SY_STR("key")));
    assert_false(sy_secret_eq(SY_STR("key"), SY_STR("kez")));
    assert_false(sy_secret_eq(SY_STR("key"), SY_STR("keys")));
    assert_true(sy_secret_eq((struct sy_str){NULL, 0}, SY_STR("")));
    sy_random(a, sizeof(a));
    sy_random(b, sizeof(b));
    assert_memory_not_equal(a, b, sizeof(a));
    sy_wipe(a, sizeof(a));
    memset(b, 0, sizeof(b));
    assert_memory_equal(a, b, sizeof(a));
    sy_wipe(NULL, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(hex_goes_both_ways),
        cmocka_unit_test(base64_is_that_of_rfc_4648),
        cmocka_unit_test(percent_escapes_all_that_is_not_unreserved),
        cmocka_unit_test(ulids_sort_by_time_and_give_it_back),
        cmocka_unit_test(crc_is_castagnolis_with_and_without_the_instruction),
        cmocka_unit_test(hashes_are_those_of_the_standards),
        cmocka_unit_test(secrets_are_compared_random_differs_and_wiping_wipes),
    };

    if (sy_crypto_init() != 0)
        return 1;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
