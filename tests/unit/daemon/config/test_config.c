/* Tests of the configuration: folders of files beside what must be said of them, and what only code
 * can set up (permissions, secrets, sizes). With UPDATE=1 in the environment the expected files,
 * the sample and the manual are written anew. */
#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <glob.h>
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

#include "daemon/config/config.h"
#include "daemon/config/table.h"
#include "lib/base/ini.h"
#include "tests/unit/golden.h"

#define DATA "tests/unit/data/config"

static char *const no_environment[] = {NULL};

static void write_text(const char *path, const char *text, size_t size, mode_t mode)
{
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, mode);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text, size), size);
    assert_int_equal(fchmod(fd, mode), 0);
    assert_int_equal(close(fd), 0);
}

/* A directory of the test's own. */
struct place {
    char dir[64], ini[96], secret[96];
};

static int make_place(void **state)
{
    struct place *p = calloc(1, sizeof *p);
    assert_non_null(p);
    strcpy(p->dir, "/tmp/hgautod-config-XXXXXX");
    assert_non_null(mkdtemp(p->dir));
    snprintf(p->ini, sizeof p->ini, "%s/h.ini", p->dir);
    snprintf(p->secret, sizeof p->secret, "%s/secret", p->dir);
    *state = p;
    return 0;
}

static int remove_place(void **state)
{
    struct place *p = *state;
    unlink(p->ini);
    unlink(p->secret);
    rmdir(p->dir);
    free(p);
    return 0;
}

/* Loads text as a file; the problems' lines begin with "INI". */
static struct config *load_text(struct place *p, const char *text, size_t size, mode_t mode,
                                char *const *environment, struct buf *problems)
{
    struct buf raw = buf_make(1 << 20);
    struct config *c;
    write_text(p->ini, text, size, mode);
    c = config_load(p->ini, false, environment, &raw);
    for (const char *at = buf_str(&raw); *at;) {
        bool here = strncmp(at, p->ini, strlen(p->ini)) == 0;
        if (here)
            buf_adds(problems, "INI");
        else
            buf_addc(problems, *at);
        at += here ? strlen(p->ini) : 1;
    }
    buf_free(&raw);
    return c;
}

static void expect_problems(struct place *p, const char *text, mode_t mode,
                            char *const *environment, const char *expected)
{
    struct buf problems = buf_make(1 << 20);
    struct config *c = load_text(p, text, strlen(text), mode, environment, &problems);
    assert_string_equal(buf_str(&problems), expected);
    assert_null(c);
    buf_free(&problems);
}

static struct config *expect_loaded(struct place *p, const char *text, mode_t mode,
                                    char *const *environment)
{
    struct buf problems = buf_make(1 << 20);
    struct config *c = load_text(p, text, strlen(text), mode, environment, &problems);
    assert_string_equal(buf_str(&problems), "");
    assert_non_null(c);
    buf_free(&problems);
    return c;
}

/* --- folders --- */

/* The lines of NAME.env as an environment; taken apart in place. */
static void read_environment(char *text, char **to, size_t room)
{
    size_t n = 0;
    for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
        assert_true(n + 1 < room);
        to[n++] = line;
    }
    to[n] = NULL;
}

static void check_file(const char *name)
{
    struct buf said = buf_make(1 << 20), env = buf_make(1 << 16);
    char *environment[32], path[300];
    struct config *c;
    snprintf(path, sizeof path, "%.200s.env", name);
    if (access(path, R_OK) == 0)
        golden_read(path, &env);
    assert_true(buf_reserve(&env, 1));
    env.data[env.size] = '\0';
    read_environment(env.data, environment, 32);
    snprintf(path, sizeof path, "%.200s.ini", name);
    c = config_load(path, false, environment, &said);
    if (c)
        config_print(c, &said);
    assert_true(buf_ok(&said));
    snprintf(path, sizeof path, "%.200s.%s", name, c ? "effective" : "errors");
    config_free(c);
    golden_compare(path, buf_str(&said));
    buf_free(&said);
    buf_free(&env);
}

static int is_ini(const struct dirent *e)
{
    const char *dot = strrchr(e->d_name, '.');
    return dot && strcmp(dot, ".ini") == 0;
}

static void test_files_give_what_stands_beside_them(void **state)
{
    struct dirent **entries;
    int n;
    (void)state;
    assert_int_equal(chdir(DATA), 0); /* so that messages name the file alone */
    n = scandir(".", &entries, is_ini, alphasort);
    assert_true(n > 10);
    for (int i = 0; i < n; i++) {
        *strrchr(entries[i]->d_name, '.') = '\0';
        check_file(entries[i]->d_name);
        free(entries[i]);
    }
    free(entries);
    assert_int_equal(chdir("../../../.."), 0);
}

/* --- reading --- */

#define SOURCE "[source a]\ntype = directory\npath = /srv/a\n"

#define ARM_TYPES                                                                                  \
    "one of Microsoft.Compute/virtualMachines, Microsoft.Compute/images, "                         \
    "Microsoft.Compute/sshPublicKeys, Microsoft.Compute/disks, "                                   \
    "Microsoft.Network/networkInterfaces, Microsoft.Network/publicIPAddresses, "                   \
    "Microsoft.Resources/tags, Microsoft.Resources/resourceGroups, "                               \
    "Microsoft.Resources/subscriptions, followed by =VERSION"

static void test_values_arrive_in_their_fields(void **state)
{
    struct config *c =
        expect_loaded(*state,
                      "[daemon]\nname = n\nworkers = 3\ndrain_timeout = 2m\n"
                      "[log]\nlevel = debug\nformat = json\n"
                      "[guard]\ndry_run = yes\nallow_accounts = 123456789012 210987654321\n"
                      "protect_tags = keep, \"Cost Center=R 1\"\n"
                      "[source q]\ntype = sqs\nbucket = events\n"
                      "queue_url = http://127.0.0.1:5000/123456789012/q\nwait_time = 0s\n"
                      "claims = off\nsweep_interval = 90s\n",
                      0644, no_environment);
    const struct config_source *s = &c->sources[0];
    assert_string_equal(c->daemon.name, "n");
    assert_int_equal(c->daemon.workers, 3);
    assert_int_equal(c->daemon.drain_timeout, 120000);
    assert_int_equal(c->log.level, LOG_DEBUG_LEVEL);
    assert_int_equal(c->log.format, LOG_JSON);
    assert_true(c->guard.dry_run);
    assert_int_equal(c->guard.allow_accounts.count, 2);
    assert_string_equal(c->guard.allow_accounts.at[1], "210987654321");
    assert_int_equal(c->guard.protect_tags.count, 2);
    assert_string_equal(c->guard.protect_tags.at[1], "Cost Center=R 1");
    assert_string_equal(c->aws.cross_account_role,
                        "arn:{partition}:iam::{account}:role/n-x-account");
    assert_int_equal(c->source_count, 1);
    assert_string_equal(s->name, "q");
    assert_int_equal(s->type, SOURCE_SQS);
    assert_string_equal(s->queue_url, "http://127.0.0.1:5000/123456789012/q");
    assert_int_equal(s->wait_time, 0);
    assert_int_equal(s->visibility_timeout, 300000);
    assert_false(s->rules.claims);
    assert_int_equal(s->sweep_interval, 90000);
    assert_int_equal(s->sweep_max_age, 86400000);
    assert_int_equal(s->line, 12);
    config_free(c);
}

static void test_wrong_versions_of_resource_types(void **state)
{
    static const char *const tests[][2] = {
        {"2022-01-01", "TYPE=VERSION, for example Microsoft.Compute/virtualMachines=2021-03-01"},
        {"Microsoft.Compute/disks=latest", NULL},
        {"Microsoft.Compute/disks=2022-13-01", NULL},
        {"Microsoft.Compute/disks=2022-00-01", NULL},
        {"Microsoft.Compute/disks=2022-01-32", NULL},
        {"Microsoft.Compute/disks=2022-01-00", NULL},
        {"Microsoft.Compute/disks=2022-1-1", NULL},
        {"Microsoft.Compute/disks=2022-01-01-beta", NULL},
        {"Microsoft.Compute/disks=2022-01-01&x=y", NULL},
        {"Microsoft.Compute/disks=", NULL},
        {"=2022-01-01", ARM_TYPES},
        {"Microsoft.Compute/disk=2022-01-01", ARM_TYPES},
        {"Microsoft.Compute=2022-01-01", ARM_TYPES},
    };
    static const char no_date[] = "TYPE=VERSION with a date as its VERSION, for example "
                                  "Microsoft.Compute/virtualMachines=2021-03-01; -preview may "
                                  "follow";
    for (size_t i = 0; i < sizeof tests / sizeof tests[0]; i++) {
        char text[256], expected[1024];
        snprintf(text, sizeof text, "[azure]\narm_versions = %s\n" SOURCE, tests[i][0]);
        snprintf(expected, sizeof expected, "INI:2: arm_versions: '%s' is not %s\n", tests[i][0],
                 tests[i][1] ? tests[i][1] : no_date);
        expect_problems(*state, text, 0644, no_environment, expected);
    }
}

static void test_defaults(void **state)
{
    struct config *c = expect_loaded(*state, SOURCE, 0644, no_environment);
    assert_int_equal(c->daemon.workers, 16);
    assert_int_equal(c->daemon.drain_timeout, 60000);
    assert_int_equal(c->log.level, LOG_INFO_LEVEL);
    assert_int_equal(c->log.format, -1);
    assert_int_equal(c->http.connect_timeout, 5000);
    assert_int_equal(c->http.request_timeout, 30000);
    assert_int_equal(c->http.max_attempts, 30);
    assert_int_equal(c->http.retry_for, 120000);
    assert_int_equal(c->http.throttle_patience, 600000);
    assert_string_equal(c->azure.cloud, "public");
    assert_int_equal(c->sources[0].rules.claim_ttl, 120000);
    assert_int_equal(c->sources[0].sweep_interval, 1000);
    assert_true(c->sources[0].rules.claims);
    assert_true(strlen(c->daemon.name) >= 1);
    config_free(c);
}

/* "protect_tags = t=xxx" of n bytes, between two other lines. */
static void add_long_line(struct buf *to, size_t n)
{
    size_t start;
    buf_adds(to, "[guard]\n");
    start = to->size;
    buf_adds(to, "protect_tags = t=");
    while (to->size - start < n)
        buf_addc(to, 'x');
    buf_adds(to, "\ndry_run = yes\n" SOURCE);
    assert_true(buf_ok(to));
}

static void test_a_long_line_is_read_whole_or_refused(void **state)
{
    struct buf text = buf_make(1 << 20), problems = buf_make(1 << 16);
    struct config *c;
    add_long_line(&text, INI_LINE_MAX);
    c = expect_loaded(*state, buf_str(&text), 0644, no_environment);
    assert_int_equal(strlen(c->guard.protect_tags.at[0]), INI_LINE_MAX - strlen("protect_tags = "));
    assert_true(c->guard.dry_run);
    config_free(c);

    buf_reset(&text);
    add_long_line(&text, INI_LINE_MAX + 1);
    c = load_text(*state, buf_str(&text), text.size, 0644, no_environment, &problems);
    assert_string_equal(buf_str(&problems), "INI:2: the line is longer than 16384 bytes\n");
    assert_null(c);
    buf_free(&problems);
    buf_free(&text);
}

static void test_bytes_that_are_no_text_are_refused(void **state)
{
    static const char text[] = SOURCE "[log]\nlevel\0 = info\n[aws]\nprofile = \xff\n"
                                      "[daemon]\nname = \xc3\xa9\n";
    struct buf problems = buf_make(1 << 16);
    struct config *c = load_text(*state, text, sizeof text - 1, 0644, no_environment, &problems);
    assert_string_equal(buf_str(&problems),
                        "INI:5: the line contains a control character\nINI:7: the line is not "
                        "UTF-8\nINI:9: name: '\xc3\xa9' is not valid: use 1 to 54 of the "
                        "characters A-Z a-z 0-9 + = , . @ _ -\n");
    assert_null(c);
    buf_free(&problems);
}

static void test_a_variable_that_is_no_text_is_refused(void **state)
{
    char region[] = "HGAUTOD_AWS_PROFILE=\xc3\x28", name[] = "HGAUTOD_DAEMON_NAME=a\nb";
    char *environment[] = {region, name, NULL};
    expect_problems(*state, SOURCE, 0644, environment,
                    "environment: HGAUTOD_AWS_PROFILE is not UTF-8\nenvironment: "
                    "HGAUTOD_DAEMON_NAME contains a control character\n");
}

static void test_a_file_that_is_too_large_is_refused(void **state)
{
    struct buf text = buf_make(2 * CONFIG_FILE_MAX);
    while (text.size <= CONFIG_FILE_MAX)
        buf_adds(&text, "# a comment\n");
    expect_problems(*state, buf_str(&text), 0644, no_environment,
                    "INI: the configuration cannot be read: it is larger than 1048576 "
                    "bytes\n");
    buf_free(&text);
}

static void test_a_named_file_must_be_there(void **state)
{
    struct buf problems = buf_make(1 << 16);
    (void)state;
    assert_null(config_load("/nonexistent/h.ini", true, no_environment, &problems));
    assert_string_equal(buf_str(&problems), "/nonexistent/h.ini: the configuration cannot be read: "
                                            "No such file or directory\n");
    buf_free(&problems);
}

static void test_too_many_sources_are_refused(void **state)
{
    struct buf text = buf_make(1 << 20);
    char expected[64];
    for (int i = 0; i <= CONFIG_SOURCE_MAX; i++)
        buf_addf(&text, "[source s%d]\ntype = directory\npath = /srv\n", i);
    snprintf(expected, sizeof expected, "INI:%d: more than 256 sources\n",
             3 * CONFIG_SOURCE_MAX + 1);
    expect_problems(*state, buf_str(&text), 0644, no_environment, expected);
    buf_free(&text);
}

/* --- secrets --- */

#define BLOB   "[source b]\ntype = azure_blob\ncontainer = events\n"
#define SECRET "AccountName=hg;AccountKey=c2VjcmV0IQ=="

static void expect_no_secret(const struct config *c)
{
    struct buf text = buf_make(1 << 20);
    json_t *json = config_json(c);
    char *dumped = json_dumps(json, 0);
    config_print(c, &text);
    assert_true(buf_ok(&text));
    assert_null(strstr(buf_str(&text), "c2VjcmV0"));
    assert_non_null(strstr(buf_str(&text), "********"));
    assert_non_null(dumped);
    assert_null(strstr(dumped, "c2VjcmV0"));
    assert_non_null(strstr(dumped, "********"));
    free(dumped);
    json_decref(json);
    buf_free(&text);
}

static void test_a_file_with_a_secret_must_be_private(void **state)
{
    const char text[] = BLOB "connection_string = " SECRET " ; a comment\n";
    static const char expected[] =
        "INI:4: connection_string is a secret, but users other than its owner can read or change "
        "the file (mode 06%s); run chmod 600 INI, or put the secret in a separate file with "
        "connection_string_file\n";
    static const char *const modes[] = {"40", "04", "20"};
    struct config *c = expect_loaded(*state, text, 0600, no_environment);
    assert_string_equal(c->sources[0].connection_string, SECRET);
    expect_no_secret(c);
    config_free(c);
    for (size_t i = 0; i < 3; i++) {
        char line[400];
        snprintf(line, sizeof line, expected, modes[i]);
        expect_problems(*state, text, (mode_t)(0600 | strtol(modes[i], NULL, 8)), no_environment,
                        line);
    }
}

static void test_a_proxy_with_a_password_is_a_secret(void **state)
{
    const char text[] = SOURCE "[http]\nproxy = http://me:c2VjcmV0/@:@proxy:3128\n";
    struct config *c = expect_loaded(*state, text, 0600, no_environment);
    struct buf out = buf_make(1 << 20);
    expect_no_secret(c);
    config_print(c, &out);
    assert_true(buf_ok(&out));
    assert_non_null(strstr(buf_str(&out), "proxy = http://********@proxy:3128 "));
    buf_free(&out);
    config_free(c);
    expect_problems(*state, text, 0644, no_environment,
                    "INI:5: proxy is a secret, but users other than its owner can read or change "
                    "the file (mode 0644); run chmod 600 INI, or put the secret in a separate file "
                    "with proxy_file\n");
    c = expect_loaded(*state, SOURCE "[http]\nproxy = http://proxy:3128\n", 0644, no_environment);
    config_free(c);
}

static void test_a_bad_secret_is_not_shown(void **state)
{
    char variable[] = "HGAUTOD_HTTP_PROXY=me:c2VjcmV0@proxy:3128";
    char *environment[] = {variable, NULL};
    expect_problems(
        *state, SOURCE, 0644, environment,
        "environment: HGAUTOD_HTTP_PROXY: the value is not the URL of a proxy: use "
        "http://, https://, socks4://, socks4a://, socks5:// or socks5h:// and a host\n");
}

/* Writes the secret's file and a configuration that names it. */
static void name_secret(struct place *p, const char *secret, size_t size, struct buf *text)
{
    write_text(p->secret, secret, size, 0400);
    buf_addf(text, BLOB "connection_string_file = %s\n", p->secret);
}

static void test_a_secret_comes_from_its_file(void **state)
{
    struct place *p = *state;
    struct buf text = buf_make(1 << 16);
    struct config *c;
    name_secret(p, SECRET "\n", strlen(SECRET "\n"), &text);
    c = expect_loaded(p, buf_str(&text), 0644, no_environment);
    assert_string_equal(c->sources[0].connection_string, SECRET);
    assert_string_equal(c->sources[0].connection_string_file, p->secret);
    expect_no_secret(c);
    config_free(c);
    buf_free(&text);
}

static void expect_secret_problem(struct place *p, const char *secret, size_t size,
                                  const char *expected)
{
    struct buf text = buf_make(1 << 16);
    char line[400];
    name_secret(p, secret, size, &text);
    snprintf(line, sizeof line, "INI:4: connection_string_file: %s %s\n", p->secret, expected);
    expect_problems(p, buf_str(&text), 0644, no_environment, line);
    assert_int_equal(unlink(p->secret), 0);
    buf_free(&text);
}

/* Its owner's and, where a service manager says so, its group's to read. */
static void test_a_claim_key_has_at_least_16_bytes(void **state)
{
    struct place *p = *state;
    struct buf text = buf_make(4096), problems = buf_make(4096);
    struct config *c;
    buf_addf(&text, "[daemon]\nclaim_key_file = %s\n" BLOB "account = hgevents\n", p->secret);
    write_text(p->secret, "0123456789abcde\n", 16, 0400);
    c = load_text(p, buf_str(&text), text.size, 0600, no_environment, &problems);
    assert_null(c);
    assert_non_null(strstr(buf_str(&problems), "does not contain a valid value"));
    buf_reset(&problems);
    chmod(p->secret, 0600);
    write_text(p->secret, "0123456789abcdef\n", 17, 0400);
    c = load_text(p, buf_str(&text), text.size, 0600, no_environment, &problems);
    assert_string_equal(buf_str(&problems), "");
    assert_non_null(c);
    assert_string_equal(c->daemon.claim_key, "0123456789abcdef");
    config_free(c);
    buf_free(&text);
    buf_free(&problems);
}

static void test_a_secrets_file_must_be_private(void **state)
{
    static const mode_t good[] = {0400, 0440, 0600, 0640};
    static const mode_t bad[] = {0404, 0444, 0602, 0620, 0644, 0660, 0666, 0777};
    struct place *p = *state;
    struct buf text = buf_make(1 << 16);
    char line[400];
    buf_addf(&text, BLOB "connection_string_file = %s\n", p->secret);
    for (size_t i = 0; i < sizeof good / sizeof *good; i++) {
        write_text(p->secret, SECRET "\n", strlen(SECRET "\n"), good[i]);
        config_free(expect_loaded(p, buf_str(&text), 0644, no_environment));
        unlink(p->secret);
    }
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        write_text(p->secret, SECRET "\n", strlen(SECRET "\n"), bad[i]);
        snprintf(line, sizeof line,
                 "INI:4: connection_string_file: %s cannot be read: others can read or change it "
                 "(mode %04o): run chmod 600 %s\n",
                 p->secret, bad[i], p->secret);
        expect_problems(p, buf_str(&text), 0644, no_environment, line);
        unlink(p->secret);
    }
    buf_free(&text);
}

/* A FIFO that nobody writes to would be waited for, and a device may never end. */
static void test_a_secrets_file_is_a_regular_one(void **state)
{
    struct place *p = *state;
    struct buf text = buf_make(1 << 16);
    char line[400];
    assert_int_equal(mkfifo(p->secret, 0600), 0);
    buf_addf(&text, BLOB "connection_string_file = %s\n", p->secret);
    snprintf(line, sizeof line,
             "INI:4: connection_string_file: %s cannot be read: it is not a regular file\n",
             p->secret);
    expect_problems(p, buf_str(&text), 0644, no_environment, line);
    unlink(p->secret);
    buf_reset(&text);
    buf_addf(&text, BLOB "connection_string_file = %s\n", p->dir);
    snprintf(line, sizeof line,
             "INI:4: connection_string_file: %s cannot be read: it is a directory\n", p->dir);
    expect_problems(p, buf_str(&text), 0644, no_environment, line);
    buf_free(&text);
}

static void test_what_is_wrong_with_a_secrets_file_is_said(void **state)
{
    struct place *p = *state;
    struct buf large = buf_make(1 << 20), text = buf_make(1 << 16);
    char line[400];
    expect_secret_problem(p, "\n", 1, "is empty");
    expect_secret_problem(p, "a\nb", 3, "contains more than one line, or control characters");
    expect_secret_problem(p, "a\0b", 3, "contains more than one line, or control characters");
    while (large.size <= CONFIG_SECRET_MAX)
        buf_addc(&large, 'x');
    expect_secret_problem(p, buf_str(&large), large.size,
                          "cannot be read: it is larger than 65536 bytes");

    buf_addf(&text, BLOB "connection_string_file = %s\n", p->secret);
    snprintf(line, sizeof line,
             "INI:4: connection_string_file: %s cannot be read: No such file or directory\n",
             p->secret);
    expect_problems(p, buf_str(&text), 0644, no_environment, line);
    buf_adds(&text, "connection_string = " SECRET "\n");
    expect_problems(p, buf_str(&text), 0600, no_environment,
                    "INI:4: connection_string_file: set either this or the secret itself, not "
                    "both\n");
    buf_free(&text);
    buf_free(&large);
}

static void test_any_bucket_is_for_a_queue(void **state)
{
    struct config *c = expect_loaded(*state,
                                     "[source q]\ntype = sqs\nbucket = *\n"
                                     "queue_url = https://sqs.eu-west-1.amazonaws.com/1/q\n"
                                     "[source r]\ntype = sqs\nbucket = events\n"
                                     "queue_url = https://sqs.eu-west-1.amazonaws.com/1/q\n",
                                     0644, no_environment);
    assert_string_equal(c->sources[0].bucket, "*");
    assert_null(config_source_bucket(&c->sources[0]));
    assert_string_equal(config_source_bucket(&c->sources[1]), "events");
    config_free(c);
    expect_problems(*state, "[source a]\ntype = s3\nbucket = *\n", 0644, no_environment,
                    "INI:3: bucket: '*' is for type = sqs; type = s3 needs the name of a bucket\n");
    expect_problems(*state,
                    "[source q]\ntype = sqs\nbucket = *\nsweep_interval = 1m\n"
                    "queue_url = https://sqs.eu-west-1.amazonaws.com/1/q\n",
                    0644, no_environment,
                    "INI:4: sweep_interval needs the name of a bucket: without it there is nothing "
                    "to search\n");
}

/* --- readers --- */

/* Appends all files that a pattern names but those of the configuration itself. */
static void read_users(const char *pattern, struct buf *to)
{
    glob_t found;

    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    for (size_t i = 0; i < found.gl_pathc; i++)
        if (!strstr(found.gl_pathv[i], "/config/"))
            golden_read(found.gl_pathv[i], to);
    globfree(&found);
}

/* Whether "before" and then the name, as a whole word, stands somewhere. */
static bool is_used(const char *text, const char *before, const char *name)
{
    char wanted[128];
    snprintf(wanted, sizeof wanted, "%s%s", before, name);
    for (const char *at = text; (at = strstr(at, wanted)); at++)
        if (!isalnum((unsigned char)at[strlen(wanted)]) && at[strlen(wanted)] != '_')
            return true;
    return false;
}

/* Reads the field of the row that begins at a line of the table: KIND(IN_SECTION(key), or
 * KIND(RULE(key), ... What a *_file contains goes to another field, which is read instead. */
static bool read_field(const char *line, char field[128])
{
    char kind[32], section[32], key[64];
    if (strncmp(line, "    ", 4) != 0 || !isupper((unsigned char)line[4]))
        return false;
    if (sscanf(line, " %31[A-Z_]( IN_%31[A-Z](%63[a-z_])", kind, section, key) == 3) {
        for (char *p = section; *p; p++)
            *p = (char)tolower((unsigned char)*p);
        bool source = strcmp(section, "source") == 0;
        snprintf(field, 128, "%s%s%s", source ? "" : section, source ? "" : ".", key);
    } else {
        assert_int_equal(sscanf(line, " %31[A-Z_]( RULE(%63[a-z_])", kind, key), 2);
        snprintf(field, 128, "rules.%s", key);
    }
    if (strcmp(kind, "SECRET_FILE") == 0)
        assert_int_equal(sscanf(strstr(line, "offsetof(struct config"),
                                "offsetof(struct %*[a-z_], %127[a-z_.])", field),
                         1);
    return true;
}

static void test_each_setting_has_a_reader(void **state)
{
    static const char *const holders[] = {"config->", "c->", "source->", "sources[i]."};
    struct buf table = buf_make(1 << 20), users = buf_make(16 << 20);
    size_t rows = 0;
    (void)state;
    golden_read("daemon/config/table.c", &table);
    read_users("daemon/*.c", &users);
    read_users("daemon/*/*.c", &users);
    for (const char *line = buf_str(&table); line; line = strchr(line, '\n')) {
        char field[128];
        bool used = false;
        if (!read_field(line += *line == '\n', field))
            continue;
        for (size_t h = 0; h < sizeof holders / sizeof *holders; h++)
            used = used || is_used(buf_str(&users), holders[h], field);
        if (!used)
            fail_msg("nothing reads the setting %s", field);
        rows++;
    }
    assert_int_equal(rows, config_setting_count());
    buf_free(&table);
    buf_free(&users);
}

/* --- the reference --- */

/* The sample with its settings put in force: lines that begin with ';' are settings. */
static void uncomment(const char *from, struct buf *to)
{
    for (const char *at = from; *at; at++)
        if (*at != ';' || (at > from && at[-1] != '\n'))
            buf_addc(to, *at);
}

/* The text with a file that is there in the place of the example's. */
static void put_path(const char *text, const char *example, const char *path, struct buf *to)
{
    const char *at = strstr(text, example);
    assert_non_null(at);
    buf_add(to, text, (size_t)(at - text));
    buf_adds(to, path);
    assert_true(buf_adds(to, at + strlen(example)));
}

static void test_every_line_of_the_sample_can_be_put_in_force(void **state)
{
    struct buf sample = buf_make(1 << 20), all = buf_make(1 << 20), problems = buf_make(1 << 16);
    struct buf there = buf_make(1 << 20);
    struct place *p = *state;
    struct config *c;
    write_text(p->secret, "http://proxy:3128\n", 18, 0400);
    config_sample(&sample);
    assert_true(buf_ok(&sample));
    put_path(buf_str(&sample), "/run/credentials/hgautod.service/claim_key", p->secret, &there);
    uncomment(buf_str(&there), &all);
    c = load_text(p, buf_str(&all), all.size, 0644, no_environment, &problems);
    assert_null(
        c); /* the sample's proxy and proxy_file exclude each other, and nothing else is wrong */
    assert_non_null(strstr(buf_str(&problems),
                           ": proxy_file: set either this or the secret itself, not both\n"));
    assert_ptr_equal(strchr(buf_str(&problems), '\n'), buf_str(&problems) + problems.size - 1);
    buf_free(&sample);
    buf_free(&there);
    buf_free(&all);
    buf_free(&problems);
}

static void test_the_sample_is_the_tables(void **state)
{
    struct buf text = buf_make(1 << 20);
    (void)state;
    config_sample(&text);
    assert_true(buf_ok(&text));
    golden_compare("conf/hgautod.ini", buf_str(&text));
    buf_free(&text);
}

static void test_the_manual_is_the_tables(void **state)
{
    struct buf text = buf_make(1 << 20);
    (void)state;
    config_mdoc(&text);
    assert_true(buf_ok(&text));
    golden_compare_part("docs/hgautod.ini.5", buf_str(&text));
    buf_free(&text);
}

static void test_what_is_printed_can_be_read_again(void **state)
{
    struct config *c =
        expect_loaded(*state, "[daemon]\nname = n\n[guard]\nprotect_tags = \"a b=c, d\" e\n" SOURCE,
                      0644, no_environment);
    struct buf once = buf_make(1 << 20), twice = buf_make(1 << 20);
    struct config *again;
    config_print(c, &once);
    assert_true(buf_ok(&once));
    again = expect_loaded(*state, buf_str(&once), 0644, no_environment);
    assert_int_equal(again->guard.protect_tags.count, 2);
    assert_string_equal(again->guard.protect_tags.at[0], "a b=c, d");
    assert_string_equal(again->daemon.name, c->daemon.name);
    assert_int_equal(again->sources[0].sweep_interval, c->sources[0].sweep_interval);
    buf_free(&once);
    buf_free(&twice);
    config_free(again);
    config_free(c);
}

static void test_json(void **state)
{
    char variable[] = "HGAUTOD_DAEMON_WORKERS=32";
    char *environment[] = {variable, NULL};
    struct place *p = *state;
    struct config *c =
        expect_loaded(p, "[guard]\nallow_regions = eu-west-1\n" SOURCE, 0644, environment);
    json_t *json = config_json(c);
    const char *file, *origin, *region, *region_origin, *path, *interval;
    char expected[128];
    int workers, dry_run;
    assert_int_equal(json_unpack(json,
                                 "{s:s, s:{s:{s:i, s:s}}, s:{s:{s:b}, s:{s:[s], s:s}}, "
                                 "s:{s:{s:{s:s}, s:{s:s}}}}",
                                 "file", &file, "daemon", "workers", "value", &workers, "origin",
                                 &origin, "guard", "dry_run", "value", &dry_run, "allow_regions",
                                 "value", &region, "origin", &region_origin, "sources", "a", "path",
                                 "value", &path, "sweep_interval", "value", &interval),
                     0);
    assert_string_equal(file, p->ini);
    assert_int_equal(workers, 32);
    assert_string_equal(origin, "environment");
    assert_false(dry_run);
    assert_string_equal(region, "eu-west-1");
    snprintf(expected, sizeof expected, "%s:2", p->ini);
    assert_string_equal(region_origin, expected);
    assert_string_equal(path, "/srv/a");
    assert_string_equal(interval, "1s");
    json_decref(json);
    config_free(c);
}

#define TEST(t) cmocka_unit_test_setup_teardown(t, make_place, remove_place)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_setting_has_a_reader),
        TEST(test_any_bucket_is_for_a_queue),
        TEST(test_files_give_what_stands_beside_them),
        TEST(test_values_arrive_in_their_fields),
        TEST(test_wrong_versions_of_resource_types),
        TEST(test_defaults),
        TEST(test_a_long_line_is_read_whole_or_refused),
        TEST(test_bytes_that_are_no_text_are_refused),
        TEST(test_a_variable_that_is_no_text_is_refused),
        TEST(test_a_file_that_is_too_large_is_refused),
        TEST(test_a_named_file_must_be_there),
        TEST(test_too_many_sources_are_refused),
        TEST(test_a_file_with_a_secret_must_be_private),
        TEST(test_a_claim_key_has_at_least_16_bytes),
        TEST(test_a_secrets_file_must_be_private),
        TEST(test_a_secrets_file_is_a_regular_one),
        TEST(test_a_proxy_with_a_password_is_a_secret),
        TEST(test_a_bad_secret_is_not_shown),
        TEST(test_a_secret_comes_from_its_file),
        TEST(test_what_is_wrong_with_a_secrets_file_is_said),
        TEST(test_every_line_of_the_sample_can_be_put_in_force),
        TEST(test_the_sample_is_the_tables),
        TEST(test_the_manual_is_the_tables),
        TEST(test_what_is_printed_can_be_read_again),
        TEST(test_json),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
