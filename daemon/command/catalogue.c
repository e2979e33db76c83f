/* Selects actions for the catalogue, and writes the JSON that Hyperglance reads. */
#include "daemon/command/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/policy/guard.h"
#include "lib/base/array.h"
#include "lib/base/memory.h"

static int catalogue_by_name(const void *a, const void *b)
{
    const struct action *const *left = a, *const *right = b;
    return strcmp((*left)->name, (*right)->name);
}

static bool catalogue_is_wanted(const struct action *action, const struct config *config,
                                const enum cloud *cloud)
{
    struct err why = ERR_INIT;
    return (!cloud || action->cloud == *cloud) && (!config || guard_action(config, action, &why));
}

void catalogue_select(struct catalogue *c, const struct config *config, const enum cloud *cloud)
{
    size_t all = 0;
    while (action_table[all])
        all++;
    *c = (struct catalogue){.at = xcalloc(all + 1, sizeof *c->at)};
    for (size_t i = 0; i < all; i++)
        if (catalogue_is_wanted(action_table[i], config, cloud))
            c->at[c->count++] = action_table[i];
    qsort(c->at, c->count, sizeof *c->at, catalogue_by_name);
}

void catalogue_free(struct catalogue *c)
{
    free(c->at);
    *c = (struct catalogue){0};
}

/* --- JSON --- */

const char *param_type_name(enum param_type type)
{
    static const char *const names[] = {
        [PARAM_STRING] = "string", [PARAM_BOOLEAN] = "boolean", [PARAM_NUMBER] = "number"};
    return names[type];
}

/* An array of strings, which end with NULL; the list may be NULL. */
static json_t *catalogue_strings_json(const char *const *at)
{
    json_t *array = json_array();
    for (; at && *at; at++)
        json_array_append_new(array, json_string(*at));
    return array;
}

static json_t *catalogue_params_json(const struct action_param *p)
{
    json_t *array = json_array();
    for (; p && p->name; p++)
        json_array_append_new(array, json_pack("{s:s, s:s, s:s*}", "name", p->name, "type",
                                               param_type_name(p->type), "default", p->fallback));
    return array;
}

static json_t *catalogue_action_json(const struct action *a)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", a->name, "displayName",
                     a->display_name, "description", a->description, "resourceTypes",
                     catalogue_strings_json(a->resource_types), "params",
                     catalogue_params_json(a->params), "permissions",
                     catalogue_strings_json(a->permissions));
}

json_t *catalogue_json(const struct catalogue *c)
{
    json_t *all = json_array();
    for (size_t i = 0; i < c->count; i++)
        json_array_append_new(all, catalogue_action_json(c->at[i]));
    return json_pack("{s:o}", "automations", all);
}

void catalogue_add_json(json_t *json, size_t flags, struct buf *to)
{
    char *text = json_dumps(json, flags);
    buf_adds(to, text);
    buf_addc(to, '\n');
    free(text);
    json_decref(json);
}

/* --- permissions --- */

static int catalogue_by_text(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;
    return strcmp(*left, *right);
}

struct permissions {
    const char **at;
    size_t count, room;
};

/* Appends a list, which ends with NULL or is NULL. */
static void catalogue_add_permissions(struct permissions *p, const char *const *list)
{
    for (; list && *list; list++) {
        p->at = array_room(p->at, p->count, &p->room, sizeof *p->at);
        p->at[p->count++] = *list;
    }
}

json_t *catalogue_permissions(const struct catalogue *c, enum cloud cloud, bool location)
{
    struct permissions p = {0};
    for (size_t i = 0; i < c->count; i++) {
        if (c->at[i]->cloud != cloud)
            continue;
        catalogue_add_permissions(&p, c->at[i]->permissions);
        catalogue_add_permissions(&p, location ? c->at[i]->location_permissions : NULL);
    }
    if (p.count > 0)
        qsort(p.at, p.count, sizeof *p.at, catalogue_by_text);
    json_t *array = json_array();
    for (size_t i = 0; i < p.count; i++)
        if (i == 0 || strcmp(p.at[i - 1], p.at[i]) != 0)
            json_array_append_new(array, json_string(p.at[i]));
    free(p.at);
    return array;
}
