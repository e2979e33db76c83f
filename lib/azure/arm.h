/* Azure Resource Manager: calls, their errors, throttling, and long-running operations, polled once
 * at a time. Functions that send a request block; call them on workers. Thread-safe.
 * Source: Azure REST documentation, "Track asynchronous Azure operations", "Throttling Resource
 * Manager requests". */
#ifndef HGAUTOD_LIB_AZURE_ARM_H
#define HGAUTOD_LIB_AZURE_ARM_H

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/azure/azure.h"

/* An operation: one constant row, declared where it is used. */
struct arm_op {
    /* A row of the table of versions: "Microsoft.Compute/virtualMachines". */
    const char *provider;
    /* For people and for plans: "virtualMachines/start". */
    const char *name;
    const char *method;
    /* Appended to the path of the resource: "/start"; or "". */
    const char *suffix;
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

/* Returns the version in that table, the type in any case; NULL if the type is not in it. */
const char *arm_version_default(const char *provider);
/* Returns true if the version is a date, YYYY-MM-DD, optionally with "-preview". */
bool arm_version_valid(const char *version);
/* Returns the api-version of a resource type: the override (arm_set_version), else that of the
 * table; NULL if the type is unknown. */
const char *arm_version(const struct azure *azure, const char *provider);
/* Overrides the api-version of a resource type, for clouds that lag behind:
 * "Microsoft.Compute/disks", "2022-03-02". Returns false with ERR_INVALID if the version is not
 * valid or the type unknown. Only before other threads use `azure`. */
bool arm_set_version(struct azure *azure, const char *provider, const char *version,
                     struct err *err) MUST_CHECK;

/* A long-running operation: everything needed to poll it, small enough for a task's state. */
struct arm_poll {
    /* Owned; NULL: there is nothing to poll, the call is complete. */
    char *url;
    /* Until the next poll: Retry-After, else a growing pause of at most 30 s. */
    int64_t wait_ms;
    /* Made so far. */
    unsigned polls;
    /* Polled by Location (status 202: running) instead of Azure-AsyncOperation (JSON status). */
    bool location;
    /* Polled by the properties.provisioningState of the resource itself. */
    bool resource;
    /* Owned; for errors: "virtualMachines/start". */
    char *operation;
    /* Owned; the token bucket of the polls. */
    char *bucket;
};
void arm_poll_free(struct arm_poll *p);

/* A call of an operation. All pointers are borrowed. */
struct arm_call {
    const struct arm_op *op;
    /* Whose token bucket is used. */
    const char *subscription;
    /* Begins with "/subscriptions/"; every segment validated and encoded by arm_path_add. */
    const char *path;
    /* NULL: none. */
    const json_t *body;
};

/* Calls an operation; a 401 refreshes the token and the call is repeated once.
 * poll: filled in if the response announces an operation to poll; NULL allowed for reads.
 * Returns the response's JSON object, a new reference, empty if there was no body; NULL with *err,
 * classified: throttled (with Retry-After), denied, not found, conflict ... */
json_t *arm_call(struct azure *azure, struct http_client *http, const struct arm_call *call,
                 struct arm_poll *poll, struct err *err) MUST_CHECK;

/* Polls an operation once. done: whether it has succeeded; if not, p->wait_ms is the pause until
 * the next poll. Returns false with *err: the operation failed (final), or the poll itself did
 * (retryable). The URL is requested from the configured ARM host only. */
bool arm_poll_once(struct azure *azure, struct http_client *http, struct arm_poll *p, bool *done,
                   struct err *err) MUST_CHECK;

/* Converts a poll to a JSON object for a task's state. Returns a new reference, never NULL. */
json_t *arm_poll_to_json(const struct arm_poll *p) MUST_CHECK;
/* Converts it back. Returns false if the value is malformed. */
bool arm_poll_from_json(const json_t *value, struct arm_poll *p) MUST_CHECK;

/* Appends "/segment", percent-encoded. Returns false if it is empty, longer than 260 bytes, "." or
 * "..", not UTF-8, or contains '/', '\', '?', '#', '%' or a control character. */
bool arm_path_add(struct buf *path, const char *segment) MUST_CHECK;

#endif
