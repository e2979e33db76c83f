/* Plays a small Amazon WorkSpaces: starts and stops in batches; failures are listed with HTTP 200.
 * Source: Amazon WorkSpaces API Reference. */
#include <stdio.h>

#include "tests/cloud/machines_table.h"

void workspaces_name(struct request *r)
{
    const char *target = request_header(r, "X-Amz-Target");
    const char *dot = strchr(target, '.');
    snprintf(r->operation, sizeof r->operation, "%s", dot ? dot + 1 : target);
}

static json_t *workspaces_failure(const char *id, const char *code, const char *message)
{
    return json_pack("{s:s, s:s, s:s}", "WorkspaceId", id, "ErrorCode", code, "ErrorMessage",
                     message);
}

static json_t *workspaces_change_all(const struct machines *m, const struct request *r,
                                     const json_t *requests, const char *state)
{
    json_t *failed = json_array();
    size_t i;
    const json_t *one;
    json_array_foreach(requests, i, one) {
        const char *id = json_string_value(json_object_get(one, "WorkspaceId"));
        json_t *machine = id ? machines_find(m, r, id) : NULL;
        if (machine)
            json_object_set_new(machine, "state", json_string(state));
        else
            json_array_append_new(failed,
                                  workspaces_failure(id ? id : "", "ResourceNotFound.Workspace",
                                                     "The WorkSpace could not be found."));
    }
    return failed;
}

void workspaces_answer(struct machines *m, struct request *r, struct reply *reply)
{
    static const struct {
        const char *operation, *requests, *state;
    } table[] = {
        {"StartWorkspaces", "StartWorkspaceRequests", "AVAILABLE"},
        {"StopWorkspaces", "StopWorkspaceRequests", "STOPPED"},
        {"TerminateWorkspaces", "TerminateWorkspaceRequests", "TERMINATED"},
    };
    json_t *in = json_loadb(buf_str(&r->body), r->body.size, 0, NULL);
    reply_error(r, reply, 400, "UnknownOperationException", "This server has no such operation.");
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(table[i].operation, r->operation) != 0)
            continue;
        reply->status = 200;
        reply_json(reply,
                   json_pack("{s:o}", "FailedRequests",
                             workspaces_change_all(m, r, json_object_get(in, table[i].requests),
                                                   table[i].state)));
        reply->type = "application/x-amz-json-1.1";
    }
    json_decref(in);
}
