/* The blocking HTTP client: sends a request on the calling thread. */
#include "lib/net/http.h"

#include <signal.h>
#include <stdlib.h>

#include "lib/base/memory.h"
#include "lib/net/http_easy.h"

struct http_client {
    struct http_options options;
    struct http_easy easy;
};

bool http_global_init(void)
{
    static const struct http_options none;
    struct http_easy probe;
    /* libcurl leaves signals alone (CURLOPT_NOSIGNAL), and OpenSSL writes to sockets that the peer
     * has closed. */
    if (signal(SIGPIPE, SIG_IGN) == SIG_ERR ||
        curl_global_init_mem(CURL_GLOBAL_DEFAULT, xmalloc, free, xrealloc, xstrdup, xcalloc) !=
            CURLE_OK)
        return false;
    /* If this libcurl lacks an option, it does so now. */
    bool ok = http_easy_init(&probe, &none);
    if (ok)
        http_easy_free(&probe);
    return ok;
}

void http_global_cleanup(void)
{
    curl_global_cleanup();
}

struct http_client *http_client_new(const struct http_options *options)
{
    struct http_client *c = xmalloc(sizeof *c);
    c->options = *options;
    if (!http_easy_init(&c->easy, &c->options))
        die_no_memory();
    return c;
}

void http_client_free(struct http_client *c)
{
    if (!c)
        return;
    http_easy_free(&c->easy);
    free(c);
}

bool http_perform(struct http_client *c, const struct http_request *request,
                  struct http_response *response, struct err *err)
{
    *response = (struct http_response){0};
    return http_easy_start(&c->easy, request, err) &&
           http_easy_finish(&c->easy, curl_easy_perform(c->easy.curl), response, err);
}
