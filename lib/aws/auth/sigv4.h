/* AWS Signature Version 4: the Authorization header of one request.
 * Pure functions of their input; thread-safe. Derived keys are wiped, at once or with the
 * sigv4_keys that keep them. Source: AWS IAM User Guide, "Create a signed AWS API request"; tested
 * with the published test vectors. */
#ifndef HGAUTOD_LIB_AWS_AUTH_SIGV4_H
#define HGAUTOD_LIB_AWS_AUTH_SIGV4_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/aws/auth/creds.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"
#include "lib/net/http.h"

/* A cache of derived signing keys, for any number of threads. Deriving a key is most of the cost of
 * a signature, and the key is valid for a whole day. Keys and the secrets they belong to are wiped
 * when they are removed from the cache and by sigv4_keys_free. */
struct sigv4_keys;
/* Never returns NULL. */
struct sigv4_keys *sigv4_keys_new(void) MUST_CHECK;
void sigv4_keys_free(struct sigv4_keys *keys);

struct sigv4_options {
    /* "us-east-1". */
    const char *region;
    /* The signing name, "ec2". */
    const char *service;
    /* Wall clock. */
    int64_t now_ms;
    /* All services but S3. */
    bool normalize_path;
    /* All services but S3. */
    bool double_encode_path;
    /* S3 requires the x-amz-content-sha256 header. */
    bool add_content_sha256;
    /* The token is added after signing, and not signed. */
    bool omit_session_token;
    /* NULL: computed from the body (streams are read and rewound); otherwise used as it is. */
    const char *payload_hash;
    /* The cache of keys. NULL: the key is derived for each request. */
    struct sigv4_keys *keys;
};

/* What was signed, for tests and debugging. The caller frees the buffers. */
struct sigv4_trace {
    struct buf canonical_request;
    struct buf string_to_sign;
};

/* Adds X-Amz-Date (unless there), X-Amz-Security-Token, Host (unless there; from the URL) and
 * Authorization to the request's headers. Signs every header present but Connection, User-Agent,
 * Expect, Transfer-Encoding, X-Amzn-Trace-Id. The URL must be absolute, its query percent-encoded.
 * trace: NULL, or what receives the signed strings. Returns false with ERR_INTERNAL if a header has
 * a control character or the request is too long to be signed. */
bool sigv4_sign(struct http_request *request, const struct aws_creds *creds,
                const struct sigv4_options *options, struct sigv4_trace *trace,
                struct err *err) MUST_CHECK;

#endif
