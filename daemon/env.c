/* Makes and releases the environment of commands: log, clock, rate limits, cloud clients and HTTP
 * options. Reads environment variables and files; sends nothing. */
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
#include "lib/base/memory.h"

/* systemd.exec(5), JOURNAL_STREAM: "device:inode" of the stream that leads to the journal. A
 * process whose standard error was redirected still has the variable, hence the comparison. */
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

static void env_set_http_options(struct env *env)
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

/* The aws_options.allow_region; ctx is the configuration. */
static bool env_allow_region(const void *ctx, const char *region, struct err *err)
{
    return guard_region(ctx, CLOUD_AWS, region, err);
}

static bool env_open_aws(struct env *env, struct err *err)
{
    const struct config *c = env->config;
    struct aws_options options = {
        .region = c->aws.region,
        .profile = c->aws.profile,
        .endpoint_url = c->aws.endpoint_url,
        .cross_account_role = c->aws.cross_account_role,
        .external_id = c->aws.external_id,
        .clock = env->clock,
        .log = env->log,
        .limits = env->limits,
        .allow_region = env_allow_region,
        .allow_region_ctx = c,
    };
    env->aws = aws_new(&options, err);
    return env->aws != NULL;
}

/* Sets the API versions of entries "TYPE=VERSION". */
static bool env_set_arm_versions(struct azure *azure, const struct config_list *entries,
                                 struct err *err)
{
    bool ok = true;
    for (size_t i = 0; ok && i < entries->count; i++) {
        const char *equals = strchr(entries->at[i], '=');
        size_t n = equals ? (size_t)(equals - entries->at[i]) : strlen(entries->at[i]);
        char *type = xstrndup(entries->at[i], n);
        ok = arm_set_version(azure, type, equals ? equals + 1 : "", err);
        free(type);
    }
    return ok;
}

static bool env_open_azure(struct env *env, struct err *err)
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
    if (!env->azure || !env_set_arm_versions(env->azure, &c->azure.arm_versions, err))
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

bool env_init(struct env *env, const struct config *config, struct err *err)
{
    *env = (struct env){.config = config, .clock = &system_clock};
    if (!http_global_init())
        return err_set(err, ERR_INTERNAL, "", "libcurl cannot be initialized");
    int format = config->log.format;
    if (format < 0)
        format = env_log_format(STDERR_FILENO, getenv("JOURNAL_STREAM"));
    env->log = log_new(STDERR_FILENO, config->log.level, (enum log_format)format);
    env->limits = ratelimit_new(env->clock);
    if (env_open_aws(env, err) && env_open_azure(env, err))
        env->own = own_new(config, env->azure, err);
    if (!env->own) {
        env_release(env);
        return false;
    }
    env_set_http_options(env);
    return true;
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
