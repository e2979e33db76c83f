/* Checks what must hold between settings. */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "actions/action.h"
#include "daemon/config/loader.h"

struct duration_text {
    char text[32];
};

/* A duration for a message. */
static struct duration_text check_duration(int64_t ms)
{
    struct buf b = buf_make(sizeof(struct duration_text) - 1);
    config_duration_format(ms, &b);
    struct duration_text d;
    snprintf(d.text, sizeof d.text, "%s", buf_str(&b));
    buf_free(&b);
    return d;
}

/* The origin to report for two settings: the first that is not a default. */
static unsigned check_origin(unsigned one, unsigned other)
{
    return one ? one : other;
}

/* Times below 0 are unknown: their values have been reported. */
static void check_timeouts(struct loader *l)
{
    const struct config *c = l->config;
    int64_t request = c->http.request_timeout;
    unsigned request_origin = config_origin(c->origin, SECTION_HTTP, "request_timeout");
    unsigned connect_origin = config_origin(c->origin, SECTION_HTTP, "connect_timeout");
    unsigned drain_origin = config_origin(c->origin, SECTION_DAEMON, "drain_timeout");
    if (request > 0 && c->http.connect_timeout > request)
        loader_problem(l, check_origin(connect_origin, request_origin),
                       "connect_timeout (%s) of [http] is longer than request_timeout (%s)",
                       check_duration(c->http.connect_timeout).text, check_duration(request).text);
    if (c->daemon.drain_timeout > 0 && request > c->daemon.drain_timeout)
        loader_problem(l, check_origin(request_origin, drain_origin),
                       "request_timeout (%s) of [http] is longer than drain_timeout (%s) of "
                       "[daemon]: a request could take longer than the shutdown",
                       check_duration(request).text, check_duration(c->daemon.drain_timeout).text);
}

static void check_actions(struct loader *l, const struct config_list *list, const char *key)
{
    unsigned origin = config_origin(l->config->origin, SECTION_GUARD, key);
    for (size_t i = 0; i < list->count; i++) {
        struct text_match match = {.written = list->at[i]};
        if (action_find(list->at[i]))
            continue;
        for (const struct action *const *a = action_table; *a; a++)
            text_match_offer(&match, (*a)->name);
        loader_problem(l, origin, "%s: there is no action '%s'%s%s%s", key, list->at[i],
                       match.name ? "; did you mean '" : "", match.name ? match.name : "",
                       match.name ? "'?" : "");
    }
}

void loader_check(struct loader *l)
{
    check_timeouts(l);
    check_actions(l, &l->config->guard.enable_actions, "enable_actions");
    check_actions(l, &l->config->guard.disable_actions, "disable_actions");
}

/* --- sources --- */

/* The keys that a source must not have because of its type, and those that are missing. */
static void check_keys(struct loader *l, const struct config_source *s)
{
    const char *type = source_type_name(s->type);
    for (const struct setting *k = config_settings; k->key; k++) {
        if (k->section != SECTION_SOURCE)
            continue;
        unsigned origin = s->origin[k - config_settings];
        if (origin && !config_setting_applies(k, s->type)) {
            loader_begin_problem(l, origin);
            buf_addf(l->problems, "%s is not for type = %s; it is for", k->key, type);
            for (unsigned t = 0; t < SOURCE_TYPE_COUNT; t++)
                if (k->types & 1u << t)
                    buf_addf(l->problems, " %s", source_type_name((enum source_type)t));
            buf_addc(l->problems, '\n');
        }
        if (!origin && (k->needed & 1u << s->type))
            loader_problem(l, s->line, "[source %s] has no %s, which type = %s needs", s->name,
                           k->key, type);
    }
}

static unsigned check_source_origin(const struct config_source *s, const char *key)
{
    return config_origin(s->origin, SECTION_SOURCE, key);
}

static void check_claim(struct loader *l, const struct config_source *s)
{
    int64_t request = l->config->http.request_timeout;
    unsigned request_origin = config_origin(l->config->origin, SECTION_HTTP, "request_timeout");
    if (s->rules.claims && s->rules.claim_ttl > 0 && s->rules.claim_ttl < 2 * request)
        loader_problem(l, check_origin(check_source_origin(s, "claim_ttl"), request_origin),
                       "claim_ttl (%s) of [source %s] is shorter than twice request_timeout (%s) "
                       "of [http]: a claim could expire while it is being renewed",
                       check_duration(s->rules.claim_ttl).text, s->name,
                       check_duration(request).text);
}

static void check_bucket(struct loader *l, const struct config_source *s)
{
    const char *encryption = s->server_side_encryption ? s->server_side_encryption : "";
    if (s->kms_key_id && strncmp(encryption, "aws:kms", strlen("aws:kms")) != 0)
        loader_problem(l, check_source_origin(s, "kms_key_id"),
                       "kms_key_id needs server_side_encryption = aws:kms or aws:kms:dsse");
    const struct source_facts *facts = &source_facts[s->type];
    if (!facts->any_bucket && s->bucket && !config_source_bucket(s))
        loader_problem(l, check_source_origin(s, "bucket"),
                       "bucket: '*' is for type = sqs; type = %s needs the name of a bucket",
                       facts->name);
}

void loader_check_source(struct loader *l, const struct config_source *s)
{
    check_keys(l, s);
    check_claim(l, s);
    check_bucket(l, s);
    const struct source_facts *facts = &source_facts[s->type];
    if (facts->cloud == SOURCE_IN_AZURE && !check_source_origin(s, "account") &&
        !check_source_origin(s, "connection_string") &&
        !check_source_origin(s, "connection_string_file"))
        loader_problem(l, s->line,
                       "[source %s] has neither account nor connection_string_file; type = %s "
                       "needs one of them",
                       s->name, facts->name);
    if (facts->queue && s->max_messages > facts->max_messages)
        loader_problem(l, check_source_origin(s, "max_messages"),
                       "max_messages: '%" PRId64 "' is not between 1 and %" PRId64
                       ", the maximum of type = %s",
                       s->max_messages, facts->max_messages, facts->name);
    if (facts->any_bucket && s->sweep_interval > 0 && !config_source_bucket(s))
        loader_problem(
            l, check_source_origin(s, "sweep_interval"),
            "sweep_interval needs the name of a bucket: without it there is nothing to search");
    if (!facts->queue && s->sweep_interval == 0)
        loader_problem(l, check_source_origin(s, "sweep_interval"),
                       "sweep_interval cannot be off for type = %s: sweeping is how it finds "
                       "events",
                       facts->name);
}
