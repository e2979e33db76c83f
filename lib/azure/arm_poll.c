/* Polls long-running operations of Resource Manager. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "lib/azure/arm_private.h"
#include "lib/azure/classify.h"
#include "lib/base/memory.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/net/retry_after.h"

#define WAIT_FIRST_MS 1000
#define WAIT_MAX_MS   30000
/* If Retry-After is less. */
#define RETRY_AFTER_MIN_MS 100

void arm_poll_free(struct arm_poll *p)
{
    free(p->url);
    free(p->operation);
    free(p->bucket);
    *p = (struct arm_poll){0};
}

/* Returns the pause until the next poll: Retry-After, else short at first. */
static int64_t poll_choose_wait(const struct http_response *response, unsigned polls)
{
    int64_t retry_after = retry_after_ms(response);
    int64_t own = polls < 5 ? (int64_t)WAIT_FIRST_MS << polls : WAIT_MAX_MS;
    if (retry_after < 0)
        return own;
    return retry_after < RETRY_AFTER_MIN_MS ? RETRY_AFTER_MIN_MS : retry_after;
}

enum poll_state { POLL_RUNNING, POLL_SUCCEEDED, POLL_FAILED };

static enum poll_state poll_state_of(const char *status)
{
    if (strcasecmp(status, "Succeeded") == 0)
        return POLL_SUCCEEDED;
    return strcasecmp(status, "Failed") == 0 || strcasecmp(status, "Canceled") == 0 ? POLL_FAILED
                                                                                    : POLL_RUNNING;
}

/* Sets *err to the failure of the operation. Another poll would bring the same, so the kind is
 * never a retryable one. Returns false. */
static bool poll_set_failure(const char *operation, const struct http_response *response,
                             const json_t *object, const char *status, struct err *err)
{
    const json_t *error = jget(object, "error");
    if (error) {
        arm_set_error(operation, response, error, err);
    } else {
        err_set(err, ERR_PROVIDER, strcasecmp(status, "Canceled") == 0 ? "Canceled" : "Failed",
                "the operation ended with status %.40s", status);
        snprintf(err->operation, sizeof err->operation, "%s", operation);
    }
    err->kind = azure_classify(err->code, 0);
    if (err_is_retryable(err) || err->kind == ERR_EXPIRED)
        err->kind = ERR_PROVIDER;
    err->http_status = 0;
    err->retry_after_ms = -1;
    return false;
}

/* Sets the URL to poll; one that begins with a slash is on the configured host. */
static bool poll_set_url(struct azure *azure, struct arm_poll *p, const char *url, struct err *err)
{
    struct buf whole = buf_make(ARM_URL_MAX);
    bool relative = url[0] == '/' && url[1] != '/';
    bool ok = utf8_valid(url, strlen(url)) ||
              err_set(err, ERR_PROVIDER, "", "the URL of the operation is not valid UTF-8");
    ok = ok && (buf_addf(&whole, "%s%s", relative ? azure_cloud(azure)->arm : "", url) ||
                err_set(err, ERR_LIMIT, "", "the URL of the operation is longer than 16 KB"));
    if (ok) {
        free(p->url);
        p->url = buf_take(&whole);
    }
    buf_free(&whole);
    return ok;
}

/* Determines how to poll the operation. Returns the URL, borrowed; NULL: it is complete. */
static const char *poll_find_url(const struct arm_request *r, const struct http_response *response,
                                 const json_t *object, struct arm_poll *p)
{
    const char *status = http_headers_get(&response->headers, "Azure-AsyncOperation");
    const char *location = http_headers_get(&response->headers, "Location");
    const char *state = jstr(object, "properties.provisioningState");
    if (status && *status)
        return status;
    if (location && *location) {
        p->location = true;
        return location;
    }
    bool writes = strcmp(r->method, "PUT") == 0 || strcmp(r->method, "PATCH") == 0;
    p->resource = writes && state && poll_state_of(state) != POLL_SUCCEEDED;
    return p->resource ? r->url : NULL;
}

bool arm_poll_begin(struct azure *azure, const struct arm_request *r,
                    const struct http_response *response, const json_t *object, struct arm_poll *p,
                    struct err *err)
{
    const char *url = poll_find_url(r, response, object, p);
    const char *state = jstr(object, "properties.provisioningState");
    if (!url)
        return true;
    if (p->resource && poll_state_of(state) == POLL_FAILED)
        return poll_set_failure(r->operation, response, object, state, err);
    p->wait_ms = poll_choose_wait(response, 0);
    p->operation = xstrdup(r->operation);
    p->bucket = xstrdup(r->bucket);
    if (poll_set_url(azure, p, url, err))
        return true;
    arm_poll_free(p);
    return false;
}

/* Reads the status at `path` of the response. */
static bool poll_read_status(const struct arm_poll *p, const char *path,
                             const struct http_response *response, bool *done, struct err *err)
{
    json_t *object = arm_read_object(response);
    const char *status = jstr(object, path);
    bool ok = true;
    if (!status && p->resource && object) {
        /* Without a provisioningState nothing is in progress. */
        *done = true;
    } else if (!status) {
        ok = err_set(err, ERR_TRANSIENT, "", "the response has no status of the operation");
        snprintf(err->operation, sizeof err->operation, "%s", p->operation);
    } else if (poll_state_of(status) == POLL_FAILED) {
        ok = poll_set_failure(p->operation, response, object, status, err);
    } else {
        *done = poll_state_of(status) == POLL_SUCCEEDED;
    }
    json_decref(object);
    return ok;
}

/* Reads the response of a Location: 202 means running, possibly at another URL from now on. */
static bool poll_read_location(struct azure *azure, struct arm_poll *p,
                               const struct http_response *response, bool *done, struct err *err)
{
    const char *next = http_headers_get(&response->headers, "Location");
    if (arm_response_is_page(response)) {
        err_set(err, ERR_TRANSIENT, "UnreadableResponse", ARM_PAGE);
        snprintf(err->operation, sizeof err->operation, "%s", p->operation);
        return false;
    }
    *done = response->status != 202;
    return *done || !next || !*next || poll_set_url(azure, p, next, err);
}

bool arm_poll_once(struct azure *azure, struct http_client *http, struct arm_poll *p, bool *done,
                   struct err *err)
{
    struct arm_request r = {
        .method = "GET", .url = p->url, .operation = p->operation, .bucket = p->bucket};
    struct http_response response;
    *done = false;
    if (!arm_send(azure, http, &r, &response, err))
        return false;
    p->polls++;
    p->wait_ms = poll_choose_wait(&response, p->polls);
    bool ok = true;
    if (response.status == 204)
        *done = true;
    else if (p->location)
        ok = poll_read_location(azure, p, &response, done, err);
    else
        ok = poll_read_status(p, p->resource ? "properties.provisioningState" : "status", &response,
                              done, err);
    http_response_free(&response);
    return ok;
}

/* --- in a task's state --- */

json_t *arm_poll_to_json(const struct arm_poll *p)
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
    *p = (struct arm_poll){.url = xstrdup(url),
                           .wait_ms = wait_ms,
                           .polls = (unsigned)polls,
                           .location = strcmp(way, "location") == 0,
                           .resource = strcmp(way, "resource") == 0,
                           .operation = xstrdup(operation),
                           .bucket = xstrdup(bucket)};
    return true;
}
