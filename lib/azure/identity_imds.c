/* The managed identity of a virtual machine, from its metadata service. */
#include <string.h>

#include "lib/azure/identity_link.h"
#include "lib/secret.h"

#define WHO        "instance metadata service"
#define PATH       "/metadata/identity/oauth2/token"
#define CONNECT_MS 1000 /* where there is no such service, nothing answers */

/* Nothing came: outside Azure there is no such service, and the wait is short. Where it has
 * answered before, it will again. */
static enum identity_result silent(const struct identity_ask *ask, struct err *err)
{
    struct err why = *err;
    err_set(err, ask->imds_answered ? ERR_TRANSIENT : ERR_CREDENTIALS, "",
            "the " WHO " does not answer: %.300s", why.message);
    return ask->imds_answered ? IDENTITY_BROKEN : IDENTITY_NONE;
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
    return IDENTITY_BROKEN;
}

enum identity_result identity_imds(const struct identity_ask *ask, struct azure_token **token,
                                   struct err *err)
{
    const char *host = secret_env("AZURE_POD_IDENTITY_AUTHORITY_HOST");
    struct buf endpoint = buf_make(1024);
    struct http_request request;
    host = host ? host : "http://169.254.169.254";
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
    if (*token)
        return IDENTITY_FOUND;
    return err->http_status == 0 && err->kind == ERR_TRANSIENT ? silent(ask, err)
                                                               : refused(ask, err);
}
