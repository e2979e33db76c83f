/* hgautod check: validates the configuration, prints the effective one and, with --online, tests
 * whether everything it refers to is reachable. */
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "daemon/command/command.h"
#include "daemon/descriptors.h"
#include "daemon/env.h"
#include "daemon/source/kinds.h"
#include "lib/azure/azure.h"
#include "lib/base/memory.h"
#include "lib/base/printable.h"

#define TEXT_MAX (4u << 20)

/* What was found about one identity or source. */
struct finding {
    /* "identity" or "source". */
    const char *kind;
    /* "aws", "azure" or the source's name. */
    const char *name;
    bool ok;
    /* Each begins with "ok", "note" or "FAIL". */
    struct buf lines;
};

struct findings {
    /* Has room for all. */
    struct finding *at;
    size_t count;
    bool ok;
};

static struct finding *check_add_finding(struct findings *f, const char *kind, const char *name)
{
    f->at[f->count] = (struct finding){.kind = kind, .name = name, .lines = buf_make(TEXT_MAX)};
    return &f->at[f->count++];
}

static void findings_free(struct findings *f)
{
    for (size_t i = 0; i < f->count; i++)
        buf_free(&f->at[i].lines);
    free(f->at);
}

/* --- identities and sources --- */

/* Returns whether the sources need an AWS identity; *possible: whether their events may. */
static bool check_needs_aws(const struct config *c, bool *possible)
{
    bool needed = false;
    *possible = false;
    for (size_t i = 0; i < c->source_count; i++) {
        enum source_cloud cloud = source_facts[c->sources[i].type].cloud;
        needed = needed || cloud == SOURCE_IN_AWS;
        *possible = *possible || cloud == SOURCE_LOCAL;
    }
    *possible = *possible || needed;
    return needed;
}

/* Appends each line of a text as one that begins with "note". */
static void check_add_notes(struct buf *to, const char *text)
{
    while (*text) {
        size_t n = strcspn(text, "\n");
        if (n) {
            buf_adds(to, "note  ");
            buf_add(to, text, n);
            buf_addc(to, '\n');
        }
        text += n + (text[n] ? 1 : 0);
    }
}

static bool check_aws(const struct env *env, struct http_client *http, bool needed, struct buf *to)
{
    struct err err = ERR_INIT;
    const struct aws_caller *caller;
    struct command_wait wait = command_wait_begin(env->clock);
    do
        caller = aws_get_caller(env->aws, http, &err);
    while (!caller && command_wait_retry(&wait, &err));
    if (caller) {
        struct aws_creds *creds = aws_get_creds(env->aws, http, NULL, &err);
        buf_addf(to, "ok    %s, account %s, credentials from %s\n", caller->arn, caller->account,
                 creds ? creds->source : "an unknown provider");
        aws_creds_unref(creds);
        return true;
    }
    char text[2048];
    buf_addf(to, "%s  cannot determine the daemon's own identity: %s\n", needed ? "FAIL" : "note",
             err_text(&err, text, sizeof text));
    /* An error about credentials describes the chain itself. */
    if (err.kind != ERR_CREDENTIALS) {
        struct buf chain = buf_make(TEXT_MAX);
        aws_describe_chain(env->aws, http, &chain);
        check_add_notes(to, buf_str(&chain));
        buf_free(&chain);
    }
    return !needed;
}

/* Returns whether an Azure identity is needed: there is a source in Azure, or [azure] or the
 * environment of the SDKs names an identity. */
static bool check_needs_azure(const struct config *c)
{
    static const char *const names[] = {"AZURE_TENANT_ID", "AZURE_CLIENT_ID"};
    bool needed = c->azure.tenant_id || c->azure.client_id || c->azure.client_certificate ||
                  c->azure.subscriptions_file;
    for (size_t i = 0; i < c->source_count; i++)
        needed = needed || source_facts[c->sources[i].type].cloud == SOURCE_IN_AZURE;
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *value = getenv(names[i]);
        needed = needed || (value && *value);
    }
    return needed;
}

static void check_add_id(struct buf *to, const char *what, const char *id)
{
    if (*id)
        buf_addf(to, ", %s %s", what, id);
}

/* Reports the identity in a token, its kind, and why the kinds before it were not used. */
static void check_report_azure(const struct env *env, const struct azure_token *token,
                               struct buf *to)
{
    struct buf kinds = buf_make(TEXT_MAX);
    struct azure_token_owner who;
    azure_token_read_owner(token, &who);
    buf_addf(to, "ok    a token for %s", azure_cloud(env->azure)->arm);
    check_add_id(to, "tenant", who.tenant);
    check_add_id(to, "client ID", who.client);
    check_add_id(to, "object ID", who.object);
    buf_addc(to, '\n');
    azure_describe_identity(env->azure, &kinds);
    check_add_notes(to, buf_str(&kinds));
    buf_free(&kinds);
}

static bool check_azure(const struct env *env, struct http_client *http, struct buf *to)
{
    struct err err = ERR_INIT;
    struct azure_token *token;
    struct command_wait wait = command_wait_begin(env->clock);
    do
        token = azure_get_token(env->azure, http, azure_arm_scope(env->azure), &err);
    while (!token && command_wait_retry(&wait, &err));
    if (token) {
        check_report_azure(env, token, to);
        azure_token_unref(token);
        return true;
    }
    /* Other errors describe what to do themselves. */
    bool refused = err.http_status > 0 && err.kind != ERR_UNAVAILABLE;
    char text[2048];
    buf_addf(to, "FAIL  no token for %s: %s%s\n", azure_cloud(env->azure)->arm,
             err_text(&err, text, sizeof text),
             refused
                 ? "; check tenant_id, client_id and authority, and that the secret, certificate "
                   "or managed identity belongs to them"
                 : "");
    return false;
}

static void check_all(const struct env *env, struct http_client *http, struct findings *f)
{
    const struct config *c = env->config;
    bool possible;
    bool needed = check_needs_aws(c, &possible);
    f->ok = true;
    if (possible) {
        struct finding *identity = check_add_finding(f, "identity", "aws");
        identity->ok = check_aws(env, http, needed, &identity->lines);
        f->ok = identity->ok;
    }
    if (check_needs_azure(c)) {
        struct finding *identity = check_add_finding(f, "identity", "azure");
        identity->ok = check_azure(env, http, &identity->lines);
        f->ok = identity->ok && f->ok;
    }
    for (size_t i = 0; i < c->source_count; i++) {
        struct finding *source = check_add_finding(f, "source", c->sources[i].name);
        source->ok = source_probe(env, &c->sources[i], http, &source->lines);
        f->ok = source->ok && f->ok;
    }
}

static void check_online(const struct env *env, struct findings *f)
{
    struct http_client *http = http_client_new(&env->http);
    /* And one for each cloud. */
    f->at = xcalloc(env->config->source_count + 2, sizeof *f->at);
    check_all(env, http, f);
    http_client_free(http);
}

/* --- building --- */

/* Makes a source as `run` does, without starting it, and reports what is wrong with its
 * configuration. What depends on the place and time, such as a missing directory, is for
 * --online. */
static void check_build_source(const struct source_host *host, const struct config_source *config,
                               struct buf *problems)
{
    struct err err = ERR_INIT;
    char text[2048];
    struct source *source = source_new(host, config, &err);
    if (source) {
        source->ops->free(source);
    } else if (err.kind == ERR_INVALID) {
        buf_addf(problems, "%s:%u: %s\n", host->env->config->path, config->line,
                 err_text(&err, text, sizeof text));
    }
}

/* Makes everything that `run` makes before it starts, so that what it refuses is refused here. */
static void check_build_sources(const struct env *made, struct buf *problems)
{
    struct env env = *made;
    uv_loop_t loop;
    struct source_host host = {.env = &env, .loop = &loop};
    if (uv_loop_init(&loop) != 0) {
        buf_adds(problems, "hgautod: cannot initialize the event loop\n");
        return;
    }
    /* Their warnings are printed in our own words. */
    env.log = NULL;
    for (size_t i = 0; i < env.config->source_count; i++)
        check_build_source(&host, &env.config->sources[i], problems);
    uv_run(&loop, UV_RUN_DEFAULT);
    uv_loop_close(&loop);
}

/* Appends one line for each setting that works, but perhaps not as intended. */
static void check_add_warnings(const struct config *c, struct buf *to)
{
    for (size_t i = 0; i < c->source_count; i++)
        if (source_facts[c->sources[i].type].any_bucket && !c->sources[i].bucket)
            buf_addf(to, "%s:%u: warning: [source %s]: " CONFIG_ANY_BUCKET "\n", c->path,
                     c->sources[i].line, c->sources[i].name);
    descriptors_warn(c, to);
}

/* --- printing --- */

static bool check_print_text(const struct config *config, const struct findings *f)
{
    struct buf text = buf_make(TEXT_MAX);
    bool ok;
    config_print(config, &text);
    for (size_t i = 0; i < f->count; i++)
        buf_addf(&text, "\n; %s %s\n%s", f->at[i].kind, f->at[i].name, buf_str(&f->at[i].lines));
    ok = buf_ok(&text) && printable_print(stdout, "%s", buf_str(&text)) && fflush(stdout) == 0;
    buf_free(&text);
    return ok;
}

static json_t *check_lines_json(const char *text)
{
    json_t *lines = json_array();
    while (*text) {
        size_t n = strcspn(text, "\n");
        json_t *line = json_stringn(text, n);
        json_array_append_new(lines, line ? line : json_string("(a line that is not UTF-8)"));
        text += n + (text[n] ? 1 : 0);
    }
    return lines;
}

static json_t *check_findings_json(const struct findings *f)
{
    json_t *all = json_array();
    for (size_t i = 0; i < f->count; i++)
        json_array_append_new(all, json_pack("{ss ss sb so}", "kind", f->at[i].kind, "name",
                                             f->at[i].name, "ok", f->at[i].ok, "found",
                                             check_lines_json(buf_str(&f->at[i].lines))));
    return all;
}

/* Prints and releases a JSON value; NULL is an error. */
static bool check_print_json(json_t *json)
{
    char *text = json ? json_dumps(json, JSON_INDENT(2)) : NULL;
    bool ok = text && printable_write(stdout, text, strlen(text)) && putchar('\n') != EOF &&
              fflush(stdout) == 0;
    free(text);
    json_decref(json);
    return ok;
}

static bool check_print_result(const struct invocation *in, const struct config *config,
                               const struct buf *warnings, const struct findings *f)
{
    json_t *json;
    if (!in->json)
        return check_print_text(config, f);
    json = json_pack("{sb so so}", "ok", f->ok, "configuration", config_json(config), "warnings",
                     check_lines_json(buf_str(warnings)));
    if (json && in->online)
        json_object_set_new(json, "online", check_findings_json(f));
    return check_print_json(json);
}

/* Prints what is wrong with the configuration, with --json also as JSON. */
static int check_refuse(const struct invocation *in, const struct buf *problems)
{
    printable_print(stderr, "%s", buf_str(problems));
    if (in->json)
        check_print_json(
            json_pack("{sb so}", "ok", 0, "problems", check_lines_json(buf_str(problems))));
    return EXIT_USAGE;
}

/* Prints the configuration, which `run` accepts. */
static int check_report(const struct invocation *in, const struct env *env)
{
    struct findings f = {.ok = true};
    struct buf warnings = buf_make(TEXT_MAX);
    check_add_warnings(env->config, &warnings);
    printable_print(stderr, "%s", buf_str(&warnings));
    if (in->online)
        check_online(env, &f);
    bool ok = check_print_result(in, env->config, &warnings, &f) && f.ok;
    findings_free(&f);
    buf_free(&warnings);
    return ok ? EXIT_DONE : EXIT_WORK_FAILED;
}

static int check_config(const struct invocation *in, const struct config *config,
                        struct buf *problems)
{
    struct err err = ERR_INIT;
    char text[2048];
    struct env env;
    int status;
    if (!env_init(&env, config, &err)) {
        buf_addf(problems, "hgautod: %s\n", err_text(&err, text, sizeof text));
        status = check_refuse(in, problems);
        return err.kind == ERR_INVALID ? status : EXIT_WORK_FAILED;
    }
    check_build_sources(&env, problems);
    status = problems->size > 0 ? check_refuse(in, problems) : check_report(in, &env);
    env_release(&env);
    return status;
}

int cmd_check(const struct invocation *in)
{
    struct buf problems = buf_make(TEXT_MAX);
    struct config *config = config_load(in->config_path, false, environ, &problems);
    int status = config ? check_config(in, config, &problems) : check_refuse(in, &problems);
    config_free(config);
    buf_free(&problems);
    return status;
}
