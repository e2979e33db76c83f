/* Plays a small Amazon SQS: JSON protocol, long polls, visibility timeouts, receipt handles that
 * expire. Source: Amazon SQS API Reference. */
#include "tests/cloud/sqs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/crypto.h"
#include "lib/base/memory.h"
#include "tests/cloud/signature.h"

#define QUEUES_MAX         64
#define DEFAULT_VISIBILITY 30 /* seconds */
#define LONGEST_VISIBILITY 43200

struct message {
    struct message *next;
    char id[40];
    unsigned number;
    unsigned receives; /* the receipt handle is "NUMBER/RECEIVES" */
    int64_t sent_ms, visible_ms;
    char *body;
};

struct queue {
    char name[81];
    struct message *first, **last;
};

struct sqs {
    const char *base_url;
    struct queue *queues[QUEUES_MAX];
    size_t count;
    unsigned numbers, changes;
};

struct sqs *sqs_new(const char *base_url)
{
    struct sqs *s = xcalloc(1, sizeof *s);
    s->base_url = base_url;
    return s;
}

void sqs_clear(struct sqs *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct message *next;
        for (struct message *m = s->queues[i]->first; m; m = next) {
            next = m->next;
            free(m->body);
            free(m);
        }
        free(s->queues[i]);
    }
    s->count = 0;
    s->changes++;
}

void sqs_free(struct sqs *s)
{
    if (!s)
        return;
    sqs_clear(s);
    free(s);
}

unsigned sqs_changes(const struct sqs *s)
{
    return s->changes;
}

static struct queue *sqs_find_queue(const struct sqs *s, const char *name)
{
    for (size_t i = 0; i < s->count; i++)
        if (strcmp(s->queues[i]->name, name) == 0)
            return s->queues[i];
    return NULL;
}

bool sqs_create(struct sqs *s, const char *name)
{
    if (sqs_find_queue(s, name))
        return true;
    if (s->count == QUEUES_MAX || !*name || strlen(name) >= sizeof s->queues[0]->name)
        return false;
    struct queue *q = xcalloc(1, sizeof *q);
    snprintf(q->name, sizeof q->name, "%s", name);
    q->last = &q->first;
    s->queues[s->count++] = q;
    return true;
}

static struct message *sqs_add_message(struct sqs *s, struct queue *q, const char *body,
                                       int64_t now_ms)
{
    struct message *m = xcalloc(1, sizeof *m);
    m->body = xstrdup(body);
    m->number = ++s->numbers;
    snprintf(m->id, sizeof m->id, "00000000-0000-4000-8000-%012u", m->number);
    m->sent_ms = m->visible_ms = now_ms;
    *q->last = m;
    q->last = &m->next;
    s->changes++;
    return m;
}

bool sqs_put(struct sqs *s, const char *queue, const char *body, int64_t now_ms)
{
    struct queue *q = sqs_find_queue(s, queue);
    return q && sqs_add_message(s, q, body, now_ms);
}

/* Finds the message of a receipt handle, NULL if it no longer exists. Returns false if the handle
 * is invalid.
 * */
static bool sqs_find_message(struct queue *q, const char *handle, struct message ***to,
                             unsigned *receive)
{
    char *slash;
    char *end;
    unsigned number = (unsigned)strtoul(handle, &slash, 10);
    *to = NULL;
    if (slash == handle || *slash != '/')
        return false;
    *receive = (unsigned)strtoul(slash + 1, &end, 10);
    if (end == slash + 1 || *end)
        return false;
    for (struct message **at = &q->first; *at; at = &(*at)->next) {
        if ((*at)->number == number) {
            *to = at;
            return true;
        }
    }
    return true;
}

static void sqs_md5_hex(const char *text, char hex[33])
{
    uint8_t digest[MD5_SIZE];
    md5(text, strlen(text), digest);
    hex_encode(digest, sizeof digest, hex);
}

static json_t *sqs_received_json(const struct message *m)
{
    char handle[32];
    char count[16];
    char sent[24];
    char md5[33];
    snprintf(handle, sizeof handle, "%u/%u", m->number, m->receives);
    snprintf(count, sizeof count, "%u", m->receives);
    snprintf(sent, sizeof sent, "%lld", (long long)m->sent_ms);
    sqs_md5_hex(m->body, md5);
    return json_pack("{s:s, s:s, s:s, s:s, s:{s:s, s:s}}", "MessageId", m->id, "ReceiptHandle",
                     handle, "MD5OfBody", md5, "Body", m->body, "Attributes",
                     "ApproximateReceiveCount", count, "SentTimestamp", sent);
}

static long sqs_number_of(const json_t *in, const char *name, long fallback)
{
    const json_t *value = json_object_get(in, name);
    return json_is_integer(value) ? (long)json_integer_value(value) : fallback;
}

/* Receives visible messages. Returns false if there are none and the request can wait, with the
 * time until there may be one.
 * */
static bool sqs_receive(struct sqs *s, struct queue *q, const json_t *in, struct reply *reply,
                        int64_t now_ms, int64_t waited_ms, int64_t *park_ms)
{
    long most = sqs_number_of(in, "MaxNumberOfMessages", 1);
    long hidden = sqs_number_of(in, "VisibilityTimeout", DEFAULT_VISIBILITY);
    int64_t left = sqs_number_of(in, "WaitTimeSeconds", 0) * 1000 - waited_ms;
    json_t *found = json_array();
    for (struct message *m = q->first; m && (long)json_array_size(found) < most; m = m->next) {
        if (m->visible_ms > now_ms) {
            if (m->visible_ms - now_ms < left)
                left = m->visible_ms - now_ms + 1;
            continue;
        }
        m->receives++;
        m->visible_ms = now_ms + hidden * 1000;
        json_array_append_new(found, sqs_received_json(m));
    }
    if (json_array_size(found) == 0 && left > 0) {
        json_decref(found);
        *park_ms = left;
        return false;
    }
    s->changes += hidden == 0;
    /* As in SQS, the member is absent without messages. */
    json_t *out = json_object();
    if (json_array_size(found) > 0)
        json_object_set(out, "Messages", found);
    json_decref(found);
    reply_json(reply, out);
    return true;
}

static void sqs_delete_message(struct queue *q, const struct request *r, const json_t *in,
                               struct reply *reply)
{
    struct message **at;
    unsigned receive;
    const char *handle = json_string_value(json_object_get(in, "ReceiptHandle"));
    if (!handle || !sqs_find_message(q, handle, &at, &receive)) {
        reply_error(r, reply, 400, "com.amazonaws.sqs#ReceiptHandleIsInvalid",
                    "The input receipt handle is not a valid receipt handle.");
        return;
    }
    /* A handle of an earlier receive deletes nothing, without an error. */
    if (at && (*at)->receives == receive) {
        struct message *m = *at;
        *at = m->next;
        if (!m->next)
            q->last = at;
        free(m->body);
        free(m);
    }
    reply_json(reply, json_object());
}

static void sqs_change_visibility(struct sqs *s, struct queue *q, const struct request *r,
                                  const json_t *in, struct reply *reply, int64_t now_ms)
{
    struct message **at;
    unsigned receive;
    const char *handle = json_string_value(json_object_get(in, "ReceiptHandle"));
    long hidden = sqs_number_of(in, "VisibilityTimeout", -1);
    if (!handle || !sqs_find_message(q, handle, &at, &receive)) {
        reply_error(r, reply, 400, "com.amazonaws.sqs#ReceiptHandleIsInvalid",
                    "The input receipt handle is not a valid receipt handle.");
    } else if (hidden < 0 || hidden > LONGEST_VISIBILITY) {
        reply_error(r, reply, 400, "com.amazonaws.sqs#InvalidParameterValue",
                    "VisibilityTimeout must be between 0 and 43200.");
    } else if (!at || (*at)->receives != receive || (*at)->visible_ms <= now_ms) {
        reply_error(r, reply, 400, "com.amazonaws.sqs#MessageNotInflight",
                    "The message referred to is not in flight.");
    } else {
        (*at)->visible_ms = now_ms + hidden * 1000;
        s->changes++;
        reply_json(reply, json_object());
    }
}

static void sqs_send_message(struct sqs *s, struct queue *q, const struct request *r,
                             const json_t *in, struct reply *reply, int64_t now_ms)
{
    const char *body = json_string_value(json_object_get(in, "MessageBody"));
    const struct message *m = body ? sqs_add_message(s, q, body, now_ms) : NULL;
    char md5[33];
    if (!m) {
        reply_error(r, reply, 400, "com.amazonaws.sqs#InvalidParameterValue",
                    "MessageBody must be a string.");
        return;
    }
    sqs_md5_hex(body, md5);
    reply_json(reply, json_pack("{s:s, s:s}", "MessageId", m->id, "MD5OfMessageBody", md5));
}

static void sqs_attributes(const struct queue *q, struct reply *reply, int64_t now_ms)
{
    char visible[16];
    char hidden[16];
    char arn[160];
    unsigned counts[2] = {0, 0};
    for (const struct message *m = q->first; m; m = m->next)
        counts[m->visible_ms > now_ms]++;
    snprintf(visible, sizeof visible, "%u", counts[0]);
    snprintf(hidden, sizeof hidden, "%u", counts[1]);
    snprintf(arn, sizeof arn, "arn:aws:sqs:us-east-1:%s:%s", CLOUD_ACCOUNT, q->name);
    reply_json(reply,
               json_pack("{s:{s:s, s:s, s:s, s:s}}", "Attributes", "ApproximateNumberOfMessages",
                         visible, "ApproximateNumberOfMessagesNotVisible", hidden, "QueueArn", arn,
                         "VisibilityTimeout", "30"));
}

static void sqs_queue_url(const struct sqs *s, const char *name, struct reply *reply)
{
    char url[256];
    snprintf(url, sizeof url, "%s/%s/%s", s->base_url, CLOUD_ACCOUNT, name);
    reply_json(reply, json_pack("{s:s}", "QueueUrl", url));
}

/* Returns the name of the queue in a request, given as a name or at the end of its URL. */
static const char *sqs_name_of(const json_t *in)
{
    const char *name = json_string_value(json_object_get(in, "QueueName"));
    const char *url = json_string_value(json_object_get(in, "QueueUrl"));
    const char *slash = url ? strrchr(url, '/') : NULL;
    return name ? name : slash ? slash + 1 : "";
}

void sqs_name(struct request *r)
{
    const char *target = request_header(r, "X-Amz-Target");
    const char *dot = strchr(target, '.');
    snprintf(r->operation, sizeof r->operation, "%s", dot ? dot + 1 : target);
    json_t *in = json_loadb(buf_str(&r->body), r->body.size, 0, NULL);
    const char *handle = json_string_value(json_object_get(in, "ReceiptHandle"));
    snprintf(r->detail, sizeof r->detail, "%s%s%s", sqs_name_of(in), handle ? " " : "",
             handle ? handle : "");
    json_decref(in);
}

static bool sqs_answer_queue(struct sqs *s, struct queue *q, struct request *r, const json_t *in,
                             struct reply *reply, int64_t now_ms, int64_t waited_ms,
                             int64_t *park_ms)
{
    if (strcmp(r->operation, "ReceiveMessage") == 0)
        return sqs_receive(s, q, in, reply, now_ms, waited_ms, park_ms);
    if (strcmp(r->operation, "DeleteMessage") == 0)
        sqs_delete_message(q, r, in, reply);
    else if (strcmp(r->operation, "ChangeMessageVisibility") == 0)
        sqs_change_visibility(s, q, r, in, reply, now_ms);
    else if (strcmp(r->operation, "SendMessage") == 0)
        sqs_send_message(s, q, r, in, reply, now_ms);
    else if (strcmp(r->operation, "GetQueueAttributes") == 0)
        sqs_attributes(q, reply, now_ms);
    else if (strcmp(r->operation, "GetQueueUrl") == 0 || strcmp(r->operation, "CreateQueue") == 0)
        sqs_queue_url(s, q->name, reply);
    else
        reply_error(r, reply, 400, "com.amazon.coral.service#UnknownOperationException",
                    "This server has no such operation.");
    return true;
}

bool sqs_answer(struct sqs *s, struct request *r, struct reply *reply, int64_t now_ms,
                int64_t waited_ms, int64_t *park_ms)
{
    json_t *in = json_loadb(buf_str(&r->body), r->body.size, 0, NULL);
    bool answered = true;
    reply->status = 200;
    if (strcmp(r->operation, "CreateQueue") == 0 && !sqs_create(s, sqs_name_of(in))) {
        reply_error(r, reply, 400, "com.amazonaws.sqs#InvalidParameterValue",
                    "The queue's name is bad, or there are too many queues.");
    } else {
        struct queue *q = sqs_find_queue(s, sqs_name_of(in));
        if (q)
            answered = sqs_answer_queue(s, q, r, in, reply, now_ms, waited_ms, park_ms);
        else
            reply_error(r, reply, 400, "com.amazonaws.sqs#QueueDoesNotExist",
                        "The specified queue does not exist.");
    }
    json_decref(in);
    return answered;
}
