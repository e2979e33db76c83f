/* Tests of the table of commands: options, operands, usage errors, help, the manual. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <jansson.h>

#include "daemon/command/command.h"
#include "daemon/version.h"
#include "tests/unit/golden.h"

#define ARGS 12

/* Arguments that may be written to, as main's. */
struct args {
    char text[ARGS][128];
    char *at[ARGS + 1];
    int count;
};

static void split(struct args *a, const char *line)
{
    char copy[512];
    snprintf(copy, sizeof copy, "%s", line);
    a->count = 0;
    for (char *word = strtok(copy, " "); word; word = strtok(NULL, " ")) {
        assert_true(a->count < ARGS);
        snprintf(a->text[a->count], sizeof a->text[0], "%s", word);
        a->at[a->count] = a->text[a->count];
        a->count++;
    }
    a->at[a->count] = NULL;
}

/* Parses a line whose first word is the command. */
static void parse(struct args *a, const char *line, struct invocation *in)
{
    struct buf problem = buf_make(4096);
    bool ok;
    split(a, line);
    ok = command_parse(command_find(a->at[0]), a->count, a->at, in, &problem);
    assert_string_equal(buf_str(&problem), "");
    assert_true(ok);
    assert_false(in->help);
    buf_free(&problem);
}

static void expect_refused(const char *line, const char *expected)
{
    struct buf problem = buf_make(4096);
    struct invocation in;
    struct args a;
    split(&a, line);
    assert_false(command_parse(command_find(a.at[0]), a.count, a.at, &in, &problem));
    assert_string_equal(buf_str(&problem), expected);
    buf_free(&problem);
}

static void test_options_arrive(void **state)
{
    struct invocation in;
    struct args a;
    (void)state;
    parse(&a, "run", &in);
    assert_null(in.config_path);
    assert_false(in.once);
    assert_int_equal(in.operand_count, 0);
    parse(&a, "run --once -c /etc/h.ini", &in);
    assert_true(in.once);
    assert_string_equal(in.config_path, "/etc/h.ini");
    parse(&a, "check --online --json --config=x.ini", &in);
    assert_true(in.online);
    assert_true(in.json);
    assert_string_equal(in.config_path, "x.ini");
    assert_string_equal(in.command->name, "check");
}

static void test_options_and_operands_come_in_any_order(void **state)
{
    static const char *const lines[] = {
        "exec event.json --plan --report-dir out",
        "exec --plan event.json --report-dir=out",
        "exec --report-dir out --plan event.json",
        "exec --report-dir out --plan -- event.json",
    };
    (void)state;
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        struct invocation in;
        struct args a;
        parse(&a, lines[i], &in);
        assert_true(in.plan);
        assert_string_equal(in.report_dir, "out");
        assert_int_equal(in.operand_count, 1);
        assert_string_equal(in.operands[0], "event.json");
    }
}

static void test_a_file_may_begin_with_a_dash(void **state)
{
    struct invocation in;
    struct args a;
    (void)state;
    parse(&a, "exec -- --plan", &in);
    assert_false(in.plan);
    assert_string_equal(in.operands[0], "--plan");
}

static void test_what_is_wrong_with_a_command_line_is_said(void **state)
{
    (void)state;
    expect_refused("run -c", "-c needs a value");
    expect_refused("run --config", "--config needs a value");
    expect_refused("run --once=yes", "--once takes no value");
    expect_refused("run --plan", "run has no option --plan");
    expect_refused("run -x", "run has no option -x");
    expect_refused("run -xc", "run has no option -x");
    expect_refused("run now", "run takes no 'now'");
    expect_refused("exec", "exec needs EVENT.json");
    expect_refused("exec a.json b.json", "exec takes no 'b.json'");
    expect_refused("run --once -xc", "run has no option -x");
}

/* --- the whole program --- */

struct output {
    int status;
    struct buf out, err;
};

/* Lets fd be a temporary file; *saved is what it was. */
static FILE *capture(int fd, int *saved)
{
    FILE *to = tmpfile();
    assert_non_null(to);
    *saved = dup(fd);
    assert_true(*saved >= 0);
    assert_int_equal(dup2(fileno(to), fd), fd);
    return to;
}

static void release(FILE *file, int fd, int saved, struct buf *to)
{
    char part[4096];
    size_t n;
    assert_int_equal(dup2(saved, fd), fd);
    close(saved);
    rewind(file);
    *to = buf_make(1 << 20);
    while ((n = fread(part, 1, sizeof part, file)) > 0)
        assert_true(buf_add(to, part, n));
    fclose(file);
}

static struct output run(const char *line)
{
    struct output o;
    struct args a;
    FILE *out, *err;
    int saved_out, saved_err;
    split(&a, line);
    fflush(stdout);
    out = capture(STDOUT_FILENO, &saved_out);
    err = capture(STDERR_FILENO, &saved_err);
    o.status = command_main(a.count, a.at);
    fflush(stdout);
    release(err, STDERR_FILENO, saved_err, &o.err);
    release(out, STDOUT_FILENO, saved_out, &o.out);
    return o;
}

static void expect_output(const char *line, int status, const char *out, const char *err)
{
    struct output o = run(line);
    assert_string_equal(buf_str(&o.err), err);
    assert_string_equal(buf_str(&o.out), out);
    assert_int_equal(o.status, status);
    buf_free(&o.out);
    buf_free(&o.err);
}

static void test_usage_errors_end_with_2(void **state)
{
    (void)state;
    expect_output("hgautod", 2, "", "hgautod: no command given; try hgautod --help\n");
    expect_output("hgautod chek", 2, "",
                  "hgautod: unknown command 'chek', did you mean 'check'?; try hgautod --help\n");
    expect_output("hgautod frobnicate", 2, "",
                  "hgautod: unknown command 'frobnicate'; try hgautod --help\n");
    expect_output("hgautod --frob", 2, "",
                  "hgautod: unknown option '--frob'; try hgautod --help\n");
    expect_output("hgautod run --plan", 2, "",
                  "hgautod: run has no option --plan; try hgautod --help\n");
}

static void test_version(void **state)
{
    (void)state;
    expect_output("hgautod --version", 0, "hgautod " HGAUTOD_VERSION "\n", "");
}

static void test_help_names_all_there_is(void **state)
{
    struct output all = run("hgautod --help");
    (void)state;
    assert_int_equal(all.status, 0);
    assert_string_equal(buf_str(&all.err), "");
    for (const struct command *c = command_table; c->name; c++) {
        char line[64], usage[64];
        struct output o;
        snprintf(line, sizeof line, "hgautod %s --help", c->name);
        snprintf(usage, sizeof usage, "  hgautod %s ", c->name);
        assert_non_null(strstr(buf_str(&all.out), usage));
        assert_non_null(strstr(buf_str(&all.out), c->summary));
        o = run(line);
        assert_int_equal(o.status, 0);
        for (unsigned id = 0; id < OPTION_COUNT; id++) {
            char option[64];
            bool takes = id == OPTION_HELP || (c->options & 1u << id);
            snprintf(option, sizeof option, "--%s", command_options[id].name);
            assert_int_equal(strstr(buf_str(&o.out), option) != NULL, takes);
        }
        buf_free(&o.out);
        buf_free(&o.err);
    }
    buf_free(&all.out);
    buf_free(&all.err);
}

static void test_help_on_exec(void **state)
{
    (void)state;
    expect_output("hgautod exec --help", 0,
                  "Usage: hgautod exec EVENT.json [-c FILE] [--plan] [--report-dir "
                  "DIR]\n\nCarries out the event in the file EVENT.json as the daemon would, and "
                  "prints\nits reports. No configuration file and no source are "
                  "needed.\n\nOptions:\n  -c, --config FILE   The configuration file to use "
                  "instead of\n                      /etc/hgautod/hgautod.ini.\n      --plan      "
                  "    Make no change: only read, and report what would be\n                      "
                  "done.\n      --report-dir DIR\n                      Write the reports to DIR "
                  "instead of printing them.\n  -h, --help          Print this help.\n",
                  "");
}

static void test_lines_of_help_fit_a_terminal(void **state)
{
    (void)state;
    for (const struct command *c = command_table;; c++) {
        struct buf text = buf_make(1 << 16);
        command_help(c->name ? c : NULL, &text);
        assert_true(buf_ok(&text));
        for (const char *line = buf_str(&text); *line;) {
            size_t n = strcspn(line, "\n");
            assert_in_range(n, 0, 80);
            line += n + 1;
        }
        buf_free(&text);
        if (!c->name)
            break;
    }
}

static void test_the_manual_is_the_tables(void **state)
{
    struct buf text = buf_make(1 << 20);
    (void)state;
    command_mdoc(&text);
    assert_true(buf_ok(&text));
    golden_compare_part("docs/hgautod.1", buf_str(&text));
    buf_free(&text);
}

/* --- check --- */

#define DATA "tests/unit/data/config/"

/* The text without the folder's name. */
static void add_without_folder(struct buf *to, const char *text)
{
    while (*text) {
        if (strncmp(text, DATA, strlen(DATA)) == 0)
            text += strlen(DATA);
        buf_addc(to, *text++);
    }
}

static void test_check_prints_the_configuration_in_force(void **state)
{
    struct buf expected = buf_make(1 << 20), printed = buf_make(1 << 20);
    struct output o = run("hgautod check -c " DATA "all-types.ini");
    (void)state;
    golden_read(DATA "all-types.effective", &expected);
    add_without_folder(&printed, buf_str(&o.out));
    assert_string_equal(buf_str(&o.err), "");
    assert_string_equal(buf_str(&printed), buf_str(&expected));
    assert_int_equal(o.status, 0);
    buf_free(&expected);
    buf_free(&printed);
    buf_free(&o.out);
    buf_free(&o.err);
}

static void test_check_says_all_that_is_wrong(void **state)
{
    (void)state;
    expect_output("hgautod check -c " DATA "role.ini", 2, "",
                  DATA "role.ini:2: cross_account_role: "
                       "'arn:aws:iam::123456789012:role/{name}' does not contain "
                       "{account}, so that all accounts would have the same role\n");
    expect_output("hgautod check -c /nonexistent/h.ini", 2, "",
                  "/nonexistent/h.ini: the configuration cannot be read: No such file or "
                  "directory\n");
}

static void test_check_answers_programs(void **state)
{
    struct output good = run("hgautod check --json -c " DATA "all-types.ini");
    struct output bad = run("hgautod check --json -c " DATA "no-source.ini");
    json_t *yes = json_loads(buf_str(&good.out), 0, NULL);
    json_t *no = json_loads(buf_str(&bad.out), 0, NULL);
    const char *type, *problem;
    int ok;
    (void)state;
    assert_int_equal(good.status, 0);
    assert_int_equal(json_unpack(yes, "{s:b, s:{s:{s:{s:{s:s}}}}}", "ok", &ok, "configuration",
                                 "sources", "ab", "type", "value", &type),
                     0);
    assert_true(ok);
    assert_string_equal(type, "azure_blob");
    assert_int_equal(bad.status, 2);
    assert_int_equal(json_unpack(no, "{s:b, s:[s]}", "ok", &ok, "problems", &problem), 0);
    assert_false(ok);
    assert_string_equal(problem, DATA "no-source.ini: no [source NAME] section; at least one is "
                                      "needed");
    assert_non_null(strstr(buf_str(&bad.err), problem));
    json_decref(yes);
    json_decref(no);
    buf_free(&good.out);
    buf_free(&good.err);
    buf_free(&bad.out);
    buf_free(&bad.err);
}

/* An abbreviation would change its meaning whenever an option is added. */
static void test_options_are_not_abbreviated(void **state)
{
    (void)state;
    expect_refused("run --onc", "run has no option --onc; did you mean --once?");
    expect_refused("check --o", "check has no option --o; did you mean --online?");
    expect_refused("exec e.json --report /tmp",
                   "exec has no option --report; did you mean --report-dir?");
    expect_refused("exec --report-di=/tmp e.json",
                   "exec has no option --report-di; did you mean --report-dir?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_options_arrive),
        cmocka_unit_test(test_options_and_operands_come_in_any_order),
        cmocka_unit_test(test_a_file_may_begin_with_a_dash),
        cmocka_unit_test(test_what_is_wrong_with_a_command_line_is_said),
        cmocka_unit_test(test_usage_errors_end_with_2),
        cmocka_unit_test(test_version),
        cmocka_unit_test(test_help_names_all_there_is),
        cmocka_unit_test(test_help_on_exec),
        cmocka_unit_test(test_lines_of_help_fit_a_terminal),
        cmocka_unit_test(test_the_manual_is_the_tables),
        cmocka_unit_test(test_check_prints_the_configuration_in_force),
        cmocka_unit_test(test_check_says_all_that_is_wrong),
        cmocka_unit_test(test_check_answers_programs),
        cmocka_unit_test(test_options_are_not_abbreviated),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
