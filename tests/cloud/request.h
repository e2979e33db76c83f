/* A request as the services see it, and the response that they write. */
#ifndef HGAUTOD_TESTS_CLOUD_REQUEST_H
#define HGAUTOD_TESTS_CLOUD_REQUEST_H

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct request {
    struct MHD_Connection *connection;
    char method[16];
    char *path;  /* as sent, percent-encoded; owned */
    char *query; /* as sent, without '?'; "" if none; owned */
    struct buf body;
    /* From the Authorization header; for Azure, the account is the subscription in the path. */
    char access_key[64], region[40], service[32], account[40];
    char operation[64]; /* "StopInstances" */
    char detail[256];   /* the object of the request, such as a key or IDs; for the journal */
    char id[24];        /* the request ID in the response */
    json_t *more;       /* further members of the journal's entry; NULL: none; owned */
};

struct reply {
    unsigned status;
    const char *type; /* Content-Type */
    struct buf body;
    struct {
        char name[64];
        char *value; /* owned */
    } headers[8];
    size_t header_count;
    bool drop; /* close the connection instead */
};

/* Reads "NAME?QUERY" into path and query. */
void request_init(struct request *r, const char *uri);
void request_free(struct request *r);
/* Returns a header's value, "" if absent. */
const char *request_header(const struct request *r, const char *name);
/* Parses "a=1&b=2", decoding both sides, to a new object of strings. Returns NULL if malformed. */
json_t *form_parse(const char *text, size_t size) MUST_CHECK;
/* Returns the form's value of that name, "" if absent. */
const char *form_get(const json_t *form, const char *name);

void reply_header(struct reply *reply, const char *name, const char *value);
void reply_drop_headers(struct reply *reply);
void reply_free(struct reply *reply);
/* Sets a JSON response; takes over the reference. */
void reply_json(struct reply *reply, json_t *value);
/* Sets an error in the form of the request's service. */
void reply_error(const struct request *r, struct reply *reply, unsigned status, const char *code,
                 const char *message);

#endif
