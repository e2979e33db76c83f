/* Plays a small Amazon S3, path style: objects, listings, If-Match and If-None-Match, event
 * notifications. Source: Amazon S3 API Reference; Amazon S3 User Guide, "Conditional writes" and
 * "Event message structure". */
#include "tests/cloud/s3.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/array.h"
#include "lib/base/clock.h"
#include "lib/base/crypto.h"
#include "lib/base/memory.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

#define BUCKETS_MAX 64
#define PAGE        1000
/* The only user metadata that is kept. */
#define EVENT_HEADER "x-amz-meta-hgautod-event"

struct object {
    char *key;
    char *data;
    size_t size;
    char etag[36];   /* with its quotes */
    char event[128]; /* x-amz-meta-hgautod-event; "" for none */
    int64_t modified_ms;
};

struct bucket {
    char name[64];
    char queue[81];    /* "" for none */
    char suffix[128];  /* of the keys that are announced */
    struct object *at; /* sorted by key */
    size_t count, room;
};

struct s3 {
    struct sqs *sqs;
    struct bucket *buckets[BUCKETS_MAX];
    size_t count;
};

/* The bucket and key of a request, decoded. */
struct target {
    char bucket[64];
    char key[1025];
};

struct s3 *s3_new(struct sqs *sqs)
{
    struct s3 *s = xcalloc(1, sizeof *s);
    s->sqs = sqs;
    return s;
}

void s3_clear(struct s3 *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct bucket *b = s->buckets[i];
        for (size_t k = 0; k < b->count; k++) {
            free(b->at[k].key);
            free(b->at[k].data);
        }
        free(b->at);
        free(b);
    }
    s->count = 0;
}

void s3_free(struct s3 *s)
{
    if (!s)
        return;
    s3_clear(s);
    free(s);
}

static struct bucket *s3_find_bucket(const struct s3 *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->buckets[i]->name, name) == 0)
            return s->buckets[i];
    return NULL;
}

bool s3_create(struct s3 *s, const char *name, const char *queue)
{
    struct bucket *b = s3_find_bucket(s, name);
    if (!b) {
        if (s->count == BUCKETS_MAX || !*name || strlen(name) >= sizeof b->name)
            return false;
        b = xcalloc(1, sizeof *b);
        snprintf(b->name, sizeof b->name, "%s", name);
        s->buckets[s->count++] = b;
    }
    if (queue) {
        snprintf(b->queue, sizeof b->queue, "%s", queue);
        snprintf(b->suffix, sizeof b->suffix, "event.json");
    }
    return true;
}

/* Returns the index of the key, or the one at which to insert it. */
static size_t s3_index_of(const struct bucket *b, const char *key, bool *there)
{
    size_t low = 0;
    size_t high = b->count;
    *there = false;
    while (low < high) {
        size_t middle = low + (high - low) / 2;
        int order = strcmp(b->at[middle].key, key);
        if (order == 0) {
            *there = true;
            return middle;
        }
        if (order < 0)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

static struct object *s3_find_object(const struct bucket *b, const char *key)
{
    bool there;
    size_t i = s3_index_of(b, key, &there);
    return there ? &b->at[i] : NULL;
}

bool s3_age(struct s3 *s, const char *bucket, const char *key, int64_t ms)
{
    const struct bucket *b = s3_find_bucket(s, bucket);
    struct object *o = b ? s3_find_object(b, key) : NULL;
    if (o)
        o->modified_ms -= ms;
    return o != NULL;
}

/* Returns the object with that key, which is added if absent. */
static struct object *s3_get_or_add_object(struct bucket *b, const char *key)
{
    bool there;
    size_t i = s3_index_of(b, key, &there);
    if (there)
        return &b->at[i];
    b->at = array_room(b->at, b->count, &b->room, sizeof *b->at);
    char *copy = xstrdup(key);
    memmove(&b->at[i + 1], &b->at[i], (b->count - i) * sizeof b->at[0]);
    b->count++;
    b->at[i] = (struct object){.key = copy};
    return &b->at[i];
}

static bool s3_read_target(const struct request *r, struct target *to)
{
    struct buf plain = buf_make(sizeof to->bucket + sizeof to->key);
    bool ok = uri_decode(&plain, r->path + 1, strlen(r->path + 1), false);
    const char *text = buf_str(&plain);
    size_t length = strcspn(text, "/");
    ok = ok && length < sizeof to->bucket;
    if (ok) {
        snprintf(to->bucket, sizeof to->bucket, "%.*s", (int)length, text);
        snprintf(to->key, sizeof to->key, "%s", text[length] ? text + length + 1 : "");
    }
    buf_free(&plain);
    return ok;
}

void s3_name(struct request *r)
{
    static const struct {
        const char *method, *query;
        bool object;
        const char *name;
    } table[] = {
        {"PUT", "notification", false, "PutBucketNotificationConfiguration"},
        {"GET", "list-type", false, "ListObjectsV2"},
        {"GET", "location", false, "GetBucketLocation"},
        {"PUT", "", false, "CreateBucket"},
        {"HEAD", "", false, "HeadBucket"},
        {"PUT", "", true, "PutObject"},
        {"GET", "", true, "GetObject"},
        {"HEAD", "", true, "HeadObject"},
        {"DELETE", "", true, "DeleteObject"},
    };
    struct target target;
    if (!s3_read_target(r, &target))
        return;
    snprintf(r->detail, sizeof r->detail, "%s/%.150s", target.bucket, target.key);
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].method, r->method) == 0 && table[i].object == (*target.key != '\0') &&
            strstr(r->query, table[i].query)) {
            snprintf(r->operation, sizeof r->operation, "%s", table[i].name);
            return;
        }
    }
    snprintf(r->operation, sizeof r->operation, "Unknown");
}

/* Notifies the bucket's queue that an object was created. */
static void s3_notify_queue(struct s3 *s, const struct bucket *b, const struct object *o,
                            int64_t now_ms)
{
    size_t length = strlen(o->key);
    size_t end = strlen(b->suffix);
    char time[21];
    struct buf key = buf_make(4096);
    if (!*b->queue || length < end || strcmp(o->key + length - end, b->suffix) != 0)
        return;
    clock_iso(now_ms, time);
    uri_encode(&key, o->key, length, true);
    json_t *told = json_pack("{s:[{s:s, s:s, s:s, s:s, s:s, s:{s:s, s:{s:s}, s:{s:s, s:I, s:s}}}]}",
                             "Records", "eventVersion", "2.1", "eventSource", "aws:s3", "awsRegion",
                             "us-east-1", "eventTime", time, "eventName", "ObjectCreated:Put", "s3",
                             "s3SchemaVersion", "1.0", "bucket", "name", b->name, "object", "key",
                             buf_str(&key), "size", (json_int_t)o->size, "eTag", o->etag);
    char *text = json_dumps(told, JSON_COMPACT);
    if (!text || !sqs_put(s->sqs, b->queue, text, now_ms))
        fprintf(stderr, "cloudserver: no queue %s to announce %s to\n", b->queue, o->key);
    free(text);
    json_decref(told);
    buf_free(&key);
}

/* Returns true if the condition of the write holds; otherwise writes the error. */
static bool s3_condition_holds(const struct object *there, const struct request *r,
                               struct reply *reply)
{
    const char *match = request_header(r, "If-Match");
    const char *none = request_header(r, "If-None-Match");
    if (*match && !there) {
        reply_error(r, reply, 404, "NoSuchKey", "The specified key does not exist.");
        return false;
    }
    if ((*match && strcmp(match, there->etag) != 0) || (strcmp(none, "*") == 0 && there)) {
        reply_error(r, reply, 412, "PreconditionFailed",
                    "At least one of the pre-conditions you specified did not hold");
        return false;
    }
    return true;
}

static void s3_put_object(struct s3 *s, struct bucket *b, const char *key, struct request *r,
                          struct reply *reply, int64_t now_ms)
{
    if (!s3_condition_holds(s3_find_object(b, key), r, reply))
        return;
    uint8_t digest[MD5_SIZE];
    char hex[2 * MD5_SIZE + 1];
    struct object *o = s3_get_or_add_object(b, key);
    char *data = xmemdup(buf_str(&r->body), r->body.size + 1);
    free(o->data);
    o->data = data;
    o->size = r->body.size;
    o->modified_ms = now_ms;
    md5(data, o->size, digest);
    hex_encode(digest, sizeof digest, hex);
    snprintf(o->etag, sizeof o->etag, "\"%s\"", hex);
    snprintf(o->event, sizeof o->event, "%s", request_header(r, EVENT_HEADER));
    reply_header(reply, "ETag", o->etag);
    s3_notify_queue(s, b, o, now_ms);
}

static void s3_get_object(const struct bucket *b, const char *key, const struct request *r,
                          struct reply *reply)
{
    const struct object *o = s3_find_object(b, key);
    char date[30];
    if (!o) {
        reply_error(r, reply, 404, "NoSuchKey", "The specified key does not exist.");
        return;
    }
    clock_http_date(o->modified_ms, date);
    reply_header(reply, "ETag", o->etag);
    reply_header(reply, "Last-Modified", date);
    if (*o->event)
        reply_header(reply, EVENT_HEADER, o->event);
    reply->type = "binary/octet-stream";
    buf_add(&reply->body, o->data, o->size);
}

static void s3_delete_object(struct bucket *b, const char *key, const struct request *r,
                             struct reply *reply)
{
    bool there;
    size_t i = s3_index_of(b, key, &there);
    if (!s3_condition_holds(s3_find_object(b, key), r, reply))
        return;
    reply->status = 204;
    if (!there)
        return;
    free(b->at[i].key);
    free(b->at[i].data);
    b->count--;
    memmove(&b->at[i], &b->at[i + 1], (b->count - i) * sizeof b->at[0]);
}

static void s3_add_content(struct buf *to, const struct object *o)
{
    char time[21];
    clock_iso(o->modified_ms, time);
    buf_adds(to, "<Contents><Key>");
    xml_escape(to, o->key);
    buf_addf(to, "</Key><LastModified>%s</LastModified><ETag>", time);
    xml_escape(to, o->etag);
    buf_addf(to, "</ETag><Size>%zu</Size><StorageClass>STANDARD</StorageClass></Contents>",
             o->size);
}

/* Writes one page; the continuation token is the last key of the previous page. */
static void s3_list_objects(const struct bucket *b, const struct request *r, struct reply *reply)
{
    json_t *form = form_parse(r->query, strlen(r->query));
    const char *prefix = form_get(form, "prefix");
    const char *token = form_get(form, "continuation-token");
    const char *start = *token ? token : form_get(form, "start-after");
    long most = *form_get(form, "max-keys") ? strtol(form_get(form, "max-keys"), NULL, 10) : PAGE;
    const struct object *last = NULL;
    long count = 0;
    bool more = false;
    buf_adds(&reply->body, "<ListBucketResult>");
    for (size_t i = 0; i < b->count && !more; i++) {
        const struct object *o = &b->at[i];
        if (strncmp(o->key, prefix, strlen(prefix)) != 0 || (*start && strcmp(o->key, start) <= 0))
            continue;
        more = count == most || count == PAGE;
        if (more)
            break;
        s3_add_content(&reply->body, o);
        last = o;
        count++;
    }
    buf_addf(&reply->body, "<Name>%s</Name><KeyCount>%ld</KeyCount><IsTruncated>%s</IsTruncated>",
             b->name, count, more ? "true" : "false");
    if (more && last) {
        buf_adds(&reply->body, "<NextContinuationToken>");
        xml_escape(&reply->body, last->key);
        buf_adds(&reply->body, "</NextContinuationToken>");
    }
    buf_adds(&reply->body, "</ListBucketResult>");
    json_decref(form);
}

/* Reads one QueueConfiguration with at most a suffix rule. */
static void s3_put_notification(struct bucket *b, const struct request *r, struct reply *reply)
{
    struct err err = ERR_INIT;
    json_t *xml = xml_parse(buf_str(&r->body), r->body.size, &err);
    const json_t *all = json_object_get(xml, "NotificationConfiguration");
    const json_t *queue = json_object_get(all, "QueueConfiguration");
    const json_t *filter = json_object_get(json_object_get(queue, "Filter"), "S3Key");
    const char *arn = json_string_value(json_object_get(queue, "Queue"));
    const char *suffix =
        json_string_value(json_object_get(json_object_get(filter, "FilterRule"), "Value"));
    const char *colon = arn ? strrchr(arn, ':') : NULL;
    if (colon) {
        snprintf(b->queue, sizeof b->queue, "%s", colon + 1);
        snprintf(b->suffix, sizeof b->suffix, "%s", suffix ? suffix : "");
    } else {
        reply_error(r, reply, 400, "MalformedXML",
                    "One QueueConfiguration with a Queue is wanted.");
    }
    json_decref(xml);
}

static void s3_answer_bucket(struct s3 *s, struct bucket *b, const char *key, struct request *r,
                             struct reply *reply, int64_t now_ms)
{
    const char *name = r->operation;
    if (strcmp(name, "PutObject") == 0)
        s3_put_object(s, b, key, r, reply, now_ms);
    else if (strcmp(name, "GetObject") == 0 || strcmp(name, "HeadObject") == 0)
        s3_get_object(b, key, r, reply);
    else if (strcmp(name, "DeleteObject") == 0)
        s3_delete_object(b, key, r, reply);
    else if (strcmp(name, "ListObjectsV2") == 0)
        s3_list_objects(b, r, reply);
    else if (strcmp(name, "PutBucketNotificationConfiguration") == 0)
        s3_put_notification(b, r, reply);
    else if (strcmp(name, "GetBucketLocation") == 0)
        buf_adds(&reply->body, "<LocationConstraint/>");
    else if (strcmp(name, "Unknown") == 0)
        reply_error(r, reply, 501, "NotImplemented", "This server has no such operation.");
}

void s3_answer(struct s3 *s, struct request *r, struct reply *reply, int64_t now_ms)
{
    struct target target;
    reply->status = 200;
    reply->type = "application/xml";
    reply_header(reply, "x-amz-request-id", r->id);
    if (!s3_read_target(r, &target)) {
        reply_error(r, reply, 400, "InvalidURI", "The bucket or key cannot be read.");
        return;
    }
    bool create = strcmp(r->operation, "CreateBucket") == 0;
    if (create && !s3_create(s, target.bucket, NULL)) {
        reply_error(r, reply, 400, "InvalidBucketName", "The specified bucket is not valid.");
        return;
    }
    struct bucket *b = s3_find_bucket(s, target.bucket);
    if (!b)
        reply_error(r, reply, 404, "NoSuchBucket", "The specified bucket does not exist");
    else if (!create)
        s3_answer_bucket(s, b, target.key, r, reply, now_ms);
}
