/* Tests of reports. Each folder of data/report holds an event (event.json), what became of its
 * first automation (input.json) and the key and the body that must come of it. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "daemon/run/report.h"

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

/* "form": the store's, "s3" when it is not named. */
static const struct store_form *form_of(const json_t *input)
{
    const char *name = string_or(input, "form", "s3");
    assert_true(strcmp(name, "s3") == 0 || strcmp(name, "blob") == 0 || strcmp(name, "files") == 0);
    return *name == 's' ? &store_form_s3 : *name == 'b' ? &store_form_blob : &store_form_files;
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
        .form = form_of(input),
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

static bool key_in_form(size_t n, size_t folder_size, const struct store_form *form,
                        struct buf *key)
{
    struct many m;
    char folder[1200];
    make_many(&m, n);
    memset(folder, 'f', folder_size);
    folder[folder_size] = '\0';
    const struct report_input in = {
        .automation = &m.automation, .error_of = error_of, .form = form};
    return report_key(&in, folder, key);
}

static bool key_of_many(size_t n, size_t folder_size, struct buf *key)
{
    return key_in_form(n, folder_size, &store_form_s3, key);
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

/* A file's name has 255 bytes at the most, wherever its folder is. */
static void test_key_of_a_file_is_cut_to_what_a_name_may_have(void **state)
{
    size_t folders[] = {0, 1, 200, 700};
    (void)state;
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        struct buf key = buf_make(4096);
        assert_true(key_in_form(15, folders[i], &store_form_files, &key));
        const char *leaf = buf_str(&key) + folders[i];
        assert_string_equal(leaf,
                            HEAD "000000000001,000000000002,000000000003,000000000004,000000000005,"
                                 "000000000006,000000000007,000000000008,000000000009,000000000010,"
                                 "000000000011,000000000012,000000000013,000000000014,+1" TAIL);
        assert_in_range(strlen(leaf), 255 - strlen(",000000000015"), 255);
        buf_reset(&key);
        assert_true(key_of_many(15, folders[i], &key));
        assert_null(strchr(buf_str(&key), '+'));
        buf_free(&key);
    }
}

/* Every report's name fits below the longest folder that is accepted. */
static void test_longest_folder_leaves_room(void **state)
{
    char name[300], folder[REPORT_CRITICAL_FOLDER_MAX + 1];
    const struct store_form *forms[] = {&store_form_s3, &store_form_blob, &store_form_files};
    (void)state;
    memset(name, 'x', sizeof name - 1);
    name[sizeof name - 1] = '\0';
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        struct many m;
        struct buf key = buf_make(4096);
        make_many(&m, 200);
        m.automation.name = name;
        const struct report_input in = {
            .automation = &m.automation, .index = 999999, .error_of = error_of, .form = forms[i]};
        memset(folder, 'f', REPORT_FOLDER_MAX);
        folder[REPORT_FOLDER_MAX] = '\0';
        assert_true(report_key(&in, folder, &key));
        buf_free(&key);
    }
    struct buf key = buf_make(4096);
    memset(folder, 'f', REPORT_CRITICAL_FOLDER_MAX);
    folder[REPORT_CRITICAL_FOLDER_MAX] = '\0';
    report_critical_key(folder, &key);
    assert_true(buf_ok(&key));
    assert_in_range(key.size, 1, 1024);
    buf_free(&key);
}

static void test_critical(void **state)
{
    struct buf key = buf_make(1024), body = buf_make(1000);
    (void)state;
    report_critical_key("a/reports/b/", &key);
    assert_true(buf_ok(&key));
    assert_string_equal(
        buf_str(&key),
        "a/reports/b/report_critical_error_total(0)_success(0)_error(0)_accounts()_0.json");
    report_critical_body("line 1: \"x\"\n\xFF", &body);
    assert_true(buf_ok(&body));
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
    ADD(test_key_of_a_file_is_cut_to_what_a_name_may_have);
    ADD(test_longest_folder_leaves_room);
    ADD(test_critical);
    return folder_run("report", &tests);
}
