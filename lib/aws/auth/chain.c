/* The chain of credential providers: asks one after the other and says why each had nothing. */
#include "lib/aws/auth/chain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/auth/chain_link.h"

#define LINKS 5

static const struct {
    const char *name;
    link_fn ask;
} links[LINKS] = {
    {"environment", link_environment},
    {"web identity", link_web_identity},
    {"shared files", link_profile},
    {"container endpoint", link_container},
    {"instance metadata (IMDSv2)", link_imds},
};

struct aws_chain {
    /* Without the http client. */
    struct link_params ask;
    struct imds_memory imds;
    struct aws_profiles
        /* What ask.profiles is since the files changed; NULL: as given. */
        *read_again;
    /* What each link said when it was last asked; "" for those not asked. */
    char said[LINKS][ERR_MESSAGE_MAX];
};

struct aws_chain *aws_chain_new(struct aws *aws, const struct aws_profiles *profiles,
                                const char *profile, const struct clock *clock)
{
    struct aws_chain *c = calloc(1, sizeof *c);
    if (!c)
        return NULL;
    const char *named = secret_env("AWS_PROFILE");
    if (!named)
        named = secret_env("AWS_DEFAULT_PROFILE");
    bool forced = profile && *profile;
    c->ask = (struct link_params){
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
        aws_profiles_free(c->read_again);
    free(c);
}

/* Reads the shared files again when they have changed: keys in them are rotated. Half a file is
 * what somebody is writing to: false with ERR_TRANSIENT. */
static bool read_again(struct aws_chain *c, struct err *err)
{
    if (!aws_profiles_changed(c->ask.profiles))
        return true;
    struct aws_profiles *now = aws_profiles_reload(c->ask.profiles, err);
    if (!now) {
        err->kind = err->kind == ERR_INTERNAL ? ERR_INTERNAL : ERR_TRANSIENT;
        return false;
    }
    aws_profiles_free(c->read_again);
    c->read_again = now;
    c->ask.profiles = now;
    return true;
}

/* The links before number `end`, each with what it said. */
static void add_said(const struct aws_chain *c, size_t end, struct buf *to)
{
    for (size_t i = 0; i < end; i++)
        buf_addf(to, "%s%s: %.200s", i > 0 ? "; " : "", links[i].name, c->said[i]);
}

/* The chain stopped at link i: its error is the chain's, and a passing fault stays one that may
 * pass. */
static void report_broken(const struct aws_chain *c, size_t i, struct err *err)
{
    struct buf before = buf_make(4096);
    char message[sizeof err->message];
    add_said(c, i, &before);
    snprintf(message, sizeof message, "%s%s%.700s", links[i].name, ": ", c->said[i]);
    if (before.size > 0) {
        size_t n = strlen(message);
        snprintf(message + n, sizeof message - n, " (before it, %s)", buf_str(&before));
    }
    memcpy(err->message, message, sizeof message);
    /* What vouches for a role has run out: a newer token or key is laid into the same file. */
    if (err->kind == ERR_EXPIRED)
        err->kind = ERR_TRANSIENT;
    if (!err_is_retryable(err) && err->kind != ERR_INTERNAL)
        err->kind = ERR_CREDENTIALS;
    buf_free(&before);
}

static void report_none(const struct aws_chain *c, struct err *err)
{
    struct buf said = buf_make(4096);
    add_said(c, LINKS, &said);
    err_set(err, ERR_CREDENTIALS, "",
            "no AWS credentials: give the host a role, name a profile under [aws] or set "
            "AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY. What was found: %s",
            buf_str(&said));
    buf_free(&said);
}

struct aws_creds *aws_chain_fetch(struct aws_chain *c, struct http_client *http, struct err *err)
{
    memset(c->said, 0, sizeof c->said);
    if (!read_again(c, err))
        return NULL;
    struct link_params ask = c->ask;
    ask.http = http;
    for (size_t i = 0; i < LINKS; i++) {
        struct aws_creds *creds = NULL;
        enum link_result result = links[i].ask(&ask, &creds, err);
        if (result == LINK_FOUND) {
            snprintf(c->said[i], sizeof c->said[i], "found (%s)", creds->source);
            return creds;
        }
        memcpy(c->said[i], err->message, sizeof c->said[i]);
        if (result == LINK_BROKEN) {
            report_broken(c, i, err);
            return NULL;
        }
    }
    report_none(c, err);
    return NULL;
}

void aws_chain_describe(struct aws_chain *c, struct buf *to)
{
    for (size_t i = 0; i < LINKS; i++)
        buf_addf(to, "%s: %s\n", links[i].name, *c->said[i] ? c->said[i] : "not asked");
}
