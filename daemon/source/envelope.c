/* Recognizes the messages of SQS queues by their shape.
 *
 * The shapes:
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
#include "lib/base/array.h"
#include "lib/base/buf.h"
#include "lib/base/memory.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/json/jread.h"
#include "lib/json/scan.h"
#include "lib/net/uri.h"

/* The names of S3's events except ObjectCreated:*, and their types in EventBridge, both from the
 * pages above and
 * https://docs.aws.amazon.com/AmazonS3/latest/userguide/notification-how-to-event-types-and-destinations.html.
 * A name that is not listed may announce a new object in another way: its message is kept. */
static const char *const envelope_other_names[] = {
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
static const char *const envelope_other_types[] = {
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

static bool envelope_starts_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* --- objects --- */

bool envelope_is_event(const char *key)
{
    const char *slash = strrchr(key, '/');
    return strcmp(slash ? slash + 1 : key, "event.json") == 0;
}

void envelope_add(struct envelope_reader *r, const char *container, const char *key)
{
    struct envelope *to = r->to;
    to->objects = array_room(to->objects, to->count, &r->room, sizeof *to->objects);
    to->objects[to->count++] =
        (struct envelope_object){.container = xstrdup(container), .key = xstrdup(key)};
}

/* Adds a constant string to a list that is ended by NULL, unless it is there already. */
static void envelope_note_name(const char *names[ENVELOPE_NAMES + 1], const char *name)
{
    size_t n = 0;
    while (n < ENVELOPE_NAMES && names[n] && strcmp(names[n], name) != 0)
        n++;
    if (n < ENVELOPE_NAMES)
        names[n] = name;
}

bool envelope_ignores(struct envelope_reader *r, const char *const *list, const char *name)
{
    while (*list && strcmp(*list, name) != 0)
        list++;
    if (!*list)
        return false;
    envelope_note_name(r->to->ignored_names, *list);
    r->to->ignored++;
    return true;
}

/* Adds a created object if it is an event; `key` is decoded. */
static bool envelope_take_object(struct envelope_reader *r, const char *bucket, const char *key)
{
    size_t n = strlen(key);
    if (n == 0 || n > ENVELOPE_KEY_MAX)
        return err_set(r->err, ERR_INVALID, "", "the object's key has %zu bytes; S3 allows 1 to %d",
                       n, ENVELOPE_KEY_MAX);
    if (!utf8_valid(key, n))
        return err_set(r->err, ERR_INVALID, "", "the object's key is not UTF-8");
    if (!envelope_is_event(key)) {
        r->to->ignored++;
        return true;
    }
    const char *name = bucket ? bucket : "";
    const char *problem = aws_bucket_problem(name);
    if (problem)
        return err_set(r->err, ERR_INVALID, "", "\"%.80s\" %s", name, problem);
    envelope_add(r, name, key);
    return true;
}

/* --- S3 event notifications --- */

static bool envelope_take_encoded(struct envelope_reader *r, const char *bucket,
                                  const char *encoded)
{
    struct buf key = buf_make(ENVELOPE_KEY_MAX + 1);
    bool ok = uri_decode(&key, encoded, strlen(encoded), true);
    if (!ok)
        err_set(r->err, ERR_INVALID, "",
                "the object's key is longer than %d bytes or not URL-encoded: \"%.200s\"",
                ENVELOPE_KEY_MAX, encoded);
    ok = ok && envelope_take_object(r, bucket, buf_str(&key));
    buf_free(&key);
    return ok;
}

static bool envelope_take_record(struct envelope_reader *r, const json_t *record, size_t i)
{
    const char *source = jstr(record, "eventSource");
    if (!source || strcmp(source, "aws:s3") != 0)
        return err_set(r->err, ERR_INVALID, "",
                       "Records[%zu] is not from Amazon S3 but from \"%.80s\"", i,
                       source ? source : "");
    /* A new major version may have another structure; minor ones only add to it. */
    const char *version = jstr(record, "eventVersion");
    if (version && !envelope_starts_with(version, "2."))
        return err_set(r->err, ERR_INVALID, "",
                       "Records[%zu] has the unknown eventVersion \"%.16s\"", i, version);
    const char *name = jstr(record, "eventName");
    if (!name)
        return err_set(r->err, ERR_INVALID, "", "Records[%zu] has no eventName", i);
    if (envelope_ignores(r, envelope_other_names, name))
        return true;
    if (!envelope_starts_with(name, "ObjectCreated:"))
        return err_set(r->err, ERR_INVALID, "",
                       "Records[%zu] has the eventName \"%.80s\", which is not one of S3's", i,
                       name);
    const char *key = jstr(record, "s3.object.key");
    if (!key)
        return err_set(r->err, ERR_INVALID, "", "Records[%zu] has no s3.object.key", i);
    return envelope_take_encoded(r, jstr(record, "s3.bucket.name"), key);
}

static bool envelope_take_records(struct envelope_reader *r, const json_t *records)
{
    if (!json_is_array(records) || json_array_size(records) == 0)
        return err_set(r->err, ERR_INVALID, "", "Records is not an array, or an empty one");
    size_t i;
    const json_t *record;
    json_array_foreach(records, i, record)
        if (!envelope_take_record(r, record, i))
            return false;
    return true;
}

/* --- EventBridge --- */

static bool envelope_take_bridged(struct envelope_reader *r, const json_t *body)
{
    const char *source = jstr(body, "source");
    const char *type = jstr(body, "detail-type");
    if (!source || strcmp(source, "aws.s3") != 0 || !type)
        return err_set(r->err, ERR_INVALID, "",
                       "an EventBridge event of source \"%.80s\" and detail-type \"%.80s\"; only "
                       "those of aws.s3 are known",
                       source ? source : "", type ? type : "");
    if (envelope_ignores(r, envelope_other_types, type))
        return true;
    if (strcmp(type, "Object Created") != 0)
        return err_set(r->err, ERR_INVALID, "",
                       "an EventBridge event of detail-type \"%.80s\": new objects are announced "
                       "by \"Object Created\"; change the rule's pattern, and turn EventBridge on "
                       "in the bucket's properties",
                       type);
    const char *key = jstr(body, "detail.object.key");
    if (!key)
        return err_set(r->err, ERR_INVALID, "", "an EventBridge event without detail.object.key");
    return envelope_take_object(r, jstr(body, "detail.bucket.name"), key);
}

/* --- the body --- */

/* The shapes that a body may have; one with several is not known. */
enum envelope_shape {
    SHAPE_NONE,
    SHAPE_RECORDS,
    SHAPE_BRIDGE,
    SHAPE_TEST,
    SHAPE_SNS,
    SHAPE_SEVERAL
};

static enum envelope_shape envelope_shape_of(const json_t *body)
{
    static const struct {
        const char *key;
        enum envelope_shape shape;
    } marks[] = {
        {"Records", SHAPE_RECORDS},
        {"detail-type", SHAPE_BRIDGE},
        {"Event", SHAPE_TEST},
        {"Type", SHAPE_SNS},
    };
    enum envelope_shape found = SHAPE_NONE;
    for (size_t i = 0; i < sizeof marks / sizeof marks[0]; i++)
        if (json_object_get(body, marks[i].key))
            found = found == SHAPE_NONE ? marks[i].shape : SHAPE_SEVERAL;
    return found;
}

static bool envelope_take_test(struct envelope_reader *r, const json_t *body)
{
    const char *name = jstr(body, "Event");
    r->test = name && strcmp(name, "s3:TestEvent") == 0;
    return r->test || err_set(r->err, ERR_INVALID, "", "a message whose Event is not s3:TestEvent");
}

static bool envelope_take_plain(struct envelope_reader *r, const json_t *body)
{
    switch (envelope_shape_of(body)) {
    case SHAPE_RECORDS:
        return envelope_take_records(r, json_object_get(body, "Records"));
    case SHAPE_BRIDGE:
        return envelope_take_bridged(r, body);
    case SHAPE_TEST:
        return envelope_take_test(r, body);
    case SHAPE_SNS:
        return err_set(r->err, ERR_INVALID, "", "an SNS envelope within an SNS envelope");
    case SHAPE_SEVERAL:
        return err_set(r->err, ERR_INVALID, "", "a message with members of several envelopes");
    case SHAPE_NONE:
        break;
    }
    return err_set(r->err, ERR_INVALID, "", "not an S3, SNS or EventBridge notification");
}

json_t *envelope_json(const char *text, size_t size, struct err *err)
{
    json_t *body = jread(text, size);
    if (body)
        return body;
    /* The rest is rare: text that is wrong, with the reason, and what only jansson accepts, such as
     * huge numbers. The scanner bounds the depth of what jansson sees. */
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
    body = json_loadb(text, size,
                      JSON_REJECT_DUPLICATES | JSON_DECODE_INT_AS_REAL | JSON_DECODE_ANY, &why);
    if (!body)
        err_set(err, ERR_INVALID, "", "line %d, column %d: %s", why.line, why.column, why.text);
    return body;
}

/* A new reference to an object, or NULL. */
static json_t *envelope_parse_object(const char *text, size_t size, struct err *err)
{
    json_t *body = envelope_json(text, size, err);
    if (body && !json_is_object(body)) {
        err_set(err, ERR_INVALID, "", "the message is JSON, but not an object");
        json_decref(body);
        body = NULL;
    }
    return body;
}

static bool envelope_take_sns(struct envelope_reader *r, const json_t *body)
{
    const char *type = jstr(body, "Type");
    const json_t *message = json_object_get(body, "Message");
    if (type && strcmp(type, "SubscriptionConfirmation") == 0)
        return err_set(r->err, ERR_INVALID, "",
                       "SNS asks to confirm a subscription: confirm it in SNS, hgautod does not");
    if (!type || strcmp(type, "Notification") != 0 || !json_is_string(message))
        return err_set(r->err, ERR_INVALID, "",
                       "an SNS message of Type \"%.40s\", not a Notification with a Message",
                       type ? type : "");
    json_t *inner =
        envelope_parse_object(json_string_value(message), json_string_length(message), r->err);
    bool ok = inner && envelope_take_plain(r, inner);
    json_decref(inner);
    return ok;
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
    json_t *root = envelope_parse_object(body, size, err);
    bool ok = root && (envelope_shape_of(root) == SHAPE_SNS ? envelope_take_sns(&r, root)
                                                            : envelope_take_plain(&r, root));
    json_decref(root);
    if (ok && !r.test)
        return ENVELOPE_EVENTS;
    envelope_free(to);
    return ok ? ENVELOPE_TEST : ENVELOPE_UNKNOWN;
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
