/* The IAM policy that the daemon needs: its actions' calls, its queues and buckets, and the role in
 * other accounts. Source: AWS, "Service Authorization Reference" and "IAM and AWS STS quotas". */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "lib/aws/names.h"
#include "lib/aws/sqs.h"
#include "lib/aws/wire/partition.h"

enum { ARN_MAX = 4096, SID_MAX = 64 };

/* --- documents: statements are added item by item, and go on in a new document when one is full --- */

struct policies {
    json_t *documents; /* an array; NULL: out of memory */
    json_t *list;      /* borrowed: the list of the open statement that grows; NULL: none is open */
};

/* A reference is taken; NULL for it is a failure, too. */
static bool append(json_t *array, json_t *value)
{
    return array && json_array_append_new(array, value) == 0;
}

static json_t *last(const json_t *array)
{
    size_t n = json_array_size(array);

    return n ? json_array_get(array, n - 1) : NULL;
}

static json_t *statements(const struct policies *p)
{
    return json_object_get(last(p->documents), "Statement");
}

static bool open_document(struct policies *p)
{
    p->list = NULL;
    return append(p->documents, json_pack("{s:s, s:[]}", "Version", "2012-10-17", "Statement"));
}

/* A copy of the pattern in the last document, its list empty. */
static bool open_statement(struct policies *p, const json_t *pattern, const char *grows)
{
    json_t *statement = json_deep_copy(pattern);

    if (!append(statements(p), statement))
        return false;
    p->list = json_object_get(statement, grows);
    return p->list != NULL;
}

static size_t length(const json_t *json)
{
    char *text = json_dumps(json, JSON_COMPACT);
    size_t n = text ? strlen(text) : 0;

    free(text);
    return n;
}

/* Takes the last item off again, and a statement that was only begun for it. */
static void take_back(struct policies *p)
{
    json_array_remove(p->list, json_array_size(p->list) - 1);
    if (json_array_size(p->list) == 0)
        json_array_remove(statements(p), json_array_size(statements(p)) - 1);
}

static bool add_item(struct policies *p, const json_t *pattern, const char *grows, json_t *item)
{
    bool alone;

    if (!p->list && !open_statement(p, pattern, grows))
        return false;
    if (json_array_append(p->list, item) != 0)
        return false;
    alone = json_array_size(p->list) == 1 && json_array_size(statements(p)) == 1;
    if (alone || length(last(p->documents)) <= IAM_POLICY_MAX)
        return true;
    take_back(p);
    return open_document(p) && add_item(p, pattern, grows, item);
}

/* A statement with all items in its list `grows`. References to both are taken. */
static bool add_statement(struct policies *p, json_t *pattern, const char *grows, json_t *items)
{
    bool ok = pattern && items;
    json_t *item;
    size_t i;

    p->list = NULL;
    json_array_foreach(items, i, item)
        ok = ok && add_item(p, pattern, grows, item);
    json_decref(pattern);
    json_decref(items);
    return ok;
}

/* --- what the daemon itself needs --- */

/* The region that holds where none is given; NULL: none is known. */
static const char *own_region(const struct config *config)
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

/* The region of a source into `region`; "*" when nothing says which. */
static void source_region(const struct config *config, const struct config_source *source,
                          char region[33])
{
    struct err unknown = ERR_INIT;
    struct sqs_queue queue = {0};
    const char *known = source->region ? source->region : own_region(config);

    if (source->queue_url &&
        sqs_queue_init(&queue, source->queue_url, source->region, known, &unknown))
        known = queue.region;
    snprintf(region, 33, "%s", known ? known : "*");
    sqs_queue_free(&queue);
}

static const char *partition_name(const char *region)
{
    const struct aws_partition *partition = aws_partition_of_region(region);

    return partition ? partition->name : "aws";
}

/* That of the daemon's region, else of the first source that has one. */
static const char *own_partition(const struct config *config)
{
    const char *own = own_region(config);
    char region[33] = "*";

    for (size_t i = 0; !own && i < config->source_count && *region == '*'; i++)
        source_region(config, &config->sources[i], region);
    return partition_name(own ? own : region);
}

/* Appends a string that is not there yet. */
static bool append_once(json_t *array, const char *text)
{
    json_t *there;
    size_t i;

    json_array_foreach(array, i, there)
        if (strcmp(json_string_value(there), text) == 0)
            return true;
    return append(array, json_string(text));
}

/* The last two segments of a queue's URL are account and name. */
static bool add_queue(json_t *arns, const struct config *config, const struct config_source *source)
{
    const char *name = strrchr(source->queue_url, '/');
    char account[13] = "*", region[33];
    struct buf arn = buf_make(ARN_MAX);
    bool ok;

    source_region(config, source, region);
    if (name && name - source->queue_url > 12 && name[-13] == '/') {
        memcpy(account, name - 12, 12);
        if (aws_account_problem(account))
            memcpy(account, "*", sizeof "*");
    }
    ok = buf_addf(&arn, "arn:%s:sqs:%s:%s:%s", partition_name(region), region, account,
                  name ? name + 1 : "*") &&
         append_once(arns, buf_str(&arn));
    buf_free(&arn);
    return ok;
}

static json_t *queue_arns(const struct config *config)
{
    json_t *arns = json_array();
    bool ok = arns != NULL;

    if (config->source_count == 0)
        ok = ok && append(arns, json_string("*"));
    for (size_t i = 0; ok && i < config->source_count; i++)
        if (config->sources[i].type == SOURCE_SQS)
            ok = add_queue(arns, config, &config->sources[i]);
    if (ok)
        return arns;
    json_decref(arns);
    return NULL;
}

static bool add_bucket(json_t *arns, const struct config *config,
                       const struct config_source *source, const char *objects)
{
    struct buf arn = buf_make(ARN_MAX);
    char region[33];
    bool ok;

    source_region(config, source, region);
    ok = buf_addf(&arn, "arn:%s:s3:::%s%s", partition_name(region),
                  config_source_bucket(source) ? source->bucket : "*", objects) &&
         append_once(arns, buf_str(&arn));
    buf_free(&arn);
    return ok;
}

/* `objects`: "" for the buckets, or what follows the bucket in the ARNs of their objects. */
static json_t *bucket_arns(const struct config *config, const char *objects)
{
    json_t *arns = json_array();
    bool ok = arns != NULL;

    if (config->source_count == 0)
        ok = ok && append(arns, json_string("*"));
    for (size_t i = 0; ok && i < config->source_count; i++)
        if (config->sources[i].type == SOURCE_SQS || config->sources[i].type == SOURCE_S3)
            ok = add_bucket(arns, config, &config->sources[i], objects);
    if (ok)
        return arns;
    json_decref(arns);
    return NULL;
}

/* The template of the role, its places filled in. */
static bool add_role(json_t *arns, const struct config *config, const char *account)
{
    struct buf arn = buf_make(ARN_MAX);
    bool ok;

    for (const char *at = config->aws.cross_account_role; *at;) {
        if (strncmp(at, "{account}", 9) == 0) {
            buf_adds(&arn, account);
            at += 9;
        } else if (strncmp(at, "{partition}", 11) == 0) {
            buf_adds(&arn, own_partition(config));
            at += 11;
        } else {
            buf_addc(&arn, *at++);
        }
    }
    ok = buf_ok(&arn) && append_once(arns, buf_str(&arn));
    buf_free(&arn);
    return ok;
}

static json_t *role_arns(const struct config *config)
{
    const struct config_list *accounts = &config->guard.allow_accounts;
    json_t *arns = json_array();
    bool ok = arns != NULL;

    if (!config->aws.cross_account_role)
        return arns;
    for (size_t i = 0; ok && i < accounts->count; i++)
        ok = add_role(arns, config, accounts->at[i]);
    if (accounts->count == 0)
        ok = ok && add_role(arns, config, "*");
    if (ok)
        return arns;
    json_decref(arns);
    return NULL;
}

static bool add_daemon(struct policies *p, const struct config *config)
{
    return add_statement(p,
                         json_pack("{s:s, s:s, s:[s,s,s,s], s:[]}", "Sid", "Queues", "Effect",
                                   "Allow", "Action", "sqs:ChangeMessageVisibility",
                                   "sqs:DeleteMessage", "sqs:GetQueueAttributes",
                                   "sqs:ReceiveMessage", "Resource"),
                         "Resource", queue_arns(config)) &&
           add_statement(p,
                         json_pack("{s:s, s:s, s:s, s:[]}", "Sid", "Buckets", "Effect", "Allow",
                                   "Action", "s3:ListBucket", "Resource"),
                         "Resource", bucket_arns(config, "")) &&
           add_statement(p,
                         json_pack("{s:s, s:s, s:[s,s,s], s:[]}", "Sid", "Objects", "Effect",
                                   "Allow", "Action", "s3:DeleteObject", "s3:GetObject",
                                   "s3:PutObject", "Resource"),
                         "Resource", bucket_arns(config, "/*")) &&
           add_statement(p,
                         json_pack("{s:s, s:s, s:s, s:[]}", "Sid", "OtherAccounts", "Effect",
                                   "Allow", "Action", "sts:AssumeRole", "Resource"),
                         "Resource", role_arns(config));
}

/* --- what the actions need --- */

static bool same_service(const char *a, const char *b)
{
    size_t n = strcspn(a, ":");

    return strncmp(a, b, n + 1) == 0;
}

/* "elasticloadbalancing" becomes "Elasticloadbalancing": only letters and digits may be in it. */
static void service_sid(const char *permission, char to[SID_MAX])
{
    size_t n = 0;

    for (; *permission && *permission != ':' && n < SID_MAX - 1; permission++)
        if (*permission != '-')
            to[n++] = *permission;
    to[n] = '\0';
    if (to[0] >= 'a' && to[0] <= 'z')
        to[0] = (char)(to[0] - 'a' + 'A');
}

/* A role may be given to instances only, where the request says to whom. */
static bool add_pass_role(struct policies *p)
{
    return add_statement(p,
                         json_pack("{s:s, s:s, s:[], s:s, s:{s:{s:[s,s]}}}", "Sid", "PassRole",
                                   "Effect", "Allow", "Action", "Resource", "*", "Condition",
                                   "StringEqualsIfExists", "iam:PassedToService",
                                   "ec2.amazonaws.com", "ec2.amazonaws.com.cn"),
                         "Action", json_pack("[s]", "iam:PassRole"));
}

/* The permissions of one service from `first` on, and where the next service begins. */
static bool add_service(struct policies *p, const json_t *permissions, size_t *first)
{
    const char *begin = json_string_value(json_array_get(permissions, *first));
    json_t *items = json_array();
    bool pass_role = false, ok = items != NULL;
    char sid[SID_MAX];

    service_sid(begin, sid);
    for (; ok && *first < json_array_size(permissions); ++*first) {
        json_t *item = json_array_get(permissions, *first);

        if (!same_service(begin, json_string_value(item)))
            break;
        if (strcmp(json_string_value(item), "iam:PassRole") == 0)
            pass_role = true;
        else
            ok = json_array_append(items, item) == 0;
    }
    ok = add_statement(p,
                       json_pack("{s:s, s:s, s:[], s:s}", "Sid", sid, "Effect", "Allow", "Action",
                                 "Resource", "*"),
                       "Action", items) &&
         ok;
    return ok && (!pass_role || add_pass_role(p));
}

static bool add_actions(struct policies *p, const struct catalogue *c)
{
    json_t *permissions = catalogue_permissions(c, CLOUD_AWS, false);
    bool ok = permissions != NULL;

    for (size_t i = 0; ok && i < json_array_size(permissions);)
        ok = add_service(p, permissions, &i);
    json_decref(permissions);
    return ok;
}

/* --- the whole --- */

static bool write_policies(const json_t *documents, struct buf *to)
{
    char *pretty = json_dumps(json_array_get(documents, 0), JSON_INDENT(2));
    bool indented = pretty && json_array_size(documents) == 1 && strlen(pretty) <= IAM_POLICY_MAX;
    bool ok = pretty != NULL;
    json_t *document;
    size_t i;

    free(pretty);
    json_array_foreach(documents, i, document)
        ok = ok && catalogue_add_json(json_incref(document),
                                      indented ? JSON_INDENT(2) : JSON_COMPACT, to);
    return ok;
}

bool catalogue_iam_policy(const struct catalogue *c, const struct config *config, struct buf *to)
{
    struct policies p = {.documents = json_array()};
    bool ok = open_document(&p) && add_daemon(&p, config) && add_actions(&p, c) &&
              write_policies(p.documents, to);

    json_decref(p.documents);
    return ok;
}
