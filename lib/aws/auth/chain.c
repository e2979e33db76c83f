/* The chain of credential providers: tries one after the other and reports why each had none. */
#include "lib/aws/auth/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/base/memory.h"

#define LINKS 5

static const struct {
    const char *name;
    link_fn fetch;
} links[LINKS] = {
    {"environment", link_environment},
    {"web identity", link_web_identity},
    {"shared files", link_profile},
    {"container endpoint", link_container},
    {"instance metadata (IMDSv2)", link_imds},
};

struct aws_chain {
    /* Without the HTTP client. */
    struct link_params params;
    struct imds_memory imds;
    /* The shared files if they were read again, which params.profiles points to then; else NULL. */
    struct aws_profiles *reloaded;
    /* The outcome of each link in the last fetch; "" for those not tried. */
    char outcomes[LINKS][ERR_MESSAGE_MAX];
};

struct aws_chain *aws_chain_new(struct aws *aws, const struct aws_profiles *profiles,
                                const char *profile, const struct clock *clock)
{
    struct aws_chain *c = xcalloc(1, sizeof *c);
    const char *named = secret_env("AWS_PROFILE");
    if (!named)
        named = secret_env("AWS_DEFAULT_PROFILE");
    bool forced = profile && *profile;
    c->params = (struct link_params){
        .aws = aws,
        .profiles = profiles,
        .profile = forced  ? profile
                   : named ? named
                           : "default",
        .profile_forced = forced,
        .clock = clock,
        .imds = &c->imds,
    };
    return c;
}

void aws_chain_free(struct aws_chain *c)
{
    if (c)
        aws_profiles_free(c->reloaded);
    free(c);
}

/* Reads the shared files again if they have changed: keys in them are rotated. A file that cannot
 * be parsed is probably being written: false with ERR_TRANSIENT. */
static bool aws_chain_reload_files(struct aws_chain *c, struct err *err)
{
    if (!aws_profiles_changed(c->params.profiles))
        return true;
    struct aws_profiles *now = aws_profiles_reload(c->params.profiles, err);
    if (!now) {
        err->kind = ERR_TRANSIENT;
        return false;
    }
    aws_profiles_free(c->reloaded);
    c->reloaded = now;
    c->params.profiles = now;
    return true;
}

/* Appends the outcomes of the links before number `end`. */
static void aws_chain_add_outcomes(const struct aws_chain *c, size_t end, struct buf *to)
{
    for (size_t i = 0; i < end; i++)
        buf_addf(to, "%s%s: %.200s", i > 0 ? "; " : "", links[i].name, c->outcomes[i]);
}

/* Makes the error of link i that of the chain. A failure that may pass remains one. */
static void aws_chain_set_broken(const struct aws_chain *c, size_t i, struct err *err)
{
    struct buf before = buf_make(4096);
    char message[sizeof err->message];
    aws_chain_add_outcomes(c, i, &before);
    snprintf(message, sizeof message, "%s: %.700s", links[i].name, c->outcomes[i]);
    if (before.size > 0) {
        size_t n = strlen(message);
        snprintf(message + n, sizeof message - n, " (before it, %s)", buf_str(&before));
    }
    memcpy(err->message, message, sizeof message);
    /* The token or key that a role is assumed with has expired: a newer one appears in the same
     * file. */
    if (err->kind == ERR_EXPIRED)
        err->kind = ERR_TRANSIENT;
    if (!err_is_retryable(err) && err->kind != ERR_INTERNAL)
        err->kind = ERR_CREDENTIALS;
    buf_free(&before);
}

static void aws_chain_set_none(const struct aws_chain *c, struct err *err)
{
    struct buf outcomes = buf_make(4096);
    aws_chain_add_outcomes(c, LINKS, &outcomes);
    err_set(err, ERR_CREDENTIALS, "",
            "no AWS credentials: give the host a role, name a profile under [aws] or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. Tried: %s",
            buf_str(&outcomes));
    buf_free(&outcomes);
}

struct aws_creds *aws_chain_fetch(struct aws_chain *c, struct http_client *http, struct err *err)
{
    memset(c->outcomes, 0, sizeof c->outcomes);
    if (!aws_chain_reload_files(c, err))
        return NULL;
    struct link_params params = c->params;
    params.http = http;
    for (size_t i = 0; i < LINKS; i++) {
        struct aws_creds *creds = NULL;
        enum link_result result = links[i].fetch(&params, &creds, err);
        if (result == LINK_FOUND) {
            snprintf(c->outcomes[i], sizeof c->outcomes[i], "found (%s)", creds->source);
            return creds;
        }
        memcpy(c->outcomes[i], err->message, sizeof c->outcomes[i]);
        if (result == LINK_BROKEN) {
            aws_chain_set_broken(c, i, err);
            return NULL;
        }
    }
    aws_chain_set_none(c, err);
    return NULL;
}

void aws_chain_describe(struct aws_chain *c, struct buf *to)
{
    for (size_t i = 0; i < LINKS; i++)
        buf_addf(to, "%s: %s\n", links[i].name, *c->outcomes[i] ? c->outcomes[i] : "not tried");
}
