/* What a transfer that libcurl could not finish means: the kind of error, and a message that states
 * where it happened, what is wrong and what to do. */
#include <errno.h>
#include <fcntl.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

#include "lib/net/http_easy.h"
#include "lib/net/uri.h"

/* "host:port", for people. The URL of the request has been checked. */
static void fault_name_peer(const struct http_easy *e, char *to, size_t size)
{
    struct uri_parts u;
    if (uri_split(e->request->url, &u))
        snprintf(to, size, "the server");
    else
        snprintf(to, size, memchr(u.host.at, ':', u.host.size) ? "[%.*s]:%d" : "%.*s:%d",
                 (int)u.host.size, u.host.at, u.port);
}

/* libcurl's description of this very fault, or else of its code. */
static const char *fault_detail(const struct http_easy *e, CURLcode result)
{
    return e->error[0] ? e->error : curl_easy_strerror(result);
}

static bool fault_stopped(const struct http_easy *e, const char *peer, struct err *err)
{
    switch (e->stop) {
    case HTTP_RESPONSE_TOO_LARGE:
        return err_set(err, ERR_LIMIT, "", "the response from %s is larger than %zu bytes", peer,
                       e->response.body.max);
    case HTTP_HEADERS_TOO_LARGE:
        return err_set(err, ERR_LIMIT, "",
                       "the headers of the response from %s are larger than %d bytes", peer,
                       HTTP_RESPONSE_HEADERS_MAX);
    default:
        return err_set(err, ERR_INTERNAL, "",
                       "the body for %s ended after %zu of its %zu bytes: it changed while it was "
                       "being sent",
                       peer, e->sent, e->request->body.size);
    }
}

/* EMFILE if this process has too many files open, ENFILE if the whole system has, else 0. Names,
 * certificates and sockets need files, and libcurl reports for none of them that they were lacking.
 */
static int fault_lacks_files(const struct http_easy *e, CURLcode result)
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

static bool fault_out_of_files(int why, const char *peer, struct err *err)
{
    if (why == ENFILE)
        return err_set(err, ERR_TRANSIENT, "",
                       "cannot connect to %s: too many files are open in the whole system "
                       "(fs.file-max)",
                       peer);
    struct rlimit limit = {0};
    getrlimit(RLIMIT_NOFILE, &limit);
    return err_set(err, ERR_TRANSIENT, "",
                   "cannot connect to %s: too many open files, the limit is %ju: raise it "
                   "(LimitNOFILE of the unit, ulimit -n), or lower workers of [daemon]",
                   peer, (uintmax_t)limit.rlim_cur);
}

static bool fault_not_connected(const struct http_easy *e, const char *peer, struct err *err)
{
    const char *proxy = e->options->proxy;
    bool proxied = proxy && *proxy && !e->request->direct;
    long code = 0;
    char why[128];
    curl_easy_getinfo(e->curl, CURLINFO_OS_ERRNO, &code);
    err_set(err, ERR_TRANSIENT, "",
            "cannot connect to %s%s: %s: check that it is running and that no firewall blocks it",
            peer, proxied ? " through [http] proxy" : "",
            code ? strerror_r((int)code, why, sizeof why) : "no address responded");
    err->os_error = (int)code;
    return false;
}

static bool fault_timed_out(const struct http_easy *e, const char *peer, struct err *err)
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

static bool fault_closed(const struct http_easy *e, CURLcode result, const char *peer,
                         struct err *err)
{
    /* Of an HTTP proxy's response to CONNECT. */
    long status = 0;
    curl_easy_getinfo(e->curl, CURLINFO_HTTP_CONNECTCODE, &status);
    if (status >= 300)
        return err_set(err, status < 500 ? ERR_INVALID : ERR_TRANSIENT, "",
                       "the proxy refused a connection to %s with status %ld: check [http] proxy "
                       "and what it allows",
                       peer, status);
    return err_set(err, ERR_TRANSIENT, "",
                   "%s closed the connection before sending a complete response: %s", peer,
                   fault_detail(e, result));
}

static bool fault_no_authorities(const struct http_easy *e, const char *peer, struct err *err)
{
    const char *bundle = e->options->ca_bundle;
    return err_set(err, ERR_INVALID, "",
                   "cannot read the certificate authorities of \"%s\" for %s: set [http] ca_bundle "
                   "to a readable PEM file",
                   bundle ? bundle : "", peer);
}

/* The faults that need no more than the name of the peer, which comes between `before` and `after`,
 * and libcurl's description, which comes between `after` and `end`; NULL: without it. */
static const struct {
    CURLcode code;
    enum err_kind kind;
    const char *before, *after, *end;
} faults[] = {
    /* libcurl accepts a connection that ends in the middle of the headers. */
    {CURLE_OK, ERR_TRANSIENT, "", " closed the connection in the middle of the response headers",
     NULL},
    {CURLE_COULDNT_RESOLVE_HOST, ERR_TRANSIENT, "cannot find the address of ",
     ": check the name and the DNS servers", NULL},
    {CURLE_COULDNT_RESOLVE_PROXY, ERR_TRANSIENT,
     "cannot find the address of the proxy on the way to ", ": check [http] proxy", NULL},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_INVALID, "the certificate of ", " is not trusted (",
     "): if it was signed by your own authority, set [http] ca_bundle to that authority's PEM "
     "file"},
    {CURLE_SSL_CONNECT_ERROR, ERR_TRANSIENT, "the TLS handshake with ", " failed (",
     "): check that it supports TLS 1.2 or later"},
    {CURLE_URL_MALFORMAT, ERR_INVALID, "the URL of a request to ", " is not valid: ", ""},
    {CURLE_WEIRD_SERVER_REPLY, ERR_TRANSIENT, "",
     " sent a response that is not HTTP: check host, port and scheme", NULL},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_TRANSIENT, "",
     " sent a response that is not HTTP: check host, port and scheme", NULL},
};

bool http_fault(const struct http_easy *e, CURLcode result, struct err *err)
{
    char peer[300];
    fault_name_peer(e, peer, sizeof peer);
    if (e->stop != HTTP_GOES_ON)
        return fault_stopped(e, peer, err);
    int lacking = fault_lacks_files(e, result);
    if (lacking)
        return fault_out_of_files(lacking, peer, err);
    for (size_t i = 0; i < sizeof faults / sizeof *faults; i++)
        if (faults[i].code == result)
            return err_set(err, faults[i].kind, "", "%s%s%s%s%s", faults[i].before, peer,
                           faults[i].after, faults[i].end ? fault_detail(e, result) : "",
                           faults[i].end ? faults[i].end : "");
    switch (result) {
    case CURLE_COULDNT_CONNECT:
        return fault_not_connected(e, peer, err);
    case CURLE_OPERATION_TIMEDOUT:
        return fault_timed_out(e, peer, err);
    case CURLE_SSL_CACERT_BADFILE:
        return fault_no_authorities(e, peer, err);
    case CURLE_GOT_NOTHING:
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_PARTIAL_FILE:
    case CURLE_SEND_FAIL_REWIND:
        return fault_closed(e, result, peer, err);
    default:
        return err_set(err, ERR_TRANSIENT, "", "the request to %s failed: %s", peer,
                       fault_detail(e, result));
    }
}
