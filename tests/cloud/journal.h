/* The journal: every request served, in the order in which it took effect. */
#ifndef HGAUTOD_TESTS_CLOUD_JOURNAL_H
#define HGAUTOD_TESTS_CLOUD_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "tests/cloud/request.h"

struct journal;
/* Each request is also printed as a line on standard output, until journal_quiet is called. */
struct journal *journal_new(void) MUST_CHECK;
void journal_quiet(struct journal *j);
void journal_free(struct journal *j);
void journal_clear(struct journal *j);
void journal_add(struct journal *j, const struct request *r, unsigned status);
/* Returns all entries as a JSON array; a new reference. */
json_t *journal_json(const struct journal *j) MUST_CHECK;

#endif
