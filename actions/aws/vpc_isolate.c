/* vpc_isolate: disables DNS, puts a network ACL that denies everything on every subnet, and
 * attaches a policy to every IAM user that denies EC2 operations in the VPC. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/iam.h"
#include "actions/aws/list.h"
#include "actions/parts.h"
#include "lib/json/jpath.h"

static const struct aws_op modify_vpc = {&aws_ec2, "ModifyVpcAttribute", .changes = true};
static const struct aws_op describe_acls = {.service = &aws_ec2, .name = "DescribeNetworkAcls"};
static const struct aws_op create_acl = {&aws_ec2, "CreateNetworkAcl", .changes = true};
static const struct aws_op delete_entry = {&aws_ec2, "DeleteNetworkAclEntry", .changes = true};
static const struct aws_op replace_association = {&aws_ec2, "ReplaceNetworkAclAssociation",
                                                  .changes = true};
static const struct aws_op list_users = {.service = &aws_iam, .name = "ListUsers"};

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
};

/* The tag by which the ACL is found again. */
#define ACL_TAG "hyperglance:isolation"
/* The name in a dry run of an ACL that would be created. */
#define ACL_PLANNED "(new network ACL)"

static const char *vpc_id(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, "VPC ID", "vpc-");
}

static bool vpc_check(struct step_ctx *ctx)
{
    return vpc_id(ctx) != NULL;
}

static enum verdict vpc_disable_dns(struct step_ctx *ctx)
{
    return act_step(
        ctx, &modify_vpc,
        json_pack("{s:s, s:{s:b}}", "VpcId", vpc_id(ctx), "EnableDnsSupport", "Value", 0));
}

/* --- the network ACL --- */

static json_t *vpc_acls(struct step_ctx *ctx)
{
    return act_list(
        ctx, &all_acls,
        json_pack("{s:[{s:s, s:[s]}]}", "Filter", "Name", "vpc-id", "Value", vpc_id(ctx)));
}

static bool vpc_acl_is_ours(const json_t *acl)
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

/* The entries of our ACL that allow something, as {"number", "egress"}: a new array; NULL if one of
 * them has no number. A new ACL has none. */
static json_t *vpc_acl_allowing_entries(const json_t *acl)
{
    json_t *entries = jlist(acl, "entrySet");
    json_t *allowed = json_array();
    bool whole = true;
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry) {
        const char *action = jstr(entry, "ruleAction");
        int64_t number = jint(entry, "ruleNumber", -1);
        if (!action || strcmp(action, "allow") != 0)
            continue;
        whole = whole && number >= 0;
        json_array_append_new(allowed, json_pack("{s:I, s:b}", "number", (json_int_t)number,
                                                 "egress", jbool(entry, "egress", false)));
    }
    json_decref(entries);
    if (whole)
        return allowed;
    json_decref(allowed);
    return NULL;
}

static bool vpc_acl_keep(struct step_ctx *ctx, const json_t *acl)
{
    const char *id = jstr(acl, "networkAclId");
    if (!id && ctx->plan)
        id = ACL_PLANNED;
    if (!id)
        return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                       "AWS returned no ID for the network ACL");
    json_t *entries = vpc_acl_allowing_entries(acl);
    if (!entries)
        return err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                       "AWS returned no number for a rule of the network ACL %s", id);
    step_state_set(ctx, "acl", json_string(id));
    step_state_set(ctx, "entries", entries);
    return true;
}

/* Finds the ACL with our tag, which an earlier try may have created, or creates one. A new ACL
 * denies everything. */
static enum verdict vpc_acl_find(struct step_ctx *ctx)
{
    json_t *acls = vpc_acls(ctx);
    if (!acls)
        return STEP_FAILED;
    const json_t *ours = NULL;
    size_t i;
    json_t *acl;
    json_array_foreach(acls, i, acl)
        if (!ours && vpc_acl_is_ours(acl))
            ours = acl;
    bool kept = ours && vpc_acl_keep(ctx, ours);
    bool found = ours != NULL;
    json_decref(acls);
    if (found)
        return kept ? STEP_DONE : STEP_FAILED;
    char token[65];
    snprintf(token, sizeof token, "%s-%s", ctx->run_id, strchr(vpc_id(ctx), '-') + 1);
    json_t *response =
        act_call(ctx, &create_acl,
                 json_pack("{s:s, s:s, s:[{s:s, s:[{s:s, s:s}]}]}", "VpcId", vpc_id(ctx),
                           "ClientToken", token, "TagSpecification", "ResourceType", "network-acl",
                           "Tag", "Key", ACL_TAG, "Value", ctx->run_id));
    kept = response && vpc_acl_keep(ctx, jget(response, "networkAcl"));
    json_decref(response);
    return kept ? STEP_DONE : STEP_FAILED;
}

/* An ACL that has just been created, by this run or another, may not be visible yet. */
static enum verdict vpc_acl_unless_new(struct step_ctx *ctx)
{
    return act_failed_with(ctx, "InvalidNetworkAclID.NotFound") ? parts_retry(ctx, WAIT_MINUTES(2))
                                                                : STEP_FAILED;
}

static enum verdict vpc_acl_delete_entry(struct step_ctx *ctx, const json_t *entry)
{
    if (act_do(ctx, &delete_entry,
               json_pack("{s:s, s:O, s:O}", "NetworkAclId", step_state_string(ctx, "acl"),
                         "RuleNumber", json_object_get(entry, "number"), "Egress",
                         json_object_get(entry, "egress"))) ||
        act_failed_with(ctx, "InvalidNetworkAclEntry.NotFound"))
        return STEP_DONE;
    return vpc_acl_unless_new(ctx);
}

static enum verdict vpc_acl_clean_next(struct step_ctx *ctx)
{
    char name[64];
    json_t *entries = json_object_get(ctx->state, "entries");
    const json_t *entry = json_array_get(entries, 0);
    if (!entry)
        return STEP_DONE;
    snprintf(name, sizeof name, "%s rule %lld of the network ACL",
             jbool(entry, "egress", false) ? "outbound" : "inbound",
             (long long)jint(entry, "number", -1));
    enum verdict verdict = parts_settle(ctx, vpc_acl_delete_entry(ctx, entry), name);
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(entries, 0);
    return step_again(ctx, 0);
}

/* The first association of a subnet with another ACL that this step has not replaced yet. */
static const json_t *vpc_acl_next_association(const json_t *acls, const char *ours,
                                              const json_t *done, const char **former)
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

static enum verdict vpc_acl_replace(struct step_ctx *ctx, const json_t *association)
{
    enum verdict verdict = act_step(ctx, &replace_association,
                                    json_pack("{s:s, s:s}", "AssociationId",
                                              jstr(association, "networkAclAssociationId"),
                                              "NetworkAclId", step_state_string(ctx, "acl")));
    if (verdict == STEP_DONE && !ctx->plan && ctx->audit)
        ctx->audit(ctx, "network ACL of a subnet replaced", association);
    if (verdict != STEP_FAILED)
        return verdict;
    /* It has been replaced since it was listed. */
    if (act_failed_with(ctx, "InvalidAssociationID.NotFound"))
        return parts_retry(ctx, WAIT_MINUTES(1));
    return vpc_acl_unless_new(ctx);
}

/* Replaces the next association, if there is one. The former ACLs are stored in state.replaced. */
static enum verdict vpc_acl_replace_next(struct step_ctx *ctx, const json_t *acls)
{
    const char *former = NULL;
    json_t *done = json_object_get(ctx->state, "replaced");
    const json_t *next =
        vpc_acl_next_association(acls, step_state_string(ctx, "acl"), done, &former);
    if (!next)
        return STEP_DONE;
    const char *subnet = jstr(next, "subnetId");
    enum verdict verdict = parts_settle(ctx, vpc_acl_replace(ctx, next), subnet);
    if (verdict != STEP_DONE)
        return verdict;
    json_object_set_new(done, subnet, json_string(former));
    return step_again(ctx, 0);
}

/* One subnet each time it runs, and each subnet once, so that it comes to an end. The associations
 * are listed each time, because a replaced association has a new ID. */
static enum verdict vpc_acl_replace_step(struct step_ctx *ctx)
{
    if (!json_object_get(ctx->state, "replaced"))
        step_state_set(ctx, "replaced", json_object());
    json_t *acls = vpc_acls(ctx);
    if (!acls)
        return STEP_FAILED;
    enum verdict verdict = vpc_acl_replace_next(ctx, acls);
    json_decref(acls);
    return verdict;
}

/* --- the policy --- */

static const char *vpc_policy_name(struct step_ctx *ctx, char to[64])
{
    snprintf(to, 64, "isolate_%s_access_policy", vpc_id(ctx));
    return to;
}

/* Denies EC2 operations on the VPC itself and on the resources in it. */
static enum verdict vpc_policy_create(struct step_ctx *ctx)
{
    char name[64], in_vpc[192], everything[128];
    snprintf(in_vpc, sizeof in_vpc, "arn:%s:ec2:%s:%s:vpc/%s", ctx->partition, ctx->region,
             ctx->account, vpc_id(ctx));
    snprintf(everything, sizeof everything, "arn:%s:ec2:%s:%s:*", ctx->partition, ctx->region,
             ctx->account);
    return iam_require_policy(
        ctx, vpc_policy_name(ctx, name), "Denies EC2 operations in an isolated VPC (Hyperglance)",
        json_pack("{s:s, s:[{s:s, s:s, s:s}, {s:s, s:s, s:s, s:{s:{s:s}}}]}", "Version",
                  "2012-10-17", "Statement", "Effect", "Deny", "Action", "ec2:*", "Resource",
                  in_vpc, "Effect", "Deny", "Action", "ec2:*", "Resource", everything, "Condition",
                  "ArnEquals", "ec2:Vpc", in_vpc));
}

/* Stores the names of the next page of users; after the last page, concludes. */
static enum verdict vpc_policy_list_users(struct step_ctx *ctx)
{
    if (step_state_flag(ctx, "last"))
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
    step_state_set(ctx, "last", json_boolean(!next));
    if (next)
        step_state_set(ctx, "next", next);
    step_state_set(ctx, "users", names);
    return step_again(ctx, 0);
}

/* "NoSuchEntity" may refer to the user, or to a policy that has just been created. A user that was
 * deleted since the listing does not matter. */
static enum verdict vpc_policy_attach_to(struct step_ctx *ctx, const char *user)
{
    char name[64], arn[IAM_ARN_SIZE];
    if (iam_attach_policy(ctx, user, iam_policy_arn(ctx, vpc_policy_name(ctx, name), arn)))
        return STEP_DONE;
    if (!act_failed_with(ctx, "NoSuchEntity"))
        return STEP_FAILED;
    return iam_user_gone(ctx, user) ? STEP_DONE : parts_retry(ctx, WAIT_MINUTES(2));
}

/* Attaches the policy to one user each time it runs. */
static enum verdict vpc_policy_attach_next(struct step_ctx *ctx)
{
    json_t *users = json_object_get(ctx->state, "users");
    size_t count = json_array_size(users);
    if (count == 0)
        return vpc_policy_list_users(ctx);
    const char *user = json_string_value(json_array_get(users, count - 1));
    enum verdict verdict = parts_settle(ctx, vpc_policy_attach_to(ctx, user), user);
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(users, count - 1);
    return step_again(ctx, 0);
}

const struct action action_vpc_isolate = {
    .name = "vpc_isolate",
    .display_name = "Isolate VPC",
    .description =
        "Disables the VPC's DNS, denies all traffic by a network ACL on every subnet, and "
        "denies all IAM users the EC2 operations in it.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_CHANGES,
    .resource_types = (const char *const[]){"VPC", NULL},
    .permissions =
        (const char *const[]){"ec2:CreateNetworkAcl", "ec2:CreateTags", "ec2:DeleteNetworkAclEntry",
                              "ec2:DescribeNetworkAcls", "ec2:ModifyVpcAttribute",
                              "ec2:ReplaceNetworkAclAssociation", "iam:AttachUserPolicy",
                              "iam:CreatePolicy", "iam:GetPolicy", "iam:GetPolicyVersion",
                              "iam:GetUser", "iam:ListUsers", NULL},
    .check = vpc_check,
    .state = (const struct action_state[]){{"acl", NULL},
                                           {"entries", NULL},
                                           {"replaced", NULL},
                                           {"last", NULL},
                                           {"next", NULL},
                                           {"users", NULL},
                                           {"parts", NULL},
                                           {0}},
    .steps = (const struct action_step[]){{.name = "dns-off", .run = vpc_disable_dns},
                                          {.name = "find-acl", .run = vpc_acl_find},
                                          {.name = "clean-acl", .run = vpc_acl_clean_next},
                                          {.name = "replace-acl", .run = vpc_acl_replace_step},
                                          {.name = "create-policy", .run = vpc_policy_create},
                                          {.name = "attach-policy", .run = vpc_policy_attach_next},
                                          {0}},
};
