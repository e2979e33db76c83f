/* vpc_isolate: no DNS, a network ACL that denies everything on every subnet, and a policy on every
 * IAM user that denies EC2's operations in the VPC. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/iam.h"
#include "actions/parts.h"
#include "lib/json/jpath.h"

static const struct aws_op modify_vpc = {&aws_ec2, "ModifyVpcAttribute", .changes = true};
static const struct aws_op describe_acls = {&aws_ec2, "DescribeNetworkAcls", .changes = false};
static const struct aws_op create_acl = {&aws_ec2, "CreateNetworkAcl", .changes = true};
static const struct aws_op delete_entry = {&aws_ec2, "DeleteNetworkAclEntry", .changes = true};
static const struct aws_op replace_association = {&aws_ec2, "ReplaceNetworkAclAssociation",
                                                  .changes = true};
static const struct aws_op list_users = {&aws_iam, "ListUsers", .changes = false};

static const struct act_listing all_acls = {
    .op = &describe_acls,
    .items = "networkAclSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"networkAclId"},
};
static const struct act_listing all_users = {
    .op = &list_users,
    .items = "Users",
    .next = "Marker",
    .token = "Marker",
    .more = "IsTruncated",
    .each = {"UserName"},
};

/* The tag by which our ACL is known again. */
#define ACL_TAG "hyperglance:isolation"
/* What a dry run calls an ACL that it did not create. */
#define ACL_PLANNED "(new network ACL)"

static const char *vpc(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "VPC ID", "vpc-");
}

static bool check(struct step_ctx *ctx)
{
    return vpc(ctx) != NULL;
}

static enum verdict dns_off(struct step_ctx *ctx)
{
    return act_step(ctx, &modify_vpc,
                    json_pack("{s:s, s:{s:b}}", "VpcId", vpc(ctx), "EnableDnsSupport", "Value", 0));
}

/* --- the network ACL --- */

static json_t *acls_of_vpc(struct step_ctx *ctx)
{
    return act_list(ctx, &all_acls,
                    json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name", "vpc-id", "Value", vpc(ctx)));
}

static bool is_ours(const json_t *acl)
{
    json_t *tags = jlist(acl, "tagSet");
    bool ours = false;
    size_t i;
    json_t *tag;
    json_array_foreach(tags, i, tag) {
        const char *key = jstr(tag, "key");
        ours = ours || (key && strcmp(key, ACL_TAG) == 0);
    }
    json_decref(tags);
    return ours;
}

/* What somebody has allowed in our ACL since, as {"number", "egress"}. NULL when there is no
 * memory, or when an entry does not tell its number. */
static json_t *allowing(const json_t *acl)
{
    json_t *entries = jlist(acl, "entrySet");
    json_t *allowed = json_array();
    bool whole = entries && allowed;
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry) {
        const char *action = jstr(entry, "ruleAction");
        int64_t number = jint(entry, "ruleNumber", -1);
        if (!action || strcmp(action, "allow") != 0)
            continue;
        whole =
            whole && number >= 0 &&
            json_array_append_new(allowed, json_pack("{s:I, s:b}", "number", (json_int_t)number,
                                                     "egress", jbool(entry, "egress", false))) == 0;
    }
    json_decref(entries);
    if (whole)
        return allowed;
    json_decref(allowed);
    return NULL;
}

static bool keep_acl(struct step_ctx *ctx, const json_t *acl)
{
    const char *id = jstr(acl, "networkAclId");
    if (!id && ctx->plan)
        id = ACL_PLANNED;
    if (!id)
        return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                       "AWS returned no ID for the network ACL");
    json_t *entries = allowing(acl);
    if (!entries)
        return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                       "AWS returned no number for a rule of the network ACL %s", id);
    return act_state_set(ctx, "acl", json_string(id)) && act_state_set(ctx, "entries", entries);
}

/* An ACL of our tag is taken, also an earlier try's; a new one denies everything by itself. */
static enum verdict find_acl(struct step_ctx *ctx)
{
    json_t *acls = acls_of_vpc(ctx);
    if (!acls)
        return STEP_FAILED;
    const json_t *ours = NULL;
    size_t i;
    json_t *acl;
    json_array_foreach(acls, i, acl)
        if (!ours && is_ours(acl))
            ours = acl;
    bool kept = ours && keep_acl(ctx, ours);
    bool found = ours != NULL;
    json_decref(acls);
    if (found)
        return kept ? STEP_DONE : STEP_FAILED;
    char token[65];
    snprintf(token, sizeof token, "%s-%s", ctx->run_id, strchr(vpc(ctx), '-') + 1);
    json_t *answer =
        act_call(ctx, &create_acl,
                 json_pack("{s:s, s:s, s:[{s:s, s:[{s:s, s:s}]}]}", "VpcId", vpc(ctx),
                           "ClientToken", token, "TagSpecification", "ResourceType", "network-acl",
                           "Tag", "Key", ACL_TAG, "Value", ctx->run_id));
    kept = answer && keep_acl(ctx, jget(answer, "networkAcl"));
    json_decref(answer);
    return kept ? STEP_DONE : STEP_FAILED;
}

/* An ACL that was created a moment ago, by this run or another, may not be known everywhere. */
static enum verdict unless_new(struct step_ctx *ctx)
{
    return act_failed_with(ctx, "InvalidNetworkAclID.NotFound") ? parts_retry(ctx, WAIT_MINUTES(2))
                                                                : STEP_FAILED;
}

static enum verdict drop_entry(struct step_ctx *ctx, const json_t *entry)
{
    if (act_do(ctx, &delete_entry,
               json_pack("{s:s, s:O, s:O}", "NetworkAclId", act_state_string(ctx, "acl"),
                         "RuleNumber", json_object_get(entry, "number"), "Egress",
                         json_object_get(entry, "egress"))) ||
        act_failed_with(ctx, "InvalidNetworkAclEntry.NotFound"))
        return STEP_DONE;
    return unless_new(ctx);
}

static enum verdict clean_acl(struct step_ctx *ctx)
{
    char name[64];
    json_t *entries = json_object_get(ctx->state, "entries");
    const json_t *entry = json_array_get(entries, 0);
    if (!entry)
        return STEP_DONE;
    snprintf(name, sizeof name, "%s rule %lld of the network ACL",
             jbool(entry, "egress", false) ? "outbound" : "inbound",
             (long long)jint(entry, "number", -1));
    enum verdict verdict = parts_settle(ctx, drop_entry(ctx, entry), name);
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(entries, 0);
    return step_again(ctx, 0);
}

/* The first association of a subnet with an ACL that is not ours and that this step has not
 * replaced yet. */
static const json_t *next_association(const json_t *acls, const char *ours, const json_t *done,
                                      const char **former)
{
    size_t i, k;
    json_t *acl, *association;
    json_array_foreach(acls, i, acl) {
        const char *id = jstr(acl, "networkAclId");
        const json_t *set = jget(acl, "associationSet");
        if (!id || !ours || strcmp(id, ours) == 0)
            continue;
        json_array_foreach(set, k, association) {
            const char *subnet = jstr(association, "subnetId");
            if (subnet && !json_object_get(done, subnet)) {
                *former = id;
                return association;
            }
        }
    }
    return NULL;
}

static enum verdict replace_one(struct step_ctx *ctx, const json_t *association)
{
    enum verdict verdict = act_step(ctx, &replace_association,
                                    json_pack("{s:s, s:s}", "AssociationId",
                                              jstr(association, "networkAclAssociationId"),
                                              "NetworkAclId", act_state_string(ctx, "acl")));
    if (verdict == STEP_DONE && !ctx->plan && ctx->audit)
        ctx->audit(ctx, "network ACL of a subnet replaced", association);
    if (verdict != STEP_FAILED)
        return verdict;
    if (act_failed_with(ctx, "InvalidAssociationID.NotFound"))
        return parts_retry(ctx, WAIT_MINUTES(1)); /* replaced since it was looked up */
    return unless_new(ctx);
}

/* One subnet a run, and each once, so that it comes to an end. Looked up each time, because a
 * replaced association has a new id; the former ACLs are kept in state.replaced. */
static enum verdict replace(struct step_ctx *ctx)
{
    const char *ours = act_state_string(ctx, "acl"), *former = NULL;
    if (!json_object_get(ctx->state, "replaced") && !act_state_set(ctx, "replaced", json_object()))
        return STEP_FAILED;
    json_t *acls = acls_of_vpc(ctx);
    if (!acls)
        return STEP_FAILED;
    json_t *done = json_object_get(ctx->state, "replaced");
    const json_t *next = next_association(acls, ours, done, &former);
    enum verdict verdict = STEP_DONE;
    if (next) {
        const char *subnet = jstr(next, "subnetId");
        verdict = parts_settle(ctx, replace_one(ctx, next), subnet);
        if (verdict == STEP_DONE)
            verdict = json_object_set_new(done, subnet, json_string(former)) == 0
                          ? step_again(ctx, 0)
                          : act_no_memory(ctx);
    }
    json_decref(acls);
    return verdict;
}

/* --- the policy --- */

static const char *policy_name(struct step_ctx *ctx, char to[64])
{
    snprintf(to, 64, "isolate_%s_access_policy", vpc(ctx));
    return to;
}

/* EC2's operations on the VPC itself, and on what is in it. */
static enum verdict create_policy(struct step_ctx *ctx)
{
    char name[64], in_vpc[192], everything[128];
    snprintf(in_vpc, sizeof in_vpc, "arn:%s:ec2:%s:%s:vpc/%s", ctx->partition, ctx->region,
             ctx->account, vpc(ctx));
    snprintf(everything, sizeof everything, "arn:%s:ec2:%s:%s:*", ctx->partition, ctx->region,
             ctx->account);
    return iam_require_policy(
        ctx, policy_name(ctx, name), "Denies EC2 operations in an isolated VPC (Hyperglance)",
        json_pack("{s:s, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s, s:{s:{s:s}}}]}", "Version",
                  "2012-10-17", "Statement", "Effect", "Deny", "Action", "ec2:*", "Resource",
                  in_vpc, "Effect", "Deny", "Action", "ec2:*", "Resource", everything, "Condition",
                  "ArnEquals", "ec2:Vpc", in_vpc));
}

/* The next page of users into state.users; *last when there is none. */
static enum verdict next_users(struct step_ctx *ctx)
{
    if (json_is_true(json_object_get(ctx->state, "last")))
        return parts_conclude(ctx, "network ACL rules, subnets and users");
    json_t *next = json_incref(json_object_get(ctx->state, "next"));
    json_t *page = act_page(ctx, &all_users, json_object(), &next);
    if (!page)
        return STEP_FAILED;
    json_t *names = act_texts(ctx, page, "UserName");
    json_decref(page);
    if (!names) {
        json_decref(next);
        return STEP_FAILED;
    }
    bool kept = act_state_set(ctx, "last", json_boolean(!next));
    if (next)
        kept = act_state_set(ctx, "next", next) && kept;
    kept = act_state_set(ctx, "users", names) && kept;
    return kept ? step_again(ctx, 0) : STEP_FAILED;
}

/* "NoSuchEntity" may mean the user, or a policy that was created this moment. A user that is gone
 * since the listing does not matter. */
static enum verdict attach_to(struct step_ctx *ctx, const char *user)
{
    char name[64], arn[IAM_ARN_SIZE];
    if (iam_attach_policy(ctx, user, iam_policy_arn(ctx, policy_name(ctx, name), arn)))
        return STEP_DONE;
    if (!act_failed_with(ctx, "NoSuchEntity"))
        return STEP_FAILED;
    return iam_user_gone(ctx, user) ? STEP_DONE : parts_retry(ctx, WAIT_MINUTES(2));
}

/* One user a run. */
static enum verdict attach(struct step_ctx *ctx)
{
    json_t *users = json_object_get(ctx->state, "users");
    size_t count = json_array_size(users);
    if (count == 0)
        return next_users(ctx);
    const char *user = json_string_value(json_array_get(users, count - 1));
    enum verdict verdict = user ? parts_settle(ctx, attach_to(ctx, user), user) : STEP_DONE;
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(users, count - 1);
    return step_again(ctx, 0);
}

const struct action action_vpc_isolate = {
    .name = "vpc_isolate",
    .display_name = "Isolate VPC",
    .description = "Switches the VPC's DNS off, denies all its traffic by a network ACL on every "
                   "subnet, and denies EC2's operations in it to all IAM users.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"VPC", NULL},
    .permissions =
        (const char *const[]){"ec2:CreateNetworkAcl", "ec2:CreateTags", "ec2:DeleteNetworkAclEntry",
                              "ec2:DescribeNetworkAcls", "ec2:ModifyVpcAttribute",
                              "ec2:ReplaceNetworkAclAssociation", "iam:AttachUserPolicy",
                              "iam:CreatePolicy", "iam:GetPolicy", "iam:GetPolicyVersion",
                              "iam:GetUser", "iam:ListUsers", NULL},
    .check = check,
    .state = (const struct action_state[]){{"acl", NULL},
                                           {"entries", NULL},
                                           {"replaced", NULL},
                                           {"last", NULL},
                                           {"next", NULL},
                                           {"users", NULL},
                                           {"parts", NULL},
                                           {0}},
    .steps = (const struct action_step[]){{.name = "dns-off", .run = dns_off},
                                          {.name = "find-acl", .run = find_acl},
                                          {.name = "clean-acl", .run = clean_acl},
                                          {.name = "replace-acl", .run = replace},
                                          {.name = "create-policy", .run = create_policy},
                                          {.name = "attach-policy", .run = attach},
                                          {0}},
};
