/* Runs long-running operations: starts them, ends them when they are due, answers polls.
 * Source: Azure documentation, "Track asynchronous Azure operations".
 *
 * An operation "virtualMachines/delete" can be made to fail at its end by a fault for
 * "virtualMachines/delete:end". */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/clock.h"
#include "lib/json/jpath.h"
#include "tests/cloud/arm_table.h"

/* --- effects --- */

/* Returns the power state of a virtual machine afterwards; NULL if the operation does not change
 * it. */
static const char *armop_power_after(const char *kind)
{
    static const struct {
        const char *kind, *state;
    } table[] = {{"virtualMachines/start", "PowerState/running"},
                 {"virtualMachines/powerOff", "PowerState/stopped"},
                 {"virtualMachines/deallocate", "PowerState/deallocated"}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].kind, kind) == 0)
            return table[i].state;
    return NULL;
}

static void armop_set_power(json_t *vm, const char *state)
{
    json_t *properties = json_object_get(vm, "properties");
    json_object_set_new(properties, "instanceView",
                        json_pack("{s:[{s:s}]}", "statuses", "code", state));
}

/* Removes all resources whose ID is the prefix followed by a slash. */
static void armop_remove_below(json_t *table, const char *prefix)
{
    size_t n = strlen(prefix);
    const char *id;
    json_t *ignored;
    void *next;
    json_object_foreach_safe(table, next, id, ignored)
        if (strncmp(id, prefix, n) == 0 && id[n] == '/')
            json_object_del(table, id);
}

static void armop_take_effect(struct armsim *a, const char *kind, const char *target)
{
    const char *power = armop_power_after(kind);
    json_t *resource = json_object_get(a->resources, target);
    if (power && resource)
        armop_set_power(resource, power);
    else if (strcmp(kind, "resourceGroups/delete") == 0) {
        json_object_del(a->groups, target);
        armop_remove_below(a->resources, target);
    } else if (strstr(kind, "/delete"))
        json_object_del(a->resources, target);
}

static void armop_finish(struct armsim *a, json_t *operation)
{
    char name[96];
    const char *kind = jstr(operation, "kind");
    snprintf(name, sizeof name, "%s:end", kind);
    const struct fault *fault = faults_hit(a->faults, name);
    json_object_set_new(operation, "status", json_string(fault ? "Failed" : "Succeeded"));
    if (fault)
        json_object_set_new(
            operation, "error",
            json_pack("{s:s, s:s}", "code", fault->code, "message",
                      *fault->message ? fault->message : "It was ordered to fail."));
    else
        armop_take_effect(a, kind, jstr(operation, "target"));
}

void armsim_settle(struct armsim *a, int64_t now_ms)
{
    const char *id;
    json_t *operation;
    json_object_foreach(a->operations, id, operation)
        if (strcmp(jstr(operation, "status"), "InProgress") == 0 &&
            jint(operation, "due", 0) <= now_ms)
            armop_finish(a, operation);
}

/* --- start --- */

static enum style armop_ordered_style(const struct armsim *a, const char *operation,
                                      enum style usual)
{
    const char *style =
        json_string_value(json_object_get(json_object_get(a->settings, "style"), operation));
    if (!style)
        return usual;
    return strcmp(style, "async") == 0      ? STYLE_ASYNC
           : strcmp(style, "location") == 0 ? STYLE_LOCATION
                                            : STYLE_SYNC;
}

/* Azure completes some calls at once, and those for resource groups in one way only. If a test sets
 * another style, the operation's URL is below a provider that does not exist, so that a poll of it
 * is not taken for something that needs a permission (harness/permissions.py). */
#define NOWHERE "/providers/Test.Only/locations/westeurope/operations/"

/* The paths, after the subscription, at which operations of a kind of resource are polled: by
 * Azure-AsyncOperation and by Location; NULL: at the same path, with a parameter. */
static const struct {
    const char *kind, *status, *location;
} places[] = {
    {"resourceGroups/", NOWHERE, "/operationresults/"},
    {"disks/", "/providers/Microsoft.Compute/locations/westeurope/DiskOperations/", NULL},
    {"networkInterfaces/", "/providers/Microsoft.Network/locations/westeurope/operations/",
     "/providers/Microsoft.Network/locations/westeurope/operationResults/"},
    {"publicIPAddresses/", "/providers/Microsoft.Network/locations/westeurope/operations/",
     "/providers/Microsoft.Network/locations/westeurope/operationResults/"},
    {"sshPublicKeys/", NOWHERE, NULL},
    {"tags/", NOWHERE, NULL},
    {"", "/providers/Microsoft.Compute/locations/westeurope/operations/", NULL}, /* all others */
};

/* The URL of an operation, as long as the test sets: Azure's contain a signature of kilobytes.
 */
static void armop_add_url(const struct armsim *a, const struct request *r, struct reply *reply,
                          bool location, const char *kind, const char *id)
{
    struct buf url = buf_make((size_t)1 << 16);
    const char *elsewhere = jstr(a->settings, "operations_at");
    size_t i = 0;
    while (strncmp(kind, places[i].kind, strlen(places[i].kind)) != 0)
        i++;
    bool shared = location && !places[i].location;
    buf_addf(&url,
             "%s/subscriptions/%s%s%s?p=25ce2b79%s&api-version=2022-08-01"
             "&t=638000000000000000&c=",
             elsewhere ? elsewhere : a->url, r->account,
             location && !shared ? places[i].location : places[i].status, id,
             shared ? "&monitor=true" : "");
    while ((int64_t)url.size < armsim_number(a, "url_size", 0) &&
           buf_adds(&url, "MIIHhzCCBm-gAwIB"))
        continue;
    buf_adds(&url, "&h=end");
    reply_header(reply, location ? "Location" : "Azure-AsyncOperation", buf_str(&url));
    buf_free(&url);
}

static void armop_add_retry_after(const struct armsim *a, struct reply *reply)
{
    const char *value = json_string_value(json_object_get(a->settings, "retry_after"));
    if (!value || *value)
        reply_header(reply, "Retry-After", value ? value : "0");
}

void armsim_begin(struct armsim *a, struct request *r, struct reply *reply, const char *target,
                  enum style usual, int64_t now_ms)
{
    char id[48];
    enum style style = armop_ordered_style(a, r->operation, usual);
    if (style == STYLE_SYNC) {
        armop_take_effect(a, r->operation, target);
        return;
    }
    snprintf(id, sizeof id, "aaaaaaaa-0000-4000-8000-%012x", ++a->operation_count);
    json_int_t due_ms = now_ms + armsim_number(a, "operation_ms", 0);
    json_object_set_new(a->operations, id,
                        json_pack("{s:s, s:s, s:I, s:I, s:s, s:b}", "kind", r->operation, "target",
                                  target, "begun", (json_int_t)now_ms, "due", due_ms, "status",
                                  "InProgress", "no_content", style == STYLE_LOCATION_204));
    reply->status = 202;
    if (style == STYLE_ASYNC)
        armop_add_url(a, r, reply, false, r->operation, id);
    armop_add_url(a, r, reply, true, r->operation, id);
    armop_add_retry_after(a, reply);
}

/* --- polls --- */

static void armop_poll_location(const struct armsim *a, const json_t *operation, struct request *r,
                                struct reply *reply)
{
    const char *status = jstr(operation, "status");
    if (strcmp(status, "InProgress") == 0) {
        reply->status = 202;
        armop_add_url(a, r, reply, true, jstr(operation, "kind"), strrchr(r->detail, '/') + 1);
        armop_add_retry_after(a, reply);
    } else if (strcmp(status, "Failed") == 0) {
        armsim_error(r, reply, 409, jstr(operation, "error.code"), "%s",
                     jstr(operation, "error.message"));
    } else if (jbool(operation, "no_content", false)) {
        reply->status = 204;
    }
}

static void armop_poll_status(const struct armsim *a, const json_t *operation, const char *id,
                              struct reply *reply)
{
    char begun[21];
    clock_iso(jint(operation, "begun", 0), begun);
    if (strcmp(jstr(operation, "status"), "InProgress") == 0)
        armop_add_retry_after(a, reply);
    reply_json(reply,
               json_pack("{s:s, s:s, s:s, s:O*}", "name", id, "status", jstr(operation, "status"),
                         "startTime", begun, "error", json_object_get(operation, "error")));
    reply->type = "application/json; charset=utf-8";
}

void armsim_poll(struct armsim *a, struct request *r, struct reply *reply, const char *id,
                 bool location)
{
    const json_t *operation = json_object_get(a->operations, id);
    if (!operation)
        armsim_error(r, reply, 404, "NotFound", "The operation %s is not known.", id);
    else if (location)
        armop_poll_location(a, operation, r, reply);
    else
        armop_poll_status(a, operation, id, reply);
}
