/* Reads the shape of an event in one pass, without building it. Touches nothing but the event.
 *
 * Each level of the shape (event, element of `results`, automation, entity) has a function that
 * walks over its members. These return false only for errors that end the whole event; an error
 * within one automation goes to its `problem`, and the walk continues, so that its resources still
 * reach its report. */
#include "daemon/run/event.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/memory.h"
#include "lib/json/jread.h"
#include "lib/json/scan.h"

struct reader {
    struct event *event;
    struct scan scan;
    /* A key or string with its escapes resolved. */
    struct buf scratch;
    size_t automation_room;
    size_t resource_total;
    /* Lines are counted up to this offset. */
    size_t counted;
    unsigned line;
    /* The offset at which that line begins. */
    size_t line_start;
    struct err *err;
};

/* One element of `results` while it is being read. */
struct element {
    struct event_automation automation;
    bool has_automation;
    bool has_entities;
    size_t start;
    size_t resource_room;
    size_t account_room;
    size_t place_room;
    /* Account -> index into accounts. */
    json_t *account_index;
    /* Account, region and type -> index into places. */
    json_t *place_index;
};

/* --- errors --- */

static bool reader_fail_syntax(struct reader *r)
{
    scan_error(&r->scan, r->err);
    return false;
}

/* Sets *err to "line L, column C: what". Offsets grow from call to call, so that all calls together
 * count the lines once. */
static bool reader_describe(struct reader *r, struct err *err, size_t offset, const char *what)
{
    unsigned lines, column;
    scan_where(r->scan.text + r->counted, r->scan.size - r->counted, offset - r->counted, &lines,
               &column);
    if (lines > 1) {
        r->line += lines - 1;
        r->line_start = offset - (column - 1);
    }
    r->counted = offset;
    return err_set(err, ERR_INVALID, "", "line %u, column %zu: %s", r->line,
                   offset - r->line_start + 1, what);
}

/* The document is JSON so far, but not an event. */
static bool reader_fail_shape(struct reader *r, size_t offset, const char *what)
{
    return reader_describe(r, r->err, offset, what);
}

/* Sets the problem of the element's automation, unless it has one. */
static void element_set_problem(struct reader *r, struct element *el, size_t offset,
                                const char *what)
{
    struct err err = ERR_INIT;
    if (el->automation.problem)
        return;
    reader_describe(r, &err, offset, what);
    el->automation.problem = xstrdup(err.message);
}

/* Describes what jansson rejects although it is JSON, without referring to its options. */
static const char *jansson_reason(const json_error_t *why)
{
    switch (json_error_code(why)) {
    case json_error_null_character:
    case json_error_null_byte_in_key:
        return "\\u0000 in a string, which cannot be sent to any provider";
    case json_error_numeric_overflow:
        return "a number too large to be read";
    default:
        return why->text;
    }
}

/* --- tokens --- */

/* Reads past the value that begins with this token. */
static bool reader_skip(struct reader *r, const struct scan_token *first)
{
    size_t end;
    return scan_skip(&r->scan, first, &end) || reader_fail_syntax(r);
}

/* Returns whether an object or array has ended, and not an error occurred instead. */
static bool reader_check_end(struct reader *r, const struct scan_token *token)
{
    return token->type != SCAN_ERROR || reader_fail_syntax(r);
}

/* Resolves the escapes of a string token into r->scratch. Returns false if no string can represent
 * it. */
static bool reader_unescape(struct reader *r, const struct scan_token *token)
{
    buf_reset(&r->scratch);
    return scan_text(&r->scan, token, &r->scratch);
}

/* Remembers a key of an object. Returns NULL, or what is wrong with the key. */
static const char *reader_note_key(struct reader *r, json_t *seen, const struct scan_token *key)
{
    if (json_object_size(seen) == EVENT_MAX_MEMBERS)
        return "an object of more than 256 members";
    if (!reader_unescape(r, key))
        return "a key that contains \\u0000 or half a surrogate pair";
    const char *text = buf_str(&r->scratch);
    size_t n = r->scratch.size;
    if (json_object_getn(seen, text, n))
        return "a key that occurs twice in one object";
    json_object_setn_new_nocheck(seen, text, n, json_true());
    return NULL;
}

/* --- entities --- */

static void element_add_account(struct element *el, const char *name, size_t n)
{
    struct event_automation *a = &el->automation;
    json_t *index = json_integer((json_int_t)a->account_count);
    json_object_setn_new_nocheck(el->account_index, name, n, index);
    a->accounts = array_room(a->accounts, a->account_count, &el->account_room, sizeof *a->accounts);
    a->accounts[a->account_count++] = xstrndup(name, n);
}

/* Returns the index of an account, after adding it if it is new. Most resources have the account of
 * the one before. A name that no string can represent is as none. */
static uint32_t element_account(struct reader *r, struct element *el,
                                const struct scan_token *token)
{
    const struct event_automation *a = &el->automation;
    const char *name = r->scan.text + token->start + 1;
    size_t n = token->end - token->start - 2;
    if (token->escaped) {
        if (!reader_unescape(r, token))
            return 0;
        name = buf_str(&r->scratch);
        n = r->scratch.size;
    }
    n = n < EVENT_MAX_ACCOUNT ? n : EVENT_MAX_ACCOUNT;
    if (a->count > 0) {
        uint32_t last = a->places[a->resources[a->count - 1].place].account;
        if (strlen(a->accounts[last]) == n && memcmp(a->accounts[last], name, n) == 0)
            return last;
    }
    const json_t *known = json_object_getn(el->account_index, name, n);
    if (known)
        return (uint32_t)json_integer_value(known);
    element_add_account(el, name, n);
    return (uint32_t)a->account_count - 1;
}

/* The place of an entity. Region and type are the bytes between their quotes. */
struct location {
    uint32_t account;
    const char *region, *type;
    size_t region_size, type_size;
};

static bool text_equals(const char *known, const char *text, size_t n)
{
    return strncmp(known, text, n) == 0 && known[n] == '\0';
}

static bool place_equals(const struct event_place *place, const struct location *at)
{
    return place->account == at->account &&
           text_equals(place->region, at->region, at->region_size) &&
           text_equals(place->type, at->type, at->type_size);
}

static void element_add_place(struct element *el, const struct location *at, const struct buf *key)
{
    struct event_automation *a = &el->automation;
    json_t *index = json_integer((json_int_t)a->place_count);
    json_object_setn_new_nocheck(el->place_index, key->data, key->size, index);
    a->places = array_room(a->places, a->place_count, &el->place_room, sizeof *a->places);
    a->places[a->place_count++] =
        (struct event_place){.account = at->account,
                             .region = xstrndup(at->region, at->region_size),
                             .type = xstrndup(at->type, at->type_size)};
}

/* Returns the index of a place, after adding it if it is new. Most resources have the place of the
 * one before. */
static uint32_t element_place(struct reader *r, struct element *el, const struct location *at)
{
    const struct event_automation *a = &el->automation;
    if (a->count > 0) {
        uint32_t last = a->resources[a->count - 1].place;
        if (place_equals(&a->places[last], at))
            return last;
    }
    /* No JSON string contains a line feed. */
    buf_reset(&r->scratch);
    buf_addf(&r->scratch, "%u\n%.*s\n%.*s", (unsigned)at->account, (int)at->region_size, at->region,
             (int)at->type_size, at->type);
    const json_t *known = json_object_getn(el->place_index, r->scratch.data, r->scratch.size);
    if (known)
        return (uint32_t)json_integer_value(known);
    element_add_place(el, at, &r->scratch);
    return (uint32_t)a->place_count - 1;
}

static void location_set(const struct reader *r, const struct scan_token *token, const char **text,
                         size_t *n)
{
    *text = r->scan.text + token->start + 1;
    *n = token->end - token->start - 2;
    if (*n > EVENT_MAX_WORD)
        *n = EVENT_MAX_WORD;
}

static bool element_add_resource(struct reader *r, struct element *el,
                                 const struct event_resource *resource)
{
    struct event_automation *a = &el->automation;
    if (r->resource_total == EVENT_MAX_RESOURCES)
        return err_set(r->err, ERR_LIMIT, "", "the event has more than %d entities",
                       EVENT_MAX_RESOURCES);
    a->resources = array_room(a->resources, a->count, &el->resource_room, sizeof *a->resources);
    a->resources[a->count++] = *resource;
    r->resource_total++;
    return true;
}

/* `token` is the opening brace of the entity. */
static bool element_read_entity(struct reader *r, struct element *el,
                                const struct scan_token *token)
{
    struct event_resource resource = {.offset = token->start};
    struct location at = {.region = "", .type = ""};
    uint32_t subscription = 0;
    struct scan_token t;
    while ((t = scan_next(&r->scan)).type == SCAN_KEY) {
        bool is_account = scan_equals(&r->scan, &t, "account");
        bool is_subscription = !is_account && scan_equals(&r->scan, &t, "subscription");
        bool is_region = scan_equals(&r->scan, &t, "region");
        bool is_type = !is_region && scan_equals(&r->scan, &t, "type");
        t = scan_next(&r->scan);
        if (is_account && t.type == SCAN_STRING)
            at.account = element_account(r, el, &t);
        if (is_subscription && t.type == SCAN_STRING)
            subscription = element_account(r, el, &t);
        if (is_region && t.type == SCAN_STRING)
            location_set(r, &t, &at.region, &at.region_size);
        if (is_type && t.type == SCAN_STRING)
            location_set(r, &t, &at.type, &at.type_size);
        if (!reader_skip(r, &t))
            return false;
    }
    if (!reader_check_end(r, &t))
        return false;
    resource.size = (uint32_t)(t.end - token->start);
    if (at.account == 0)
        at.account = subscription;
    resource.place = element_place(r, el, &at);
    return element_add_resource(r, el, &resource);
}

static bool element_read_entities(struct reader *r, struct element *el)
{
    struct scan_token t = scan_next(&r->scan);
    el->has_entities = true;
    if (t.type != SCAN_ARRAY) {
        element_set_problem(r, el, t.start, "`entities` is not an array");
        return reader_skip(r, &t);
    }
    while ((t = scan_next(&r->scan)).type != SCAN_ARRAY_END) {
        if (t.type == SCAN_OBJECT) {
            if (!element_read_entity(r, el, &t))
                return false;
        } else {
            element_set_problem(r, el, t.start, "an entity that is not an object");
            if (!reader_skip(r, &t))
                return false;
        }
    }
    return true;
}

/* --- the automation --- */

static bool element_read_name(struct reader *r, struct element *el)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type != SCAN_STRING) {
        element_set_problem(r, el, t.start, "the automation's `name` is not a string");
        return reader_skip(r, &t);
    }
    if (!reader_unescape(r, &t)) {
        element_set_problem(r, el, t.start,
                            "the automation's `name` contains \\u0000 or half a surrogate pair");
    } else if (r->scratch.size == 0) {
        element_set_problem(r, el, t.start, "the automation's `name` is empty");
    } else {
        free(el->automation.name);
        el->automation.name = xstrdup(buf_str(&r->scratch));
    }
    return true;
}

static void element_parse_params(struct reader *r, struct element *el, size_t start, size_t end)
{
    if (end - start > EVENT_MAX_PARAMS) {
        element_set_problem(r, el, start, "`params` is larger than 64 KiB");
        return;
    }
    json_error_t why;
    el->automation.params =
        json_loadb(r->scan.text + start, end - start, JSON_REJECT_DUPLICATES, &why);
    if (el->automation.params)
        return;
    char what[sizeof why.text + 32];
    snprintf(what, sizeof what, "`params` cannot be read: %s", jansson_reason(&why));
    element_set_problem(r, el, start + (why.position > 0 ? (size_t)why.position - 1 : 0), what);
}

static bool element_read_params(struct reader *r, struct element *el)
{
    struct scan_token t = scan_next(&r->scan);
    size_t end;
    if (t.type == SCAN_NULL)
        return true;
    if (t.type != SCAN_OBJECT) {
        element_set_problem(r, el, t.start, "`params` is not an object");
        return reader_skip(r, &t);
    }
    if (!scan_skip(&r->scan, &t, &end))
        return reader_fail_syntax(r);
    element_parse_params(r, el, t.start, end);
    return true;
}

/* A member of an element or automation, and the function that reads its value. */
struct member {
    const char *key;
    bool (*read)(struct reader *r, struct element *el);
};

/* Returns the member with that key; NULL if its value is not read. */
static const struct member *reader_find_member(const struct reader *r, const struct member *known,
                                               const struct scan_token *key)
{
    for (; known->key; known++)
        if (scan_equals(&r->scan, key, known->key))
            return known;
    return NULL;
}

/* Reads the members of an object up to its end. If a key occurs twice, its first value counts, and
 * the second is the problem of the element. */
static bool element_read_members(struct reader *r, struct element *el, const struct member *known)
{
    json_t *seen = json_object();
    bool ok = true;
    struct scan_token t = {.type = SCAN_ERROR};
    while (ok && (t = scan_next(&r->scan)).type == SCAN_KEY) {
        const char *problem = reader_note_key(r, seen, &t);
        const struct member *member = problem ? NULL : reader_find_member(r, known, &t);
        if (problem)
            element_set_problem(r, el, t.start, problem);
        ok = member ? member->read(r, el) : reader_skip(r, &t);
    }
    json_decref(seen);
    return ok && reader_check_end(r, &t);
}

static const struct member automation_members[] = {
    {"name", element_read_name},
    {"params", element_read_params},
    {NULL, NULL},
};

static bool element_read_automation(struct reader *r, struct element *el)
{
    struct event_automation *a = &el->automation;
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_NULL)
        return true;
    el->has_automation = true;
    a->offset = t.start;
    bool is_object = t.type == SCAN_OBJECT;
    if (!is_object)
        element_set_problem(r, el, t.start, "`automation` is not an object");
    bool ok = is_object ? element_read_members(r, el, automation_members) : reader_skip(r, &t);
    a->size = r->scan.at - a->offset;
    if (ok && !*a->name)
        element_set_problem(r, el, a->offset, "the automation has no `name`");
    return ok;
}

/* --- the results --- */

static const struct member element_members[] = {
    {"automation", element_read_automation},
    {"entities", element_read_entities},
    {NULL, NULL},
};

static void event_automation_free(struct event_automation *a)
{
    free(a->name);
    json_decref(a->params);
    free(a->problem);
    free(a->resources);
    for (size_t i = 0; i < a->account_count; i++)
        free(a->accounts[i]);
    free(a->accounts);
    for (size_t i = 0; i < a->place_count; i++) {
        free(a->places[i].region);
        free(a->places[i].type);
    }
    free(a->places);
}

/* Moves an automation into the event; on failure it is still the caller's. */
static bool reader_keep_automation(struct reader *r, const struct event_automation *a)
{
    struct event *e = r->event;
    if (e->count == EVENT_MAX_AUTOMATIONS)
        return err_set(r->err, ERR_LIMIT, "", "the event has more than %d automations",
                       EVENT_MAX_AUTOMATIONS);
    e->automations =
        array_room(e->automations, e->count, &r->automation_room, sizeof *e->automations);
    e->automations[e->count++] = *a;
    return true;
}

/* `token` is the opening brace of the element. */
static bool reader_read_element(struct reader *r, const struct scan_token *token)
{
    struct element el = {.start = token->start,
                         .account_index = json_object(),
                         .place_index = json_object(),
                         .automation.name = xstrdup("")};
    struct event_automation *a = &el.automation;
    size_t total = r->resource_total;
    element_add_account(&el, "", 0);
    bool ok = element_read_members(r, &el, element_members);
    if (ok && !el.has_entities)
        element_set_problem(r, &el, el.start, "this element has no `entities`");
    json_decref(el.account_index);
    json_decref(el.place_index);
    /* Releases the room that was not used: an event may have millions of resources. */
    if (a->count > 0)
        a->resources = xrealloc(a->resources, a->count * sizeof *a->resources);
    if (ok && el.has_automation && reader_keep_automation(r, a))
        return true;
    event_automation_free(a);
    r->resource_total = total;
    return ok && !el.has_automation;
}

static bool reader_read_results(struct reader *r)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_ERROR)
        return reader_fail_syntax(r);
    if (t.type != SCAN_ARRAY)
        return reader_fail_shape(r, t.start, "`results` is not an array");
    while ((t = scan_next(&r->scan)).type == SCAN_OBJECT)
        if (!reader_read_element(r, &t))
            return false;
    if (t.type == SCAN_ERROR)
        return reader_fail_syntax(r);
    return t.type == SCAN_ARRAY_END ||
           reader_fail_shape(r, t.start, "an element of `results` is not an object");
}

/* --- the event --- */

static bool reader_read_name(struct reader *r)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_ERROR)
        return reader_fail_syntax(r);
    if (t.type == SCAN_NULL)
        return true;
    if (t.type != SCAN_STRING)
        return reader_fail_shape(r, t.start, "the event's `name` is not a string");
    if (!reader_unescape(r, &t))
        return reader_fail_shape(r, t.start,
                                 "the event's `name` contains \\u0000 or half a surrogate pair");
    free(r->event->name);
    r->event->name = xstrdup(buf_str(&r->scratch));
    return true;
}

static bool reader_read_members(struct reader *r, json_t *seen)
{
    bool has_results = false;
    struct scan_token t;
    while ((t = scan_next(&r->scan)).type == SCAN_KEY) {
        const char *problem = reader_note_key(r, seen, &t);
        if (problem)
            return reader_fail_shape(r, t.start, problem);
        bool ok;
        if (scan_equals(&r->scan, &t, "name")) {
            ok = reader_read_name(r);
        } else if (scan_equals(&r->scan, &t, "results")) {
            has_results = true;
            ok = reader_read_results(r);
        } else {
            ok = reader_skip(r, &t);
        }
        if (!ok)
            return false;
    }
    if (!reader_check_end(r, &t))
        return false;
    t = scan_next(&r->scan);
    if (t.type != SCAN_END)
        return reader_fail_syntax(r);
    return has_results || reader_fail_shape(r, t.start, "the event ends without `results`");
}

static bool reader_read_event(struct reader *r)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_ERROR)
        return reader_fail_syntax(r);
    if (t.type != SCAN_OBJECT)
        return reader_fail_shape(r, t.start, "the event is not an object");
    json_t *seen = json_object();
    bool ok = reader_read_members(r, seen);
    json_decref(seen);
    return ok;
}

bool event_parse(struct event *e, struct buf *text, struct err *err)
{
    *e = (struct event){.text = *text, .name = xstrdup("")};
    *text = buf_make(text->max);
    if (e->text.size > EVENT_MAX)
        return err_set(err, ERR_LIMIT, "", "the event has %zu bytes, and the limit is %zu",
                       e->text.size, EVENT_MAX);
    struct reader r = {.event = e, .err = err, .scratch = buf_make(EVENT_MAX), .line = 1};
    scan_init(&r.scan, buf_str(&e->text), e->text.size);
    bool ok = reader_read_event(&r);
    buf_free(&r.scratch);
    return ok;
}

void event_free(struct event *e)
{
    for (size_t i = 0; i < e->count; i++)
        event_automation_free(&e->automations[i]);
    free(e->automations);
    free(e->name);
    buf_free(&e->text);
    *e = (struct event){.text = buf_make(0)};
}

/* --- one resource --- */

json_t *event_resource(const struct event *e, const struct event_resource *r, struct err *err)
{
    if (r->size > EVENT_MAX_RESOURCE) {
        err_set(err, ERR_LIMIT, "", "the entity has %u bytes, and the limit is %u",
                (unsigned)r->size, EVENT_MAX_RESOURCE);
        return NULL;
    }
    const char *text = e->text.data + r->offset;
    json_t *resource = jread(text, r->size);
    if (resource)
        return resource;
    /* Once more for the reason, and for integers that are too large. */
    json_error_t why;
    resource = json_loadb(text, r->size, JSON_REJECT_DUPLICATES, &why);
    if (!resource && json_error_code(&why) == json_error_numeric_overflow)
        resource =
            json_loadb(text, r->size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    /* With an offset instead of a line: counting the lines for each of many damaged entities would
     * take too long. */
    if (!resource)
        err_set(err, ERR_INVALID, "", "the entity cannot be read: byte %zu of the event: %s",
                (size_t)r->offset + (why.position > 0 ? (size_t)why.position : 0),
                jansson_reason(&why));
    return resource;
}
