/* Azure Resource Manager: calls, their errors, throttling, and long-running operations followed one
 * poll at a time. Source: Azure REST documentation, "Track asynchronous Azure operations",
 * "Throttling Resource Manager requests". */
#ifndef HGAUTOD_LIB_AZURE_ARM_H
#define HGAUTOD_LIB_AZURE_ARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/azure/azure.h"

/* An operation: one constant row, declared where it is used. */
struct arm_op {
    const char *provider; /* the row of the version table: "Microsoft.Compute/virtualMachines" */
    const char *name;     /* for people and plans: "virtualMachines/start" */
    const char *method;
    const char *suffix; /* behind the resource's path: "/start"; "" */
    bool changes;
};

/* The resource types that are called, and the api-version of each: X(TYPE, VERSION). */
#define ARM_VERSIONS(X)                                                                            \
    X("Microsoft.Compute/virtualMachines", "2022-08-01")                                           \
    X("Microsoft.Compute/images", "2022-08-01")                                                    \
    X("Microsoft.Compute/sshPublicKeys", "2022-08-01")                                             \
    X("Microsoft.Compute/disks", "2022-07-02")                                                     \
    X("Microsoft.Network/networkInterfaces", "2022-07-01")                                         \
    X("Microsoft.Network/publicIPAddresses", "2022-07-01")                                         \
    X("Microsoft.Resources/tags", "2021-04-01")                                                    \
    X("Microsoft.Resources/resourceGroups", "2021-04-01")                                          \
    X("Microsoft.Resources/subscriptions", "2020-01-01")

/* The version in that table, the type in any case; NULL when unknown. */
const char *arm_version_usual(const char *provider);
/* Whether it is a date, YYYY-MM-DD, which "-preview" may follow. */
bool arm_version_valid(const char *version);
/* The api-version of a provider's resource type: the override (arm_set_version), else the table's;
 * NULL when unknown. */
const char *arm_version(const struct azure *azure, const char *provider);
/* Overrides it, for clouds that lag behind: "Microsoft.Compute/disks", "2022-03-02". At start only,
 * before other threads use `azure`. ERR_INVALID when the version is none or the type unknown. */
bool arm_set_version(struct azure *azure, const char *provider, const char *version,
                     struct err *err) MUST_CHECK;

/* A long-running operation under way: everything needed to poll it, small enough for a task's
 * state. The first three members are for whoever parks the task; the rest is arm.c's. */
struct arm_poll {
    char *url;       /* owned; NULL: none, the call is complete */
    int64_t wait_ms; /* until the next poll: Retry-After, else a growing pause of at most 30 s */
    unsigned polls;  /* made so far */
    bool location; /* by Location (202 means running) instead of Azure-AsyncOperation (JSON status)
                    */
    bool resource; /* by the properties.provisioningState of the resource itself */
    char *operation; /* owned; what is being done, for errors: "virtualMachines/start" */
    char *bucket;    /* owned; the token bucket that polls keep to */
};
void arm_poll_free(struct arm_poll *p);

/* One call on `path` (begins with "/subscriptions/", every segment already validated and encoded by
 * arm_path_add) for a subscription's token bucket. body: NULL or a JSON value (borrowed). *answer:
 * a new reference, an empty object when there was no body. poll (may be NULL for reads) is filled
 * when the service answered with an operation to follow. Errors are classified: throttled (with
 * Retry-After), denied, not found, conflict ...; a 401 refreshes the token and tries once more. */
bool arm_call(struct azure *azure, struct http_client *http, const struct arm_op *op,
              const char *subscription, const char *path, const json_t *body, json_t **answer,
              struct arm_poll *poll, struct err *err) MUST_CHECK;

/* Looks once how the operation goes. True: *done says whether it has succeeded; if not, p->wait_ms
 * says when to look again. False: *err is the operation's failure (final), or a passing fault of
 * the poll itself (retryable: look again). The URL is followed only on the configured ARM host. */
bool arm_poll_once(struct azure *azure, struct http_client *http, struct arm_poll *p, bool *done,
                   struct err *err) MUST_CHECK;

/* A poll as a JSON object and back, for a task's state. */
json_t *arm_poll_json(const struct arm_poll *p) MUST_CHECK;
bool arm_poll_from_json(const json_t *value, struct arm_poll *p) MUST_CHECK;

/* Appends "/segment" percent-encoded; false when it is empty, longer than 260 bytes, "." or "..",
 * or holds '/', '\', '?', '#', '%', or a control character. */
bool arm_path_add(struct buf *path, const char *segment) MUST_CHECK;

#endif
