/* Recognizing queue messages by their shape.
 *
 * Which shapes there are:
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-content-structure.html,
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/ev-events.html and
 * https://docs.aws.amazon.com/sns/latest/dg/sns-message-and-json-formats.html. A message is taken
 * as a whole or not at all: one record that cannot be understood leaves all of it to the
 * dead-letter queue. */
#include "daemon/source/envelope_parts.h"

#include <jansson.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/aws/s3.h"
#include "lib/base/buf.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/json/scan.h"
#include "lib/net/uri.h"

#define KEY_MAX ENVELOPE_KEY_MAX

/* The names beside ObjectCreated:* that S3 gives to its events, and the types that EventBridge
 * gives them, both from the pages above and
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html.
 * A name that is not listed may be that of a new object by another way: its message is kept. */
static const char *const other_names[] = {
    "ObjectRemoved:Delete",
    "ObjectRemoved:DeleteMarkerCreated",
    "ObjectRestore:Post",
    "ObjectRestore:Completed",
    "ObjectRestore:Delete",
    "ReducedRedundancyLostObject",
    "Replication:OperationFailedReplication",
    "Replication:OperationMissedThreshold",
    "Replication:OperationReplicatedAfterThreshold",
    "Replication:OperationNotTracked",
    "LifecycleExpiration:Delete",
    "LifecycleExpiration:DeleteMarkerCreated",
    "LifecycleTransition",
    "IntelligentTiering",
    "ObjectTagging:Put",
    "ObjectTagging:Delete",
    "ObjectAcl:Put",
    NULL,
};
static const char *const other_types[] = {
    "Object Deleted",
    "Object Restore Initiated",
    "Object Restore Completed",
    "Object Restore Expired",
    "Object Storage Class Changed",
    "Object Access Tier Changed",
    "Object ACL Updated",
    "Object Tags Added",
    "Object Tags Deleted",
    NULL,
};

static bool starts_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* --- objects --- */

bool envelope_is_event(const char *key)
{
    const char *slash = strrchr(key, '/');
    return strcmp(slash != NULL ? slash + 1 : key, "event.json") == 0;
}

static bool no_memory(struct envelope_reader *r)
{
    return err_set(r->err, ERR_INTERNAL, "", "out of memory while reading the message");
}

bool envelope_add(struct envelope_reader *r, const char *bucket, const char *key)
{
    struct envelope *to = r->to;
    if (to->count == r->room) {
        size_t room = r->room == 0 ? 4 : r->room * 2;
        struct envelope_object *grown = realloc(to->objects, room * sizeof *grown);
        if (grown == NULL)
            return no_memory(r);
        to->objects = grown;
        r->room = room;
    }
    struct envelope_object object = {.container = strdup(bucket), .key = strdup(key)};
    if (object.container == NULL || object.key == NULL) {
        free(object.container);
        free(object.key);
        return no_memory(r);
    }
    to->objects[to->count++] = object;
    return true;
}

bool envelope_note_name(const char *names[ENVELOPE_NAMES + 1], const char *name)
{
    size_t n = 0;
    for (; n < ENVELOPE_NAMES && names[n] != NULL; n++)
        if (strcmp(names[n], name) == 0)
            return false;
    if (n < ENVELOPE_NAMES)
        names[n] = name;
    return true;
}

bool envelope_ignores(struct envelope_reader *r, const char *const *list, const char *name)
{
    while (*list != NULL && strcmp(*list, name) != 0)
        list++;
    if (*list == NULL)
        return false;
    envelope_note_name(r->to->ignored_names, *list);
    r->to->ignored++;
    return true;
}

/* An object was created; `key` is decoded. Keeps it when it is an event. */
static bool take_object(struct envelope_reader *r, const char *bucket, const char *key)
{
    size_t n = strlen(key);
    if (n == 0 || n > KEY_MAX)
        return err_set(r->err, ERR_INVALID, "", "the object's key has %zu bytes; S3 allows 1 to %d",
                       n, KEY_MAX);
    if (!utf8_valid(key, n))
        return err_set(r->err, ERR_INVALID, "", "the object's key is not UTF-8");
    if (!envelope_is_event(key)) {
        r->to->ignored++;
        return true;
    }
    const char *name = bucket != NULL ? bucket : "";
    const char *problem = aws_bucket_problem(name);
    if (problem)
        return err_set(r->err, ERR_INVALID, "", "\"%.80s\" %s", name, problem);
    return envelope_add(r, name, key);
}

/* --- S3 event notifications --- */

static bool take_encoded(struct envelope_reader *r, const char *bucket, const char *encoded)
{
    struct buf key = buf_make(KEY_MAX + 1);
    bool ok = uri_decode(&key, encoded, strlen(encoded), true);
    if (!ok)
        err_set(r->err, ERR_INVALID, "",
                "the object's key is longer than %d bytes or not URL-encoded: \"%.200s\"", KEY_MAX,
                encoded);
    ok = ok && take_object(r, bucket, buf_str(&key));
    buf_free(&key);
    return ok;
}

static bool take_record(struct envelope_reader *r, const json_t *record, size_t i)
{
    const char *source = jstr(record, "eventSource");
    if (source == NULL || strcmp(source, "aws:s3") != 0)
        return err_set(r->err, ERR_INVALID, "", "Records[%zu] is not of Amazon S3 but of \"%.80s\"",
                       i, source != NULL ? source : "");
    /* A new major version may have another structure; minor ones only add to it. */
    const char *version = jstr(record, "eventVersion");
    if (version != NULL && !starts_with(version, "2."))
        return err_set(r->err, ERR_INVALID, "",
                       "Records[%zu] has the unknown eventVersion \"%.16s\"", i, version);
    const char *name = jstr(record, "eventName");
    if (name == NULL)
        return err_set(r->err, ERR_INVALID, "", "Records[%zu] has no eventName", i);
    if (envelope_ignores(r, other_names, name))
        return true;
    if (!starts_with(name, "ObjectCreated:"))
        return err_set(r->err, ERR_INVALID, "",
                       "Records[%zu] has the eventName \"%.80s\", which is not one of S3's", i,
                       name);
    const char *key = jstr(record, "s3.object.key");
    if (key == NULL)
        return err_set(r->err, ERR_INVALID, "", "Records[%zu] has no s3.object.key", i);
    return take_encoded(r, jstr(record, "s3.bucket.name"), key);
}

static enum envelope_kind take_records(struct envelope_reader *r, const json_t *records)
{
    if (!json_is_array(records) || json_array_size(records) == 0) {
        err_set(r->err, ERR_INVALID, "", "Records is not an array, or an empty one");
        return ENVELOPE_UNKNOWN;
    }
    size_t i;
    const json_t *record;
    json_array_foreach(records, i, record)
        if (!take_record(r, record, i))
            return ENVELOPE_UNKNOWN;
    return ENVELOPE_EVENTS;
}

/* --- EventBridge --- */

static enum envelope_kind take_bridged(struct envelope_reader *r, const json_t *body)
{
    const char *source = jstr(body, "source");
    const char *type = jstr(body, "detail-type");
    if (source == NULL || strcmp(source, "aws.s3") != 0 || type == NULL) {
        err_set(r->err, ERR_INVALID, "",
                "an EventBridge event of source \"%.80s\" and detail-type \"%.80s\"; only those of "
                "aws.s3 are known",
                source != NULL ? source : "", type != NULL ? type : "");
        return ENVELOPE_UNKNOWN;
    }
    if (envelope_ignores(r, other_types, type))
        return ENVELOPE_EVENTS;
    if (strcmp(type, "Object Created") != 0) {
        err_set(r->err, ERR_INVALID, "",
                "an EventBridge event of detail-type \"%.80s\": new objects are announced by "
                "\"Object Created\"; change the rule's pattern, and turn EventBridge on in the "
                "bucket's properties",
                type);
        return ENVELOPE_UNKNOWN;
    }
    const char *key = jstr(body, "detail.object.key");
    if (key == NULL) {
        err_set(r->err, ERR_INVALID, "", "an EventBridge event without detail.object.key");
        return ENVELOPE_UNKNOWN;
    }
    return take_object(r, jstr(body, "detail.bucket.name"), key) ? ENVELOPE_EVENTS
                                                                 : ENVELOPE_UNKNOWN;
}

/* --- the body --- */

/* The shapes a body may show; more than one at a time is none. */
enum shape { SHAPE_NONE, SHAPE_RECORDS, SHAPE_BRIDGE, SHAPE_TEST, SHAPE_SNS, SHAPE_SEVERAL };

static enum shape shape_of(const json_t *body)
{
    static const struct {
        const char *key;
        enum shape shape;
    } marks[] = {
        {"Records", SHAPE_RECORDS},
        {"detail-type", SHAPE_BRIDGE},
        {"Event", SHAPE_TEST},
        {"Type", SHAPE_SNS},
    };
    enum shape found = SHAPE_NONE;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (json_object_get(body, marks[i].key) != NULL)
            found = found == SHAPE_NONE ? marks[i].shape : SHAPE_SEVERAL;
    return found;
}

static enum envelope_kind take_test(struct envelope_reader *r, const json_t *body)
{
    const char *name = jstr(body, "Event");
    if (name != NULL && strcmp(name, "s3:TestEvent") == 0)
        return ENVELOPE_TEST;
    err_set(r->err, ERR_INVALID, "", "a message whose Event is not s3:TestEvent");
    return ENVELOPE_UNKNOWN;
}

static enum envelope_kind take_plain(struct envelope_reader *r, const json_t *body)
{
    switch (shape_of(body)) {
    case SHAPE_RECORDS:
        return take_records(r, json_object_get(body, "Records"));
    case SHAPE_BRIDGE:
        return take_bridged(r, body);
    case SHAPE_TEST:
        return take_test(r, body);
    case SHAPE_SNS:
        err_set(r->err, ERR_INVALID, "", "an SNS envelope within an SNS envelope");
        return ENVELOPE_UNKNOWN;
    case SHAPE_SEVERAL:
        err_set(r->err, ERR_INVALID, "", "a message with marks of several envelopes at once");
        return ENVELOPE_UNKNOWN;
    case SHAPE_NONE:
        break;
    }
    err_set(r->err, ERR_INVALID, "", "neither a notification of S3, SNS nor EventBridge");
    return ENVELOPE_UNKNOWN;
}

json_t *envelope_json(const char *text, size_t size, struct err *err)
{
    struct scan scan;
    struct scan_token t;
    scan_init(&scan, text, size);
    do
        t = scan_next(&scan);
    while (t.type != SCAN_ERROR && t.type != SCAN_END);
    if (t.type == SCAN_ERROR) {
        scan_error(&scan, err);
        return NULL;
    }
    json_error_t why;
    json_t *body = json_loadb(
        text, size, JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, &why);
    if (body == NULL)
        err_set(err, ERR_INVALID, "", "line %d, column %d: %s", why.line, why.column, why.text);
    return body;
}

/* A new reference to an object, or NULL. */
static json_t *parse(const char *text, size_t size, struct err *err)
{
    json_t *body = envelope_json(text, size, err);
    if (body != NULL && !json_is_object(body)) {
        err_set(err, ERR_INVALID, "", "the message is JSON, but not an object");
        json_decref(body);
        body = NULL;
    }
    return body;
}

static enum envelope_kind take_sns(struct envelope_reader *r, const json_t *body)
{
    const char *type = jstr(body, "Type");
    const json_t *message = json_object_get(body, "Message");
    if (type != NULL && strcmp(type, "SubscriptionConfirmation") == 0) {
        err_set(r->err, ERR_INVALID, "",
                "SNS asks to confirm a subscription; confirm it there, it is not done from here");
        return ENVELOPE_UNKNOWN;
    }
    if (type == NULL || strcmp(type, "Notification") != 0 || !json_is_string(message)) {
        err_set(r->err, ERR_INVALID, "",
                "an SNS message of Type \"%.40s\", not a Notification with a Message",
                type != NULL ? type : "");
        return ENVELOPE_UNKNOWN;
    }
    json_t *inner = parse(json_string_value(message), json_string_length(message), r->err);
    if (inner == NULL)
        return ENVELOPE_UNKNOWN;
    enum envelope_kind kind = take_plain(r, inner);
    json_decref(inner);
    return kind;
}

enum envelope_kind envelope_parse(const char *body, size_t size, struct envelope *to,
                                  struct err *err)
{
    *to = (struct envelope){0};
    if (size > ENVELOPE_MAX) {
        err_set(err, ERR_LIMIT, "", "a message of %zu bytes; at most %u are read", size,
                ENVELOPE_MAX);
        return ENVELOPE_UNKNOWN;
    }
    struct envelope_reader r = {.to = to, .err = err};
    json_t *root = parse(body, size, err);
    if (root == NULL)
        return ENVELOPE_UNKNOWN;
    enum envelope_kind kind =
        shape_of(root) == SHAPE_SNS ? take_sns(&r, root) : take_plain(&r, root);
    json_decref(root);
    if (kind != ENVELOPE_EVENTS)
        envelope_free(to);
    return kind;
}

void envelope_free(struct envelope *e)
{
    for (size_t i = 0; i < e->count; i++) {
        free(e->objects[i].container);
        free(e->objects[i].key);
    }
    free(e->objects);
    *e = (struct envelope){0};
}
