/* Long-running operations of Resource Manager, looked at once in a while. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm_private.h"
#include "lib/azure/classify.h"
#include "lib/json/jpath.h"
#include "lib/net/retry_after.h"

#define WAIT_FIRST_MS 1000
#define WAIT_MAX_MS   30000
#define ASKED_MIN_MS  100 /* a Retry-After of 0 is no call for haste */

void arm_poll_free(struct arm_poll *p)
{
    free(p->url);
    free(p->operation);
    free(p->bucket);
    *p = (struct arm_poll){0};
}

/* When to look next: as the answer says, else sooner at first. */
static int64_t next_wait(const struct http_response *response, unsigned polls)
{
    int64_t asked = retry_after_ms(response);
    int64_t own = polls < 5 ? (int64_t)WAIT_FIRST_MS << polls : WAIT_MAX_MS;
    if (asked >= 0)
        return asked < ASKED_MIN_MS ? ASKED_MIN_MS : asked;
    return own;
}

enum state { RUNNING, SUCCEEDED, FAILED };

static enum state state_of(const char *status)
{
    if (strcasecmp(status, "Succeeded") == 0)
        return SUCCEEDED;
    return strcasecmp(status, "Failed") == 0 || strcasecmp(status, "Canceled") == 0 ? FAILED
                                                                                    : RUNNING;
}

/* The operation has failed. Asking after it again would say the same: no kind that calls for that
 * may come out. */
static bool operation_failed(const char *operation, const struct http_response *response,
                             const json_t *document, const char *status, struct err *err)
{
    const json_t *error = jget(document, "error");
    if (error) {
        arm_error(operation, response, error, err);
    } else {
        err_set(err, ERR_PROVIDER, strcasecmp(status, "Canceled") == 0 ? "Canceled" : "Failed",
                "the operation ended with status %.40s", status);
        snprintf(err->operation, sizeof(err->operation), "%s", operation);
    }
    err->kind = azure_classify(err->code, 0);
    if (err_is_retryable(err) || err->kind == ERR_EXPIRED)
        err->kind = ERR_PROVIDER;
    err->http_status = 0;
    err->retry_after_ms = -1;
    return false;
}

/* The address as given, or, where it begins with a slash, on the configured host. NULL when out of
 * memory. */
static char *resolve(const struct azure *azure, const char *url)
{
    struct buf whole = buf_make(ARM_URL_MAX);
    bool relative = url[0] == '/' && url[1] != '/';
    buf_addf(&whole, "%s%s", relative ? azure_cloud(azure)->arm : "", url);
    char *resolved = buf_take(&whole);
    buf_free(&whole);
    return resolved;
}

static bool set_url(struct azure *azure, struct arm_poll *p, const char *url, struct err *err)
{
    char *resolved = resolve(azure, url);
    if (!resolved) {
        return err_set(err, ERR_LIMIT, "",
                       "the address of the operation is longer than 16 KB, or there is no memory");
    }
    free(p->url);
    p->url = resolved;
    return true;
}

/* Which way the operation is to be followed, and where; NULL: it is complete. */
static const char *find_way(const struct arm_request *r, const struct http_response *response,
                            const json_t *answer, struct arm_poll *p)
{
    const char *status = http_headers_get(&response->headers, "Azure-AsyncOperation");
    const char *location = http_headers_get(&response->headers, "Location");
    const char *state = jstr(answer, "properties.provisioningState");
    if (status && *status)
        return status;
    if (location && *location) {
        p->location = true;
        return location;
    }
    bool writes = strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;
    p->resource = writes && state && state_of(state) != SUCCEEDED;
    return p->resource ? r->url : NULL;
}

bool arm_poll_begin(struct azure *azure, const struct arm_request *r,
                    const struct http_response *response, const json_t *answer, struct arm_poll *p,
                    struct err *err)
{
    const char *url = find_way(r, response, answer, p);
    const char *state = jstr(answer, "properties.provisioningState");
    if (!url)
        return true;
    if (p->resource && state_of(state) == FAILED)
        return operation_failed(r->operation, response, answer, state, err);
    p->wait_ms = next_wait(response, 0);
    p->operation = strdup(r->operation);
    p->bucket = strdup(r->bucket);
    bool ok = (p->operation && p->bucket) || err_set(err, ERR_INTERNAL, "", "out of memory");
    if (!ok || !set_url(azure, p, url, err)) {
        arm_poll_free(p);
        return false;
    }
    return true;
}

/* Reads a status, at `path` of the document. */
static bool read_status(const struct arm_poll *p, const char *path,
                        const struct http_response *response, bool *done, struct err *err)
{
    json_t *document = arm_document(response);
    const char *status = jstr(document, path);
    bool ok = true;
    if (!status && p->resource && document) {
        *done = true; /* no provisioningState: nothing is under way */
    } else if (!status) {
        ok = err_set(err, ERR_TRANSIENT, "", "the operation's answer has no status");
        snprintf(err->operation, sizeof(err->operation), "%s", p->operation);
    } else if (state_of(status) == FAILED) {
        ok = operation_failed(p->operation, response, document, status, err);
    } else {
        *done = state_of(status) == SUCCEEDED;
    }
    json_decref(document);
    return ok;
}

/* Reads what a Location has answered: 202 means running, and it may have moved. */
static bool read_location(struct azure *azure, struct arm_poll *p,
                          const struct http_response *response, bool *done, struct err *err)
{
    const char *next = http_headers_get(&response->headers, "Location");
    if (arm_is_page(response)) {
        err_set(err, ERR_TRANSIENT, "UnreadableAnswer", ARM_PAGE);
        snprintf(err->operation, sizeof(err->operation), "%s", p->operation);
        return false;
    }
    *done = response->status != 202;
    return *done || !next || !*next || set_url(azure, p, next, err);
}

bool arm_poll_once(struct azure *azure, struct http_client *http, struct arm_poll *p, bool *done,
                   struct err *err)
{
    struct http_response response;
    struct arm_request r = {
        .method = "GET", .url = p->url, .operation = p->operation, .bucket = p->bucket};
    *done = false;
    if (!arm_send(azure, http, &r, &response, err))
        return false;
    p->polls++;
    p->wait_ms = next_wait(&response, p->polls);
    bool ok = true;
    if (response.status == 204) {
        *done = true;
    } else if (!p->location) {
        ok = read_status(p, p->resource ? "properties.provisioningState" : "status", &response,
                         done, err);
    } else {
        ok = read_location(azure, p, &response, done, err);
    }
    http_response_free(&response);
    return ok;
}

/* --- in a task's state --- */

json_t *arm_poll_json(const struct arm_poll *p)
{
    const char *way = p->location ? "location" : p->resource ? "resource" : "status";
    return json_pack("{s:s, s:s, s:s, s:s, s:I, s:I}", "url", p->url, "way", way, "operation",
                     p->operation, "bucket", p->bucket, "wait_ms", (json_int_t)p->wait_ms, "polls",
                     (json_int_t)p->polls);
}

bool arm_poll_from_json(const json_t *value, struct arm_poll *p)
{
    const char *url = jstr(value, "url");
    const char *way = jstr(value, "way");
    const char *operation = jstr(value, "operation");
    const char *bucket = jstr(value, "bucket");
    int64_t wait_ms = jint(value, "wait_ms", -1);
    int64_t polls = jint(value, "polls", -1);
    *p = (struct arm_poll){0};
    if (!url || strlen(url) > ARM_URL_MAX || !way || !operation || strlen(operation) > 200 ||
        !bucket || strlen(bucket) > 200 || wait_ms < 0 || polls < 0 || polls > INT32_MAX)
        return false;
    *p = (struct arm_poll){.url = strdup(url),
                           .wait_ms = wait_ms,
                           .polls = (unsigned)polls,
                           .location = strcmp(way, "location") == 0,
                           .resource = strcmp(way, "resource") == 0,
                           .operation = strdup(operation),
                           .bucket = strdup(bucket)};
    if (!p->url || !p->operation || !p->bucket) {
        arm_poll_free(p);
        return false;
    }
    return true;
}
