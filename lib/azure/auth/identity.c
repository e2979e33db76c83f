/* Asks one kind of identity after the other, and says why each had nothing. */
#include "lib/azure/auth/identity.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/azure/auth/identity_link.h"
#include "lib/azure/auth/token.h"
#include "lib/base/secret.h"

#define LINKS         6
#define SAID_MAX      512
#define ARC_DIRECTORY "/var/opt/azcmagent/tokens/"

static const struct {
    const char *name;
    identity_link_fn ask;
} links[LINKS] = {
    {"client secret", identity_client_secret},
    {"client certificate", identity_certificate},
    {"workload identity", identity_workload},
    {"App Service", identity_app_service},
    {"Azure Arc", identity_arc},
    {"instance metadata (IMDS)", identity_imds},
};

/* What each kind said; "" for those not asked. */
struct said {
    char by[LINKS][SAID_MAX];
};

struct azure_identity {
    const struct azure_options *options;
    const struct azure_cloud *cloud;
    struct identity_imds_memory imds;
    pthread_mutex_t lock; /* of everything below */
    struct said said;     /* at the last asking */
};

struct azure_identity *azure_identity_new(const struct azure_options *options,
                                          const struct azure_cloud *cloud)
{
    struct azure_identity *i = calloc(1, sizeof(*i));
    if (!i)
        return NULL;
    i->options = options;
    i->cloud = cloud;
    if (pthread_mutex_init(&i->lock, NULL) != 0) {
        free(i);
        return NULL;
    }
    return i;
}

void azure_identity_free(struct azure_identity *i)
{
    if (!i)
        return;
    pthread_mutex_destroy(&i->lock);
    free(i);
}

/* Our own setting, else the variable, else NULL. */
static const char *setting(const char *own, const char *variable)
{
    return own && *own ? own : secret_env(variable);
}

static struct identity_ask prepare(struct azure_identity *i, struct http_client *http,
                                   const char *scope)
{
    const struct azure_options *o = i->options;
    return (struct identity_ask){
        .cloud = i->cloud,
        .clock = o->clock,
        .http = http,
        .scope = scope,
        .tenant_id = setting(o->tenant_id, "AZURE_TENANT_ID"),
        .client_id = setting(o->client_id, "AZURE_CLIENT_ID"),
        .client_secret = setting(o->client_secret, "AZURE_CLIENT_SECRET"),
        .client_certificate = setting(o->client_certificate, "AZURE_CLIENT_CERTIFICATE_PATH"),
        .certificate_forced = o->client_certificate && *o->client_certificate &&
                              !(o->client_secret && *o->client_secret),
        .imds = IDENTITY_IMDS,
        .imds_memory = &i->imds,
        .arc_directory = ARC_DIRECTORY,
    };
}

/* The kinds before number `end`, each with what it said. */
static void add_said(const struct said *said, size_t end, struct buf *to)
{
    for (size_t i = 0; i < end; i++)
        buf_addf(to, "%s%s: %.140s", i > 0 ? "; " : "", links[i].name, said->by[i]);
}

/* The search stopped at kind i: its error is the whole's, and a passing fault stays one that may
 * pass. */
static void report_broken(const struct said *said, size_t i, struct err *err)
{
    struct err own = *err;
    struct buf before = buf_make(4096);
    add_said(said, i, &before);
    bool passing = err_is_retryable(&own) || own.kind == ERR_INTERNAL;
    err_set(err, passing ? own.kind : ERR_CREDENTIALS, own.code, "%s: %s%s%s%s", links[i].name,
            said->by[i], before.size > 0 ? " (before it, " : "", buf_str(&before),
            before.size > 0 ? ")" : "");
    err->retry_after_ms = own.retry_after_ms;
    err->http_status = own.http_status;
    buf_free(&before);
}

static void report_none(const struct said *said, struct err *err)
{
    struct buf text = buf_make(4096);
    add_said(said, LINKS, &text);
    err_set(err, ERR_CREDENTIALS, "",
            "no Azure identity: give the host a managed identity, or set AZURE_TENANT_ID, "
            "AZURE_CLIENT_ID and AZURE_CLIENT_SECRET. What was found: %s",
            buf_str(&text));
    buf_free(&text);
}

/* Goes through the kinds. */
static struct azure_token *search(const struct identity_ask *ask, struct said *said,
                                  struct err *err)
{
    for (size_t i = 0; i < LINKS; i++) {
        struct azure_token *token = NULL;
        enum identity_result result = links[i].ask(ask, &token, err);
        if (result == IDENTITY_FOUND) {
            snprintf(said->by[i], SAID_MAX, "used%s%s", ask->client_id ? ", client id " : "",
                     ask->client_id ? ask->client_id : "");
            return token;
        }
        snprintf(said->by[i], SAID_MAX, "%.500s", err->message);
        if (result == IDENTITY_BROKEN) {
            report_broken(said, i, err);
            return NULL;
        }
    }
    report_none(said, err);
    return NULL;
}

struct azure_token *azure_identity_fetch(struct azure_identity *i, struct http_client *http,
                                         const char *scope, struct err *err)
{
    struct identity_ask ask = prepare(i, http, scope);
    struct said said = {0};
    struct azure_token *token = search(&ask, &said, err);
    pthread_mutex_lock(&i->lock);
    i->said = said;
    pthread_mutex_unlock(&i->lock);
    return token;
}

void azure_identity_describe(struct azure_identity *i, struct buf *to)
{
    pthread_mutex_lock(&i->lock);
    struct said said = i->said;
    pthread_mutex_unlock(&i->lock);
    for (size_t k = 0; k < LINKS; k++)
        buf_addf(to, "%s: %s\n", links[k].name, *said.by[k] ? said.by[k] : "not asked");
}
