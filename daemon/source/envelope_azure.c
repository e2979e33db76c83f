/* Recognizes the messages that Azure Event Grid puts into a storage queue.
 *
 * The shapes:
 * https://learn.microsoft.com/azure/event-grid/event-schema,
 * https://github.com/cloudevents/spec/blob/v1.0.2/cloudevents/formats/json-format.md and
 * https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage. As with AWS's, a message
 * is taken as a whole or not at all. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "daemon/source/envelope_parts.h"
#include "lib/azure/names.h"
#include "lib/base/buf.h"
#include "lib/base/crypto.h"
#include "lib/base/utf8.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

/* The other types of events of a storage account, from
 * https://learn.microsoft.com/azure/event-grid/event-schema-blob-storage. A type that is not listed
 * may announce a new blob in another way: its message is kept. */
static const char *const grid_other_types[] = {
    "Microsoft.Storage.BlobDeleted",
    "Microsoft.Storage.BlobTierChanged",
    "Microsoft.Storage.AsyncOperationInitiated",
    "Microsoft.Storage.BlobInventoryPolicyCompleted",
    "Microsoft.Storage.LifecyclePolicyCompleted",
    "Microsoft.Storage.DirectoryCreated",
    "Microsoft.Storage.DirectoryRenamed",
    "Microsoft.Storage.DirectoryDeleted",
    "Microsoft.Storage.StorageTaskQueued",
    "Microsoft.Storage.StorageTaskCompleted",
    "Microsoft.Storage.StorageTaskAssignmentQueued",
    "Microsoft.Storage.StorageTaskAssignmentCompleted",
    NULL,
};

#define SUBJECT_START "/blobServices/default/containers/"
#define SUBJECT_BLOBS "/blobs/"
#define BLANKS        " \t\r\n"

/* Container, '/', name; in a URL each byte may take three. */
#define PATH_MAX_BYTES (64 + ENVELOPE_KEY_MAX)

static bool grid_starts_with(const char *text, const char *with)
{
    return strncmp(text, with, strlen(with)) == 0;
}

/* --- where a blob is --- */

/* Appends "host[:port]" in comparable form: lowercase, without the scheme's default port, and with
 * the account's host for file systems (Data Lake Storage) replaced by the one for blobs. *path
 * becomes what follows. False if the URL has no host. */
static bool grid_read_host(const char *url, struct buf *host, const char **path)
{
    struct uri_parts parts;
    /* A host that is not valid is a foreign one. */
    if (uri_split_origin(url, &parts, path) && parts.authority.size == 0)
        return false;
    for (const char *c = parts.authority.at, *end = c + parts.authority.size; c < end; c++) {
        if (strncasecmp(c, ".dfs.", 5) == 0) {
            buf_adds(host, ".blob");
            c += 4;
        }
        buf_addc(host, (char)tolower((unsigned char)*c));
    }
    return buf_ok(host);
}

/* Returns what follows the endpoint and a '/' in the URL: container, '/', name, as sent. NULL if
 * the URL is elsewhere; *foreign becomes its host. */
static const char *grid_within(const char *url, const char *endpoint, char *foreign, size_t size)
{
    struct buf here = buf_make(512), there = buf_make(512);
    const char *root = "", *path = "";
    const char *found = NULL;
    if (grid_read_host(endpoint, &here, &root) && grid_read_host(url, &there, &path) &&
        strcmp(buf_str(&here), buf_str(&there)) == 0 && grid_starts_with(path, root) &&
        path[strlen(root)] == '/')
        found = path + strlen(root) + 1;
    if (!found)
        snprintf(foreign, size, "%s", buf_str(&there));
    buf_free(&here);
    buf_free(&there);
    return found;
}

/* Appends "container/name" of a subject; false if it is not the subject of a blob. */
static bool grid_read_subject(const char *subject, struct buf *to)
{
    if (!subject || !grid_starts_with(subject, SUBJECT_START))
        return false;
    subject += strlen(SUBJECT_START);
    const char *blobs = strstr(subject, SUBJECT_BLOBS);
    return blobs && buf_add(to, subject, (size_t)(blobs - subject)) && buf_addc(to, '/') &&
           buf_adds(to, blobs + strlen(SUBJECT_BLOBS));
}

/* Appends "container/name", decoded. The subject has the name as it is. Whether the URL has it
 * encoded is not documented, so both forms are accepted. */
static bool grid_find_path(struct envelope_reader *r, const char *subject, const char *field,
                           const char *sent, struct buf *path)
{
    struct buf decoded = buf_make(PATH_MAX_BYTES);
    bool plain = !uri_decode(&decoded, sent, strlen(sent), false);
    const char *named = plain ? sent : buf_str(&decoded);
    bool ok = true;
    if (!grid_read_subject(subject, path)) {
        buf_reset(path);
        ok = buf_adds(path, named);
    } else if (strcmp(buf_str(path), sent) != 0 && strcmp(buf_str(path), named) != 0) {
        err_set(r->err, ERR_INVALID, "", "subject and %s name different blobs: \"%.200s\"", field,
                subject);
        buf_free(&decoded);
        return false;
    }
    buf_free(&decoded);
    return ok || err_set(r->err, ERR_INVALID, "", "the blob's name is longer than %d bytes",
                         ENVELOPE_KEY_MAX);
}

/* Adds "container/name" if it is an event. */
static bool grid_take_path(struct envelope_reader *r, const char *path)
{
    const char *slash = strchr(path, '/');
    const char *key = slash ? slash + 1 : "";
    size_t n = strlen(key);
    if (n == 0 || n > ENVELOPE_KEY_MAX || !utf8_valid(key, n))
        return err_set(r->err, ERR_INVALID, "",
                       "the blob's name has %zu bytes, or is not UTF-8; 1 to %d are allowed", n,
                       ENVELOPE_KEY_MAX);
    if (!envelope_is_event(key)) {
        r->to->ignored++;
        return true;
    }
    char container[64] = "";
    if ((size_t)(slash - path) < sizeof container)
        memcpy(container, path, (size_t)(slash - path));
    const char *problem = azure_container_problem(container);
    if (problem)
        return err_set(r->err, ERR_INVALID, "", "\"%.80s\" %s", path, problem);
    envelope_add(r, container, key);
    return true;
}

/* Takes an event of the blob at the URL in `field`. */
static bool grid_take_blob(struct envelope_reader *r, const json_t *event, const char *field,
                           const char *endpoint)
{
    const char *url = jstr(event, field);
    if (!url)
        return err_set(r->err, ERR_INVALID, "", "an event of a blob without %s", field);
    char foreign[sizeof r->to->foreign] = "";
    const char *sent = grid_within(url, endpoint, foreign, sizeof foreign);
    if (!sent && *foreign == '\0')
        return err_set(r->err, ERR_INVALID, "", "%s is not a URL: \"%.100s\"", field, url);
    if (!sent) {
        memcpy(r->to->foreign, foreign, sizeof foreign);
        r->to->ignored++;
        return true;
    }
    struct buf path = buf_make(PATH_MAX_BYTES);
    bool ok = grid_find_path(r, jstr(event, "subject"), field, sent, &path) &&
              grid_take_path(r, buf_str(&path));
    buf_free(&path);
    return ok;
}

/* --- events --- */

/* In accounts with a file system, a blob is created empty, and complete only when flushed. */
static bool grid_is_complete(const json_t *event)
{
    const char *api = jstr(event, "data.api");
    return !api || (strcmp(api, "CreateFile") != 0 && strcmp(api, "SftpCreate") != 0);
}

/* The type of an event in either schema; NULL with r->err. */
static const char *grid_type_of(struct envelope_reader *r, const json_t *event, size_t i)
{
    const char *grid = jstr(event, "eventType");
    const char *version = jstr(event, "specversion");
    if (grid && version) {
        err_set(r->err, ERR_INVALID, "", "event %zu has members of two schemas", i);
        return NULL;
    }
    if (!grid && !version) {
        err_set(r->err, ERR_INVALID, "",
                "event %zu is neither in Event Grid's schema nor a CloudEvent", i);
        return NULL;
    }
    if (grid)
        return grid;
    const char *type = jstr(event, "type");
    if (strcmp(version, "1.0") == 0 && type)
        return type;
    err_set(r->err, ERR_INVALID, "",
            "event %zu is a CloudEvent of the unknown specversion \"%.16s\", or without a type", i,
            version);
    return NULL;
}

static bool grid_take_event(struct envelope_reader *r, const json_t *event, size_t i,
                            const char *endpoint)
{
    const char *type = grid_type_of(r, event, i);
    if (!type)
        return false;
    if (envelope_ignores(r, grid_other_types, type))
        return true;
    /* In accounts with a file system, the only event for a file that was renamed into place. */
    if (strcmp(type, "Microsoft.Storage.BlobRenamed") == 0)
        return grid_take_blob(r, event, "data.destinationUrl", endpoint);
    if (strcmp(type, "Microsoft.Storage.BlobCreated") != 0)
        return err_set(r->err, ERR_INVALID, "", "event %zu is of the type \"%.100s\"", i, type);
    if (!grid_is_complete(event)) {
        r->to->ignored++;
        return true;
    }
    return grid_take_blob(r, event, "data.url", endpoint);
}

static bool grid_take_all(struct envelope_reader *r, const json_t *root, const char *endpoint)
{
    if (json_is_object(root))
        return grid_take_event(r, root, 0, endpoint);
    if (json_array_size(root) == 0)
        return err_set(r->err, ERR_INVALID, "", "the message is JSON, but has no events");
    size_t i;
    const json_t *event;
    json_array_foreach(root, i, event)
        if (!grid_take_event(r, event, i, endpoint))
            return false;
    return true;
}

/* --- the body --- */

/* Returns the text of the message: itself, or what it is in base64, kept by *decoded. NULL with
 * *err. */
static const char *grid_text_of(const char *body, size_t *size, struct buf *decoded,
                                struct err *err)
{
    size_t blank = 0;
    while (blank < *size && strchr(BLANKS, body[blank]) && body[blank] != '\0')
        blank++;
    if (blank < *size && (body[blank] == '{' || body[blank] == '['))
        return body;
    if (blank == *size || !base64_decode(decoded, body, *size)) {
        err_set(err, ERR_INVALID, "", "the message is neither JSON nor base64");
        return NULL;
    }
    *size = decoded->size;
    return buf_str(decoded);
}

enum envelope_kind envelope_azure_parse(const char *body, size_t size, const char *endpoint,
                                        struct envelope *to, struct err *err)
{
    struct envelope_reader r = {.to = to, .err = err};
    struct buf decoded = buf_make(ENVELOPE_MAX);
    enum envelope_kind kind = ENVELOPE_UNKNOWN;
    json_t *root = NULL;
    *to = (struct envelope){0};
    const char *text = NULL;
    if (size > ENVELOPE_MAX)
        err_set(err, ERR_LIMIT, "", "a message of %zu bytes; at most %u are read", size,
                ENVELOPE_MAX);
    else
        text = grid_text_of(body, &size, &decoded, err);
    if (text)
        root = envelope_json(text, size, err);
    if (root && grid_take_all(&r, root, endpoint))
        kind = ENVELOPE_EVENTS;
    if (kind != ENVELOPE_EVENTS)
        envelope_free(to);
    json_decref(root);
    buf_free(&decoded);
    return kind;
}
