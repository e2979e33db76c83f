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

#endif
