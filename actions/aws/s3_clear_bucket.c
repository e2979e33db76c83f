/* s3_clear_bucket: deletes all versions and delete markers that exist when it begins, one page of
 * the listing each time the step runs. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/bucket.h"
#include "actions/parts.h"
#include "actions/state.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

/* A thousand keys, each of 1,024 bytes and escaped. */
#define BODY_MAX  (8u << 20)
#define KEY_MAX   4096
#define PAGE_MOST 1000
/* The number of times, a second apart, that a page may begin with an object that was deleted. */
#define LATE_MOST 20

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

/* Decodes a key of a listing: a new string, NULL with ctx->err. */
static json_t *clear_decode_key(struct step_ctx *ctx, const char *key, bool encoded)
{
    struct buf plain = buf_make(KEY_MAX);
    json_t *text = NULL;
    if (key && (encoded ? uri_decode(&plain, key, strlen(key), true) : buf_adds(&plain, key)))
        text = json_stringn(buf_str(&plain), plain.size);
    if (!text)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "the listing contains a key that cannot be decoded");
    buf_free(&plain);
    return text;
}

/* A page of the listing. */
struct page {
    /* {"key", "version", "modified", "left"}; left: it stays in the bucket. */
    json_t *entries;
    /* How many of them are before the first key that DeleteObjects cannot contain. */
    size_t plain;
    /* Whether there is such a key. */
    bool awkward;
    /* Whether there is another page. */
    bool more;
};

/* Whether XML 1.0 cannot contain the key, or would change it. */
static bool clear_key_is_awkward(const char *key)
{
    for (const unsigned char *c = (const unsigned char *)key; *c; c++)
        if (*c < ' ' || (c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE))
            return true;
    return false;
}

/* Whether it existed when the action began. What is written later is left, so that the action ends;
 * the times of S3 are in seconds. */
static bool clear_is_old(const struct step_ctx *ctx, const json_t *entry)
{
    const char *modified = jstr(entry, "LastModified");
    int64_t at_ms;
    return !modified || !clock_parse(modified, &at_ms) ||
           at_ms <= json_integer_value(json_object_get(ctx->state, "began"));
}

/* Appends the versions (or delete markers) of the page to `to`. False with ctx->err. */
static bool clear_add_entries(struct step_ctx *ctx, const json_t *response, const char *path,
                              json_t *to)
{
    const char *encoding = jstr(response, "EncodingType");
    bool encoded = encoding && strcmp(encoding, "url") == 0;
    json_t *list = jlist(response, path);
    bool ok = true;
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry) {
        const char *version = jstr(entry, "VersionId");
        const char *modified = jstr(entry, "LastModified");
        json_t *key = clear_decode_key(ctx, jstr(entry, "Key"), encoded);
        ok = ok && key;
        if (key)
            json_array_append_new(to, json_pack("{s:o, s:s, s:s, s:b}", "key", key, "version",
                                                version ? version : "null", "modified",
                                                modified ? modified : "", "left",
                                                !clear_is_old(ctx, entry)));
    }
    json_decref(list);
    return ok;
}

static bool clear_is_left(const json_t *entry)
{
    return json_is_true(json_object_get(entry, "left"));
}

static size_t clear_count_left(const json_t *entries)
{
    size_t n = 0, i;
    json_t *entry;
    json_array_foreach(entries, i, entry)
        n += clear_is_left(entry);
    return n;
}

/* Finds awkward keys. Versions and delete markers are two lists, each in the order of keys. */
static void clear_sift_page(struct page *page)
{
    const char *first = NULL;
    size_t i;
    json_t *entry;
    json_array_foreach(page->entries, i, entry) {
        const char *key = jstr(entry, "key");
        if (clear_key_is_awkward(key) && (!first || strcmp(key, first) < 0))
            first = key;
    }
    page->awkward = first != NULL;
    json_array_foreach(page->entries, i, entry)
        page->plain += !first || strcmp(jstr(entry, "key"), first) < 0;
}

static json_t *clear_markers(struct step_ctx *ctx, const json_t *response)
{
    const char *encoding = jstr(response, "EncodingType");
    const char *version = jstr(response, "NextVersionIdMarker");
    json_t *key = clear_decode_key(ctx, jstr(response, "NextKeyMarker"),
                                   encoding && strcmp(encoding, "url") == 0);
    return key ? json_pack("{s:o, s:s*}", "key-marker", key, "version-id-marker", version) : NULL;
}

/* Stores when the action began, by the clock of the service: the end of the second of the first
 * response. */
static void clear_keep_begin(struct step_ctx *ctx, const struct http_headers *headers)
{
    int64_t began_ms;
    const char *date = http_headers_get(headers, "Date");
    if (json_object_get(ctx->state, "began"))
        return;
    if (!date || !clock_parse(date, &began_ms))
        began_ms = ctx->clock->wall_ms(ctx->clock);
    step_state_set(ctx, "began", json_integer(began_ms + 999));
}

/* Lists at most `most` entries from the markers on: a new reference, NULL with ctx->err. */
static json_t *clear_list_from(struct step_ctx *ctx, const json_t *markers, int64_t most)
{
    char number[24];
    struct http_headers headers = {0};
    struct aws_call call = {.op = &list_versions, .response_headers = &headers};
    snprintf(number, sizeof number, "%lld", (long long)most);
    json_t *params = json_pack("{s:s, s:s, s:s}", "Bucket", bucket_name(ctx), "encoding-type",
                               "url", "max-keys", number);
    if (markers)
        json_object_update(params, (json_t *)markers);
    json_t *response = act_call_full(ctx, &call, params);
    if (response)
        clear_keep_begin(ctx, &headers);
    http_headers_free(&headers);
    return response;
}

/* Reads the next page; page->entries is a new reference. False with ctx->err. */
static bool clear_read_page(struct step_ctx *ctx, struct page *page)
{
    int64_t most = json_integer_value(json_object_get(ctx->state, "most"));
    json_t *response = clear_list_from(ctx, json_object_get(ctx->state, "markers"),
                                       most > 0 && most < PAGE_MOST ? most : PAGE_MOST);
    *page = (struct page){.entries = json_array(), .more = jbool(response, "IsTruncated", false)};
    bool ok = response && clear_add_entries(ctx, response, "Version", page->entries) &&
              clear_add_entries(ctx, response, "DeleteMarker", page->entries);
    if (ok)
        clear_sift_page(page);
    json_t *after = ok && ctx->plan && page->more ? clear_markers(ctx, response) : NULL;
    if (after)
        step_state_set(ctx, "after", after);
    else if (ctx->plan && page->more)
        ok = false;
    json_decref(response);
    if (ok)
        return true;
    json_decref(page->entries);
    page->entries = NULL;
    return false;
}

/* --- deleting --- */

static void clear_write_body(const json_t *entries, struct buf *body)
{
    size_t i;
    json_t *entry;
    buf_adds(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    json_array_foreach(entries, i, entry) {
        if (clear_is_left(entry))
            continue;
        buf_adds(body, "<Object><Key>");
        xml_escape(body, jstr(entry, "key"));
        buf_adds(body, "</Key><VersionId>");
        xml_escape(body, jstr(entry, "version"));
        buf_adds(body, "</VersionId></Object>");
    }
    buf_adds(body, "</Delete>");
}

/* Sets ctx->err to the error for one object. */
static void clear_set_rejection(struct step_ctx *ctx, const json_t *failure)
{
    const char *code = jstr(failure, "Code"), *message = jstr(failure, "Message");
    err_set(&ctx->err, aws_classify(&aws_s3, code, 0), code ? code : "", "%s",
            message ? message : "not deleted");
    snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", delete_objects.name);
}

/* Whether the errors of all objects are final; if not, ctx->err is the first that is not. */
static bool clear_all_final(struct step_ctx *ctx, const json_t *failures)
{
    size_t i;
    json_t *failure;
    json_array_foreach(failures, i, failure) {
        clear_set_rejection(ctx, failure);
        if (!parts_rejected(ctx))
            return false;
    }
    return true;
}

/* Marks the object that was rejected as left. */
static void clear_mark_left(json_t *entries, const json_t *failure)
{
    const char *key = jstr(failure, "Key"), *version = jstr(failure, "VersionId");
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry)
        if (key && strcmp(key, jstr(entry, "key")) == 0 &&
            (!version || !*version || strcmp(version, jstr(entry, "version")) == 0))
            json_object_set_new(entry, "left", json_true());
}

/* HTTP 200 is not success: the response lists the objects that could not be deleted. Final
 * rejections are stored; if any error may pass, the whole page is tried again and nothing is stored
 * yet. */
static bool clear_settle_page(struct step_ctx *ctx, const json_t *response, json_t *entries)
{
    size_t asked = json_array_size(entries) - clear_count_left(entries), i;
    json_t *failures = jlist(response, "Error");
    json_t *failure;
    if (!clear_all_final(ctx, failures)) {
        json_decref(failures);
        return false;
    }
    json_array_foreach(failures, i, failure) {
        const char *key = jstr(failure, "Key");
        clear_set_rejection(ctx, failure);
        parts_store_rejection(ctx, key ? key : "(an object without a key)");
        clear_mark_left(entries, failure);
    }
    size_t failed = json_array_size(failures);
    json_decref(failures);
    parts_count(ctx, failed < asked ? (int64_t)(asked - failed) : 0);
    return true;
}

static bool clear_delete_one(struct step_ctx *ctx, json_t *entry)
{
    int64_t failed = parts_failed(ctx);
    enum verdict verdict =
        act_step(ctx, &delete_object,
                 json_pack("{s:s, s:s, s:s}", "Bucket", bucket_name(ctx), "Key", jstr(entry, "key"),
                           "versionId", jstr(entry, "version")));
    if (parts_settle(ctx, verdict, jstr(entry, "key")) != STEP_DONE)
        return false;
    if (parts_failed(ctx) > failed)
        json_object_set_new(entry, "left", json_true());
    return true;
}

static bool clear_delete_page(struct step_ctx *ctx, json_t *entries)
{
    struct buf body = buf_make(BODY_MAX);
    clear_write_body(entries, &body);
    struct aws_call call = {
        .op = &delete_objects,
        .body = {.data = buf_str(&body), .size = body.size},
        .content_type = "application/xml",
        .content_md5 = true,
    };
    json_t *response = NULL;
    if (buf_ok(&body))
        response = act_call_full(ctx, &call, json_pack("{s:s}", "Bucket", bucket_name(ctx)));
    else
        err_set(&ctx->err, ERR_LIMIT, "", "a page of the listing exceeds %u bytes", BODY_MAX);
    bool ok = response && clear_settle_page(ctx, response, entries);
    json_decref(response);
    buf_free(&body);
    return ok;
}

/* A dry run reports how many objects, not which: there may be millions. */
static void clear_plan_page(struct step_ctx *ctx, size_t count)
{
    json_t *params =
        json_pack("{s:s, s:I}", "Bucket", bucket_name(ctx), "Objects", (json_int_t)count);
    if (count > 0 && ctx->planned)
        ctx->planned(ctx, aws_s3.id, delete_objects.name, params);
    json_decref(params);
}

/* Deletes the entries of the page. Whether the page is done; false with ctx->err. */
static bool clear_page(struct step_ctx *ctx, const struct page *page)
{
    size_t count = json_array_size(page->entries) - clear_count_left(page->entries);
    if (ctx->plan)
        clear_plan_page(ctx, count);
    if (ctx->plan || count == 0)
        return true;
    return page->awkward ? clear_delete_one(ctx, json_array_get(page->entries, 0))
                         : clear_delete_page(ctx, page->entries);
}

/* Whether a is listed after b: by key, then the newest first. */
static bool clear_is_after(const json_t *a, const json_t *b)
{
    int order = strcmp(jstr(a, "key"), jstr(b, "key"));
    return order > 0 || (order == 0 && strcmp(jstr(a, "modified"), jstr(b, "modified")) <= 0);
}

/* The last entry that is left; NULL: none. */
static const json_t *clear_last_left(const json_t *entries)
{
    const json_t *last = NULL;
    size_t i;
    json_t *entry;
    json_array_foreach(entries, i, entry)
        if (clear_is_left(entry) && (!last || clear_is_after(entry, last)))
            last = entry;
    return last;
}

/* Deleted objects disappear from the listing, unless the service is late. state.late counts how
 * often the listing begins with the same object. */
static enum verdict clear_start_over(struct step_ctx *ctx, const json_t *first)
{
    char shown[84];
    json_t *former = json_object_get(ctx->state, "first");
    int64_t late = 0;
    if (former && json_equal(former, json_object_get(first, "key")))
        late = json_integer_value(json_object_get(ctx->state, "late")) + 1;
    if (late > LATE_MOST)
        return step_invalid(ctx, "the object \"%s\" is listed again and again after its deletion",
                            act_shown(jstr(first, "key"), shown));
    step_state_set(ctx, "first", json_incref(json_object_get(first, "key")));
    step_state_set(ctx, "late", json_integer(late));
    return step_again(ctx, late > 0 ? 1000 : 0);
}

/* Goes on to the next page. Deleted objects disappear from the listing, so that the next page
 * begins where this one did, or after the last entry that is left: not every implementation of S3
 * can continue after an object that is gone. */
static enum verdict clear_advance(struct step_ctx *ctx, const struct page *page)
{
    json_object_del(ctx->state, "most");
    if (!page->more)
        return STEP_DONE;
    const json_t *last = clear_last_left(page->entries);
    json_t *markers = NULL;
    if (ctx->plan)
        markers = json_incref(json_object_get(ctx->state, "after"));
    else if (last)
        markers = json_pack("{s:O, s:O}", "key-marker", json_object_get(last, "key"),
                            "version-id-marker", json_object_get(last, "version"));
    else
        return clear_start_over(ctx, json_array_get(page->entries, 0));
    if (json_equal(markers, json_object_get(ctx->state, "markers"))) {
        json_decref(markers);
        err_set(&ctx->err, ERR_PROVIDER, "", "%s returns the same page again and again",
                list_versions.name);
        return STEP_FAILED;
    }
    step_state_set(ctx, "markers", markers);
    return step_again(ctx, 0);
}

/* Processes one page each time it runs, in the order of keys. A page with a key that DeleteObjects
 * cannot contain is read in smaller pieces, up to that key, which is deleted alone. */
static enum verdict clear_next_page(struct step_ctx *ctx)
{
    struct page page;
    if (!clear_read_page(ctx, &page))
        return act_failed_with(ctx, "NoSuchBucket")
                   ? step_finished(ctx, "the bucket is already deleted")
                   : STEP_FAILED;
    enum verdict verdict = STEP_FAILED;
    if (page.awkward && json_array_size(page.entries) > 1 && !ctx->plan) {
        step_state_set(ctx, "most", json_integer(page.plain ? (json_int_t)page.plain : 1));
        verdict = step_again(ctx, 0);
    } else if (clear_page(ctx, &page))
        verdict = clear_advance(ctx, &page);
    json_decref(page.entries);
    return verdict;
}

/* Objects that are in the bucket now were rejected, or written after the action began. */
static enum verdict clear_conclude(struct step_ctx *ctx)
{
    if (ctx->plan)
        return STEP_DONE;
    if (parts_failed(ctx) > 0)
        return parts_conclude(ctx, "objects and versions");
    json_t *left = json_array();
    json_t *response = clear_list_from(ctx, NULL, PAGE_MOST);
    bool ok = response && clear_add_entries(ctx, response, "Version", left) &&
              clear_add_entries(ctx, response, "DeleteMarker", left);
    bool more = jbool(response, "IsTruncated", false);
    size_t count = json_array_size(left);
    json_decref(response);
    json_decref(left);
    if (!ok)
        return act_failed_with(ctx, "NoSuchBucket")
                   ? step_finished(ctx, "the bucket has been deleted meanwhile")
                   : STEP_FAILED;
    long long done = parts_done(ctx);
    if (count > 0)
        return step_invalid(ctx,
                            "the bucket is not empty: %zu%s objects or versions were written while "
                            "it was cleared of %lld; find what writes to it, and clear it again",
                            count, more ? " or more" : "", done);
    if (done == 0)
        return step_finished(ctx, "already empty");
    return step_finished(ctx, "%lld objects and versions deleted", done);
}

/* What was written since is left after a takeover too. The clock of the service may be ahead of
 * this host's. */
static bool clear_moment_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_count(ctx, value) &&
           json_integer_value(value) <= ctx->clock->wall_ms(ctx->clock) + WAIT_MINUTES(5);
}

const struct action action_s3_clear_bucket = {
    .name = "s3_clear_bucket",
    .display_name = "Clear an S3 Bucket",
    .description = "Deletes all objects that the bucket contains when the action begins, in all "
                   "versions; the bucket is kept.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:DeleteObject", "s3:DeleteObjectVersion",
                                         "s3:ListBucketVersions", NULL},
    .check = bucket_check,
    .state = (const struct action_state[]){{"began", clear_moment_valid},
                                           {"most", NULL},
                                           {"markers", NULL},
                                           {"after", NULL},
                                           {"first", NULL},
                                           {"late", NULL},
                                           {"parts", NULL},
                                           {0}},
    .steps = (const struct action_step[]){{.name = "clear", .run = clear_next_page},
                                          {.name = "conclude", .run = clear_conclude},
                                          {0}},
};
