/* The daemon's own credentials, found in the order of the AWS SDKs: environment, web identity,
 * shared files, container endpoint, IMDSv2. Source: AWS SDKs and Tools Reference Guide,
 * "Standardized credential providers".
 *
 * A chain is built once from the environment and files; fetching runs on a worker thread and may
 * wait. Not thread-safe: its owner (aws.c) lets one caller in at a time. */
#ifndef HGAUTOD_LIB_AWS_AUTH_CHAIN_H
#define HGAUTOD_LIB_AWS_AUTH_CHAIN_H

#include <stdint.h>

#include "lib/aws/auth/creds.h"
#include "lib/aws/auth/profile.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

struct aws; /* chain links that call STS do it through the client's unsigned or signed calls */

struct aws_chain;

/* The profile's set, as the files were at first, is borrowed and outlives the chain. */
struct aws_chain *aws_chain_new(struct aws *aws, const struct aws_profiles *profiles,
                                const char *profile, const struct clock *clock) MUST_CHECK;
void aws_chain_free(struct aws_chain *c);

/* Reads the shared files again when they have changed, and goes through the links; a link is "not
 * configured" (the next is asked), "broken" (configured but it failed: the chain stops there, as
 * the SDKs do, and says why) or it answers. NULL with ERR_CREDENTIALS, whose message names each
 * link and what it lacked, or with what may pass. */
struct aws_creds *aws_chain_fetch(struct aws_chain *c, struct http_client *http,
                                  struct err *err) MUST_CHECK;
/* A line for every link: what it found. No secrets. */
void aws_chain_describe(struct aws_chain *c, struct buf *to);

#endif
