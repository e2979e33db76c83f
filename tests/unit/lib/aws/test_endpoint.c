/* Tests of lib/aws/wire/endpoint.c: botocore's own answers (tests/tools/botocore_endpoints.py), and
 * the order of overrides. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/wire/endpoint.h"
#include "lib/aws/wire/endpoint_cache.h"

#define DATA "tests/unit/data/endpoint"

static const struct aws_service *const services[] = {
    &aws_ec2,      &aws_sts, &aws_sqs,   &aws_sns, &aws_s3,  &aws_iam,      &aws_lambda,
    &aws_dynamodb, &aws_ecs, &aws_elbv2, &aws_kms, &aws_rds, &aws_redshift, &aws_workspaces,
};

#define SERVICES (sizeof services / sizeof *services)

static const char *const variables[] = {
    "AWS_ENDPOINT_URL",      "AWS_ENDPOINT_URL_SQS",
    "AWS_USE_FIPS_ENDPOINT", "AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2",
    "AWS_ENDPOINT_URL_STS",  "AWS_IGNORE_CONFIGURED_ENDPOINT_URLS",
    "AWS_ENDPOINT_URL_IAM",  "AWS_USE_DUALSTACK_ENDPOINT",
};

static int setup(void **state)
{
    struct err err = ERR_INIT;
    for (size_t i = 0; i < sizeof variables / sizeof *variables; i++)
        unsetenv(variables[i]);
    *state = aws_profiles_load(DATA "/config", "/nonexistent", &err);
    return *state ? 0 : -1;
}

static int teardown(void **state)
{
    aws_profiles_free(*state);
    return 0;
}

static const struct aws_service *service_by_id(const char *id)
{
    for (size_t i = 0; i < SERVICES; i++)
        if (strcmp(services[i]->id, id) == 0)
            return services[i];
    return NULL;
}

/* A line: service, region, fips, dualstack, URL or "-", signing region. */
static void check_row(struct aws_endpoint_settings *e, char *line)
{
    char *rest = line;
    const struct aws_service *service = service_by_id(strsep(&rest, "\t"));
    const char *region = strsep(&rest, "\t");
    struct aws_endpoint target;
    struct err err = ERR_INIT;
    assert_non_null(service);
    e->fips = *strsep(&rest, "\t") == '1';
    e->dualstack = *strsep(&rest, "\t") == '1';
    const char *url = strsep(&rest, "\t");
    const char *signing = strsep(&rest, "\n");
    bool ok = aws_endpoint_resolve(e, service, region, &target, &err);
    if (!ok) {
        assert_string_equal(url, "-");
        assert_string_equal(err.message, "the partition aws-cn has no FIPS endpoint for s3");
        return;
    }
    assert_string_equal(target.url, url);
    assert_string_equal(target.signing_region, signing);
    assert_false(target.overridden);
}

static void test_botocore_agrees(void **state)
{
    struct aws_endpoint_settings e = {.profiles = *state, .profile = "default"};
    char line[512];
    size_t rows = 0;
    FILE *file = fopen(DATA "/botocore.tsv", "re");
    assert_non_null(file);
    for (; fgets(line, sizeof line, file); rows++)
        check_row(&e, line);
    fclose(file);
    assert_true(rows >= SERVICES * 17 * 4);
}

/* What a service has as its URL with the profile. */
static void check_url(void **state, const char *option, const char *profile,
                      const struct aws_service *service, const char *expected)
{
    struct aws_endpoint_settings e;
    struct aws_endpoint target;
    struct err err = ERR_INIT;
    assert_true(aws_endpoint_settings_init(&e, option, *state, profile, &err));
    assert_true(aws_endpoint_resolve(&e, service, "eu-west-1", &target, &err));
    assert_string_equal(target.url, expected);
}

static void test_order_of_overrides(void **state)
{
    check_url(state, NULL, "default", &aws_sqs, "https://sqs.eu-west-1.amazonaws.com");
    check_url(state, NULL, "url", &aws_sqs, "http://profile.test");
    check_url(state, NULL, "services", &aws_sqs, "http://services-sqs.test:1");
    check_url(state, NULL, "services", &aws_ec2, "http://services-profile.test");
    setenv("AWS_ENDPOINT_URL", "http://environment.test:80/", 1);
    check_url(state, NULL, "services", &aws_sqs, "http://environment.test:80");
    setenv("AWS_ENDPOINT_URL_SQS", "https://[::1]:9324", 1);
    check_url(state, NULL, "services", &aws_sqs, "https://[::1]:9324");
    check_url(state, NULL, "services", &aws_ec2, "http://environment.test:80");
    setenv("AWS_ENDPOINT_URL_ELASTIC_LOAD_BALANCING_V2", "http://lb.test", 1);
    check_url(state, NULL, "url", &aws_elbv2, "http://lb.test");
    check_url(state, "http://option.test", "services", &aws_sqs, "http://option.test");
    setenv("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS", "TRUE", 1);
    check_url(state, "http://option.test", "services", &aws_sqs, "http://option.test");
    check_url(state, "", "services", &aws_sqs, "https://sqs.eu-west-1.amazonaws.com");
}

/* A gateway's: it goes before the paths of the requests. */
static void test_overrides_with_a_path(void **state)
{
    check_url(state, "http://gw.test/aws", "default", &aws_sqs, "http://gw.test/aws");
    check_url(state, "http://gw.test:81/a/..b/.c/", "default", &aws_sqs,
              "http://gw.test:81/a/..b/.c");
    setenv("AWS_ENDPOINT_URL", "http://environment.test/all/", 1);
    setenv("AWS_ENDPOINT_URL_S3", "http://environment.test/s3", 1);
    check_url(state, NULL, "services", &aws_ec2, "http://environment.test/all");
    check_url(state, NULL, "services", &aws_s3, "http://environment.test/s3");
}

static void test_overridden_is_signed_for_its_region(void **state)
{
    struct aws_endpoint_settings e;
    struct aws_endpoint target;
    struct err err = ERR_INIT;
    assert_true(aws_endpoint_settings_init(&e, "http://127.0.0.1:5000", *state, "default", &err));
    assert_true(aws_endpoint_resolve(&e, &aws_s3, "eu-west-1", &target, &err));
    assert_true(target.overridden);
    assert_string_equal(target.signing_region, "eu-west-1");
    assert_true(aws_endpoint_resolve(&e, &aws_iam, "us-gov-east-1", &target, &err));
    assert_string_equal(target.signing_region, "us-gov-west-1");
    assert_string_equal(target.url, "http://127.0.0.1:5000");
}

static void test_switches(void **state)
{
    check_url(state, NULL, "fips", &aws_kms, "https://kms-fips.eu-west-1.amazonaws.com");
    setenv("AWS_USE_FIPS_ENDPOINT", "false", 1);
    setenv("AWS_USE_DUALSTACK_ENDPOINT", "true", 1);
    check_url(state, NULL, "fips", &aws_kms, "https://kms.eu-west-1.api.aws");
}

static void check_init_error(void **state, const char *option, const char *profile,
                             const char *message)
{
    struct aws_endpoint_settings e;
    struct err err = ERR_INIT;
    assert_false(aws_endpoint_settings_init(&e, option, *state, profile, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_string_equal(err.message, message);
}

static void test_broken_settings(void **state)
{
    const char *shape =
        "[aws] endpoint_url must be scheme://host[:port][/path] without a query and "
        "without \".\" or \"..\" in its path, at most 1023 bytes";
    static const char *const urls[] = {"http://host/?x=1",   "http://host/a?",  "http://host/..",
                                       "http://host/a/../b", "http://host/a/.", "http://host/./a/"};
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++)
        check_init_error(state, urls[i], "default", shape);
    setenv("AWS_USE_FIPS_ENDPOINT", "yes", 1);
    check_init_error(state, NULL, "default",
                     "AWS_USE_FIPS_ENDPOINT (use_fips_endpoint in profile default) is neither true "
                     "nor false");
}

static void test_bad_url_names_its_place(void **state)
{
    struct aws_endpoint_settings e;
    struct err err = ERR_INIT;
    setenv("AWS_ENDPOINT_URL", "localhost:4566", 1);
    assert_false(aws_endpoint_settings_init(&e, NULL, *state, "default", &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.message, "AWS_ENDPOINT_URL is not a usable URL: "));
}

static void test_hostile_regions(void **state)
{
    const char *const regions[] = {"", "us-east-1.evil.test/", "us-east-1#", "../x", "US-EAST-1"};
    struct aws_endpoint_settings e = {.profiles = *state, .profile = "default"};
    struct aws_endpoint target;
    for (size_t i = 0; i < sizeof regions / sizeof *regions; i++) {
        struct err err = ERR_INIT;
        char message[128];
        snprintf(message, sizeof message, "\"%s\" is not a valid AWS region (such as eu-west-1)",
                 regions[i]);
        assert_false(aws_endpoint_resolve(&e, &aws_ec2, regions[i], &target, &err));
        assert_string_equal(err.message, message);
    }
}

/* More pairs than there are places, asked for twice: each has its own answer, known or found anew.
 */
static void test_what_was_found_is_remembered(void **state)
{
    static const char *const names[] = {"eu-west-1", "us-east-1", "us-gov-west-1", "cn-north-1"};
    struct aws_endpoint_settings e;
    struct aws_endpoint expected, target;
    struct err err = ERR_INIT;
    assert_true(aws_endpoint_settings_init(&e, NULL, *state, "default", &err));
    struct aws_endpoint_cache *t = aws_endpoint_cache_new(&e);
    assert_non_null(t);
    for (size_t i = 0; i < 2 * SERVICES * 4 * 9; i++) {
        char region[33];
        snprintf(region, sizeof region, "%.*s%zu", (int)strlen(names[i % 4]) - 1, names[i % 4],
                 i / 4 % 9 + 1);
        const struct aws_service *service = services[i / 36 % SERVICES];
        assert_true(aws_endpoint_resolve(&e, service, region, &expected, &err));
        assert_true(aws_endpoint_cache_get(t, service, region, &target, &err));
        assert_string_equal(target.url, expected.url);
        assert_string_equal(target.signing_region, expected.signing_region);
    }
    assert_false(aws_endpoint_cache_get(t, &aws_ec2, "nowhere", &target, &err));
    assert_string_equal(err.message, "\"nowhere\" is not a valid AWS region (such as eu-west-1)");
    aws_endpoint_cache_free(t);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_botocore_agrees, setup, teardown),
        cmocka_unit_test_setup_teardown(test_order_of_overrides, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overrides_with_a_path, setup, teardown),
        cmocka_unit_test_setup_teardown(test_overridden_is_signed_for_its_region, setup, teardown),
        cmocka_unit_test_setup_teardown(test_switches, setup, teardown),
        cmocka_unit_test_setup_teardown(test_broken_settings, setup, teardown),
        cmocka_unit_test_setup_teardown(test_bad_url_names_its_place, setup, teardown),
        cmocka_unit_test_setup_teardown(test_hostile_regions, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_was_found_is_remembered, setup, teardown),
    };
    return cmocka_run_group_tests_name("endpoint", tests, NULL, NULL);
}
