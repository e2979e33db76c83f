/* Tries one kind of identity after the other, and reports why each was not used. */
#include "lib/azure/auth/identity.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/auth/identity_kinds.h"
#include "lib/base/memory.h"
#include "lib/base/secret.h"

#define KINDS         6
#define RESULT_SIZE   512
#define ARC_DIRECTORY "/var/opt/azcmagent/tokens/"

static const struct {
    const char *name;
    identity_try_fn try;
} kinds[KINDS] = {
    {"client secret", identity_try_secret},
    {"client certificate", identity_try_certificate},
    {"workload identity", identity_try_workload},
    {"App Service", identity_try_app_service},
    {"Azure Arc", identity_try_arc},
    {"instance metadata (IMDS)", identity_try_imds},
};

/* What came of each kind; "" for those not tried. */
struct results {
    char of[KINDS][RESULT_SIZE];
};

struct azure_identity {
    const struct azure_options *options;
    const struct azure_cloud *cloud;
    struct skew *skew;
    struct identity_imds_memory imds;
    /* Guards what follows. */
    pthread_mutex_t lock;
    /* Of the last search. */
    struct results results;
};

struct azure_identity *azure_identity_new(const struct azure_options *options,
                                          const struct azure_cloud *cloud, struct skew *skew)
{
    struct azure_identity *i = xcalloc(1, sizeof *i);
    i->options = options;
    i->cloud = cloud;
    i->skew = skew;
    pthread_mutex_init(&i->lock, NULL);
    return i;
}

void azure_identity_free(struct azure_identity *i)
{
    if (!i)
        return;
    pthread_mutex_destroy(&i->lock);
    free(i);
}

/* Returns hgautod's own setting, else the environment variable, else NULL. */
static const char *identity_setting(const char *own, const char *variable)
{
    return own && *own ? own : secret_env(variable);
}

static struct identity_params identity_params_of(struct azure_identity *i, struct http_client *http,
                                                 const char *scope)
{
    const struct azure_options *o = i->options;
    return (struct identity_params){
        .cloud = i->cloud,
        .clock = o->clock,
        .skew = i->skew,
        .http = http,
        .scope = scope,
        .tenant_id = identity_setting(o->tenant_id, "AZURE_TENANT_ID"),
        .client_id = identity_setting(o->client_id, "AZURE_CLIENT_ID"),
        .client_secret = identity_setting(o->client_secret, "AZURE_CLIENT_SECRET"),
        .client_certificate =
            identity_setting(o->client_certificate, "AZURE_CLIENT_CERTIFICATE_PATH"),
        .certificate_forced = o->client_certificate && *o->client_certificate &&
                              !(o->client_secret && *o->client_secret),
        .imds = IDENTITY_IMDS,
        .imds_memory = &i->imds,
        .arc_directory = ARC_DIRECTORY,
    };
}

/* Appends the results of the kinds before number `end`. */
static void identity_add_results(const struct results *results, size_t end, struct buf *to)
{
    for (size_t i = 0; i < end; i++)
        buf_addf(to, "%s%s: %.140s", i > 0 ? "; " : "", kinds[i].name, results->of[i]);
}

/* Kind i is configured, but failed: its error is that of the search, and stays transient if it
 * is. */
static void identity_set_failed(const struct results *results, size_t i, struct err *err)
{
    struct err own = *err;
    struct buf before = buf_make(4096);
    identity_add_results(results, i, &before);
    bool passing = err_is_retryable(&own) || own.kind == ERR_INTERNAL;
    err_set(err, passing ? own.kind : ERR_CREDENTIALS, own.code, "%s: %s%s%s%s", kinds[i].name,
            results->of[i], before.size > 0 ? " (tried before: " : "", buf_str(&before),
            before.size > 0 ? ")" : "");
    err->retry_after_ms = own.retry_after_ms;
    err->http_status = own.http_status;
    buf_free(&before);
}

static void identity_set_none(const struct results *results, struct err *err)
{
    struct buf text = buf_make(4096);
    identity_add_results(results, KINDS, &text);
    err_set(err, ERR_CREDENTIALS, "",
            "no Azure identity: assign a managed identity to the host, or set AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. Tried: %s",
            buf_str(&text));
    buf_free(&text);
}

static struct azure_token *identity_search(const struct identity_params *params,
                                           struct results *results, struct err *err)
{
    for (size_t i = 0; i < KINDS; i++) {
        struct azure_token *token = NULL;
        enum identity_result result = kinds[i].try(params, &token, err);
        if (result == IDENTITY_FOUND) {
            snprintf(results->of[i], RESULT_SIZE, "used%s%s",
                     params->client_id ? ", client ID " : "",
                     params->client_id ? params->client_id : "");
            return token;
        }
        snprintf(results->of[i], RESULT_SIZE, "%.500s", err->message);
        if (result == IDENTITY_FAILED) {
            identity_set_failed(results, i, err);
            return NULL;
        }
    }
    identity_set_none(results, err);
    return NULL;
}

struct azure_token *azure_identity_fetch(struct azure_identity *i, struct http_client *http,
                                         const char *scope, struct err *err)
{
    struct identity_params params = identity_params_of(i, http, scope);
    struct results results = {0};
    struct azure_token *token = identity_search(&params, &results, err);
    pthread_mutex_lock(&i->lock);
    i->results = results;
    pthread_mutex_unlock(&i->lock);
    return token;
}

void azure_identity_describe(struct azure_identity *i, struct buf *to)
{
    pthread_mutex_lock(&i->lock);
    struct results results = i->results;
    pthread_mutex_unlock(&i->lock);
    for (size_t k = 0; k < KINDS; k++)
        buf_addf(to, "%s: %s\n", kinds[k].name, *results.of[k] ? results.of[k] : "not tried");
}
