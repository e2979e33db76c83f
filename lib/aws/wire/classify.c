/* The one table of AWS error codes: what kind of failure each is.
 * Source: the retry modes of the AWS SDKs (botocore's legacy, standard and adaptive lists), the
 * "Common errors" of each service's API reference, and Amazon EC2's and S3's lists of error codes.
 */
#include <string.h>

#include "lib/aws/wire/protocol.h"

struct rule {
    /* '*' stands for anything, also for nothing. */
    const char *code;
    enum err_kind kind;
};

/* The first rule that fits decides, unless the service has one of its own (below). */
static const struct rule rules[] = {
    /* A dry run that would have worked answers 412; the action that asked for it knows what that
       means. */
    {"DryRunOperation", ERR_PROVIDER},

    /* There is no room for it, or not at that price. EC2 says so with a 500, as if it would pass in
       a moment; it is tried again by hand, or by the next event. */
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
    /* EBS: so many snapshots of one volume at a time, or within some seconds. */
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
    /* Another change of the same thing is under way, which is over in moments. S3's for a bucket;
       IAM's; EC2's and SNS's for tags. */
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

    /* SQS says 403 when too many messages are in flight. */
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

/* Whether the pattern fits the whole of text. Each '*' first takes nothing, then one more character
 * at every failure; only the latest need be remembered. */
static bool fits(const char *pattern, const char *text)
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

/* What a code means at one service only. */
static const struct {
    /* Its id. */
    const char *service;
    struct rule rule;
} own_rules[] = {
    /* So many tables are being created, changed or deleted at a time. */
    {"dynamodb", {"LimitExceededException", ERR_THROTTLED}},
    /* "Try again in a moment." */
    {"workspaces", {"OperationInProgressException", ERR_TRANSIENT}},
};

enum err_kind aws_classify(const struct aws_service *service, const char *code, int http_status)
{
    if (!code || !*code)
        return classify_status(http_status);
    for (size_t i = 0; service && i < sizeof own_rules / sizeof own_rules[0]; i++)
        if (strcmp(own_rules[i].service, service->id) == 0 && fits(own_rules[i].rule.code, code))
            return own_rules[i].rule.kind;
    for (size_t i = 0; i < sizeof rules / sizeof rules[0]; i++)
        if (fits(rules[i].code, code))
            return rules[i].kind;
    return classify_status(http_status);
}
