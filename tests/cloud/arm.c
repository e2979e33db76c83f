/* Handles requests to the small Azure Resource Manager: authentication, operation names, and the
 * responses of simple operations.
 * Source: Azure REST documentation of Compute, Network and Resources. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/base/memory.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"
#include "tests/cloud/arm_table.h"

#define TAGS_TAIL "/providers/microsoft.resources/tags/default"
#define PATH_SIZE 2048

/* Returns the part of an ID between "/providers/" and the name. */
static const struct armsim_type types[] = {
    {"Microsoft.Compute/virtualMachines", STYLE_ASYNC, NULL, NULL, 0},
    {"Microsoft.Compute/disks", STYLE_ASYNC, "Microsoft.Compute/virtualMachines",
     "OperationNotAllowed", 409},
    {"Microsoft.Compute/images", STYLE_ASYNC, NULL, NULL, 0},
    {"Microsoft.Compute/sshPublicKeys", STYLE_SYNC, NULL, NULL, 0},
    {"Microsoft.Network/networkInterfaces", STYLE_ASYNC, "Microsoft.Compute/virtualMachines",
     "NicInUse", 400},
    {"Microsoft.Network/publicIPAddresses", STYLE_LOCATION_204,
     "Microsoft.Network/networkInterfaces", "PublicIPAddressCannotBeDeleted", 400},
};

/* --- contents --- */

struct armsim *armsim_new(const char *url, struct faults *faults)
{
    struct armsim *a = xmalloc(sizeof *a);
    *a = (struct armsim){
        .url = url,
        .faults = faults,
        .tokens = azure_tokens_new(),
        .resources = json_object(),
        .groups = json_object(),
        .subscriptions = json_object(),
        .operations = json_object(),
        .settings = json_object(),
    };
    return a;
}

void armsim_free(struct armsim *a)
{
    if (!a)
        return;
    azure_tokens_free(a->tokens);
    json_decref(a->resources);
    json_decref(a->groups);
    json_decref(a->subscriptions);
    json_decref(a->operations);
    json_decref(a->settings);
    free(a);
}

void armsim_clear(struct armsim *a)
{
    azure_tokens_clear(a->tokens);
    json_object_clear(a->resources);
    json_object_clear(a->groups);
    json_object_clear(a->subscriptions);
    json_object_clear(a->operations);
    json_object_clear(a->settings);
}

static void arm_to_lower(char *text)
{
    for (; *text; text++)
        *text = (char)tolower((unsigned char)*text);
}

static bool arm_put_member(struct armsim *a, json_t *resource)
{
    char id[PATH_SIZE];
    const char *given = jstr(resource, "id");
    snprintf(id, sizeof id, "%s", given ? given : "");
    arm_to_lower(id);
    char *providers = strstr(id, "/providers/");
    char *groups = strstr(id, "/resourcegroups/");
    if (strncmp(id, "/subscriptions/", 15) != 0 || !providers || !groups || !armsim_type_of(id))
        return false;
    if (json_object_set(a->resources, id, resource) != 0)
        return false;
    *providers = '\0';
    bool ok = json_object_set_new(a->groups, id, json_true()) == 0;
    *groups = '\0';
    return ok && json_object_set_new(a->subscriptions, id + 15, json_true()) == 0;
}

bool armsim_put(struct armsim *a, const json_t *resources)
{
    for (size_t i = 0; i < json_array_size(resources); i++) {
        json_t *copy = json_deep_copy(json_array_get(resources, i));
        bool ok = copy && arm_put_member(a, copy);
        json_decref(copy);
        if (!ok)
            return false;
    }
    return json_is_array(resources);
}

bool armsim_set(struct armsim *a, const json_t *settings)
{
    if (json_is_true(json_object_get(settings, "revoke")))
        azure_tokens_revoke(a->tokens);
    return json_is_object(settings) && json_object_update(a->settings, (json_t *)settings) == 0;
}

json_t *armsim_json(struct armsim *a, int64_t now_ms)
{
    json_t *all = json_object();
    const char *id;
    json_t *resource;
    armsim_settle(a, now_ms);
    json_object_foreach(a->resources, id, resource)
        json_object_set(all, jstr(resource, "id"), resource);
    return all;
}

int64_t armsim_number(const struct armsim *a, const char *name, int64_t otherwise)
{
    const json_t *value = json_object_get(a->settings, name);
    return json_is_integer(value) ? json_integer_value(value) : otherwise;
}

/* --- names --- */

const struct armsim_type *armsim_type(const char *type, size_t size)
{
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        if (strlen(types[i].name) == size && strncasecmp(types[i].name, type, size) == 0)
            return &types[i];
    return NULL;
}

const struct armsim_type *armsim_type_of(const char *id)
{
    const char *at = strcasestr(id, "/providers/");
    if (!at)
        return NULL;
    at += strlen("/providers/");
    size_t size = strcspn(at, "/");
    if (at[size] == '/')
        size += 1 + strcspn(at + size + 1, "/");
    return armsim_type(at, size);
}

/* Writes the path decoded and in lower case. */
static void arm_plain_path(const struct request *r, char to[PATH_SIZE])
{
    struct buf plain = buf_make(PATH_SIZE - 1);
    if (!uri_decode(&plain, r->path, strlen(r->path), false))
        buf_reset(&plain);
    snprintf(to, PATH_SIZE, "%s", buf_str(&plain));
    arm_to_lower(to);
    buf_free(&plain);
}

static bool arm_ends_with(const char *text, const char *tail)
{
    size_t n = strlen(text), m = strlen(tail);
    return n >= m && strcmp(text + n - m, tail) == 0;
}

static const char *arm_verb_of(const struct request *r)
{
    return strcmp(r->method, "DELETE") == 0  ? "delete"
           : strcmp(r->method, "PATCH") == 0 ? "update"
           : strcmp(r->method, "PUT") == 0   ? "put"
                                             : "get";
}

/* Returns the action at the end of a path, such as "start", in the case in which it was sent; ""
 * for none. */
static const char *arm_action_of(const struct request *r)
{
    const char *at = strcasestr(r->path, "/providers/");
    for (unsigned i = 0; at && i < 4; i++)
        at = strchr(at + 1, '/');
    return at ? at + 1 : "";
}

bool armsim_owns(const struct request *r)
{
    return strncasecmp(r->path, "/subscriptions/", 15) == 0 ||
           strncmp(r->path, "/metadata/identity/", 19) == 0 ||
           arm_ends_with(r->path, "/oauth2/v2.0/token");
}

static void arm_name_request(struct request *r)
{
    char path[PATH_SIZE];
    arm_plain_path(r, path);
    const struct armsim_type *type = armsim_type_of(path);
    snprintf(r->service, sizeof r->service, "arm");
    snprintf(r->account, sizeof r->account, "%.*s", (int)strcspn(path + 15, "/"), path + 15);
    snprintf(r->detail, sizeof r->detail, "%.255s", path);
    if (strstr(path, "/operations/") || strstr(path, "/diskoperations/") ||
        strstr(path, "/operationresults/"))
        snprintf(r->operation, sizeof r->operation, "poll");
    else if (arm_ends_with(path, TAGS_TAIL))
        snprintf(r->operation, sizeof r->operation, "tags/%s", arm_verb_of(r));
    else if (!strstr(path, "/providers/"))
        snprintf(r->operation, sizeof r->operation, "resourceGroups/%s", arm_verb_of(r));
    else if (type)
        snprintf(r->operation, sizeof r->operation, "%s/%.30s", strchr(type->name, '/') + 1,
                 *arm_action_of(r) ? arm_action_of(r) : arm_verb_of(r));
    r->more = json_pack("{s:s, s:s, s:s, s:s%, s:s, s:s}", "method", r->method, "path", r->path,
                        "query", r->query, "body", buf_str(&r->body), r->body.size,
                        "content_length", request_header(r, "Content-Length"), "content_type",
                        request_header(r, "Content-Type"));
}

/* --- authentication and names --- */

void armsim_error(struct request *r, struct reply *reply, unsigned status, const char *code,
                  const char *format, ...)
{
    char text[512];
    va_list args;
    va_start(args, format);
    vsnprintf(text, sizeof text, format, args);
    va_end(args);
    reply_error(r, reply, status, code, text);
}

static bool arm_bearer_is_valid(const struct armsim *a, const struct request *r, int64_t now_ms)
{
    const char *header = request_header(r, "Authorization");
    return strncmp(header, "Bearer ", 7) == 0 && (strcmp(header + 7, CLOUD_BEARER) == 0 ||
                                                  azure_token_good(a->tokens, header + 7, now_ms));
}

bool armsim_check(struct armsim *a, struct request *r, struct reply *reply, int64_t now_ms)
{
    if (azure_token_names(r))
        return true;
    arm_name_request(r);
    reply_header(reply, "x-ms-request-id", r->id);
    reply_header(reply, "x-ms-correlation-request-id", r->id);
    if (!arm_bearer_is_valid(a, r, now_ms)) {
        armsim_error(r, reply, 401, "ExpiredAuthenticationToken",
                     "The access token is invalid or has expired.");
        reply_header(reply, "WWW-Authenticate",
                     "Bearer authorization_uri=\"https://login.windows.net/\", "
                     "error=\"invalid_token\"");
        return false;
    }
    return true;
}

/* --- requests --- */

json_t *armsim_find(struct armsim *a, struct request *r, struct reply *reply, const char *id)
{
    char group[PATH_SIZE];
    json_t *resource = json_object_get(a->resources, id);
    if (resource)
        return resource;
    snprintf(group, sizeof group, "%.*s", (int)(strstr(id, "/providers/") - id), id);
    if (!json_object_get(a->groups, group))
        armsim_error(r, reply, 404, "ResourceGroupNotFound",
                     "Resource group '%s' could not be found.", strrchr(group, '/') + 1);
    else
        armsim_error(r, reply, 404, "ResourceNotFound", "The Resource '%s' was not found.",
                     strrchr(id, '/') + 1);
    return NULL;
}

/* Returns true if a value contains a string that equals the ID. */
static bool arm_mentions_id(const json_t *value, const char *id)
{
    const char *name;
    json_t *one;
    size_t i;
    if (json_is_string(value))
        return strcasecmp(json_string_value(value), id) == 0;
    json_object_foreach((json_t *)value, name, one)
        if (arm_mentions_id(one, id))
            return true;
    json_array_foreach(value, i, one)
        if (arm_mentions_id(one, id))
            return true;
    return false;
}

/* Returns the resource that uses this one and prevents its deletion; NULL if none does. */
static const char *arm_holder_of(const struct armsim *a, const struct armsim_type *type,
                                 const char *id)
{
    const char *other;
    json_t *resource;
    if (!type->holder)
        return NULL;
    json_object_foreach(a->resources, other, resource)
        if (armsim_type_of(other) == armsim_type(type->holder, strlen(type->holder)) &&
            arm_mentions_id(json_object_get(resource, "properties"), id))
            return other;
    return NULL;
}

static void arm_delete_resource(struct armsim *a, struct request *r, struct reply *reply,
                                const struct armsim_type *type, const char *id, int64_t now_ms)
{
    json_t *resource = armsim_find(a, r, reply, id);
    if (!resource) {
        if (strstr(buf_str(&reply->body), "ResourceNotFound")) { /* in a group that is there */
            reply->status = (unsigned)armsim_number(a, "missing_status", 204);
            if (reply->status == 204)
                buf_reset(&reply->body);
        }
        return;
    }
    const char *holder = arm_holder_of(a, type, id);
    if (holder)
        armsim_error(r, reply, type->held_status, type->held_code, "%s is used by %s.", id, holder);
    else
        armsim_begin(a, r, reply, id, type->deletion, now_ms);
}

static void arm_perform_action(struct armsim *a, struct request *r, struct reply *reply, char *path,
                               int64_t now_ms)
{
    static const char *const actions[] = {"start", "powerOff", "deallocate"};
    const char *action = arm_action_of(r);
    path[strlen(path) - strlen(action) - 1] = '\0';
    if (!*request_header(r, "Content-Length")) {
        armsim_error(r, reply, 411, "LengthRequired", "The request has no Content-Length.");
        return;
    }
    for (size_t i = 0; i < sizeof actions / sizeof actions[0]; i++) {
        if (strcmp(actions[i], action) == 0 && strcmp(r->method, "POST") == 0) {
            if (armsim_find(a, r, reply, path))
                armsim_begin(a, r, reply, path, STYLE_ASYNC, now_ms);
            return;
        }
    }
    armsim_error(r, reply, 404, "InvalidResourceType", "The action '%.60s' is not known.", action);
}

static void arm_answer_resource(struct armsim *a, struct request *r, struct reply *reply,
                                char *path, int64_t now_ms)
{
    const struct armsim_type *type = armsim_type_of(path);
    json_t *resource;
    if (!type)
        armsim_error(r, reply, 404, "InvalidResourceType", "The resource type is not known.");
    else if (*arm_action_of(r))
        arm_perform_action(a, r, reply, path, now_ms);
    else if (strcmp(r->method, "DELETE") == 0)
        arm_delete_resource(a, r, reply, type, path, now_ms);
    else if (strcmp(r->method, "GET") != 0)
        armsim_error(r, reply, 405, "MethodNotAllowed", "This server does not do that.");
    else if ((resource = armsim_find(a, r, reply, path)))
        reply_json(reply, json_incref(resource));
    if (reply->status == 200)
        reply->type = "application/json; charset=utf-8";
}

static void arm_answer_group(struct armsim *a, struct request *r, struct reply *reply,
                             const char *path, int64_t now_ms)
{
    if (!json_object_get(a->groups, path))
        armsim_error(r, reply, 404, "ResourceGroupNotFound",
                     "Resource group '%s' could not be found.", strrchr(path, '/') + 1);
    else if (strcmp(r->method, "DELETE") == 0)
        armsim_begin(a, r, reply, path, STYLE_LOCATION, now_ms);
    else
        reply_json(reply, json_pack("{s:s}", "id", path));
}

static bool arm_has_version(const struct request *r)
{
    const char *at = strstr(r->query, "api-version=");
    int year, month, day;
    return at && sscanf(at, "api-version=%4d-%2d-%2d", &year, &month, &day) == 3;
}

static void arm_answer_arm(struct armsim *a, struct request *r, struct reply *reply, int64_t now_ms)
{
    char path[PATH_SIZE];
    arm_plain_path(r, path);
    armsim_settle(a, now_ms);
    reply->status = 200;
    reply_header(reply, "x-ms-ratelimit-remaining-subscription-resource-requests", "14999");
    if (!json_object_get(a->subscriptions, r->account)) {
        armsim_error(r, reply, 404, "SubscriptionNotFound",
                     "The subscription '%s' could not be found.", r->account);
    } else if (!arm_has_version(r)) {
        armsim_error(r, reply, 400, "MissingApiVersionParameter",
                     "The api-version query parameter (?api-version=) is required.");
    } else if (strcmp(r->operation, "poll") == 0) {
        armsim_poll(a, r, reply, strrchr(path, '/') + 1,
                    strstr(path, "/operationresults/") || strstr(r->query, "monitor=true"));
    } else if (arm_ends_with(path, TAGS_TAIL)) {
        path[strlen(path) - strlen(TAGS_TAIL)] = '\0';
        armsim_tags(a, r, reply, path, now_ms);
    } else if (strstr(path, "/providers/")) {
        arm_answer_resource(a, r, reply, path, now_ms);
    } else {
        arm_answer_group(a, r, reply, path, now_ms);
    }
}

void armsim_answer(struct armsim *a, struct request *r, struct reply *reply, int64_t now_ms)
{
    if (strcmp(r->service, "arm") == 0)
        arm_answer_arm(a, r, reply, now_ms);
    else
        azure_token_answer(a->tokens, r, reply, now_ms, armsim_number(a, "token_seconds", 3599));
}
