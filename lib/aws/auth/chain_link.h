/* The links of the credential chain, one function per provider; for chain.c and for each other. A
 * link keeps nothing between two fetches: variables, files and endpoints are read each time,
 * because tokens rotate. Links block; call them on workers only. */
#ifndef HGAUTOD_LIB_AWS_AUTH_CHAIN_LINK_H
#define HGAUTOD_LIB_AWS_AUTH_CHAIN_LINK_H

#include <stdbool.h>

#include "lib/aws/auth/imds.h"
#include "lib/aws/auth/profile.h"
#include "lib/aws/aws.h"
#include "lib/base/buf.h"
#include "lib/base/secret.h"

enum link_result {
    /* Not configured: *err names what is missing; the next link is tried. */
    LINK_NONE,
    /* Configured, but failed: *err has the reason; the chain ends. */
    LINK_BROKEN,
    /* *creds is a new reference. */
    LINK_FOUND,
};

/* What a link may use; all borrowed. */
struct link_params {
    struct aws *aws;
    const struct aws_profiles *profiles;
    const char *profile;
    /* The profile is named in our own configuration: it takes precedence over the environment. */
    bool profile_forced;
    const struct clock *clock;
    struct http_client *http;
    /* Of the chain. */
    struct imds_memory *imds;
};

typedef enum link_result (*link_fn)(const struct link_params *params, struct aws_creds **creds,
                                    struct err *err);

enum link_result link_environment(const struct link_params *params, struct aws_creds **creds,
                                  struct err *err);
enum link_result link_web_identity(const struct link_params *params, struct aws_creds **creds,
                                   struct err *err);
enum link_result link_profile(const struct link_params *params, struct aws_creds **creds,
                              struct err *err);
enum link_result link_container(const struct link_params *params, struct aws_creds **creds,
                                struct err *err);
enum link_result link_imds(const struct link_params *params, struct aws_creds **creds,
                           struct err *err);

/* Static keys from the environment, whatever the profile: credential_source = Environment. */
enum link_result link_static_environment(struct aws_creds **creds, struct err *err);
/* The web identity that a profile names. */
enum link_result link_web_identity_of_profile(const struct link_params *params, const char *profile,
                                              struct aws_creds **creds, struct err *err);
/* Runs the profile's credential_process; timeout_ms is 60,000 except in tests. A program that fails
 * or does not end in time may succeed later: ERR_TRANSIENT. */
enum link_result link_process(const struct link_params *params, const char *command, int timeout_ms,
                              struct aws_creds **creds, struct err *err);

/* Appends the URL that the container's variables name. LINK_NONE without them, LINK_BROKEN if it is
 * not allowed. */
enum link_result link_container_url(struct buf *to, struct err *err);

#endif
