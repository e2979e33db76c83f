/* The AWS client: its settings, and how credentials and the identity are fetched. */
#include "lib/aws/aws.h"

#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/auth/chain.h"
#include "lib/aws/auth/identity.h"
#include "lib/aws/auth/imds.h"
#include "lib/aws/auth/profile.h"
#include "lib/aws/auth/sigv4.h"
#include "lib/aws/client.h"
#include "lib/aws/names.h"
#include "lib/aws/sts.h"
#include "lib/aws/wire/bucket_cache.h"
#include "lib/aws/wire/endpoint.h"
#include "lib/aws/wire/endpoint_cache.h"
#include "lib/base/memory.h"

/* --- settings --- */

/* Returns the first value that is set: our own option, two variables, a key of the profile. NULL if
 * none is. Each may be NULL. */
static const char *aws_first_set(const struct aws *aws, const char *option, const char *variable,
                                 const char *other, const char *key)
{
    const char *values[] = {
        option,
        variable ? getenv(variable) : NULL,
        other ? getenv(other) : NULL,
        key ? aws_profile_get(aws->profiles, aws->profile, key) : NULL,
    };
    for (size_t i = 0; i < sizeof values / sizeof *values; i++)
        if (values[i] && *values[i])
            return values[i];
    return NULL;
}

static bool aws_choose_profile(struct aws *aws, struct err *err)
{
    const char *named =
        aws_first_set(aws, aws->options.profile, "AWS_PROFILE", "AWS_DEFAULT_PROFILE", NULL);
    aws->profile = named ? named : "default";
    return !named || aws_profile_exists(aws->profiles, named) ||
           err_set(err, ERR_INVALID, "",
                   "the profile \"%s\" (%s) is in neither shared file: add it to ~/.aws/config or "
                   "name another",
                   named,
                   aws->options.profile && *aws->options.profile ? "[aws] profile" : "AWS_PROFILE");
}

static bool aws_choose_region(struct aws *aws, struct err *err)
{
    const char *region =
        aws_first_set(aws, aws->options.region, "AWS_REGION", "AWS_DEFAULT_REGION", "region");
    atomic_init(&aws->region, region);
    return !region || !aws_region_problem(region) ||
           err_set(err, ERR_INVALID, "",
                   "\"%.40s\" %s: correct [aws] region, AWS_REGION, "
                   "AWS_DEFAULT_REGION or region of profile %s",
                   region, aws_region_problem(region), aws->profile);
}

/* Checks the template of the role: an ARN with {account}, and {partition} or a partition's name. */
static bool aws_check_role(const struct aws *aws, struct err *err)
{
    const char *role = aws->options.cross_account_role;
    if (!role || !*role)
        return true;
    return (strncmp(role, "arn:", 4) == 0 && strstr(role, ":role/") && strstr(role, "{account}") &&
            strlen(role) < 1024) ||
           err_set(err, ERR_INVALID, "",
                   "[aws] cross_account_role must look like "
                   "arn:{partition}:iam::{account}:role/NAME");
}

/* --- fetching, for the identity cache; called without locks --- */

/* Appends the ARN of the role in another account. */
static bool aws_add_role_arn(const struct aws *aws, const struct aws_caller *caller,
                             const char *account, struct buf *to, struct err *err)
{
    const char *at = aws->options.cross_account_role;
    while (*at) {
        const char *brace = strchr(at, '{');
        size_t n = brace ? (size_t)(brace - at) : strlen(at);
        buf_add(to, at, n);
        at += n;
        if (strncmp(at, "{account}", 9) == 0) {
            buf_adds(to, account);
            at += 9;
        } else if (strncmp(at, "{partition}", 11) == 0) {
            buf_adds(to, caller->partition->name);
            at += 11;
        } else if (*at) {
            return err_set(err, ERR_INVALID, "",
                           "[aws] cross_account_role may contain {account} and {partition}, not "
                           "\"%.20s\"",
                           at);
        }
    }
    return buf_ok(to) || err_set(err, ERR_INVALID, "", "[aws] cross_account_role is too long");
}

/* Makes one attempt to assume a role. */
static struct aws_creds *aws_assume_with(struct aws *aws, struct http_client *http,
                                         const struct aws_creds *own, const struct sts_role *role,
                                         struct err *err)
{
    struct aws_creds *creds = sts_assume_role(aws, http, own, role, err);
    if (creds)
        aws_creds_accepted(own, aws->options.clock->mono_ms(aws->options.clock));
    return creds;
}

/* Assumes a role with the daemon's own credentials, and again with new ones if STS rejects them. */
static struct aws_creds *aws_assume(struct aws *aws, struct http_client *http,
                                    const struct sts_role *role, struct err *err)
{
    struct aws_creds *own = aws_identity_creds(aws->identity, http, "", err);
    struct aws_creds *creds = own ? aws_assume_with(aws, http, own, role, err) : NULL;
    if (own && !creds && aws_keys_refused(err)) {
        struct aws_creds *others = aws_identity_renew(aws->identity, http, "", own, err);
        aws_creds_unref(own);
        own = others;
        creds = own ? aws_assume_with(aws, http, own, role, err) : NULL;
        if (own && !creds && aws_keys_refused(err))
            aws_identity_refusal_stands(own, err);
    }
    aws_creds_unref(own);
    return creds;
}

static struct aws_creds *aws_fetch_role(struct aws *aws, struct http_client *http,
                                        const char *account, struct err *err)
{
    const struct aws_caller *caller = aws_get_caller(aws, http, err);
    if (!caller)
        return NULL;
    if (!aws->options.cross_account_role || !*aws->options.cross_account_role) {
        err_set(
            err, ERR_CREDENTIALS, "",
            "no role is configured for account %s, which is not the daemon's own (%s): set [aws] "
            "cross_account_role",
            account, caller->account);
        return NULL;
    }
    struct buf arn = buf_make(2048);
    char source[64];
    struct aws_creds *creds = NULL;
    snprintf(source, sizeof source, "role in account %s", account);
    if (aws_add_role_arn(aws, caller, account, &arn, err)) {
        struct sts_role role = {.arn = buf_str(&arn),
                                .session_name = STS_SESSION_NAME,
                                .external_id = aws->options.external_id,
                                .source = source};
        creds = aws_assume(aws, http, &role, err);
    }
    buf_free(&arn);
    return creds;
}

static struct aws_creds *aws_fetch_creds(void *ctx, struct http_client *http, const char *account,
                                         struct err *err)
{
    struct aws *aws = ctx;
    struct aws_creds *creds =
        *account ? aws_fetch_role(aws, http, account, err) : aws_chain_fetch(aws->chain, http, err);
    /* Other failures were logged where they arose. */
    if (creds)
        log_debug(aws->options.log, "AWS credentials fetched",
                  LOG_STR("account", *account ? account : "own"), LOG_STR("from", creds->source));
    else if (err->kind != ERR_BUSY && err->kind != ERR_UNAVAILABLE)
        log_warn(aws->options.log, "AWS credentials could not be fetched",
                 LOG_STR("account", *account ? account : "own"), LOG_ERR("error", err));
    return creds;
}

/* Fetches the instance's region, if nothing else names one. False with *err if it cannot be fetched
 * now; if there is none, calls report what to set. */
static bool aws_fetch_region(struct aws *aws, struct http_client *http, struct err *err)
{
    struct imds imds;
    struct err why = ERR_INIT;
    struct buf text = buf_make(sizeof aws->found_region - 1);
    if (imds_open(&imds, &aws->imds, aws->profiles, aws->profile, http, &why)) {
        if (imds_get(&imds, &aws->imds, "/latest/meta-data/placement/region", &text, &why) &&
            !aws_region_problem(buf_str(&text))) {
            memcpy(aws->found_region, text.data, text.size + 1);
            atomic_store(&aws->region, aws->found_region);
        }
        imds_close(&imds);
    }
    buf_free(&text);
    if (!err_is_retryable(&why))
        return true;
    err_set(err, why.kind, "", "no AWS region is set, and the instance's is not known yet: %s",
            why.message);
    err->retry_after_ms = why.retry_after_ms;
    return false;
}

static bool aws_fetch_caller(void *ctx, struct http_client *http, struct aws_caller *caller,
                             struct err *err)
{
    struct aws *aws = ctx;
    if (!aws_region(aws) && !aws_fetch_region(aws, http, err))
        return false;
    if (!sts_get_caller_identity(aws, http, caller, err))
        return false;
    log_info(aws->options.log, "AWS identity", LOG_STR("account", caller->account),
             LOG_STR("arn", caller->arn));
    return true;
}

/* Credentials expire by the services' time. */
static int64_t aws_service_time(void *ctx)
{
    return aws_now_ms(ctx);
}

/* --- lifetime --- */

struct aws *aws_new(const struct aws_options *options, struct err *err)
{
    struct aws *aws = xcalloc(1, sizeof *aws);
    aws->options = *options;
    aws->profiles = aws_profiles_load(NULL, NULL, err);
    if (!aws->profiles || !aws_choose_profile(aws, err) || !aws_choose_region(aws, err) ||
        !aws_check_role(aws, err) ||
        !aws_endpoint_settings_init(&aws->endpoint_settings, options->endpoint_url, aws->profiles,
                                    aws->profile, err)) {
        aws_free(aws);
        return NULL;
    }
    aws->ca_bundle = aws_first_set(aws, NULL, "AWS_CA_BUNDLE", NULL, "ca_bundle");
    aws->chain = aws_chain_new(aws, aws->profiles, options->profile, options->clock);
    aws->identity = aws_identity_new(&(struct aws_identity_options){
        .clock = options->clock,
        .now_ms = aws_service_time,
        .fetch = aws_fetch_creds,
        .fetch_caller = aws_fetch_caller,
        .ctx = aws,
    });
    aws->bucket_cache = aws_bucket_cache_new();
    aws->keys = sigv4_keys_new();
    aws->endpoint_cache = aws_endpoint_cache_new(&aws->endpoint_settings);
    return aws;
}

void aws_free(struct aws *aws)
{
    if (!aws)
        return;
    aws_endpoint_cache_free(aws->endpoint_cache);
    sigv4_keys_free(aws->keys);
    aws_bucket_cache_free(aws->bucket_cache);
    aws_identity_free(aws->identity);
    aws_chain_free(aws->chain);
    aws_profiles_free(aws->profiles);
    free(aws);
}

void aws_set_bucket_region(struct aws *aws, const char *bucket, const char *region)
{
    aws_bucket_cache_put(aws->bucket_cache, bucket, region);
}

const char *aws_ca_bundle(const struct aws *aws)
{
    return aws->ca_bundle;
}

void aws_describe_chain(struct aws *aws, struct http_client *http, struct buf *to)
{
    struct err err = ERR_INIT;
    /* Another chain than the client's, which a worker may be using. */
    struct aws_chain *chain =
        aws_chain_new(aws, aws->profiles, aws->options.profile, aws->options.clock);
    struct aws_creds *creds = aws_chain_fetch(chain, http, &err);
    aws_chain_describe(chain, to);
    aws_creds_unref(creds);
    aws_chain_free(chain);
}
