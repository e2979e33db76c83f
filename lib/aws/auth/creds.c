/* Reference-counted, immutable AWS credentials in one allocation. */
#include "lib/aws/auth/creds.h"

#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/memory.h"
#include "lib/base/wipe.h"

/* The public part comes first, so that a pointer to it is a pointer to the whole. */
struct counted_creds {
    struct aws_creds creds;
    atomic_uint refs;
    /* Monotonic; 0: never. */
    _Atomic int64_t accepted_at_ms;
    /* Of text[]. */
    size_t size;
    /* The strings, one after the other, each with its NUL. */
    char text[];
};

/* Copies s and its NUL to *at and advances *at. */
static const char *creds_copy(char **at, const char *s)
{
    size_t n = strlen(s) + 1;
    char *start = *at;
    memcpy(start, s, n);
    *at += n;
    return start;
}

struct aws_creds *aws_creds_new(const char *access_key_id, const char *secret_access_key,
                                const char *session_token, int64_t expires_ms, const char *source)
{
    const char *token = session_token ? session_token : "";
    size_t size =
        strlen(access_key_id) + strlen(secret_access_key) + strlen(token) + strlen(source) + 4;
    struct counted_creds *c = xmalloc(sizeof *c + size);
    atomic_init(&c->refs, 1);
    atomic_init(&c->accepted_at_ms, 0);
    c->size = size;
    char *at = c->text;
    c->creds = (struct aws_creds){.access_key_id = creds_copy(&at, access_key_id),
                                  .secret_access_key = creds_copy(&at, secret_access_key),
                                  .session_token = creds_copy(&at, token),
                                  .expires_ms = expires_ms,
                                  .source = creds_copy(&at, source)};
    if (!*token)
        c->creds.session_token = NULL;
    return &c->creds;
}

struct aws_creds *aws_creds_ref(struct aws_creds *c)
{
    if (c)
        atomic_fetch_add_explicit(&((struct counted_creds *)c)->refs, 1, memory_order_relaxed);
    return c;
}

void aws_creds_unref(struct aws_creds *c)
{
    struct counted_creds *all = (struct counted_creds *)c;
    if (!c || atomic_fetch_sub_explicit(&all->refs, 1, memory_order_acq_rel) != 1)
        return;
    wipe(all->text, all->size);
    free(all);
}

static bool creds_same_text(const char *a, const char *b)
{
    return a == b || (a && b && strcmp(a, b) == 0);
}

bool aws_creds_same(const struct aws_creds *a, const struct aws_creds *b)
{
    return creds_same_text(a->access_key_id, b->access_key_id) &&
           creds_same_text(a->secret_access_key, b->secret_access_key) &&
           creds_same_text(a->session_token, b->session_token);
}

void aws_creds_accepted(const struct aws_creds *c, int64_t now_ms)
{
    atomic_store_explicit(&((struct counted_creds *)c)->accepted_at_ms, now_ms,
                          memory_order_relaxed);
}

int64_t aws_creds_accepted_at(const struct aws_creds *c)
{
    return atomic_load_explicit(&((struct counted_creds *)c)->accepted_at_ms, memory_order_relaxed);
}
