/* ebs_delete_volume: stops the instances that the volume is attached to, detaches it, deletes
 * it. It never blocks a worker while it waits. */
#include <string.h>

#include "actions/aws/ec2.h"
#include "actions/aws/list.h"
#include "lib/json/jpath.h"

static const struct aws_op describe_volumes = {.service = &aws_ec2, .name = "DescribeVolumes"};
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

static const char *ebs_volume_id(struct step_ctx *ctx)
{
    return act_ec2_id(ctx, NULL, "vol-");
}

static bool ebs_volume_check(struct step_ctx *ctx)
{
    return ebs_volume_id(ctx) != NULL;
}

/* The volume as it is now: a new reference; NULL with ctx->err if it could not be read, NULL with
 * *gone if it does not exist any more. */
static json_t *ebs_volume_describe(struct step_ctx *ctx, bool *gone)
{
    json_t *response =
        act_call(ctx, &describe_volumes, json_pack("{s:[s]}", "VolumeId", ebs_volume_id(ctx)));
    *gone = !response && act_failed_with(ctx, VOLUME_GONE);
    if (!response)
        return NULL;
    json_t *found = json_incref(jget(response, "volumeSet[0]"));
    json_decref(response);
    const char *status = jstr(found, "status");
    *gone = status && strcmp(status, "deleted") == 0;
    if (!status)
        err_set(&ctx->err, ERR_TRANSIENT, "UnreadableResponse",
                "the response from %s does not list the volume", describe_volumes.name);
    if (status && !*gone)
        return found;
    json_decref(found);
    return NULL;
}

/* A step that depends on the present state of the volume. */
struct ebs_volume_check_step {
    /* Decides for a volume that exists. */
    enum verdict (*judge)(struct step_ctx *ctx, const json_t *found);
    /* Whether a volume that a listing does not contain is gone. If not, it is described by its ID:
     * an unknown ID is not a deleted volume. */
    bool absent_is_gone;
};

/* Finished if the volume does not exist any more. */
static enum verdict ebs_volume_describe_and_judge(struct step_ctx *ctx,
                                                  enum verdict (*judge)(struct step_ctx *ctx,
                                                                        const json_t *found))
{
    bool gone;
    json_t *found = ebs_volume_describe(ctx, &gone);
    if (!found)
        return gone ? step_finished(ctx, "already deleted") : STEP_FAILED;
    enum verdict verdict = judge(ctx, found);
    json_decref(found);
    return verdict;
}

/* The volumes by ID: a new object, NULL with ctxs[0]->err. They are selected by a filter, because
 * one ID that does not exist would fail the whole call. */
static json_t *ebs_volume_list_all(struct step_ctx *const *ctxs, size_t count)
{
    json_t *found = act_list(ctxs[0], &all_volumes,
                             json_pack("{s:[{s:s, s:o}]}", "Filter", "Name", "volume-id", "Value",
                                       act_ids(ctxs, count, ebs_volume_id)));
    if (!found)
        return NULL;
    json_t *by_id = json_object();
    size_t i;
    json_t *volume;
    json_array_foreach(found, i, volume)
        if (strcmp(jstr(volume, "status"), "deleted") != 0)
            json_object_set(by_id, jstr(volume, "volumeId"), volume);
    json_decref(found);
    return by_id;
}

/* For action_step.run_all with a struct ebs_volume_check_step. */
static bool ebs_volume_judge_all(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    const struct ebs_volume_check_step *with = ctxs[0]->step->with;
    json_t *volumes = ebs_volume_list_all(ctxs, count);
    for (size_t i = 0; volumes && i < count; i++) {
        const json_t *found = json_object_get(volumes, ebs_volume_id(ctxs[i]));
        if (found)
            verdicts[i] = with->judge(ctxs[i], found);
        else
            verdicts[i] = with->absent_is_gone
                              ? STEP_DONE
                              : ebs_volume_describe_and_judge(ctxs[i], with->judge);
    }
    json_decref(volumes);
    return volumes != NULL;
}

/* --- attached instances --- */

/* Stores the IDs of the instances that the volume is attached to. */
static enum verdict ebs_volume_note_instances(struct step_ctx *ctx, const json_t *found)
{
    json_t *attachments = jlist(found, "attachmentSet");
    json_t *attached = json_array();
    size_t i;
    json_t *attachment;
    json_array_foreach(attachments, i, attachment) {
        const char *status = jstr(attachment, "status");
        if (!status || strcmp(status, "detached") != 0)
            json_array_append(attached, attachment);
    }
    json_t *ids = act_texts(ctx, attached, "instanceId");
    json_decref(attached);
    json_decref(attachments);
    if (!ids)
        return STEP_FAILED;
    step_state_set(ctx, "stop", ids);
    step_state_set(ctx, "detach", json_copy(ids));
    return STEP_DONE;
}

static const struct ebs_volume_check_step noting_instances = {.judge = ebs_volume_note_instances};

/* The instances to be stopped for all of these volumes, each once: a new array. */
static json_t *ebs_instances_to_stop(struct step_ctx *const *ctxs, size_t count)
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
    json_decref(once);
    return ids;
}

/* The call also succeeds for instances that are stopped already. */
static bool ebs_instances_stop(struct step_ctx *const *ctxs, size_t count, enum verdict *verdicts)
{
    json_t *ids = ebs_instances_to_stop(ctxs, count);
    bool ok =
        json_array_size(ids) == 0 ||
        act_do(ctxs[0], &stop_instances, json_pack("{s:O, s:b}", "InstanceId", ids, "Force", 1));
    for (size_t i = 0; ok && i < count; i++)
        verdicts[i] = STEP_DONE;
    json_decref(ids);
    return ok;
}

/* Waits until all instances of this volume have stopped or are gone. */
static enum verdict ebs_instances_wait(struct step_ctx *ctx, const json_t *states)
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

static bool ebs_instances_wait_all(struct step_ctx *const *ctxs, size_t count,
                                   enum verdict *verdicts)
{
    json_t *ids = ebs_instances_to_stop(ctxs, count);
    json_t *states =
        json_array_size(ids) ? ec2_instance_states(ctxs[0], json_incref(ids)) : json_object();
    for (size_t i = 0; states && i < count; i++)
        verdicts[i] = ebs_instances_wait(ctxs[i], states);
    json_decref(ids);
    json_decref(states);
    return states != NULL;
}

/* Whether the volume is attached to the instance and not being detached. */
static bool ebs_volume_attached_to(const json_t *found, const char *instance)
{
    json_t *attachments = jlist(found, "attachmentSet");
    bool attached = false;
    size_t i;
    json_t *attachment;
    json_array_foreach(attachments, i, attachment) {
        const char *id = jstr(attachment, "instanceId");
        const char *status = jstr(attachment, "status");
        if (id && strcmp(id, instance) == 0)
            attached = !status || strncmp(status, "detach", strlen("detach")) != 0;
    }
    json_decref(attachments);
    return attached;
}

/* If an earlier try or someone else has detached it, the next run of the step sees that. */
static enum verdict ebs_volume_detach_from(struct step_ctx *ctx, const char *instance)
{
    if (act_do(ctx, &detach_volume,
               json_pack("{s:s, s:s, s:b}", "VolumeId", ebs_volume_id(ctx), "InstanceId", instance,
                         "Force", 1)))
        return STEP_DONE;
    return act_failed_with(ctx, "InvalidAttachment.NotFound") ||
                   act_failed_with(ctx, "IncorrectState")
               ? step_retry(ctx, WAIT_MINUTES(1))
               : STEP_FAILED;
}

/* Detaches the volume from one instance each time it runs. */
static enum verdict ebs_volume_detach_next(struct step_ctx *ctx, const json_t *found)
{
    json_t *left = json_object_get(ctx->state, "detach");
    const char *instance = json_string_value(json_array_get(left, 0));
    enum verdict verdict = instance && ebs_volume_attached_to(found, instance)
                               ? ebs_volume_detach_from(ctx, instance)
                               : STEP_DONE;
    if (verdict != STEP_DONE)
        return verdict;
    json_array_remove(left, 0);
    return step_again(ctx, 0);
}

static enum verdict ebs_volume_detach(struct step_ctx *ctx)
{
    bool any = json_array_size(json_object_get(ctx->state, "detach")) > 0;
    return any ? ebs_volume_describe_and_judge(ctx, ebs_volume_detach_next) : STEP_DONE;
}

/* --- the deletion --- */

static enum verdict ebs_volume_wait_available(struct step_ctx *ctx, const json_t *found)
{
    const char *status = jstr(found, "status");
    bool in_use = strcmp(status, "in-use") == 0 || strcmp(status, "creating") == 0;
    return in_use ? step_wait(ctx, WAIT_MINUTES(10), "the volume to become available") : STEP_DONE;
}

static const struct ebs_volume_check_step waiting_available = {.judge = ebs_volume_wait_available};

static enum verdict ebs_volume_delete(struct step_ctx *ctx)
{
    return act_step_unless(ctx, &delete_volume, json_pack("{s:s}", "VolumeId", ebs_volume_id(ctx)),
                           VOLUME_GONE, "already deleted");
}

static enum verdict ebs_volume_wait_gone(struct step_ctx *ctx, const json_t *found)
{
    (void)found;
    return step_wait(ctx, WAIT_MINUTES(10), "the volume to be gone");
}

static const struct ebs_volume_check_step waiting_gone = {
    .judge = ebs_volume_wait_gone,
    .absent_is_gone = true,
};

const struct action action_ebs_delete_volume = {
    .name = "ebs_delete_volume",
    .display_name = "Delete EBS Volume",
    .description = "Deletes the volume; it is first detached from its instances, which "
                   "are stopped by force.",
    .cloud = CLOUD_AWS,
    .effect = EFFECT_DELETES,
    .resource_types = (const char *const[]){"EBS Volume", NULL},
    .permissions =
        (const char *const[]){"ec2:DeleteVolume", "ec2:DescribeInstances", "ec2:DescribeVolumes",
                              "ec2:DetachVolume", "ec2:StopInstances", NULL},
    .check = ebs_volume_check,
    .state = (const struct action_state[]){{"stop", NULL}, {"detach", NULL}, {0}},
    .steps =
        (const struct action_step[]){
            {.name = "look",
             .run_all = ebs_volume_judge_all,
             .sharing = &ec2_sharing,
             .with = &noting_instances},
            {.name = "stop", .run_all = ebs_instances_stop, .sharing = &ec2_sharing},
            {.name = "wait-stopped", .run_all = ebs_instances_wait_all, .sharing = &ec2_sharing},
            {.name = "detach", .run = ebs_volume_detach},
            {.name = "wait-available",
             .run_all = ebs_volume_judge_all,
             .sharing = &ec2_sharing,
             .with = &waiting_available},
            {.name = "delete", .run = ebs_volume_delete},
            {.name = "wait-gone",
             .run_all = ebs_volume_judge_all,
             .sharing = &ec2_sharing,
             .with = &waiting_gone},
            {0}},
};
