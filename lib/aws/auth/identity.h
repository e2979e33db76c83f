/* Who the daemon is, and the credentials of every account it works in: fetched by one caller while
 * the others go on with the old ones or come back later, refreshed ahead, and failures remembered.
 * aws.h says what each function promises.
 *
 * The fetching itself comes in as two functions, so that this file holds nothing but memory, time
 * and one mutex, which is never held over a fetch. Thread-safe. */
#ifndef HGAUTOD_LIB_AWS_AUTH_IDENTITY_H
#define HGAUTOD_LIB_AWS_AUTH_IDENTITY_H

#include "lib/aws/aws.h"

/* Fetches the credentials of an account ("": the daemon's own); a new reference, or NULL with *err.
 */
typedef struct aws_creds *(*identity_fetch_fn)(void *ctx, struct http_client *http,
                                               const char *account, struct err *err);
/* Fetches the identity of the daemon itself. */
typedef bool (*identity_fetch_caller_fn)(void *ctx, struct http_client *http,
                                         struct aws_caller *caller, struct err *err);

/* What an identity cache works with. */
struct aws_identity_options {
    /* For pauses. */
    const struct clock *clock;
    /* The services' time, by which credentials expire. */
    int64_t (*now_ms)(void *ctx);
    identity_fetch_fn fetch;
    identity_fetch_caller_fn fetch_caller;
    void *ctx;
};

struct aws_identity;

struct aws_identity *aws_identity_new(const struct aws_identity_options *options) MUST_CHECK;
void aws_identity_free(struct aws_identity *i);

/* account "": the daemon's own. */
struct aws_creds *aws_identity_creds(struct aws_identity *i, struct http_client *http,
                                     const char *account, struct err *err) MUST_CHECK;
/* Others than those that a service has just refused; *err is the refusal. A new reference. NULL:
 * *err says why there are none now (ERR_BUSY, ERR_UNAVAILABLE, or what the fetch was refused with),
 * or is the refusal still, which then stands: others were fetched within the last minute, or where
 * they come from there are the same. The refused ones stay for whom they serve. */
struct aws_creds *aws_identity_renew(struct aws_identity *i, struct http_client *http,
                                     const char *account, const struct aws_creds *refused,
                                     struct err *err) MUST_CHECK;
/* Makes a refusal of these credentials final (ERR_EXPIRED becomes ERR_DENIED), and says what to
 * look at when no service has accepted them yet. */
void aws_identity_refusal_stands(const struct aws_creds *creds, struct err *err);
struct aws_creds *aws_identity_peek(struct aws_identity *i);
void aws_identity_expire(struct aws_identity *i, const char *account,
                         const struct aws_creds *creds);
/* As aws_get_caller. */
const struct aws_caller *aws_identity_get_caller(struct aws_identity *i, struct http_client *http,
                                                 struct err *err) MUST_CHECK;
/* The same from memory; NULL when it has not been fetched yet. Takes no lock. */
const struct aws_caller *aws_identity_known_caller(struct aws_identity *i);

#endif
