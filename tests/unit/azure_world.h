/* A fixture for tests of the Azure client: an environment without Azure, a clock that stands still
 * until it is moved, a client whose token service, Resource Manager and storage are the test's
 * server, and the comparison of a request with a recorded one. */
#ifndef HGAUTOD_TESTS_UNIT_AZURE_WORLD_H
#define HGAUTOD_TESTS_UNIT_AZURE_WORLD_H

#include "tests/unit/aws_folder.h"
#include "tests/unit/cloud_server.h"

#include "lib/azure/azure.h"
#include "lib/net/uri.h"

/* "Thu, 29 Feb 2024 23:59:58 GMT", as in tests/tools/azure_requests.py. */
#define WORLD_NOW    INT64_C(1709251198000)
#define WORLD_TENANT "aaaaaaaa-1111-2222-3333-444444444444"
#define WORLD_CLIENT "bbbbbbbb-1111-2222-3333-444444444444"
#define WORLD_TOKEN  "{\"token_type\":\"Bearer\",\"expires_in\":3599,\"access_token\":\"tok3n-%d\"}"

/* The clock comes first, so that a pointer to it is a pointer to the whole. */
struct world {
    struct clock clock;
    _Atomic int64_t passed_ms;
    struct http_options http_options;
    struct http_client *http;
    struct azure_options options;
    struct azure *azure;
    struct cloud_server server;
    /* Of all but the token service. */
    cloud_answer_fn answer;
    /* Issued so far. */
    _Atomic int tokens;
    /* Of the token service's refusals; 0: it issues tokens. */
    _Atomic int token_status;
};

static inline int64_t world_wall(const struct clock *c)
{
    return WORLD_NOW + ((const struct world *)c)->passed_ms;
}

static inline int64_t world_mono(const struct clock *c)
{
    return 1000 + ((const struct world *)c)->passed_ms;
}

static inline void world_random(const struct clock *c, void *to, size_t n)
{
    (void)c;
    memset(to, 0x11, n);
}

/* Removes from the environment all that the Azure client reads, and proxies. */
static inline void world_clean_environment(void)
{
    static const char *const names[] = {"AZURE_TENANT_ID",
                                        "AZURE_CLIENT_ID",
                                        "AZURE_CLIENT_SECRET",
                                        "AZURE_CLIENT_CERTIFICATE_PATH",
                                        "AZURE_CLIENT_CERTIFICATE_PASSWORD",
                                        "AZURE_FEDERATED_TOKEN_FILE",
                                        "AZURE_AUTHORITY_HOST",
                                        "AZURE_POD_IDENTITY_AUTHORITY_HOST",
                                        "IDENTITY_ENDPOINT",
                                        "IDENTITY_HEADER",
                                        "IDENTITY_SERVER_THUMBPRINT",
                                        "IMDS_ENDPOINT"};
    cloud_clean_environment();
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        unsetenv(names[i]);
}

static inline bool world_is_token(const struct cloud_request *request)
{
    return strcmp(request->target, "/" WORLD_TENANT "/oauth2/v2.0/token") == 0;
}

static inline void world_answer(void *ctx, const struct cloud_request *request,
                                struct cloud_reply *reply)
{
    struct world *w = ctx;
    if (world_is_token(request) && w->token_status) {
        reply->status = w->token_status;
    } else if (world_is_token(request)) {
        reply->status = 200;
        snprintf(reply->body, sizeof reply->body, WORLD_TOKEN, ++w->tokens);
    } else {
        w->answer(ctx, request, reply);
    }
}

/* Starts the server and a client of it, with a client secret in its settings. The struct world is
 * passed to `answer`. */
static inline void world_start(struct world *w, cloud_answer_fn answer)
{
    struct err err = ERR_INIT;
    world_clean_environment();
    *w = (struct world){
        .clock = {.wall_ms = world_wall, .mono_ms = world_mono, .random = world_random},
        .http_options = {.user_agent = "test"},
        .answer = answer,
    };
    cloud_start(&w->server, world_answer, w);
    w->http = http_client_new(&w->http_options);
    assert_non_null(w->http);
    w->options = (struct azure_options){
        .tenant_id = WORLD_TENANT,
        .client_id = WORLD_CLIENT,
        .client_secret = "s3cret",
        .authority = w->server.url,
        .arm_endpoint = w->server.url,
        .clock = &w->clock,
    };
    w->azure = azure_new(&w->options, &err);
    assert_string_equal(w->azure ? "" : err.message, "");
}

static inline void world_stop(struct world *w)
{
    azure_free(w->azure);
    http_client_free(w->http);
    cloud_stop(&w->server);
}

/* Returns the number of requests that the server has received. */
static inline int world_count(struct world *w)
{
    char *all = cloud_requests(&w->server);
    int count = 0;
    for (const char *c = all; *c; c++)
        count += *c == '\n';
    free(all);
    return count;
}

#define assert_kind(err, wanted)                                                                   \
    assert_string_equal(err_kind_name((err).kind), err_kind_name(wanted))

/* Replaces PORT by the port. The caller releases the text. */
static inline char *world_with_port(const struct world *w, const char *text)
{
    struct buf b = buf_make(1u << 16);
    for (const char *at = text; *at;) {
        const char *port = strstr(at, "PORT");
        size_t n = port ? (size_t)(port - at) : strlen(at);
        assert_true(buf_add(&b, at, n));
        if (port)
            assert_true(buf_addf(&b, "%d", w->server.port));
        at += n + (port ? 4 : 0);
    }
    char *made = buf_take(&b);
    assert_non_null(made);
    return made;
}

/* --- recorded requests --- */

static inline int world_compare_pairs(const void *a, const void *b)
{
    json_t *const *left = a, *const *right = b;
    int names = strcmp(json_string_value(json_array_get(*left, 0)),
                       json_string_value(json_array_get(*right, 0)));
    return names ? names
                 : strcmp(json_string_value(json_array_get(*left, 1)),
                          json_string_value(json_array_get(*right, 1)));
}

static inline void world_add_decoded(json_t *pair, const char *text, size_t n)
{
    struct buf b = buf_make(1u << 16);
    assert_true(uri_decode(&b, text, n, true));
    assert_int_equal(json_array_append_new(pair, json_string(buf_str(&b))), 0);
    buf_free(&b);
}

/* Returns the parameters of a query or form as sorted [name, value] pairs, decoded. */
static inline json_t *world_pairs(const char *text)
{
    json_t *pairs[64], *sorted = json_array();
    size_t count = 0;
    for (const char *at = text; *at;) {
        size_t all = strcspn(at, "&"), name = strcspn(at, "=&");
        size_t value = name < all ? name + 1 : all;
        assert_true(count < 64);
        pairs[count] = json_array();
        world_add_decoded(pairs[count], at, name);
        world_add_decoded(pairs[count], at + value, all - value);
        count++;
        at += all + (at[all] == '&');
    }
    if (count > 0)
        qsort(pairs, count, sizeof *pairs, world_compare_pairs);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(json_array_append_new(sorted, pairs[i]), 0);
    return sorted;
}

/* Compares a target ("/path?query") with the recorded path and query, if any. */
static inline void world_check_target(const char *target, const json_t *wanted)
{
    const char *query = strchr(target, '?');
    char *path = strndup(target, query ? (size_t)(query - target) : strlen(target));
    assert_string_equal(path, json_string_value(json_object_get(wanted, "path")));
    free(path);
    if (json_object_get(wanted, "query")) {
        json_t *pairs = world_pairs(query ? query + 1 : "");
        assert_json_equal(pairs, json_object_get(wanted, "query"));
        json_decref(pairs);
    }
}

#endif
