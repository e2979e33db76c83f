/* What an action is: a constant descriptor and a list of steps. Everything there is to know of an
 * action stands in its own file: the descriptor last, its steps above it. One table
 * (actions/table.c) lists them all.
 *
 * A step makes at most one change, may be run again without harm, never sleeps, and answers what is
 * to happen next. Whatever a later step, or the same step after a crash, must know goes into the
 * task's state, a small JSON object. */
#ifndef HGAUTOD_ACTIONS_ACTION_H
#define HGAUTOD_ACTIONS_ACTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

enum cloud { CLOUD_AWS, CLOUD_AZURE };

/* The worst that an action does to a resource; for people, and for the audit log. */
enum effect { EFFECT_TAGS, EFFECT_CHANGES, EFFECT_STOPS, EFFECT_DELETES };

enum param_type { PARAM_STRING, PARAM_BOOLEAN, PARAM_NUMBER };

struct action_param {
    const char *name;
    enum param_type type;
    const char
        *fallback; /* the default, as the catalogue writes it; NULL: none, an event must give it */
    bool required; /* an empty (or blank) string is an error */
    const char *help; /* one sentence */
};

enum verdict {
    STEP_DONE,   /* go on with the next step; after the last: the resource is processed */
    STEP_AGAIN,  /* this step again after ctx->again_ms; not a failure, not counted */
    STEP_FAILED, /* ctx->err says why; the engine retries what can be retried (throttled, transient,
                    busy) by parking */
    STEP_FINISHED, /* nothing (more) to do: the resource is processed, further steps are skipped;
                      ctx->note may say why */
};

/* The most resources that may share one call. */
#define SHARED_CALL_MAX 100

/* How the resources of one automation, account, region and type share the calls of a step. */
struct action_sharing {
    /* Resources per call, 2 to SHARED_CALL_MAX. */
    unsigned max;
    /* Whether resources of this type (as the event writes it) share calls; NULL: all do. */
    bool (*takes)(const char *type);
    /* The member of the state that all resources of a call must have in common; NULL: none. */
    const char *same;
};

/* What a step sees; below. */
struct step_ctx;

/* One step of an action. It has either `run` or `run_all`. */
struct action_step {
    /* For logs and progress: "stop", "wait-stopped"; unique in its action. */
    const char *name;
    /* Performs the step for one resource. */
    enum verdict (*run)(struct step_ctx *ctx);
    /* Performs the step for `count` resources of one automation, account, region and type, by calls
     * made for ctxs[0]. True when each has its verdict, and ctx->err, again_ms and note as `run`
     * would set them; false with ctxs[0]->err, and nothing else, when the call was rejected or
     * failed as a whole. The engine then retries what may pass for all of them, and otherwise
     * bisects the group until the offending resources are alone. A resource that is alone, or that
     * shares no calls, has a count of 1, and a dry run always has. */
    bool (*run_all)(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts);
    /* Of run_all; NULL: the calls of this step are not shared. */
    const struct action_sharing *sharing;
    /* What a function that serves several rows reads as ctx->step->with: the operation, the kind of
     * resource. */
    const void *with;
    /* Whether the state must be durable when this step is done, before the next one begins. */
    bool save;
};

/* A member of the state. What another daemon has stored is input to the one that takes its run
 * over, since others may write there too. So a task that is taken over begins at its first step,
 * and of its state it gets only what the cloud cannot tell again. */
struct action_state {
    const char *name;
    /* Whether a stored value may be acted on: it is of the right type and size, and each id in it
     * would have been accepted where it was found. The resource is placed, and guard and check have
     * passed. NULL: the member is not taken over, the steps find it again. */
    bool (*admit)(struct step_ctx *ctx, const json_t *value);
};

struct action {
    const char *name;         /* as events name it */
    const char *display_name; /* as the UI shows it */
    const char *description;  /* one plain sentence, true of what the steps do */
    enum cloud cloud;
    enum effect effect;
    bool extra; /* not offered unless enabled by name */
    bool
        global; /* what it acts on has no region (IAM): [guard] allow_regions does not concern it */
    const char *const *resource_types; /* NULL-terminated */
    const struct action_param *params; /* ended by a row without a name; NULL: none */
    const char *const *permissions; /* what the steps call, NULL-terminated: "ec2:StopInstances" */
    /* Azure: the type of what is asked for its location when [guard] allow_regions is set
     * ("Microsoft.Compute/disks"; "": the one that the resource's id says), and what asking needs,
     * NULL-terminated. */
    const char *arm_type;
    const char *const *location_permissions;
    /* Checks ids and attributes before any call is made, and may put what it found into ctx->state;
     * NULL: nothing to check beyond the parameters. True, or false with ctx->err (ERR_INVALID,
     * naming the attribute). Run before the first step, and again after a takeover. */
    bool (*check)(struct step_ctx *ctx);
    const struct action_state *state; /* the members that its state may have, ended by a row without
                                         a name; NULL: it keeps none */
    const struct action_step *steps;  /* ended by a row without a name */
};

struct aws;
struct azure;
struct http_client;
struct clock;

/* Given by the engine to check and steps; valid during the call. */
struct step_ctx {
    const struct action *action;
    /* The row of the step that is run; set by step_run, and by the engine for several. */
    const struct action_step *step;
    const json_t *resource; /* the entity of the event, parsed */
    const json_t *params;   /* every parameter of the descriptor: strings, JSON booleans, JSON
                               integers; validated */
    json_t *state;          /* an object; the step may change it; kept between steps */
    const char *run_id;     /* [a-z0-9-]{1,40}: the same in every retry and after a crash */
    const char *account;    /* AWS: 12 digits; Azure: the subscription; validated */
    const char *region;     /* AWS: validated, never empty; Azure: "" */
    const char *partition;  /* AWS: "aws", "aws-cn", ...; validated */
    bool plan;              /* a dry run: changing calls are written down, not made */
    bool restored;          /* the state was read from the store: what it names outside of the
                               resource is looked at before it is changed */
    int64_t step_since_ms;  /* monotonic: when this step was first begun; see step_elapsed_ms */

    struct aws *aws;
    struct azure *azure;
    struct http_client *http; /* this worker's */
    const struct clock *clock;

    struct err err;   /* set with STEP_FAILED */
    int64_t again_ms; /* set with STEP_AGAIN */
    char note[256];   /* may be set with STEP_DONE and STEP_FINISHED: "already stopped"; goes to the
                         log */

    /* Hooks of the engine; NULL: none. */
    /* Asked right before a change is sent: false with ctx->err (ERR_BUSY) when none may be begun
     * now, because the claim on the event has no time left or the daemon stops; the step is run
     * again later. */
    bool (*before_change)(struct step_ctx *ctx);
    /* Told when a change has been accepted. */
    void (*after_change)(struct step_ctx *ctx);
    void (*planned)(struct step_ctx *ctx, const char *service, const char *operation,
                    const json_t *params);
    /* Writes to the audit log what a change replaced or removed (quarantine: the former groups). */
    void (*audit)(struct step_ctx *ctx, const char *what, const json_t *details);
    void *engine; /* the hooks' own */
};

/* --- running --- */

/* Runs the action's step of this index for the one resource of ctx, whichever function it has. */
enum verdict step_run(struct step_ctx *ctx, unsigned index);

/* --- answering --- */

/* STEP_AGAIN after ms milliseconds. */
enum verdict step_again(struct step_ctx *ctx, int64_t ms);
/* STEP_FAILED with a message of ours (kind ERR_INVALID, no code). */
enum verdict step_invalid(struct step_ctx *ctx, const char *format, ...) PRINTF_LIKE(2, 3);
/* STEP_FINISHED with a note. */
enum verdict step_finished(struct step_ctx *ctx, const char *format, ...) PRINTF_LIKE(2, 3);
/* How long this step has been under way, an earlier owner of the run included. A wall clock that is
 * set does not change it. */
int64_t step_elapsed_ms(const struct step_ctx *ctx);
/* For waits: STEP_AGAIN with a pause that grows (2 s, 3 s, 4.5 s ... to 15 s by the time spent in
 * this step), or, once limit_ms have passed since the step began, STEP_FAILED saying what was
 * waited for ("waited 10 min for the volume to become available"). In a dry run: STEP_DONE. */
enum verdict step_wait(struct step_ctx *ctx, int64_t limit_ms, const char *what);

/* A time for step_wait and step_retry, in milliseconds. */
#define WAIT_MINUTES(n) ((int64_t)(n)*60000)

/* For a rejection that passes once an earlier change has taken effect: STEP_AGAIN as step_wait, or,
 * once limit_ms have passed since the step began, STEP_FAILED with the error of the rejection, which
 * is in ctx->err. */
enum verdict step_retry(struct step_ctx *ctx, int64_t limit_ms);

/* --- reading the resource --- */

/* A member of the resource that is to be a text: "id", "arn", "name", "region". True with *value
 * (borrowed from the resource), or with NULL when it is absent: when there is no such member, or it
 * is null, or "", which Hyperglance writes where there is none. False with ctx->err (ERR_INVALID)
 * and NULL when it is there and not a text: what is malformed is never taken for absent. */
bool resource_field(struct step_ctx *ctx, const char *name, const char **value) MUST_CHECK;
/* The same of attributes."name"; attributes that are not an object are malformed. name NULL: only
 * whether the attributes can be read. */
bool resource_attribute(struct step_ctx *ctx, const char *name, const char **value) MUST_CHECK;

/* --- the state --- */

/* Sets a member of ctx->state; value is stolen and not NULL. */
void step_state_set(struct step_ctx *ctx, const char *name, json_t *value);
/* A string of ctx->state; NULL: the state has no such member. Borrowed. */
const char *step_state_string(const struct step_ctx *ctx, const char *name);
/* Whether the member of ctx->state is true. */
bool step_state_flag(const struct step_ctx *ctx, const char *name);

/* An error for ctx->state: a new object, in which text that is not valid UTF-8 is replaced. */
json_t *step_error_pack(const struct err *err);
/* The error that step_error_pack has stored, as one of the provider. */
void step_error_unpack(const json_t *stored, struct err *err);

/* --- parameters --- */

/* Typed parameters; the descriptor has them, so they are there. */
const char *param_string(const struct step_ctx *ctx, const char *name);
bool param_boolean(const struct step_ctx *ctx, const char *name);
int64_t param_number(const struct step_ctx *ctx, const char *name);

/* The validated parameters of an event: each of the action's, defaulted where absent, converted by
 * type (boolean: true/false/yes/no/y/n in any case, or a JSON boolean; number: digits, or a JSON
 * integer). `given` is the event's params, NULL or an object; unknown members are ignored. A new
 * reference, or NULL with ERR_INVALID naming the parameter. */
json_t *action_params(const struct action *action, const json_t *given, struct err *err) MUST_CHECK;

/* --- the table --- */

/* All actions, sorted by cloud and name; ended by NULL. */
extern const struct action *const action_table[];
/* NULL when there is none of that name. */
const struct action *action_find(const char *name);
const char *effect_name(enum effect effect); /* "stops" */
const char *cloud_name(enum cloud cloud);    /* "aws", "azure" */

#endif
