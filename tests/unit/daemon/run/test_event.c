/* Tests of reading an event's shape: events in data/event, each beside what must be found in it. */
#include "tests/unit/aws_folder.h"
#include "tests/unit/golden.h"

#include "daemon/run/event.h"

/* Reads text as an event; the caller frees it, whatever the answer. */
static bool read_event(struct event *e, const char *text, size_t n, struct err *err)
{
    struct buf b = buf_make(EVENT_MAX);
    assert_true(buf_add(&b, text, n));
    bool ok = event_parse(e, &b, err);
    assert_null(b.data);
    assert_int_equal(e->text.size, n);
    return ok;
}

static void describe_resource(struct buf *out, const struct event *e,
                              const struct event_automation *a, const struct event_resource *r)
{
    struct err err = ERR_INIT;
    json_t *value = event_resource(e, r, &err);
    char *dump = value != NULL ? json_dumps(value, JSON_COMPACT) : NULL;
    buf_addf(out, "  [%s] %.*s\n", a->accounts[a->places[r->place].account], (int)r->size,
             e->text.data + r->offset);
    if (dump != NULL)
        buf_addf(out, "    = %s\n", dump);
    else
        buf_addf(out, "    %s: %s\n", err_kind_name(err.kind), err.message);
    free(dump);
    json_decref(value);
}

static void describe_automation(struct buf *out, const struct event *e,
                                const struct event_automation *a)
{
    char *params = a->params != NULL ? json_dumps(a->params, JSON_COMPACT) : NULL;
    buf_addf(out, "automation <%s> params %s\n", a->name, params != NULL ? params : "none");
    buf_addf(out, "  bytes %.*s\n", (int)a->size, e->text.data + a->offset);
    buf_addf(out, "  problem %s\n", a->problem != NULL ? a->problem : "none");
    buf_adds(out, "  accounts");
    for (size_t i = 0; i < a->account_count; i++)
        buf_addf(out, " <%s>", a->accounts[i]);
    buf_addf(out, "\n  resources %zu\n", a->count);
    for (size_t i = 0; i < a->count; i++)
        describe_resource(out, e, a, &a->resources[i]);
    free(params);
}

static void test_shape(void **state)
{
    const char *path = *state;
    struct buf out = buf_make(1 << 20), expected = buf_make(1000);
    struct buf text = folder_read(path, "");
    struct event e;
    struct err err = ERR_INIT;
    if (read_event(&e, buf_str(&text), text.size, &err)) {
        buf_addf(&out, "event <%s>\n", e.name);
        for (size_t i = 0; i < e.count; i++)
            describe_automation(&out, &e, &e.automations[i]);
    } else {
        buf_addf(&out, "%s: %s\n", err_kind_name(err.kind), err.message);
    }
    buf_addf(&expected, "%.*s.shape", (int)(strlen(path) - strlen(".json")), path);
    golden_compare(buf_str(&expected), buf_str(&out));
    event_free(&e);
    buf_free(&text);
    buf_free(&out);
    buf_free(&expected);
}

static void check_failure(const struct buf *text, enum err_kind kind, const char *message)
{
    struct event e;
    struct err err = ERR_INIT;
    assert_false(read_event(&e, text->data, text->size, &err));
    assert_int_equal(err.kind, kind);
    assert_string_equal(err.message, message);
    event_free(&e);
}

static void add_times(struct buf *to, const char *text, size_t times)
{
    for (size_t i = 0; i < times; i++)
        assert_true(buf_adds(to, text));
}

static void test_too_many_members(void **state)
{
    struct buf text = buf_make(1 << 20);
    (void)state;
    buf_adds(&text, "{");
    for (int i = 0; i < EVENT_MAX_MEMBERS; i++)
        buf_addf(&text, "\"k%d\":0,\n", i);
    buf_adds(&text, "\"results\":[]}");
    check_failure(&text, ERR_INVALID, "line 257, column 1: an object of more than 256 members");
    buf_free(&text);
}

static void test_too_many_automations(void **state)
{
    struct buf text = buf_make(1 << 20);
    (void)state;
    buf_adds(&text, "{\"results\":[");
    add_times(&text, "{\"automation\":1},", EVENT_MAX_AUTOMATIONS);
    buf_adds(&text, "{\"automation\":1}]}");
    check_failure(&text, ERR_LIMIT, "the event has more than 10000 automations");
    buf_free(&text);
}

/* 64 levels are read; one more is an error of the whole event, wherever it stands. */
static void test_nesting(void **state)
{
    (void)state;
    for (size_t more = 0; more < 2; more++) {
        struct buf text = buf_make(1 << 20);
        struct event e;
        struct err err = ERR_INIT;
        buf_adds(&text, "{\"results\":[{\"automation\":{\"name\":\"a\"},\"entities\":[{\"x\":");
        add_times(&text, "[", 59 + more);
        add_times(&text, "]", 59 + more);
        buf_adds(&text, "}]}]}");
        assert_int_equal(read_event(&e, text.data, text.size, &err), more == 0);
        if (more == 0) {
            json_t *resource = event_resource(&e, &e.automations[0].resources[0], &err);
            assert_non_null(resource);
            json_decref(resource);
        }
        assert_int_equal(err.kind, more == 0 ? ERR_NONE : ERR_INVALID);
        event_free(&e);
        buf_free(&text);
    }
}

static void test_every_beginning_of_an_event_is_an_error(void **state)
{
    static const char whole[] =
        "{\"name\":\"r\",\"results\":[{\"automation\":{\"name\":\"a\",\"params\":{\"p\":1}},"
        "\"entities\":[{\"account\":\"1\",\"x\":\"\\u00e9\"},{\"subscription\":\"s\"}],\"y\":[]}]}";
    (void)state;
    for (size_t n = 0; n < sizeof whole - 1; n++) {
        struct event e;
        struct err err = ERR_INIT;
        assert_false(read_event(&e, whole, n, &err));
        assert_int_equal(err.kind, ERR_INVALID);
        event_free(&e);
    }
}

static const char *account_of(const struct event_automation *a, size_t i)
{
    return a->accounts[a->places[a->resources[i].place].account];
}

/* Accounts are told apart by the thousands, each resource by its own. */
static void test_many_accounts(void **state)
{
    struct buf text = buf_make(1 << 22);
    struct event e;
    struct err err = ERR_INIT;
    (void)state;
    buf_adds(&text, "{\"results\":[{\"automation\":{\"name\":\"a\"},\"entities\":[{}");
    for (unsigned i = 0; i < 20000; i++)
        buf_addf(&text, ",{\"account\":\"%012u\"}", i * 7919 % 10000);
    buf_adds(&text, "]}]}");
    assert_true(read_event(&e, text.data, text.size, &err));
    const struct event_automation *a = &e.automations[0];
    assert_int_equal(a->count, 20001);
    assert_int_equal(a->account_count, 10001);
    assert_string_equal(account_of(a, 0), "");
    for (unsigned i = 0; i < 20000; i++) {
        char expected[16];
        snprintf(expected, sizeof expected, "%012u", i * 7919 % 10000);
        assert_string_equal(account_of(a, i + 1), expected);
    }
    event_free(&e);
    buf_free(&text);
}

/* Resources of one place have account, region and type in common. */
static void test_places(void **state)
{
    static const char entities[] =
        "{\"account\":\"1\",\"region\":\"a\",\"type\":\"x\"},"
        "{\"type\":\"x\",\"account\":\"1\",\"region\":\"b\"},"
        "{\"region\":\"a\",\"type\":\"x\",\"account\":\"1\"},"
        "{\"account\":\"2\",\"region\":\"a\",\"type\":\"x\"},"
        "{\"account\":\"1\",\"region\":\"a\",\"type\":\"y\"},"
        "{\"account\":\"1\",\"region\":7,\"type\":\"y\"},"
        "{\"account\":\"1\",\"type\":\"y\"},"
        "{\"account\":\"1\",\"region\":\"ay\",\"type\":\"\"},"
        "{\"account\":\"1\",\"region\":\"a\",\"type\":\"x\",\"id\":\"i\"}";
    static const unsigned expected[] = {0, 1, 0, 2, 3, 4, 4, 5, 0};
    struct buf text = buf_make(1 << 16);
    struct event e;
    struct err err = ERR_INIT;
    (void)state;
    buf_addf(&text, "{\"results\":[{\"automation\":{\"name\":\"a\"},\"entities\":[%s]}]}",
             entities);
    assert_true(read_event(&e, text.data, text.size, &err));
    const struct event_automation *a = &e.automations[0];
    assert_int_equal(a->count, sizeof expected / sizeof *expected);
    assert_int_equal(a->place_count, 6);
    for (size_t i = 0; i < a->count; i++)
        assert_int_equal(a->resources[i].place, expected[i]);
    assert_string_equal(a->places[1].region, "b");
    assert_string_equal(a->places[3].type, "y");
    event_free(&e);
    buf_free(&text);
}

static void test_a_long_account_is_cut_and_never_empty(void **state)
{
    struct buf text = buf_make(1 << 20);
    struct event e;
    struct err err = ERR_INIT;
    (void)state;
    buf_adds(&text, "{\"results\":[{\"automation\":{\"name\":\"a\"},\"entities\":[{\"account\":\"");
    add_times(&text, "x", 1000);
    buf_adds(&text, "\"}]}]}");
    assert_true(read_event(&e, text.data, text.size, &err));
    assert_int_equal(e.automations[0].places[0].account, 1);
    assert_int_equal(strlen(e.automations[0].accounts[1]), EVENT_MAX_ACCOUNT);
    event_free(&e);
    buf_free(&text);
}

static void test_a_huge_resource_is_its_own_error(void **state)
{
    struct buf text = buf_make(EVENT_MAX);
    struct event e;
    struct err err = ERR_INIT;
    (void)state;
    buf_adds(&text, "{\"results\":[{\"automation\":{\"name\":\"a\"},\"entities\":[{\"x\":\"");
    add_times(&text, "0123456789abcdef", EVENT_MAX_RESOURCE / 16);
    buf_adds(&text, "\"},{\"y\":1}]}]}");
    assert_true(read_event(&e, text.data, text.size, &err));
    const struct event_automation *a = &e.automations[0];
    assert_null(event_resource(&e, &a->resources[0], &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.message, "the entity has 4194312 bytes, and the limit is 4194304");
    json_t *other = event_resource(&e, &a->resources[1], &err);
    assert_int_equal(json_integer_value(json_object_get(other, "y")), 1);
    json_decref(other);
    event_free(&e);
    buf_free(&text);
}

static void test_huge_params_are_a_problem(void **state)
{
    struct buf text = buf_make(1 << 20);
    struct event e;
    struct err err = ERR_INIT;
    (void)state;
    buf_adds(&text, "{\"results\":[{\"automation\":{\"name\":\"a\",\"params\":{\"x\":\"");
    add_times(&text, "0123456789abcdef", EVENT_MAX_PARAMS / 16);
    buf_adds(&text, "\"}},\"entities\":[{}]}]}");
    assert_true(read_event(&e, text.data, text.size, &err));
    assert_string_equal(e.automations[0].problem,
                        "line 1, column 48: `params` is larger than 64 KiB");
    assert_null(e.automations[0].params);
    assert_int_equal(e.automations[0].count, 1);
    event_free(&e);
    buf_free(&text);
}

static void test_an_event_too_large_is_not_looked_at(void **state)
{
    static char byte[] = "{";
    struct buf text = {.data = byte, .size = EVENT_MAX + 1, .max = EVENT_MAX + 1};
    struct event e;
    struct err err = ERR_INIT;
    (void)state;
    assert_false(event_parse(&e, &text, &err));
    assert_int_equal(err.kind, ERR_LIMIT);
    assert_string_equal(err.message, "the event has 1073741825 bytes, and the limit is 1073741824");
    e.text.data = NULL;
    event_free(&e);
}

int main(void)
{
    struct folder_tests tests = {.count = 0};
    folder_add(&tests, "tests/unit/data/event", ".json", test_shape);
#define ADD(test) folder_add_test(&tests, #test, test)
    ADD(test_too_many_members);
    ADD(test_too_many_automations);
    ADD(test_nesting);
    ADD(test_every_beginning_of_an_event_is_an_error);
    ADD(test_many_accounts);
    ADD(test_places);
    ADD(test_a_long_account_is_cut_and_never_empty);
    ADD(test_a_huge_resource_is_its_own_error);
    ADD(test_huge_params_are_a_problem);
    ADD(test_an_event_too_large_is_not_looked_at);
    return folder_run("event", &tests);
}
