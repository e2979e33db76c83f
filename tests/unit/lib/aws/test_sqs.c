/* Tests of SQS queue addresses: region and origin of every kind of queue URL, and which errors are
 * final. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "lib/aws/sqs.h"

static const struct address {
    const char *url;
    /* Of the configuration. */
    const char *region;
    /* Region. */
    const char *expected;
    /* NULL: the regional endpoint. */
    const char *origin;
} addresses[] = {
    {"https://sqs.us-east-1.amazonaws.com/123456789012/q", NULL, "us-east-1", NULL},
    {"https://sqs.us-gov-west-1.amazonaws.com/123456789012/q", NULL, "us-gov-west-1", NULL},
    {"https://sqs.cn-north-1.amazonaws.com.cn/123456789012/q", NULL, "cn-north-1", NULL},
    {"https://sqs-fips.us-east-2.amazonaws.com/123456789012/q", NULL, "us-east-2", NULL},
    {"https://sqs.eu-west-1.api.aws/123456789012/q", NULL, "eu-west-1", NULL},
    {"https://sqs.us-iso-east-1.c2s.ic.gov/123456789012/q", NULL, "us-iso-east-1", NULL},
    {"https://sqs.us-iso-west-1.api.aws.ic.gov/123456789012/q", NULL, "us-iso-west-1", NULL},
    {"https://sqs.us-isob-east-1.sc2s.sgov.gov/123456789012/q", NULL, "us-isob-east-1", NULL},
    {"https://sqs.us-isob-west-1.api.aws.scloud/123456789012/q", NULL, "us-isob-west-1", NULL},
    {"https://sqs.eu-isoe-west-1.cloud.adc-e.uk/123456789012/q", NULL, "eu-isoe-west-1", NULL},
    {"https://sqs-fips.us-isof-east-1.csp.hci.ic.gov/1/q", NULL, "us-isof-east-1", NULL},
    {"https://sqs.eusc-de-east-1.amazonaws.eu/123456789012/q", NULL, "eusc-de-east-1", NULL},
    {"https://sqs.eusc-de-east-1.api.amazonwebservices.eu/1/q", NULL, "eusc-de-east-1", NULL},
    {"https://vpce-1.sqs.eusc-de-east-1.vpce.amazonaws.eu/1/q", NULL, "eusc-de-east-1",
     "https://vpce-1.sqs.eusc-de-east-1.vpce.amazonaws.eu"},
    /* A region of another partition than the suffix: somebody else's host. */
    {"https://sqs.us-east-1.amazonaws.eu/123456789012/q", NULL, "xx-fallback-1",
     "https://sqs.us-east-1.amazonaws.eu"},
    {"https://sqs.cn-north-1.amazonaws.com/123456789012/q", NULL, "xx-fallback-1",
     "https://sqs.cn-north-1.amazonaws.com"},
    {"https://queue.amazonaws.com/123456789012/q", NULL, "us-east-1", NULL},
    {"https://eu-central-1.queue.amazonaws.com/123456789012/q", NULL, "eu-central-1", NULL},
    {"https://sqs.us-east-1.amazonaws.com/123456789012/q", "eu-west-3", "eu-west-3", NULL},
    {"https://vpce-0a-1b.sqs.ap-south-1.vpce.amazonaws.com/123456789012/q", NULL, "ap-south-1",
     "https://vpce-0a-1b.sqs.ap-south-1.vpce.amazonaws.com"},
    {"http://localhost:9324/000000000000/q", NULL, "xx-fallback-1", "http://localhost:9324"},
    {"http://[::1]:5000/1/q", "us-west-2", "us-west-2", "http://[::1]:5000"},
    {"https://sqs.us-east-1.amazonaws.com.evil.example/1/q", NULL, "xx-fallback-1",
     "https://sqs.us-east-1.amazonaws.com.evil.example"},
};

static void test_an_address_has_region_and_origin(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof addresses / sizeof *addresses; i++) {
        const struct address *a = &addresses[i];
        struct sqs_queue q;
        struct err err = ERR_INIT;
        assert_true(sqs_queue_init(&q, a->url, a->region, "xx-fallback-1", &err));
        assert_string_equal(q.url, a->url);
        assert_string_equal(q.region, a->expected);
        if (a->origin)
            assert_string_equal(q.origin, a->origin);
        else
            assert_null(q.origin);
        sqs_queue_free(&q);
    }
}

static void assert_refused(const char *url, const char *region, const char *expected)
{
    struct sqs_queue q;
    struct err err = ERR_INIT;
    assert_false(sqs_queue_init(&q, url, region, NULL, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    if (!strstr(err.message, expected))
        assert_string_equal(err.message, expected);
    sqs_queue_free(&q);
}

static void test_what_is_no_queue_url_is_refused(void **state)
{
    (void)state;
    assert_refused("https://sqs.us-east-1.amazonaws.com/", NULL, "is not a valid queue URL");
    assert_refused("https://sqs.us-east-1.amazonaws.com/1/q?Action=x", NULL,
                   "is not a valid queue URL");
    assert_refused("http://localhost:9324/1/q", NULL, "contains no region");
    assert_refused("https://sqs.us-east-1.amazonaws.com/1/q", "Us/east",
                   "is not a valid AWS region");
    assert_refused("q", NULL, "q");
}

static void test_errors_that_make_another_try_useless(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    err_set(&err, ERR_INVALID, "ReceiptHandleIsInvalid", "x");
    assert_true(sqs_message_gone(&err));
    err_set(&err, ERR_INVALID, "AWS.SimpleQueueService.MessageNotInflight", "x");
    assert_true(sqs_message_gone(&err));
    err_set(&err, ERR_NOT_FOUND, "", "x");
    assert_true(sqs_message_gone(&err));
    err_set(&err, ERR_DENIED, "AccessDenied", "x");
    assert_false(sqs_message_gone(&err));
    err_set(&err, ERR_TRANSIENT, "InternalError", "x");
    assert_false(sqs_message_gone(&err));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_address_has_region_and_origin),
        cmocka_unit_test(test_what_is_no_queue_url_is_refused),
        cmocka_unit_test(test_errors_that_make_another_try_useless),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
