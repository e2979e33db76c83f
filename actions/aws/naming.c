/* Identifies the AWS resource of an event. Each place that may contain its name is read in turn
 * into `struct found`, and must agree with what was found before. */
#include "actions/aws/naming.h"

#include <string.h>

#include "lib/aws/wire/partition.h"

/* --- texts --- */

const char *act_shown(const char *text, char to[84])
{
    size_t n = strlen(text);
    if (n <= 80) {
        memcpy(to, text, n + 1);
        return to;
    }
    n = 80;
    while (n > 0 && ((unsigned char)text[n] & 0xC0) == 0x80) /* not within a UTF-8 character */
        n--;
    memcpy(to, text, n);
    memcpy(to + n, "...", 4);
    return to;
}

bool act_name_valid(const char *text, const char *allowed, size_t min, size_t max)
{
    size_t n = 0;
    for (; text[n]; n++) {
        char c = text[n];
        bool word = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
        if (n == max || (!word && !strchr(allowed, c)))
            return false;
    }
    return n >= min;
}

bool ec2_id_valid(const char *text, const char *prefix)
{
    size_t n = strlen(prefix);
    if (strncmp(text, prefix, n) != 0)
        return false;
    size_t digits = strspn(text + n, "0123456789abcdef");
    return digits >= 8 && digits <= 17 && text[n + digits] == '\0';
}

/* --- what was found --- */

struct wanted {
    const struct act_naming *how;
    /* EC2: the prefix of the ID; NULL: not a resource of EC2. */
    const char *ec2;
    /* Whether the ARN contains another name than the ID. */
    bool arn_names_else;
    /* EC2: the attribute that may contain the ID; NULL: none. */
    const char *attribute;
};

struct found {
    const char *name;
    /* The member that it is from: "id". */
    const char *in;
    /* The whole ARN, if one was found. */
    const char *arn;
    /* Whether `in` is an attribute. */
    bool in_attribute;
};

static bool naming_valid(const struct wanted *wanted, const char *text)
{
    if (wanted->ec2)
        return ec2_id_valid(text, wanted->ec2);
    return wanted->how->valid && wanted->how->valid(text);
}

static const char *naming_owner(const struct found *found)
{
    return found->in_attribute ? "attribute" : "the resource's";
}

/* Takes the name, or rejects it if it differs from that of another place. */
static bool naming_agree(struct step_ctx *ctx, const struct wanted *wanted, struct found *found,
                         const struct found *also)
{
    char shown[84], other[84];
    bool (*same)(const char *, const char *) = wanted->how->same;
    if (!found->name) {
        found->name = also->name;
        found->in = also->in;
        found->in_attribute = also->in_attribute;
        return true;
    }
    if (strcmp(found->name, also->name) == 0 || (same && same(found->name, also->name)))
        return true;
    return err_set(&ctx->err, ERR_INVALID, "",
                   "%s \"%s\" is \"%s\", but its \"%s\" contains \"%s\"", naming_owner(found),
                   found->in, act_shown(found->name, shown), also->in,
                   act_shown(also->name, other));
}

static bool naming_reject_name(struct step_ctx *ctx, const struct wanted *wanted,
                               const struct found *at, const char *text)
{
    char shown[84];
    if (wanted->ec2)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "%s \"%s\" is \"%s\", which is not a valid ID of %s (%s...)",
                       naming_owner(at), at->in, act_shown(text, shown), wanted->how->what,
                       wanted->ec2);
    return err_set(&ctx->err, ERR_INVALID, "",
                   "%s \"%s\" is \"%s\", which is not a valid name of %s", naming_owner(at), at->in,
                   act_shown(text, shown), wanted->how->what);
}

/* --- ARNs --- */

/* The kind of an ARN, as "rds:cluster": its service and the part before the first separator. */
static const char *naming_arn_kind(const struct aws_arn *arn, char to[84])
{
    struct buf text = buf_make(512);
    size_t n = strcspn(arn->resource, ":/");
    buf_addf(&text, "%.40s", arn->service);
    if (arn->resource[n])
        buf_addf(&text, ":%.*s", (int)(n < 40 ? n : 40), arn->resource);
    act_shown(buf_str(&text), to);
    buf_free(&text);
    return to;
}

static const char *naming_wanted_kind(const struct act_naming *how, char to[84])
{
    struct aws_arn wanted = {.service = how->service, .resource = how->prefix};
    return naming_arn_kind(&wanted, to);
}

/* Whether it is in the account and region of the task's calls. */
static bool naming_arn_is_here(const struct step_ctx *ctx, const struct aws_arn *arn)
{
    return strcmp(arn->partition, ctx->partition) == 0 &&
           (!*arn->account || strcmp(arn->account, ctx->account) == 0) &&
           (!*arn->region || strcmp(arn->region, ctx->region) == 0);
}

/* Reads `text`, the value of the member `field`, as an ARN. */
static bool naming_take_arn(struct step_ctx *ctx, const struct wanted *wanted, const char *field,
                            const char *text, struct found *found)
{
    char shown[84], kind[84], expected[84];
    const struct act_naming *how = wanted->how;
    struct aws_arn arn;
    if (!aws_arn_parse(text, &arn))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"%s\" is \"%s\", which is not a valid ARN", field,
                       act_shown(text, shown));
    size_t n = strlen(how->prefix);
    if (strcmp(arn.service, how->service) != 0 || strncmp(arn.resource, how->prefix, n) != 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"%s\" is \"%s\", an ARN of %s; the action needs %s (%s)",
                       field, act_shown(text, shown), naming_arn_kind(&arn, kind), how->what,
                       naming_wanted_kind(how, expected));
    const char *name = arn.resource + n;
    const char *slash = how->path ? strrchr(name, '/') : NULL;
    if (slash)
        name = slash + 1;
    if (!naming_arn_is_here(ctx, &arn) || (!wanted->arn_names_else && !naming_valid(wanted, name)))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"%s\" is \"%s\", which is not the ARN of %s in account %s "
                       "and region %s",
                       field, act_shown(text, shown), how->what, ctx->account, ctx->region);
    if (found->arn && strcmp(found->arn, text) != 0)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"id\" and its \"arn\" are different ARNs");
    found->arn = text;
    const struct found also = {.name = text + strlen(text) - strlen(name), .in = field};
    return wanted->arn_names_else || naming_agree(ctx, wanted, found, &also);
}

/* --- the places --- */

static bool naming_take_attribute(struct step_ctx *ctx, const struct wanted *wanted,
                                  struct found *found)
{
    const char *text;
    struct found at = {.in = wanted->attribute, .in_attribute = true};
    if (!wanted->attribute)
        return true;
    if (!resource_attribute(ctx, wanted->attribute, &text))
        return false;
    if (!text)
        return true;
    if (!naming_valid(wanted, text))
        return naming_reject_name(ctx, wanted, &at, text);
    at.name = text;
    return naming_agree(ctx, wanted, found, &at);
}

static bool naming_take_field(struct step_ctx *ctx, const struct wanted *wanted, const char *field,
                              struct found *found)
{
    const char *text;
    const struct act_naming *how = wanted->how;
    struct found at = {.in = field};
    bool is_id = strcmp(field, "id") == 0;
    if (!resource_field(ctx, field, &text))
        return false;
    if (!text || (found->name && !is_id) || (is_id && how->other && how->other(text)))
        return true;
    if (strncmp(text, "arn:", 4) == 0)
        return naming_take_arn(ctx, wanted, field, text, found);
    if (!naming_valid(wanted, text))
        return naming_reject_name(ctx, wanted, &at, text);
    at.name = text;
    return naming_agree(ctx, wanted, found, &at);
}

/* Reads all places that may contain the name. True even if none is present; false with ctx->err. */
static bool naming_find(struct step_ctx *ctx, const struct wanted *wanted, struct found *found)
{
    const char *arn;
    *found = (struct found){0};
    if (!naming_take_attribute(ctx, wanted, found))
        return false;
    for (const char *const *f = wanted->how->fields; *f; f++)
        if (!naming_take_field(ctx, wanted, *f, found))
            return false;
    if (!resource_field(ctx, "arn", &arn))
        return false;
    return !arn || naming_take_arn(ctx, wanted, "arn", arn, found);
}

static const char *naming_reject_nameless(struct step_ctx *ctx, const struct wanted *wanted)
{
    const char *const *fields = wanted->how->fields;
    if (wanted->attribute)
        err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource does not identify %s: attribute \"%s\", \"id\" and \"arn\" are missing",
            wanted->how->what, wanted->attribute);
    else
        err_set(&ctx->err, ERR_INVALID, "",
                "the resource does not identify %s: its \"%s\"%s%s%s and \"arn\" are missing",
                wanted->how->what, fields[0], fields[1] ? ", \"" : "", fields[1] ? fields[1] : "",
                fields[1] ? "\"" : "");
    return NULL;
}

const char *act_name(struct step_ctx *ctx, const struct act_naming *how)
{
    const struct wanted wanted = {.how = how};
    struct found found;
    if (!naming_find(ctx, &wanted, &found))
        return NULL;
    return found.name ? found.name : naming_reject_nameless(ctx, &wanted);
}

bool act_find_name(struct step_ctx *ctx, const struct act_naming *how, const char **name)
{
    const struct wanted wanted = {.how = how};
    struct found found;
    bool ok = naming_find(ctx, &wanted, &found);
    *name = ok ? found.name : NULL;
    return ok;
}

const char *act_arn(struct step_ctx *ctx, const struct act_naming *how)
{
    struct act_naming by_id = *how;
    by_id.fields[0] = "id";
    by_id.fields[1] = NULL;
    const struct wanted wanted = {.how = &by_id};
    struct found found;
    if (!naming_find(ctx, &wanted, &found))
        return NULL;
    if (!found.arn)
        err_set(&ctx->err, ERR_INVALID, "", "the resource's \"arn\" is missing");
    return found.arn;
}

/* --- EC2 --- */

/* The kinds of resources. Source: Service Authorization Reference, "Actions, resources, and
 * condition keys for Amazon EC2". */
static const struct ec2_kind {
    /* Of the ID. */
    const char *prefix;
    /* Of the ARN, which ends with the ID. */
    const char *type;
    const char *what;
    /* Whether the ARN ends with a name instead. */
    bool by_name;
} ec2_kinds[] = {
    {"acl-", "network-acl/", "a network ACL", false},
    {"ami-", "image/", "an AMI", false},
    {"eni-", "network-interface/", "a network interface", false},
    {"i-", "instance/", "an EC2 instance", false},
    {"igw-", "internet-gateway/", "an internet gateway", false},
    {"nat-", "natgateway/", "a NAT gateway", false},
    {"pg-", "placement-group/", "a placement group", true},
    {"rtb-", "route-table/", "a route table", false},
    {"sg-", "security-group/", "a security group", false},
    {"snap-", "snapshot/", "a snapshot", false},
    {"subnet-", "subnet/", "a subnet", false},
    {"vol-", "volume/", "an EBS volume", false},
    {"vpc-", "vpc/", "a VPC", false},
};

static const struct ec2_kind *naming_ec2_kind(const char *prefix)
{
    for (size_t i = 0; i < sizeof ec2_kinds / sizeof *ec2_kinds; i++)
        if (strcmp(ec2_kinds[i].prefix, prefix) == 0)
            return &ec2_kinds[i];
    return NULL;
}

const char *act_ec2_id(struct step_ctx *ctx, const char *attribute, const char *prefix)
{
    const struct ec2_kind *kind = naming_ec2_kind(prefix);
    if (!kind) {
        err_set(&ctx->err, ERR_INTERNAL, "", "IDs that begin with \"%s\" are not known", prefix);
        return NULL;
    }
    const struct act_naming how = {
        .what = kind->what, .service = "ec2", .prefix = kind->type, .fields = {"id"}};
    const struct wanted wanted = {
        .how = &how, .ec2 = prefix, .arn_names_else = kind->by_name, .attribute = attribute};
    struct found found;
    if (!naming_find(ctx, &wanted, &found))
        return NULL;
    return found.name ? found.name : naming_reject_nameless(ctx, &wanted);
}

bool act_ec2_attribute(struct step_ctx *ctx, const char *attribute, const char *prefix,
                       const char **id)
{
    char shown[84];
    const struct ec2_kind *kind = naming_ec2_kind(prefix);
    if (!resource_attribute(ctx, attribute, id))
        return false;
    if (!*id || ec2_id_valid(*id, prefix))
        return true;
    err_set(&ctx->err, ERR_INVALID, "",
            "attribute \"%s\" is \"%s\", which is not a valid ID of %s (%s...)", attribute,
            act_shown(*id, shown), kind ? kind->what : "this kind", prefix);
    *id = NULL;
    return false;
}
