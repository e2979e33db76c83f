/* Tasks: an event's resources made into jobs, and the running of one task's steps by a worker. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "daemon/guard.h"
#include "daemon/run.h"
#include "daemon/subscriptions.h"
#include "lib/aws/partition.h"
#include "lib/azure/azure.h"
#include "lib/backoff.h"
#include "lib/hash.h"
#include "lib/log.h"

#define ERROR_TEXT_SIZE 2048
/* A throttled call gets this many times the tries of one that failed otherwise: waiting is what is
 * asked for. */
#define THROTTLE_PATIENCE 10
/* A task is not begun when its claim has less than this left. */
#define CLAIM_MARGIN_MS 2000
/* Tasks that wait, and may share a call, go on when the clock shows a multiple of this. */
#define MEETING_MS 500
/* Where a task goes while its run stops: the flow is about to be closed with it inside. */
#define STOPPING_PAUSE_MS 100

size_t task_index(const struct task *task)
{
    return (size_t)(task - task->automation->tasks);
}

static const struct config *config_of(const struct run *run)
{
    return run->engine->options.config;
}

/* --- making tasks --- */

/* Finds out whether the automation can be carried out at all; what speaks against it goes to
 * critical or refusal. */
static bool judge(struct run *run, struct automation *a)
{
    struct err err = ERR_INIT;
    char text[ERROR_TEXT_SIZE];
    if (a->event->problem) {
        a->critical = strdup(a->event->problem);
        return a->critical != NULL;
    }
    a->action = action_find(a->event->name);
    if (!a->action) {
        err_set(&err, ERR_INVALID, "",
                "the action \"%.128s\" is not known to this version of hgautod", a->event->name);
    } else if (guard_action(config_of(run), a->action, &err)) {
        a->params = action_params(a->action, a->event->params, &err);
        if (a->params)
            return true;
        a->refusal = strdup(err_text(&err, text, sizeof text));
        return a->refusal != NULL;
    }
    a->critical = strdup(err_text(&err, text, sizeof text));
    return a->critical != NULL;
}

static const struct event_place *place_of(const struct task *task)
{
    const struct event_automation *event = task->automation->event;
    return &event->places[event->resources[task_index(task)].place];
}

/* How the task's step is done for several resources in one call; NULL: it is not. In a dry run each
 * has its own, to be written down. */
static const struct action_many *many_of(const struct task *task)
{
    const struct action_many *many = task->automation->action->many;
    if (task->automation->run->plan || ACTION_MANY_MAX < 2)
        return NULL;
    while (many && many->run && many->step != task->step)
        many++;
    bool takes = many && many->run && (!many->takes || many->takes(place_of(task)->type));
    return takes ? many : NULL;
}

static size_t most_of(const struct job *job)
{
    const struct action_many *many = many_of((const struct task *)job);
    return many ? many->most : 1;
}

/* Whether a queued task may share the call of another that shares its call. Their lane gives them
 * the same automation and account. */
static bool alike(const struct job *job, const struct job *queued)
{
    const struct task *a = (const struct task *)job, *b = (const struct task *)queued;
    return b->step == a->step && b->status == TASK_OPEN && place_of(b) == place_of(a) &&
           (!b->share || b->share == a->share);
}

static bool make_lanes(struct automation *a)
{
    a->lanes = calloc(a->event->account_count ? a->event->account_count : 1, sizeof *a->lanes);
    if (!a->lanes)
        return false;
    for (size_t i = 0; i < a->event->account_count; i++) {
        a->lanes[i].flow = &a->run->flow;
        a->lanes[i].most = most_of;
        a->lanes[i].alike = alike;
    }
    return true;
}

static bool make_automation(struct run *run, struct automation *a,
                            const struct event_automation *event)
{
    a->run = run;
    a->event = event;
    if (!judge(run, a))
        return false;
    if (a->critical || a->refusal) {
        engine_count(run->engine, COUNT_ERRORED, event->count);
        engine_count(run->engine, COUNT_CRITICAL, a->critical != NULL);
        return true;
    }
    if (event->count == 0)
        return true;
    a->tasks = calloc(event->count, sizeof *a->tasks);
    if (!a->tasks || !make_lanes(a))
        return false;
    for (size_t i = 0; i < event->count; i++) {
        struct task *task = &a->tasks[i];
        task->job.run = task_run;
        task->job.lane = &a->lanes[event->places[event->resources[i].place].account];
        task->automation = a;
    }
    a->left = event->count;
    run->left += event->count;
    return true;
}

bool run_make_tasks(struct run *run)
{
    run->automations = calloc(run->event.count ? run->event.count : 1, sizeof *run->automations);
    if (!run->automations)
        return false;
    run->automation_count = run->event.count;
    run->flow.held =
        true; /* so that tasks which may share a call are all there when the first is taken */
    for (size_t i = 0; i < run->event.count; i++)
        if (!make_automation(run, &run->automations[i], &run->event.automations[i]))
            return false;
    if (run->progress)
        progress_restore(run);
    return true;
}

void run_start_tasks(struct run *run)
{
    for (size_t i = 0; i < run->automation_count; i++) {
        struct automation *a = &run->automations[i];
        for (size_t k = 0; a->tasks && k < a->event->count; k++)
            if (a->tasks[k].status == TASK_OPEN)
                sched_wake(run->engine->sched, &a->tasks[k].job);
    }
    sched_open(run->engine->sched, &run->flow);
}

static void free_automation(struct automation *a)
{
    for (size_t i = 0; a->tasks && i < a->event->count; i++)
        free(a->tasks[i].text);
    for (size_t i = 0; i < a->planned_count; i++)
        json_decref(a->planned[i].change);
    free(a->planned);
    free(a->tasks);
    free(a->lanes);
    free(a->critical);
    free(a->refusal);
    json_decref(a->params);
}

void run_free_tasks(struct run *run)
{
    for (size_t i = 0; i < run->automation_count; i++)
        free_automation(&run->automations[i]);
    free(run->automations);
    run->automations = NULL;
    run->automation_count = 0;
}

/* --- the end of a task --- */

static const char *resource_name(const struct step_ctx *ctx)
{
    const char *id = json_string_value(json_object_get(ctx->resource, "id"));
    if (!id || !*id)
        id = json_string_value(json_object_get(ctx->resource, "name"));
    return id && *id ? id : "(without id)";
}

/* What the log says of a finished task. */
static void log_finished(const struct task *task, const struct step_ctx *ctx, const char *error)
{
    const struct run *run = task->automation->run;
    struct log *log = run->engine->options.log;
    const char *action = task->automation->action->name;
    if (error)
        log_warn(log, "Resource errored", "action", action, "resource", resource_name(ctx),
                 "account", ctx->account, "region", ctx->region, "error", error, "event", run->key,
                 "run", run->id);
    else if (ctx->note[0])
        log_info(log, "Resource processed", "action", action, "resource", resource_name(ctx),
                 "account", ctx->account, "region", ctx->region, "note", ctx->note, "event",
                 run->key, "run", run->id);
    else
        log_debug(log, "Resource processed", "action", action, "resource", resource_name(ctx),
                  "account", ctx->account, "region", ctx->region, "event", run->key, "run",
                  run->id);
}

/* The task is finished: processed, or errored with a text that is copied. After this the task
 * belongs to the control job. */
static int64_t finish(struct task *task, const struct step_ctx *ctx, const char *error)
{
    struct automation *a = task->automation;
    struct run *run = a->run;
    char *text = error ? strdup(error) : NULL;
    log_finished(task, ctx, error);
    engine_count(run->engine, error ? COUNT_ERRORED : COUNT_PROCESSED, 1);
    pthread_mutex_lock(&run->lock);
    free(task->text);
    task->text = text; /* without memory the report says "out of memory" */
    task->status = error ? TASK_ERRORED : TASK_PROCESSED;
    a->left--;
    a->errored += error != NULL;
    bool last = --run->left == 0;
    /* Under the lock: once left is 0, the control job may free the run. */
    if (last)
        sched_wake(run->engine->sched, &run->control);
    pthread_mutex_unlock(&run->lock);
    return JOB_GONE;
}

static int64_t finish_failed(struct task *task, const struct step_ctx *ctx)
{
    char text[ERROR_TEXT_SIZE];
    return finish(task, ctx, err_text(&ctx->err, text, sizeof text));
}

/* --- a step's answers --- */

static char *state_text(const struct step_ctx *ctx)
{
    return json_object_size(ctx->state) ? json_dumps(ctx->state, JSON_COMPACT) : NULL;
}

/* Keeps the state for the next time. */
static void keep_state(struct task *task, const struct step_ctx *ctx)
{
    char *text = state_text(ctx);
    pthread_mutex_lock(&task->automation->run->lock);
    free(task->text);
    task->text = text;
    pthread_mutex_unlock(&task->automation->run->lock);
}

/* The step is done. Step and state change at once for progress_write: the next step with the state
 * of before would take an operation that this one has followed for its own. */
static void next_step(struct task *task, const struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    char *text = state_text(ctx);
    pthread_mutex_lock(&run->lock);
    free(task->text);
    task->text = text;
    task->step++;
    task->step_since_ms = 0;
    pthread_mutex_unlock(&run->lock);
    task->attempts = 0;
    task->throttles = 0;
    task->share = 0;
}

/* The task's state must be stored before it goes on: the control job, which is woken when the
 * worker is done with the task's company too, writes it and wakes the task. */
static int64_t wait_for_save(struct task *task)
{
    struct run *run = task->automation->run;
    pthread_mutex_lock(&run->lock);
    task->status = TASK_SAVING;
    run->saving++;
    pthread_mutex_unlock(&run->lock);
    return JOB_IDLE;
}

/* A failed step: tried again later when there is hope, else the end. */
static int64_t failed(struct task *task, struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    const struct engine_options *o = &run->engine->options;
    int64_t now = o->clock->mono_ms(o->clock);
    unsigned limit = (unsigned)o->config->http.max_attempts;
    if (ctx->err.kind == ERR_BUSY) {
        keep_state(task, ctx);
        return now + (ctx->err.retry_after_ms > 0 ? ctx->err.retry_after_ms : 1);
    }
    if (!err_is_retryable(&ctx->err))
        return finish_failed(task, ctx);
    bool throttled = ctx->err.kind == ERR_THROTTLED;
    uint8_t *tries = throttled ? &task->throttles : &task->attempts;
    if (++*tries >= (throttled ? limit * THROTTLE_PATIENCE : limit))
        return finish_failed(task, ctx);
    engine_count(run->engine, COUNT_RETRIES, 1);
    keep_state(task, ctx);
    return now + backoff_pause(&backoff_calls, o->clock, *tries, &ctx->err);
}

/* When the step is to be taken again. Those that share a call wait a little longer, until a moment
 * at which they meet. */
static int64_t next_look(const struct task *task, int64_t at)
{
    return many_of(task) ? (at + MEETING_MS - 1) / MEETING_MS * MEETING_MS : at;
}

/* What the step's verdict leads to. True: to the next step at once; false: *answer is the job's. */
static bool settle_step(struct task *task, struct step_ctx *ctx, enum verdict verdict,
                        int64_t *answer)
{
    struct run *run = task->automation->run;
    const struct action_step *step = &ctx->action->steps[task->step];
    const struct clock *clock = ctx->clock;
    *answer = JOB_READY;
    switch (verdict) {
    case STEP_FAILED:
        *answer = failed(task, ctx);
        return false;
    case STEP_FINISHED:
        *answer = finish(task, ctx, NULL);
        return false;
    case STEP_AGAIN:
        task->attempts = 0;
        task->throttles = 0;
        keep_state(task, ctx);
        if (ctx->again_ms > 0)
            *answer = next_look(task, clock->mono_ms(clock) + ctx->again_ms);
        return false;
    case STEP_DONE:
        break;
    }
    if (!step[1].name) {
        *answer = finish(task, ctx, NULL);
        return false;
    }
    next_step(task, ctx);
    if (step->save && !ctx->plan) {
        *answer = wait_for_save(task);
        return false;
    }
    if (run->stopping) {
        *answer = clock->mono_ms(clock) + STOPPING_PAUSE_MS;
        return false;
    }
    return true;
}

static void begin_step(struct task *task, struct step_ctx *ctx)
{
    struct run *run = task->automation->run;
    if (!task->step_since_ms) {
        pthread_mutex_lock(&run->lock);
        task->step_since_ms = ctx->clock->wall_ms(ctx->clock);
        pthread_mutex_unlock(&run->lock);
    }
    ctx->step_since_ms = task->step_since_ms;
    ctx->err = ERR_INIT;
}

/* Runs steps until the task is finished or has to wait, or comes to a step that it may share with
 * others. */
static int64_t advance(struct task *task, struct step_ctx *ctx)
{
    int64_t answer;
    do {
        begin_step(task, ctx);
        if (!settle_step(task, ctx, ctx->action->steps[task->step].run(ctx), &answer))
            return answer;
    } while (!many_of(task));
    return JOB_READY;
}

/* --- what a step sees --- */

static void hook_planned(struct step_ctx *ctx, const char *service, const char *operation,
                         const json_t *params)
{
    struct task *task = ctx->engine;
    struct automation *a = task->automation;
    json_t *change =
        json_pack("{s:s, s:s, s:s, s:s, s:O?}", "resource", resource_name(ctx), "account",
                  ctx->account, "service", service, "operation", operation, "params", params);
    pthread_mutex_lock(&a->run->lock);
    if (a->planned_count == a->planned_room) {
        size_t room = a->planned_room ? a->planned_room * 2 : 64;
        struct planned *grown = realloc(a->planned, room * sizeof *grown);
        if (grown) {
            a->planned = grown;
            a->planned_room = room;
        }
    }
    if (change && a->planned_count < a->planned_room) {
        a->planned[a->planned_count] = (struct planned){
            .resource = (uint32_t)task_index(task),
            .order = (uint32_t)a->planned_count,
            .change = change,
        };
        a->planned_count++;
        change = NULL;
    }
    pthread_mutex_unlock(&a->run->lock);
    json_decref(change);
}

static void hook_audit(struct step_ctx *ctx, const char *what, const json_t *details)
{
    const struct task *task = ctx->engine;
    const struct run *run = task->automation->run;
    char *text = json_dumps(details, JSON_COMPACT | JSON_ENCODE_ANY);
    log_info(run->engine->options.log, "Audit", "what", what, "details", text, "action",
             ctx->action->name, "resource", resource_name(ctx), "account", ctx->account, "region",
             ctx->region, "event", run->key, "run", run->id);
    free(text);
}

/* The partition: the resource's ARN's, else its region's, else the daemon's own. */
static const struct aws_partition *find_partition(struct step_ctx *ctx, const char *region)
{
    const char *arn = resource_field(ctx, "arn");
    const struct aws_partition *partition = arn ? aws_partition_of_arn(arn) : NULL;
    if (partition)
        return partition;
    if (region)
        return aws_partition_of_region(region);
    struct aws_self self;
    return aws_self(ctx->aws, ctx->http, &self, &ctx->err) ? self.partition : NULL;
}

/* Where an AWS resource is. False with ctx->err. */
static bool place_aws(struct step_ctx *ctx)
{
    const char *account = resource_field(ctx, "account");
    const char *region = resource_field(ctx, "region");
    if (region && strcmp(region, "global") == 0)
        region = NULL;
    if (!account || !aws_account_valid(account))
        return err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource's \"account\" is \"%.64s\", which is no AWS account id (12 digits)",
            account ? account : "");
    if (region && !aws_region_valid(region))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"region\" is \"%.64s\", which is no AWS region", region);
    const struct aws_partition *partition = find_partition(ctx, region);
    if (!partition)
        return false;
    if (!region)
        region = partition->default_region;
    else if (aws_partition_of_region(region) != partition)
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"region\" %s is not in the partition of its \"arn\" (%s)",
                       region, partition->name);
    ctx->account = account;
    ctx->region = region;
    ctx->partition = partition->name;
    return true;
}

/* Where an Azure resource is. Its id names the subscription too: what the policy says of the one
 * must hold for the other. False with ctx->err. */
static bool place_azure(struct step_ctx *ctx)
{
    static const char root[] = "/subscriptions/";
    const char *subscription = resource_field(ctx, "subscription");
    const char *id = resource_field(ctx, "id");
    size_t n = sizeof root - 1;
    if (!subscription || !azure_guid_valid(subscription))
        return err_set(
            &ctx->err, ERR_INVALID, "",
            "the resource's \"subscription\" is \"%.64s\", which is no subscription's id (a GUID)",
            subscription ? subscription : "");
    if (id && strncasecmp(id, root, n) == 0 &&
        (strncasecmp(id + n, subscription, strlen(subscription)) != 0 ||
         id[n + strlen(subscription)] != '/'))
        return err_set(&ctx->err, ERR_INVALID, "",
                       "the resource's \"id\" is in another subscription than its "
                       "\"subscription\" says");
    ctx->account = subscription;
    return true;
}

static bool place(struct step_ctx *ctx)
{
    return ctx->action->cloud == CLOUD_AZURE ? place_azure(ctx) : place_aws(ctx);
}

/* May the subscription be acted on? Always true of AWS. */
static bool subscription_allowed(const struct task *task, struct step_ctx *ctx)
{
    const struct engine_options *o = &task->automation->run->engine->options;
    return ctx->action->cloud != CLOUD_AZURE ||
           subscriptions_allow(o->subscriptions, ctx->http, ctx->account, &ctx->err);
}

/* Places the resource, asks the policy, and has the action check its ids, once. */
static bool prepare(struct task *task, struct step_ctx *ctx)
{
    if (!place(ctx))
        return false;
    if (task->checked)
        return true;
    if (!guard_resource(config_of(task->automation->run), ctx->action, ctx->account, ctx->region,
                        ctx->resource, &ctx->err) ||
        !subscription_allowed(task, ctx))
        return false;
    /* With a state from an earlier owner of the run the check has passed before. */
    bool begun = task->step > 0 || task->text;
    if (!begun && ctx->action->check && !ctx->action->check(ctx))
        return false;
    task->checked = true;
    return true;
}

/* Whether steps may be begun now; if not, what the job answers. */
static bool may_begin(const struct run *run, int64_t *answer)
{
    const struct clock *clock = run->engine->options.clock;
    if (run->stopping) {
        *answer = clock->mono_ms(clock) + STOPPING_PAUSE_MS;
        return false;
    }
    if (clock->wall_ms(clock) + CLAIM_MARGIN_MS >= run->claim_expires_ms) {
        *answer = clock->mono_ms(clock) + 1000; /* the control job is trying to renew it */
        return false;
    }
    return true;
}

/* One task in a worker's hands. */
struct attempt {
    struct task *task;
    json_t *resource;
    struct step_ctx ctx;
    int64_t answer; /* what its job answers */
};

/* What others must have in common with the task to share its call; NULL: nothing. Borrowed. */
static const json_t *shared_state(const struct task *task, const struct step_ctx *ctx)
{
    const struct action_many *many = many_of(task);
    return many && many->same ? json_object_get(ctx->state, many->same) : NULL;
}

/* Notes a few bits of it, by which the scheduler tells those apart that cannot go together. */
static void note_share(struct task *task, const struct step_ctx *ctx)
{
    const json_t *state = shared_state(task, ctx);
    char *text = state ? json_dumps(state, JSON_ENCODE_ANY) : NULL;
    task->share = text ? (uint16_t)(hash_add(HASH_INIT, text) >> 16 | 1) : 0;
    free(text);
}

/* Makes what the task's steps will see. False when it cannot go on: a->answer says what becomes of
 * it. */
static bool open_attempt(struct attempt *a, struct task *task, struct http_client *http)
{
    struct automation *automation = task->automation;
    struct run *run = automation->run;
    const struct engine_options *o = &run->engine->options;
    a->task = task;
    a->ctx = (struct step_ctx){.action = automation->action,
                               .params = automation->params,
                               .run_id = run->id,
                               .account = "",
                               .region = "",
                               .partition = "",
                               .plan = run->plan,
                               .aws = o->aws,
                               .azure = o->azure,
                               .http = http,
                               .clock = o->clock,
                               .err = ERR_INIT,
                               .planned = hook_planned,
                               .audit = hook_audit,
                               .engine = task};
    a->resource =
        event_resource(&run->event, &automation->event->resources[task_index(task)], &a->ctx.err);
    a->ctx.resource = a->resource;
    a->ctx.state = task->text ? json_loads(task->text, 0, NULL) : json_object();
    if (!a->ctx.state)
        err_set(&a->ctx.err, ERR_INTERNAL, "", "out of memory");
    else if (a->resource && prepare(task, &a->ctx)) {
        note_share(task, &a->ctx);
        return true;
    }
    a->answer = failed(task, &a->ctx);
    return false;
}

/* The task may be gone. */
static void close_attempt(struct attempt *a)
{
    json_decref(a->ctx.state);
    json_decref(a->resource);
}

/* --- several tasks in one call --- */

/* All of the group go back to the scheduler as they are. */
static void put_off(struct attempt **group, size_t count, int64_t answer)
{
    for (size_t i = 0; i < count; i++) {
        keep_state(group[i]->task, &group[i]->ctx);
        group[i]->answer = answer;
    }
}

static void try_group(struct attempt **group, size_t count);

/* Those that come to the same next step go on with it together, if they may; else each by itself.
 */
static void go_on(struct attempt **group, size_t count)
{
    const struct action_many *many = count ? many_of(group[0]->task) : NULL;
    if (many && !many->same) {
        try_group(group, count);
        return;
    }
    for (size_t i = 0; i < count; i++)
        note_share(group[i]->task, &group[i]->ctx);
    put_off(group, count, JOB_READY);
}

/* All of the group go on from what the call said of each. */
static void settle_group(struct attempt **group, size_t count, const enum verdict *verdicts)
{
    struct attempt *on[ACTION_MANY_MAX];
    size_t n = 0;
    for (size_t i = 0; i < count; i++)
        if (settle_step(group[i]->task, &group[i]->ctx, verdicts[i], &group[i]->answer))
            on[n++] = group[i];
    go_on(on, n);
}

/* The call failed for a reason that may pass: all wait equally long, so that they meet again. */
static void park_group(struct attempt **group, size_t count)
{
    struct err err = group[0]->ctx.err;
    for (size_t i = 0; i < count; i++) {
        group[i]->ctx.err = err;
        group[i]->answer = failed(group[i]->task, &group[i]->ctx);
        if (group[i]->answer > 0 && group[0]->answer > 0)
            group[i]->answer = group[0]->answer;
    }
}

/* One call for the group; if it is refused, one for each half, until the guilty are alone. Before
 * each it is asked whether there is time for more. */
static void try_group(struct attempt **group, size_t count)
{
    struct step_ctx *ctxs[ACTION_MANY_MAX] = {NULL};
    enum verdict verdicts[ACTION_MANY_MAX];
    int64_t answer;
    if (!may_begin(group[0]->task->automation->run, &answer)) {
        put_off(group, count, answer);
        return;
    }
    if (count == 1) {
        group[0]->answer = advance(group[0]->task, &group[0]->ctx);
        return;
    }
    for (size_t i = 0; i < count; i++) {
        begin_step(group[i]->task, &group[i]->ctx);
        ctxs[i] = &group[i]->ctx;
    }
    const struct step_ctx *ctx = &group[0]->ctx;
    if (many_of(group[0]->task)->run(ctxs, count, verdicts)) {
        settle_group(group, count, verdicts);
    } else if (err_is_retryable(&ctx->err)) {
        park_group(group, count);
    } else {
        try_group(group, count / 2);
        try_group(group + count / 2, count - count / 2);
    }
}

/* Whether two of a place can share a call in fact. */
static bool fit(const struct attempt *a, const struct attempt *b)
{
    const json_t *of_a = shared_state(a->task, &a->ctx), *of_b = shared_state(b->task, &b->ctx);
    return strcmp(a->ctx.region, b->ctx.region) == 0 &&
           (of_a == of_b || json_equal((json_t *)of_a, (json_t *)of_b));
}

/* Adds a task that came along to the group, if it can go on and fits; else it goes back at once. */
static bool join(const struct attempt *first, struct attempt *a, struct task *task)
{
    if (open_attempt(a, task, first->ctx.http)) {
        if (fit(first, a))
            return true;
        keep_state(task, &a->ctx);
        a->answer = JOB_READY;
    }
    close_attempt(a);
    task->job.next = NULL;
    sched_back(task->automation->run->engine->sched, &task->job, task->job.lane->flow, a->answer);
    return false;
}

/* Runs a task together with its company, of which there is some. True when one of the company waits
 * to be saved. */
static bool run_together(struct attempt *first, struct attempt *room)
{
    struct attempt *group[ACTION_MANY_MAX] = {first};
    struct job *last = &first->task->job, *company = last->next;
    size_t count = 1;
    for (struct job *next; company; company = next) {
        next = company->next;
        if (join(first, &room[count], (struct task *)company)) {
            group[count] = &room[count];
            count++;
            last = last->next = company;
        }
    }
    last->next = NULL;
    try_group(group, count);
    bool saving = false;
    for (size_t i = 1; i < count; i++) {
        close_attempt(group[i]);
        group[i]->task->job.wake_ms = group[i]->answer;
        saving = saving || group[i]->answer == JOB_IDLE;
    }
    return saving;
}

/* The first cannot go on, and so neither can its company now. */
static void answer_alike(struct job *company, int64_t answer)
{
    for (; company; company = company->next)
        company->wake_ms = answer;
}

int64_t task_run(struct job *job, struct http_client *http)
{
    struct task *task = (struct task *)job;
    struct run *run = task->automation->run;
    struct attempt a = {.task = task};
    struct attempt *room = NULL;
    if (!may_begin(run, &a.answer)) {
        answer_alike(job->next, a.answer);
        return a.answer;
    }
    if (job->next)
        room = calloc(ACTION_MANY_MAX, sizeof *room);
    bool saving = false, open = open_attempt(&a, task, http);
    if (open && room) {
        saving = run_together(&a, room);
    } else {
        answer_alike(job->next, JOB_READY);
        if (open)
            a.answer = advance(task, &a.ctx);
    }
    close_attempt(&a);
    free(room);
    if (saving || a.answer == JOB_IDLE)
        sched_wake(run->engine->sched, &run->control);
    return a.answer;
}
