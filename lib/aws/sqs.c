/* Amazon SQS: parses queue URLs and makes calls. Touches memory only. */
#include "lib/aws/sqs.h"

#include <stdlib.h>
#include <string.h>

#include "lib/aws/names.h"
#include "lib/base/memory.h"
#include "lib/net/uri.h"

const struct aws_op sqs_receive_message = {.service = &aws_sqs, .name = "ReceiveMessage"};
const struct aws_op sqs_change_visibility = {
    .service = &aws_sqs, .name = "ChangeMessageVisibility", .may_be_empty = true};
const struct aws_op sqs_delete_message = {
    .service = &aws_sqs, .name = "DeleteMessage", .may_be_empty = true};
const struct aws_op sqs_get_queue_attributes = {.service = &aws_sqs, .name = "GetQueueAttributes"};

/* The labels of an SQS host around its region: "sqs.us-east-1.amazonaws.com". */
static const struct sqs_host {
    const char *before;
    /* What follows the region, up to and with the dot before the suffix. */
    const char *after;
    /* One of the endpoints that serve every queue of the region. */
    bool regional;
} sqs_hosts[] = {
    {"sqs.", ".", true},
    {"sqs-fips.", ".", true},
    /* Legacy. */
    {"", ".queue.", true},
    /* Vpce-0123-abcd.sqs.us-east-1.vpce.amazonaws.com. */
    {"vpce-", ".vpce.", false},
};

/* Returns true if hosts of the region end with the suffix. */
static bool sqs_suffix_fits(const char *region, const char *suffix)
{
    const struct aws_partition *partition = aws_partition_of_region(region);
    return partition && (strcmp(suffix, partition->dns_suffix) == 0 ||
                         strcmp(suffix, partition->dualstack_suffix) == 0);
}

/* Copies the label at `from` to region; *rest becomes what follows it, beginning with a dot. */
static bool sqs_copy_region(const char *from, char region[33], const char **rest)
{
    size_t n = strcspn(from, ".");
    if (n == 0 || n > 32)
        return false;
    memcpy(region, from, n);
    region[n] = '\0';
    *rest = from + n;
    return !aws_region_problem(region);
}

static bool sqs_host_matches(const struct sqs_host *shape, const char *host, char region[33])
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
    if (!sqs_copy_region(at, region, &rest))
        return false;
    n = strlen(shape->after);
    return strncmp(rest, shape->after, n) == 0 && sqs_suffix_fits(region, rest + n);
}

/* Finds the kind of an SQS host and its region; NULL if it is not a host of AWS. */
static const struct sqs_host *sqs_host_find(const char *host, char region[33])
{
    static const struct sqs_host classic = {"queue.", "", true};
    if (strcmp(host, "queue.amazonaws.com") == 0) {
        memcpy(region, "us-east-1", sizeof "us-east-1");
        return &classic;
    }
    for (size_t i = 0; i < sizeof sqs_hosts / sizeof *sqs_hosts; i++)
        if (sqs_host_matches(&sqs_hosts[i], host, region))
            return &sqs_hosts[i];
    return NULL;
}

static char *sqs_make_origin(const struct uri *uri)
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

static bool sqs_queue_fill(struct sqs_queue *q, const struct uri *uri, const char *url,
                           const char *region, const char *fallback, struct err *err)
{
    char of_host[33] = "";
    const struct sqs_host *shape = sqs_host_find(uri->host, of_host);
    if (!region || !*region)
        region = shape ? of_host : fallback;
    if (!region || !*region)
        return err_set(err, ERR_INVALID, "",
                       "the queue URL %s contains no region: set region in the source or in [aws]",
                       url);
    if (aws_region_problem(region))
        return err_set(err, ERR_INVALID, "", "\"%s\" %s", region, aws_region_problem(region));
    q->url = xstrdup(url);
    q->region = xstrdup(region);
    if (!shape || !shape->regional)
        q->origin = sqs_make_origin(uri);
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
        ok = sqs_queue_fill(q, &uri, url, region, fallback, err);
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
    const struct sqs_host *shape = sqs_host_find(uri.host, found);
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
