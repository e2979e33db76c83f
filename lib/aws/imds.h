/* The EC2 instance metadata service, version 2 only: a session token first, then what is asked for.
 * Never through a proxy, at most a second for each request. Waits; call it on workers. Source:
 * Amazon EC2 User Guide, "Use the Instance Metadata Service to access instance metadata". */
#ifndef HGAUTOD_LIB_AWS_IMDS_H
#define HGAUTOD_LIB_AWS_IMDS_H

#include <stdbool.h>

#include "lib/aws/profile.h"
#include "lib/buf.h"
#include "lib/err.h"
#include "lib/http.h"

/* A session: where, and with which token. */
struct imds {
    struct http_client *http; /* borrowed */
    struct buf base;          /* "http://169.254.169.254" */
    struct buf token;
};

/* Opens a session; imds_close is needed after success only. False with ERR_CREDENTIALS: turned off
 * (AWS_EC2_METADATA_DISABLED), not there, or not willing. */
bool imds_open(struct imds *s, const struct aws_profiles *profiles, const char *profile,
               struct http_client *http, struct err *err) MUST_CHECK;
void imds_close(struct imds *s);

/* Appends what stands under path ("/latest/meta-data/placement/region"); the buffer should be a
 * secret one. False with ERR_NOT_FOUND for 404, ERR_TRANSIENT or ERR_CREDENTIALS. */
bool imds_get(struct imds *s, const char *path, struct buf *to, struct err *err) MUST_CHECK;

#endif
