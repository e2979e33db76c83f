/* Tests of lib/aws/auth/profile.c and words.c: against what botocore and shlex read
 * (tests/tools/botocore_profiles.py). */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>
#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "lib/aws/auth/command_line.h"
#include "lib/aws/auth/profile.h"

#define DATA "tests/unit/data/profile"

static struct aws_profiles *load(const char *folder, struct err *err)
{
    char config[512];
    char credentials[512];
    snprintf(config, sizeof config, DATA "/%s/config", folder);
    snprintf(credentials, sizeof credentials, DATA "/%s/credentials", folder);
    return aws_profiles_load(config, credentials, err);
}

/* One line of `expected`: profile, key, nested key or "-", value as JSON. */
static void check_line(const struct aws_profiles *p, char *line)
{
    char *rest = line;
    const char *profile = strsep(&rest, "\t");
    const char *key = strsep(&rest, "\t");
    const char *sub = strsep(&rest, "\t");
    json_t *value = json_loads(strsep(&rest, "\n"), JSON_DECODE_ANY, NULL);
    assert_non_null(value);
    const char *found = strcmp(sub, "-") == 0
                            ? aws_profile_get(p, profile, key)
                            : aws_profile_section_get(p, "profile", profile, key, sub);
    assert_true(aws_profile_exists(p, profile));
    assert_non_null(found);
    assert_string_equal(found, json_string_value(value));
    json_decref(value);
}

static bool reads_as_expected(const char *folder, const struct aws_profiles *p)
{
    char path[512];
    char line[4096];
    snprintf(path, sizeof path, DATA "/%s/expected", folder);
    FILE *file = fopen(path, "re");
    if (!file)
        return false;
    while (fgets(line, sizeof line, file))
        check_line(p, line);
    fclose(file);
    return true;
}

static void check_error(const char *folder, const struct err *err)
{
    char path[512];
    char line[4096];
    char expected[8192];
    snprintf(path, sizeof path, DATA "/%s/error", folder);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    assert_non_null(fgets(line, sizeof line, file));
    fclose(file);
    line[strcspn(line, "\n")] = '\0';
    snprintf(expected, sizeof expected, DATA "/%s/%s", folder, line);
    assert_string_equal(err->message, expected);
    assert_int_equal(err->kind, ERR_INVALID);
}

static void test_folders(void **state)
{
    (void)state;
    DIR *dir = opendir(DATA);
    assert_non_null(dir);
    int good = 0;
    int bad = 0;
    for (struct dirent *entry = readdir(dir); entry; entry = readdir(dir)) {
        if (entry->d_name[0] == '.' || strchr(entry->d_name, '.'))
            continue;
        struct err err = ERR_INIT;
        struct aws_profiles *p = load(entry->d_name, &err);
        if (p) {
            assert_true(reads_as_expected(entry->d_name, p));
            good++;
        } else {
            check_error(entry->d_name, &err);
            bad++;
        }
        aws_profiles_free(p);
    }
    closedir(dir);
    assert_int_equal(good, 5);
    assert_int_equal(bad, 6);
}

static void test_sections(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct aws_profiles *p = load("nested", &err);
    assert_non_null(p);
    assert_string_equal(aws_profile_section_get(p, "services", "local", "ec2", "endpoint_url"),
                        "http://localhost:4567");
    assert_string_equal(aws_profile_section_get(p, "services", "local", "elastic_load_balancing_v2",
                                                "endpoint_url"),
                        "http://localhost:4568");
    assert_null(aws_profile_section_get(p, "services", "local", "sqs", "endpoint_url"));
    assert_null(aws_profile_section_get(p, "services", "other", "ec2", "endpoint_url"));
    assert_false(aws_profile_exists(p, "local"));
    aws_profiles_free(p);
}

static void test_what_is_no_profile(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    struct aws_profiles *p = load("plain", &err);
    assert_non_null(p);
    assert_false(aws_profile_exists(p, "plain"));
    assert_false(aws_profile_exists(p, "profile"));
    assert_false(aws_profile_exists(p, ""));
    assert_null(aws_profile_get(p, "default", "role_arn"));
    assert_null(aws_profile_get(p, "nobody", "region"));
    assert_string_equal(aws_profile_section_get(p, "sso-session", "corp", "sso_region", NULL),
                        "us-east-1");
    aws_profiles_free(p);
}

/* Writes a file into a fresh directory, and removes both. */
static void write_file(char path[64], const void *bytes, size_t n)
{
    char dir[] = "/tmp/hgautod-profile-XXXXXX";
    assert_non_null(mkdtemp(dir));
    snprintf(path, 64, "%s/config", dir);
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, n, file), n);
    fclose(file);
}

static void remove_file(char path[64])
{
    unlink(path);
    path[strlen(path) - strlen("/config")] = '\0';
    rmdir(path);
}

static void check_refused(const void *bytes, size_t n, const char *why)
{
    struct err err = ERR_INIT;
    char path[64];
    write_file(path, bytes, n);
    assert_null(aws_profiles_load(path, "/nonexistent/credentials", &err));
    assert_int_equal(err.kind, ERR_INVALID);
    assert_true(strncmp(err.message, path, strlen(path)) == 0);
    assert_string_equal(err.message + strlen(path), why);
    remove_file(path);
}

static void test_hostile_files(void **state)
{
    (void)state;
    size_t n = (1u << 20) + 1;
    char *large = malloc(n);
    assert_non_null(large);
    memset(large, '#', n);
    check_refused(large, n, " is larger than 1 MiB");
    memcpy(large, "[default]\nx=1\n", 14);
    for (size_t i = 14; i + 2 <= n; i += 2)
        memcpy(large + i, i % 10 == 4 ? "\n " : "ab", 2);
    check_refused(large, n - 2, ", line 914: a value over several lines is longer than 8 KiB");
    free(large);
    check_refused("[a]\0b", 5, " contains a NUL byte: it is not text");
    check_refused("]", 1, ", line 1: a setting before the first [section]");
    check_refused("[]", 2, ", line 1: a section begins with '[' and ends with ']'");
    check_refused("[default]\n=x", 12,
                  ", line 2: neither a [section], a \"key = value\" nor a comment");
}

static void test_files_that_are_none(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    assert_null(aws_profiles_load("/tmp", "/nonexistent", &err));
    assert_string_equal(err.message, "/tmp is not a regular file");
    assert_null(aws_profiles_load("/dev/zero", "/nonexistent", &err));
    assert_string_equal(err.message, "/dev/zero is not a regular file");
    struct aws_profiles *p = aws_profiles_load("/nonexistent/a", "/dev/null/b", &err);
    assert_non_null(p);
    assert_false(aws_profile_exists(p, "default"));
    aws_profiles_free(p);
    p = aws_profiles_load("/dev/null", "/dev/null", &err);
    assert_non_null(p);
    assert_false(aws_profile_exists(p, "default"));
    aws_profiles_free(p);
}

static void test_paths_of_the_environment(void **state)
{
    (void)state;
    struct err err = ERR_INIT;
    setenv("HOME", DATA, 1);
    setenv("AWS_CONFIG_FILE", "~/plain/config", 1);
    setenv("AWS_SHARED_CREDENTIALS_FILE", DATA "/plain/credentials", 1);
    struct aws_profiles *p = aws_profiles_load(NULL, NULL, &err);
    assert_non_null(p);
    assert_string_equal(aws_profile_get(p, "build", "source_profile"), "default");
    assert_string_equal(aws_profile_get(p, "default", "aws_access_key_id"), "AKIDDEFAULT");
    aws_profiles_free(p);
    unsetenv("AWS_CONFIG_FILE");
    unsetenv("AWS_SHARED_CREDENTIALS_FILE");
    unsetenv("HOME");
    p = aws_profiles_load(NULL, NULL, &err);
    assert_non_null(p);
    assert_false(aws_profile_exists(p, "default"));
    aws_profiles_free(p);
}

static void write_text(const char *path, const char *text)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_true(fputs(text, file) >= 0);
    assert_int_equal(fclose(file), 0);
}

static struct aws_profiles *load_text(const char *path, const char *text)
{
    struct err err = ERR_INIT;
    write_text(path, text);
    struct aws_profiles *p = aws_profiles_load(path, "/nonexistent", &err);
    assert_string_equal(p ? "" : err.message, "");
    return p;
}

/* "aws configure sso" leaves both behind; [profile default] counts alone, wherever it stands. */
static void test_two_default_profiles(void **state)
{
    static const char *const texts[] = {
        "[default]\nregion = a\noutput = json\ns3 =\n x = y\n[profile default]\nregion = b\n",
        "[profile default]\nregion = b\n[default]\nregion = a\noutput = json\ns3 =\n x = y\n",
        "[default]\nregion = a\n[profile other]\nregion = c\n[profile default]\nregion = b\n",
        "[profile default]\nregion = b\n",
    };
    char path[] = "/tmp/hgautod-profile-XXXXXX";
    struct err err = ERR_INIT;
    (void)state;
    close(mkstemp(path));
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct aws_profiles *p = load_text(path, texts[i]);
        assert_string_equal(aws_profile_get(p, "default", "region"), "b");
        assert_null(aws_profile_get(p, "default", "output"));
        assert_null(aws_profile_get(p, "default", "s3"));
        aws_profiles_free(p);
    }
    write_text(path, "[default]\na=1\n[profile default]\nb=1\n[profile default]\nc=1\n");
    assert_null(aws_profiles_load(path, "/nonexistent", &err));
    assert_non_null(strstr(err.message, "line 5: this section was there before; merge the two"));
    unlink(path);
}

static void test_changed_files(void **state)
{
    char path[] = "/tmp/hgautod-profile-XXXXXX", other[64];
    struct err err = ERR_INIT;
    (void)state;
    close(mkstemp(path));
    snprintf(other, sizeof other, "%s.new", path);
    struct aws_profiles *p = load_text(path, "[profile a]\nregion = one\n");
    assert_false(aws_profiles_changed(p));
    /* Replaced by one as long. */
    write_text(other, "[profile a]\nregion = two\n");
    assert_int_equal(rename(other, path), 0);
    assert_true(aws_profiles_changed(p));
    struct aws_profiles *now = aws_profiles_reload(p, &err);
    assert_non_null(now);
    assert_string_equal(aws_profile_get(p, "a", "region"), "one");
    assert_string_equal(aws_profile_get(now, "a", "region"), "two");
    assert_false(aws_profiles_changed(now));
    unlink(path);
    /* Gone. */
    assert_true(aws_profiles_changed(now));
    aws_profiles_free(p);
    p = aws_profiles_reload(now, &err);
    assert_non_null(p);
    assert_false(aws_profiles_changed(p));
    write_text(path, "");
    /* Come. */
    assert_true(aws_profiles_changed(p));
    unlink(path);
    aws_profiles_free(p);
    aws_profiles_free(now);
}

/* Puts the time of a file's last change: this one, or a second later. */
static void set_time(const char *path, time_t seconds)
{
    const struct timespec times[] = {{.tv_sec = seconds}, {.tv_sec = seconds}};
    assert_int_equal(utimensat(AT_FDCWD, path, times, 0), 0);
}

/* Each of size, time and inode alone tells that a file is another. */
static void test_what_tells_a_changed_file(void **state)
{
    char path[] = "/tmp/hgautod-profile-XXXXXX", other[64];
    (void)state;
    close(mkstemp(path));
    snprintf(other, sizeof other, "%s.new", path);
    aws_profiles_free(load_text(path, "[profile a]\nregion = one\n"));
    set_time(path, 1000);
    struct aws_profiles *p = aws_profiles_load(path, "", &(struct err){0});
    assert_non_null(p);
    assert_false(aws_profiles_changed(p));
    set_time(path, 1001);
    assert_true(aws_profiles_changed(p));
    set_time(path, 1000);
    assert_false(aws_profiles_changed(p));
    write_text(path, "[profile a]\nregion = three\n");
    set_time(path, 1000);
    assert_true(aws_profiles_changed(p));
    write_text(path, "[profile a]\nregion = one\n");
    set_time(path, 1000);
    assert_false(aws_profiles_changed(p));
    write_text(other, "[profile a]\nregion = two\n");
    set_time(other, 1000);
    assert_int_equal(rename(other, path), 0);
    assert_true(aws_profiles_changed(p));
    unlink(path);
    aws_profiles_free(p);
}

static void check_words(const char *line, const json_t *expected)
{
    struct aws_command_line words;
    struct err err = ERR_INIT;
    bool ok = aws_command_line_split(line, &words, &err);
    assert_int_equal(ok, json_is_array(expected));
    if (!ok) {
        assert_int_equal(err.kind, ERR_INVALID);
        return;
    }
    assert_int_equal(words.count, json_array_size(expected));
    for (size_t i = 0; i < words.count; i++)
        assert_string_equal(words.argv[i], json_string_value(json_array_get(expected, i)));
    assert_null(words.argv[words.count]);
    aws_command_line_free(&words);
}

static void test_words(void **state)
{
    (void)state;
    json_t *cases = json_load_file(DATA "/words.json", 0, NULL);
    assert_true(json_array_size(cases) > 20);
    for (size_t i = 0; i < json_array_size(cases); i++) {
        const json_t *one = json_array_get(cases, i);
        check_words(json_string_value(json_array_get(one, 0)), json_array_get(one, 1));
    }
    json_decref(cases);
}

static void test_too_many_words(void **state)
{
    (void)state;
    char line[2 * (AWS_ARGUMENTS_MAX + 1) + 1];
    struct aws_command_line words;
    struct err err = ERR_INIT;
    for (size_t i = 0; i + 1 < sizeof line; i += 2)
        memcpy(line + i, "x ", 3);
    assert_false(aws_command_line_split(line, &words, &err));
    assert_string_equal(err.message, "more than 128 arguments");
    line[sizeof line - 3] = '\0';
    assert_true(aws_command_line_split(line, &words, &err));
    assert_int_equal(words.count, AWS_ARGUMENTS_MAX);
    aws_command_line_free(&words);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_folders),
        cmocka_unit_test(test_sections),
        cmocka_unit_test(test_what_is_no_profile),
        cmocka_unit_test(test_hostile_files),
        cmocka_unit_test(test_files_that_are_none),
        cmocka_unit_test(test_paths_of_the_environment),
        cmocka_unit_test(test_two_default_profiles),
        cmocka_unit_test(test_changed_files),
        cmocka_unit_test(test_what_tells_a_changed_file),
        cmocka_unit_test(test_words),
        cmocka_unit_test(test_too_many_words),
    };
    return cmocka_run_group_tests_name("profile", tests, NULL, NULL);
}
