/* The caches of the credentials by account and of the daemon's own identity. */
#include "lib/aws/auth/identity.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/net/fresh.h"

#define ACCOUNTS_MAX 8192

struct aws_identity {
    /* Its wall clock is that of the services. First, so that a pointer to it is one to the whole.
     */
    struct clock clock;
    struct aws_identity_options options;
    struct fresh *creds;
    struct fresh *callers;
    /* The only one of `callers`; NULL: not fetched yet. It does not change any more. */
    _Atomic(const struct aws_caller *) caller;
};

/* --- the services' clock --- */

static int64_t identity_wall_ms(const struct clock *c)
{
    const struct aws_identity_options *o = &((const struct aws_identity *)c)->options;
    return o->now_ms(o->ctx);
}

static int64_t identity_mono_ms(const struct clock *c)
{
    const struct clock *own = ((const struct aws_identity *)c)->options.clock;
    return own->mono_ms(own);
}

static void identity_random(const struct clock *c, void *to, size_t n)
{
    const struct clock *own = ((const struct aws_identity *)c)->options.clock;
    own->random(own, to, n);
}

/* --- what is cached --- */

static void *creds_fetch(void *ctx, struct http_client *http, const char *account, struct err *err)
{
    const struct aws_identity *i = ctx;
    return i->options.fetch(i->options.ctx, http, account, err);
}

static void *creds_ref(void *creds)
{
    return aws_creds_ref(creds);
}

static void creds_unref(void *creds)
{
    aws_creds_unref(creds);
}

static int64_t creds_expires_ms(const void *creds)
{
    return ((const struct aws_creds *)creds)->expires_ms;
}

static bool creds_same(const void *a, const void *b)
{
    return aws_creds_same(a, b);
}

static void creds_refusal_stands(const void *creds, struct err *err)
{
    aws_identity_refusal_stands(creds, err);
}

/* The same again are of no use, unless a service has accepted them since. */
static bool creds_renews(const void *old, const void *fetched, int64_t refused_at_ms,
                         struct err *err)
{
    if (!aws_creds_same(old, fetched) || aws_creds_accepted_at(old) > refused_at_ms)
        return true;
    return err_set(
        err, ERR_UNAVAILABLE, "",
        "the credentials (%s) are accepted no longer, and where they come from there are no newer "
        "ones yet: renew them there",
        ((const struct aws_creds *)fetched)->source);
}

static const struct fresh_kind creds_kind = {
    .what = "a set of AWS credentials",
    .max = ACCOUNTS_MAX,
    .evicts = true,
    .fetch = creds_fetch,
    .ref = creds_ref,
    .unref = creds_unref,
    .expires_ms = creds_expires_ms,
    .same = creds_same,
    .refusal_stands = creds_refusal_stands,
    .renews = creds_renews,
};

static void *caller_fetch(void *ctx, struct http_client *http, const char *key, struct err *err)
{
    const struct aws_identity *i = ctx;
    struct aws_caller *caller = xcalloc(1, sizeof *caller);
    (void)key;
    if (i->options.fetch_caller(i->options.ctx, http, caller, err))
        return caller;
    free(caller);
    return NULL;
}

static int64_t caller_expires_ms(const void *caller)
{
    (void)caller;
    return INT64_MAX;
}

static const struct fresh_kind caller_kind = {
    .what = "the identity of the daemon",
    .max = 1,
    .fetch = caller_fetch,
    .unref = free,
    .expires_ms = caller_expires_ms,
};

struct aws_identity *aws_identity_new(const struct aws_identity_options *options)
{
    struct aws_identity *i = xcalloc(1, sizeof *i);
    i->clock = (struct clock){
        .wall_ms = identity_wall_ms, .mono_ms = identity_mono_ms, .random = identity_random};
    i->options = *options;
    i->creds = fresh_new(&creds_kind, &i->clock, i);
    i->callers = fresh_new(&caller_kind, &i->clock, i);
    return i;
}

void aws_identity_free(struct aws_identity *i)
{
    if (!i)
        return;
    fresh_free(i->creds);
    fresh_free(i->callers);
    free(i);
}

/* --- credentials --- */

struct aws_creds *aws_identity_creds(struct aws_identity *i, struct http_client *http,
                                     const char *account, struct err *err)
{
    return fresh_get(i->creds, http, account, err);
}

void aws_identity_refusal_stands(const struct aws_creds *creds, struct err *err)
{
    size_t n = strlen(err->message);
    if (err->kind == ERR_EXPIRED)
        err->kind = ERR_DENIED;
    if (aws_creds_accepted_at(creds) == 0)
        snprintf(err->message + n, sizeof err->message - n,
                 "; no service has accepted these credentials (%s) yet: check this host's clock, "
                 "and whether the session was revoked",
                 creds->source);
}

struct aws_creds *aws_identity_renew(struct aws_identity *i, struct http_client *http,
                                     const char *account, const struct aws_creds *refused,
                                     struct err *err)
{
    return fresh_renew(i->creds, http, account, refused, err);
}

struct aws_creds *aws_identity_peek(struct aws_identity *i)
{
    bool due;
    struct aws_creds *creds = fresh_peek(i->creds, "", &due);
    if (!due)
        return creds;
    /* A thread that may wait refreshes them. */
    aws_creds_unref(creds);
    return NULL;
}

void aws_identity_expire(struct aws_identity *i, const char *account, const struct aws_creds *creds)
{
    fresh_expire(i->creds, account, creds);
}

/* --- the daemon itself --- */

const struct aws_caller *aws_identity_known_caller(struct aws_identity *i)
{
    return atomic_load(&i->caller);
}

const struct aws_caller *aws_identity_get_caller(struct aws_identity *i, struct http_client *http,
                                                 struct err *err)
{
    const struct aws_caller *caller = atomic_load(&i->caller);
    if (caller)
        return caller;
    caller = fresh_get(i->callers, http, "", err);
    if (caller)
        atomic_store(&i->caller, caller);
    return caller;
}
