/* Reports: keys, and bodies that are streamed.
 *
 * A body is a sequence of pieces: texts of our own, spans of the event's bytes, and one quoted
 * error at a time. One function, next_piece, walks through the sequence; the size is the sum of one
 * walk, so it cannot differ from what is read later. The first walk also grows the buffer for
 * quoted errors to what the longest needs: later ones take no memory. */
#include "daemon/run/report.h"

#include <stdlib.h>
#include <string.h>

#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/json/scan.h"

#define KEY_MAX     1024
#define ACTION_MAX  128
#define ACCOUNT_MAX 64

/* --- keys --- */

bool report_folder(const char *event_key, struct buf *folder)
{
    const char *leaf = strrchr(event_key, '/');
    bool found = false;
    bool ok = true;
    for (const char *p = event_key; ok && leaf != NULL && p <= leaf;) {
        size_t n = strcspn(p, "/");
        bool is_events = n == strlen("events") && memcmp(p, "events", n) == 0;
        ok = (is_events ? buf_adds(folder, "reports") : buf_add(folder, p, n)) &&
             buf_addc(folder, '/');
        found = found || is_events;
        p += n + 1;
    }
    return ok && found;
}

static char key_char(char c)
{
    bool safe = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
                c == '_' || c == '-';
    return safe ? c : '_';
}

/* Copies at most max characters of text, made safe for keys; `to` has room for max + 1. */
static void key_word(char *to, const char *text, size_t max)
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

typedef char account_word[ACCOUNT_MAX + 1];

static int compare_words(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* The distinct accounts, sorted; freed by the caller. NULL when out of memory. */
static account_word *account_words(const struct event_automation *a, size_t *count)
{
    account_word *words = calloc(a->account_count + 1, sizeof *words);
    if (words == NULL)
        return NULL;
    size_t n = 0;
    for (size_t i = 0; i < a->account_count; i++)
        if (a->accounts[i][0] != '\0')
            key_word(words[n++], a->accounts[i], ACCOUNT_MAX);
    qsort(words, n, sizeof *words, compare_words);
    *count = 0;
    for (size_t i = 0; i < n; i++)
        if (*count == 0 || strcmp(words[*count - 1], words[i]) != 0)
            memmove(words[(*count)++], words[i], sizeof words[i]);
    return words;
}

/* Characters of ",+N" (or "+N" in the first place); 0 when none are left over. */
static size_t rest_length(size_t rest, bool first)
{
    if (rest == 0)
        return 0;
    size_t length = first ? 1 : 2;
    for (; rest > 0; rest /= 10)
        length++;
    return length;
}

/* Appends as many words as fit into `room` bytes together with the count of those that do not. */
static bool add_accounts(struct buf *key, account_word *words, size_t count, size_t room)
{
    size_t fit = 0;
    size_t used = 0;
    for (size_t i = 0, length = 0; i < count; i++) {
        length += strlen(words[i]) + (i > 0);
        if (length > room)
            break;
        if (length + rest_length(count - i - 1, false) <= room) {
            fit = i + 1;
            used = length;
        }
    }
    if (used + rest_length(count - fit, fit == 0) > room)
        return false;
    bool ok = true;
    for (size_t i = 0; ok && i < fit; i++)
        ok = (i == 0 || buf_addc(key, ',')) && buf_adds(key, words[i]);
    if (ok && fit < count)
        ok = buf_addf(key, "%s+%zu", fit == 0 ? "" : ",", count - fit);
    return ok;
}

static size_t count_errors(const struct report_input *in)
{
    size_t errors = 0;
    for (size_t i = 0; i < in->automation->count; i++)
        errors += in->error_of(in->ctx, i) != NULL;
    return errors;
}

/* The bytes that a key below the folder may have. */
static size_t key_max(const char *folder, const struct store_form *form)
{
    size_t most = strlen(folder) + form->leaf_max;
    return form->leaf_max && most < KEY_MAX ? most : KEY_MAX;
}

bool report_key(const struct report_input *in, const char *folder, struct buf *key)
{
    const struct event_automation *a = in->automation;
    const struct store_form *form = in->form;
    size_t errors = count_errors(in);
    char action[ACTION_MAX + 1];
    key_word(action, a->name[0] != '\0' ? a->name : "unknown", ACTION_MAX);
    struct buf head = buf_make(KEY_MAX);
    struct buf tail = buf_make(KEY_MAX);
    buf_addf(&head, "%sreport_%s_total(%zu)_success(%zu)_error(%zu)_%s(", folder, action, a->count,
             a->count - errors, errors, form->account_noun);
    buf_addf(&tail, ")_%zu%s", in->index, form->suffix);
    size_t count = 0;
    account_word *words = account_words(a, &count);
    size_t most = key_max(folder, form);
    bool ok = words != NULL && buf_ok(&head) && buf_ok(&tail) && head.size + tail.size <= most;
    ok = ok && buf_add(key, head.data, head.size) &&
         add_accounts(key, words, count, most - head.size - tail.size) &&
         buf_add(key, tail.data, tail.size);
    free(words);
    buf_free(&head);
    buf_free(&tail);
    return ok;
}

bool report_critical_key(const char *folder, struct buf *key)
{
    return buf_addf(key, "%sreport_critical_error_total(0)_success(0)_error(0)_accounts()_0.json",
                    folder);
}

/* --- cutting members out of an object --- */

/* Walks over an object's members and yields the spans between its braces that are kept. */
struct cutter {
    struct scan scan;
    const char *const *names; /* members to leave out, NULL-terminated */
    size_t separator;         /* offset of the '{' or ',' before the next member */
    bool any;                 /* a member was kept */
    bool done;
};

/* text is one object, checked before. */
static void cutter_start(struct cutter *c, const char *text, size_t size, const char *const *names)
{
    *c = (struct cutter){.names = names};
    scan_init(&c->scan, text, size);
    struct scan_token t = scan_next(&c->scan);
    c->done = t.type != SCAN_OBJECT;
    c->separator = t.start;
}

static bool is_cut(const struct cutter *c, const struct scan_token *key)
{
    for (size_t i = 0; c->names[i] != NULL; i++)
        if (scan_equals(&c->scan, key, c->names[i]))
            return true;
    return false;
}

/* Reads the next member, up to the ',' or '}' behind it. */
static bool next_member(struct cutter *c, bool *cut)
{
    struct scan_token key = scan_next(&c->scan);
    size_t end;
    if (key.type != SCAN_KEY || !scan_skip(&c->scan, &key, &end)) {
        c->done = true;
        return false;
    }
    *cut = is_cut(c, &key);
    while (c->scan.text[end] != ',' && c->scan.text[end] != '}')
        end++;
    c->separator = end;
    return true;
}

/* The next span that is kept, as long as can be; false when there are no more. A comma before it
 * belongs to it, unless it is the first. */
static bool cutter_next(struct cutter *c, const char **span, size_t *n)
{
    while (!c->done) {
        size_t begin = c->separator + (c->any ? 0 : 1);
        size_t end = c->separator; /* of the last member that is kept */
        bool cut = false;
        while (next_member(c, &cut) && !cut)
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

static const char *const REPORT_MEMBERS[] = {"processed", "errored", "critical_error",
                                             "dry_run",   "planned", NULL};
static const char *const ERROR_MEMBER[] = {"error", NULL};

enum phase {
    PHASE_OPEN,            /* '{' */
    PHASE_AUTOMATION,      /* the automation's members that are kept */
    PHASE_PROCESSED_HEAD,  /* the name of the first list */
    PHASE_PROCESSED_COMMA, /* finds the next processed resource, and what stands before it */
    PHASE_PROCESSED,       /* its bytes */
    PHASE_ERRORED_HEAD,    /* the end of the first list, the name of the second */
    PHASE_ERRORED_OPEN,    /* finds the next errored resource, and what stands before its members */
    PHASE_ERRORED_MEMBERS, /* its members that are kept */
    PHASE_ERRORED_TEXT,    /* its error */
    PHASE_TAIL,            /* the end of the second list and all that follows */
    PHASE_END,
};

struct report {
    struct report_input in;
    struct http_body body;
    struct buf tail;
    struct buf quoted; /* `,"error":"..."}` of one resource */
    bool failed;       /* quoted ran out of memory */

    enum phase phase;
    size_t at; /* the resource that is looked at */
    bool any;  /* the list has an element already */
    struct cutter cutter;
    const char *piece; /* what is left of the present piece */
    size_t piece_size;
};

static void set_piece(struct report *r, const char *text, size_t n, enum phase then)
{
    r->piece = text;
    r->piece_size = n;
    r->phase = then;
}

static void set_text(struct report *r, const char *text, enum phase then)
{
    set_piece(r, text, strlen(text), then);
}

static const struct event_resource *resource_at(const struct report *r)
{
    return &r->in.automation->resources[r->at];
}

static const char *resource_text(const struct report *r)
{
    return r->in.event->text.data + resource_at(r)->offset;
}

/* Moves r->at on to the next resource that is errored, or processed. */
static bool find_resource(struct report *r, bool errored)
{
    for (; r->at < r->in.automation->count; r->at++)
        if ((r->in.error_of(r->in.ctx, r->at) != NULL) == errored)
            return true;
    return false;
}

static void begin_list(struct report *r, const char *head, enum phase then)
{
    r->at = 0;
    r->any = false;
    set_text(r, head, then);
}

static void open_processed(struct report *r)
{
    if (!find_resource(r, false)) {
        r->phase = PHASE_ERRORED_HEAD;
        return;
    }
    set_text(r, r->any ? "," : "", PHASE_PROCESSED);
    r->any = true;
}

static void open_errored(struct report *r)
{
    if (!find_resource(r, true)) {
        r->phase = PHASE_TAIL;
        return;
    }
    cutter_start(&r->cutter, resource_text(r), resource_at(r)->size, ERROR_MEMBER);
    set_text(r, r->any ? ",{" : "{", PHASE_ERRORED_MEMBERS);
    r->any = true;
}

static void quote_error(struct report *r)
{
    const char *error = r->in.error_of(r->in.ctx, r->at);
    buf_reset(&r->quoted);
    bool ok = buf_adds(&r->quoted, r->cutter.any ? ",\"error\":" : "\"error\":") &&
              jquote(&r->quoted, error, strlen(error)) && buf_addc(&r->quoted, '}');
    r->failed = r->failed || !ok;
    set_piece(r, buf_str(&r->quoted), r->quoted.size, PHASE_ERRORED_OPEN);
    r->at++;
}

static void next_span(struct report *r, enum phase then)
{
    if (!cutter_next(&r->cutter, &r->piece, &r->piece_size))
        r->phase = then;
}

/* Makes the next piece, which may be empty; false at the end. The one place where the phase
 * changes. */
static bool next_piece(struct report *r)
{
    switch (r->phase) {
    case PHASE_OPEN:
        set_text(r, "{", PHASE_AUTOMATION);
        break;
    case PHASE_AUTOMATION:
        next_span(r, PHASE_PROCESSED_HEAD);
        break;
    case PHASE_PROCESSED_HEAD:
        begin_list(r, r->cutter.any ? ",\"processed\":[" : "\"processed\":[",
                   PHASE_PROCESSED_COMMA);
        break;
    case PHASE_PROCESSED_COMMA:
        open_processed(r);
        break;
    case PHASE_PROCESSED:
        set_piece(r, resource_text(r), resource_at(r)->size, PHASE_PROCESSED_COMMA);
        r->at++;
        break;
    case PHASE_ERRORED_HEAD:
        begin_list(r, "],\"errored\":[", PHASE_ERRORED_OPEN);
        break;
    case PHASE_ERRORED_OPEN:
        open_errored(r);
        break;
    case PHASE_ERRORED_MEMBERS:
        next_span(r, PHASE_ERRORED_TEXT);
        break;
    case PHASE_ERRORED_TEXT:
        quote_error(r);
        break;
    case PHASE_TAIL:
        set_piece(r, buf_str(&r->tail), r->tail.size, PHASE_END);
        break;
    case PHASE_END:
        return false;
    }
    return true;
}

static size_t read_body(void *ctx, void *to, size_t n)
{
    struct report *r = ctx;
    size_t done = 0;
    while (done < n) {
        if (r->piece_size == 0 && !next_piece(r))
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

static void rewind_body(void *ctx)
{
    struct report *r = ctx;
    const struct event_automation *a = r->in.automation;
    r->phase = PHASE_OPEN;
    set_piece(r, "", 0, PHASE_OPEN);
    cutter_start(&r->cutter, r->in.event->text.data + a->offset, a->size, REPORT_MEMBERS);
}

static int add_dumped(const char *text, size_t n, void *ctx)
{
    return buf_add(ctx, text, n) ? 0 : -1;
}

static bool write_tail(struct report *r)
{
    const char *critical = r->in.critical_error;
    bool ok = buf_adds(&r->tail, "],\"critical_error\":") &&
              (critical != NULL ? jquote(&r->tail, critical, strlen(critical))
                                : buf_adds(&r->tail, "null"));
    if (ok && r->in.planned != NULL)
        ok = buf_adds(&r->tail, ",\"dry_run\":true,\"planned\":") &&
             json_dump_callback(r->in.planned, add_dumped, &r->tail, JSON_COMPACT) == 0;
    return ok && buf_addc(&r->tail, '}');
}

static bool measure(struct report *r)
{
    rewind_body(r);
    while (next_piece(r)) {
        r->body.size += r->piece_size;
        r->piece_size = 0;
    }
    rewind_body(r);
    return !r->failed;
}

struct report *report_open(const struct report_input *in)
{
    struct report *r = calloc(1, sizeof *r);
    if (r == NULL)
        return NULL;
    r->in = *in;
    r->tail = buf_make(EVENT_MAX);
    r->quoted = buf_make(EVENT_MAX);
    r->body = (struct http_body){.read = read_body, .rewind = rewind_body, .ctx = r};
    if (!write_tail(r) || !measure(r)) {
        report_close(r);
        return NULL;
    }
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

bool report_critical_body(const char *message, struct buf *body)
{
    return buf_adds(body, "{\"name\":\"critical_error\",\"processed\":[],\"errored\":[],"
                          "\"critical_error\":") &&
           jquote(body, message, strlen(message)) && buf_addc(body, '}');
}
