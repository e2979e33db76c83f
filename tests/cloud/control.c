/* Serves the endpoints for the tests themselves:
 *
 *     GET  /_control/requests    the journal
 *     GET  /_control/parked      {"parked": N}: requests held back at present
 *     GET  /_control/instances   {"id": "state"}
 *     POST /_control/instances   [{"id","state","account","region"}]
 *     GET  /_control/azure       {id: resource}: the resources of Azure Resource Manager
 *     POST /_control/azure       resources for it; see arm.h
 *     POST /_control/azure-settings  how it behaves; see arm.h
 *     POST /_control/faults      one rule; see faults.h
 *     GET  /_control/faults      [{"operation","times"}]: what remains of each
 *     DELETE /_control/faults    removes all
 *     POST /_control/age         {"bucket","key","seconds"}: an object becomes so much older
 *     POST /_control/clock       {"offset_ms"}: by how much the server's clock is ahead
 *     POST /_control/reset       removes everything */
#include <string.h>

#include "lib/base/clock.h"
#include "tests/cloud/signature.h"
#include "tests/cloud/world.h"

static const char *control_text_of(const json_t *one, const char *name, const char *fallback)
{
    const char *text = json_string_value(json_object_get(one, name));
    return text ? text : fallback;
}

static bool control_put_machines(struct world *w, const json_t *all)
{
    size_t i;
    const json_t *one;
    json_array_foreach(all, i, one) {
        const char *id = control_text_of(one, "id", NULL);
        if (!id || !machines_put(w->machines, id, control_text_of(one, "state", "running"),
                                 control_text_of(one, "account", CLOUD_ACCOUNT),
                                 control_text_of(one, "region", "us-east-1")))
            return false;
    }
    return json_is_array(all);
}

static bool control_reset_all(struct world *w)
{
    s3_clear(w->s3);
    sqs_clear(w->sqs);
    machines_clear(w->machines);
    armsim_clear(w->arm);
    faults_clear(w->faults);
    journal_clear(w->journal);
    w->clock_offset_ms = 0;
    w->resets++;
    return true;
}

void control_answer(struct world *w, const struct request *r, struct reply *reply)
{
    const char *what = r->path + strlen("/_control/");
    bool get = strcmp(r->method, "GET") == 0;
    json_t *in = json_loadb(buf_str(&r->body), r->body.size, 0, NULL);
    bool ok = false;
    reply->status = 200;
    if (get && strcmp(what, "requests") == 0) {
        reply_json(reply, journal_json(w->journal));
        ok = true;
    } else if (get && strcmp(what, "parked") == 0) {
        reply_json(reply, json_pack("{s:i}", "parked", w->parked));
        ok = true;
    } else if (get && strcmp(what, "instances") == 0) {
        reply_json(reply, machines_json(w->machines));
        ok = true;
    } else if (get && strcmp(what, "azure") == 0) {
        reply_json(reply, armsim_json(w->arm, system_clock.wall_ms(&system_clock)));
        ok = true;
    } else if (get && strcmp(what, "faults") == 0) {
        reply_json(reply, faults_json(w->faults));
        ok = true;
    } else if (strcmp(r->method, "DELETE") == 0 && strcmp(what, "faults") == 0) {
        faults_clear(w->faults);
        ok = true;
    } else if (!get && strcmp(what, "instances") == 0) {
        ok = control_put_machines(w, in);
    } else if (!get && strcmp(what, "azure") == 0) {
        ok = armsim_put(w->arm, in);
    } else if (!get && strcmp(what, "azure-settings") == 0) {
        ok = armsim_set(w->arm, in);
    } else if (!get && strcmp(what, "faults") == 0) {
        ok = faults_add(w->faults, in);
    } else if (!get && strcmp(what, "age") == 0) {
        ok = s3_age(w->s3, control_text_of(in, "bucket", ""), control_text_of(in, "key", ""),
                    json_integer_value(json_object_get(in, "seconds")) * 1000);
    } else if (!get && strcmp(what, "clock") == 0) {
        w->clock_offset_ms = json_integer_value(json_object_get(in, "offset_ms"));
        ok = true;
    } else if (!get && strcmp(what, "reset") == 0) {
        ok = control_reset_all(w);
    }
    if (!ok)
        reply_error(r, reply, 400, "BadControlRequest", "See tests/cloud/control.c.");
    json_decref(in);
}
