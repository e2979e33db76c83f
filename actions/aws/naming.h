/* Which resource an event means: ids, names and ARNs of AWS, which are not trusted.
 *
 * An event may say it in several places: an attribute, `id`, `name`, `arn`. What is there must be
 * well-formed and of the action's kind, and all that is there must mean the same resource;
 * otherwise the resource is errored. No place ever stands in for another that is malformed: the one
 * that is right may be what an attacker has written, and the report would name the other. */
#ifndef HGAUTOD_ACTIONS_AWS_NAMING_H
#define HGAUTOD_ACTIONS_AWS_NAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "actions/action.h"

/* How a kind of resource is named. */
struct act_naming {
    const char *what;    /* "an IAM user", for messages */
    const char *service; /* the service of its ARN: "iam" */
    const char *prefix;  /* what stands before the name in the ARN: "user/" */
    bool path;           /* IAM: between prefix and name there may be a path */
    bool (*valid)(const char *name);
    const char *fields[3]; /* where the name may be, in this order, ended by NULL: "name", "id". The
                              first that is there counts; a `name` behind it is for people only */
    /* Whether `id` holds another identifier that AWS gives such a resource ("AIDA..."), which can
     * be compared with no name and names nothing here; NULL: there is none. */
    bool (*other)(const char *id);
    /* Whether an `id` means the resource that an ARN names; NULL: when they are equal. */
    bool (*same)(const char *id, const char *name);
};

/* The resource's name, from the fields and `arn`; an ARN must be of the task's account and region.
 * NULL with ctx->err (ERR_INVALID). Borrowed from the resource. */
const char *act_name(struct step_ctx *ctx, const struct act_naming *how);
/* The same where the name may also be elsewhere: true with *name NULL when neither the fields nor
 * `arn` are there. */
bool act_find_name(struct step_ctx *ctx, const struct act_naming *how,
                   const char **name) MUST_CHECK;
/* The resource's ARN, which is in `arn` or in `id`, under the same conditions. */
const char *act_arn(struct step_ctx *ctx, const struct act_naming *how);

/* The id that matches prefix + [0-9a-f]{8,17} ("i-", "vol-") of an EC2 resource: from
 * attributes.`attribute` (NULL: none is asked), `id` and `arn`, of which one must be there. NULL
 * with ctx->err. Borrowed from the resource. */
const char *act_ec2_id(struct step_ctx *ctx, const char *attribute, const char *prefix);
/* An id that the event may tell of something beside the resource ("VPC ID"): *id is NULL when the
 * attribute is absent. False with ctx->err when it is not of the kind. */
bool act_ec2_attribute(struct step_ctx *ctx, const char *attribute, const char *prefix,
                       const char **id) MUST_CHECK;
/* Whether text is prefix + [0-9a-f]{8,17}. */
bool ec2_id_valid(const char *text, const char *prefix);

/* Whether text consists of min to max characters of `allowed` and ASCII letters and digits. */
bool name_valid(const char *text, const char *allowed, size_t min, size_t max);
/* text as a message may show it: at most 80 bytes, cut between characters. */
const char *act_shown(const char *text, char to[84]);

#endif
