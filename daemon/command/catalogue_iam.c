/* Writes the IAM policy that the daemon needs, for the calls of its actions, for its queues and
 * buckets, and for the role in other accounts. Source: AWS, "Service Authorization Reference" and
 * "IAM and AWS STS quotas". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "lib/aws/names.h"
#include "lib/aws/sqs.h"
#include "lib/aws/wire/partition.h"
#include "lib/base/memory.h"

#define SID_MAX 64

/* --- documents: a statement that does not fit is continued in a new document --- */

struct policies {
    /* An array. */
    json_t *documents;
    /* Borrowed: the growing list of the open statement; NULL: none is open. */
    json_t *list;
};

static json_t *iam_last(const json_t *array)
{
    return json_array_get(array, json_array_size(array) - 1);
}

static json_t *iam_statements(const struct policies *p)
{
    return json_object_get(iam_last(p->documents), "Statement");
}

static void iam_open_document(struct policies *p)
{
    p->list = NULL;
    json_array_append_new(p->documents,
                          json_pack("{s:s, s:[]}", "Version", "2012-10-17", "Statement"));
}

static size_t iam_length(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    size_t n = strlen(text);
    free(text);
    return n;
}

/* Appends an item to the list `grows` of a copy of the pattern in the last document. */
static void iam_add_item(struct policies *p, const json_t *pattern, const char *grows, json_t *item)
{
    for (;;) {
        if (!p->list) {
            json_t *statement = json_deep_copy(pattern);
            json_array_append_new(iam_statements(p), statement);
            p->list = json_object_get(statement, grows);
        }
        json_array_append(p->list, item);
        bool alone = json_array_size(p->list) == 1 && json_array_size(iam_statements(p)) == 1;
        if (alone || iam_length(iam_last(p->documents)) <= IAM_POLICY_MAX)
            return;
        /* It does not fit: remove it, and the statement if it was opened for the item. */
        json_array_remove(p->list, json_array_size(p->list) - 1);
        if (json_array_size(p->list) == 0)
            json_array_remove(iam_statements(p), json_array_size(iam_statements(p)) - 1);
        iam_open_document(p);
    }
}

/* Appends a statement with all items in its list `grows`. References to both are taken. */
static void iam_add_statement(struct policies *p, json_t *pattern, const char *grows, json_t *items)
{
    json_t *item;
    size_t i;
    p->list = NULL;
    json_array_foreach(items, i, item)
        iam_add_item(p, pattern, grows, item);
    json_decref(pattern);
    json_decref(items);
}

/* --- what the daemon itself needs --- */

/* The region where none is configured; NULL: unknown. */
static const char *iam_own_region(const struct config *config)
{
    static const char *const variables[] = {"AWS_REGION", "AWS_DEFAULT_REGION"};
    const char *region = config->aws.region;
    for (size_t i = 0; !region && i < sizeof variables / sizeof variables[0]; i++) {
        region = getenv(variables[i]);
        if (region && aws_region_problem(region))
            region = NULL;
    }
    return region;
}

/* Writes the region of a source; "*" if it is unknown. */
static void iam_source_region(const struct config *config, const struct config_source *source,
                              char region[33])
{
    struct err ignored = ERR_INIT;
    struct sqs_queue queue = {0};
    const char *known = source->region ? source->region : iam_own_region(config);
    if (source->queue_url &&
        sqs_queue_init(&queue, source->queue_url, source->region, known, &ignored))
        known = queue.region;
    snprintf(region, 33, "%s", known ? known : "*");
    sqs_queue_free(&queue);
}

static const char *iam_partition(const char *region)
{
    const struct aws_partition *partition = aws_partition_of_region(region);
    return partition ? partition->name : "aws";
}

/* The partition of the daemon's region, or of the first source with a known region. */
static const char *iam_own_partition(const struct config *config)
{
    const char *own = iam_own_region(config);
    char region[33] = "*";
    for (size_t i = 0; !own && i < config->source_count && *region == '*'; i++)
        iam_source_region(config, &config->sources[i], region);
    return iam_partition(own ? own : region);
}

/* Appends an ARN, which is taken, unless the array contains it. */
static void iam_add_arn(json_t *array, char *arn)
{
    json_t *other;
    size_t i;
    bool found = false;
    json_array_foreach(array, i, other)
        found = found || strcmp(json_string_value(other), arn) == 0;
    if (!found)
        json_array_append_new(array, json_string(arn));
    free(arn);
}

/* The last two segments of a queue's URL are account and name. */
static void iam_add_queue(json_t *arns, const struct config *config,
                          const struct config_source *source)
{
    const char *name = strrchr(source->queue_url, '/');
    char account[13] = "*", region[33];
    iam_source_region(config, source, region);
    if (name && name - source->queue_url > 12 && name[-13] == '/') {
        memcpy(account, name - 12, 12);
        if (aws_account_problem(account))
            memcpy(account, "*", sizeof "*");
    }
    iam_add_arn(arns, xasprintf("arn:%s:sqs:%s:%s:%s", iam_partition(region), region, account,
                                name ? name + 1 : "*"));
}

static json_t *iam_queue_arns(const struct config *config)
{
    json_t *arns = json_array();
    if (config->source_count == 0)
        json_array_append_new(arns, json_string("*"));
    for (size_t i = 0; i < config->source_count; i++)
        if (config->sources[i].queue_url)
            iam_add_queue(arns, config, &config->sources[i]);
    return arns;
}

/* `objects`: "" for the buckets, or what follows the bucket in the ARNs of their objects. */
static json_t *iam_bucket_arns(const struct config *config, const char *objects)
{
    json_t *arns = json_array();
    if (config->source_count == 0)
        json_array_append_new(arns, json_string("*"));
    for (size_t i = 0; i < config->source_count; i++) {
        const struct config_source *source = &config->sources[i];
        char region[33];
        if (source_facts[source->type].cloud != SOURCE_IN_AWS)
            continue;
        iam_source_region(config, source, region);
        iam_add_arn(arns, xasprintf("arn:%s:s3:::%s%s", iam_partition(region),
                                    config_source_bucket(source) ? source->bucket : "*", objects));
    }
    return arns;
}

/* Appends the ARN of the role, with the placeholders of its template replaced. */
static void iam_add_role(json_t *arns, const struct config *config, const char *account)
{
    struct buf arn = buf_make(64u << 10);
    for (const char *at = config->aws.cross_account_role; *at;) {
        if (strncmp(at, "{account}", 9) == 0) {
            buf_adds(&arn, account);
            at += 9;
        } else if (strncmp(at, "{partition}", 11) == 0) {
            buf_adds(&arn, iam_own_partition(config));
            at += 11;
        } else {
            buf_addc(&arn, *at++);
        }
    }
    iam_add_arn(arns, buf_take(&arn));
}

static json_t *iam_role_arns(const struct config *config)
{
    const struct config_list *accounts = &config->guard.allow_accounts;
    json_t *arns = json_array();
    if (!config->aws.cross_account_role)
        return arns;
    for (size_t i = 0; i < accounts->count; i++)
        iam_add_role(arns, config, accounts->at[i]);
    if (accounts->count == 0)
        iam_add_role(arns, config, "*");
    return arns;
}

static void iam_add_daemon(struct policies *p, const struct config *config)
{
    iam_add_statement(p,
                      json_pack("{s:s, s:s, s:[s,s,s,s], s:[]}", "Sid", "Queues", "Effect", "Allow",
                                "Action", "sqs:ChangeMessageVisibility", "sqs:DeleteMessage",
                                "sqs:GetQueueAttributes", "sqs:ReceiveMessage", "Resource"),
                      "Resource", iam_queue_arns(config));
    iam_add_statement(p,
                      json_pack("{s:s, s:s, s:s, s:[]}", "Sid", "Buckets", "Effect", "Allow",
                                "Action", "s3:ListBucket", "Resource"),
                      "Resource", iam_bucket_arns(config, ""));
    iam_add_statement(p,
                      json_pack("{s:s, s:s, s:[s,s,s], s:[]}", "Sid", "Objects", "Effect", "Allow",
                                "Action", "s3:DeleteObject", "s3:GetObject", "s3:PutObject",
                                "Resource"),
                      "Resource", iam_bucket_arns(config, "/*"));
    iam_add_statement(p,
                      json_pack("{s:s, s:s, s:s, s:[]}", "Sid", "OtherAccounts", "Effect", "Allow",
                                "Action", "sts:AssumeRole", "Resource"),
                      "Resource", iam_role_arns(config));
}

/* --- what the actions need --- */

static bool iam_same_service(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");
    return strncmp(a, b, n + 1) == 0;
}

/* "elasticloadbalancing:..." becomes "Elasticloadbalancing": a Sid has only letters and digits. */
static void iam_service_sid(const char *permission, char to[SID_MAX])
{
    size_t n = 0;
    for (; *permission && *permission != ':' && n < SID_MAX - 1; permission++)
        if (*permission != '-')
            to[n++] = *permission;
    to[n] = '\0';
    if (to[0] >= 'a' && to[0] <= 'z')
        to[0] = (char)(to[0] - 'a' + 'A');
}

/* A role may be passed to instances only, where the request states to which service. */
static void iam_add_pass_role(struct policies *p)
{
    iam_add_statement(p,
                      json_pack("{s:s, s:s, s:[], s:s, s:{s:{s:[s,s]}}}", "Sid", "PassRole",
                                "Effect", "Allow", "Action", "Resource", "*", "Condition",
                                "StringEqualsIfExists", "iam:PassedToService", "ec2.amazonaws.com",
                                "ec2.amazonaws.com.cn"),
                      "Action", json_pack("[s]", "iam:PassRole"));
}

/* Appends the permissions of one service. *first is the index of the first one, and becomes that of
 * the next service. */
static void iam_add_service(struct policies *p, const json_t *permissions, size_t *first)
{
    const char *begin = json_string_value(json_array_get(permissions, *first));
    json_t *items = json_array();
    bool pass_role = false;
    for (; *first < json_array_size(permissions); ++*first) {
        json_t *item = json_array_get(permissions, *first);
        if (!iam_same_service(begin, json_string_value(item)))
            break;
        if (strcmp(json_string_value(item), "iam:PassRole") == 0)
            pass_role = true;
        else
            json_array_append(items, item);
    }
    char sid[SID_MAX];
    iam_service_sid(begin, sid);
    iam_add_statement(p,
                      json_pack("{s:s, s:s, s:[], s:s}", "Sid", sid, "Effect", "Allow", "Action",
                                "Resource", "*"),
                      "Action", items);
    if (pass_role)
        iam_add_pass_role(p);
}

/* --- the policies --- */

static void iam_write(const json_t *documents, struct buf *to)
{
    char *pretty = json_dumps(json_array_get(documents, 0), JSON_INDENT(2));
    bool indented = json_array_size(documents) == 1 && strlen(pretty) <= IAM_POLICY_MAX;
    json_t *document;
    size_t i;
    free(pretty);
    json_array_foreach(documents, i, document)
        catalogue_add_json(json_incref(document), indented ? JSON_INDENT(2) : JSON_COMPACT, to);
}

void catalogue_iam_policy(const struct catalogue *c, const struct config *config, struct buf *to)
{
    struct policies p = {.documents = json_array()};
    json_t *permissions = catalogue_permissions(c, CLOUD_AWS, false);
    iam_open_document(&p);
    iam_add_daemon(&p, config);
    for (size_t i = 0; i < json_array_size(permissions);)
        iam_add_service(&p, permissions, &i);
    iam_write(p.documents, to);
    json_decref(permissions);
    json_decref(p.documents);
}
