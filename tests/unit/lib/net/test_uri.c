/* Tests of percent-encoding and URL parsing. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "lib/net/uri.h"

static void test_encode_keeps_only_the_unreserved(void **state)
{
    static const char unreserved[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~";
    struct buf b = buf_make(1000);
    (void)state;
    assert_true(uri_encode(&b, unreserved, strlen(unreserved), false));
    assert_string_equal(buf_str(&b), unreserved);
    buf_reset(&b);
    assert_true(uri_encode(&b, "a b/c+d\xc3\xa4%\0*", 12, false));
    assert_string_equal(buf_str(&b), "a%20b%2Fc%2Bd%C3%A4%25%00%2A");
    buf_reset(&b);
    assert_true(uri_encode(&b, "a b/c", 5, true));
    assert_string_equal(buf_str(&b), "a%20b/c");
    buf_free(&b);
}

static void test_encode_fits_exactly_or_fails(void **state)
{
    struct buf b = buf_make(6);
    (void)state;
    assert_true(uri_encode(&b, "//", 2, false));
    assert_string_equal(buf_str(&b), "%2F%2F");
    assert_false(uri_encode(&b, "a", 1, false));
    assert_string_equal(buf_str(&b), "%2F%2F");
    buf_free(&b);
}

static void test_decode_undoes_encode_for_every_byte_but_nul(void **state)
{
    char all[255];
    struct buf encoded = buf_make(1000);
    struct buf back = buf_make(255);
    (void)state;
    for (int i = 0; i < 255; i++)
        all[i] = (char)(i + 1);
    assert_true(uri_encode(&encoded, all, sizeof all, false));
    assert_true(uri_decode(&back, encoded.data, encoded.size, true));
    assert_int_equal(back.size, sizeof all);
    assert_memory_equal(back.data, all, sizeof all);
    buf_free(&encoded);
    buf_free(&back);
}

static void test_decode_knows_the_form_encoding(void **state)
{
    struct buf b = buf_make(100);
    (void)state;
    assert_true(uri_decode(&b, "a+b%2bc", 7, true));
    assert_string_equal(buf_str(&b), "a b+c");
    buf_reset(&b);
    assert_true(uri_decode(&b, "a+b%2bc", 7, false));
    assert_string_equal(buf_str(&b), "a+b+c");
    buf_free(&b);
}

static void test_decode_refuses_broken_escapes(void **state)
{
    static const char *const bad[] = {"%", "a%2", "%zz", "%2", "%%41", "a%00b", "%-1"};
    struct buf b = buf_make(100);
    (void)state;
    assert_true(buf_adds(&b, "before"));
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        if (uri_decode(&b, bad[i], strlen(bad[i]), false))
            fail_msg("\"%s\" was decoded", bad[i]);
        assert_string_equal(buf_str(&b), "before");
    }
    buf_free(&b);
}

static void test_parse_takes_a_url_apart(void **state)
{
    static const struct {
        const char *text, *scheme, *host;
        int port;
        bool port_given;
        const char *path, *query;
    } good[] = {
        {"https://sqs.eu-west-1.amazonaws.com/123/q", "https", "sqs.eu-west-1.amazonaws.com", 443,
         false, "/123/q", ""},
        {"http://127.0.0.1:10000/devstoreaccount1?a=b&c=d?e", "http", "127.0.0.1", 10000, true,
         "/devstoreaccount1", "a=b&c=d?e"},
        {"HTTPS://Example.COM", "https", "example.com", 443, false, "/", ""},
        {"http://a", "http", "a", 80, false, "/", ""},
        {"http://a?", "http", "a", 80, false, "/", ""},
        {"http://a?q", "http", "a", 80, false, "/", "q"},
        {"https://h:1/%2F/../x@y", "https", "h", 1, true, "/%2F/../x@y", ""},
        {"http://[::1]", "http", "::1", 80, false, "/", ""},
        {"http://[FD00:EC2::254]:65535/latest", "http", "fd00:ec2::254", 65535, true, "/latest",
         ""},
        {"http://under_score/", "http", "under_score", 80, false, "/", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        struct err err = ERR_INIT;
        struct uri u;
        if (!uri_parse(good[i].text, &u, &err))
            fail_msg("%s: %s", good[i].text, err.message);
        assert_string_equal(u.scheme, good[i].scheme);
        assert_string_equal(u.host, good[i].host);
        assert_int_equal(u.port, good[i].port);
        assert_int_equal(u.port_given, good[i].port_given);
        assert_string_equal(u.path, good[i].path);
        assert_string_equal(u.query, good[i].query);
        uri_free(&u);
        assert_null(u.store);
    }
}

static void test_parse_says_what_is_wrong(void **state)
{
    static const struct {
        const char *text, *message;
    } bad[] = {
        {"", "the URL \"...\" is not valid: it does not begin with http:// or https://"},
        {"ftp://h/",
         "the URL \"ftp://h...\" is not valid: it does not begin with http:// or https://"},
        {"http:/h",
         "the URL \"http:...\" is not valid: it does not begin with http:// or https://"},
        {"http://", "the URL \"http://...\" is not valid: it has no host, or the host has "
                    "characters other than letters, digits, '-', '.' and '_'"},
        {"http:///path", "the URL \"http://...\" is not valid: it has no host, or the host has "
                         "characters other than letters, digits, '-', '.' and '_'"},
        {"http://h/a b",
         "the URL \"http://h...\" is not valid: it has a space or a control character"},
        {"http://h/a\r\nX: y",
         "the URL \"http://h...\" is not valid: it has a space or a control character"},
        {"http://h/\x7f",
         "the URL \"http://h...\" is not valid: it has a space or a control character"},
        {"http://h/#f", "the URL \"http://h...\" is not valid: it has a fragment ('#')"},
        {"http://u:secret@h/",
         "the URL \"...\" is not valid: it has user information before the host"},
        {"http://h:0/",
         "the URL \"http://h:0...\" is not valid: its port is not a number from 1 to 65535"},
        {"http://h:65536/",
         "the URL \"http://h:65536...\" is not valid: its port is not a number from 1 to 65535"},
        {"http://h:/",
         "the URL \"http://h:...\" is not valid: its port is not a number from 1 to 65535"},
        {"http://h:-1/",
         "the URL \"http://h:-1...\" is not valid: its port is not a number from 1 to 65535"},
        {"http://h:80x/?secret", "the URL \"http://h:80x...\" is not valid: after the host or port "
                                 "comes something other than '/' or '?'"},
        {"http://h%41/", "the URL \"http://h%41...\" is not valid: after the host or port comes "
                         "something other than '/' or '?'"},
        {"http://[::1",
         "the URL \"http://[::1...\" is not valid: the text in brackets is not an IPv6 address"},
        {"http://[a.b]/",
         "the URL \"http://[a.b]...\" is not valid: the text in brackets is not an IPv6 address"},
        {"http://[fe80::1%25eth0]/", "the URL \"http://[fe80::1%25eth0]...\" is not valid: the "
                                     "text in brackets is not an IPv6 address"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct err err = ERR_INIT;
        struct uri u;
        if (uri_parse(bad[i].text, &u, &err))
            fail_msg("\"%s\" was taken for a URL", bad[i].text);
        assert_int_equal(err.kind, ERR_INVALID);
        assert_string_equal(err.message, bad[i].message);
    }
}

static void expect_span(struct uri_span span, const char *text)
{
    assert_int_equal(span.size, strlen(text));
    assert_memory_equal(span.at, text, span.size);
}

static void test_split_finds_the_parts_where_they_are(void **state)
{
    static const struct {
        const char *text, *host, *authority, *path, *query;
        int port;
    } good[] = {
        {"https://Host:443/a b?c", "Host", "Host", "/a b", "c", 443},
        {"HTTP://h:80", "h", "h", "/", "", 80},
        {"http://h:443?x=/?y", "h", "h:443", "/", "x=/?y", 443},
        {"https://[::1]:443/", "::1", "[::1]", "/", "", 443},
        {"https://[::1]:80/%2F", "::1", "[::1]:80", "/%2F", "", 80},
    };
    struct uri_parts parts;
    (void)state;
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        assert_null(uri_split(good[i].text, &parts));
        expect_span(parts.host, good[i].host);
        expect_span(parts.authority, good[i].authority);
        expect_span(parts.path, good[i].path);
        expect_span(parts.query, good[i].query);
        assert_int_equal(parts.port, good[i].port);
    }
    assert_string_equal(uri_split("https://u@h/", &parts),
                        "it has user information before the host");
}

static void test_an_origin_is_split_from_whatever_follows(void **state)
{
    static const struct {
        const char *text, *authority, *rest;
        bool valid;
    } tests[] = {
        {"https://h:1#f", "h:1", "#f", true},     {"https://h", "h", "", true},
        {"https://h/a b#c", "h", "/a b#c", true}, {"http://u@h/x", "u@h", "/x", false},
        {"http://h:x/y", "h:x", "/y", false},     {"https:///x", "", "/x", false},
    };
    (void)state;
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++) {
        struct uri_parts parts;
        const char *rest = NULL;
        assert_int_equal(!uri_split_origin(tests[i].text, &parts, &rest), tests[i].valid);
        expect_span(parts.authority, tests[i].authority);
        assert_string_equal(rest, tests[i].rest);
    }
}

static void test_parse_bounds_the_host(void **state)
{
    char text[300] = "http://";
    struct err err = ERR_INIT;
    struct uri u;
    (void)state;
    memset(text + 7, 'a', 255);
    assert_true(uri_parse(text, &u, &err));
    assert_int_equal(strlen(u.host), 255);
    uri_free(&u);
    text[7 + 255] = 'a';
    assert_false(uri_parse(text, &u, &err));
    assert_non_null(strstr(err.message, "255"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_encode_keeps_only_the_unreserved),
        cmocka_unit_test(test_encode_fits_exactly_or_fails),
        cmocka_unit_test(test_decode_undoes_encode_for_every_byte_but_nul),
        cmocka_unit_test(test_decode_knows_the_form_encoding),
        cmocka_unit_test(test_decode_refuses_broken_escapes),
        cmocka_unit_test(test_parse_takes_a_url_apart),
        cmocka_unit_test(test_parse_says_what_is_wrong),
        cmocka_unit_test(test_parse_bounds_the_host),
        cmocka_unit_test(test_split_finds_the_parts_where_they_are),
        cmocka_unit_test(test_an_origin_is_split_from_whatever_follows),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
