/* The three STS operations that credentials need. Functions block; call them on workers.
 * Thread-safe. Source: AWS Security Token Service API Reference. */
#ifndef HGAUTOD_LIB_AWS_STS_H
#define HGAUTOD_LIB_AWS_STS_H

#include "lib/aws/aws.h"

/* The default session name, which the owner of an account sees in CloudTrail. */
#define STS_SESSION_NAME "HyperglanceAutomations"

struct sts_role {
    const char *arn;
    /* NULL or "": STS_SESSION_NAME. */
    const char *session_name;
    /* NULL or "": none. */
    const char *external_id;
    /* Seconds; 0: the default (an hour). */
    int duration_s;
    /* The `source` of the resulting credentials. */
    const char *source;
};

/* Assumes a role with the credentials `with`. Returns a new reference, or NULL with the error of
 * STS, whose message names the role. */
struct aws_creds *sts_assume_role(struct aws *aws, struct http_client *http,
                                  const struct aws_creds *with, const struct sts_role *role,
                                  struct err *err) MUST_CHECK;
/* The same with an OpenID Connect token, unsigned. */
struct aws_creds *sts_assume_role_with_web_identity(struct aws *aws, struct http_client *http,
                                                    const char *token, const struct sts_role *role,
                                                    struct err *err) MUST_CHECK;
/* Fetches the identity of the daemon's own credentials. Returns false with *err. */
bool sts_get_caller_identity(struct aws *aws, struct http_client *http, struct aws_caller *caller,
                             struct err *err) MUST_CHECK;

#endif
