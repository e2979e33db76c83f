/* Tests of partitions, regions, accounts and ARNs. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/aws/wire/partition.h"

/* Regions of every partition in botocore's partitions.json, one that is not out yet, and malformed
 * ones (NULL). */
static const struct {
    const char *region, *partition;
} regions[] = {
    {"us-east-1", "aws"},
    {"ap-southeast-7", "aws"},
    {"il-central-1", "aws"},
    {"mx-central-1", "aws"},
    {"zz-middle-12", "aws"},
    {"cn-north-1", "aws-cn"},
    {"cn-northwest-1", "aws-cn"},
    {"us-gov-west-1", "aws-us-gov"},
    {"us-iso-east-1", "aws-iso"},
    {"us-isob-east-1", "aws-iso-b"},
    {"eu-isoe-west-1", "aws-iso-e"},
    {"us-isof-south-1", "aws-iso-f"},
    {"eusc-de-east-1", "aws-eusc"},
    {"", NULL},
    {"us", NULL},
    {"us-east", NULL},
    {"us-1", NULL},
    {"us-east-", NULL},
    {"us-east-123", NULL},
    {"us-east-1a", NULL},
    {"US-EAST-1", NULL},
    {"u-east-1", NULL},
    {"useast-east-1", NULL},
    {"us--1", NULL},
    {"us-east-1.evil.example", NULL},
    {"us-east-1/", NULL},
    {"us-east-1\n", NULL},
    /* 32 characters. */
    {"us-aaaaaaaaaaaaaaaaaaaaaaaaaaa-1", "aws"},
    /* 33. */
    {"us-aaaaaaaaaaaaaaaaaaaaaaaaaaaa-1", NULL},
};

static void test_partition_of_region(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof regions / sizeof regions[0]; i++) {
        const struct aws_partition *p = aws_partition_of_region(regions[i].region);
        print_message("region \"%s\"\n", regions[i].region);
        assert_string_equal(p ? p->name : "none",
                            regions[i].partition ? regions[i].partition : "none");
        assert_int_equal(!aws_region_problem(regions[i].region), p != NULL);
    }
}

static void test_default_regions_belong_to_their_partition(void **state)
{
    static const char *const names[] = {"aws",       "aws-cn",    "aws-us-gov", "aws-iso",
                                        "aws-iso-b", "aws-iso-e", "aws-iso-f",  "aws-eusc"};
    (void)state;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const struct aws_partition *p = aws_partition_by_name(names[i]);
        assert_non_null(p);
        assert_ptr_equal(aws_partition_of_region(p->default_region), p);
    }
    assert_null(aws_partition_by_name("aws-mars"));
    assert_string_equal(aws_partition_by_name("aws-cn")->dns_suffix, "amazonaws.com.cn");
    assert_string_equal(aws_partition_by_name("aws-us-gov")->dns_suffix, "amazonaws.com");
}

static void test_partition_of_arn(void **state)
{
    (void)state;
    assert_string_equal(aws_partition_of_arn("arn:aws-us-gov:s3:::b")->name, "aws-us-gov");
    assert_null(aws_partition_of_arn("arn:aws-mars:s3:::b"));
    assert_null(aws_partition_of_arn("i-0abc"));
}

static void test_accounts(void **state)
{
    (void)state;
    assert_true(!aws_account_problem("123456789012"));
    assert_true(!aws_account_problem("000000000000"));
    assert_false(!aws_account_problem(""));
    assert_false(!aws_account_problem("12345678901"));
    assert_false(!aws_account_problem("1234567890123"));
    assert_false(!aws_account_problem("12345678901x"));
    assert_false(!aws_account_problem("123456789012\n"));
}

static void test_arn_fields(void **state)
{
    struct aws_arn a;
    (void)state;
    assert_true(aws_arn_parse("arn:aws:rds:eu-west-1:123456789012:db:my:db", &a));
    assert_string_equal(a.partition, "aws");
    assert_string_equal(a.service, "rds");
    assert_string_equal(a.region, "eu-west-1");
    assert_string_equal(a.account, "123456789012");
    assert_string_equal(a.resource, "db:my:db");
    assert_true(aws_arn_parse("arn:aws:iam::aws:policy/ReadOnlyAccess", &a));
    assert_string_equal(a.region, "");
    assert_string_equal(a.account, "aws");
    assert_string_equal(a.resource, "policy/ReadOnlyAccess");
}

static void test_what_is_no_arn(void **state)
{
    static const char *const bad[] = {
        "",
        "arn:",
        "arn:aws:s3:::",
        "arn:aws::::b",
        "arn::s3:::b",
        "arn:aws:s3::b",
        "ARN:aws:s3:::b",
        "arn:aws:s3:::a b",
        "arn:aws:s3:::a\nb",
        "arn:aws:s3:::\xc3\xbc",
    };
    struct aws_arn a;
    char longest[2049];
    (void)state;
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        print_message("\"%s\"\n", bad[i]);
        assert_false(aws_arn_parse(bad[i], &a));
    }
    memset(longest, 'x', sizeof longest);
    memcpy(longest, "arn:aws:s3:::", 13);
    longest[2047] = '\0';
    assert_true(aws_arn_parse(longest, &a));
    assert_int_equal(strlen(a.resource), 2047 - 13);
    longest[2047] = 'x';
    longest[2048] = '\0';
    assert_false(aws_arn_parse(longest, &a));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_partition_of_region),
        cmocka_unit_test(test_default_regions_belong_to_their_partition),
        cmocka_unit_test(test_partition_of_arn),
        cmocka_unit_test(test_accounts),
        cmocka_unit_test(test_arn_fields),
        cmocka_unit_test(test_what_is_no_arn),
    };
    return cmocka_run_group_tests_name("partition", tests, NULL, NULL);
}
