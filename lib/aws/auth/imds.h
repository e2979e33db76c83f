/* The EC2 instance metadata service, version 2 only: a session token first, then what is asked for.
 * Never through a proxy, at most a second for each request. Waits; call it on workers. Source:
 * Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata". */
#ifndef HGAUTOD_LIB_AWS_AUTH_IMDS_H
#define HGAUTOD_LIB_AWS_AUTH_IMDS_H

#include <stdbool.h>

#include "lib/aws/auth/profile.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* A session: where, and with which token. */
struct imds {
    /* Borrowed. */
    struct http_client *http;
    /* "http://169.254.169.254". */
    struct buf base;
    struct buf token;
};

/* What is known of the service from earlier sessions; {0} at first. Not thread-safe. */
struct imds_memory {
    /* It has: whatever happens now, it is there. */
    bool answered;
    /* Sessions in a row without any answer. */
    unsigned silent;
    /* In a row, that may pass; whoever has got what he wanted says 0. */
    unsigned failed;
};

/* Opens a session; imds_close is needed after success only. False with ERR_CREDENTIALS: turned off
 * (AWS_EC2_METADATA_DISABLED), not there, or not willing; ERR_TRANSIENT: it is busy (429, 5xx), or
 * it is silent and may yet be there, with the time to try again in retry_after_ms (200 ms,
 * doubling), for the caller to wait. What has never answered is not there when connections are
 * refused or no way leads to it, and after three sessions in which nothing came. */
bool imds_open(struct imds *s, struct imds_memory *memory, const struct aws_profiles *profiles,
               const char *profile, struct http_client *http, struct err *err) MUST_CHECK;
void imds_close(struct imds *s);

/* Appends what stands under path ("/latest/meta-data/placement/region"); the buffer should be a
 * secret one. False with ERR_NOT_FOUND for 404, ERR_CREDENTIALS, or ERR_TRANSIENT as of imds_open.
 */
bool imds_get(struct imds *s, struct imds_memory *memory, const char *path, struct buf *to,
              struct err *err) MUST_CHECK;

#endif
