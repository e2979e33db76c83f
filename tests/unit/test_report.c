/* Tests of reports. Each folder of data/report holds an event (event.json), what became of its
 * first automation (input.json) and the key and the body that must come of it. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "daemon/report.h"

#define FOLDER "a/reports/b/"

/* input.json: "errors" by the resource's index, and the other members of struct report_input by
 * their names. */
static const char *error_of(void *ctx, size_t i)
{
    char index[24];
    snprintf(index, sizeof index, "%zu", i);
    return json_string_value(json_object_get(json_object_get(ctx, "errors"), index));
}

static const char *string_or(const json_t *input, const char *name, const char *otherwise)
{
    const char *text = json_string_value(json_object_get(input, name));
    return text != NULL ? text : otherwise;
}

static struct report_input input_of(json_t *input, const struct event *e)
{
    return (struct report_input){
        .event = e,
        .automation = &e->automations[0],
        .index = (size_t)json_integer_value(json_object_get(input, "index")),
        .error_of = error_of,
        .ctx = input,
        .critical_error = string_or(input, "critical_error", NULL),
        .account_noun = string_or(input, "account_noun", "accounts"),
        .suffix = string_or(input, "suffix", ".json"),
        .planned = json_object_get(input, "planned"),
    };
}

static void read_in_steps(struct report *r, size_t step, struct buf *to)
{
    const struct http_body *body = report_body(r);
    char part[512];
    size_t n;
    body->rewind(body->ctx);
    while ((n = body->read(body->ctx, part, step)) > 0) {
        assert_in_range(n, 1, step);
        assert_true(buf_add(to, part, n));
    }
    assert_int_equal(body->read(body->ctx, part, step), 0);
}

static void check_body(const struct report_input *in, const char *path)
{
    static const size_t steps[] = {512, 1, 7, 64};
    struct report *r = report_open(in);
    assert_non_null(r);
    assert_null(report_body(r)->data);
    for (size_t i = 0; i < sizeof steps / sizeof steps[0]; i++) {
        struct buf body = buf_make(1 << 20);
        read_in_steps(r, steps[i], &body);
        assert_int_equal(body.size, report_body(r)->size);
        golden_compare(path, buf_str(&body));
        buf_free(&body);
    }
    report_close(r);
}

static void read_event(const char *path, struct event *e)
{
    struct buf text = folder_read(path, "event.json");
    struct err err = ERR_INIT;
    if (!event_parse(e, &text, &err))
        fail_msg("%s: %s", path, err.message);
    assert_in_range(e->count, 1, SIZE_MAX);
}

static void test_folder(void **state)
{
    const char *path = *state;
    struct buf name = buf_make(1000), key = buf_make(4096);
    struct event e;
    read_event(path, &e);
    json_t *input = folder_json(path, "input.json");
    struct report_input in = input_of(input, &e);
    assert_true(report_key(&in, FOLDER, &key));
    buf_addf(&name, "%s/key", path);
    buf_addc(&key, '\n');
    golden_compare(buf_str(&name), buf_str(&key));
    buf_reset(&name);
    buf_addf(&name, "%s/body.json", path);
    check_body(&in, buf_str(&name));
    json_decref(input);
    event_free(&e);
    buf_free(&name);
    buf_free(&key);
}

static void check_folder(const char *key, const char *expected)
{
    struct buf folder = buf_make(2000);
    bool ok = report_folder(key, &folder);
    assert_int_equal(ok, expected != NULL);
    if (expected != NULL)
        assert_string_equal(buf_str(&folder), expected);
    buf_free(&folder);
}

static void test_report_folder(void **state)
{
    (void)state;
    check_folder("a/events/b/event.json", "a/reports/b/");
    check_folder("events/event.json", "reports/");
    check_folder("a/events/events/b/events/event.json", "a/reports/reports/b/reports/");
    check_folder("a/eventsx/events/xevents/event.json", "a/eventsx/reports/xevents/");
    check_folder("a//events//event.json", "a//reports//");
    check_folder("/events/event.json", "/reports/");
    check_folder("a/b/event.json", NULL);
    check_folder("a/Events/event.json", NULL);
    check_folder("event.json", NULL);
    check_folder("events", NULL);
    check_folder("a/events", NULL);
    check_folder("", NULL);
}

static void test_report_folder_says_when_it_does_not_fit(void **state)
{
    struct buf folder = buf_make(strlen("a/reports/b/") - 1);
    (void)state;
    assert_false(report_folder("a/events/b/event.json", &folder));
    assert_false(buf_ok(&folder));
    buf_free(&folder);
}

/* An automation with n accounts of 12 digits, made by hand. */
struct many {
    struct event_automation automation;
    char names[200][24];
    char *accounts[201];
};

static void make_many(struct many *m, size_t n)
{
    static char name[] = "ec2_stop_instance", none[] = "";
    m->automation =
        (struct event_automation){.name = name, .accounts = m->accounts, .account_count = n + 1};
    m->accounts[0] = none;
    for (size_t i = 0; i < n; i++) {
        snprintf(m->names[i], sizeof m->names[i], "%012zu", n - i);
        m->accounts[i + 1] = m->names[i];
    }
}

static bool key_of_many(size_t n, size_t folder_size, struct buf *key)
{
    struct many m;
    char folder[1200];
    make_many(&m, n);
    memset(folder, 'f', folder_size);
    folder[folder_size] = '\0';
    const struct report_input in = {.automation = &m.automation,
                                    .error_of = error_of,
                                    .account_noun = "accounts",
                                    .suffix = ".json"};
    return report_key(&in, folder, key);
}

#define HEAD "report_ec2_stop_instance_total(0)_success(0)_error(0)_accounts("
#define TAIL ")_0.json"

static void test_key_is_never_longer_than_1024(void **state)
{
    (void)state;
    for (size_t folder = 0; folder <= 1024 - strlen(HEAD TAIL); folder++) {
        struct buf key = buf_make(4096);
        bool ok = key_of_many(200, folder, &key);
        /* Without room for "+200" there is no key. */
        assert_int_equal(ok, folder + strlen(HEAD "+200" TAIL) <= 1024);
        if (ok) {
            const char *plus = strchr(buf_str(&key), '+');
            assert_in_range(key.size, 1, 1024);
            /* One more account would not have fitted. */
            assert_in_range(key.size + strlen(",000000000000"), 1024, 2048);
            assert_non_null(plus);
            size_t shown = (size_t)(plus - buf_str(&key) - (ptrdiff_t)(folder + strlen(HEAD))) / 13;
            assert_int_equal(strtoul(plus + 1, NULL, 10), 200 - shown);
        }
        buf_free(&key);
    }
}

static void test_key_shows_all_that_fit_exactly(void **state)
{
    struct buf key = buf_make(4096);
    size_t exact = 1024 - strlen(HEAD "000000000001,000000000002" TAIL);
    (void)state;
    assert_true(key_of_many(2, exact, &key));
    assert_int_equal(key.size, 1024);
    assert_string_equal(buf_str(&key) + exact, HEAD "000000000001,000000000002" TAIL);
    buf_reset(&key);
    assert_true(key_of_many(2, exact + 1, &key));
    assert_string_equal(buf_str(&key) + exact + 1, HEAD "000000000001,+1" TAIL);
    buf_reset(&key);
    assert_true(key_of_many(2, 1024 - strlen(HEAD "+2" TAIL), &key));
    assert_string_equal(buf_str(&key) + 1024 - strlen(HEAD "+2" TAIL), HEAD "+2" TAIL);
    buf_reset(&key);
    assert_false(key_of_many(2, 1025 - strlen(HEAD "+2" TAIL), &key));
    buf_free(&key);
}

static void test_critical(void **state)
{
    struct buf key = buf_make(1024), body = buf_make(1000);
    (void)state;
    assert_true(report_critical_key("a/reports/b/", &key));
    assert_string_equal(
        buf_str(&key),
        "a/reports/b/report_critical_error_total(0)_success(0)_error(0)_accounts()_0.json");
    assert_true(report_critical_body("line 1: \"x\"\n\xFF", &body));
    assert_string_equal(buf_str(&body),
                        "{\"name\":\"critical_error\",\"processed\":[],\"errored\":[],"
                        "\"critical_error\":\"line 1: \\\"x\\\"\\n\xEF\xBF\xBD\"}");
    buf_free(&key);
    buf_free(&body);
}

int main(void)
{
    struct folder_tests tests = {.count = 0};
    folder_add(&tests, "tests/unit/data/report", "", test_folder);
#define ADD(test) folder_add_test(&tests, #test, test)
    ADD(test_report_folder);
    ADD(test_report_folder_says_when_it_does_not_fit);
    ADD(test_key_is_never_longer_than_1024);
    ADD(test_key_shows_all_that_fit_exactly);
    ADD(test_critical);
    return folder_run("report", &tests);
}
