/* The kinds of identity, one function each, for identity.c and the tests. They keep nothing between
 * two calls, and block while they send a request. */
#ifndef HGAUTOD_LIB_AZURE_AUTH_IDENTITY_KINDS_H
#define HGAUTOD_LIB_AZURE_AUTH_IDENTITY_KINDS_H

#include <stdatomic.h>

#include "lib/azure/azure.h"
#include "lib/net/skew.h"

/* The metadata service of a virtual machine. */
#define IDENTITY_IMDS "http://169.254.169.254"

/* What earlier calls found out about that service; {0} at first. Thread-safe. */
struct identity_imds_memory {
    /* It has responded: whatever happens now, it exists. */
    atomic_bool responded;
    /* Calls without a response while it never had. */
    atomic_uint silent;
    /* Calls in a row that failed, and may succeed later. */
    atomic_uint failed;
};

enum identity_result {
    /* *err: what is missing; the next kind is tried. */
    IDENTITY_NOT_CONFIGURED,
    /* Configured, but without a token: *err; the search ends. */
    IDENTITY_FAILED,
    /* *token is a new reference. */
    IDENTITY_FOUND,
};

/* What a kind may use. Everything is borrowed; strings are NULL if not configured. */
struct identity_params {
    const struct azure_cloud *cloud;
    const struct clock *clock;
    /* Between that clock and the services'. */
    struct skew *skew;
    struct http_client *http;
    const char *scope;
    const char *tenant_id;
    const char *client_id;
    const char *client_secret;
    const char *client_certificate;
    /* It comes from hgautod's own configuration, and precedes a secret in the environment. */
    bool certificate_forced;
    /* IDENTITY_IMDS, unless the environment names another. */
    const char *imds;
    struct identity_imds_memory *imds_memory;
    /* Of the keys of Arc: "/var/opt/azcmagent/tokens/". */
    const char *arc_directory;
};

typedef enum identity_result (*identity_try_fn)(const struct identity_params *params,
                                                struct azure_token **token, struct err *err);

enum identity_result identity_try_secret(const struct identity_params *params,
                                         struct azure_token **token, struct err *err);
enum identity_result identity_try_certificate(const struct identity_params *params,
                                              struct azure_token **token, struct err *err);
enum identity_result identity_try_workload(const struct identity_params *params,
                                           struct azure_token **token, struct err *err);
enum identity_result identity_try_app_service(const struct identity_params *params,
                                              struct azure_token **token, struct err *err);
enum identity_result identity_try_arc(const struct identity_params *params,
                                      struct azure_token **token, struct err *err);
enum identity_result identity_try_imds(const struct identity_params *params,
                                       struct azure_token **token, struct err *err);

/* Sends a request for a token and reads the response.
 * request: is freed.
 * service: its name for errors, "token service".
 * Returns a new reference, or NULL with *err: ERR_TRANSIENT or ERR_THROTTLED (with Retry-After) for
 * what may pass, else ERR_CREDENTIALS. err->http_status is that of the response, 0 if none came. */
struct azure_token *identity_send(const struct identity_params *params,
                                  struct http_request *request, const char *service,
                                  struct err *err) MUST_CHECK;
/* Does the same with a response that has already been received. */
struct azure_token *identity_read_token(const struct identity_params *params,
                                        const struct http_response *response, const char *service,
                                        struct err *err) MUST_CHECK;

/* The endpoint of a managed identity, and the header that it requires. */
struct identity_endpoint {
    const char *url;
    const char *version;
    const char *header;
    const char *value;
};

/* Makes a GET of the endpoint, with api-version, resource and client ID as its query.
 * request: is the caller's to free on success.
 * Returns false with *err: ERR_CREDENTIALS. */
bool identity_build_request(const struct identity_params *params,
                            const struct identity_endpoint *endpoint, struct http_request *request,
                            struct err *err) MUST_CHECK;

/* A certificate and its RSA key in PEM. */
struct identity_certificate {
    const struct buf *pem;
    /* Where it was read from, for errors. */
    const char *path;
    /* NULL: none. */
    const char *password;
};

/* Appends the signed assertion (a JWT, PS256) by which the owner of a certificate authenticates as
 * params->client_id.
 * audience: the URL that the assertion will be sent to.
 * Returns false with *err: ERR_CREDENTIALS, which contains the path, but never the content. */
bool identity_sign_assertion(const struct identity_params *params,
                             const struct identity_certificate *certificate, const char *audience,
                             struct buf *to, struct err *err) MUST_CHECK;

#endif
