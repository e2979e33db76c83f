/* What a transfer that libcurl could not finish means: its kind, and a sentence that says where,
 * what and what to do. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/net/http_easy.h"
#include "lib/net/uri.h"

/* "host:port", for people. The request's URL has been parsed before: only memory may lack. */
static void name_peer(const struct http_easy *e, char *to, size_t size)
{
    struct uri u;
    struct err ignored = ERR_INIT;

    if (!uri_parse(e->request->url, &u, &ignored)) {
        snprintf(to, size, "the server");
        return;
    }
    snprintf(to, size, strchr(u.host, ':') ? "[%s]:%d" : "%s:%d", u.host, u.port);
    uri_free(&u);
}

/* libcurl's own words, the particular ones where it has some. */
static const char *detail(const struct http_easy *e, CURLcode result)
{
    return e->error[0] ? e->error : curl_easy_strerror(result);
}

static bool stopped(const struct http_easy *e, const char *peer, struct err *err)
{
    switch (e->stop) {
    case HTTP_ANSWER_TOO_LARGE:
        return err_set(err, ERR_LIMIT, "",
                       "the answer of %s is larger than the %zu bytes that are accepted", peer,
                       e->response.body.max);
    case HTTP_HEADERS_TOO_LARGE:
        return err_set(err, ERR_LIMIT, "",
                       "the headers of the answer of %s are larger than is accepted", peer);
    case HTTP_BODY_TOO_SHORT:
        return err_set(err, ERR_INTERNAL, "",
                       "the body for %s ended after %zu of its %zu bytes: it changed while it was "
                       "sent",
                       peer, e->sent, e->request->body.size);
    default:
        return err_set(err, ERR_INTERNAL, "", "out of memory for an answer of %s", peer);
    }
}

/* Whether files are lacking: EMFILE (too many are open here) or ENFILE (in the whole system), else
 * 0. Names, certificates and sockets need them, and libcurl says of none that it was that. */
static int lack_of_files(const struct http_easy *e, CURLcode result)
{
    bool possible = result == CURLE_COULDNT_CONNECT || result == CURLE_COULDNT_RESOLVE_HOST ||
                    result == CURLE_COULDNT_RESOLVE_PROXY || result == CURLE_SSL_CACERT_BADFILE ||
                    result == CURLE_FAILED_INIT || result == CURLE_OUT_OF_MEMORY;
    int why = e->socket_errno;

    if (possible && why == 0) {
        int fd = open("/dev/null", O_RDONLY | O_CLOEXEC);
        why = fd < 0 ? errno : 0;
        if (fd >= 0)
            close(fd);
    }
    return possible && (why == EMFILE || why == ENFILE) ? why : 0;
}

static bool out_of_files(int why, const char *peer, struct err *err)
{
    struct rlimit limit = {0};

    if (why == ENFILE)
        return err_set(err, ERR_TRANSIENT, "",
                       "cannot connect to %s: too many files are open in the whole system "
                       "(fs.file-max)",
                       peer);
    getrlimit(RLIMIT_NOFILE, &limit);
    return err_set(err, ERR_TRANSIENT, "",
                   "cannot connect to %s: too many open files, the limit is %ju: raise it "
                   "(LimitNOFILE of the unit, ulimit -n), or lower workers of [daemon]",
                   peer, (uintmax_t)limit.rlim_cur);
}

static bool not_connected(const struct http_easy *e, const char *peer, struct err *err)
{
    const char *proxy = e->options->proxy;
    bool proxied = proxy && *proxy && !e->request->direct;
    long code = 0;
    char why[128];

    curl_easy_getinfo(e->curl, CURLINFO_OS_ERRNO, &code);
    err_set(err, ERR_TRANSIENT, "",
            "cannot connect to %s%s: %s: check that it listens and that no firewall is between",
            peer, proxied ? " through [http] proxy" : "",
            code ? strerror_r((int)code, why, sizeof why) : "no address answered");
    err->os_error = (int)code;
    return false;
}

static bool timed_out(const struct http_easy *e, const char *peer, struct err *err)
{
    curl_off_t connected_us = 0;

    curl_easy_getinfo(e->curl, CURLINFO_PRETRANSFER_TIME_T, &connected_us);
    if (connected_us > 0 || e->timeout_ms < e->connect_timeout_ms)
        return err_set(err, ERR_TRANSIENT, "", "no complete response from %s within %ld ms", peer,
                       e->timeout_ms);
    return err_set(err, ERR_TRANSIENT, "",
                   "no connection to %s within %ld ms: check the network, and proxy and "
                   "connect_timeout in [http]",
                   peer, e->connect_timeout_ms);
}

/* An HTTP proxy that answered CONNECT with something other than 2xx; its status, or 0. */
static long proxy_status(const struct http_easy *e)
{
    long status = 0;

    curl_easy_getinfo(e->curl, CURLINFO_HTTP_CONNECTCODE, &status);
    return status >= 300 ? status : 0;
}

static bool broken_off(const struct http_easy *e, CURLcode result, const char *peer,
                       struct err *err)
{
    long status = proxy_status(e);

    if (status > 0)
        return err_set(err, status < 500 ? ERR_INVALID : ERR_TRANSIENT, "",
                       "the proxy refused a connection to %s with status %ld: check [http] proxy "
                       "and what it allows",
                       peer, status);
    return err_set(err, ERR_TRANSIENT, "",
                   "%s closed the connection before sending a complete "
                   "response: %s",
                   peer, detail(e, result));
}

/* A certificate that is refused, or authorities that cannot be read. */
static bool not_trusted(const struct http_easy *e, CURLcode result, const char *peer,
                        struct err *err)
{
    const char *bundle = e->options->ca_bundle;

    if (result == CURLE_SSL_CACERT_BADFILE)
        return err_set(err, ERR_INVALID, "",
                       "cannot read the certificate authorities of \"%s\" for %s: set [http] "
                       "ca_bundle to a readable PEM file",
                       bundle ? bundle : "", peer);
    return err_set(err, ERR_INVALID, "",
                   "the certificate of %s is refused (%s): if an authority of your own has "
                   "signed it, set [http] ca_bundle to that authority's PEM file",
                   peer, detail(e, result));
}

bool http_fault(const struct http_easy *e, CURLcode result, struct err *err)
{
    char peer[300];

    name_peer(e, peer, sizeof peer);
    if (e->stop != HTTP_GOES_ON)
        return stopped(e, peer, err);
    int lacking = lack_of_files(e, result);
    if (lacking)
        return out_of_files(lacking, peer, err);
    switch (result) {
    case CURLE_OK:
        return err_set(err, ERR_TRANSIENT, "",
                       "%s ended the connection in the middle of its answer's headers", peer);
    case CURLE_COULDNT_RESOLVE_HOST:
        return err_set(err, ERR_TRANSIENT, "",
                       "cannot find the address of %s: check the name and the DNS servers", peer);
    case CURLE_COULDNT_RESOLVE_PROXY:
        return err_set(err, ERR_TRANSIENT, "",
                       "cannot find the address of the proxy on the way to %s: check [http] proxy",
                       peer);
    case CURLE_COULDNT_CONNECT:
        return not_connected(e, peer, err);
    case CURLE_OPERATION_TIMEDOUT:
        return timed_out(e, peer, err);
    case CURLE_PEER_FAILED_VERIFICATION:
    case CURLE_SSL_CACERT_BADFILE:
        return not_trusted(e, result, peer, err);
    case CURLE_SSL_CONNECT_ERROR:
        return err_set(err, ERR_TRANSIENT, "",
                       "the TLS handshake with %s was broken off (%s): check that it speaks TLS "
                       "1.2 or later",
                       peer, detail(e, result));
    case CURLE_URL_MALFORMAT:
        return err_set(err, ERR_INVALID, "", "the URL of a request to %s is not valid: %s", peer,
                       detail(e, result));
    case CURLE_WEIRD_SERVER_REPLY:
    case CURLE_UNSUPPORTED_PROTOCOL:
        return err_set(err, ERR_TRANSIENT, "",
                       "%s answered with something that is not HTTP: check host, port and scheme",
                       peer);
    case CURLE_OUT_OF_MEMORY:
        return err_set(err, ERR_INTERNAL, "", "out of memory for a request to %s", peer);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
        return broken_off(e, result, peer, err);
    default:
        return err_set(err, ERR_TRANSIENT, "", "the request to %s failed: %s", peer,
                       detail(e, result));
    }
}
