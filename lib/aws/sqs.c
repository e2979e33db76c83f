/* Amazon SQS: where a queue lives, and its operations. */
#include "lib/aws/sqs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/net/uri.h"

const struct aws_op sqs_receive_message = {.service = &aws_sqs, .name = "ReceiveMessage"};
const struct aws_op sqs_change_visibility = {
    .service = &aws_sqs, .name = "ChangeMessageVisibility", .silent = true};
const struct aws_op sqs_delete_message = {
    .service = &aws_sqs, .name = "DeleteMessage", .silent = true};
const struct aws_op sqs_get_queue_attributes = {.service = &aws_sqs, .name = "GetQueueAttributes"};

/* The labels of an AWS host around its region: "sqs.us-east-1.amazonaws.com". */
static const struct host_shape {
    const char *before;
    /* What follows the region, up to and with the dot before the suffix. */
    const char *after;
    /* One of the endpoints that serve every queue of the region. */
    bool regional;
} host_shapes[] = {
    {"sqs.", ".", true},
    {"sqs-fips.", ".", true},
    /* Legacy. */
    {"", ".queue.", true},
    /* Vpce-0123-abcd.sqs.us-east-1.vpce.amazonaws.com. */
    {"vpce-", ".vpce.", false},
};

/* Whether hosts of the region end so. */
static bool is_suffix_of(const char *region, const char *suffix)
{
    const struct aws_partition *partition = aws_partition_of_region(region);
    return partition && (strcmp(suffix, partition->dns_suffix) == 0 ||
                         strcmp(suffix, partition->dualstack_suffix) == 0);
}

/* Copies the label that starts at `from` into region; *rest becomes what follows it, from its dot.
 */
static bool take_region(const char *from, char region[33], const char **rest)
{
    size_t n = strcspn(from, ".");
    if (n == 0 || n > 32)
        return false;
    memcpy(region, from, n);
    region[n] = '\0';
    *rest = from + n;
    return !aws_region_problem(region);
}

static bool match_shape(const struct host_shape *shape, const char *host, char region[33])
{
    size_t n = strlen(shape->before);
    if (strncmp(host, shape->before, n) != 0)
        return false;
    const char *at = host + n;
    if (!shape->regional) {
        at = strstr(at, ".sqs.");
        if (!at)
            return false;
        at += strlen(".sqs.");
    }
    const char *rest;
    if (!take_region(at, region, &rest))
        return false;
    n = strlen(shape->after);
    return strncmp(rest, shape->after, n) == 0 && is_suffix_of(region, rest + n);
}

/* The shape of an AWS host, its region filled in; NULL when it is not one of theirs. */
static const struct host_shape *host_shape(const char *host, char region[33])
{
    static const struct host_shape classic = {"queue.", "", true};
    if (strcmp(host, "queue.amazonaws.com") == 0) {
        memcpy(region, "us-east-1", sizeof "us-east-1");
        return &classic;
    }
    for (size_t i = 0; i < sizeof host_shapes / sizeof *host_shapes; i++)
        if (match_shape(&host_shapes[i], host, region))
            return &host_shapes[i];
    return NULL;
}

static char *origin_of(const struct uri *uri)
{
    struct buf b = buf_make(4096);
    bool v6 = strchr(uri->host, ':') != NULL;
    buf_addf(&b, "%s://%s%s%s", uri->scheme, v6 ? "[" : "", uri->host, v6 ? "]" : "");
    if (uri->port_given)
        buf_addf(&b, ":%d", uri->port);
    char *origin = buf_take(&b);
    buf_free(&b);
    return origin;
}

static bool queue_fill(struct sqs_queue *q, const struct uri *uri, const char *url,
                       const char *region, const char *fallback, struct err *err)
{
    char of_host[33] = "";
    const struct host_shape *shape = host_shape(uri->host, of_host);
    if (!region || !*region)
        region = shape ? of_host : fallback;
    if (!region || !*region)
        return err_set(err, ERR_INVALID, "",
                       "the queue URL %s names no region: set region in the source or in [aws]",
                       url);
    if (aws_region_problem(region))
        return err_set(err, ERR_INVALID, "", "\"%s\" %s", region, aws_region_problem(region));
    q->url = strdup(url);
    q->region = strdup(region);
    if (!shape || !shape->regional)
        q->origin = origin_of(uri);
    if (!q->url || !q->region || ((!shape || !shape->regional) && !q->origin))
        return err_set(err, ERR_INTERNAL, "", "out of memory");
    return true;
}

bool sqs_queue_init(struct sqs_queue *q, const char *url, const char *region, const char *fallback,
                    struct err *err)
{
    *q = (struct sqs_queue){0};
    struct uri uri;
    if (!uri_parse(url, &uri, err))
        return false;
    bool ok;
    if (uri.path[strspn(uri.path, "/")] == '\0' || *uri.query)
        ok = err_set(err, ERR_INVALID, "",
                     "%s is not a valid queue URL: one looks like "
                     "https://sqs.us-east-1.amazonaws.com/123456789012/name",
                     url);
    else
        ok = queue_fill(q, &uri, url, region, fallback, err);
    uri_free(&uri);
    return ok;
}

void sqs_queue_free(struct sqs_queue *q)
{
    free(q->url);
    free(q->region);
    free(q->origin);
    *q = (struct sqs_queue){0};
}

/* Whether the endpoint of the region is AWS's own, and not one that the operator has set. */
static bool sqs_endpoint_is_standard(struct aws *aws, const char *region, bool *standard,
                                     struct err *err)
{
    struct buf url = buf_make(4096);
    struct uri uri;
    bool ok = aws_get_endpoint_url(aws, &aws_sqs, region, &url, err) &&
              uri_parse(buf_str(&url), &uri, err);
    buf_free(&url);
    if (!ok)
        return false;
    char found[33];
    const struct host_shape *shape = host_shape(uri.host, found);
    *standard = shape && shape->regional;
    uri_free(&uri);
    return true;
}

bool sqs_make_call(struct aws *aws, const struct sqs_queue *q, const struct aws_op *op,
                   json_t *params, struct aws_call *call, struct err *err)
{
    bool standard = false;
    if (q->origin && !sqs_endpoint_is_standard(aws, q->region, &standard, err))
        return false;
    if (json_object_set_new(params, "QueueUrl", json_string(q->url)) != 0)
        return err_set(err, ERR_INVALID, "", "the queue URL is not valid UTF-8");
    *call = (struct aws_call){
        .op = op,
        .region = q->region,
        .origin = standard ? q->origin : NULL,
        .params = params,
    };
    return true;
}

bool sqs_message_gone(const struct err *err)
{
    /* InvalidParameterValue: "Total VisibilityTimeout for the message is beyond the limit". */
    static const char *const codes[] = {"ReceiptHandleIsInvalid", "MessageNotInflight",
                                        "InvalidParameterValue", "QueueDoesNotExist",
                                        "NonExistentQueue"};
    for (size_t i = 0; i < sizeof codes / sizeof *codes; i++)
        if (strstr(err->code, codes[i]))
            return true;
    return err->kind == ERR_NOT_FOUND;
}
