/* Classifies AWS error codes: the one table of what kind of failure each is.
 * Source: the retry modes of the AWS SDKs (botocore's legacy, standard and adaptive lists), the
 * "Common errors" of each service's API reference, and Amazon EC2's and S3's lists of error codes.
 */
#include <string.h>

#include "lib/aws/wire/protocol.h"

struct classify_rule {
    /* '*' matches any characters, or none. */
    const char *code;
    enum err_kind kind;
};

/* The first rule that matches decides, unless the service has its own (below). */
static const struct classify_rule rules[] = {
    /* The response to a dry run that would have succeeded, with status 412. */
    {"DryRunOperation", ERR_PROVIDER},

    /* No capacity, or not at that price. EC2 sends it with status 500, as if it would pass in a
     * moment; it does not. */
    {"Insufficient*Capacity*", ERR_PROVIDER},
    {"SpotMaxPriceTooLow", ERR_PROVIDER},
    {"MaxSpotInstanceCountExceeded", ERR_PROVIDER},

    {"*Throttl*", ERR_THROTTLED},
    {"RequestLimitExceeded", ERR_THROTTLED},
    {"BandwidthLimitExceeded", ERR_THROTTLED},
    {"TooManyRequests*", ERR_THROTTLED},
    {"ProvisionedThroughputExceeded*", ERR_THROTTLED},
    {"PriorRequestNotComplete", ERR_THROTTLED},
    {"TransactionInProgressException", ERR_THROTTLED},
    {"SlowDown", ERR_THROTTLED},
    {"TooManyUpdates*", ERR_THROTTLED},
    /* EBS limits the snapshots of one volume at a time, and within some seconds. */
    {"SnapshotCreationPerVolumeRateExceeded", ERR_THROTTLED},
    {"ConcurrentSnapshotLimitExceeded", ERR_THROTTLED},

    /* "LimitExceeded" of IAM and others is a quota: waiting does not help. */
    {"*LimitExceeded*", ERR_PROVIDER},

    {"ExpiredToken*", ERR_EXPIRED},
    {"RequestExpired", ERR_EXPIRED},
    {"TokenRefreshRequired", ERR_EXPIRED},

    {"RequestTimeTooSkewed", ERR_INVALID},
    {"RequestInTheFuture", ERR_INVALID},

    {"RequestTimeout*", ERR_TRANSIENT},
    {"Internal*", ERR_TRANSIENT},
    {"ServiceUnavailable*", ERR_TRANSIENT},
    {"Unavailable", ERR_TRANSIENT},
    {"IDPCommunicationError", ERR_TRANSIENT},
    {"EntityTemporarilyUnmodifiable", ERR_TRANSIENT},
    /* Another change of the same resource is in progress, which takes moments: S3's for a bucket;
     * IAM's; EC2's and SNS's for tags. */
    {"OperationAborted", ERR_TRANSIENT},
    {"ConcurrentModification*", ERR_TRANSIENT},
    {"ConcurrentTagAccess", ERR_TRANSIENT},
    {"ConcurrentAccess*", ERR_TRANSIENT},
    /* Redshift, with status 400. */
    {"DependentServiceUnavailable*", ERR_TRANSIENT},

    {"*AccessDenied*", ERR_DENIED},
    {"Unauthorized*", ERR_DENIED},
    {"NotAuthorized*", ERR_DENIED},
    {"AuthorizationError*", ERR_DENIED},
    {"AuthFailure", ERR_DENIED},
    {"InvalidClientTokenId", ERR_DENIED},
    {"InvalidAccessKeyId", ERR_DENIED},
    {"InvalidToken", ERR_DENIED},
    {"InvalidSecurity", ERR_DENIED},
    {"InvalidIdentityToken*", ERR_DENIED},
    {"UnrecognizedClient*", ERR_DENIED},
    {"MissingAuthenticationToken*", ERR_DENIED},
    {"SignatureDoesNotMatch", ERR_DENIED},
    {"InvalidSignature*", ERR_DENIED},
    {"*OptInRequired*", ERR_DENIED},
    {"NotSignedUp", ERR_DENIED},
    {"RegionDisabled*", ERR_DENIED},
    {"AllAccessDisabled", ERR_DENIED},
    {"Blocked", ERR_DENIED},
    {"PendingVerification", ERR_DENIED},

    {"PreconditionFailed", ERR_PRECONDITION},
    {"ConditionalRequestConflict", ERR_PRECONDITION},
    {"ConditionalCheckFailed*", ERR_PRECONDITION},

    {"NoSuch*", ERR_NOT_FOUND},
    {"*NotFound*", ERR_NOT_FOUND},
    {"*NonExistent*", ERR_NOT_FOUND},
    {"*DoesNotExist*", ERR_NOT_FOUND},

    {"*Already*", ERR_CONFLICT},
    {"*Duplicate*", ERR_CONFLICT},
    {"*Conflict*", ERR_CONFLICT},
    {"*InUse*", ERR_CONFLICT},
    {"*InProgress*", ERR_CONFLICT},
    {"*Disabled*", ERR_CONFLICT},
    {"IncorrectState*", ERR_CONFLICT},
    {"IncorrectInstanceState", ERR_CONFLICT},
    {"UnsupportedInstanceState*", ERR_CONFLICT},
    {"*InvalidState*", ERR_CONFLICT},
    {"Invalid*State", ERR_CONFLICT},
    {"Invalid*StateFault", ERR_CONFLICT},
    {"Invalid*StateException", ERR_CONFLICT},
    {"DependencyViolation", ERR_CONFLICT},
    {"Gateway.NotAttached", ERR_CONFLICT},
    {"BucketNotEmpty", ERR_CONFLICT},
    {"MessageNotInflight*", ERR_CONFLICT},
    {"QueueNameExists*", ERR_CONFLICT},
    {"QueueDeletedRecently*", ERR_CONFLICT},

    /* Too many messages in flight; SQS sends status 403. */
    {"OverLimit*", ERR_PROVIDER},

    {"Validation*", ERR_INVALID},
    {"InvalidParameter*", ERR_INVALID},
    {"InvalidRequest*", ERR_INVALID},
    {"InvalidArgument*", ERR_INVALID},
    {"InvalidInput*", ERR_INVALID},
    {"InvalidAction", ERR_INVALID},
    {"InvalidQueryParameter", ERR_INVALID},
    {"InvalidArn*", ERR_INVALID},
    {"*.Malformed", ERR_INVALID},
    {"Malformed*", ERR_INVALID},
    {"Missing*", ERR_INVALID},
    {"UnknownParameter*", ERR_INVALID},
    {"UnknownOperation*", ERR_INVALID},
    {"SerializationException", ERR_INVALID},
    {"IncompleteSignature*", ERR_INVALID},
    {"AuthorizationHeaderMalformed", ERR_INVALID},
    {"IllegalLocationConstraint*", ERR_INVALID},
    {"BadDigest", ERR_INVALID},
    {"InvalidDigest", ERR_INVALID},
    {"XAmzContentSHA256Mismatch", ERR_INVALID},
    {"Idempoten*", ERR_INVALID},
    {"BadRequest", ERR_INVALID},
};

/* Returns true if the pattern matches all of text. Each '*' first takes nothing, then one more
 * character at every mismatch; only the latest need be remembered. */
static bool classify_matches(const char *pattern, const char *text)
{
    const char *star = NULL, *from = NULL;
    while (*text) {
        if (*pattern == '*') {
            star = pattern++;
            from = text;
        } else if (*pattern == *text) {
            pattern++;
            text++;
        } else if (star) {
            pattern = star + 1;
            text = ++from;
        } else {
            return false;
        }
    }
    while (*pattern == '*')
        pattern++;
    return !*pattern;
}

static enum err_kind classify_status(int status)
{
    switch (status) {
    case 429:
        return ERR_THROTTLED;
    case 401:
    case 403:
        return ERR_DENIED;
    case 404:
    case 410:
        return ERR_NOT_FOUND;
    case 409:
        return ERR_CONFLICT;
    case 412:
        return ERR_PRECONDITION;
    case 408:
    case 500:
    case 502:
    case 503:
    case 504:
        return ERR_TRANSIENT;
    default:
        return ERR_PROVIDER;
    }
}

/* What a code means for one service only. */
static const struct {
    /* Its ID. */
    const char *service;
    struct classify_rule rule;
} own_rules[] = {
    /* Limits the tables that are created, changed or deleted at a time. */
    {"dynamodb", {"LimitExceededException", ERR_THROTTLED}},
    /* "Try again in a moment." */
    {"workspaces", {"OperationInProgressException", ERR_TRANSIENT}},
};

enum err_kind aws_classify(const struct aws_service *service, const char *code, int http_status)
{
    if (!code || !*code)
        return classify_status(http_status);
    for (size_t i = 0; service && i < sizeof own_rules / sizeof own_rules[0]; i++)
        if (strcmp(own_rules[i].service, service->id) == 0 &&
            classify_matches(own_rules[i].rule.code, code))
            return own_rules[i].rule.kind;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (classify_matches(rules[i].code, code))
            return rules[i].kind;
    return classify_status(http_status);
}
