/* The AWS client: takes an operation, an account and a region, and returns a result or a classified
 * error.
 *
 * A process has one `struct aws` with the settings, the credentials of every account and the
 * caches; all threads share it, and all functions are thread-safe. A worker calls aws_call() with
 * its own HTTP client and blocks; the main thread, which must not block, uses aws_prepare() and
 * sends the request on the event loop. */
#ifndef HGAUTOD_LIB_AWS_AWS_H
#define HGAUTOD_LIB_AWS_AWS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/aws/auth/creds.h"
#include "lib/aws/wire/partition.h"
#include "lib/aws/wire/protocol.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/net/http.h"
#include "lib/net/ratelimit.h"

struct aws;

/* Settings. Strings and pointers are borrowed and outlive the client. NULL or "" means that the
 * AWS CLI's environment and files decide. */
struct aws_options {
    /* Else AWS_REGION, AWS_DEFAULT_REGION, the profile's, IMDS's. */
    const char *region;
    /* Else AWS_PROFILE, "default". */
    const char *profile;
    /* Else AWS_ENDPOINT_URL_<SERVICE>, AWS_ENDPOINT_URL, the profile's. */
    const char *endpoint_url;
    /* "arn:{partition}:iam::{account}:role/name"; {account} and {partition} are filled in. */
    const char *cross_account_role;
    /* For AssumeRole. */
    const char *external_id;
    const struct clock *clock;
    struct log *log;
    struct ratelimit *limits;
    /* Returns true if a guarded call may follow a bucket to this region; else false with *err.
     * NULL: to any region. Called on any thread. */
    bool (*allow_region)(const void *ctx, const char *region, struct err *err);
    const void *allow_region_ctx;
};

/* Creates a client: reads the environment and the shared files, sends nothing. Returns NULL with
 * *err (ERR_INVALID naming the file and line, or the variable). */
struct aws *aws_new(const struct aws_options *options, struct err *err) MUST_CHECK;
/* NULL is allowed. */
void aws_free(struct aws *aws);

/* --- identity --- */

/* The identity that the daemon calls AWS with. */
struct aws_caller {
    char account[13];
    char arn[2048];
    const struct aws_partition *partition;
};

/* Returns the daemon's own identity: fetched at first (credentials, then STS GetCallerIdentity),
 * afterwards from memory without a lock. It never changes and is valid as long as the client. NULL
 * with *err: ERR_BUSY while another thread fetches it; a failure is remembered for some seconds and
 * returned again, as ERR_UNAVAILABLE if it may pass. */
const struct aws_caller *aws_get_caller(struct aws *aws, struct http_client *http,
                                        struct err *err) MUST_CHECK;

/* Returns credentials for an account (NULL or the daemon's: its own; any other: by AssumeRole) as a
 * new reference. They are cached and refreshed as lib/net/fresh.h describes, so that ten thousand
 * resources of a forbidden account cost one AssumeRole.
 * NULL with *err: ERR_BUSY, ERR_UNAVAILABLE; final are ERR_CREDENTIALS (none are configured),
 * ERR_DENIED (the role may not be assumed) and ERR_INVALID (not an account ID). */
struct aws_creds *aws_get_creds(struct aws *aws, struct http_client *http, const char *account,
                                struct err *err) MUST_CHECK;
/* Returns the daemon's own credentials from memory as a new reference; NULL if there are none or if
 * a worker should refresh them by aws_get_creds. Sends nothing and does not block. */
struct aws_creds *aws_peek_creds(struct aws *aws);
/* Returns true if the error is a service's rejection of the keys that the request was signed with,
 * because they have expired or are unknown to it: other keys may be accepted. */
bool aws_keys_refused(const struct err *err);
/* Reports that a service rejected these credentials: the next aws_get_creds fetches new ones, at
 * most once a minute. Until there are some they stay, since another account, region or service may
 * accept them. */
void aws_expire_creds(struct aws *aws, const char *account, const struct aws_creds *creds);

/* --- calls --- */

/* Makes one call: credentials, rate limit, encoding, signing, sending, decoding. A bucket that S3
 * has in another region is followed once and remembered; a guarded call only where allow_region
 * permits it, else ERR_DENIED. A request that is rejected for its time is signed again with the
 * service's. Rejected credentials are fetched again and the call is repeated once; if it is
 * rejected again, the rejection is the call's own error (ERR_DENIED). Nothing else is retried: that
 * is the caller's decision.
 * result: receives a new reference; an object.
 * Returns false with *err. ERR_BUSY: nothing was sent. ERR_UNAVAILABLE: nothing was done, because
 * credentials cannot be obtained now. */
bool aws_call(struct aws *aws, struct http_client *http, const struct aws_call *call,
              json_t **result, struct err *err) MUST_CHECK;

/* Builds and signs a request without sending it, for the event loop. Returns false with *err. */
bool aws_prepare(struct aws *aws, const struct aws_creds *creds, const struct aws_call *call,
                 struct http_request *request, struct err *err) MUST_CHECK;

/* Returns the services' time: the clock's, corrected by what their responses have shown. */
int64_t aws_now_ms(struct aws *aws);
/* Learns the services' time from a response that rejected a request signed for signed_ms because of
 * its time. Returns true if the request should be signed again. aws_call does this by itself. */
bool aws_learn_time(struct aws *aws, int64_t signed_ms, const struct http_response *response,
                    const struct err *refusal) MUST_CHECK;

/* Records which region a bucket is in, so that requests are sent there first. What S3 reports takes
 * precedence. */
void aws_set_bucket_region(struct aws *aws, const char *bucket, const char *region);
/* Returns the configured region or, once aws_get_caller has fetched it from the instance metadata
 * service, the instance's; NULL if none is known. Valid as long as the client. */
const char *aws_region(const struct aws *aws);
/* Returns the PEM file that AWS_CA_BUNDLE or the profile's ca_bundle names, for http_options; NULL
 * if none. Valid as long as the client. */
const char *aws_ca_bundle(const struct aws *aws);
/* Appends the URL (scheme://host[:port][/path]) that a service has in a region (NULL: the
 * configured one), by the configured override, FIPS setting and partition. Returns false with *err.
 */
bool aws_get_endpoint_url(struct aws *aws, const struct aws_service *service, const char *region,
                          struct buf *url, struct err *err) MUST_CHECK;
/* Appends lines for `check` with the source of the credentials, and the reason why each earlier
 * link of the chain had none. Blocks. */
void aws_describe_chain(struct aws *aws, struct http_client *http, struct buf *to);

#endif
