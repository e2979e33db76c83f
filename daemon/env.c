/* Makes and releases the environment of commands: log, clock, rate limits, cloud clients and HTTP
 * options. */
#include "daemon/env.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "daemon/policy/guard.h"
#include "daemon/policy/own.h"
#include "daemon/policy/subscriptions.h"
#include "daemon/version.h"
#include "lib/azure/arm.h"
#include "lib/azure/azure.h"

/* systemd.exec(5), JOURNAL_STREAM: "device:inode" of the stream that leads to the journal. Whoever
 * redirects standard error elsewhere leaves the variable as it was, hence the comparison. */
enum log_format env_log_format(int fd, const char *journal_stream)
{
    char own[64];
    struct stat st;

    if (!journal_stream || fstat(fd, &st) != 0)
        return LOG_TEXT;
    snprintf(own, sizeof own, "%ju:%ju", (uintmax_t)st.st_dev, (uintmax_t)st.st_ino);
    return strcmp(own, journal_stream) == 0 ? LOG_JOURNAL : LOG_TEXT;
}

bool env_shares_calls(void)
{
    return !getenv("HGAUTOD_TEST_SINGLE_CALLS");
}

static struct log *make_log(const struct config *c)
{
    return log_new(STDERR_FILENO, c->log.level,
                   c->log.format >= 0 ? (enum log_format)c->log.format
                                      : env_log_format(STDERR_FILENO, getenv("JOURNAL_STREAM")));
}

static void set_http_options(struct env *env)
{
    const struct config *c = env->config;

    env->http = (struct http_options){
        .connect_timeout_ms = c->http.connect_timeout,
        .request_timeout_ms = c->http.request_timeout,
        .proxy = c->http.proxy,
        .ca_bundle = c->http.ca_bundle ? c->http.ca_bundle : aws_ca_bundle(env->aws),
        .user_agent = "hgautod/" HGAUTOD_VERSION,
    };
}

/* From entries "TYPE=VERSION". */
static bool set_versions(struct azure *azure, const struct config_list *entries, struct err *err)
{
    for (size_t i = 0; i < entries->count; i++) {
        char *type = strdup(entries->at[i]);
        char *equals = type ? strchr(type, '=') : NULL;
        bool ok = false;

        if (equals) {
            *equals = '\0';
            ok = arm_set_version(azure, type, equals + 1, err);
        } else {
            err_set(err, ERR_INTERNAL, "", "out of memory");
        }
        free(type);
        if (!ok)
            return false;
    }
    return true;
}

static bool open_azure(struct env *env, struct err *err)
{
    const struct config *c = env->config;
    struct azure_options options = {
        .cloud = c->azure.cloud,
        .tenant_id = c->azure.tenant_id,
        .client_id = c->azure.client_id,
        .client_certificate = c->azure.client_certificate,
        .arm_endpoint = c->azure.arm_endpoint,
        .authority = c->azure.authority,
        .storage_suffix = c->azure.storage_suffix,
        .clock = env->clock,
        .log = env->log,
        .limits = env->limits,
    };

    env->azure = azure_new(&options, err);
    if (!env->azure || !set_versions(env->azure, &c->azure.arm_versions, err))
        return false;
    if (!c->azure.subscriptions_file)
        return true;
    env->subscriptions = subscriptions_new(
        &(struct subscriptions_options){.path = c->azure.subscriptions_file,
                                        .standard = getenv("AZURE_SUBSCRIPTION_ID"),
                                        .clock = env->clock,
                                        .list = subscriptions_list_arm,
                                        .ctx = env->azure},
        err);
    return env->subscriptions != NULL;
}

static bool allow_region(const void *ctx, const char *region, struct err *err)
{
    return guard_region(ctx, CLOUD_AWS, region, err);
}

bool env_init(struct env *env, const struct config *config, struct err *err)
{
    struct aws_options options = {
        .region = config->aws.region,
        .profile = config->aws.profile,
        .endpoint_url = config->aws.endpoint_url,
        .cross_account_role = config->aws.cross_account_role,
        .external_id = config->aws.external_id,
        .clock = &system_clock,
        .allow_region = allow_region,
        .allow_region_ctx = config,
    };

    *env = (struct env){.config = config, .clock = &system_clock};
    if (!http_global_init())
        return err_set(err, ERR_INTERNAL, "", "libcurl cannot be initialized");
    env->log = make_log(config);
    env->limits = ratelimit_new(env->clock);
    options.log = env->log;
    options.limits = env->limits;
    env->aws = aws_new(&options, err);
    if (!env->aws || !open_azure(env, err))
        goto failed;
    env->own = own_new(config, env->azure, err);
    if (!env->own)
        goto failed;
    set_http_options(env);
    return true;
failed:
    env_release(env);
    return false;
}

void env_release(struct env *env)
{
    own_free(env->own);
    subscriptions_free(env->subscriptions);
    azure_free(env->azure);
    aws_free(env->aws);
    ratelimit_free(env->limits);
    log_free(env->log);
    http_global_cleanup();
    *env = (struct env){0};
}
