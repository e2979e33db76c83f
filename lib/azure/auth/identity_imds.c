/* The managed identity of a virtual machine, from its metadata service. */
#include <errno.h>
#include <string.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/base/secret.h"

#define SERVICE "instance metadata service"
#define PATH    "/metadata/identity/oauth2/token"
/* Outside of Azure nothing responds. */
#define CONNECT_MS 1000
/* Calls without a response until there is taken to be no service. */
#define SILENT_MAX 3
/* After the first failure, doubled with each. */
#define PAUSE_MS 200
/* Beyond them the cache of tokens decides. */
#define PAUSES_SHORT 5

/* The failure may pass: the caller tries again, soon at first. */
static enum identity_result imds_fail(struct identity_imds_memory *m, struct err *err)
{
    unsigned failed = atomic_fetch_add(&m->failed, 1);
    if (err->retry_after_ms <= 0 && failed < PAUSES_SHORT)
        err->retry_after_ms = (int64_t)PAUSE_MS << failed;
    return IDENTITY_FAILED;
}

/* There was no response. One reset or timeout does not prove that there is no service. It exists
 * where it has responded before or the environment names it; else it does not if it is unreachable
 * or has been silent several times. */
static enum identity_result imds_judge_silence(const struct identity_params *params, bool named,
                                               struct err *err)
{
    struct identity_imds_memory *m = params->imds_memory;
    struct err why = *err;
    bool unreachable =
        why.os_error == ECONNREFUSED || why.os_error == EHOSTUNREACH || why.os_error == ENETUNREACH;
    bool exists = named || atomic_load(&m->responded);
    bool none = !exists && (unreachable || atomic_fetch_add(&m->silent, 1) + 1 >= SILENT_MAX);
    err_set(err, none ? ERR_CREDENTIALS : ERR_TRANSIENT, "",
            "the " SERVICE " does not respond%s: %.300s",
            named ? " at the address in AZURE_POD_IDENTITY_AUTHORITY_HOST" : "", why.message);
    return none ? IDENTITY_NOT_CONFIGURED : imds_fail(m, err);
}

/* What the status of a refusal means: 404 that the service is being updated, 410 likewise for up to
 * 70 s; 400 that there is no such identity. */
static enum identity_result imds_judge_refusal(const struct identity_params *params,
                                               struct err *err)
{
    if (err->http_status == 404 || err->http_status == 410)
        err->kind = ERR_TRANSIENT;
    if (err->http_status == 400 && !params->client_id) {
        err_set(err, ERR_CREDENTIALS, "", "no managed identity is assigned to this machine");
        return IDENTITY_NOT_CONFIGURED;
    }
    return err_is_retryable(err) ? imds_fail(params->imds_memory, err) : IDENTITY_FAILED;
}

static bool imds_build_request(const struct identity_params *params, const char *host,
                               struct http_request *request, struct err *err)
{
    size_t n = strlen(host);
    struct buf url = buf_make(1024);
    bool ok = buf_add(&url, host, n > 0 && host[n - 1] == '/' ? n - 1 : n) && buf_adds(&url, PATH);
    if (!ok)
        err_set(err, ERR_CREDENTIALS, "", "AZURE_POD_IDENTITY_AUTHORITY_HOST is too long");
    struct identity_endpoint endpoint = {
        .url = buf_str(&url), .version = "2018-02-01", .header = "Metadata", .value = "true"};
    ok = ok && identity_build_request(params, &endpoint, request, err);
    buf_free(&url);
    if (ok)
        request->connect_timeout_ms = CONNECT_MS;
    return ok;
}

enum identity_result identity_try_imds(const struct identity_params *params,
                                       struct azure_token **token, struct err *err)
{
    const char *named = secret_env("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    struct http_request request;
    if (!imds_build_request(params, named ? named : params->imds, &request, err))
        return IDENTITY_FAILED;
    *token = identity_send(params, &request, SERVICE, err);
    if (!*token && err->http_status == 0 && err->kind == ERR_TRANSIENT)
        return imds_judge_silence(params, named != NULL, err);
    if (*token || err->http_status > 0)
        atomic_store(&params->imds_memory->responded, true);
    if (!*token)
        return imds_judge_refusal(params, err);
    atomic_store(&params->imds_memory->failed, 0);
    return IDENTITY_FOUND;
}
