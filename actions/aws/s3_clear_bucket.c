/* s3_clear_bucket: deletes all versions and delete markers that are there when it begins, a page of
 * the listing a run of the step. */
#include <stdio.h>
#include <string.h>

#include "actions/aws/bucket.h"
#include "actions/parts.h"
#include "actions/state.h"
#include "lib/clock.h"
#include "lib/jpath.h"
#include "lib/uri.h"
#include "lib/xml.h"

#define BODY_MAX  (8u << 20) /* a thousand keys, each of 1,024 bytes and escaped */
#define KEY_MAX   4096
#define PAGE_MOST 1000

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

/* What is known of a page of the listing. */
struct page {
    json_t *entries; /* what is to be deleted: {"key", "version"} */
    size_t listed;   /* all of it */
    size_t plain;    /* of these, those before the first key that DeleteObjects cannot name */
    bool awkward;    /* there is such a key */
    bool more;       /* it is not the last page */
};

/* Whether XML 1.0 cannot hold the key, or would not give it back as it is. */
static bool is_awkward(const char *key)
{
    for (const unsigned char *c = (const unsigned char *)key; *c; c++)
        if (*c < ' ' || (c[0] == 0xEF && c[1] == 0xBF && c[2] >= 0xBE))
            return true;
    return false;
}

/* Whether it was there when the action began. What is written later is left, so that it comes to an
 * end; S3 counts in seconds. */
static bool is_old(const struct step_ctx *ctx, const json_t *entry)
{
    const char *modified = jstr(entry, "LastModified");
    int64_t at_ms;
    return !modified || !clock_parse(modified, &at_ms) ||
           at_ms <= json_integer_value(json_object_get(ctx->state, "began"));
}

/* Appends the page's versions (or its delete markers) to `to` as {"key", "version", "old"}. */
static bool add_entries(struct step_ctx *ctx, const json_t *answer, const char *path, json_t *to)
{
    const char *encoding = jstr(answer, "EncodingType");
    bool encoded = encoding && strcmp(encoding, "url") == 0;
    json_t *list = jlist(answer, path);
    bool ok = list != NULL;
    size_t i;
    json_t *entry;
    json_array_foreach(list, i, entry)
    {
        const char *version = jstr(entry, "VersionId");
        json_t *key = ok ? decoded(ctx, jstr(entry, "Key"), encoded) : NULL;
        ok = key && json_array_append_new(to, json_pack("{s:o, s:s, s:b}", "key", key, "version",
                                                        version ? version : "null", "old",
                                                        is_old(ctx, entry))) == 0;
    }
    json_decref(list);
    return ok;
}

/* Looks for awkward keys, and keeps those entries that are to be deleted. Versions and delete
 * markers come in the order of their keys, but apart. */
static void sift(struct page *page, const json_t *all)
{
    const char *first = NULL;
    size_t i;
    json_t *entry;
    json_array_foreach(all, i, entry)
    {
        const char *key = jstr(entry, "key");
        if (is_awkward(key) && (!first || strcmp(key, first) < 0))
            first = key;
    }
    page->awkward = first != NULL;
    page->listed = json_array_size(all);
    json_array_foreach(all, i, entry)
    {
        page->plain += !first || strcmp(jstr(entry, "key"), first) < 0;
        if (json_is_true(json_object_get(entry, "old")))
            json_array_append(page->entries, entry);
    }
}

static json_t *markers_of(struct step_ctx *ctx, const json_t *answer)
{
    const char *encoding = jstr(answer, "EncodingType");
    const char *version = jstr(answer, "NextVersionIdMarker");
    json_t *key =
        decoded(ctx, jstr(answer, "NextKeyMarker"), encoding && strcmp(encoding, "url") == 0);
    return key ? json_pack("{s:o, s:s*}", "key-marker", key, "version-id-marker", version) : NULL;
}

/* The moment at which the action began, as the service has it: that of the first answer, to the end
 * of its second. */
static bool keep_begin(struct step_ctx *ctx, const struct http_headers *headers)
{
    int64_t began_ms;
    const char *date = http_headers_get(headers, "Date");
    if (json_object_get(ctx->state, "began"))
        return true;
    if (!date || !clock_parse(date, &began_ms))
        began_ms = ctx->clock->wall_ms(ctx->clock);
    return act_state_set(ctx, "began", json_integer(began_ms + 999));
}

/* A listing from the state's markers on, of at most `most`: a new reference, NULL with ctx->err. */
static json_t *list_from(struct step_ctx *ctx, const json_t *markers, int64_t most)
{
    char number[24];
    struct http_headers headers = {0};
    struct aws_call call = {.op = &list_versions, .answer_headers = &headers};
    snprintf(number, sizeof number, "%lld", (long long)most);
    json_t *params = json_pack("{s:s, s:s, s:s}", "Bucket", bucket_name(ctx), "encoding-type",
                               "url", "max-keys", number);
    if (params && markers)
        json_object_update(params, (json_t *)markers);
    json_t *answer = act_call_full(ctx, &call, params);
    if (answer && !keep_begin(ctx, &headers)) {
        json_decref(answer);
        answer = NULL;
    }
    http_headers_free(&headers);
    return answer;
}

/* The next page; page->entries is a new reference. Where the one that follows begins is kept in
 * state.after until it is gone through. False with ctx->err. */
static bool next_page(struct step_ctx *ctx, struct page *page)
{
    int64_t most = json_integer_value(json_object_get(ctx->state, "most"));
    json_t *all = json_array();
    json_t *answer = list_from(ctx, json_object_get(ctx->state, "markers"),
                               most > 0 && most < PAGE_MOST ? most : PAGE_MOST);
    *page = (struct page){.entries = json_array(), .more = jbool(answer, "IsTruncated", false)};
    bool ok = answer && page->entries && add_entries(ctx, answer, "Version", all) &&
              add_entries(ctx, answer, "DeleteMarker", all);
    if (ok)
        sift(page, all);
    if (ok && page->more)
        ok = act_state_set(ctx, "after", markers_of(ctx, answer));
    json_decref(answer);
    json_decref(all);
    if (ok)
        return true;
    if (ctx->err.kind == ERR_NONE)
        act_no_memory(ctx);
    json_decref(page->entries);
    page->entries = NULL;
    return false;
}

/* --- deleting --- */

static void delete_body(const json_t *entries, struct buf *body)
{
    size_t i;
    json_t *entry;
    buf_adds(body, "<Delete xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Quiet>true</Quiet>");
    json_array_foreach(entries, i, entry)
    {
        buf_adds(body, "<Object><Key>");
        xml_escape(body, jstr(entry, "key"));
        buf_adds(body, "</Key><VersionId>");
        xml_escape(body, jstr(entry, "version"));
        buf_adds(body, "</VersionId></Object>");
    }
    buf_adds(body, "</Delete>");
}

/* ctx->err is what S3 says of one object. */
static void refusal_of(struct step_ctx *ctx, const json_t *failure)
{
    const char *code = jstr(failure, "Code"), *message = jstr(failure, "Message");
    err_set(&ctx->err, aws_classify(&aws_s3, code, 0), code ? code : "", "%s",
            message ? message : "not deleted");
    snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", delete_objects.name);
}

/* HTTP 200 is not success: what could not be deleted is listed in the answer. What is refused for
 * good is put aside; if anything may pass, the page is tried again as a whole, and nothing is put
 * aside yet. */
static bool settle_page(struct step_ctx *ctx, const json_t *answer, size_t count)
{
    json_t *failures = jlist(answer, "Error");
    size_t i;
    json_t *failure;
    bool ok = failures != NULL;
    if (!ok)
        act_no_memory(ctx);
    json_array_foreach(failures, i, failure)
    {
        refusal_of(ctx, failure);
        ok = ok && parts_refused(ctx);
        if (!ok)
            break;
    }
    json_array_foreach(failures, i, failure)
    {
        const char *key = jstr(failure, "Key");
        if (!ok)
            break;
        refusal_of(ctx, failure);
        ok = parts_put_aside(ctx, key ? key : "an object without key");
    }
    size_t failed = json_array_size(failures);
    json_decref(failures);
    return ok && parts_count(ctx, failed < count ? (int64_t)(count - failed) : 0);
}

static bool delete_one(struct step_ctx *ctx, const json_t *entry)
{
    enum verdict verdict =
        act_step(ctx, &delete_object,
                 json_pack("{s:s, s:s, s:s}", "Bucket", bucket_name(ctx), "Key", jstr(entry, "key"),
                           "versionId", jstr(entry, "version")));
    return parts_settle(ctx, verdict, jstr(entry, "key")) == STEP_DONE;
}

static bool delete_many(struct step_ctx *ctx, const json_t *entries)
{
    struct buf body = buf_make(BODY_MAX);
    delete_body(entries, &body);
    struct aws_call call = {
        .op = &delete_objects,
        .body = {.data = buf_str(&body), .size = body.size},
        .content_type = "application/xml",
        .content_md5 = true,
    };
    json_t *answer = NULL;
    if (buf_ok(&body))
        answer = act_call_full(ctx, &call, json_pack("{s:s}", "Bucket", bucket_name(ctx)));
    else
        act_no_memory(ctx);
    bool ok = answer && settle_page(ctx, answer, json_array_size(entries));
    json_decref(answer);
    buf_free(&body);
    return ok;
}

/* A dry run says how many, not which: it may be millions. */
static bool plan_page(struct step_ctx *ctx, size_t count)
{
    json_t *params =
        json_pack("{s:s, s:I}", "Bucket", bucket_name(ctx), "Objects", (json_int_t)count);
    if (!params) {
        act_no_memory(ctx);
        return false;
    }
    if (count > 0 && ctx->planned)
        ctx->planned(ctx, aws_s3.id, delete_objects.name, params);
    json_decref(params);
    return true;
}

/* Deletes what the page has; whether it is gone through. */
static bool clear_page(struct step_ctx *ctx, const struct page *page)
{
    if (ctx->plan)
        return plan_page(ctx, json_array_size(page->entries));
    if (json_array_size(page->entries) == 0)
        return true;
    return page->awkward ? delete_one(ctx, json_array_get(page->entries, 0))
                         : delete_many(ctx, page->entries);
}

/* On to the page behind this one. What could not be deleted, and what is newer, stays before it. */
static enum verdict advance(struct step_ctx *ctx, const struct page *page)
{
    json_object_del(ctx->state, "most");
    if (!page->more)
        return STEP_DONE;
    json_t *after = json_object_get(ctx->state, "after");
    if (json_equal(after, json_object_get(ctx->state, "markers"))) {
        err_set(&ctx->err, ERR_PROVIDER, "", "%s answers the same page again and again",
                list_versions.name);
        return STEP_FAILED;
    }
    return act_state_set(ctx, "markers", json_incref(after)) ? step_again(ctx, 0) : STEP_FAILED;
}

/* One page a run of the step, in the order of the keys: each is seen once. A page with a key that
 * DeleteObjects cannot name is taken in smaller pieces, up to that key, which is deleted alone. */
static enum verdict clear(struct step_ctx *ctx)
{
    struct page page;
    if (!next_page(ctx, &page))
        return act_failed_with(ctx, "NoSuchBucket")
                   ? step_finished(ctx, "the bucket is already deleted")
                   : STEP_FAILED;
    enum verdict verdict = STEP_FAILED;
    if (page.awkward && page.listed > 1 && !ctx->plan) {
        if (act_state_set(ctx, "most", json_integer(page.plain ? (json_int_t)page.plain : 1)))
            verdict = step_again(ctx, 0);
    } else if (clear_page(ctx, &page))
        verdict = advance(ctx, &page);
    json_decref(page.entries);
    return verdict;
}

/* What is in the bucket now was refused, or was written after the action began. */
static enum verdict conclude(struct step_ctx *ctx)
{
    if (ctx->plan)
        return STEP_DONE;
    if (parts_failed(ctx) > 0)
        return parts_conclude(ctx, "objects and versions");
    json_t *left = json_array();
    json_t *answer = list_from(ctx, NULL, PAGE_MOST);
    bool ok = answer && add_entries(ctx, answer, "Version", left) &&
              add_entries(ctx, answer, "DeleteMarker", left);
    bool more = jbool(answer, "IsTruncated", false);
    size_t count = json_array_size(left);
    json_decref(answer);
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
static bool moment_valid(struct step_ctx *ctx, const json_t *value)
{
    return state_count(ctx, value) &&
           json_integer_value(value) <= ctx->clock->wall_ms(ctx->clock) + WAIT_MINUTES(5);
}

const struct action action_s3_clear_bucket = {
    .name = "s3_clear_bucket",
    .display_name = "Clear an S3 Bucket",
    .description = "Deletes all objects that the bucket has when the action begins, in all their "
                   "versions; the bucket stays.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = bucket_types,
    .permissions = (const char *const[]){"s3:DeleteObject", "s3:DeleteObjectVersion",
                                         "s3:ListBucketVersions", NULL},
    .check = bucket_check,
    .state = (const struct action_state[]){{"began", moment_valid},
                                           {"most", NULL},
                                           {"markers", NULL},
                                           {"after", NULL},
                                           {"parts", NULL},
                                           {0}},
    .steps =
        (const struct action_step[]){{"clear", clear, false}, {"conclude", conclude, false}, {0}},
};
