/* The last link of the chain: the role of the EC2 instance. */
#include <string.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/aws/auth/creds_json.h"
#include "lib/json/jpath.h"

#define ROLES_PATH "/latest/meta-data/iam/security-credentials/"
/* How long expired credentials are used. The service keeps returning them while it cannot renew
 * them, and the SDKs continue to use them too ("static stability"). */
#define STALE_MS (INT64_C(10) * 60 * 1000)

/* Appends the path of the role's credentials: the first line of the list of roles. */
static enum link_result link_imds_find_role(const struct link_params *params, struct imds *imds,
                                            struct buf *path, struct err *err)
{
    struct buf roles = buf_make(1024);
    enum link_result result = LINK_BROKEN;
    if (!imds_get(imds, params->imds, ROLES_PATH, &roles, err)) {
        if (err->kind == ERR_NOT_FOUND) {
            err_set(err, ERR_CREDENTIALS, "", "the instance has no role (instance profile)");
            result = LINK_NONE;
        }
    } else {
        size_t n = strcspn(buf_str(&roles), "\r\n");
        size_t good = strspn(buf_str(&roles), "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
                                              "0123456789_+=,.@-");
        if (n > 0 && good >= n && buf_adds(path, ROLES_PATH) && buf_add(path, buf_str(&roles), n))
            result = LINK_FOUND;
        else
            err_set(err, ERR_CREDENTIALS, "",
                    "the instance metadata service returned no usable role");
    }
    buf_free(&roles);
    return result;
}

static struct aws_creds *link_imds_read_creds(const struct link_params *params,
                                              const struct buf *text, struct err *err)
{
    json_t *object = secret_parse_json(text, "instance metadata service", err);
    const char *code = object ? jstr(object, "Code") : NULL;
    struct aws_creds *creds = NULL;
    if (code && strcmp(code, "Success") != 0) {
        err_set(err, ERR_CREDENTIALS, "",
                "the instance metadata service has no credentials for the role: %.64s", code);
    } else if (object) {
        creds = aws_creds_from_json(object, "Token", true, "instance metadata", err);
    }
    json_decref(object);
    int64_t now = aws_now_ms(params->aws);
    if (creds && creds->expires_ms <= now) {
        struct aws_creds *stale = creds;
        creds = aws_creds_new(stale->access_key_id, stale->secret_access_key, stale->session_token,
                              now + STALE_MS, stale->source);
        aws_creds_unref(stale);
    }
    return creds;
}

enum link_result link_imds(const struct link_params *params, struct aws_creds **creds,
                           struct err *err)
{
    struct imds imds;
    struct buf path = buf_make(2048);
    struct buf text = buf_make_secret(64u << 10);
    if (!imds_open(&imds, params->imds, params->profiles, params->profile, params->http, err))
        return err->kind == ERR_CREDENTIALS ? LINK_NONE : LINK_BROKEN;
    enum link_result result = link_imds_find_role(params, &imds, &path, err);
    if (result == LINK_FOUND) {
        if (imds_get(&imds, params->imds, buf_str(&path), &text, err))
            *creds = link_imds_read_creds(params, &text, err);
        result = *creds ? LINK_FOUND : LINK_BROKEN;
    }
    if (*creds)
        params->imds->failed = 0;
    buf_free(&text);
    buf_free(&path);
    imds_close(&imds);
    return result;
}
