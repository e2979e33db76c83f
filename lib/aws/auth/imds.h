/* The EC2 instance metadata service, version 2 only: opens a session with a token, then reads
 * paths. Requests never go through a proxy and take at most a second each. Functions block; call
 * them on workers. Source: Amazon EC2 User Guide, "Use the Instance Metadata Service to access
 * instance metadata". */
#ifndef HGAUTOD_LIB_AWS_AUTH_IMDS_H
#define HGAUTOD_LIB_AWS_AUTH_IMDS_H

#include <stdbool.h>

#include "lib/aws/auth/profile.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* A session. */
struct imds {
    /* Borrowed. */
    struct http_client *http;
    /* "http://169.254.169.254". */
    struct buf base;
    struct buf token;
};

/* What is known of the service from earlier sessions; {0} at first. Not thread-safe. */
struct imds_memory {
    /* It has responded: whatever happens now, it exists. */
    bool answered;
    /* Sessions in a row without any response. */
    unsigned silent;
    /* Failures in a row that may pass; reset by the caller when it has what it needs. */
    unsigned failed;
};

/* Opens a session; imds_close is needed after success only. Returns false with *err:
 * ERR_CREDENTIALS if the service is turned off (AWS_EC2_METADATA_DISABLED), does not exist or
 * refuses; ERR_TRANSIENT if it is busy (429, 5xx), or if it does not respond and may yet exist,
 * with retry_after_ms set (200 ms, doubling). A service that has never responded does not exist if
 * connections are refused or there is no route to it, and after three sessions without a response.
 */
bool imds_open(struct imds *s, struct imds_memory *memory, const struct aws_profiles *profiles,
               const char *profile, struct http_client *http, struct err *err) MUST_CHECK;
void imds_close(struct imds *s);

/* Appends the contents of a path ("/latest/meta-data/placement/region"); the buffer should be a
 * secret one. Returns false with *err: ERR_NOT_FOUND for 404, else ERR_CREDENTIALS or ERR_TRANSIENT
 * as imds_open. */
bool imds_get(struct imds *s, struct imds_memory *memory, const char *path, struct buf *to,
              struct err *err) MUST_CHECK;

#endif
