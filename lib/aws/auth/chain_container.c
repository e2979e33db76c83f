/* The fourth link of the chain: the credentials endpoint of ECS tasks and EKS Pod Identity.
 * Source: AWS SDKs and Tools Reference Guide, "Container credential provider". */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>

#include "lib/aws/auth/chain_link.h"
#include "lib/aws/auth/creds_json.h"
#include "lib/json/jpath.h"
#include "lib/net/uri.h"

#define TOKEN_MAX    (16u << 10)
#define RESPONSE_MAX (64u << 10)
#define CONNECT_MS   2000
#define TIMEOUT_MS   5000

/* True for hosts that may be used without TLS: this machine, and the link-local addresses of ECS
 * and EKS. */
static bool link_container_host_allowed(const char *host)
{
    struct in_addr v4;
    struct in6_addr v6;
    struct in6_addr eks;
    if (inet_pton(AF_INET, host, &v4) == 1) {
        uint32_t address = ntohl(v4.s_addr);
        return address >> 24 == 127 || address == 0xA9FEAA02u || address == 0xA9FEAA17u;
    }
    if (inet_pton(AF_INET6, host, &v6) == 1)
        return IN6_IS_ADDR_LOOPBACK(&v6) ||
               (inet_pton(AF_INET6, "fd00:ec2::23", &eks) == 1 && IN6_ARE_ADDR_EQUAL(&v6, &eks));
    return strcmp(host, "localhost") == 0;
}

enum link_result link_container_url(struct buf *to, struct err *err)
{
    const char *relative = secret_env("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI");
    const char *full = secret_env("AWS_CONTAINER_CREDENTIALS_FULL_URI");
    const char *variable =
        relative ? "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI" : "AWS_CONTAINER_CREDENTIALS_FULL_URI";
    if (!relative && !full) {
        err_set(err, ERR_CREDENTIALS, "",
                "neither AWS_CONTAINER_CREDENTIALS_RELATIVE_URI nor "
                "AWS_CONTAINER_CREDENTIALS_FULL_URI is set");
        return LINK_NONE;
    }
    if (relative && *relative != '/') {
        err_set(err, ERR_CREDENTIALS, "", "%s does not begin with '/'", variable);
        return LINK_BROKEN;
    }
    bool added = relative ? buf_addf(to, "http://169.254.170.2%s", relative) : buf_adds(to, full);
    struct uri uri;
    struct err why = ERR_INIT;
    if (!added || !uri_parse(buf_str(to), &uri, &why)) {
        err_set(err, ERR_CREDENTIALS, "", "%s is not a usable URL: %s", variable,
                added ? why.message : "it is too long");
        return LINK_BROKEN;
    }
    bool allowed = strcmp(uri.scheme, "https") == 0 || link_container_host_allowed(uri.host);
    if (!allowed)
        err_set(err, ERR_CREDENTIALS, "",
                "%s names the host %s: without https, credentials are requested only from this "
                "machine, 169.254.170.2, 169.254.170.23 and [fd00:ec2::23]",
                variable, uri.host);
    uri_free(&uri);
    return allowed ? LINK_FOUND : LINK_BROKEN;
}

/* Adds the Authorization header, if the container has one: from the file, which Pod Identity
 * rotates, or the variable. */
static bool link_container_authorize(struct http_headers *headers, struct err *err)
{
    const char *file = secret_env("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE");
    const char *token = secret_env("AWS_CONTAINER_AUTHORIZATION_TOKEN");
    struct buf text = buf_make_secret(TOKEN_MAX);
    bool ok = true;
    if (file) {
        ok = secret_read_token(file, &text, err);
        token = buf_str(&text);
    }
    if (ok && token && !http_headers_add(headers, "Authorization", token))
        ok =
            err_set(err, ERR_CREDENTIALS, "",
                    "AWS_CONTAINER_AUTHORIZATION_TOKEN contains a line break or control character");
    buf_free(&text);
    return ok;
}

static struct aws_creds *link_container_read_creds(const struct http_response *response,
                                                   struct err *err)
{
    if (response->status != 200) {
        enum err_kind kind =
            response->status == 429 || response->status >= 500 ? ERR_TRANSIENT : ERR_CREDENTIALS;
        err_set(err, kind, "", "the container endpoint responded with HTTP status %d",
                response->status);
        return NULL;
    }
    json_t *object = secret_parse_json(&response->body, "container endpoint", err);
    struct aws_creds *creds =
        object ? aws_creds_from_json(object, "Token", true, "container endpoint", err) : NULL;
    json_decref(object);
    return creds;
}

enum link_result link_container(const struct link_params *params, struct aws_creds **creds,
                                struct err *err)
{
    struct buf url = buf_make(4096);
    enum link_result result = link_container_url(&url, err);
    if (result != LINK_FOUND) {
        buf_free(&url);
        return result;
    }
    struct http_request request = {
        .method = "GET",
        .url = buf_take(&url),
        .response_max = RESPONSE_MAX,
        .timeout_ms = TIMEOUT_MS,
        .connect_timeout_ms = CONNECT_MS,
        .direct = true,
        .response_secret = true,
    };
    struct http_response response = {0};
    /* Always valid. */
    bool ok = http_headers_add(&request.headers, "Accept", "application/json");
    if (ok && link_container_authorize(&request.headers, err) &&
        http_perform(params->http, &request, &response, err)) {
        *creds = link_container_read_creds(&response, err);
        http_response_free(&response);
    }
    http_request_free(&request);
    return *creds ? LINK_FOUND : LINK_BROKEN;
}
