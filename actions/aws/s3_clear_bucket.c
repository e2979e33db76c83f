/* s3_clear_bucket: deletes all versions and delete markers that are there when it begins, a page of
 * the listing a run of the step. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/bucket.h"
#include "actions/parts.h"
#include "actions/state.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"
#include "lib/json/xml.h"
#include "lib/net/uri.h"

#define BODY_MAX  (8u << 20) /* a thousand keys, each of 1,024 bytes and escaped */
#define KEY_MAX   4096
#define PAGE_MOST 1000
/* So often a page may begin with what was deleted, each a second later. */
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

/* A key out of a listing, decoded: a new string, NULL with ctx->err. */
static json_t *clear_decode_key(struct step_ctx *ctx, const char *key, bool encoded)
{
    struct buf plain = buf_make(KEY_MAX);
    json_t *text = NULL;
    if (key && (encoded ? uri_decode(&plain, key, strlen(key), true) : buf_adds(&plain, key)))
        text = json_stringn(buf_str(&plain), plain.size);
    if (!text)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer",
                "the listing contains a key that cannot be decoded");
    buf_free(&plain);
    return text;
}

/* A page of the listing. */
struct page {
    json_t *entries; /* {"key", "version", "modified", "left"}: left is what stays in the bucket */
    size_t plain;    /* of these, those before the first key that DeleteObjects cannot name */
    bool awkward;    /* there is such a key */
    bool more;       /* it is not the last page */
};

/* Whether XML 1.0 cannot hold the key, or would not give it back as it is. */
static bool clear_key_is_awkward(const char *key)
{
    for (const unsigned char *c = (const unsigned char *)key; *c; c++)
        if (*c < ' ' || (c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE))
            return true;
    return false;
}

/* Whether it was there when the action began. What is written later is left, so that it comes to an
 * end; S3 counts in seconds. */
static bool clear_is_old(const struct step_ctx *ctx, const json_t *entry)
{
    const char *modified = jstr(entry, "LastModified");
    int64_t at_ms;
    return !modified || !clock_parse(modified, &at_ms) ||
           at_ms <= json_integer_value(json_object_get(ctx->state, "began"));
}

/* Appends the page's versions (or its delete markers) to `to`. */
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

/* Looks for awkward keys. Versions and delete markers come in the order of their keys, but apart.
 */
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

/* The moment at which the action began, as the service has it: that of the first answer, to the end
 * of its second. */
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

/* A listing from the state's markers on, of at most `most`: a new reference, NULL with ctx->err. */
static json_t *clear_list_from(struct step_ctx *ctx, const json_t *markers, int64_t most)
{
    char number[24];
    struct http_headers headers = {0};
    struct aws_call call = {.op = &list_versions, .answer_headers = &headers};
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

/* The next page; page->entries is a new reference. False with ctx->err. */
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

/* ctx->err is what S3 says of one object. */
static void clear_set_rejection(struct step_ctx *ctx, const json_t *failure)
{
    const char *code = jstr(failure, "Code"), *message = jstr(failure, "Message");
    err_set(&ctx->err, aws_classify(&aws_s3, code, 0), code ? code : "", "%s",
            message ? message : "not deleted");
    snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", delete_objects.name);
}

/* Whether all that S3 says of single objects is final; if not, the first that is not is ctx->err.
 */
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

/* Notes that the object which was refused stays. */
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

/* HTTP 200 is not success: what could not be deleted is listed in the answer. What is refused for
 * good is put aside; if anything may pass, the page is tried again as a whole, and nothing is put
 * aside yet. */
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

/* A dry run says how many, not which: it may be millions. */
static void clear_plan_page(struct step_ctx *ctx, size_t count)
{
    json_t *params =
        json_pack("{s:s, s:I}", "Bucket", bucket_name(ctx), "Objects", (json_int_t)count);
    if (count > 0 && ctx->planned)
        ctx->planned(ctx, aws_s3.id, delete_objects.name, params);
    json_decref(params);
}

/* Deletes what the page has; whether it is gone through. */
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

/* Where in the listing a stands compared with b: by key, and then the newest first. */
static bool clear_is_after(const json_t *a, const json_t *b)
{
    int order = strcmp(jstr(a, "key"), jstr(b, "key"));
    return order > 0 || (order == 0 && strcmp(jstr(a, "modified"), jstr(b, "modified")) <= 0);
}

/* The last entry that stays; NULL: none does. */
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

/* What was deleted is gone from the listing, unless the service is late. Counted in state.late as
 * long as the listing begins with the same object. */
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

/* On to what follows. What is deleted vanishes from the listing, so that it goes on where it began
 * before, or behind what stays: after an object that is there, since not all that speak S3's
 * protocol find their way from one that is gone. */
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

/* One page a run of the step, in the order of the keys. A page with a key that DeleteObjects cannot
 * name is taken in smaller pieces, up to that key, which is deleted alone. */
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

/* What is in the bucket now was refused, or was written after the action began. */
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

/* What was written since is left after a takeover too. The service's clock may be ahead of ours. */
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
