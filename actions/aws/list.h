/* Listings of AWS, read page by page from a step, and lists in responses. */
#ifndef HGAUTOD_ACTIONS_AWS_LIST_H
#define HGAUTOD_ACTIONS_AWS_LIST_H

#include "actions/aws/call.h"

/* How an operation lists something. Paths are those of lib/json/jpath.h. */
struct act_listing {
    const struct aws_op *op;
    /* The path of the list in a response: "tagSet". */
    const char *items;
    /* The path of the token for the next page in a response: "nextToken". */
    const char *next;
    /* The parameter that takes the token: "NextToken". */
    const char *token;
    /* The path of a boolean that is true if there is another page (IAM); NULL: there is if there is
     * a token. */
    const char *more;
    /* The paths of strings that each item must have, ended by NULL. An item without one is not
     * skipped: the response cannot be that of the service. */
    const char *each[3];
};

/* Reads one page: the items, as a new array; NULL with ctx->err. *next is the token of this page
 * (NULL: the first; its reference is taken over) and becomes that of the next one (a new reference;
 * NULL after the last). params is stolen. */
json_t *act_page(struct step_ctx *ctx, const struct act_listing *listing, json_t *params,
                 json_t **next) MUST_CHECK;
/* Reads all pages, for listings that are known to be short: a new array; NULL with ctx->err. params
 * is stolen. */
json_t *act_list(struct step_ctx *ctx, const struct act_listing *listing,
                 json_t *params) MUST_CHECK;

/* The strings at `path` of each element of a list in a response: a new array. NULL with ctx->err
 * (ERR_TRANSIENT) if one is missing: the response is not complete. */
json_t *act_texts(struct step_ctx *ctx, const json_t *list, const char *path) MUST_CHECK;

#endif
