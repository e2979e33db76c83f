/* The AWS client: its settings, and who fetches credentials from whom. */
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

/* --- settings --- */

/* The first that is set of a setting of ours, two variables, and the profile's; NULL when none is.
 * The others may be NULL. */
static const char *first_set(const struct aws *aws, const char *option, const char *variable,
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

static bool choose_profile(struct aws *aws, struct err *err)
{
    const char *named =
        first_set(aws, aws->options.profile, "AWS_PROFILE", "AWS_DEFAULT_PROFILE", NULL);
    aws->profile = named ? named : "default";
    return !named || aws_profile_exists(aws->profiles, named) ||
           err_set(err, ERR_INVALID, "",
                   "the profile \"%s\" (%s) is in neither shared file: add it to ~/.aws/config or "
                   "name another",
                   named,
                   aws->options.profile && *aws->options.profile ? "[aws] profile" : "AWS_PROFILE");
}

static bool choose_region(struct aws *aws, struct err *err)
{
    const char *region =
        first_set(aws, aws->options.region, "AWS_REGION", "AWS_DEFAULT_REGION", "region");
    atomic_init(&aws->region, region);
    return !region || !aws_region_problem(region) ||
           err_set(err, ERR_INVALID, "",
                   "\"%.40s\" %s: correct [aws] region, AWS_REGION, "
                   "AWS_DEFAULT_REGION or region of profile %s",
                   region, aws_region_problem(region), aws->profile);
}

/* The role's template: an ARN with {account}, and {partition} or a partition's name. */
static bool check_role(const struct aws *aws, struct err *err)
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

/* --- what the identity cache asks for; called without locks --- */

/* Fills in the template of the role in another account. */
static bool role_arn(const struct aws *aws, const struct aws_caller *caller, const char *account,
                     struct buf *to, struct err *err)
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
                           "[aws] cross_account_role may hold {account} and {partition}, not "
                           "\"%.20s\"",
                           at);
        }
    }
    return buf_ok(to) || err_set(err, ERR_INVALID, "", "[aws] cross_account_role is too long");
}

/* One try to assume it. */
static struct aws_creds *assume_with(struct aws *aws, struct http_client *http,
                                     const struct aws_creds *own, const struct sts_role *role,
                                     struct err *err)
{
    struct aws_creds *creds = sts_assume_role(aws, http, own, role, err);
    if (creds)
        aws_creds_accepted(own, aws->options.clock->mono_ms(aws->options.clock));
    return creds;
}

/* AssumeRole with the daemon's own credentials, and once more with others if STS refuses them. */
static struct aws_creds *assume(struct aws *aws, struct http_client *http,
                                const struct sts_role *role, struct err *err)
{
    struct aws_creds *own = aws_identity_creds(aws->identity, http, "", err);
    struct aws_creds *creds = own ? assume_with(aws, http, own, role, err) : NULL;
    if (own && !creds && aws_keys_refused(err)) {
        struct aws_creds *others = aws_identity_renew(aws->identity, http, "", own, err);
        aws_creds_unref(own);
        own = others;
        creds = own ? assume_with(aws, http, own, role, err) : NULL;
        if (own && !creds && aws_keys_refused(err))
            aws_identity_refusal_stands(own, err);
    }
    aws_creds_unref(own);
    return creds;
}

static struct aws_creds *fetch_role(struct aws *aws, struct http_client *http, const char *account,
                                    struct err *err)
{
    const struct aws_caller *caller = aws_get_caller(aws, http, err);
    if (!caller)
        return NULL;
    if (!aws->options.cross_account_role || !*aws->options.cross_account_role) {
        err_set(err, ERR_CREDENTIALS, "",
                "account %s is not the daemon's own (%s), and no role is configured for other "
                "accounts: set [aws] cross_account_role",
                account, caller->account);
        return NULL;
    }
    struct buf arn = buf_make(2048);
    char source[64];
    struct aws_creds *creds = NULL;
    snprintf(source, sizeof source, "role in account %s", account);
    if (role_arn(aws, caller, account, &arn, err)) {
        struct sts_role role = {.arn = buf_str(&arn),
                                .session_name = STS_SESSION_NAME,
                                .external_id = aws->options.external_id,
                                .source = source};
        creds = assume(aws, http, &role, err);
    }
    buf_free(&arn);
    return creds;
}

static struct aws_creds *fetch(void *ctx, struct http_client *http, const char *account,
                               struct err *err)
{
    struct aws *aws = ctx;
    struct aws_creds *creds =
        *account ? fetch_role(aws, http, account, err) : aws_chain_fetch(aws->chain, http, err);
    if (creds) {
        log_debug(aws->options.log, "AWS credentials fetched",
                  LOG_STR("account", *account ? account : "own"), LOG_STR("from", creds->source));
        /* Else said already. */
    } else if (err->kind != ERR_BUSY && err->kind != ERR_UNAVAILABLE) {
        log_warn(aws->options.log, "AWS credentials could not be fetched",
                 LOG_STR("account", *account ? account : "own"), LOG_ERR("error", err));
    }
    return creds;
}

/* The instance's region, where nothing else names one. False with *err when it cannot be asked for
 * now; where there is none, the calls say what to set. */
static bool ask_region(struct aws *aws, struct http_client *http, struct err *err)
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

static bool fetch_caller(void *ctx, struct http_client *http, struct aws_caller *caller,
                         struct err *err)
{
    struct aws *aws = ctx;
    if (!aws_region(aws) && !ask_region(aws, http, err))
        return false;
    if (!sts_caller_identity(aws, http, caller, err))
        return false;
    log_info(aws->options.log, "AWS identity", LOG_STR("account", caller->account),
             LOG_STR("arn", caller->arn));
    return true;
}

/* Credentials expire by the services' time. */
static int64_t service_time(void *ctx)
{
    return aws_now_ms(ctx);
}

/* --- making --- */

struct aws *aws_new(const struct aws_options *options, struct err *err)
{
    struct aws *aws = calloc(1, sizeof *aws);
    if (!aws) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return NULL;
    }
    aws->options = *options;
    aws->profiles = aws_profiles_load(NULL, NULL, err);
    if (!aws->profiles || !choose_profile(aws, err) || !choose_region(aws, err) ||
        !check_role(aws, err) ||
        !aws_endpoint_settings_init(&aws->endpoint_settings, options->endpoint_url, aws->profiles,
                                    aws->profile, err))
        goto failed;
    aws->ca_bundle = first_set(aws, NULL, "AWS_CA_BUNDLE", NULL, "ca_bundle");
    aws->chain = aws_chain_new(aws, aws->profiles, options->profile, options->clock);
    aws->identity = aws_identity_new(&(struct aws_identity_options){
        .clock = options->clock,
        .now_ms = service_time,
        .fetch = fetch,
        .fetch_caller = fetch_caller,
        .ctx = aws,
    });
    aws->bucket_cache = aws_bucket_cache_new();
    aws->keys = sigv4_keys_new();
    aws->endpoint_cache = aws_endpoint_cache_new(&aws->endpoint_settings);
    if (aws->chain && aws->identity && aws->bucket_cache && aws->keys && aws->endpoint_cache)
        return aws;
    err_set(err, ERR_INTERNAL, "", "out of memory");
failed:
    aws_free(aws);
    return NULL;
}

void aws_free(struct aws *aws)
{
    if (aws) {
        aws_endpoint_cache_free(aws->endpoint_cache);
        sigv4_keys_free(aws->keys);
        aws_bucket_cache_free(aws->bucket_cache);
        aws_identity_free(aws->identity);
        aws_chain_free(aws->chain);
        aws_profiles_free(aws->profiles);
        free(aws);
    }
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
    /* A chain of its own: the other one may be in use by a worker. */
    struct aws_chain *chain =
        aws_chain_new(aws, aws->profiles, aws->options.profile, aws->options.clock);
    if (!chain) {
        buf_adds(to, "out of memory\n");
        return;
    }
    struct aws_creds *creds = aws_chain_fetch(chain, http, &err);
    aws_chain_describe(chain, to);
    aws_creds_unref(creds);
    aws_chain_free(chain);
}
