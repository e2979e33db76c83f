/* Scripted faults: rules that make the next calls of an operation fail. */
#ifndef HGAUTOD_TESTS_CLOUD_FAULTS_H
#define HGAUTOD_TESTS_CLOUD_FAULTS_H

#include <jansson.h>
#include <stdbool.h>

#include "lib/base/attr.h"

struct fault {
    char operation[64]; /* "*" for any */
    long after;         /* calls that pass before */
    long times;         /* calls that go wrong; -1: all */
    unsigned status;    /* 0: the call goes on as if nothing were (a delay only) */
    char code[96], message[200], retry_after[32];
    char html[200]; /* answered as a page instead of the service's own words; "": not */
    long delay_ms;
    bool drop;     /* close the connection unanswered */
    char raw[200]; /* these bytes are all that is sent before the connection is closed; "": not */
    bool done;     /* the call is carried out all the same, and its answer lost */
};

struct faults;
struct faults *faults_new(void) MUST_CHECK;
void faults_free(struct faults *f);
void faults_clear(struct faults *f);
/* Adds a rule:
 * {"operation","times","after","status","code","message","retry_after","html","delay_ms","drop",
 * "raw","done"}.
 * Returns false if it is not a valid rule. */
bool faults_add(struct faults *f, const json_t *rule) MUST_CHECK;
/* Counts a call. Returns the rule that matches it, or NULL; valid until the next faults_clear. */
const struct fault *faults_hit(struct faults *f, const char *operation);

/* [{"operation", "times"}]: what remains of each rule; a new reference. */
json_t *faults_json(const struct faults *f) MUST_CHECK;

#endif
