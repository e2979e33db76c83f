/* Plays a small Amazon EC2: describes, starts, stops and terminates instances.
 * Source: Amazon EC2 API Reference. As in EC2, one unknown ID fails the whole call. */
#include <stdio.h>
#include <stdlib.h>

#include "lib/json/xml.h"
#include "tests/cloud/machines_table.h"

#define IDS_MAX 1000

/* The state that each operation passes through and the one it ends in. */
static const struct change {
    const char *operation, *passing, *state;
    int code; /* of the passing state */
} changes[] = {
    {"StartInstances", "pending", "running", 0},
    {"StopInstances", "stopping", "stopped", 64},
    {"TerminateInstances", "shutting-down", "terminated", 32},
};

struct ids {
    const char *at[IDS_MAX]; /* borrowed from the form */
    size_t count;
};

static void ec2_read_ids(const json_t *form, struct ids *to)
{
    char name[32];
    for (to->count = 0; to->count < IDS_MAX; to->count++) {
        snprintf(name, sizeof name, "InstanceId.%zu", to->count + 1);
        to->at[to->count] = form_get(form, name);
        if (!*to->at[to->count])
            return;
    }
}

void ec2_name(struct request *r)
{
    json_t *form = form_parse(buf_str(&r->body), r->body.size);
    struct ids ids;
    size_t at = 0;
    snprintf(r->operation, sizeof r->operation, "%s", form_get(form, "Action"));
    ec2_read_ids(form, &ids);
    for (size_t i = 0; i < ids.count && at < sizeof r->detail; i++)
        at += (size_t)snprintf(r->detail + at, sizeof r->detail - at, "%s%s", i ? " " : "",
                               ids.at[i]);
    json_decref(form);
}

static int ec2_state_code(const char *state)
{
    static const struct {
        const char *state;
        int code;
    } table[] = {{"pending", 0},   {"running", 16},    {"shutting-down", 32},
                 {"stopping", 64}, {"terminated", 48}, {"stopped", 80}};
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++)
        if (strcmp(table[i].state, state) == 0)
            return table[i].code;
    return -1;
}

static bool ec2_all_exist(const struct machines *m, const struct request *r, const struct ids *ids,
                          struct reply *reply)
{
    char message[128];
    for (size_t i = 0; i < ids->count; i++) {
        if (machines_find(m, r, ids->at[i]))
            continue;
        snprintf(message, sizeof message, "The instance ID '%.60s' does not exist", ids->at[i]);
        reply_error(r, reply, 400, "InvalidInstanceID.NotFound", message);
        return false;
    }
    return true;
}

static void ec2_add_state(struct buf *to, const char *element, int code, const char *state)
{
    buf_addf(to, "<%s><code>%d</code><name>%s</name></%s>", element, code, state, element);
}

static void ec2_change_state(const struct machines *m, const struct request *r,
                             const struct change *change, const struct ids *ids,
                             struct reply *reply)
{
    char message[160];
    for (size_t i = 0; i < ids->count; i++) {
        const char *state = machine_state(machines_find(m, r, ids->at[i]));
        if (strcmp(state, "terminated") == 0 && strcmp(change->state, "terminated") != 0) {
            snprintf(message, sizeof message,
                     "The instance '%.60s' is not in a state from which it can be %s.", ids->at[i],
                     change->state);
            reply_error(r, reply, 400, "IncorrectInstanceState", message);
            return;
        }
    }
    buf_addf(&reply->body, "<%sResponse><requestId>%s</requestId><instancesSet>", r->operation,
             r->id);
    for (size_t i = 0; i < ids->count; i++) {
        json_t *one = machines_find(m, r, ids->at[i]);
        const char *state = machine_state(one);
        bool already = strcmp(state, change->state) == 0;
        buf_addf(&reply->body, "<item><instanceId>%s</instanceId>", ids->at[i]);
        ec2_add_state(&reply->body, "currentState", already ? ec2_state_code(state) : change->code,
                      already ? state : change->passing);
        ec2_add_state(&reply->body, "previousState", ec2_state_code(state), state);
        buf_adds(&reply->body, "</item>");
        json_object_set_new(one, "state", json_string(change->state));
    }
    buf_addf(&reply->body, "</instancesSet></%sResponse>", r->operation);
}

static void ec2_add_instance(struct buf *to, const char *id, const char *state)
{
    buf_addf(to,
             "<item><reservationId>r-%s</reservationId><instancesSet><item>"
             "<instanceId>%s</instanceId>",
             id + 2, id);
    ec2_add_state(to, "instanceState", ec2_state_code(state), state);
    buf_adds(to, "</item></instancesSet></item>");
}

static void ec2_describe_instances(const struct machines *m, const struct request *r,
                                   const struct ids *ids, struct reply *reply)
{
    const char *id;
    json_t *one;
    buf_addf(&reply->body, "<%sResponse><requestId>%s</requestId><reservationSet>", r->operation,
             r->id);
    for (size_t i = 0; i < ids->count; i++)
        ec2_add_instance(&reply->body, ids->at[i], machine_state(machines_find(m, r, ids->at[i])));
    if (ids->count == 0) {
        json_object_foreach(m->by_id, id, one)
            if (machines_find(m, r, id) && strncmp(id, "i-", 2) == 0)
                ec2_add_instance(&reply->body, id, machine_state(one));
    }
    buf_addf(&reply->body, "</reservationSet></%sResponse>", r->operation);
}

static void ec2_change_instances(const struct machines *m, const struct request *r,
                                 const json_t *form, struct reply *reply)
{
    struct ids ids;
    ec2_read_ids(form, &ids);
    if (!ec2_all_exist(m, r, &ids, reply))
        return;
    if (strcmp(form_get(form, "DryRun"), "true") == 0) {
        reply_error(r, reply, 412, "DryRunOperation",
                    "Request would have succeeded, but DryRun flag is set.");
        return;
    }
    if (strcmp(r->operation, "DescribeInstances") == 0) {
        ec2_describe_instances(m, r, &ids, reply);
        return;
    }
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        if (strcmp(changes[i].operation, r->operation) == 0) {
            ec2_change_state(m, r, &changes[i], &ids, reply);
            return;
        }
    }
    reply_error(r, reply, 400, "InvalidAction", "This server has no such operation.");
}

void ec2_answer(struct machines *m, struct request *r, struct reply *reply)
{
    json_t *form = form_parse(buf_str(&r->body), r->body.size);
    reply->status = 200;
    reply->type = "text/xml;charset=UTF-8";
    ec2_change_instances(m, r, form, reply);
    json_decref(form);
}
