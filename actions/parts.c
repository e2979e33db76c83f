/* Resources of many parts: refusals are put aside until all parts have been gone through. */
#include "actions/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"

/* A part's name as it is kept and shown. */
#define NAME_MAX_SIZE 128
/* All names in an error together; what is over leaves room for the provider's own words. */
#define NAMES_MAX 384

static bool no_memory(struct step_ctx *ctx)
{
    return err_set(&ctx->err, ERR_INTERNAL, "", "out of memory");
}

/* --- the state --- */

/* Borrowed from the state; made when it is not there. NULL with ctx->err. */
static json_t *book(struct step_ctx *ctx)
{
    json_t *parts = json_object_get(ctx->state, "parts");
    if (parts)
        return parts;
    parts = json_object();
    if (json_object_set_new(ctx->state, "parts", parts) == 0)
        return parts;
    no_memory(ctx);
    return NULL;
}

static int64_t number_of(const struct step_ctx *ctx, const char *name)
{
    return jint(json_object_get(ctx->state, "parts"), name, 0);
}

int64_t parts_failed(const struct step_ctx *ctx)
{
    return number_of(ctx, "failed");
}

int64_t parts_done(const struct step_ctx *ctx)
{
    return number_of(ctx, "done");
}

bool parts_count(struct step_ctx *ctx, int64_t done)
{
    json_t *parts = book(ctx);
    if (!parts)
        return false;
    return json_object_set_new(parts, "done", json_integer(parts_done(ctx) + done)) == 0 ||
           no_memory(ctx);
}

/* The name, cut to what is kept. */
static json_t *short_name(const char *part)
{
    char name[NAME_MAX_SIZE + 4];
    size_t n = strlen(part);
    if (n <= NAME_MAX_SIZE)
        return json_string(part);
    n = NAME_MAX_SIZE;
    while (n > 0 && ((unsigned char)part[n] & 0xC0) == 0x80) /* not within a UTF-8 character */
        n--;
    memcpy(name, part, n);
    memcpy(name + n, "...", 4);
    return json_string(name);
}

static json_t *kept_error(const struct err *err)
{
    return json_pack("{s:s, s:s, s:s, s:s}", "code", err->code, "message", err->message,
                     "operation", err->operation, "request_id", err->request_id);
}

bool parts_put_aside(struct step_ctx *ctx, const char *part)
{
    json_t *parts = book(ctx);
    if (!parts)
        return false;
    int64_t failed = parts_failed(ctx);
    bool kept = json_object_set_new(parts, "failed", json_integer(failed + 1)) == 0;
    if (failed == 0) {
        kept = json_object_set_new(parts, "first", kept_error(&ctx->err)) == 0 && kept;
        kept = json_object_set_new(parts, "names", json_array()) == 0 && kept;
    }
    if (failed < PARTS_NAMED)
        kept =
            json_array_append_new(json_object_get(parts, "names"), short_name(part)) == 0 && kept;
    ctx->err = ERR_INIT;
    return kept || no_memory(ctx);
}

/* --- going through the parts --- */

bool parts_refused(const struct step_ctx *ctx)
{
    switch (ctx->err.kind) {
    case ERR_INVALID:
    case ERR_NOT_FOUND:
    case ERR_CONFLICT:
    case ERR_PRECONDITION:
    case ERR_DENIED:
    case ERR_LIMIT:
    case ERR_PROVIDER:
        return true;
    default: /* it may pass, or is everybody's */
        return false;
    }
}

enum verdict parts_settle(struct step_ctx *ctx, enum verdict verdict, const char *part)
{
    if (verdict == STEP_AGAIN || verdict == STEP_FINISHED)
        return verdict;
    bool settled = verdict == STEP_DONE ? parts_count(ctx, 1)
                                        : parts_refused(ctx) && parts_put_aside(ctx, part);
    if (!settled)
        return STEP_FAILED;
    json_object_del(json_object_get(ctx->state, "parts"), "since");
    return STEP_DONE;
}

enum verdict parts_retry(struct step_ctx *ctx, int64_t limit_ms)
{
    struct err refusal = ctx->err;
    int64_t step_since = ctx->step_since_ms, since = number_of(ctx, "since");
    if (since <= 0) {
        json_t *parts = book(ctx);
        since = ctx->clock->mono_ms(ctx->clock);
        if (!parts)
            return STEP_FAILED;
        if (json_object_set_new(parts, "since", json_integer(since)) != 0) {
            no_memory(ctx);
            return STEP_FAILED;
        }
    }
    ctx->step_since_ms = since;
    enum verdict verdict = step_wait(ctx, limit_ms, "an earlier change to take effect");
    ctx->step_since_ms = step_since;
    if (verdict == STEP_FAILED)
        ctx->err = refusal;
    return verdict;
}

/* --- the end --- */

/* "eni-1", "eni-2" and 5 more: in quotes, since keys of objects may hold anything */
static void add_names(struct buf *to, const json_t *names, int64_t failed)
{
    int64_t shown = 0;
    size_t i;
    json_t *name;
    json_array_foreach(names, i, name) {
        const char *text = json_string_value(name);
        if (!text || to->size + strlen(text) > NAMES_MAX)
            break;
        buf_addf(to, "%s\"%s\"", i ? ", " : "", text);
        shown++;
    }
    if (failed > shown)
        buf_addf(to, "%s%" PRId64 " more", shown ? " and " : "", failed - shown);
}

static const char *text_of(const json_t *error, const char *name)
{
    const char *text = jstr(error, name);
    return text ? text : "";
}

enum verdict parts_conclude(struct step_ctx *ctx, const char *what)
{
    int64_t failed = parts_failed(ctx), done = parts_done(ctx);
    const json_t *parts = json_object_get(ctx->state, "parts");
    const json_t *first = json_object_get(parts, "first");
    if (failed <= 0)
        return STEP_DONE;
    struct buf names = buf_make(sizeof ctx->err.message);
    add_names(&names, json_object_get(parts, "names"), failed);
    err_set(&ctx->err, ERR_PROVIDER, text_of(first, "code"),
            "%" PRId64 " of %" PRId64 " %s failed (%s), %" PRId64 " done; the first error: %s",
            failed, failed + done, what, buf_str(&names), done, text_of(first, "message"));
    buf_free(&names);
    snprintf(ctx->err.operation, sizeof ctx->err.operation, "%s", text_of(first, "operation"));
    snprintf(ctx->err.request_id, sizeof ctx->err.request_id, "%s", text_of(first, "request_id"));
    return STEP_FAILED;
}
