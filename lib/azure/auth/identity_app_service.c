/* The managed identity of App Service, Functions and Container Apps.
 * Source: "How to use managed identities for App Service and Azure Functions", REST endpoint
 * reference. */
#include "lib/azure/auth/identity_link.h"
#include "lib/base/secret.h"

enum identity_result identity_app_service(const struct identity_ask *ask,
                                          struct azure_token **token, struct err *err)
{
    const char *endpoint = secret_env("IDENTITY_ENDPOINT");
    const char *header = secret_env("IDENTITY_HEADER");
    struct http_request request;
    if (!endpoint || !header) {
        err_set(err, ERR_CREDENTIALS, "", "%s is not set",
                endpoint ? "IDENTITY_HEADER" : "IDENTITY_ENDPOINT");
        return IDENTITY_NONE;
    }
    if (secret_env("IDENTITY_SERVER_THUMBPRINT")) {
        err_set(err, ERR_CREDENTIALS, "",
                "IDENTITY_SERVER_THUMBPRINT is set: the identities of Service Fabric are not "
                "supported");
        return IDENTITY_BROKEN;
    }
    if (!identity_endpoint(ask, endpoint, "2019-08-01", "X-IDENTITY-HEADER", header, &request, err))
        return IDENTITY_BROKEN;
    *token = identity_request(ask, &request, "App Service identity endpoint", err);
    return *token ? IDENTITY_FOUND : IDENTITY_BROKEN;
}
