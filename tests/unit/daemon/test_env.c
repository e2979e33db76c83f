/* Tests of the environment of commands: how the log is written, and what the HTTP options
 * become. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "daemon/env.h"
#include "daemon/version.h"
#include "lib/azure/arm.h"

static void test_the_log_is_for_the_journal_only_if_it_goes_there(void **state)
{
    FILE *file = tmpfile();
    struct stat st;
    char stream[64];

    (void)state;
    assert_non_null(file);
    assert_int_equal(fstat(fileno(file), &st), 0);
    snprintf(stream, sizeof stream, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    assert_int_equal(env_log_format(fileno(file), stream), LOG_JOURNAL);
    assert_int_equal(env_log_format(fileno(file), "8:1"), LOG_TEXT);
    assert_int_equal(env_log_format(fileno(file), ""), LOG_TEXT);
    assert_int_equal(env_log_format(fileno(file), NULL), LOG_TEXT);
    fclose(file);
    assert_int_equal(env_log_format(-1, stream), LOG_TEXT);
}

/* Keeps the files and settings of whoever runs the tests out of them. */
static int hide_environment(void **state)
{
    (void)state;
    setenv("AWS_CONFIG_FILE", "/nonexistent/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", "/nonexistent/credentials", 1);
    unsetenv("AWS_PROFILE");
    unsetenv("AWS_CA_BUNDLE");
    return 0;
}

static struct config *load(char *const *environment)
{
    struct buf problems = buf_make(1 << 16);
    struct config *c =
        config_load("tests/unit/data/config/all-types.ini", false, environment, &problems);

    assert_string_equal(buf_str(&problems), "");
    assert_non_null(c);
    buf_free(&problems);
    return c;
}

static void test_http_options_come_from_the_configuration(void **state)
{
    char timeout[] = "HGAUTOD_HTTP_REQUEST_TIMEOUT=20s", proxy[] = "HGAUTOD_HTTP_PROXY=http://p:1";
    char *environment[] = {timeout, proxy, NULL};
    struct config *c = load(environment);
    struct err err = ERR_INIT;
    struct env env;

    (void)state;
    assert_true(env_init(&env, c, &err));
    assert_int_equal(env.http.request_timeout_ms, 20000);
    assert_int_equal(env.http.connect_timeout_ms, 5000);
    assert_string_equal(env.http.proxy, "http://p:1");
    assert_null(env.http.ca_bundle);
    assert_string_equal(env.http.user_agent, "hgautod/" HGAUTOD_VERSION);
    env_release(&env);
    config_free(c);
}

static void test_the_certificates_are_those_of_the_configuration_or_of_aws(void **state)
{
    char bundle[] = "HGAUTOD_HTTP_CA_BUNDLE=/etc/own.pem";
    char *own[] = {bundle, NULL}, *none[] = {NULL};
    struct err err = ERR_INIT;
    struct config *c;
    struct env env;

    (void)state;
    setenv("AWS_CA_BUNDLE", "/etc/aws.pem", 1);
    c = load(none);
    assert_true(env_init(&env, c, &err));
    assert_string_equal(env.http.ca_bundle, "/etc/aws.pem");
    env_release(&env);
    config_free(c);
    c = load(own);
    assert_true(env_init(&env, c, &err));
    assert_string_equal(env.http.ca_bundle, "/etc/own.pem");
    env_release(&env);
    config_free(c);
}

static void test_versions_of_resource_types_are_those_of_the_configuration(void **state)
{
    char *none[] = {NULL};
    struct config *c = load(none); /* arm_versions of disks, in other letters, and of tags */
    struct err err = ERR_INIT;
    struct env env;

    (void)state;
    assert_true(env_init(&env, c, &err));
    assert_string_equal(arm_version(env.azure, "Microsoft.Compute/disks"), "2022-03-02");
    assert_string_equal(arm_version(env.azure, "Microsoft.Resources/tags"), "2020-10-01-preview");
    assert_string_equal(arm_version(env.azure, "Microsoft.Compute/images"), "2022-08-01");
    env_release(&env);
    config_free(c);
}

static void test_a_broken_file_of_the_aws_cli_is_said(void **state)
{
    char path[] = "/tmp/hgautod-aws-XXXXXX", *none[] = {NULL};
    struct config *c = load(none);
    struct err err = ERR_INIT;
    struct env env;
    int fd = mkstemp(path);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "[default\n", 9), 9);
    close(fd);
    setenv("AWS_CONFIG_FILE", path, 1);
    assert_false(env_init(&env, c, &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_non_null(strstr(err.message, path));
    assert_null(env.log);
    unlink(path);
    config_free(c);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_log_is_for_the_journal_only_if_it_goes_there),
        cmocka_unit_test_setup(test_http_options_come_from_the_configuration, hide_environment),
        cmocka_unit_test_setup(test_the_certificates_are_those_of_the_configuration_or_of_aws,
                               hide_environment),
        cmocka_unit_test_setup(test_versions_of_resource_types_are_those_of_the_configuration,
                               hide_environment),
        cmocka_unit_test_setup(test_a_broken_file_of_the_aws_cli_is_said, hide_environment),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
