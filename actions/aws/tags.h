/* Tags of AWS resources, whichever service they belong to: one reading and two changes. */
#ifndef HGAUTOD_ACTIONS_AWS_TAGS_H
#define HGAUTOD_ACTIONS_AWS_TAGS_H

#include "actions/aws/common.h"

/* For action.check: the resource is of a type whose tags we can change, and its id is valid. May
 * ask nothing of AWS. */
bool tags_check(struct step_ctx *ctx);
/* All tags as an object: a new reference, NULL with ctx->err. Permissions: ec2:DescribeTags,
 * sns:ListTagsForResource, sqs:ListQueueTags. */
json_t *tags_read(struct step_ctx *ctx) MUST_CHECK;
/* Permissions: ec2:CreateTags, sns:TagResource, sqs:TagQueue. */
enum verdict tags_add(struct step_ctx *ctx, const char *key, const char *value);
/* Removes the keys (an array of strings, borrowed); those that are not there do not matter.
 * Permissions: ec2:DeleteTags, sns:UntagResource, sqs:UntagQueue. */
enum verdict tags_remove(struct step_ctx *ctx, json_t *keys);

/* --- several resources of EC2's by one call: for action_many --- */

#define TAGS_MANY 100

/* For action_many.takes: EC2 tags many resources by one call, SNS and SQS one. */
bool tags_share(const char *type);
/* The tags of each resource, an object of objects by id (see tags_id); a resource without any need
 * not be there. A new reference, NULL with ctxs[0]->err. */
json_t *tags_read_many(struct step_ctx *const *ctxs, size_t count) MUST_CHECK;
/* The resource's id. */
const char *tags_id(struct step_ctx *ctx);
/* Adds the tag to those of `some`, by a call for `first` if there are any. False with first->err.
 */
bool tags_add_many(struct step_ctx *first, struct step_ctx *const *some, size_t count,
                   const char *key, const char *value) MUST_CHECK;
/* Removes the keys from all. False with ctxs[0]->err. */
bool tags_remove_many(struct step_ctx *const *ctxs, size_t count, json_t *keys) MUST_CHECK;

#endif
