/* What the files of the Resource Manager client share among themselves; nothing else includes
 * it. */
#ifndef HGAUTOD_LIB_AZURE_ARM_PRIVATE_H
#define HGAUTOD_LIB_AZURE_ARM_PRIVATE_H

#include "lib/azure/arm.h"

/* URLs of operations longer than 6 KB have been seen. */
#define ARM_URL_MAX (16u << 10)

/* One request to Resource Manager. Strings are borrowed. */
struct arm_request {
    const char *method;
    const char *url;
    /* For errors and the log. */
    const char *operation;
    /* The name of the token bucket; NULL: none. */
    const char *bucket;
    /* JSON text; NULL: none. */
    const char *body;
};

/* Sends a request with a token, which is replaced once after a 401, and classifies any status
 * but 2xx; a second 401 is an error of the request itself (ERR_DENIED). response: the caller's
 * to free on success. Returns false with *err. The URL must be on the configured host: the token
 * is sent nowhere else. */
bool arm_send(struct azure *azure, struct http_client *http, const struct arm_request *r,
              struct http_response *response, struct err *err) MUST_CHECK;

/* Returns the JSON object of a response, a new reference; NULL if there is none. */
json_t *arm_read_object(const struct http_response *response);

/* Returns true for an HTML page: it comes from a proxy, whatever its status. */
bool arm_response_is_page(const struct http_response *response);
#define ARM_PAGE "the response is an HTML page, as proxies send: the outcome of the call is unknown"

/* Fills in *err from an error object ({"error":{...}}, or without the wrapper; NULL: none). Returns
 * false. */
bool arm_set_error(const char *operation, const struct http_response *response,
                   const json_t *object, struct err *err);

/* Fills in *p if the response to a change announces an operation to poll.
 * r: the request; object: the response's body. */
bool arm_poll_begin(struct azure *azure, const struct arm_request *r,
                    const struct http_response *response, const json_t *object, struct arm_poll *p,
                    struct err *err) MUST_CHECK;

#endif
