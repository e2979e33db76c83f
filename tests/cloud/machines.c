/* Keeps the table of instances and WorkSpaces by ID. */
#include "tests/cloud/machines_table.h"

#include <stdlib.h>

#include "lib/base/memory.h"

struct machines *machines_new(void)
{
    struct machines *m = xcalloc(1, sizeof *m);
    m->by_id = json_object();
    return m;
}

void machines_free(struct machines *m)
{
    if (!m)
        return;
    json_decref(m->by_id);
    free(m);
}

void machines_clear(struct machines *m)
{
    json_object_clear(m->by_id);
}

bool machines_put(struct machines *m, const char *id, const char *state, const char *account,
                  const char *region)
{
    return json_object_set_new(m->by_id, id,
                               json_pack("{s:s, s:s, s:s}", "state", state, "account", account,
                                         "region", region)) == 0;
}

json_t *machines_json(const struct machines *m)
{
    json_t *all = json_object();
    const char *id;
    json_t *one;
    json_object_foreach(m->by_id, id, one)
        json_object_set(all, id, json_object_get(one, "state"));
    return all;
}

json_t *machines_find(const struct machines *m, const struct request *r, const char *id)
{
    json_t *one = json_object_get(m->by_id, id);
    const char *account = json_string_value(json_object_get(one, "account"));
    const char *region = json_string_value(json_object_get(one, "region"));
    return account && region && strcmp(account, r->account) == 0 && strcmp(region, r->region) == 0
               ? one
               : NULL;
}

const char *machine_state(const json_t *one)
{
    const char *state = json_string_value(json_object_get(one, "state"));
    return state ? state : "";
}
