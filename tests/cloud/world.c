/* Routes each request to its service, by its signature or, for Azure, by its path. */
#include "tests/cloud/world.h"

#include <stdio.h>
#include <string.h>

#include "tests/cloud/sts.h"

void world_init(struct world *w)
{
    memset(w, 0, sizeof *w);
    w->sqs = sqs_new(w->url);
    w->s3 = s3_new(w->sqs);
    w->machines = machines_new();
    w->faults = faults_new();
    w->arm = armsim_new(w->url, w->faults);
    w->journal = journal_new();
}

void world_free(struct world *w)
{
    journal_free(w->journal);
    armsim_free(w->arm);
    faults_free(w->faults);
    machines_free(w->machines);
    s3_free(w->s3);
    sqs_free(w->sqs);
}

void world_name(struct request *r)
{
    if (strcmp(r->service, "s3") == 0)
        s3_name(r);
    else if (strcmp(r->service, "sqs") == 0)
        sqs_name(r);
    else if (strcmp(r->service, "ec2") == 0)
        ec2_name(r);
    else if (strcmp(r->service, "sts") == 0)
        sts_name(r);
    else if (strcmp(r->service, "workspaces") == 0)
        workspaces_name(r);
}

bool world_answer(struct world *w, struct request *r, struct reply *reply, int64_t now_ms,
                  int64_t waited_ms, int64_t *park_ms)
{
    if (strcmp(r->service, "sqs") == 0)
        return sqs_answer(w->sqs, r, reply, now_ms, waited_ms, park_ms);
    if (strcmp(r->service, "s3") == 0)
        s3_answer(w->s3, r, reply, now_ms + w->clock_offset_ms);
    else if (strcmp(r->service, "ec2") == 0)
        ec2_answer(w->machines, r, reply);
    else if (strcmp(r->service, "sts") == 0)
        sts_answer(r, reply, now_ms);
    else if (strcmp(r->service, "workspaces") == 0)
        workspaces_answer(w->machines, r, reply);
    else if (armsim_owns(r))
        armsim_answer(w->arm, r, reply, now_ms);
    else
        reply_error(r, reply, 501, "NotImplemented", "This server does not play that service.");
    return true;
}
