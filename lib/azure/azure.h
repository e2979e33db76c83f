/* The Azure client: the endpoints of a cloud, and tokens for them from the identity that the
 * environment provides.
 *
 * One `struct azure` per process holds the settings, the tokens by scope and the token buckets;
 * all threads share it. A worker fetches tokens and blocks; the main thread, which must not
 * block, only uses those in memory (azure_peek_token). Unless stated otherwise, any thread may
 * call any function. Source: Microsoft Entra documentation, "OAuth 2.0 client credentials flow",
 * "Managed identities", "Workload identity federation"; Azure SDK, "DefaultAzureCredential". */
#ifndef HGAUTOD_LIB_AZURE_AZURE_H
#define HGAUTOD_LIB_AZURE_AZURE_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/net/http.h"
#include "lib/net/ratelimit.h"

/* One row per cloud. */
struct azure_cloud {
    /* "public", "usgov", "china". */
    const char *name;
    /* "https://login.microsoftonline.com". */
    const char *authority;
    /* "https://management.azure.com". */
    const char *arm;
    /* "core.windows.net". */
    const char *storage_suffix;
};

/* Finds a cloud by that name, or by the Azure CLI's ("AzureCloud", "AzureUSGovernment",
 * "AzureChinaCloud"), in any case. Returns NULL if it is unknown. */
const struct azure_cloud *azure_cloud_by_name(const char *name);

/* Settings; strings are borrowed and outlive the struct azure. For those that are NULL or "",
 * the SDKs' environment variables are used (AZURE_TENANT_ID, AZURE_CLIENT_ID,
 * AZURE_CLIENT_SECRET, AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_CERTIFICATE_PASSWORD,
 * AZURE_FEDERATED_TOKEN_FILE, AZURE_AUTHORITY_HOST, IDENTITY_ENDPOINT, IDENTITY_HEADER,
 * IMDS_ENDPOINT, AZURE_POD_IDENTITY_AUTHORITY_HOST). Tokens and secrets are sent over https, and
 * without it to this machine only. */
struct azure_options {
    /* "public" if NULL. */
    const char *cloud;
    const char *tenant_id;
    const char *client_id;
    /* A PEM file with certificate and key. */
    const char *client_certificate;
    /* Secret. */
    const char *client_secret;
    /* These override the cloud's. */
    const char *arm_endpoint;
    const char *authority;
    const char *storage_suffix;
    const struct clock *clock;
    struct log *log;
    /* Borrowed; NULL: requests are not rate-limited. */
    struct ratelimit *limits;
};

struct azure;

/* Reads settings and environment; sends nothing. Returns NULL with ERR_INVALID. */
struct azure *azure_new(const struct azure_options *options, struct err *err) MUST_CHECK;
/* NULL is allowed. No other thread may use the client any more. */
void azure_free(struct azure *azure);

/* The effective endpoints and the options; valid as long as `azure`. */
const struct azure_cloud *azure_cloud(const struct azure *azure);
const struct clock *azure_clock(const struct azure *azure);
struct ratelimit *azure_limits(const struct azure *azure);
struct log *azure_log(const struct azure *azure);

/* A bearer token: immutable, counted, overwritten with its last reference. */
struct azure_token {
    const char *value;
    /* This host's wall clock. */
    int64_t expires_ms;
};
/* Releases a reference; NULL is allowed. */
void azure_token_unref(struct azure_token *t);

/* Whom a token was issued to, for people to read: "" where it does not contain that. */
struct azure_token_owner {
    char tenant[37];
    /* The application or the user-assigned identity. */
    char client[37];
    /* What roles are assigned to. */
    char object[37];
};
/* Reads a token's claims. No decision may depend on them: tokens are opaque to clients. */
void azure_token_read_owner(const struct azure_token *t, struct azure_token_owner *owner);

#define AZURE_SCOPE_STORAGE "https://storage.azure.com/.default"
/* Returns the scope of the configured ARM endpoint, "https://management.azure.com/.default";
 * valid as long as `azure`. */
const char *azure_arm_scope(const struct azure *azure);

/* Returns a token for a scope, a new reference, from memory or fetched; lib/net/fresh.h describes
 * when it is refreshed and what is remembered. Blocks while it fetches; workers only.
 * Returns NULL with *err: ERR_BUSY while another caller fetches, ERR_UNAVAILABLE for what may pass,
 * ERR_CREDENTIALS, which lists every identity that was tried and what it lacks, or ERR_LIMIT for
 * more than 16 scopes. */
struct azure_token *azure_get_token(struct azure *azure, struct http_client *http,
                                    const char *scope, struct err *err) MUST_CHECK;
/* Returns the token in memory, a new reference; NULL if there is none, it has expired, or it was
 * rejected and no fetch has been tried since. Never blocks. */
struct azure_token *azure_peek_token(struct azure *azure, const char *scope);
/* Returns true if a worker should call azure_get_token although the token in memory is valid: it is
 * due for a refresh, which neither is in progress nor has lately failed. Never blocks. */
bool azure_token_due(struct azure *azure, const char *scope);
/* Returns another token than the one that a service has just rejected (401); *err is the rejection.
 * Returns NULL with the reason in *err, or with the rejection, made final
 * (azure_token_refusal_stands): another token was fetched within the last minute, or the fetch
 * brought the same one. The rejected token stays for those whom it serves. Blocks; workers only. */
struct azure_token *azure_renew_token(struct azure *azure, struct http_client *http,
                                      const char *scope, const struct azure_token *refused,
                                      struct err *err) MUST_CHECK;
/* Makes the rejection of a token final (ERR_EXPIRED becomes ERR_DENIED), and appends advice if no
 * service has accepted the token yet. */
void azure_token_refusal_stands(const struct azure_token *t, struct err *err);
/* Notes that a service has accepted the token. */
void azure_token_accepted(const struct azure_token *t);
/* Notes that a service rejected the token (401): the next azure_get_token fetches another one, once
 * a minute at most, and returns this one if that fails. Never blocks. */
void azure_expire_token(struct azure *azure, const char *scope, const struct azure_token *token);
/* Appends one line per kind of identity, for `check` and messages: which one is used, and why the
 * earlier ones are not. */
void azure_describe_identity(struct azure *azure, struct buf *to);

#endif
