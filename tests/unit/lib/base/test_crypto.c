/* Tests of digests, HMAC and encodings against the vectors of their standards. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/base/crypto.h"
#include "lib/base/wipe.h"

static void check_sha256(const void *bytes, size_t n, const char *expected)
{
    char hex[SHA256_HEX_SIZE];
    uint8_t digest[SHA256_SIZE];

    sha256_hex(bytes, n, hex);
    assert_string_equal(hex, expected);

    /* The same in steps of uneven sizes. */
    struct sha256 *s = sha256_new();
    assert_non_null(s);
    for (size_t at = 0, step = 1; at < n; at += step, step = step * 3 % 101)
        sha256_add(s, (const char *)bytes + at, step < n - at ? step : n - at);
    sha256_finish(s, digest);
    hex_encode(digest, sizeof digest, hex);
    assert_string_equal(hex, expected);
}

/* FIPS 180-4 examples. */
static void test_sha256(void **state)
{
    char *million = malloc(1000000);

    (void)state;
    check_sha256("", 0, "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
    check_sha256("abc", 3, "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    check_sha256("abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq", 56,
                 "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1");
    assert_non_null(million);
    memset(million, 'a', 1000000);
    check_sha256(million, 1000000,
                 "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0");
    free(million);
}

/* RFC 1321, appendix A.5. */
static void test_md5(void **state)
{
    uint8_t digest[MD5_SIZE];
    char hex[2 * MD5_SIZE + 1];

    (void)state;
    md5("", 0, digest);
    hex_encode(digest, sizeof digest, hex);
    assert_string_equal(hex, "d41d8cd98f00b204e9800998ecf8427e");
    md5("message digest", 14, digest);
    hex_encode(digest, sizeof digest, hex);
    assert_string_equal(hex, "f96b697d7cb7938d525a2f31aaf161d0");
}

static void check_hmac(const void *key, size_t key_size, const void *bytes, size_t n,
                       const char *expected)
{
    uint8_t mac[SHA256_SIZE];
    char hex[SHA256_HEX_SIZE];

    hmac_sha256(key, key_size, bytes, n, mac);
    hex_encode(mac, sizeof mac, hex);
    assert_string_equal(hex, expected);
}

/* RFC 4231. */
static void test_hmac_sha256(void **state)
{
    uint8_t key[131];
    uint8_t data[50];
    static const char large[] =
        "This is a test using a larger than block-size key and a larger than "
        "block-size data. The key needs to be hashed before being used by "
        "the HMAC algorithm.";

    (void)state;
    memset(key, 0x0b, 20);
    check_hmac(key, 20, "Hi There", 8,
               "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac("Jefe", 4, "what do ya want for nothing?", 28,
               "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    memset(key, 0xaa, sizeof key);
    memset(data, 0xdd, sizeof data);
    check_hmac(key, 20, data, 50,
               "773ea91e36800e46854db8ebd09181a72959098b3ef8c122d9635514ced565fe");
    check_hmac(key, 131, "Test Using Larger Than Block-Size Key - Hash Key First", 54,
               "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    check_hmac(key, 131, large, sizeof large - 1,
               "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
    check_hmac(NULL, 0, "", 0, "b613679a0814d9ec772f95d778c35fc5ff1697c493715653c6c712144292c5ad");
}

static const struct {
    const char *plain, *base64, *base64url;
} encodings[] = {
    /* RFC 4648, section 10. */
    {"", "", ""},
    {"f", "Zg==", "Zg"},
    {"fo", "Zm8=", "Zm8"},
    {"foo", "Zm9v", "Zm9v"},
    {"foob", "Zm9vYg==", "Zm9vYg"},
    {"fooba", "Zm9vYmE=", "Zm9vYmE"},
    {"foobar", "Zm9vYmFy", "Zm9vYmFy"},
    /* The two digits in which the alphabets differ. */
    {"\xfb\xef\xff", "++//", "--__"},
};

static void test_base64_both_ways(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof encodings / sizeof *encodings; i++) {
        struct buf b = buf_make(100);

        assert_true(base64_add(&b, encodings[i].plain, strlen(encodings[i].plain)));
        assert_string_equal(buf_str(&b), encodings[i].base64);
        buf_reset(&b);
        assert_true(base64url_add(&b, encodings[i].plain, strlen(encodings[i].plain)));
        assert_string_equal(buf_str(&b), encodings[i].base64url);
        buf_reset(&b);
        assert_true(base64_decode(&b, encodings[i].base64, strlen(encodings[i].base64)));
        assert_string_equal(buf_str(&b), encodings[i].plain);
        buf_free(&b);
    }
}

static void test_base64_fits_exactly_or_fails(void **state)
{
    struct buf b = buf_make(8);

    (void)state;
    assert_true(base64_add(&b, "foobar", 6));
    assert_false(base64_add(&b, "f", 1));
    assert_false(buf_ok(&b));
    assert_string_equal(buf_str(&b), "Zm9vYmFy");
    buf_free(&b);

    struct buf url = buf_make(2);
    assert_true(base64url_add(&url, "f", 1));
    assert_string_equal(buf_str(&url), "Zg");
    buf_free(&url);
}

static void test_base64_of_white_space_and_all_bytes(void **state)
{
    uint8_t all[256];
    struct buf text = buf_make(1000);
    struct buf back = buf_make(256);

    (void)state;
    for (int i = 0; i < 256; i++)
        all[i] = (uint8_t)i;
    assert_true(base64_add(&text, all, sizeof all));
    assert_true(base64_decode(&back, text.data, text.size));
    assert_int_equal(back.size, sizeof all);
    assert_memory_equal(back.data, all, sizeof all);

    buf_reset(&back);
    assert_true(base64_decode(&back, " Zm9v\r\n\tYg =\n=", 14));
    assert_string_equal(buf_str(&back), "foob");
    buf_free(&text);
    buf_free(&back);
}

static void test_what_is_not_base64_leaves_the_buffer_as_it_was(void **state)
{
    static const char *const bad[] = {"Z",     "Zg",   "Zg=",      "Zg===", "Zm9",
                                      "=",     "====", "Zg==Zg==", "Zm9v!", "Zm_v",
                                      "Zm9v=", "Zh==", "Zm9=",     "Z===",  "{\"a\":1}"};
    struct buf b = buf_make(100);

    (void)state;
    assert_true(buf_adds(&b, "before"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (base64_decode(&b, bad[i], strlen(bad[i])))
            fail_msg("\"%s\" was taken for base64", bad[i]);
        assert_string_equal(buf_str(&b), "before");
    }
    assert_true(buf_ok(&b));
    assert_false(base64_decode(&b, "Zm9v\0Zm9v", 9));
    buf_free(&b);
}

static void test_wipe_overwrites(void **state)
{
    static const char zeros[8] = {0};
    char secret[8] = "secret!";

    (void)state;
    wipe(secret, sizeof secret);
    assert_memory_equal(secret, zeros, sizeof zeros);
    wipe_free(NULL);
    wipe_free(strdup("secret"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sha256),
        cmocka_unit_test(test_md5),
        cmocka_unit_test(test_hmac_sha256),
        cmocka_unit_test(test_base64_both_ways),
        cmocka_unit_test(test_base64_fits_exactly_or_fails),
        cmocka_unit_test(test_base64_of_white_space_and_all_bytes),
        cmocka_unit_test(test_what_is_not_base64_leaves_the_buffer_as_it_was),
        cmocka_unit_test(test_wipe_overwrites),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
