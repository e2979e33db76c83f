/* The managed identity of a virtual machine, from its metadata service. */
#include <errno.h>
#include <string.h>

#include "lib/azure/auth/identity_link.h"
#include "lib/base/secret.h"

#define WHO        "instance metadata service"
#define PATH       "/metadata/identity/oauth2/token"
#define CONNECT_MS 1000 /* where there is no such service, nothing answers */

#define SILENT_MAX 3   /* askings without an answer, where it has never answered */
#define PAUSE_MS   200 /* after the first failure, doubling with each */
#define PAUSES     5   /* then whoever remembers the failure decides */

/* It may pass: the caller comes back, soon at first. */
static enum identity_result later(struct identity_imds_memory *m, struct err *err)
{
    unsigned failed = atomic_fetch_add(&m->failed, 1);
    if (err->retry_after_ms <= 0 && failed < PAUSES)
        err->retry_after_ms = (int64_t)PAUSE_MS << failed;
    return IDENTITY_BROKEN;
}

/* Nothing came. One reset or timeout does not mean that there is no such service: it is there where
 * it has answered before and where the environment says so, and it is not where it cannot be, or
 * has often been silent. */
static enum identity_result silent(const struct identity_ask *ask, bool named, struct err *err)
{
    struct identity_imds_memory *m = ask->imds_memory;
    struct err why = *err;
    bool nothing =
        why.os_error == ECONNREFUSED || why.os_error == EHOSTUNREACH || why.os_error == ENETUNREACH;
    bool there = named || atomic_load(&m->answered);
    bool gone = !there && (nothing || atomic_fetch_add(&m->silent, 1) + 1 >= SILENT_MAX);
    err_set(err, gone ? ERR_CREDENTIALS : ERR_TRANSIENT, "",
            "the " WHO " does not answer%s: %.300s",
            named ? " at the address in AZURE_POD_IDENTITY_AUTHORITY_HOST" : "", why.message);
    return gone ? IDENTITY_NONE : later(m, err);
}

/* What the service's refusals mean: 404 while it is being updated, 410 for up to 70 s likewise; 400
 * that there is no such identity. */
static enum identity_result refused(const struct identity_ask *ask, struct err *err)
{
    if (err->http_status == 404 || err->http_status == 410)
        err->kind = ERR_TRANSIENT;
    if (err->http_status == 400 && !ask->client_id) {
        err_set(err, ERR_CREDENTIALS, "", "no managed identity is assigned to this machine");
        return IDENTITY_NONE;
    }
    return err_is_retryable(err) ? later(ask->imds_memory, err) : IDENTITY_BROKEN;
}

static void heard(struct identity_imds_memory *m)
{
    atomic_store(&m->answered, true);
    atomic_store(&m->silent, 0);
}

enum identity_result identity_imds(const struct identity_ask *ask, struct azure_token **token,
                                   struct err *err)
{
    const char *named = secret_env("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    const char *host = named ? named : ask->imds;
    struct buf endpoint = buf_make(1024);
    struct http_request request;
    size_t n = strlen(host);
    bool ok = buf_add(&endpoint, host, n > 0 && host[n - 1] == '/' ? n - 1 : n) &&
              buf_adds(&endpoint, PATH);
    if (!ok)
        err_set(err, ERR_CREDENTIALS, "", "AZURE_POD_IDENTITY_AUTHORITY_HOST is too long");
    ok = ok && identity_endpoint(ask, buf_str(&endpoint), "2018-02-01", "Metadata", "true",
                                 &request, err);
    buf_free(&endpoint);
    if (!ok)
        return IDENTITY_BROKEN;
    request.connect_timeout_ms = CONNECT_MS;
    *token = identity_request(ask, &request, WHO, err);
    if (err->http_status == 0 && !*token && err->kind == ERR_TRANSIENT)
        return silent(ask, named != NULL, err);
    if (*token || err->http_status > 0)
        heard(ask->imds_memory);
    if (!*token)
        return refused(ask, err);
    atomic_store(&ask->imds_memory->failed, 0);
    return IDENTITY_FOUND;
}
