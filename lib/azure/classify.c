/* Classifies the errors of Azure by one table of codes.
 * Source: "Common error codes" of Azure Resource Manager, Compute and Network, "Status and error
 * codes" of the Blob and Queue services, "Throttling Resource Manager requests". */
#include "lib/azure/classify.h"

#include <fnmatch.h>
#include <stdio.h>
#include <string.h>

#include "lib/net/retry_after.h"

struct rule {
    /* '*' matches anything, also nothing. */
    const char *code;
    enum err_kind kind;
};

/* The first rule that matches decides. */
static const struct rule rules[] = {
    /* Two changes of one network at a time: not a rate limit, although the status may be 429. */
    {"RetryableErrorDueToAnotherOperation", ERR_TRANSIENT},
    {"RetryableError", ERR_TRANSIENT},
    {"*OperationInProgress", ERR_TRANSIENT},
    {"CanceledAndSupersededDueToAnotherOperation", ERR_TRANSIENT},
    {"ConflictingConcurrentWriteNotAllowed", ERR_TRANSIENT},
    {"ReferencedResourceNotProvisioned", ERR_TRANSIENT},
    {"AttachDiskWhileBeingDetached", ERR_TRANSIENT},

    /* No capacity: final, whatever the status. */
    {"AllocationFailed", ERR_PROVIDER},
    {"ZonalAllocationFailed", ERR_PROVIDER},
    {"Overconstrained*AllocationRequest", ERR_PROVIDER},
    {"SkuNotAvailable", ERR_PROVIDER},

    {"*Throttl*", ERR_THROTTLED},
    {"TooManyRequests*", ERR_THROTTLED},
    {"ServerBusy", ERR_THROTTLED},
    {"OperationNotAllowedDueToRateLimit", ERR_THROTTLED},

    {"ExpiredAuthenticationToken", ERR_EXPIRED},
    {"InvalidAuthenticationToken", ERR_EXPIRED},
    /* A token of another tenant, or none: a new one would not help. */
    {"InvalidAuthenticationTokenTenant", ERR_DENIED},
    {"NoAuthenticationInformation", ERR_DENIED},
    {"AuthorizationFailed", ERR_DENIED},
    {"LinkedAuthorizationFailed", ERR_DENIED},
    {"RequestDisallowedByPolicy", ERR_DENIED},

    {"OperationTimedOut", ERR_TRANSIENT},
    {"InternalError", ERR_TRANSIENT},
    {"InternalServerError", ERR_TRANSIENT},
    {"ServerTimeout", ERR_TRANSIENT},
    {"GatewayTimeout", ERR_TRANSIENT},
    {"ServiceUnavailable", ERR_TRANSIENT},

    {"BlobAlreadyExists", ERR_PRECONDITION},
    {"ConditionNotMet", ERR_PRECONDITION},
    {"TargetConditionNotMet", ERR_PRECONDITION},
    /* A lease has status 412 like a condition, but lasts until it is released. */
    {"Lease*", ERR_CONFLICT},
    {"PopReceiptMismatch", ERR_CONFLICT},
    {"ScopeLocked", ERR_CONFLICT},
    {"*InUse*", ERR_CONFLICT},
    {"*CannotBeDeleted*", ERR_CONFLICT},

    {"*NotFound", ERR_NOT_FOUND},

    {"RequestBodyTooLarge", ERR_LIMIT},
};

static enum err_kind classify_status(int status)
{
    switch (status) {
    case 400:
        return ERR_INVALID;
    case 401:
        return ERR_EXPIRED;
    case 403:
        return ERR_DENIED;
    case 404:
    case 410:
        return ERR_NOT_FOUND;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
        return ERR_TRANSIENT;
    case 409:
        return ERR_CONFLICT;
    case 412:
        return ERR_PRECONDITION;
    case 429:
        return ERR_THROTTLED;
    default:
        return ERR_PROVIDER;
    }
}

enum err_kind azure_classify(const char *code, int http_status)
{
    for (size_t i = 0; code && *code && i < sizeof rules / sizeof *rules; i++)
        if (fnmatch(rules[i].code, code, 0) == 0)
            return rules[i].kind;
    return classify_status(http_status);
}

/* Codes that stand for many reasons: only the message shows that the reason passes once another
 * operation on the same resource has ended. Seen: "The request failed due to conflict with a
 * concurrent request." */
static bool classify_is_concurrent(const char *code, const char *message, int http_status)
{
    static const char *const words[] = {"concurrent request", "in progress", "being updated"};
    if (http_status != 409 || !message ||
        (strcmp(code, "Conflict") != 0 && strcmp(code, "OperationNotAllowed") != 0))
        return false;
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        if (strstr(message, words[i]))
            return true;
    return false;
}

bool azure_set_error(const char *operation, const struct http_response *response, const char *code,
                     const char *message, struct err *err)
{
    char short_code[sizeof err->code];
    azure_copy_id(code, short_code, sizeof short_code);
    enum err_kind kind = azure_classify(short_code, response->status);
    if (classify_is_concurrent(short_code, message, response->status))
        kind = ERR_TRANSIENT;
    if (message && *message)
        err_set(err, kind, short_code, "%.800s", message);
    else
        err_set(err, kind, short_code, "the service responded with HTTP status %d and no message",
                response->status);
    err->http_status = response->status;
    err->retry_after_ms = retry_after_ms(response);
    snprintf(err->operation, sizeof err->operation, "%s", operation);
    azure_copy_id(http_headers_get(&response->headers, "x-ms-request-id"), err->request_id,
                  sizeof err->request_id);
    return false;
}

void azure_copy_id(const char *id, char *to, size_t size)
{
    size_t n = 0;
    for (; id && id[n] > ' ' && id[n] < 0x7F && n + 1 < size; n++)
        to[n] = id[n];
    to[n] = '\0';
}
