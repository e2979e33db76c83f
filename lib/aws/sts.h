/* The three STS operations that credentials need. They wait for the answer; call them on workers.
 * Thread-safe. Source: AWS Security Token Service API Reference. */
#ifndef HGAUTOD_LIB_AWS_STS_H
#define HGAUTOD_LIB_AWS_STS_H

#include "lib/aws/aws.h"

/* A session name where nothing else is configured: what an account's owner sees in CloudTrail. */
#define STS_SESSION_NAME "HyperglanceAutomations"

struct sts_role {
    const char *arn;
    /* NULL or "": STS_SESSION_NAME. */
    const char *session_name;
    /* NULL or "": none. */
    const char *external_id;
    /* 0: the role's (an hour). */
    int duration_s;
    /* The `source` of the credentials that come out. */
    const char *source;
};

/* A new reference, or NULL with STS's error, whose message names the role. */
struct aws_creds *sts_assume_role(struct aws *aws, struct http_client *http,
                                  const struct aws_creds *with, const struct sts_role *role,
                                  struct err *err) MUST_CHECK;
/* The same, unsigned, for whom an OpenID Connect token vouches. */
struct aws_creds *sts_assume_role_with_web_identity(struct aws *aws, struct http_client *http,
                                                    const char *token, const struct sts_role *role,
                                                    struct err *err) MUST_CHECK;
/* Who the daemon's own credentials belong to. Fills *self. */
bool sts_caller_identity(struct aws *aws, struct http_client *http, struct aws_caller *caller,
                         struct err *err) MUST_CHECK;

#endif
