/* Plays a small AWS STS: GetCallerIdentity and AssumeRole; every role can be assumed.
 * Source: AWS STS API Reference. */
#include "tests/cloud/sts.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "lib/base/clock.h"
#include "lib/json/xml.h"
#include "tests/cloud/signature.h"

#define LIFETIME_MS 3600000 /* of assumed keys */

void sts_name(struct request *r)
{
    json_t *form = form_parse(buf_str(&r->body), r->body.size);
    snprintf(r->operation, sizeof r->operation, "%s", form_get(form, "Action"));
    snprintf(r->detail, sizeof r->detail, "%.200s", form_get(form, "RoleArn"));
    json_decref(form);
}

static void sts_get_caller_identity(const struct request *r, struct reply *reply)
{
    buf_addf(&reply->body,
             "<GetCallerIdentityResponse><GetCallerIdentityResult>"
             "<Arn>arn:aws:iam::%s:user/hgautod</Arn><UserId>AIDATEST</UserId>"
             "<Account>%s</Account></GetCallerIdentityResult><ResponseMetadata><RequestId>%s"
             "</RequestId></ResponseMetadata></GetCallerIdentityResponse>",
             r->account, r->account, r->id);
}

static void sts_assume_role(const struct request *r, const json_t *form, struct reply *reply,
                            int64_t now_ms)
{
    struct session_keys keys = {0};
    char account[13];
    char expires[21];
    const char *role = form_get(form, "RoleArn");
    if (sscanf(role, "arn:%*[a-z-]:iam::%12[0-9]:role/", account) != 1) {
        reply_error(r, reply, 400, "ValidationError", "RoleArn is not the ARN of a role.");
        return;
    }
    /* Different ones in each call, as from STS; derived from the number of the request. */
    session_keys_make(account, (unsigned)strtoul(strrchr(r->id, '-') + 1, NULL, 10), &keys);
    clock_iso(now_ms + LIFETIME_MS, expires);
    buf_addf(&reply->body,
             "<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId>"
             "<SecretAccessKey>%s</SecretAccessKey><SessionToken>%s</SessionToken>"
             "<Expiration>%s</Expiration></Credentials><AssumedRoleUser><Arn>",
             keys.access_key, keys.secret, keys.token, expires);
    xml_escape(&reply->body, role);
    buf_addf(&reply->body,
             "</Arn><AssumedRoleId>AROATEST:s</AssumedRoleId></AssumedRoleUser></AssumeRoleResult>"
             "<ResponseMetadata><RequestId>%s</RequestId></ResponseMetadata></AssumeRoleResponse>",
             r->id);
}

void sts_answer(struct request *r, struct reply *reply, int64_t now_ms)
{
    json_t *form = form_parse(buf_str(&r->body), r->body.size);
    reply->status = 200;
    reply->type = "text/xml;charset=UTF-8";
    if (strcmp(r->operation, "GetCallerIdentity") == 0)
        sts_get_caller_identity(r, reply);
    else if (strcmp(r->operation, "AssumeRole") == 0)
        sts_assume_role(r, form, reply, now_ms);
    else
        reply_error(r, reply, 400, "InvalidAction", "This server has no such operation.");
    json_decref(form);
}
