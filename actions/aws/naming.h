/* Identifies the AWS resource of an event by IDs, names and ARNs, which are not trusted.
 *
 * An event may contain them in several places: an attribute, `id`, `name`, `arn`. Each that is
 * present must be well-formed and of the action's kind, and all must identify the same resource;
 * otherwise the resource is errored. No place is used instead of another that is malformed: the
 * valid one may be an attacker's, and the report would contain the other. */
#ifndef HGAUTOD_ACTIONS_AWS_NAMING_H
#define HGAUTOD_ACTIONS_AWS_NAMING_H

#include <stdbool.h>
#include <stddef.h>

#include "actions/action.h"

/* How a kind of resource is named. */
struct act_naming {
    /* For errors: "an IAM user". */
    const char *what;
    /* The service in its ARN: "iam". */
    const char *service;
    /* The part of the ARN before the name: "user/". */
    const char *prefix;
    /* IAM: whether there may be a path between prefix and name. */
    bool path;
    bool (*valid)(const char *name);
    /* The fields that may contain the name, in this order, ended by NULL: "name", "id". The first
     * that is present counts; a `name` after it is for display only. */
    const char *fields[3];
    /* Whether `id` is another identifier that AWS gives to such a resource ("AIDA..."), which is
     * ignored; NULL: there is none. */
    bool (*other)(const char *id);
    /* Whether an `id` identifies the resource that an ARN names; NULL: if they are equal. */
    bool (*same)(const char *id, const char *name);
};

/* The name of the resource, from the fields and `arn`. An ARN must be of the task's account and
 * region. NULL with ctx->err (ERR_INVALID). Borrowed from the resource. */
const char *act_name(struct step_ctx *ctx, const struct act_naming *how);
/* The same for a name that may also be elsewhere: true with *name NULL if neither the fields nor
 * `arn` are present. */
bool act_find_name(struct step_ctx *ctx, const struct act_naming *how,
                   const char **name) MUST_CHECK;
/* The ARN of the resource, from `arn` or `id`, under the same conditions. */
const char *act_arn(struct step_ctx *ctx, const struct act_naming *how);

/* The ID of an EC2 resource, prefix + [0-9a-f]{8,17} ("i-", "vol-"): from attributes.`attribute`
 * (NULL: none), `id` and `arn`, one of which must be present. NULL with ctx->err. Borrowed from the
 * resource. */
const char *act_ec2_id(struct step_ctx *ctx, const char *attribute, const char *prefix);
/* The ID of another EC2 resource in an attribute ("VPC ID"): *id is NULL if the attribute is
 * absent. False with ctx->err if it is not a valid ID. */
bool act_ec2_attribute(struct step_ctx *ctx, const char *attribute, const char *prefix,
                       const char **id) MUST_CHECK;
/* Whether text is prefix + [0-9a-f]{8,17}. Thread-safe. */
bool ec2_id_valid(const char *text, const char *prefix);

/* Whether text consists of min to max ASCII letters, digits and characters of `allowed`.
 * Thread-safe. */
bool act_name_valid(const char *text, const char *allowed, size_t min, size_t max);
/* text for an error: at most 80 bytes, truncated between characters. Returns to. Thread-safe. */
const char *act_shown(const char *text, char to[84]);

#endif
