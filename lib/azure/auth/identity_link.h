/* The kinds of identity, one function each, for identity.c and the tests. They keep nothing between
 * two askings. */
#ifndef HGAUTOD_LIB_AZURE_AUTH_IDENTITY_LINK_H
#define HGAUTOD_LIB_AZURE_AUTH_IDENTITY_LINK_H

#include <stdatomic.h>

#include "lib/azure/azure.h"

/* Where the metadata service of a virtual machine is. */
#define IDENTITY_IMDS "http://169.254.169.254"

/* What is known of that service from earlier askings; {0} at first. Thread-safe. */
struct identity_imds_memory {
    atomic_bool answered; /* it has: whatever happens now, it is there */
    atomic_uint silent;   /* askings in a row without any answer */
    atomic_uint failed;   /* askings in a row that failed, and may not later */
};

enum identity_result {
    IDENTITY_NONE,   /* not configured: *err says what is missing, the next kind is asked */
    IDENTITY_BROKEN, /* configured, and it failed: *err says how, the search stops */
    IDENTITY_FOUND,  /* *token is a new reference */
};

/* What a kind may look at. Strings are NULL when not given. */
struct identity_ask {
    const struct azure_cloud *cloud;
    const struct clock *clock;
    struct http_client *http;
    const char *scope;
    const char *tenant_id;
    const char *client_id;
    const char *client_secret;
    const char *client_certificate;
    bool certificate_forced; /* named in our own configuration: it goes before a secret in the
                                environment */
    const char *imds;        /* IDENTITY_IMDS, unless the environment names another */
    struct identity_imds_memory *imds_memory;
    const char *arc_directory; /* where Arc's keys are: "/var/opt/azcmagent/tokens/" */
};

typedef enum identity_result (*identity_link_fn)(const struct identity_ask *ask,
                                                 struct azure_token **token, struct err *err);

enum identity_result identity_client_secret(const struct identity_ask *ask,
                                            struct azure_token **token, struct err *err);
enum identity_result identity_certificate(const struct identity_ask *ask,
                                          struct azure_token **token, struct err *err);
enum identity_result identity_workload(const struct identity_ask *ask, struct azure_token **token,
                                       struct err *err);
enum identity_result identity_app_service(const struct identity_ask *ask,
                                          struct azure_token **token, struct err *err);
enum identity_result identity_arc(const struct identity_ask *ask, struct azure_token **token,
                                  struct err *err);
enum identity_result identity_imds(const struct identity_ask *ask, struct azure_token **token,
                                   struct err *err);

/* Sends a request for a token and reads the answer of the service called `who`; a new reference,
 * NULL with *err: ERR_TRANSIENT or ERR_THROTTLED (with Retry-After) for what may pass, else
 * ERR_CREDENTIALS. err->http_status is the answer's, 0: none came. The request is freed. */
struct azure_token *identity_request(const struct identity_ask *ask, struct http_request *request,
                                     const char *who, struct err *err) MUST_CHECK;
/* The same for an answer that is there. */
struct azure_token *identity_read(const struct identity_ask *ask,
                                  const struct http_response *response, const char *who,
                                  struct err *err) MUST_CHECK;

/* Begins a GET of a managed identity's endpoint: api-version, resource and client id as its query,
 * one header. */
bool identity_endpoint(const struct identity_ask *ask, const char *endpoint, const char *version,
                       const char *header, const char *value, struct http_request *request,
                       struct err *err) MUST_CHECK;

/* Appends the signed statement (a JWT, PS256) by which the owner of the certificate and RSA key in
 * `pem` proves himself as client_id to `audience`. password may be NULL. ERR_CREDENTIALS names
 * `path`, never the content. */
bool identity_assertion(const struct buf *pem, const char *path, const char *password,
                        const char *client_id, const char *audience, const struct clock *clock,
                        struct buf *to, struct err *err) MUST_CHECK;

#endif
