/* The chain's first link: keys in the environment; and what links share in reading variables, files
 * and answers. */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/aws/chain_link.h"
#include "lib/aws/creds_json.h"
#include "lib/crypto.h"

const char *link_env(const char *name)
{
    const char *value = getenv(name);
    return value && *value ? value : NULL;
}

static bool is_space(char c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

bool link_read_token(const char *path, struct buf *to, struct err *err)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    if (fd < 0) {
        return err_set(err, ERR_CREDENTIALS, "", "the token file %s cannot be opened: %s", path,
                       strerror(errno));
    }
    char part[4096];
    ssize_t n;
    bool fits = true;
    while (fits && (n = read(fd, part, sizeof(part))) > 0) {
        fits = buf_add(to, part, (size_t)n);
    }
    int problem = fits && n < 0 ? errno : 0;
    wipe(part, sizeof(part));
    close(fd);
    if (!fits || problem) {
        return err_set(err, ERR_CREDENTIALS, "", "the token file %s cannot be read: %s", path,
                       problem ? strerror(problem) : "it is too large");
    }
    while (to->size > 0 && is_space(to->data[to->size - 1])) {
        to->data[--to->size] = '\0';
    }
    if (!aws_creds_text_valid(buf_str(to)) || strlen(to->data) != to->size) {
        return err_set(err, ERR_CREDENTIALS, "", "the token file %s holds no token", path);
    }
    return true;
}

json_t *link_parse_json(const struct buf *text, const char *who, struct err *err)
{
    json_error_t problem;
    json_t *object = json_loadb(buf_str(text), text->size, JSON_REJECT_DUPLICATES, &problem);
    if (!json_is_object(object)) {
        /* jansson's own words quote the text, which may hold the secret. */
        err_set(err, ERR_CREDENTIALS, "", "the answer of the %s is no JSON object%s", who,
                object ? "" : " or is broken");
        json_decref(object);
        return NULL;
    }
    return object;
}

enum link_result link_static_environment(struct aws_creds **creds, struct err *err)
{
    const char *id = link_env("AWS_ACCESS_KEY_ID");
    const char *secret = link_env("AWS_SECRET_ACCESS_KEY");
    const char *token = link_env("AWS_SESSION_TOKEN");
    if (!id && !secret) {
        err_set(err, ERR_CREDENTIALS, "", "AWS_ACCESS_KEY_ID is not set");
        return LINK_NONE;
    }
    if (!id || !secret) {
        err_set(err, ERR_CREDENTIALS, "", "%s is set, but %s is not",
                id ? "AWS_ACCESS_KEY_ID" : "AWS_SECRET_ACCESS_KEY",
                id ? "AWS_SECRET_ACCESS_KEY" : "AWS_ACCESS_KEY_ID");
        return LINK_BROKEN;
    }
    if (!aws_creds_text_valid(id) || !aws_creds_text_valid(secret) ||
        (token && !aws_creds_text_valid(token))) {
        err_set(
            err, ERR_CREDENTIALS, "",
            "AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY or AWS_SESSION_TOKEN holds white space or "
            "an unprintable character");
        return LINK_BROKEN;
    }
    *creds = aws_creds_new(id, secret, token, INT64_MAX, "environment");
    if (!*creds) {
        err_set(err, ERR_INTERNAL, "", "out of memory");
        return LINK_BROKEN;
    }
    return LINK_FOUND;
}

enum link_result link_environment(const struct link_ask *ask, struct aws_creds **creds,
                                  struct err *err)
{
    if (ask->profile_forced) {
        err_set(err, ERR_CREDENTIALS, "", "passed over, [aws] profile is set");
        return LINK_NONE;
    }
    return link_static_environment(creds, err);
}
