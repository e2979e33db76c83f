/* Resources of many parts: rejections are stored until all parts have been processed. */
#include "actions/parts.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/json/jpath.h"

/* The name of a part in the state and in the error. */
#define NAME_MAX_SIZE 128
/* All names in an error together; the rest is for the provider's message. */
#define NAMES_MAX 384

/* --- the state --- */

/* Borrowed from the state; made if it is missing. */
static json_t *parts_state(struct step_ctx *ctx)
{
    json_t *parts = json_object_get(ctx->state, "parts");
    if (!parts) {
        parts = json_object();
        step_state_set(ctx, "parts", parts);
    }
    return parts;
}

static int64_t parts_number(const struct step_ctx *ctx, const char *name)
{
    return jint(json_object_get(ctx->state, "parts"), name, 0);
}

int64_t parts_failed(const struct step_ctx *ctx)
{
    return parts_number(ctx, "failed");
}

int64_t parts_done(const struct step_ctx *ctx)
{
    return parts_number(ctx, "done");
}

void parts_count(struct step_ctx *ctx, int64_t done)
{
    json_object_set_new(parts_state(ctx), "done", json_integer(parts_done(ctx) + done));
}

/* The name, truncated. */
static json_t *parts_short_name(const char *part)
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

void parts_store_rejection(struct step_ctx *ctx, const char *part)
{
    json_t *parts = parts_state(ctx);
    int64_t failed = parts_failed(ctx);
    json_object_set_new(parts, "failed", json_integer(failed + 1));
    if (failed == 0) {
        json_object_set_new(parts, "first", step_error_pack(&ctx->err));
        json_object_set_new(parts, "names", json_array());
    }
    if (failed < PARTS_NAMED)
        json_array_append_new(json_object_get(parts, "names"), parts_short_name(part));
    ctx->err = ERR_INIT;
}

/* --- the parts --- */

bool parts_rejected(const struct step_ctx *ctx)
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
    default: /* it may pass, or concerns all parts */
        return false;
    }
}

enum verdict parts_settle(struct step_ctx *ctx, enum verdict verdict, const char *part)
{
    if (verdict == STEP_AGAIN || verdict == STEP_FINISHED)
        return verdict;
    if (verdict == STEP_FAILED && !parts_rejected(ctx))
        return STEP_FAILED;
    if (verdict == STEP_DONE)
        parts_count(ctx, 1);
    else
        parts_store_rejection(ctx, part);
    json_object_del(json_object_get(ctx->state, "parts"), "since");
    return STEP_DONE;
}

enum verdict parts_retry(struct step_ctx *ctx, int64_t limit_ms)
{
    struct err rejection = ctx->err;
    int64_t step_since = ctx->step_since_ms, since = parts_number(ctx, "since");
    if (since <= 0) {
        since = ctx->clock->mono_ms(ctx->clock);
        json_object_set_new(parts_state(ctx), "since", json_integer(since));
    }
    ctx->step_since_ms = since;
    enum verdict verdict = step_wait(ctx, limit_ms, "an earlier change to take effect");
    ctx->step_since_ms = step_since;
    if (verdict == STEP_FAILED)
        ctx->err = rejection;
    return verdict;
}

/* --- the end --- */

/* "eni-1", "eni-2" and 5 more: in quotes, since keys of objects may hold anything */
static void parts_add_names(struct buf *to, const json_t *names, int64_t failed)
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

enum verdict parts_conclude(struct step_ctx *ctx, const char *what)
{
    int64_t failed = parts_failed(ctx), done = parts_done(ctx);
    const json_t *parts = json_object_get(ctx->state, "parts");
    if (failed <= 0)
        return STEP_DONE;
    struct buf names = buf_make(sizeof ctx->err.message);
    parts_add_names(&names, json_object_get(parts, "names"), failed);
    struct err first = ERR_INIT;
    step_error_unpack(json_object_get(parts, "first"), &first);
    err_set(&ctx->err, ERR_PROVIDER, first.code,
            "%" PRId64 " of %" PRId64 " %s failed (%s), %" PRId64 " done; the first error: %s",
            failed, failed + done, what, buf_str(&names), done, first.message);
    memcpy(ctx->err.operation, first.operation, sizeof first.operation);
    memcpy(ctx->err.request_id, first.request_id, sizeof first.request_id);
    buf_free(&names);
    return STEP_FAILED;
}
