/* Fuzzes daemon/run/event.c and daemon/run/report.c: the reports of any event that is accepted are
 * JSON, have the announced size, and can be read again. */
#include <string.h>

#include "daemon/run/event.h"
#include "daemon/run/report.h"
#include "lib/json/scan.h"
#include "tests/fuzz/target.h"

static const char *every_third(void *ctx, size_t i)
{
    (void)ctx;
    return i % 3 == 1 ? "Denied: \"no\"\n\xFF" : NULL;
}

static void read_all(const struct http_body *body, struct buf *to, size_t step)
{
    char part[64];
    size_t n;
    body->rewind(body->ctx);
    while ((n = body->read(body->ctx, part, step)) > 0)
        MUST(n <= step && buf_add(to, part, n));
}

static void must_be_json(const struct buf *text)
{
    struct scan s;
    size_t end;
    scan_init(&s, text->data, text->size);
    struct scan_token first = scan_next(&s);
    MUST(first.type == SCAN_OBJECT && scan_skip(&s, &first, &end) && end == text->size);
}

static void report(const struct event *e, size_t index, const json_t *planned)
{
    const struct event_automation *a = &e->automations[index];
    struct report_input in = {.event = e,
                              .automation = a,
                              .index = index,
                              .error_of = every_third,
                              .critical_error = a->problem,
                              .form = &store_form_files,
                              .planned = planned};
    struct buf key = buf_make(4096), whole = buf_make(1 << 26), again = buf_make(1 << 26);
    MUST(report_key(&in, "reports/", &key) && key.size <= 1024);
    MUST(strcspn(key.data + strlen("reports/"), "/") == key.size - strlen("reports/"));
    struct report *r = report_open(&in);
    MUST(r);
    read_all(report_body(r), &whole, 64);
    read_all(report_body(r), &again, 7);
    MUST(whole.size == report_body(r)->size && again.size == whole.size);
    MUST(memcmp(whole.data, again.data, whole.size) == 0);
    must_be_json(&whole);
    report_close(r);
    buf_free(&key);
    buf_free(&whole);
    buf_free(&again);
}

static void resources(const struct event *e, const struct event_automation *a)
{
    for (size_t i = 0; i < a->count; i++) {
        struct err err = ERR_INIT;
        const struct event_resource *r = &a->resources[i];
        MUST(r->offset + r->size <= e->text.size && r->place < a->place_count);
        MUST(a->places[r->place].account < a->account_count);
        json_t *value = event_resource(e, r, &err);
        MUST(value ? json_is_object(value) : err.kind != ERR_NONE);
        json_decref(value);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf text = buf_make(EVENT_MAX);
    struct event e;
    struct err err = ERR_INIT;
    MUST(buf_add(&text, data, size));
    bool ok = event_parse(&e, &text, &err);
    MUST(ok || err.kind != ERR_NONE);
    json_t *planned = json_pack("[{s:s}]", "operation", "Stop");
    for (size_t i = 0; ok && i < e.count; i++) {
        resources(&e, &e.automations[i]);
        report(&e, i, i % 2 == 0 ? planned : NULL);
    }
    json_decref(planned);
    event_free(&e);
    return 0;
}
