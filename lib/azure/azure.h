/* The Azure client: a cloud's endpoints, and tokens for them from the identity that the environment
 * offers.
 *
 * One `struct azure` a process holds the settings, the tokens by scope and the token buckets; all
 * threads share it. A worker fetches and waits; the main thread, which may not wait, only takes
 * what is in memory (azure_peek_token). Source: Microsoft Entra documentation, "OAuth 2.0 client
 * credentials flow", "Managed identities", "Workload identity federation"; Azure SDK,
 * "DefaultAzureCredential". */
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

/* One row a cloud. */
struct azure_cloud {
    const char *name;           /* "public", "usgov", "china" */
    const char *authority;      /* "https://login.microsoftonline.com" */
    const char *arm;            /* "https://management.azure.com" */
    const char *storage_suffix; /* "core.windows.net" */
};

/* By that name, or by the Azure CLI's ("AzureCloud", "AzureUSGovernment", "AzureChinaCloud"), in
 * any case; NULL when unknown. */
const struct azure_cloud *azure_cloud_by_name(const char *name);

/* Settings; strings are borrowed and outlive the struct azure. NULL or "": the SDKs' environment
 * variables decide (AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET,
 * AZURE_CLIENT_CERTIFICATE_PATH, AZURE_CLIENT_CERTIFICATE_PASSWORD, AZURE_FEDERATED_TOKEN_FILE,
 * AZURE_AUTHORITY_HOST, IDENTITY_ENDPOINT, IDENTITY_HEADER, IMDS_ENDPOINT,
 * AZURE_POD_IDENTITY_AUTHORITY_HOST). Tokens and secrets are sent over https, and without it to
 * this machine only. */
struct azure_options {
    const char *cloud; /* "public" when NULL */
    const char *tenant_id;
    const char *client_id;
    const char *client_certificate; /* a PEM file with certificate and key */
    const char *client_secret;      /* a secret */
    const char *arm_endpoint;       /* overrides the cloud's */
    const char *authority;
    const char *storage_suffix;
    const struct clock *clock;
    struct log *log;
    struct ratelimit *limits; /* borrowed */
};

struct azure;

/* Reads settings and environment, sends nothing. NULL with ERR_INVALID. */
struct azure *azure_new(const struct azure_options *options, struct err *err) MUST_CHECK;
void azure_free(struct azure *azure);

/* The effective endpoints; valid as long as `azure`. */
const struct azure_cloud *azure_cloud(const struct azure *azure);
const struct clock *azure_clock(const struct azure *azure);
struct ratelimit *azure_limits(const struct azure *azure);
struct log *azure_log(const struct azure *azure);

/* A bearer token: immutable, counted, wiped with its last reference. */
struct azure_token {
    const char *value;
    int64_t expires_ms; /* wall clock */
};
void azure_token_unref(struct azure_token *t); /* NULL is allowed */

/* Whose token it is, for people to read: "" where it does not say. */
struct azure_who {
    char tenant[37];
    char client[37]; /* the application or the user-assigned identity */
    char object[37]; /* what roles are given to */
};
/* Reads a token's own claims. Nothing may hang on them: to us a token is a text without meaning. */
void azure_token_who(const struct azure_token *t, struct azure_who *who);

#define AZURE_SCOPE_STORAGE "https://storage.azure.com/.default"
/* The scope of the configured ARM endpoint, "https://management.azure.com/.default"; valid as long
 * as `azure`. */
const char *azure_arm_scope(const struct azure *azure);

/* A token for a scope, a new reference. Cached and refreshed ahead (five minutes before it expires,
 * or a tenth of its life if that is less) by one caller while the others go on with the old, until
 * ten seconds (or a twentieth of its life) before its end.
 * Without a valid one: one caller fetches, others get ERR_BUSY; a failure is remembered and
 * answered to all. What may pass is ERR_UNAVAILABLE. ERR_CREDENTIALS names every identity that was
 * tried and what it lacked. */
struct azure_token *azure_token(struct azure *azure, struct http_client *http, const char *scope,
                                struct err *err) MUST_CHECK;
/* From memory, a new reference, or NULL when there is none that is good still. One that is due for
 * a refresh is given out until it nears its end: the refresh may fail for a while. */
struct azure_token *azure_peek_token(struct azure *azure, const char *scope);
/* Whether a worker should call azure_token although there is a good one: it is due for a refresh,
 * nobody is at it, and none has lately failed. */
bool azure_token_due(struct azure *azure, const char *scope);
/* Another than the one that a service has just refused (401); *err is the refusal. A new reference.
 * NULL: *err says why there is none now (ERR_BUSY, ERR_UNAVAILABLE, or what the fetch was refused
 * with), or is the refusal still, which then stands (azure_token_refusal_stands): another was
 * fetched within the last minute. The refused one stays for whom it serves. */
struct azure_token *azure_renew_token(struct azure *azure, struct http_client *http,
                                      const char *scope, const struct azure_token *refused,
                                      struct err *err) MUST_CHECK;
/* Makes a refusal of this token final (ERR_EXPIRED becomes ERR_DENIED), and says what to look at
 * when no service has accepted it yet. Thread-safe. */
void azure_token_refusal_stands(const struct azure_token *t, struct err *err);
/* Notes that a service has accepted it. Thread-safe. */
void azure_token_accepted(const struct azure_token *t);
/* Says that the service refused this token (401): the next azure_token fetches another, once a
 * minute at most, and gives out this one when there is none to be had. */
void azure_expire_token(struct azure *azure, const char *scope, const struct azure_token *token);
/* For `check` and messages: which identity is used and why each earlier one was not. Appends lines.
 */
void azure_describe_identity(struct azure *azure, struct buf *to);

#endif
