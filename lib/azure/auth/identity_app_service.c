/* The managed identity of App Service, Functions and Container Apps, from their local endpoint.
 * Source: "How to use managed identities for App Service and Azure Functions", REST endpoint
 * reference. */
#include "lib/azure/auth/identity_kinds.h"
#include "lib/base/secret.h"

enum identity_result identity_try_app_service(const struct identity_params *params,
                                              struct azure_token **token, struct err *err)
{
    struct identity_endpoint endpoint = {
        .url = secret_env("IDENTITY_ENDPOINT"),
        .version = "2019-08-01",
        .header = "X-IDENTITY-HEADER",
        .value = secret_env("IDENTITY_HEADER"),
    };
    if (!endpoint.url || !endpoint.value) {
        err_set(err, ERR_CREDENTIALS, "", "%s is not set",
                endpoint.url ? "IDENTITY_HEADER" : "IDENTITY_ENDPOINT");
        return IDENTITY_NOT_CONFIGURED;
    }
    if (secret_env("IDENTITY_SERVER_THUMBPRINT")) {
        err_set(err, ERR_CREDENTIALS, "",
                "IDENTITY_SERVER_THUMBPRINT is set: the identities of Service Fabric are not "
                "supported");
        return IDENTITY_FAILED;
    }
    struct http_request request;
    if (!identity_build_request(params, &endpoint, &request, err))
        return IDENTITY_FAILED;
    *token = identity_send(params, &request, "App Service identity endpoint", err);
    return *token ? IDENTITY_FOUND : IDENTITY_FAILED;
}
