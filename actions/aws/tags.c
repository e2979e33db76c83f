/* Tags of AWS resources of any service: reading, adding and removing them. */
#include "actions/aws/tags.h"

#include <string.h>

#include "actions/aws/list.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

static const struct aws_op ec2_describe = {.service = &aws_ec2, .name = "DescribeTags"};
static const struct aws_op ec2_create = {&aws_ec2, "CreateTags", .changes = true};
static const struct aws_op ec2_delete = {&aws_ec2, "DeleteTags", .changes = true};
static const struct aws_op sns_list = {.service = &aws_sns, .name = "ListTagsForResource"};
static const struct aws_op sns_tag = {&aws_sns, "TagResource", .changes = true};
static const struct aws_op sns_untag = {&aws_sns, "UntagResource", .changes = true};
static const struct aws_op sqs_list = {.service = &aws_sqs, .name = "ListQueueTags"};
static const struct aws_op sqs_tag = {&aws_sqs, "TagQueue", .changes = true};
static const struct aws_op sqs_untag = {&aws_sqs, "UntagQueue", .changes = true};

static const struct act_listing all_ec2_tags = {
    .op = &ec2_describe,
    .items = "tagSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"resourceId", "key"},
};

/* A type of resource that can be tagged. */
struct tagged_type {
    const char *type;
    /* EC2: of its IDs; NULL: not a resource of EC2. */
    const char *prefix;
    /* EC2: the attribute that may hold the ID; NULL: none. */
    const char *attribute;
};

static const struct tagged_type tagged_types[] = {
    {"AMI", "ami-", NULL},
    {"EBS Snapshot", "snap-", "Snapshot ID"},
    {"EBS Volume", "vol-", NULL},
    {"EC2 Instance", "i-", "Instance ID"},
    {"EC2 Snapshot", "snap-", "Snapshot ID"},
    {"Internet Gateway", "igw-", NULL},
    {"Network ACL", "acl-", "Network ACL ID"},
    {"Network Interface", "eni-", NULL},
    {"Placement Group", "pg-", NULL},
    {"Route Table", "rtb-", NULL},
    {"Security Group", "sg-", "Group ID"},
    {"Subnet", "subnet-", NULL},
    {"VPC", "vpc-", "VPC ID"},
    {"SNS Topic", NULL, NULL},
    {"SQS Queue", NULL, NULL},
};

static bool tags_topic_valid(const char *name)
{
    return act_name_valid(name, "_-.", 1, 256);
}

static bool tags_queue_valid(const char *name)
{
    return act_name_valid(name, "_-.", 1, 80);
}

static const struct act_naming topics = {
    .what = "an SNS topic",
    .service = "sns",
    .prefix = "",
    .valid = tags_topic_valid,
};
static bool tags_id_is_url(const char *id)
{
    return strstr(id, "://") != NULL;
}

static const struct act_naming queues = {
    .what = "an SQS queue",
    .service = "sqs",
    .prefix = "",
    .valid = tags_queue_valid,
    .fields = {"name", "id"},
    /* Read by tags_queue_url(). */
    .other = tags_id_is_url,
};

static const struct tagged_type *tagged_type_find(const char *type)
{
    for (size_t i = 0; type && i < sizeof tagged_types / sizeof *tagged_types; i++)
        if (strcmp(tagged_types[i].type, type) == 0)
            return &tagged_types[i];
    return NULL;
}

static const struct tagged_type *tagged_type_of(struct step_ctx *ctx)
{
    char shown[84];
    const char *type;
    if (!resource_field(ctx, "type", &type))
        return NULL;
    const struct tagged_type *kind = tagged_type_find(type);
    if (kind)
        return kind;
    step_invalid(ctx,
                 "the resource's \"type\" is \"%s\", and resources of that type are not tagged",
                 act_shown(type ? type : "", shown));
    return NULL;
}

/* --- SQS --- */

/* Whether host is a present or former one of SQS in the task's region: the URL in an event may
 * differ from the one that requests use. */
static bool tags_host_of_sqs(const struct step_ctx *ctx, const char *host)
{
    const struct aws_partition *partition = aws_partition_by_name(ctx->partition);
    const char *suffix = partition ? partition->dns_suffix : "amazonaws.com";
    static const char *const forms[] = {"sqs.", "sqs-fips.", ""};
    struct buf name = buf_make(256);
    bool same = false;
    for (size_t i = 0; i < sizeof forms / sizeof *forms && !same; i++) {
        buf_reset(&name);
        buf_addf(&name, "%s%s.%s%s", forms[i], ctx->region, *forms[i] ? "" : "queue.", suffix);
        same = strcmp(buf_str(&name), host) == 0;
    }
    buf_free(&name);
    return same;
}

/* Whether the host of the URL is that of SQS in the task's region, as configured or as documented
 * by AWS. */
static bool tags_url_of_sqs(struct step_ctx *ctx, const struct uri *url, const char *endpoint)
{
    struct uri ours;
    struct err ignored = ERR_INIT;
    if (strcmp(url->query, "") != 0 || !uri_parse(endpoint, &ours, &ignored))
        return false;
    bool same = strcmp(url->host, ours.host) == 0 && url->port == ours.port;
    uri_free(&ours);
    return same || tags_host_of_sqs(ctx, url->host);
}

/* The name of the queue in "/123456789012/name"; NULL for any other path. */
static const char *tags_queue_in_path(const struct step_ctx *ctx, const char *path)
{
    size_t n = strlen(ctx->account);
    if (path[0] != '/' || strncmp(path + 1, ctx->account, n) != 0 || path[n + 1] != '/')
        return NULL;
    return tags_queue_valid(path + n + 2) ? path + n + 2 : NULL;
}

/* Takes the name of the queue from a URL, which must be of this account and region, and of the
 * queue *name unless that is NULL. *name is then owned by `store`. */
static bool tags_take_queue_url(struct step_ctx *ctx, const char *where, const char *text,
                                const char *endpoint, struct buf *store, const char **name)
{
    char shown[84];
    struct uri url;
    struct err why = ERR_INIT;
    const char *found = NULL;
    buf_reset(store);
    if (uri_parse(text, &url, &why)) {
        found = tags_url_of_sqs(ctx, &url, endpoint) ? tags_queue_in_path(ctx, url.path) : NULL;
        found = found && buf_adds(store, found) ? buf_str(store) : NULL;
        uri_free(&url);
    }
    if (!found)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "%s is \"%s\", which is not the URL of a queue of account %s in region %s",
                       where, act_shown(text, shown), ctx->account, ctx->region);
    if (*name && strcmp(*name, found) != 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "%s is of the queue \"%s\", but the resource also names the queue \"%s\"",
                       where, found, *name);
    *name = found;
    return true;
}

/* The name of the queue, in which the attribute "Queue Url", `id` (which may also be a URL), `name`
 * and `arn` must agree; owned by the resource or by one of the stores. */
static const char *tags_queue_name(struct step_ctx *ctx, const char *endpoint, struct buf stores[2])
{
    const char *name, *id, *attribute;
    if (!act_find_name(ctx, &queues, &name) || !resource_field(ctx, "id", &id) ||
        !resource_attribute(ctx, "Queue Url", &attribute))
        return NULL;
    if (id && tags_id_is_url(id) &&
        !tags_take_queue_url(ctx, "the resource's \"id\"", id, endpoint, &stores[0], &name))
        return NULL;
    if (attribute && !tags_take_queue_url(ctx, "attribute \"Queue Url\"", attribute, endpoint,
                                          &stores[1], &name))
        return NULL;
    if (!name)
        err_set(&ctx->err, ERR_INVALID, "",
                "the resource does not identify a queue: its \"name\", \"id\" and \"arn\" and "
                "attribute \"Queue Url\" are missing");
    return name;
}

/* The URL of the queue for requests, always built from what was checked. False with ctx->err. */
static bool tags_queue_url(struct step_ctx *ctx, struct buf *url)
{
    struct buf stores[] = {buf_make(128), buf_make(128)};
    bool ok = aws_get_endpoint_url(ctx->aws, &aws_sqs, ctx->region, url, &ctx->err);
    const char *name = ok ? tags_queue_name(ctx, buf_str(url), stores) : NULL;
    ok = name && (buf_addf(url, "/%s/%s", ctx->account, name) ||
                  err_set(&ctx->err, ERR_LIMIT, "", "the URL of the queue is too long"));
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        buf_free(&stores[i]);
    return ok;
}

/* params (stolen) with QueueUrl; NULL with ctx->err. */
static json_t *tags_with_queue_url(struct step_ctx *ctx, json_t *params)
{
    struct buf url = buf_make(1024);
    bool ok = tags_queue_url(ctx, &url);
    if (ok && params)
        json_object_set_new(params, "QueueUrl", json_string(buf_str(&url)));
    buf_free(&url);
    if (ok)
        return params;
    json_decref(params);
    return NULL;
}

/* --- EC2 --- */

bool tags_share_calls(const char *type)
{
    const struct tagged_type *kind = tagged_type_find(type);
    return kind && kind->prefix;
}

/* For a resource of EC2. */
static const char *tags_ec2_id(struct step_ctx *ctx)
{
    const struct tagged_type *kind = tagged_type_of(ctx);
    return kind ? act_ec2_id(ctx, kind->attribute, kind->prefix) : NULL;
}

/* Adds one of DescribeTags' tags to those of its resource. */
static void tags_ec2_add_found(json_t *by_id, const json_t *tag)
{
    const char *id = jstr(tag, "resourceId"), *value = jstr(tag, "value");
    json_t *tags = json_object_get(by_id, id);
    if (!tags) {
        tags = json_object();
        json_object_set_new(by_id, id, tags);
    }
    json_object_set_new(tags, jstr(tag, "key"), json_string(value ? value : ""));
}

static json_t *tags_ec2_read(struct step_ctx *const *ctxs, size_t count)
{
    json_t *found = act_list(ctxs[0], &all_ec2_tags,
                             json_pack("{s:[{s:s, s:o}]}", "Filter", "Name", "resource-id", "Value",
                                       act_ids(ctxs, count, tags_ec2_id)));
    if (!found)
        return NULL;
    json_t *by_id = json_object(), *tags = json_array();
    size_t i;
    json_t *tag;
    json_array_foreach(found, i, tag)
        tags_ec2_add_found(by_id, tag);
    for (i = 0; i < count; i++) {
        json_t *of_one = json_object_get(by_id, tags_ec2_id(ctxs[i]));
        json_array_append_new(tags, of_one ? json_incref(of_one) : json_object());
    }
    json_decref(by_id);
    json_decref(found);
    return tags;
}

/* [{"Key": ...}] of the keys. */
static json_t *tags_ec2_keys(const json_t *keys)
{
    json_t *list = json_array();
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
        json_array_append_new(list, json_pack("{s:O}", "Key", key));
    return list;
}

/* --- the three services --- */

static bool tagged_is_topic(const struct tagged_type *kind)
{
    return strcmp(kind->type, "SNS Topic") == 0;
}

bool tags_check(struct step_ctx *ctx)
{
    const struct tagged_type *kind = tagged_type_of(ctx);
    if (!kind)
        return false;
    if (kind->prefix)
        return act_ec2_id(ctx, kind->attribute, kind->prefix) != NULL;
    if (tagged_is_topic(kind))
        return act_arn(ctx, &topics) != NULL;
    struct buf url = buf_make(1024);
    bool ok = tags_queue_url(ctx, &url);
    buf_free(&url);
    return ok;
}

static json_t *tags_sns_read(struct step_ctx *ctx)
{
    json_t *response =
        act_call(ctx, &sns_list, json_pack("{s:s}", "ResourceArn", act_arn(ctx, &topics)));
    if (!response)
        return NULL;
    json_t *list = jlist(response, "Tags"), *tags = json_object();
    size_t i;
    json_t *tag;
    json_array_foreach(list, i, tag) {
        const char *key = jstr(tag, "Key"), *value = jstr(tag, "Value");
        if (key)
            json_object_set_new(tags, key, json_string(value ? value : ""));
    }
    json_decref(list);
    json_decref(response);
    return tags;
}

static json_t *tags_sqs_read(struct step_ctx *ctx)
{
    json_t *response = act_call(ctx, &sqs_list, tags_with_queue_url(ctx, json_object()));
    if (!response)
        return NULL;
    json_t *found = jget(response, "Tags");
    json_t *tags = json_is_object(found) ? json_incref(found) : json_object();
    json_decref(response);
    return tags;
}

json_t *tags_read(struct step_ctx *const *ctxs, size_t count)
{
    const struct tagged_type *kind = tagged_type_of(ctxs[0]);
    if (!kind)
        return NULL;
    if (kind->prefix)
        return tags_ec2_read(ctxs, count);
    json_t *tags = tagged_is_topic(kind) ? tags_sns_read(ctxs[0]) : tags_sqs_read(ctxs[0]);
    return tags ? json_pack("[o]", tags) : NULL;
}

bool tags_add(struct step_ctx *first, struct step_ctx *const *some, size_t count, const char *key,
              const char *value)
{
    const struct tagged_type *kind = tagged_type_of(first);
    if (count == 0)
        return true;
    if (!kind)
        return false;
    if (kind->prefix)
        return act_do(first, &ec2_create,
                      json_pack("{s:o, s:[{s:s, s:s}]}", "ResourceId",
                                act_ids(some, count, tags_ec2_id), "Tag", "Key", key, "Value",
                                value));
    if (tagged_is_topic(kind))
        return act_do(first, &sns_tag,
                      json_pack("{s:s, s:{s:[{s:s, s:s}]}}", "ResourceArn", act_arn(first, &topics),
                                "Tags", "member", "Key", key, "Value", value));
    return act_do(first, &sqs_tag,
                  tags_with_queue_url(first, json_pack("{s:{s:s}}", "Tags", key, value)));
}

bool tags_remove(struct step_ctx *const *ctxs, size_t count, json_t *keys)
{
    struct step_ctx *first = ctxs[0];
    const struct tagged_type *kind = tagged_type_of(first);
    if (!kind)
        return false;
    if (kind->prefix)
        return act_do(first, &ec2_delete,
                      json_pack("{s:o, s:o}", "ResourceId", act_ids(ctxs, count, tags_ec2_id),
                                "Tag", tags_ec2_keys(keys)));
    if (tagged_is_topic(kind))
        return act_do(first, &sns_untag,
                      json_pack("{s:s, s:{s:O}}", "ResourceArn", act_arn(first, &topics), "TagKeys",
                                "member", keys));
    return act_do(first, &sqs_untag,
                  tags_with_queue_url(first, json_pack("{s:O}", "TagKeys", keys)));
}
