/* The identity of the daemon and the credentials of every account it works in, cached and refreshed
 * by lib/net/fresh.h, whose rules apply. The fetching comes in as two functions. aws.h documents
 * the functions of the same names. Any thread. */
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
/* Other credentials than those that a service has just rejected with *err, as fresh_renew. */
struct aws_creds *aws_identity_renew(struct aws_identity *i, struct http_client *http,
                                     const char *account, const struct aws_creds *refused,
                                     struct err *err) MUST_CHECK;
/* Makes the rejection of these credentials final (ERR_EXPIRED becomes ERR_DENIED), and adds what to
 * check if no service has accepted them yet. */
void aws_identity_refusal_stands(const struct aws_creds *creds, struct err *err);
struct aws_creds *aws_identity_peek(struct aws_identity *i);
void aws_identity_expire(struct aws_identity *i, const char *account,
                         const struct aws_creds *creds);
/* As aws_get_caller. */
const struct aws_caller *aws_identity_get_caller(struct aws_identity *i, struct http_client *http,
                                                 struct err *err) MUST_CHECK;
/* The same from memory; NULL if it has not been fetched yet. Takes no lock. */
const struct aws_caller *aws_identity_known_caller(struct aws_identity *i);

#endif
