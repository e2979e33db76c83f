/* Tags of AWS resources of any service: reading, adding and removing them, for one resource or for
 * several of EC2 by one call. */
#ifndef HGAUTOD_ACTIONS_AWS_TAGS_H
#define HGAUTOD_ACTIONS_AWS_TAGS_H

#include "actions/aws/call.h"

/* For action.check: whether resources of this type can be tagged here, and the ID is valid. False
 * with ctx->err. Makes no call. */
bool tags_check(struct step_ctx *ctx);

/* For action_sharing.takes: EC2 tags many resources by one call, SNS and SQS one. */
bool tags_share_calls(const char *type);

/* The functions below are for action_step.run_all; all resources are of one type. */

/* The tags of each resource, as an array of objects in the order of ctxs: a new reference, NULL
 * with ctxs[0]->err. Permissions: ec2:DescribeTags, sns:ListTagsForResource, sqs:ListQueueTags. */
json_t *tags_read(struct step_ctx *const *ctxs, size_t count) MUST_CHECK;
/* Adds the tag to the resources of `some` (all or a part of those that share the call; may be
 * none), by a call made for `first`. False with first->err. Permissions: ec2:CreateTags,
 * sns:TagResource, sqs:TagQueue. */
bool tags_add(struct step_ctx *first, struct step_ctx *const *some, size_t count, const char *key,
              const char *value) MUST_CHECK;
/* Removes the keys (an array of strings, borrowed) from all resources; keys that a resource does
 * not have do not matter. False with ctxs[0]->err. Permissions: ec2:DeleteTags,
 * sns:UntagResource, sqs:UntagQueue. */
bool tags_remove(struct step_ctx *const *ctxs, size_t count, json_t *keys) MUST_CHECK;

#endif
