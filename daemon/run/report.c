/* Reports: keys, and bodies that are streamed.
 *
 * A body is a sequence of pieces: constant texts, spans of the event's bytes, and one quoted error
 * at a time. One function, report_next_piece, walks through the sequence. The size is the sum of
 * one walk, so it cannot differ from what is read later. */
#include "daemon/run/report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/json/scan.h"

/* Characters of a name in a key. */
#define ACTION_MAX  128
#define ACCOUNT_MAX 64

/* --- keys --- */

bool report_folder(const char *event_key, struct buf *folder)
{
    const char *leaf = strrchr(event_key, '/');
    bool found = false;
    for (const char *p = event_key; leaf && p <= leaf;) {
        size_t n = strcspn(p, "/");
        bool is_events = n == strlen("events") && memcmp(p, "events", n) == 0;
        if (is_events)
            buf_adds(folder, "reports");
        else
            buf_add(folder, p, n);
        buf_addc(folder, '/');
        found = found || is_events;
        p += n + 1;
    }
    return found && buf_ok(folder);
}

static char key_char(char c)
{
    bool safe = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '-';
    return safe ? c : '_';
}

/* Copies at most max characters of text, made safe for keys; `to` has room for max + 1. */
static void key_copy_name(char *to, const char *text, size_t max)
{
    size_t n = strlen(text);
    size_t written = 0;
    for (size_t at = 0; at < n && written < max; written++) {
        size_t step = utf8_step(text + at, n - at);
        to[written] = key_char(text[at]);
        at += step > 0 ? step : 1;
    }
    to[written] = '\0';
}

typedef char account_name[ACCOUNT_MAX + 1];

static int compare_names(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* Returns the distinct accounts, sorted; owned by the caller. */
static account_name *key_list_accounts(const struct event_automation *a, size_t *count)
{
    account_name *names = xcalloc(a->account_count, sizeof *names);
    size_t n = 0;
    for (size_t i = 0; i < a->account_count; i++)
        if (*a->accounts[i])
            key_copy_name(names[n++], a->accounts[i], ACCOUNT_MAX);
    qsort(names, n, sizeof *names, compare_names);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (*count == 0 || strcmp(names[*count - 1], names[i]) != 0)
            memmove(names[(*count)++], names[i], sizeof names[i]);
    return names;
}

/* Returns the length of ",+N" (or "+N" if first); 0 if none are left over. */
static size_t key_rest_length(size_t rest, bool first)
{
    if (rest == 0)
        return 0;
    size_t length = first ? 1 : 2;
    for (; rest > 0; rest /= 10)
        length++;
    return length;
}

/* Appends as many names as fit into `room` bytes together with the number of those that do not.
 * Returns false if not even that number fits. */
static bool key_add_accounts(struct buf *key, account_name *names, size_t count, size_t room)
{
    size_t listed = 0;
    size_t used = 0;
    for (size_t i = 0, length = 0; i < count; i++) {
        length += strlen(names[i]) + (i > 0);
        if (length > room)
            break;
        if (length + key_rest_length(count - i - 1, false) <= room) {
            listed = i + 1;
            used = length;
        }
    }
    if (used + key_rest_length(count - listed, listed == 0) > room)
        return false;
    for (size_t i = 0; i < listed; i++)
        buf_addf(key, i == 0 ? "%s" : ",%s", names[i]);
    if (listed < count)
        buf_addf(key, "%s+%zu", listed == 0 ? "" : ",", count - listed);
    return true;
}

static size_t report_count_errors(const struct report_input *in)
{
    size_t errors = 0;
    for (size_t i = 0; i < in->automation->count; i++)
        errors += in->error_of(in->ctx, i) != NULL;
    return errors;
}

bool report_key(const struct report_input *in, const char *folder, struct buf *key)
{
    const struct event_automation *a = in->automation;
    const struct store_form *form = in->form;
    size_t errors = report_count_errors(in), count = 0;
    char action[ACTION_MAX + 1];
    key_copy_name(action, *a->name ? a->name : "unknown", ACTION_MAX);
    struct buf head = buf_make(REPORT_KEY_MAX), tail = buf_make(REPORT_KEY_MAX);
    buf_addf(&head, "%sreport_%s_total(%zu)_success(%zu)_error(%zu)_%s(", folder, action, a->count,
             a->count - errors, errors, form->account_noun);
    buf_addf(&tail, ")_%zu%s", in->index, form->suffix);
    size_t max = strlen(folder) + form->leaf_max;
    if (!form->leaf_max || max > REPORT_KEY_MAX)
        max = REPORT_KEY_MAX;
    account_name *names = key_list_accounts(a, &count);
    bool ok = buf_ok(&head) && buf_ok(&tail) && head.size + tail.size <= max;
    if (ok) {
        buf_add(key, head.data, head.size);
        ok = key_add_accounts(key, names, count, max - head.size - tail.size);
        buf_add(key, tail.data, tail.size);
        ok = ok && buf_ok(key);
    }
    free(names);
    buf_free(&head);
    buf_free(&tail);
    return ok;
}

void report_critical_key(const char *folder, struct buf *key)
{
    buf_addf(key, "%sreport_critical_error_total(0)_success(0)_error(0)_accounts()_0.json", folder);
}

/* --- cutting members out of an object --- */

/* Walks over the members of an object and yields the spans between its braces that are kept. */
struct cutter {
    struct scan scan;
    /* Members to leave out; NULL-terminated. */
    const char *const *names;
    /* Offset of the '{' or ',' before the next member. */
    size_t separator;
    /* A member was kept. */
    bool any;
    bool done;
};

/* `text` is one object, which has been checked; anything else counts as an empty one. */
static void cutter_start(struct cutter *c, const char *text, size_t size, const char *const *names)
{
    *c = (struct cutter){.names = names};
    scan_init(&c->scan, text, size);
    struct scan_token t = scan_next(&c->scan);
    c->done = t.type != SCAN_OBJECT;
    c->separator = t.start;
}

static bool cutter_is_cut(const struct cutter *c, const struct scan_token *key)
{
    for (size_t i = 0; c->names[i]; i++)
        if (scan_equals(&c->scan, key, c->names[i]))
            return true;
    return false;
}

/* Reads the next member, up to the ',' or '}' after it. */
static bool cutter_next_member(struct cutter *c, bool *cut)
{
    struct scan_token key = scan_next(&c->scan);
    size_t end;
    if (key.type != SCAN_KEY || !scan_skip(&c->scan, &key, &end)) {
        c->done = true;
        return false;
    }
    *cut = cutter_is_cut(c, &key);
    while (c->scan.text[end] != ',' && c->scan.text[end] != '}')
        end++;
    c->separator = end;
    return true;
}

/* Yields the next span that is kept, as long as possible; false if there are no more. A comma
 * before it belongs to it, unless it is the first. */
static bool cutter_next(struct cutter *c, const char **span, size_t *n)
{
    while (!c->done) {
        size_t begin = c->separator + (c->any ? 0 : 1);
        /* The end of the last member that is kept. */
        size_t end = c->separator;
        bool cut = false;
        while (cutter_next_member(c, &cut) && !cut)
            end = c->separator;
        if (end > begin) {
            c->any = true;
            *span = c->scan.text + begin;
            *n = end - begin;
            return true;
        }
    }
    return false;
}

/* --- the stream --- */

static const char *const report_members[] = {"processed", "errored", "critical_error",
                                             "dry_run",   "planned", NULL};
static const char *const error_member[] = {"error", NULL};

/* What the next piece is. */
enum report_phase {
    PHASE_OPEN,
    /* The members of the automation that are kept. */
    PHASE_AUTOMATION,
    /* The name of the first list. */
    PHASE_PROCESSED_HEAD,
    /* Finds the next processed resource; the comma before it. */
    PHASE_PROCESSED_COMMA,
    PHASE_PROCESSED,
    /* The end of the first list, the name of the second. */
    PHASE_ERRORED_HEAD,
    /* Finds the next errored resource; the text before its members. */
    PHASE_ERRORED_OPEN,
    /* Its members that are kept. */
    PHASE_ERRORED_MEMBERS,
    /* Its error. */
    PHASE_ERRORED_TEXT,
    /* The end of the second list and all that follows. */
    PHASE_TAIL,
    PHASE_END,
};

struct report {
    struct report_input in;
    struct http_body body;
    struct buf tail;
    /* `,"error":"..."}` of one resource. */
    struct buf quoted;

    enum report_phase phase;
    /* The present resource. */
    size_t at;
    /* The present list is not empty. */
    bool any;
    struct cutter cutter;
    /* The rest of the present piece. */
    const char *piece;
    size_t piece_size;
};

static void report_set_piece(struct report *r, const char *text, size_t n, enum report_phase then)
{
    r->piece = text;
    r->piece_size = n;
    r->phase = then;
}

static void report_set_text(struct report *r, const char *text, enum report_phase then)
{
    report_set_piece(r, text, strlen(text), then);
}

static const struct event_resource *report_resource(const struct report *r)
{
    return &r->in.automation->resources[r->at];
}

static const char *report_resource_text(const struct report *r)
{
    return r->in.event->text.data + report_resource(r)->offset;
}

/* Advances r->at to the next resource that is errored, or processed. */
static bool report_find_resource(struct report *r, bool errored)
{
    for (; r->at < r->in.automation->count; r->at++)
        if ((r->in.error_of(r->in.ctx, r->at) != NULL) == errored)
            return true;
    return false;
}

static void report_begin_list(struct report *r, const char *head, enum report_phase then)
{
    r->at = 0;
    r->any = false;
    report_set_text(r, head, then);
}

static void report_open_processed(struct report *r)
{
    if (!report_find_resource(r, false)) {
        r->phase = PHASE_ERRORED_HEAD;
        return;
    }
    report_set_text(r, r->any ? "," : "", PHASE_PROCESSED);
    r->any = true;
}

static void report_open_errored(struct report *r)
{
    if (!report_find_resource(r, true)) {
        r->phase = PHASE_TAIL;
        return;
    }
    cutter_start(&r->cutter, report_resource_text(r), report_resource(r)->size, error_member);
    report_set_text(r, r->any ? ",{" : "{", PHASE_ERRORED_MEMBERS);
    r->any = true;
}

static void report_quote_error(struct report *r)
{
    const char *error = r->in.error_of(r->in.ctx, r->at);
    buf_reset(&r->quoted);
    buf_adds(&r->quoted, r->cutter.any ? ",\"error\":" : "\"error\":");
    jquote(&r->quoted, error, strlen(error));
    buf_addc(&r->quoted, '}');
    report_set_piece(r, buf_str(&r->quoted), r->quoted.size, PHASE_ERRORED_OPEN);
    r->at++;
}

static void report_next_span(struct report *r, enum report_phase then)
{
    if (!cutter_next(&r->cutter, &r->piece, &r->piece_size))
        r->phase = then;
}

/* Makes the next piece, which may be empty; false at the end. Only the functions called here change
 * the phase. */
static bool report_next_piece(struct report *r)
{
    switch (r->phase) {
    case PHASE_OPEN:
        report_set_text(r, "{", PHASE_AUTOMATION);
        break;
    case PHASE_AUTOMATION:
        report_next_span(r, PHASE_PROCESSED_HEAD);
        break;
    case PHASE_PROCESSED_HEAD:
        report_begin_list(r, r->cutter.any ? ",\"processed\":[" : "\"processed\":[",
                          PHASE_PROCESSED_COMMA);
        break;
    case PHASE_PROCESSED_COMMA:
        report_open_processed(r);
        break;
    case PHASE_PROCESSED:
        report_set_piece(r, report_resource_text(r), report_resource(r)->size,
                         PHASE_PROCESSED_COMMA);
        r->at++;
        break;
    case PHASE_ERRORED_HEAD:
        report_begin_list(r, "],\"errored\":[", PHASE_ERRORED_OPEN);
        break;
    case PHASE_ERRORED_OPEN:
        report_open_errored(r);
        break;
    case PHASE_ERRORED_MEMBERS:
        report_next_span(r, PHASE_ERRORED_TEXT);
        break;
    case PHASE_ERRORED_TEXT:
        report_quote_error(r);
        break;
    case PHASE_TAIL:
        report_set_piece(r, buf_str(&r->tail), r->tail.size, PHASE_END);
        break;
    case PHASE_END:
        return false;
    }
    return true;
}

static size_t report_read(void *ctx, void *to, size_t n)
{
    struct report *r = ctx;
    size_t done = 0;
    while (done < n) {
        if (r->piece_size == 0 && !report_next_piece(r))
            break;
        size_t part = r->piece_size < n - done ? r->piece_size : n - done;
        if (part > 0)
            memcpy((char *)to + done, r->piece, part);
        r->piece += part;
        r->piece_size -= part;
        done += part;
    }
    return done;
}

static void report_rewind(void *ctx)
{
    struct report *r = ctx;
    const struct event_automation *a = r->in.automation;
    r->phase = PHASE_OPEN;
    report_set_piece(r, "", 0, PHASE_OPEN);
    cutter_start(&r->cutter, r->in.event->text.data + a->offset, a->size, report_members);
}

static int add_dumped(const char *text, size_t n, void *ctx)
{
    return buf_add(ctx, text, n) ? 0 : -1;
}

static void report_write_tail(struct report *r)
{
    const char *critical = r->in.critical_error;
    buf_adds(&r->tail, "],\"critical_error\":");
    if (critical)
        jquote(&r->tail, critical, strlen(critical));
    else
        buf_adds(&r->tail, "null");
    if (r->in.planned) {
        buf_adds(&r->tail, ",\"dry_run\":true,\"planned\":");
        json_dump_callback(r->in.planned, add_dumped, &r->tail, JSON_COMPACT);
    }
    buf_addc(&r->tail, '}');
}

struct report *report_open(const struct report_input *in)
{
    struct report *r = xcalloc(1, sizeof *r);
    r->in = *in;
    r->tail = buf_make(SIZE_MAX / 2);
    r->quoted = buf_make(SIZE_MAX / 2);
    r->body = (struct http_body){.read = report_read, .rewind = report_rewind, .ctx = r};
    report_write_tail(r);
    report_rewind(r);
    while (report_next_piece(r)) {
        r->body.size += r->piece_size;
        r->piece_size = 0;
    }
    report_rewind(r);
    return r;
}

const struct http_body *report_body(struct report *r)
{
    return &r->body;
}

void report_close(struct report *r)
{
    buf_free(&r->tail);
    buf_free(&r->quoted);
    free(r);
}

void report_critical_body(const char *message, struct buf *body)
{
    buf_adds(body, "{\"name\":\"critical_error\",\"processed\":[],\"errored\":[],"
                   "\"critical_error\":");
    jquote(body, message, strlen(message));
    buf_addc(body, '}');
}
