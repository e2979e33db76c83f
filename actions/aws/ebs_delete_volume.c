/* ebs_delete_volume: stops the instances that hold the volume, takes it off them, deletes it. Every
 * wait is parked. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "lib/jpath.h"

static const struct aws_op describe_volumes = {&aws_ec2, "DescribeVolumes", .changes = false};
static const struct aws_op stop_instances = {&aws_ec2, "StopInstances", .changes = true};
static const struct aws_op detach_volume = {&aws_ec2, "DetachVolume", .changes = true};
static const struct aws_op delete_volume = {&aws_ec2, "DeleteVolume", .changes = true};

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
    *gone = !status || strcmp(status, "deleted") == 0;
    if (*gone) {
        json_decref(found);
        return NULL;
    }
    return found;
}

/* The ids of the instances that hold the volume: a new array, NULL with ctx->err. */
static json_t *holders(struct step_ctx *ctx, const json_t *found)
{
    json_t *attachments = jlist(found, "attachmentSet");
    json_t *ids = json_array();
    size_t i;
    json_t *attachment;
    json_array_foreach(attachments, i, attachment)
    {
        const char *status = jstr(attachment, "status");
        const char *id = jstr(attachment, "instanceId");
        if (id && (!status || strcmp(status, "detached") != 0))
            json_array_append_new(ids, json_string(id));
    }
    if (!attachments || !ids)
        act_no_memory(ctx);
    json_decref(attachments);
    return ids;
}

static enum verdict look(struct step_ctx *ctx)
{
    bool gone;
    json_t *found = describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    json_t *ids = holders(ctx, found);
    json_decref(found);
    if (!ids)
        return STEP_FAILED;
    bool kept = act_state_set(ctx, "stop", ids) && act_state_set(ctx, "detach", json_copy(ids));
    return kept ? STEP_DONE : STEP_FAILED;
}

/* One call for all; those that are stopped already do not mind. */
static enum verdict stop(struct step_ctx *ctx)
{
    json_t *ids = json_object_get(ctx->state, "stop");
    if (json_array_size(ids) == 0)
        return STEP_DONE;
    return act_step(ctx, &stop_instances, json_pack("{s:O, s:b}", "InstanceId", ids, "Force", 1));
}

static enum verdict wait_stopped(struct step_ctx *ctx)
{
    json_t *ids = json_object_get(ctx->state, "stop");
    if (json_array_size(ids) == 0)
        return STEP_DONE;
    json_t *states = ec2_instance_states(ctx, json_copy(ids));
    if (!states)
        return STEP_FAILED;
    bool all = true;
    const char *id;
    json_t *state;
    json_object_foreach(states, id, state)
    {
        const char *name = json_string_value(state);
        all = all && name && (strcmp(name, "stopped") == 0 || strcmp(name, "terminated") == 0);
    }
    json_decref(states);
    return all ? STEP_DONE : step_wait(ctx, WAIT_MINUTES(15), "the instance to stop");
}

/* Whether the instance still holds the volume, and is not letting go of it already. */
static bool held_by(const json_t *found, const char *instance)
{
    json_t *attachments = jlist(found, "attachmentSet");
    bool held = false;
    size_t i;
    json_t *attachment;
    json_array_foreach(attachments, i, attachment)
    {
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
static enum verdict detach(struct step_ctx *ctx)
{
    json_t *left = json_object_get(ctx->state, "detach");
    const char *instance = json_string_value(json_array_get(left, 0));
    if (!instance)
        return STEP_DONE;
    bool gone;
    json_t *found = describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    enum verdict verdict = held_by(found, instance) ? detach_from(ctx, instance) : STEP_DONE;
    json_decref(found);
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(left, 0);
    return step_again(ctx, 0);
}

static enum verdict wait_available(struct step_ctx *ctx)
{
    bool gone;
    json_t *found = describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    const char *status = jstr(found, "status");
    bool in_use = strcmp(status, "in-use") == 0 || strcmp(status, "creating") == 0;
    json_decref(found);
    return in_use ? step_wait(ctx, WAIT_MINUTES(10), "the volume to become available") : STEP_DONE;
}

static enum verdict delete_it(struct step_ctx *ctx)
{
    return act_step_unless(ctx, &delete_volume, json_pack("{s:s}", "VolumeId", volume(ctx)),
                           VOLUME_GONE, "already deleted");
}

static enum verdict wait_gone(struct step_ctx *ctx)
{
    bool gone;
    json_t *found = describe(ctx, &gone);
    if (!found)
        return gone ? STEP_DONE : STEP_FAILED;
    json_decref(found);
    return step_wait(ctx, WAIT_MINUTES(10), "the volume to be gone");
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
    .steps = (const struct action_step[]){{"look", look, false},
                                          {"stop", stop, false},
                                          {"wait-stopped", wait_stopped, false},
                                          {"detach", detach, false},
                                          {"wait-available", wait_available, false},
                                          {"delete", delete_it, false},
                                          {"wait-gone", wait_gone, false},
                                          {0}},
};
