/* What the files of the Resource Manager client share among themselves and nobody else uses. */
#ifndef HGAUTOD_LIB_AZURE_ARM_PRIVATE_H
#define HGAUTOD_LIB_AZURE_ARM_PRIVATE_H

#include "lib/azure/arm.h"

#define ARM_URL_MAX (16u << 10) /* operation URLs of more than 6 KB have been seen */

/* One request to Resource Manager. Strings are borrowed. */
struct arm_request {
    const char *method;
    const char *url;
    const char *operation; /* for errors and the log */
    const char *bucket;    /* the token bucket's name; NULL: none */
    const char *body;      /* JSON text; NULL: none */
};

/* Sends it under a token, replaced once after a 401, and classifies what is no 2xx; a second 401 is
 * the request's own error (ERR_DENIED). *response is the caller's to free on success. The URL must
 * lie on the configured host: the token goes nowhere else. */
bool arm_send(struct azure *azure, struct http_client *http, const struct arm_request *r,
              struct http_response *response, struct err *err) MUST_CHECK;

/* The JSON object of an answer; a new reference, NULL when it has none. */
json_t *arm_document(const struct http_response *response);

/* An HTML page: that comes from a proxy in between, whatever the status says. */
bool arm_is_page(const struct http_response *response);
#define ARM_PAGE "the answer is an HTML page, as a proxy in between sends: nothing is known"

/* Fills *err from an error document ({"error":{...}}, or without the wrapper; NULL: none). Returns
 * false. */
bool arm_error(const char *operation, const struct http_response *response, const json_t *document,
               struct err *err);

/* What a change answered: fills p with what there is to follow, if anything. url is that of the
 * request itself. */
bool arm_poll_begin(struct azure *azure, const struct arm_request *r,
                    const struct http_response *response, const json_t *answer, struct arm_poll *p,
                    struct err *err) MUST_CHECK;

#endif
