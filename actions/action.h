/* Actions: constant descriptors with a list of steps. A file of an action contains everything about
 * it: the steps, and the descriptor last. actions/table.c lists all actions.
 *
 * A step makes at most one change, can be repeated without harm, never sleeps, and returns what is
 * to happen next. What a later step, or the same step after a crash, needs to know is stored in the
 * state of the task, a small JSON object.
 *
 * Everything here is for the worker that runs the task; descriptors and the functions that take no
 * step_ctx may be used by any thread. */
#ifndef HGAUTOD_ACTIONS_ACTION_H
#define HGAUTOD_ACTIONS_ACTION_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

enum cloud { CLOUD_AWS, CLOUD_AZURE };

/* The most severe thing that an action does to a resource; for people and the audit log. */
enum effect { EFFECT_TAGS, EFFECT_CHANGES, EFFECT_STOPS, EFFECT_DELETES };

enum param_type { PARAM_STRING, PARAM_BOOLEAN, PARAM_NUMBER };

struct action_param {
    const char *name;
    enum param_type type;
    /* The default, as the catalogue writes it; NULL: none, an event must contain the parameter. */
    const char *fallback;
    /* Whether an empty or blank string is an error. */
    bool required;
    /* One sentence. */
    const char *help;
};

/* The result of a step. */
enum verdict {
    /* Go on with the next step; after the last one the resource is processed. */
    STEP_DONE,
    /* Run this step again after ctx->again_ms. This is not a failure and is not counted. */
    STEP_AGAIN,
    /* ctx->err is set. The engine parks the task and retries if the error can pass (throttled,
     * transient, busy). */
    STEP_FAILED,
    /* Nothing is left to do: the resource is processed, and further steps are skipped. ctx->note
     * may contain the reason. */
    STEP_FINISHED,
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

/* A member of the state. What another daemon has stored is input for the daemon that takes its run
 * over, because others may write there too. So a task that is taken over starts at its first step,
 * and keeps only those members of its state that the cloud cannot return again. */
struct action_state {
    const char *name;
    /* Whether a stored value may be used: it has the right type and size, and each ID in it would
     * have been accepted where it was found. By then the resource has been located, and policy and
     * check have passed. NULL: the member is not kept, the steps find it again. */
    bool (*admit)(struct step_ctx *ctx, const json_t *value);
};

struct action {
    /* As in events. */
    const char *name;
    /* As in the user interface. */
    const char *display_name;
    /* One sentence that is true of what the steps do. */
    const char *description;
    enum cloud cloud;
    enum effect effect;
    /* Whether it is offered only if the configuration enables it by name. */
    bool extra;
    /* Whether its resources have no region (IAM): [guard] allow_regions does not apply. */
    bool global;
    /* Ended by NULL. */
    const char *const *resource_types;
    /* Ended by a row without a name; NULL: none. */
    const struct action_param *params;
    /* For the calls that the steps make, ended by NULL: "ec2:StopInstances". */
    const char *const *permissions;
    /* Azure: the type of the resource whose location is read if [guard] allow_regions is set
     * ("Microsoft.Compute/disks"; "": that of the resource's ID), and the permissions for that,
     * ended by NULL. */
    const char *arm_type;
    const char *const *location_permissions;
    /* Checks IDs and attributes before any call is made, and may store what it found in ctx->state;
     * NULL: only the parameters are checked. True, or false with ctx->err (ERR_INVALID, naming the
     * attribute). Called before the first step, and again after a takeover. */
    bool (*check)(struct step_ctx *ctx);
    /* The members that its state may have, ended by a row without a name; NULL: none. */
    const struct action_state *state;
    /* Ended by a row without a name. */
    const struct action_step *steps;
};

struct aws;
struct azure;
struct http_client;
struct clock;

/* Made by the engine for check and steps; valid during the call. */
struct step_ctx {
    const struct action *action;
    /* The row of the step that is run; set by step_run, and by the engine for a shared call. */
    const struct action_step *step;
    /* The entity of the event, parsed. */
    const json_t *resource;
    /* Every parameter of the descriptor, validated: strings, JSON booleans, JSON integers. */
    const json_t *params;
    /* An object that is kept between steps; steps may change it. */
    json_t *state;
    /* [a-z0-9-]{1,40}: the same in every retry and after a crash. */
    const char *run_id;
    /* AWS: 12 digits; Azure: the subscription; validated. */
    const char *account;
    /* AWS: validated, never empty; Azure: "". */
    const char *region;
    /* AWS: validated: "aws", "aws-cn"; Azure: "". */
    const char *partition;
    /* A dry run: calls that change something are reported to `planned`, not made. */
    bool plan;
    /* The state was read from the store: what it names apart from the resource is looked up before
     * it is changed. */
    bool restored;
    /* Monotonic: when this step was first begun; see step_elapsed_ms(). */
    int64_t step_since_ms;

    struct aws *aws;
    struct azure *azure;
    /* This worker's. */
    struct http_client *http;
    const struct clock *clock;

    /* Set with STEP_FAILED. */
    struct err err;
    /* Set with STEP_AGAIN. */
    int64_t again_ms;
    /* May be set with STEP_DONE and STEP_FINISHED: "already stopped"; it is logged. */
    char note[256];

    /* Hooks of the engine; NULL: none. */

    /* Called right before a change is sent: false with ctx->err (ERR_BUSY) if none may be begun
     * now, because the claim on the event is about to expire or the daemon stops. The step is run
     * again later. */
    bool (*before_change)(struct step_ctx *ctx);
    /* Called when a change has been accepted. */
    void (*after_change)(struct step_ctx *ctx);
    /* Reports a change that a dry run does not make. */
    void (*planned)(struct step_ctx *ctx, const char *service, const char *operation,
                    const json_t *params);
    /* Writes to the audit log what a change has replaced or removed (quarantine: the former
     * groups). */
    void (*audit)(struct step_ctx *ctx, const char *what, const json_t *details);
    /* For the hooks. */
    void *engine;
};

/* --- running --- */

/* Runs the action's step of this index for the one resource of ctx, whichever function it has. */
enum verdict step_run(struct step_ctx *ctx, unsigned index);

/* --- verdicts --- */

/* STEP_AGAIN after ms milliseconds. */
enum verdict step_again(struct step_ctx *ctx, int64_t ms);
/* STEP_FAILED with a message (kind ERR_INVALID, no code). */
enum verdict step_invalid(struct step_ctx *ctx, const char *format, ...) PRINTF_LIKE(2, 3);
/* STEP_FINISHED with a note. */
enum verdict step_finished(struct step_ctx *ctx, const char *format, ...) PRINTF_LIKE(2, 3);
/* How long this step has been in progress, including the time of an earlier owner of the run.
 * Changes of the wall clock do not matter. */
int64_t step_elapsed_ms(const struct step_ctx *ctx);

/* A time for step_wait and step_retry, in milliseconds. */
#define WAIT_MINUTES(n) ((int64_t)(n)*60000)

/* For waits: STEP_AGAIN with a growing pause (2 s, 3 s, 4.5 s ... 15 s by the time spent in this
 * step). Once limit_ms have passed since the step began, STEP_FAILED with an error that contains
 * `what` ("waited 10 min for the volume to become available"). In a dry run: STEP_DONE. */
enum verdict step_wait(struct step_ctx *ctx, int64_t limit_ms, const char *what);
/* For a rejection, in ctx->err, that passes once an earlier change has taken effect: as step_wait,
 * but after limit_ms STEP_FAILED with the rejection. */
enum verdict step_retry(struct step_ctx *ctx, int64_t limit_ms);

/* --- reading the resource --- */

/* A member of the resource that is a string: "id", "arn", "name", "region". True with *value
 * (borrowed from the resource), or with NULL if it is absent: missing, null, or "", which
 * Hyperglance writes for a missing value. False with ctx->err (ERR_INVALID) and NULL if it is
 * present but not a string: a malformed value is never absent. */
bool resource_field(struct step_ctx *ctx, const char *name, const char **value) MUST_CHECK;
/* The same for attributes."name"; attributes that are not an object are malformed. name NULL: only
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

/* Values of parameters that the descriptor has. */
const char *param_string(const struct step_ctx *ctx, const char *name);
bool param_boolean(const struct step_ctx *ctx, const char *name);
int64_t param_number(const struct step_ctx *ctx, const char *name);

/* Validates the parameters of an event. given: the "params" of the event, NULL or an object;
 * members that the action does not have are ignored, missing ones get their default. Booleans
 * are true/false/yes/no/y/n in any case or JSON booleans; numbers are digits or JSON integers.
 * Returns an object with each parameter of the action (a new reference), or NULL with
 * ERR_INVALID, naming the parameter. */
json_t *action_params(const struct action *action, const json_t *given, struct err *err) MUST_CHECK;

/* --- the table --- */

/* All actions, sorted by cloud and name; ended by NULL. */
extern const struct action *const action_table[];
/* NULL if no action has that name. */
const struct action *action_find(const char *name);
/* "stops". */
const char *effect_name(enum effect effect);
/* "aws", "azure". */
const char *cloud_name(enum cloud cloud);

#endif
