/* What the tests of AWS actions with several steps share: a server whose responses are a table of
 * the test, a clock that advances only by requested pauses, and a minimal engine. Between two runs
 * of a step the state is converted to text and back, as in the daemon. */
#ifndef HGAUTOD_TESTS_UNIT_ACTION_WORLD_H
#define HGAUTOD_TESTS_UNIT_ACTION_WORLD_H

#include "tests/unit/cloud_server.h"
#include "tests/unit/fake_clock.h"

#include "actions/action.h"
#include "lib/aws/aws.h"
#include "lib/net/http.h"

#define WORLD_START   INT64_C(1700000000000) /* Tue, 14 Nov 2023 22:13:20 GMT */
#define WORLD_ACCOUNT "123456789012"
/* More runs of steps than any action here needs: one with more never ends. */
#define WORLD_RUNS_MAX 200

/* A response of the server. The first matching row is used. */
struct world_answer {
    const char *op; /* "DescribeAddresses"; of S3 "GET versions": the method and the query's first
                       name; NULL ends the table */
    const char *holds; /* what target or body must contain; NULL: anything */
    int times;         /* so often, then the row is skipped; 0: always */
    int status;        /* 0: 200 */
    const char *body;
    const char *headers; /* NULL: none */
};

struct action_world {
    struct fake_clock clock; /* first */
    struct cloud_server server;
    struct http_client *http;
    struct aws *aws;
    struct ratelimit *limits;
    const struct world_answer *answers; /* searched first */
    const struct world_answer *more;    /* searched next; NULL: none */
    int given[2][64];                   /* how often each row was used */
    struct buf calls;                   /* "Operation target body\n", decoded */
    const char *region;                 /* of the resource */
};

/* The result of an action. */
struct world_end {
    enum verdict verdict; /* STEP_DONE, STEP_FINISHED or STEP_FAILED */
    char note[256];
    char error[2048];
    int64_t took_ms;
};

static inline void world_text_at(const char *from, size_t n, char *to, size_t size)
{
    if (n >= size)
        n = size - 1;
    memcpy(to, from, n);
    to[n] = '\0';
}

/* The operation of a request. */
static inline void world_op(const struct cloud_request *request, char op[128])
{
    const char *target = strcasestr(request->head, "\r\nX-Amz-Target:");
    const char *action = strstr(request->body, "Action=");
    if (target && target < request->body) {
        const char *end = strstr(target + 2, "\r\n");
        const char *dot = end;
        while (dot > target && *dot != '.')
            dot--;
        world_text_at(dot + 1, (size_t)(end - dot - 1), op, 128);
    } else if (action == request->body) {
        world_text_at(action + 7, strcspn(action + 7, "&"), op, 128);
    } else {
        const char *query = strchr(request->target, '?');
        const char *name = query ? query + 1 : "";
        /* max-keys and encoding-type come before: S3's sub-resource is the one without a value */
        static const char *const known[] = {"versions", "delete", "logging", "policy", "acl"};
        for (size_t i = 0; query && i < sizeof known / sizeof *known; i++)
            if (strstr(query, known[i]) && strncmp(strstr(query, known[i]), "versionId", 9) != 0)
                name = known[i];
        snprintf(op, 128, "%s %.*s", request->method, (int)strcspn(name, "=&"), name);
    }
}

static inline const struct world_answer *world_find(struct action_world *w, int table,
                                                    const char *op, const char *text)
{
    const struct world_answer *rows = table ? w->more : w->answers;
    for (int i = 0; rows && rows[i].op; i++) {
        if (strcmp(rows[i].op, op) != 0 || (rows[i].holds && !strstr(text, rows[i].holds)))
            continue;
        if (rows[i].times && w->given[table][i] >= rows[i].times)
            continue;
        w->given[table][i]++;
        return &rows[i];
    }
    return NULL;
}

/* The body of a response: <R> stands for the root element of responses to op; for the query
 * services, content without <...Result> is put into one. */
static inline void world_body(const char *op, const char *body, char *to, size_t size)
{
    char result[160];
    const char *root = strcmp(op, "GET versions") == 0  ? "ListVersionsResult"
                       : strcmp(op, "POST delete") == 0 ? "DeleteResult"
                                                        : NULL;
    size_t n = strlen(body);
    snprintf(result, sizeof result, "%sResult", op);
    if (n < 7 || strstr(body, "<R>") != body)
        snprintf(to, size, "%s", body);
    else if (root)
        snprintf(to, size, "<%s>%.*s</%s>", root, (int)(n - 7), body + 3, root);
    else if (strstr(body, result))
        snprintf(to, size, "<%sResponse>%.*s</%sResponse>", op, (int)(n - 7), body + 3, op);
    else
        snprintf(to, size, "<%sResponse>%.*s<%s/></%sResponse>", op, (int)(n - 7), body + 3, result,
                 op);
}

static inline void world_answer(void *ctx, const struct cloud_request *request,
                                struct cloud_reply *reply)
{
    struct action_world *w = ctx;
    char op[128];
    struct buf text = buf_make(1u << 16);
    world_op(request, op);
    *reply = (struct cloud_reply){.status = 200, .headers = ""};
    if (strcmp(op, "GetCallerIdentity") == 0) {
        snprintf(
            reply->body, sizeof reply->body,
            "<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:iam::" WORLD_ACCOUNT
            ":user/hg</Arn><Account>" WORLD_ACCOUNT
            "</Account></GetCallerIdentityResult></GetCallerIdentityResponse>");
        return;
    }
    buf_addf(&text, "%s %s %s", op, request->target, request->body);
    pthread_mutex_lock(&w->server.lock);
    buf_addf(&w->calls, "%s\n", buf_str(&text));
    const struct world_answer *row = world_find(w, 0, op, buf_str(&text));
    if (!row)
        row = world_find(w, 1, op, buf_str(&text));
    pthread_mutex_unlock(&w->server.lock);
    bool rest = strchr(op, ' ') && !strstr(request->target, "/functions/"); /* S3 */
    bool json = !rest && !strstr(request->body, "Action=");
    reply->status = row && row->status ? row->status : 200;
    reply->headers = row && row->headers ? row->headers : "";
    const char *usual = strcmp(op, "POST delete") == 0 ? "<R></R>"
                        : rest                         ? ""
                        : json                         ? "{}"
                                                       : "<R><return>true</return></R>";
    world_body(op, row ? row->body : usual, reply->body, sizeof reply->body);
    buf_free(&text);
}

static inline void action_world_start(struct action_world *w)
{
    struct err err = ERR_INIT;
    struct http_options http = {.user_agent = "test"};
    cloud_clean_environment();
    setenv("AWS_ACCESS_KEY_ID", "AKIDOWN", 1);
    setenv("AWS_SECRET_ACCESS_KEY", "own-secret", 1);
    *w = (struct action_world){
        .clock = fake_clock_make(WORLD_START), .calls = buf_make(1u << 20), .region = "us-east-1"};
    cloud_start(&w->server, world_answer, w);
    w->limits = ratelimit_new(&w->clock.clock);
    w->http = http_client_new(&http);
    struct aws_options options = {.region = "us-east-1",
                                  .endpoint_url = w->server.url,
                                  .clock = &w->clock.clock,
                                  .limits = w->limits};
    w->aws = aws_new(&options, &err);
    if (!w->aws || !w->http)
        fail_msg("%s", err.message);
}

static inline void action_world_stop(struct action_world *w)
{
    aws_free(w->aws);
    http_client_free(w->http);
    cloud_stop(&w->server);
    ratelimit_free(w->limits);
    buf_free(&w->calls);
}

/* Sets the responses of the server, and forgets the requests. */
static inline void world_script(struct action_world *w, const struct world_answer *answers,
                                const struct world_answer *more)
{
    pthread_mutex_lock(&w->server.lock);
    w->answers = answers;
    w->more = more;
    memset(w->given, 0, sizeof w->given);
    buf_reset(&w->calls);
    pthread_mutex_unlock(&w->server.lock);
}

/* How many calls of op were made (with `holds` in target or body; NULL: any). */
static inline int world_calls(struct action_world *w, const char *op, const char *holds)
{
    int count = 0;
    pthread_mutex_lock(&w->server.lock);
    char *copy = strdup(buf_str(&w->calls));
    pthread_mutex_unlock(&w->server.lock);
    char *rest = NULL;
    for (char *line = strtok_r(copy, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest))
        if (strncmp(line, op, strlen(op)) == 0 && line[strlen(op)] == ' ' &&
            (!holds || strstr(line, holds)))
            count++;
    free(copy);
    return count;
}

/* Returns the state as the next run of a step finds it. */
static inline json_t *world_restored(json_t *state)
{
    char *text = json_dumps(state, JSON_COMPACT);
    json_decref(state);
    json_t *restored = json_loads(text, 0, NULL);
    assert_non_null(restored);
    free(text);
    return restored;
}

/* Runs the steps until the end. What may pass is tried again. */
static inline void world_steps(struct action_world *w, struct step_ctx *ctx, struct world_end *end)
{
    size_t step = 0;
    int runs = 0;
    ctx->step_since_ms = w->clock.now_ms;
    for (; ctx->action->steps[step].name; runs++) {
        if (runs == WORLD_RUNS_MAX)
            fail_msg("%s does not end: step %s: %s", ctx->action->name,
                     ctx->action->steps[step].name, ctx->err.message);
        ctx->err = ERR_INIT;
        end->verdict = step_run(ctx, (unsigned)step);
        ctx->state = world_restored(ctx->state);
        if (end->verdict == STEP_FINISHED)
            return;
        if (end->verdict == STEP_FAILED && !err_is_retryable(&ctx->err))
            return;
        w->clock.now_ms += end->verdict == STEP_AGAIN    ? ctx->again_ms
                           : end->verdict == STEP_FAILED ? 1000
                                                         : 0;
        if (end->verdict == STEP_DONE) {
            step++;
            ctx->step_since_ms = w->clock.now_ms;
        }
    }
}

/* Carries out the action on the resource with the parameters (NULL: none), starting with the state
 * stored by a previous owner of the run (NULL: none). All are stolen. */
static inline struct world_end world_act_from(struct action_world *w, const char *name,
                                              json_t *resource, json_t *given, json_t *stored)
{
    struct err err = ERR_INIT;
    struct world_end end = {.verdict = STEP_FAILED};
    const struct action *action = action_find(name);
    assert_non_null(action);
    json_t *params = action_params(action, given, &err);
    if (!params)
        fail_msg("%s", err.message);
    struct step_ctx ctx = {
        .action = action,
        .resource = resource,
        .params = params,
        .state = stored ? stored : json_object(),
        .restored = stored != NULL,
        .run_id = "run-1",
        .account = WORLD_ACCOUNT,
        .region = w->region,
        .partition = "aws",
        .aws = w->aws,
        .http = w->http,
        .clock = &w->clock.clock,
        .err = ERR_INIT,
    };
    int64_t began = w->clock.now_ms;
    if (!action->check || action->check(&ctx))
        world_steps(w, &ctx, &end);
    end.took_ms = w->clock.now_ms - began;
    if (end.verdict == STEP_FAILED)
        err_text(&ctx.err, end.error, sizeof end.error);
    snprintf(end.note, sizeof end.note, "%s", ctx.note);
    json_decref(ctx.state);
    json_decref(params);
    json_decref(given);
    json_decref(resource);
    return end;
}

/* The same from the beginning. */
static inline struct world_end world_act(struct action_world *w, const char *name, json_t *resource,
                                         json_t *given)
{
    return world_act_from(w, name, resource, given, NULL);
}

#endif
