/* ebs_delete_volume: stops the instances that hold the volume, takes it off them, deletes it. Every
 * wait is parked. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_volumes = {&aws_ec2, "DescribeVolumes", .changes = false};
static const struct aws_op stop_instances = {&aws_ec2, "StopInstances", .changes = true};
static const struct aws_op detach_volume = {&aws_ec2, "DetachVolume", .changes = true};
static const struct aws_op delete_volume = {&aws_ec2, "DeleteVolume", .changes = true};

static const struct act_listing all_volumes = {
    .op = &describe_volumes,
    .items = "volumeSet",
    .next = "nextToken",
    .token = "NextToken",
    .each = {"volumeId", "status"},
};

#define VOLUME_GONE "InvalidVolume.NotFound"

static const char *volume(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "vol-");
}

static bool check(struct step_ctx *ctx)
{
    return volume(ctx) != NULL;
}

/* The volume as it is now: a new reference; NULL with ctx->err when it could not be read, NULL with
 * *gone when it is no more. */
static json_t *describe(struct step_ctx *ctx, bool *gone)
{
    json_t *answer =
        act_call(ctx, &describe_volumes, json_pack("{s:[s]}", "VolumeId", volume(ctx)));
    *gone = !answer && act_failed_with(ctx, VOLUME_GONE);
    if (!answer)
        return NULL;
    json_t *found = json_incref(jget(answer, "volumeSet[0]"));
    json_decref(answer);
    const char *status = jstr(found, "status");
    *gone = status && strcmp(status, "deleted") == 0;
    if (!status)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableAnswer", "%s says nothing of the volume",
                describe_volumes.name);
    if (status && !*gone)
        return found;
    json_decref(found);
    return NULL;
}

/* What a step makes of a volume that is there. */
typedef enum verdict (*judge_fn)(struct step_ctx *ctx, const json_t *found);

/* A step that looks at the volume; it is at its end when there is none any more. */
static enum verdict with_volume(struct step_ctx *ctx, judge_fn judge)
{
    bool gone;
    json_t *found = describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    enum verdict verdict = judge(ctx, found);
    json_decref(found);
    return verdict;
}

/* The volumes by their ids, asked for by a filter, since by ids one that is gone would fail the
 * whole call: a new object, NULL with ctxs[0]->err. */
static json_t *describe_many(struct step_ctx *const *ctxs, size_t count)
{
    json_t *by_id = json_object();
    json_t *found = act_list(ctxs[0], &all_volumes,
                             json_pack("{s:[{s:s, s:o}]}", "Filter", "Name", "volume-id", "Value",
                                       act_ids(ctxs, count, volume)));
    size_t i;
    json_t *one;
    json_array_foreach(found, i, one) {
        const char *id = jstr(one, "volumeId"), *status = jstr(one, "status");
        if (id && status && strcmp(status, "deleted") != 0)
            json_object_set(by_id, id, one);
    }
    if (found && by_id) {
        json_decref(found);
        return by_id;
    }
    if (found)
        act_no_memory(ctxs[0]);
    json_decref(found);
    json_decref(by_id);
    return NULL;
}

/* The same step for several volumes; of those that the answer does not mention, `absent` knows
 * more. */
static bool with_volumes(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts,
                         judge_fn judge, enum verdict (*absent)(struct step_ctx *ctx))
{
    json_t *volumes = describe_many(ctxs, count);
    for (size_t i = 0; volumes && i < count; i++) {
        const json_t *found = json_object_get(volumes, volume(ctxs[i]));
        verdicts[i] = found ? judge(ctxs[i], found) : absent(ctxs[i]);
    }
    json_decref(volumes);
    return volumes != NULL;
}

/* The ids of the instances that hold the volume: a new array, NULL with ctx->err. */
static json_t *holders(struct step_ctx *ctx, const json_t *found)
{
    json_t *attachments = jlist(found, "attachmentSet");
    json_t *holding = json_array();
    bool whole = attachments && holding;
    size_t i;
    json_t *attachment;
    json_array_foreach(attachments, i, attachment) {
        const char *status = jstr(attachment, "status");
        if (!status || strcmp(status, "detached") != 0)
            whole = json_array_append(holding, attachment) == 0 && whole;
    }
    json_t *ids = whole ? act_texts(ctx, holding, "instanceId") : NULL;
    if (!whole)
        act_no_memory(ctx);
    json_decref(holding);
    json_decref(attachments);
    return ids;
}

static enum verdict note_holders(struct step_ctx *ctx, const json_t *found)
{
    json_t *ids = holders(ctx, found);
    if (!ids)
        return STEP_FAILED;
    bool kept = act_state_set(ctx, "stop", ids) && act_state_set(ctx, "detach", json_copy(ids));
    return kept ? STEP_DONE : STEP_FAILED;
}

static enum verdict look(struct step_ctx *ctx)
{
    return with_volume(ctx, note_holders);
}

/* One that is not mentioned is asked for by its id: an id that cannot be is no deleted volume. */
static bool look_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return with_volumes(ctxs, count, verdicts, note_holders, look);
}

/* The instances that are to be stopped, of all, each once: a new array, NULL when out of memory. */
static json_t *to_stop(struct step_ctx *const *ctxs, size_t count)
{
    json_t *once = json_object(), *ids = json_array();
    for (size_t i = 0; i < count; i++) {
        size_t k;
        json_t *id;
        json_array_foreach(json_object_get(ctxs[i]->state, "stop"), k, id)
            json_object_set(once, json_string_value(id), id);
    }
    const char *key;
    json_t *id;
    json_object_foreach(once, key, id)
        json_array_append(ids, id);
    bool whole = once && json_array_size(ids) == json_object_size(once);
    json_decref(once);
    if (whole)
        return ids;
    json_decref(ids);
    return NULL;
}

/* One call for all; those that are stopped already do not mind. */
static bool stop_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    json_t *ids = to_stop(ctxs, count);
    bool ok = ids && json_array_size(ids) == 0;
    if (!ok)
        ok = act_do(ctxs[0], &stop_instances,
                    ids ? json_pack("{s:O, s:b}", "InstanceId", ids, "Force", 1) : NULL);
    for (size_t i = 0; ok && i < count; i++)
        verdicts[i] = STEP_DONE;
    json_decref(ids);
    return ok;
}

static enum verdict stop(struct step_ctx *ctx)
{
    return act_alone(ctx, stop_many);
}

/* Whether all instances of this volume have stopped, or are gone. */
static enum verdict stopped(struct step_ctx *ctx, const json_t *states)
{
    bool all = true;
    size_t i;
    json_t *id;
    json_array_foreach(json_object_get(ctx->state, "stop"), i, id) {
        const json_t *state = json_object_get(states, json_string_value(id));
        const char *name = json_string_value(state);
        all = all && (!state ||
                      (name && (strcmp(name, "stopped") == 0 || strcmp(name, "terminated") == 0)));
    }
    return all ? STEP_DONE : step_wait(ctx, WAIT_MINUTES(15), "the instance to stop");
}

static bool wait_stopped_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    json_t *ids = to_stop(ctxs, count);
    json_t *states = NULL;
    if (!ids)
        act_no_memory(ctxs[0]);
    else
        states =
            json_array_size(ids) ? ec2_instance_states(ctxs[0], json_incref(ids)) : json_object();
    for (size_t i = 0; states && i < count; i++)
        verdicts[i] = stopped(ctxs[i], states);
    json_decref(ids);
    json_decref(states);
    return states != NULL;
}

static enum verdict wait_stopped(struct step_ctx *ctx)
{
    return act_alone(ctx, wait_stopped_many);
}

/* Whether the instance still holds the volume, and is not letting go of it already. */
static bool held_by(const json_t *found, const char *instance)
{
    json_t *attachments = jlist(found, "attachmentSet");
    bool held = false;
    size_t i;
    json_t *attachment;
    json_array_foreach(attachments, i, attachment) {
        const char *id = jstr(attachment, "instanceId");
        const char *status = jstr(attachment, "status");
        if (id && strcmp(id, instance) == 0)
            held = !status || strncmp(status, "detach", strlen("detach")) != 0;
    }
    json_decref(attachments);
    return held;
}

/* Off one instance. A detachment that has happened already, by an earlier try or by somebody else,
 * is seen when the step looks again. */
static enum verdict detach_from(struct step_ctx *ctx, const char *instance)
{
    if (act_do(ctx, &detach_volume,
               json_pack("{s:s, s:s, s:b}", "VolumeId", volume(ctx), "InstanceId", instance,
                         "Force", 1)))
        return STEP_DONE;
    return act_failed_with(ctx, "InvalidAttachment.NotFound") ||
                   act_failed_with(ctx, "IncorrectState")
               ? act_retry(ctx, WAIT_MINUTES(1))
               : STEP_FAILED;
}

/* One instance a run of the step. */
static enum verdict detach_next(struct step_ctx *ctx, const json_t *found)
{
    json_t *left = json_object_get(ctx->state, "detach");
    const char *instance = json_string_value(json_array_get(left, 0));
    enum verdict verdict =
        instance && held_by(found, instance) ? detach_from(ctx, instance) : STEP_DONE;
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(left, 0);
    return step_again(ctx, 0);
}

static enum verdict detach(struct step_ctx *ctx)
{
    bool any = json_array_size(json_object_get(ctx->state, "detach")) > 0;
    return any ? with_volume(ctx, detach_next) : STEP_DONE;
}

static enum verdict free_or_wait(struct step_ctx *ctx, const json_t *found)
{
    const char *status = jstr(found, "status");
    bool in_use = strcmp(status, "in-use") == 0 || strcmp(status, "creating") == 0;
    return in_use ? step_wait(ctx, WAIT_MINUTES(10), "the volume to become available") : STEP_DONE;
}

static enum verdict wait_available(struct step_ctx *ctx)
{
    return with_volume(ctx, free_or_wait);
}

static bool wait_available_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return with_volumes(ctxs, count, verdicts, free_or_wait, wait_available);
}

static enum verdict delete_it(struct step_ctx *ctx)
{
    return act_step_unless(ctx, &delete_volume, json_pack("{s:s}", "VolumeId", volume(ctx)),
                           VOLUME_GONE, "already deleted");
}

static enum verdict still_there(struct step_ctx *ctx, const json_t *found)
{
    (void)found;
    return step_wait(ctx, WAIT_MINUTES(10), "the volume to be gone");
}

static enum verdict wait_gone(struct step_ctx *ctx)
{
    bool gone;
    json_t *found = describe(ctx, &gone);
    if (!found)
        return gone ? STEP_DONE : STEP_FAILED;
    json_decref(found);
    return still_there(ctx, NULL);
}

static enum verdict is_gone(struct step_ctx *ctx)
{
    (void)ctx;
    return STEP_DONE;
}

static bool wait_gone_many(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    return with_volumes(ctxs, count, verdicts, still_there, is_gone);
}

const struct action action_ebs_delete_volume = {
    .name = "ebs_delete_volume",
    .display_name = "Delete EBS Volume",
    .description = "Deletes the volume; instances that it is attached to are stopped by force and "
                   "it is detached from them first.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"EBS Volume", NULL},
    .permissions =
        (const char *const[]){"ec2:DeleteVolume", "ec2:DescribeInstances", "ec2:DescribeVolumes",
                              "ec2:DetachVolume", "ec2:StopInstances", NULL},
    .check = check,
    .state = (const struct action_state[]){{"stop", NULL}, {"detach", NULL}, {0}},
    .steps = (const struct action_step[]){{"look", look, false},
                                          {"stop", stop, false},
                                          {"wait-stopped", wait_stopped, false},
                                          {"detach", detach, false},
                                          {"wait-available", wait_available, false},
                                          {"delete", delete_it, false},
                                          {"wait-gone", wait_gone, false},
                                          {0}},
    .many = (const struct action_many[]){{.step = 0, .most = EC2_MANY, .run = look_many},
                                         {.step = 1, .most = EC2_MANY, .run = stop_many},
                                         {.step = 2, .most = EC2_MANY, .run = wait_stopped_many},
                                         {.step = 4, .most = EC2_MANY, .run = wait_available_many},
                                         {.step = 6, .most = EC2_MANY, .run = wait_gone_many},
                                         {0}},
};
