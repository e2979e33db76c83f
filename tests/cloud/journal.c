/* Keeps the journal of requests for the tests, and prints it for people. */
#include "tests/cloud/journal.h"

#include <stdio.h>
#include <stdlib.h>

#include "lib/base/clock.h"
#include "lib/base/memory.h"

#define JOURNAL_MAX 1000000 /* entries kept; later ones are only counted */

struct journal {
    json_t *entries;
    size_t count;
    bool print;
};

struct journal *journal_new(void)
{
    struct journal *j = xcalloc(1, sizeof *j);
    j->print = true;
    j->entries = json_array();
    return j;
}

void journal_free(struct journal *j)
{
    if (!j)
        return;
    json_decref(j->entries);
    free(j);
}

void journal_quiet(struct journal *j)
{
    j->print = false;
}

void journal_clear(struct journal *j)
{
    json_array_clear(j->entries);
    j->count = 0;
}

void journal_add(struct journal *j, const struct request *r, unsigned status)
{
    j->count++;
    if (j->print) {
        printf("%4zu  %-10s %-24s %3u  %s  %-12s %s\n", j->count, r->service, r->operation, status,
               r->account, r->region, r->detail);
        fflush(stdout);
    }
    if (json_array_size(j->entries) >= JOURNAL_MAX)
        return;
    json_t *entry =
        json_pack("{s:I, s:I, s:s, s:s, s:i, s:s, s:s, s:s, s:s}", "n", (json_int_t)j->count,
                  "at_ms", (json_int_t)system_clock.wall_ms(&system_clock), "service", r->service,
                  "operation", r->operation, "status", (int)status, "account", r->account, "region",
                  r->region, "access_key", r->access_key, "detail", r->detail);
    if (r->more)
        json_object_update(entry, r->more);
    json_array_append_new(j->entries, entry);
}

json_t *journal_json(const struct journal *j)
{
    return json_incref(j->entries);
}
