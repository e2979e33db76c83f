/* Tags of AWS resources, whichever service they belong to: one reading and two changes. */
#include "actions/aws/tags.h"

#include <string.h>

#include "lib/json/jpath.h"
#include "lib/net/uri.h"

static const struct aws_op ec2_describe = {&aws_ec2, "DescribeTags", .changes = false};
static const struct aws_op ec2_create = {&aws_ec2, "CreateTags", .changes = true};
static const struct aws_op ec2_delete = {&aws_ec2, "DeleteTags", .changes = true};
static const struct aws_op sns_list = {&aws_sns, "ListTagsForResource", .changes = false};
static const struct aws_op sns_tag = {&aws_sns, "TagResource", .changes = true};
static const struct aws_op sns_untag = {&aws_sns, "UntagResource", .changes = true};
static const struct aws_op sqs_list = {&aws_sqs, "ListQueueTags", .changes = false};
static const struct aws_op sqs_tag = {&aws_sqs, "TagQueue", .changes = true};
static const struct aws_op sqs_untag = {&aws_sqs, "UntagQueue", .changes = true};

static const struct act_listing all_ec2_tags = {
    .op = &ec2_describe,
    .items = "tagSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"resourceId", "key"},
};

/* A kind of resource whose tags we can change. */
struct tagged {
    const char *type;
    const char *prefix;    /* EC2: of its ids; NULL: not EC2's */
    const char *attribute; /* EC2: where the id is, before `id`; NULL: only in `id` */
};

static const struct tagged tagged_types[] = {
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

static bool topic_valid(const char *name)
{
    return name_valid(name, "_-.", 1, 256);
}

static bool queue_valid(const char *name)
{
    return name_valid(name, "_-.", 1, 80);
}

static const struct act_naming topics = {
    .what = "an SNS topic",
    .service = "sns",
    .prefix = "",
    .valid = topic_valid,
};
static bool is_url(const char *id)
{
    return strstr(id, "://") != NULL;
}

static const struct act_naming queues = {
    .what = "an SQS queue",
    .service = "sqs",
    .prefix = "",
    .valid = queue_valid,
    .fields = {"name", "id"},
    .other = is_url, /* read by queue_url() */
};

static const struct tagged *find_kind(const char *type)
{
    for (size_t i = 0; type && i < sizeof tagged_types / sizeof *tagged_types; i++)
        if (strcmp(tagged_types[i].type, type) == 0)
            return &tagged_types[i];
    return NULL;
}

static const struct tagged *kind_of(struct step_ctx *ctx)
{
    char shown[84];
    const char *type;
    if (!resource_field(ctx, "type", &type))
        return NULL;
    const struct tagged *kind = find_kind(type);
    if (kind)
        return kind;
    step_invalid(ctx,
                 "the resource's \"type\" is \"%s\", and resources of that type are not tagged",
                 act_shown(type ? type : "", shown));
    return NULL;
}

/* --- SQS --- */

/* Whether host is one that SQS has, or had, in the task's region: the URL in an event need not be
 * the one that we use. */
static bool sqs_host(const struct step_ctx *ctx, const char *host)
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

/* Whether the URL's host is the service's in the task's region, as configured or as AWS names it.
 */
static bool url_of_service(struct step_ctx *ctx, const struct uri *url, const char *endpoint)
{
    struct uri ours;
    struct err ignored = ERR_INIT;
    if (strcmp(url->query, "") != 0 || !uri_parse(endpoint, &ours, &ignored))
        return false;
    bool same = strcmp(url->host, ours.host) == 0 && url->port == ours.port;
    uri_free(&ours);
    return same || sqs_host(ctx, url->host);
}

/* The queue's name out of "/123456789012/name"; NULL when the path is another. */
static const char *queue_in_path(const struct step_ctx *ctx, const char *path)
{
    size_t n = strlen(ctx->account);
    if (path[0] != '/' || strncmp(path + 1, ctx->account, n) != 0 || path[n + 1] != '/')
        return NULL;
    return queue_valid(path + n + 2) ? path + n + 2 : NULL;
}

/* The queue's name within a URL, which must be one of this account and region and name the queue
 * that *name does, unless that is NULL: into *name, owned by `store`. */
static bool take_url(struct step_ctx *ctx, const char *where, const char *text,
                     const char *endpoint, struct buf *store, const char **name)
{
    char shown[84];
    struct uri url;
    struct err why = ERR_INIT;
    const char *found = NULL;
    buf_reset(store);
    if (uri_parse(text, &url, &why)) {
        found = url_of_service(ctx, &url, endpoint) ? queue_in_path(ctx, url.path) : NULL;
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

/* The queue's name, in which the attribute "Queue Url", `id` (which may be a URL too), `name` and
 * `arn` must agree; owned by the resource or by one of the stores. */
static const char *queue_name(struct step_ctx *ctx, const char *endpoint, struct buf stores[2])
{
    const char *name, *id, *attribute;
    if (!act_find_name(ctx, &queues, &name) || !resource_field(ctx, "id", &id) ||
        !resource_attribute(ctx, "Queue Url", &attribute))
        return NULL;
    if (id && is_url(id) &&
        !take_url(ctx, "the resource's \"id\"", id, endpoint, &stores[0], &name))
        return NULL;
    if (attribute &&
        !take_url(ctx, "attribute \"Queue Url\"", attribute, endpoint, &stores[1], &name))
        return NULL;
    if (!name)
        err_set(&ctx->err, ERR_INVALID, "",
                "nothing in the resource names a queue: its \"name\", \"id\" and \"arn\" and "
                "attribute \"Queue Url\" are missing");
    return name;
}

/* The URL that requests name the queue by: always put together anew from what was checked. False
 * with ctx->err. */
static bool queue_url(struct step_ctx *ctx, struct buf *url)
{
    struct buf stores[] = {buf_make(128), buf_make(128)};
    bool ok = aws_endpoint(ctx->aws, &aws_sqs, ctx->region, url, &ctx->err);
    const char *name = ok ? queue_name(ctx, buf_str(url), stores) : NULL;
    ok = name && buf_addf(url, "/%s/%s", ctx->account, name);
    if (name && !ok)
        act_no_memory(ctx);
    for (size_t i = 0; i < sizeof stores / sizeof *stores; i++)
        buf_free(&stores[i]);
    return ok;
}

/* params (stolen) with QueueUrl; NULL with ctx->err. */
static json_t *with_queue(struct step_ctx *ctx, json_t *params)
{
    struct buf url = buf_make(1024);
    bool ok = queue_url(ctx, &url) && params &&
              json_object_set_new(params, "QueueUrl", json_string(buf_str(&url))) == 0;
    buf_free(&url);
    if (ok)
        return params;
    json_decref(params);
    return NULL;
}

/* --- EC2 --- */

static const char *ec2_resource(struct step_ctx *ctx, const struct tagged *kind)
{
    return act_ec2_id(ctx, kind->attribute, kind->prefix);
}

bool tags_share(const char *type)
{
    const struct tagged *kind = find_kind(type);
    return kind && kind->prefix;
}

const char *tags_id(struct step_ctx *ctx)
{
    const struct tagged *kind = kind_of(ctx);
    return kind ? ec2_resource(ctx, kind) : NULL;
}

/* Adds one of DescribeTags' tags to those of its resource. */
static bool add_found(json_t *by_id, const json_t *tag)
{
    const char *id = jstr(tag, "resourceId"), *key = jstr(tag, "key");
    const char *value = jstr(tag, "value");
    if (!id || !key)
        return true;
    json_t *tags = json_object_get(by_id, id);
    if (!tags) {
        tags = json_object();
        if (json_object_set_new(by_id, id, tags) != 0)
            return false;
    }
    return json_object_set_new(tags, key, json_string(value ? value : "")) == 0;
}

json_t *tags_read_many(struct step_ctx *const *ctxs, size_t count)
{
    json_t *found = act_list(ctxs[0], &all_ec2_tags,
                             json_pack("{s:[{s:s, s:o}]}", "Filter", "Name", "resource-id", "Value",
                                       act_ids(ctxs, count, tags_id)));
    if (!found)
        return NULL;
    json_t *by_id = json_object();
    bool ok = by_id;
    size_t i;
    json_t *tag;
    json_array_foreach(found, i, tag)
        ok = ok && add_found(by_id, tag);
    json_decref(found);
    if (ok)
        return by_id;
    json_decref(by_id);
    act_no_memory(ctxs[0]);
    return NULL;
}

bool tags_add_many(struct step_ctx *first, struct step_ctx *const *some, size_t count,
                   const char *key, const char *value)
{
    return count == 0 ||
           act_do(first, &ec2_create,
                  json_pack("{s:o, s:[{s:s, s:s}]}", "ResourceId", act_ids(some, count, tags_id),
                            "Tag", "Key", key, "Value", value));
}

/* [{"Key": ...}] of the keys. */
static json_t *key_list(const json_t *keys)
{
    json_t *list = json_array();
    size_t i;
    json_t *key;
    json_array_foreach(keys, i, key)
        json_array_append_new(list, json_pack("{s:O}", "Key", key));
    return list;
}

bool tags_remove_many(struct step_ctx *const *ctxs, size_t count, json_t *keys)
{
    return act_do(ctxs[0], &ec2_delete,
                  json_pack("{s:o, s:o}", "ResourceId", act_ids(ctxs, count, tags_id), "Tag",
                            key_list(keys)));
}

/* --- the three services --- */

static bool is_topic(const struct tagged *kind)
{
    return strcmp(kind->type, "SNS Topic") == 0;
}

bool tags_check(struct step_ctx *ctx)
{
    const struct tagged *kind = kind_of(ctx);
    if (!kind)
        return false;
    if (kind->prefix)
        return ec2_resource(ctx, kind) != NULL;
    if (is_topic(kind))
        return act_arn(ctx, &topics) != NULL;
    struct buf url = buf_make(1024);
    bool ok = queue_url(ctx, &url);
    buf_free(&url);
    return ok;
}

/* A list of {key, value} as an object; list is let go. */
static json_t *tags_object(struct step_ctx *ctx, json_t *list, const char *key, const char *value)
{
    json_t *tags = list ? json_object() : NULL;
    size_t i;
    json_t *tag;
    json_array_foreach(list, i, tag) {
        const char *text = jstr(tag, value);
        if (jstr(tag, key))
            json_object_set_new(tags, jstr(tag, key), json_string(text ? text : ""));
    }
    if (list && !tags)
        act_no_memory(ctx);
    json_decref(list);
    return tags;
}

static json_t *ec2_read(struct step_ctx *ctx)
{
    json_t *by_id = tags_read_many(&ctx, 1);
    json_t *tags = by_id ? json_incref(json_object_get(by_id, tags_id(ctx))) : NULL;
    if (by_id && !tags)
        tags = json_object();
    json_decref(by_id);
    return tags;
}

json_t *tags_read(struct step_ctx *ctx)
{
    const struct tagged *kind = kind_of(ctx);
    if (!kind)
        return NULL;
    if (kind->prefix)
        return ec2_read(ctx);
    json_t *answer =
        is_topic(kind)
            ? act_call(ctx, &sns_list, json_pack("{s:s}", "ResourceArn", act_arn(ctx, &topics)))
            : act_call(ctx, &sqs_list, with_queue(ctx, json_object()));
    if (!answer)
        return NULL;
    json_t *tags;
    if (is_topic(kind))
        tags = tags_object(ctx, jlist(answer, "Tags"), "Key", "Value");
    else if (json_is_object(jget(answer, "Tags")))
        tags = json_incref(jget(answer, "Tags"));
    else
        tags = json_object();
    json_decref(answer);
    return tags;
}

enum verdict tags_add(struct step_ctx *ctx, const char *key, const char *value)
{
    const struct tagged *kind = kind_of(ctx);
    if (!kind)
        return STEP_FAILED;
    if (kind->prefix)
        return tags_add_many(ctx, &ctx, 1, key, value) ? STEP_DONE : STEP_FAILED;
    if (is_topic(kind))
        return act_step(ctx, &sns_tag,
                        json_pack("{s:s, s:{s:[{s:s, s:s}]}}", "ResourceArn", act_arn(ctx, &topics),
                                  "Tags", "member", "Key", key, "Value", value));
    return act_step(ctx, &sqs_tag, with_queue(ctx, json_pack("{s:{s:s}}", "Tags", key, value)));
}

enum verdict tags_remove(struct step_ctx *ctx, json_t *keys)
{
    const struct tagged *kind = kind_of(ctx);
    if (!kind)
        return STEP_FAILED;
    if (kind->prefix)
        return tags_remove_many(&ctx, 1, keys) ? STEP_DONE : STEP_FAILED;
    if (is_topic(kind))
        return act_step(ctx, &sns_untag,
                        json_pack("{s:s, s:{s:O}}", "ResourceArn", act_arn(ctx, &topics), "TagKeys",
                                  "member", keys));
    return act_step(ctx, &sqs_untag, with_queue(ctx, json_pack("{s:O}", "TagKeys", keys)));
}
