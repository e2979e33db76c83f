/* s3_clear_bucket: deletes all versions and delete markers, a page of the listing a run of the
 * step. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/bucket.h"
#include "lib/jpath.h"
#include "lib/uri.h"
#include "lib/xml.h"

#define BODY_MAX (8u << 20) /* a thousand keys, each of 1,024 bytes and escaped */
#define KEY_MAX  4096

static const struct aws_op list_versions = {&aws_s3,
                                            "ListObjectVersions",
                                            .method = "GET",
                                            .path = "/{Bucket}",
                                            .query = "versions",
                                            .root = "ListVersionsResult"};
static const struct aws_op delete_objects = {
    &aws_s3,           "DeleteObjects",        .method = "POST", .path = "/{Bucket}",
    .query = "delete", .root = "DeleteResult", .changes = true};
static const struct aws_op delete_object = {&aws_s3, "DeleteObject", .method = "DELETE",
                                            .path = "/{Bucket}/{Key+}", .changes = true};

/* --- listing --- */

/* A key out of a listing, decoded: a new string, NULL with ctx->err. */
static json_t *decoded(struct step_ctx *ctx, const char *key, bool encoded)
{
    struct buf plain = buf_make(KEY_MAX);
    json_t *text = NULL;
    if (key && (encoded ? uri_decode(&plain, key, strlen(key), true) : buf_adds(&plain, key)))
        text = json_stringn(buf_str(&plain), plain.size);
    if (!text)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                "the listing holds a key that cannot be read");
    buf_free(&plain);
    return text;
}

/* Appends the page's versions (or its delete markers) to `to` as {"key", "version"}. */
static bool add_entries(struct step_ctx *ctx, const json_t *page, const char *path, json_t *to)
{
    const char *encoding = jstr(page, "EncodingType");
    bool encoded = encoding && strcmp(encoding, "url") == 0;
    json_t *list = jlist(page, path);
    bool ok = list != NULL;
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const char *version = jstr(entry, "VersionId");
        json_t *key = ok ? decoded(ctx, jstr(entry, "Key"), encoded) : NULL;
        ok = key && json_array_append_new(to, json_pack("{s:o, s:s}", "key", key, "version",
                                                        version ? version : "null")) == 0;
    }
    json_decref(list);
    return ok;
}

/* Where a dry run, which deletes nothing, goes on. */
static bool keep_markers(struct step_ctx *ctx, const json_t *page)
{
    const char *encoding = jstr(page, "EncodingType");
    const char *version = jstr(page, "NextVersionIdMarker");
    json_t *key = decoded(ctx, jstr(page, "NextKeyMarker"), encoding && !strcmp(encoding, "url"));
    return key &&
           act_state_set(ctx, "markers",
                         json_pack("{s:o, s:s?}", "key-marker", key, "version-id-marker", version));
}

/* The next entries to delete: a new array, empty at the end; NULL with ctx->err. What is deleted
 * vanishes from the listing, so it always begins at its beginning. */
static json_t *next_entries(struct step_ctx *ctx, bool *more)
{
    json_t *params = json_pack("{s:s, s:s, s:s}", "Bucket", bucket_name(ctx), "encoding-type",
                               "url", "max-keys", "1000");
    if (params)
        json_object_update(params, json_object_get(ctx->state, "markers"));
    json_t *page = act_call(ctx, &list_versions, params);
    if (!page)
        return NULL;
    json_t *entries = json_array();
    *more = jbool(page, "IsTruncated", false);
    bool ok = add_entries(ctx, page, "Version", entries) &&
              add_entries(ctx, page, "DeleteMarker", entries) &&
              (!*more || !ctx->plan || keep_markers(ctx, page));
    json_decref(page);
    if (ok)
        return entries;
    if (ctx->err.kind == ERR_NONE)
        act_no_memory(ctx);
    json_decref(entries);
    return NULL;
}

/* --- deleting --- */

/* Whether XML 1.0 cannot hold the key, or would not give it back as it is. */
static bool awkward(const char *key)
{
    for (const unsigned char *c = (const unsigned char *)key; *c; c++)
        if (*c < ' ' || (c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE))
            return true;
    return false;
}

/* The request for the entries from the first up to one with an awkward key: their number. 0: the
 * very first has one. */
static size_t delete_body(const json_t *entries, struct buf *body)
{
    size_t i;
    json_t *entry;
    buf_adds(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    json_array_foreach(entries, i, entry)
    {
        if (awkward(jstr(entry, "key")))
            break;
        buf_adds(body, "<Object><Key>");
        xml_escape(body, jstr(entry, "key"));
        buf_adds(body, "</Key><VersionId>");
        xml_escape(body, jstr(entry, "version"));
        buf_adds(body, "</VersionId></Object>");
    }
    buf_adds(body, "</Delete>");
    return i;
}

/* HTTP 200 is not success: what could not be deleted is listed in the answer. The first of these
 * becomes the error. */
static bool all_deleted(struct step_ctx *ctx, const json_t *answer)
{
    json_t *failures = jlist(answer, "Error");
    size_t count = json_array_size(failures);
    const json_t *first = json_array_get(failures, 0);
    if (count > 0) {
        char shown[84];
        const char *code = jstr(first, "Code"), *message = jstr(first, "Message");
        const char *key = jstr(first, "Key");
        err_set(&ctx->err, aws_classify(&aws_s3, code, 0), code ? code : "",
                "%s (object \"%s\", one of %zu)", message ? message : "not deleted",
                act_shown(key ? key : "", shown), count);
        snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", delete_objects.name);
    }
    json_decref(failures);
    return count == 0;
}

static bool delete_one(struct step_ctx *ctx, const json_t *entry)
{
    return act_do(ctx, &delete_object,
                  json_pack("{s:s, s:s, s:s}", "Bucket", bucket_name(ctx), "Key",
                            jstr(entry, "key"), "versionId", jstr(entry, "version")));
}

/* Deletes the first entry, or as many as one request can name: their number, 0 with ctx->err. */
static size_t delete_some(struct step_ctx *ctx, const json_t *entries)
{
    struct buf body = buf_make(BODY_MAX);
    size_t count = delete_body(entries, &body);
    struct aws_call call = {
        .op = &delete_objects,
        .body = {.data = buf_str(&body), .size = body.size},
        .content_type = "application/xml",
        .content_md5 = true,
    };
    if (count == 0)
        count = delete_one(ctx, json_array_get(entries, 0)) ? 1 : 0;
    else if (!buf_ok(&body)) {
        act_no_memory(ctx);
        count = 0;
    } else {
        json_t *answer = act_call_full(ctx, &call, json_pack("{s:s}", "Bucket", bucket_name(ctx)));
        if (!answer || !all_deleted(ctx, answer))
            count = 0;
        json_decref(answer);
    }
    buf_free(&body);
    return count;
}

/* A dry run says how many, not which: it may be millions. */
static enum verdict plan_page(struct step_ctx *ctx, size_t count, bool more)
{
    json_t *params =
        json_pack("{s:s, s:I}", "Bucket", bucket_name(ctx), "Objects", (json_int_t)count);
    if (!params)
        return act_no_memory(ctx);
    if (count > 0 && ctx->planned)
        ctx->planned(ctx, aws_s3.id, delete_objects.name, params);
    json_decref(params);
    return more ? step_again(ctx, 0) : STEP_DONE;
}

static enum verdict clear(struct step_ctx *ctx)
{
    bool more = false;
    json_int_t deleted = json_integer_value(json_object_get(ctx->state, "deleted"));
    json_t *entries = next_entries(ctx, &more);
    if (!entries)
        return act_failed_with(ctx, "NoSuchBucket")
                   ? step_finished(ctx, "the bucket is already deleted")
                   : STEP_FAILED;
    size_t count = json_array_size(entries);
    if (ctx->plan || count == 0) {
        json_decref(entries);
        if (ctx->plan)
            return plan_page(ctx, count, more);
        if (deleted == 0)
            return step_finished(ctx, "already empty");
        return step_finished(ctx, "%lld objects and versions deleted", (long long)deleted);
    }
    count = delete_some(ctx, entries);
    json_decref(entries);
    if (count == 0 || !act_state_set(ctx, "deleted", json_integer(deleted + (json_int_t)count)))
        return STEP_FAILED;
    return step_again(ctx, 0);
}

const struct action action_s3_clear_bucket = {
    .name = "s3_clear_bucket",
    .display_name = "Clear an S3 Bucket",
    .description = "Deletes all objects of the bucket, in all their versions; the bucket stays.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:DeleteObject", "s3:DeleteObjectVersion",
                                         "s3:ListBucketVersions", NULL},
    .check = bucket_check,
    .steps = (const struct action_step[]){{"clear", clear, false}, {0}},
};
