/* The AWS client: from an operation, an account and a region to an answer or a classified error.
 *
 * One `struct aws` a process holds the settings, the credentials of every account and the token
 * buckets; all threads share it. A worker calls aws_call() with its own http_client and waits; the
 * main thread, which may not wait, uses aws_prepare() and sends the request on the loop. */
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

/* Settings; strings are borrowed and outlive the struct aws. NULL or "" means: the AWS CLI's
 * environment and files decide. */
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
    /* Borrowed. */
    struct ratelimit *limits;
    /* Whether guarded calls may follow a bucket to this region; if not, with *err. NULL: to all.
     * Called on any thread. */
    bool (*allow_region)(const void *ctx, const char *region, struct err *err);
    const void *allow_region_ctx;
};

/* Reads the environment and the shared files, sends nothing. NULL with *err (ERR_INVALID: a broken
 * file or value, said with its line). */
struct aws *aws_new(const struct aws_options *options, struct err *err) MUST_CHECK;
void aws_free(struct aws *aws);

/* --- identity --- */

/* The identity that the daemon calls AWS with. */
struct aws_caller {
    char account[13];
    char arn[2048];
    const struct aws_partition *partition;
};

/* Returns the daemon's own identity: fetched at first (credentials, then STS GetCallerIdentity),
 * afterwards from memory without a lock. It never changes and is valid as long as `aws`. NULL with
 * *err: ERR_BUSY while another thread fetches it; a failure is remembered for some seconds and
 * returned again, as ERR_UNAVAILABLE when it may pass. */
const struct aws_caller *aws_get_caller(struct aws *aws, struct http_client *http,
                                        struct err *err) MUST_CHECK;

/* Credentials for an account (NULL or own: the daemon's, else by AssumeRole), a new reference.
 * Cached and refreshed ahead: five minutes before they expire one caller refreshes while the others
 * go on with the old; a failed early refresh keeps the old ones and is tried again later. Without
 * valid ones: one caller fetches, others get ERR_BUSY with retry_after_ms; a failure is remembered
 * (5 s, doubling to 60 s, or as long as the service asks) and answered to all, so that ten thousand
 * resources of a forbidden account cost one AssumeRole. What may pass is ERR_UNAVAILABLE; final are
 * ERR_CREDENTIALS (there is no such identity) and ERR_DENIED (the role may not be assumed). */
struct aws_creds *aws_get_creds(struct aws *aws, struct http_client *http, const char *account,
                                struct err *err) MUST_CHECK;
/* The daemon's own from memory, a new reference, or NULL when there are none or they will soon need
 * a refresh done by aws_get_creds on a worker. Sends nothing and does not block. */
struct aws_creds *aws_peek_creds(struct aws *aws);
/* Whether a service refuses the keys that a call was signed with, be it that they have expired or
 * that it does not know them: others may help. */
bool aws_keys_refused(const struct err *err);
/* Says that a service refused these: the next aws_get_creds fetches others, once a minute at
 * most. Until there are some, they stay: another account, region or service may accept them. */
void aws_expire_creds(struct aws *aws, const char *account, const struct aws_creds *creds);

/* --- calls --- */

/* Credentials, token bucket, encoding, signing, sending, decoding; S3: a bucket in another region
 * is followed once and remembered; a guarded call only if allow_region lets it, else ERR_DENIED. A
 * request that is refused for its time is signed anew with the service's. Refused credentials are
 * fetched anew and the call is made once more; refused again, that is the call's own error
 * (ERR_DENIED with the service's words). No retry otherwise: that is the caller's, by parking.
 * *answer is a new reference. ERR_BUSY: nothing was sent. ERR_UNAVAILABLE: nothing was done, since
 * credentials cannot be had now. */
bool aws_call(struct aws *aws, struct http_client *http, const struct aws_call *call,
              json_t **answer, struct err *err) MUST_CHECK;

/* Builds and signs without sending, for the loop. */
bool aws_prepare(struct aws *aws, const struct aws_creds *creds, const struct aws_call *call,
                 struct http_request *request, struct err *err) MUST_CHECK;

/* The time to sign with: the clock's, corrected by what the services have said the time is. */
int64_t aws_now_ms(struct aws *aws);
/* Looks whether an answer refuses a request signed for signed_ms because of its time, and learns
 * the right one. True: the request should be signed anew. aws_call does it by itself. */
bool aws_learn_time(struct aws *aws, int64_t signed_ms, const struct http_response *response,
                    const struct err *refusal) MUST_CHECK;

/* Says which region a bucket is in, so that it is asked there first; S3's own word for it still
 * counts. */
void aws_set_bucket_region(struct aws *aws, const char *bucket, const char *region);
/* The configured region or, once aws_get_caller has asked the instance metadata service, the instance's;
 * NULL: none is known. Valid as long as `aws`. */
const char *aws_region(const struct aws *aws);
/* The PEM file that AWS_CA_BUNDLE or the profile's ca_bundle names, for http_options; NULL: none.
 * Valid as long as `aws`. */
const char *aws_ca_bundle(const struct aws *aws);
/* The URL (scheme://host[:port][/path]) that a service has in a region: override, FIPS, partition.
 */
bool aws_get_endpoint_url(struct aws *aws, const struct aws_service *service, const char *region,
                          struct buf *url, struct err *err) MUST_CHECK;
/* For `check` and messages: where the credentials come from and why each earlier link of the chain
 * had none. Appends text lines. */
void aws_describe_chain(struct aws *aws, struct http_client *http, struct buf *to);

#endif
