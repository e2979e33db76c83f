/* The chain of credential providers for the daemon's own credentials, in the order of the AWS SDKs:
 * environment, web identity, shared files, container endpoint, IMDSv2. Reads the environment and
 * files, runs credential_process and sends requests.
 * Source: AWS SDKs and Tools Reference Guide, "Standardized credential providers".
 *
 * Not thread-safe: its owner (aws.c) admits one caller at a time. */
#ifndef HGAUTOD_LIB_AWS_AUTH_CHAIN_H
#define HGAUTOD_LIB_AWS_AUTH_CHAIN_H

#include "lib/aws/auth/creds.h"
#include "lib/aws/auth/profile.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* Links that call STS do so through the client. */
struct aws;

struct aws_chain;

/* Creates a chain.
 * profiles: the shared files as first read; borrowed, as are profile and clock.
 * profile: from our own configuration; NULL or "": from the environment, else "default".
 * Never returns NULL. */
struct aws_chain *aws_chain_new(struct aws *aws, const struct aws_profiles *profiles,
                                const char *profile, const struct clock *clock) MUST_CHECK;
/* NULL is allowed. */
void aws_chain_free(struct aws_chain *c);

/* Reads the shared files again if they have changed, then tries the links in order: one that is not
 * configured is passed over; one that is configured but fails ends the chain, as in the SDKs.
 * Blocks; call it on a worker.
 * Returns a new reference, or NULL with *err: ERR_CREDENTIALS, whose message names each link and
 * what it lacked, or a failure that may pass. */
struct aws_creds *aws_chain_fetch(struct aws_chain *c, struct http_client *http,
                                  struct err *err) MUST_CHECK;
/* Appends a line for every link with the outcome of the last fetch. No secrets. */
void aws_chain_describe(struct aws_chain *c, struct buf *to);

#endif
