/* Reading an event's shape in one pass, without building it.
 *
 * Each level of the shape (event, element of `results`, automation, entity) has a function that
 * walks over its members. They return false only for what ends the whole event; what is wrong
 * within one automation goes to its `problem` and the walk goes on, so that its resources still
 * reach its report. */
#include "daemon/run/event.h"

#include <stdlib.h>
#include <string.h>

#include "lib/json/jread.h"
#include "lib/json/scan.h"

struct reader {
    struct event *event;
    struct scan scan;
    struct buf scratch; /* a key or string with its escapes resolved */
    size_t automation_room;
    size_t resource_total;
    size_t counted;    /* newlines before this offset are counted in `line` */
    size_t line_start; /* offset at which that line begins */
    unsigned line;
    struct err *err;
};

/* One element of `results` while it is read. */
struct element {
    struct event_automation automation;
    bool has_automation;
    bool has_entities;
    size_t start; /* offset of the element */
    size_t resource_room;
    size_t account_room;
    size_t place_room;
    json_t *account_index; /* account -> index into accounts */
    json_t *place_index;   /* account, region and type -> index into places */
};

static bool no_memory(struct reader *r)
{
    return err_set(r->err, ERR_INTERNAL, "", "out of memory while reading the event");
}

static bool broken(struct reader *r)
{
    scan_error(&r->scan, r->err);
    return false;
}

/* Writes "line L, column C: what". Offsets grow from call to call, so that all calls together count
 * the lines once. */
static bool say(struct reader *r, struct err *err, size_t offset, const char *what)
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

/* The document is JSON so far, but no event. */
static bool misshapen(struct reader *r, size_t offset, const char *what)
{
    return say(r, r->err, offset, what);
}

/* Sets the element's problem unless it has one already. */
static bool complain(struct reader *r, struct element *el, size_t offset, const char *what)
{
    if (el->automation.problem != NULL)
        return true;
    struct err err = ERR_INIT;
    say(r, &err, offset, what);
    el->automation.problem = strdup(err.message);
    return el->automation.problem != NULL || no_memory(r);
}

/* Reads past whatever value comes next. */
static bool pass(struct reader *r, const struct scan_token *first)
{
    size_t end;
    return scan_skip(&r->scan, first, &end) || broken(r);
}

/* An object's or array's end, or the error in its place. */
static bool closes(struct reader *r, const struct scan_token *token)
{
    return token->type != SCAN_ERROR || broken(r);
}

/* What a string token stands for, in r->scratch. False also when no string can hold it. */
static bool resolve(struct reader *r, const struct scan_token *token)
{
    buf_reset(&r->scratch);
    return scan_text(&r->scan, token, &r->scratch);
}

/* Remembers a key of an object. NULL when all is well, else what is wrong with it. */
static const char *note_key(struct reader *r, json_t *seen, const struct scan_token *key)
{
    if (json_object_size(seen) == EVENT_MAX_MEMBERS)
        return "an object of more than 256 members";
    if (!resolve(r, key))
        return "a key that holds \\u0000 or half a surrogate pair";
    const char *text = buf_str(&r->scratch);
    size_t n = r->scratch.size;
    if (json_object_getn(seen, text, n) != NULL)
        return "a key for the second time in one object";
    if (json_object_setn_new_nocheck(seen, text, n, json_true()) != 0)
        return "out of memory";
    return NULL;
}

/* What jansson refuses although it is JSON, in words that do not speak of its options. */
static const char *refusal(const json_error_t *why)
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

/* --- entities --- */

/* An array with room for one more than `count`: the one that was given, or a larger one in its
 * place. NULL when out of memory; the one that was given stays then. */
static void *with_room(void *array, size_t *room, size_t count, size_t size)
{
    if (count < *room)
        return array;
    size_t more = *room == 0 ? 4 : *room * 2;
    void *grown = realloc(array, more * size);
    if (grown != NULL)
        *room = more;
    return grown;
}

static bool add_account(struct reader *r, struct element *el, const char *name, size_t n)
{
    struct event_automation *a = &el->automation;
    char **accounts = with_room(a->accounts, &el->account_room, a->account_count, sizeof *accounts);
    if (accounts == NULL)
        return no_memory(r);
    a->accounts = accounts;
    char *copy = strndup(name, n);
    if (copy == NULL)
        return no_memory(r);
    json_t *index = json_integer((json_int_t)a->account_count);
    a->accounts[a->account_count++] = copy;
    return json_object_setn_new_nocheck(el->account_index, name, n, index) == 0 || no_memory(r);
}

/* Finds the index of an account's name, or gives it one. Most resources have the account of the one
 * before. */
static bool intern_account(struct reader *r, struct element *el, const struct scan_token *token,
                           uint32_t *index)
{
    const struct event_automation *a = &el->automation;
    const char *name = r->scan.text + token->start + 1;
    size_t n = token->end - token->start - 2;
    if (token->escaped) {
        if (!resolve(r, token))
            return buf_ok(&r->scratch) || no_memory(r);
        name = buf_str(&r->scratch);
        n = r->scratch.size;
    }
    n = n < EVENT_MAX_ACCOUNT ? n : EVENT_MAX_ACCOUNT;
    if (a->count > 0) {
        uint32_t last = a->places[a->resources[a->count - 1].place].account;
        if (strlen(a->accounts[last]) == n && memcmp(a->accounts[last], name, n) == 0) {
            *index = last;
            return true;
        }
    }
    const json_t *known = json_object_getn(el->account_index, name, n);
    if (known == NULL && !add_account(r, el, name, n))
        return false;
    *index = known != NULL ? (uint32_t)json_integer_value(known) : (uint32_t)a->account_count - 1;
    return true;
}

/* What an entity says of its place. A word is the bytes between its quotes. */
struct whereabouts {
    uint32_t account;
    const char *region, *type;
    size_t region_size, type_size;
};

static bool same_word(const char *known, const char *word, size_t n)
{
    return strncmp(known, word, n) == 0 && known[n] == '\0';
}

static bool is_place(const struct event_place *place, const struct whereabouts *at)
{
    return place->account == at->account && same_word(place->region, at->region, at->region_size) &&
           same_word(place->type, at->type, at->type_size);
}

static bool add_place(struct reader *r, struct element *el, const struct whereabouts *at,
                      const struct buf *key)
{
    struct event_automation *a = &el->automation;
    struct event_place *places =
        with_room(a->places, &el->place_room, a->place_count, sizeof *places);
    if (places == NULL)
        return no_memory(r);
    a->places = places;
    struct event_place *place = &a->places[a->place_count++];
    *place = (struct event_place){.account = at->account,
                                  .region = strndup(at->region, at->region_size),
                                  .type = strndup(at->type, at->type_size)};
    json_t *index = json_integer((json_int_t)a->place_count - 1);
    if (json_object_setn_new_nocheck(el->place_index, key->data, key->size, index) != 0 ||
        place->region == NULL || place->type == NULL)
        return no_memory(r);
    return true;
}

/* Finds the index of a place, or gives it one. Most resources have the place of the one before. */
static bool intern_place(struct reader *r, struct element *el, const struct whereabouts *at,
                         uint32_t *index)
{
    const struct event_automation *a = &el->automation;
    if (a->count > 0) {
        *index = a->resources[a->count - 1].place;
        if (is_place(&a->places[*index], at))
            return true;
    }
    /* A line's end stands in no string of JSON's. */
    buf_reset(&r->scratch);
    if (!buf_addf(&r->scratch, "%u\n%.*s\n%.*s", (unsigned)at->account, (int)at->region_size,
                  at->region, (int)at->type_size, at->type))
        return no_memory(r);
    const json_t *known = json_object_getn(el->place_index, r->scratch.data, r->scratch.size);
    if (known == NULL && !add_place(r, el, at, &r->scratch))
        return false;
    *index = known != NULL ? (uint32_t)json_integer_value(known) : (uint32_t)a->place_count - 1;
    return true;
}

static void note_word(const struct reader *r, const struct scan_token *token, const char **word,
                      size_t *n)
{
    *word = r->scan.text + token->start + 1;
    *n = token->end - token->start - 2;
    if (*n > EVENT_MAX_WORD)
        *n = EVENT_MAX_WORD;
}

static bool add_resource(struct reader *r, struct element *el,
                         const struct event_resource *resource)
{
    struct event_automation *a = &el->automation;
    if (r->resource_total == EVENT_MAX_RESOURCES)
        return err_set(r->err, ERR_LIMIT, "", "the event has more than %d entities",
                       EVENT_MAX_RESOURCES);
    struct event_resource *resources =
        with_room(a->resources, &el->resource_room, a->count, sizeof *resources);
    if (resources == NULL)
        return no_memory(r);
    a->resources = resources;
    a->resources[a->count++] = *resource;
    r->resource_total++;
    return true;
}

/* `token` is the entity's opening brace. */
static bool read_entity(struct reader *r, struct element *el, const struct scan_token *token)
{
    struct event_resource resource = {.offset = token->start};
    struct whereabouts at = {.region = "", .type = ""};
    uint32_t subscription = 0;
    struct scan_token t;
    while ((t = scan_next(&r->scan)).type == SCAN_KEY) {
        bool is_account = scan_equals(&r->scan, &t, "account");
        bool is_subscription = !is_account && scan_equals(&r->scan, &t, "subscription");
        bool is_region = scan_equals(&r->scan, &t, "region");
        bool is_type = !is_region && scan_equals(&r->scan, &t, "type");
        t = scan_next(&r->scan);
        bool named = (is_account || is_subscription) && t.type == SCAN_STRING;
        if (named && !intern_account(r, el, &t, is_account ? &at.account : &subscription))
            return false;
        if (is_region && t.type == SCAN_STRING)
            note_word(r, &t, &at.region, &at.region_size);
        if (is_type && t.type == SCAN_STRING)
            note_word(r, &t, &at.type, &at.type_size);
        if (!pass(r, &t))
            return false;
    }
    if (!closes(r, &t))
        return false;
    resource.size = (uint32_t)(t.end - token->start);
    if (at.account == 0)
        at.account = subscription;
    return intern_place(r, el, &at, &resource.place) && add_resource(r, el, &resource);
}

static bool read_entities(struct reader *r, struct element *el)
{
    struct scan_token t = scan_next(&r->scan);
    el->has_entities = true;
    if (t.type != SCAN_ARRAY)
        return complain(r, el, t.start, "`entities` is not an array") && pass(r, &t);
    while ((t = scan_next(&r->scan)).type != SCAN_ARRAY_END) {
        if (t.type == SCAN_OBJECT) {
            if (!read_entity(r, el, &t))
                return false;
        } else if (!complain(r, el, t.start, "an entity that is not an object") || !pass(r, &t)) {
            return false;
        }
    }
    return true;
}

/* --- the automation --- */

static bool read_name(struct reader *r, struct element *el)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type != SCAN_STRING)
        return complain(r, el, t.start, "the automation's `name` is not a string") && pass(r, &t);
    if (!resolve(r, &t))
        return complain(r, el, t.start,
                        "the automation's `name` holds \\u0000 or half a surrogate pair");
    if (r->scratch.size == 0)
        return complain(r, el, t.start, "the automation's `name` is empty");
    free(el->automation.name);
    el->automation.name = strdup(buf_str(&r->scratch));
    return el->automation.name != NULL || no_memory(r);
}

static bool parse_params(struct reader *r, struct element *el, size_t start, size_t end)
{
    if (end - start > EVENT_MAX_PARAMS)
        return complain(r, el, start, "`params` is larger than 64 KiB");
    json_error_t why;
    el->automation.params =
        json_loadb(r->scan.text + start, end - start, JSON_REJECT_DUPLICATES, &why);
    if (el->automation.params != NULL)
        return true;
    char what[sizeof why.text + 32];
    snprintf(what, sizeof what, "`params` cannot be read: %s", refusal(&why));
    return complain(r, el, start + (why.position > 0 ? (size_t)why.position - 1 : 0), what);
}

static bool read_params(struct reader *r, struct element *el)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_NULL)
        return true;
    if (t.type != SCAN_OBJECT)
        return complain(r, el, t.start, "`params` is not an object") && pass(r, &t);
    size_t end;
    return scan_skip(&r->scan, &t, &end) ? parse_params(r, el, t.start, end) : broken(r);
}

/* A member that is looked at, and who reads its value. */
struct member {
    const char *key;
    bool (*read)(struct reader *r, struct element *el);
};

/* Whoever reads the value of that key; NULL: nobody. */
static const struct member *find_member(const struct reader *r, const struct member *known,
                                        const struct scan_token *key)
{
    for (; known->key != NULL; known++)
        if (scan_equals(&r->scan, key, known->key))
            return known;
    return NULL;
}

/* Reads an object's members up to its end. Of a key that comes twice only the first value counts,
 * and the second is the element's problem. */
static bool read_members(struct reader *r, struct element *el, const struct member *known)
{
    json_t *seen = json_object();
    bool ok = seen != NULL || no_memory(r);
    struct scan_token t = {.type = SCAN_ERROR};
    while (ok && (t = scan_next(&r->scan)).type == SCAN_KEY) {
        const char *wrong = note_key(r, seen, &t);
        const struct member *member = wrong == NULL ? find_member(r, known, &t) : NULL;
        if (member != NULL)
            ok = member->read(r, el);
        else
            ok = (wrong == NULL || complain(r, el, t.start, wrong)) && pass(r, &t);
    }
    json_decref(seen);
    return ok && closes(r, &t);
}

static const struct member automation_members[] = {
    {"name", read_name},
    {"params", read_params},
    {NULL, NULL},
};

static bool read_automation(struct reader *r, struct element *el)
{
    struct event_automation *a = &el->automation;
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_NULL)
        return true;
    el->has_automation = true;
    a->offset = t.start;
    if (t.type != SCAN_OBJECT) {
        if (!complain(r, el, t.start, "`automation` is not an object") || !pass(r, &t))
            return false;
        a->size = r->scan.at - a->offset;
        return true;
    }
    bool ok = read_members(r, el, automation_members);
    a->size = r->scan.at - a->offset;
    if (ok && a->name[0] == '\0')
        ok = complain(r, el, a->offset, "the automation has no `name`");
    return ok;
}

/* --- the results --- */

static const struct member element_members[] = {
    {"automation", read_automation},
    {"entities", read_entities},
    {NULL, NULL},
};

static void automation_free(struct event_automation *a)
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

/* Takes over the automation; on failure it is still the caller's. */
static bool keep_automation(struct reader *r, const struct event_automation *a)
{
    struct event *e = r->event;
    if (e->count == EVENT_MAX_AUTOMATIONS)
        return err_set(r->err, ERR_LIMIT, "", "the event has more than %d automations",
                       EVENT_MAX_AUTOMATIONS);
    struct event_automation *automations =
        with_room(e->automations, &r->automation_room, e->count, sizeof *automations);
    if (automations == NULL)
        return no_memory(r);
    e->automations = automations;
    e->automations[e->count++] = *a;
    return true;
}

/* Gives back the room that doubling left over. */
static void trim(struct event_automation *a)
{
    if (a->count == 0)
        return;
    struct event_resource *exact = realloc(a->resources, a->count * sizeof *exact);
    if (exact != NULL)
        a->resources = exact;
}

/* `token` is the element's opening brace. */
static bool read_element(struct reader *r, const struct scan_token *token)
{
    struct element el = {
        .start = token->start, .account_index = json_object(), .place_index = json_object()};
    size_t total = r->resource_total;
    el.automation.name = strdup("");
    bool made = el.account_index != NULL && el.place_index != NULL && el.automation.name != NULL;
    bool ok = made || no_memory(r);
    ok = ok && add_account(r, &el, "", 0) && read_members(r, &el, element_members) &&
         (el.has_entities || complain(r, &el, el.start, "this element has no `entities`"));
    json_decref(el.account_index);
    json_decref(el.place_index);
    trim(&el.automation);
    if (ok && el.has_automation && keep_automation(r, &el.automation))
        return true;
    automation_free(&el.automation);
    r->resource_total = total;
    return ok && !el.has_automation;
}

static bool read_results(struct reader *r)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_ERROR)
        return broken(r);
    if (t.type != SCAN_ARRAY)
        return misshapen(r, t.start, "`results` is not an array");
    while ((t = scan_next(&r->scan)).type == SCAN_OBJECT)
        if (!read_element(r, &t))
            return false;
    if (t.type == SCAN_ERROR)
        return broken(r);
    return t.type == SCAN_ARRAY_END ||
           misshapen(r, t.start, "an element of `results` is not an object");
}

static bool read_rule_name(struct reader *r)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_ERROR)
        return broken(r);
    if (t.type == SCAN_NULL)
        return true;
    if (t.type != SCAN_STRING)
        return misshapen(r, t.start, "the event's `name` is not a string");
    if (!resolve(r, &t))
        return misshapen(r, t.start, "the event's `name` holds \\u0000 or half a surrogate pair");
    free(r->event->name);
    r->event->name = strdup(buf_str(&r->scratch));
    return r->event->name != NULL || no_memory(r);
}

static bool read_event_members(struct reader *r, json_t *seen)
{
    bool has_results = false;
    struct scan_token t;
    while ((t = scan_next(&r->scan)).type == SCAN_KEY) {
        const char *wrong = note_key(r, seen, &t);
        if (wrong != NULL)
            return misshapen(r, t.start, wrong);
        bool ok;
        if (scan_equals(&r->scan, &t, "name")) {
            ok = read_rule_name(r);
        } else if (scan_equals(&r->scan, &t, "results")) {
            has_results = true;
            ok = read_results(r);
        } else {
            ok = pass(r, &t);
        }
        if (!ok)
            return false;
    }
    if (!closes(r, &t))
        return false;
    t = scan_next(&r->scan);
    if (t.type != SCAN_END)
        return broken(r);
    return has_results || misshapen(r, t.start, "the event ends without `results`");
}

static bool read_event(struct reader *r)
{
    struct scan_token t = scan_next(&r->scan);
    if (t.type == SCAN_ERROR)
        return broken(r);
    if (t.type != SCAN_OBJECT)
        return misshapen(r, t.start, "the event is not an object");
    json_t *seen = json_object();
    bool ok = seen != NULL ? read_event_members(r, seen) : no_memory(r);
    json_decref(seen);
    return ok;
}

bool event_parse(struct event *e, struct buf *text, struct err *err)
{
    *e = (struct event){.text = *text, .name = strdup("")};
    *text = buf_make(text->max);
    if (e->name == NULL)
        return err_set(err, ERR_INTERNAL, "", "out of memory while reading the event");
    if (e->text.size > EVENT_MAX)
        return err_set(err, ERR_LIMIT, "", "the event has %zu bytes; at most %zu are read",
                       e->text.size, EVENT_MAX);
    struct reader r = {.event = e, .err = err, .scratch = buf_make(EVENT_MAX), .line = 1};
    scan_init(&r.scan, buf_str(&e->text), e->text.size);
    bool ok = read_event(&r);
    buf_free(&r.scratch);
    return ok;
}

void event_free(struct event *e)
{
    for (size_t i = 0; i < e->count; i++)
        automation_free(&e->automations[i]);
    free(e->automations);
    free(e->name);
    buf_free(&e->text);
    *e = (struct event){.text = buf_make(0)};
}

/* --- one resource --- */

static void explain(const struct event_resource *r, const json_error_t *why, struct err *err)
{
    /* An offset and no line: to count lines anew for each of many broken entities would take too
     * long. */
    err_set(err, ERR_INVALID, "", "the entity cannot be read: byte %zu of the event: %s",
            (size_t)r->offset + (why->position > 0 ? (size_t)why->position : 0), refusal(why));
}

json_t *event_resource(const struct event *e, const struct event_resource *r, struct err *err)
{
    if (r->size > EVENT_MAX_RESOURCE) {
        err_set(err, ERR_LIMIT, "", "the entity has %u bytes; at most %u are read",
                (unsigned)r->size, EVENT_MAX_RESOURCE);
        return NULL;
    }
    json_error_t why;
    const char *text = e->text.data + r->offset;
    json_t *resource = jread(text, r->size);
    if (resource != NULL)
        return resource;
    /* Once more for the reason, and for integers that are too large. */
    resource = json_loadb(text, r->size, JSON_REJECT_DUPLICATES, &why);
    if (resource == NULL && json_error_code(&why) == json_error_numeric_overflow)
        resource =
            json_loadb(text, r->size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL, &why);
    if (resource == NULL)
        explain(r, &why, err);
    return resource;
}
