/* The catalogue of actions: choosing among them, and the JSON that Hyperglance reads. */
#include "daemon/command/catalogue.h"

#include <stdlib.h>
#include <string.h>

#include "daemon/policy/guard.h"

static int by_name(const void *a, const void *b)
{
    const struct action *const *left = a, *const *right = b;

    return strcmp((*left)->name, (*right)->name);
}

static bool is_wanted(const struct action *action, const struct config *config,
                      const enum cloud *cloud)
{
    struct err why = ERR_INIT;

    return (!cloud || action->cloud == *cloud) && (!config || guard_action(config, action, &why));
}

bool catalogue_select(struct catalogue *c, const struct config *config, const enum cloud *cloud)
{
    size_t all = 0;

    while (action_table[all])
        all++;
    *c = (struct catalogue){.at = calloc(all + 1, sizeof(const struct action *))};
    if (!c->at)
        return false;
    for (size_t i = 0; i < all; i++)
        if (is_wanted(action_table[i], config, cloud))
            c->at[c->count++] = action_table[i];
    qsort(c->at, c->count, sizeof(const struct action *), by_name);
    return true;
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

/* An array of strings that a NULL ends; NULL when out of memory. */
static json_t *strings_json(const char *const *at)
{
    json_t *array = json_array();

    for (; array && at && *at; at++)
        if (json_array_append_new(array, json_string(*at)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *params_json(const struct action_param *p)
{
    json_t *array = json_array();

    for (; array && p && p->name; p++)
        if (json_array_append_new(array, json_pack("{s:s, s:s, s:s*}", "name", p->name, "type",
                                                   param_type_name(p->type), "default",
                                                   p->fallback)) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

static json_t *action_json(const struct action *a)
{
    return json_pack("{s:s, s:s, s:s, s:o, s:o, s:o}", "name", a->name, "displayName",
                     a->display_name, "description", a->description, "resourceTypes",
                     strings_json(a->resource_types), "params", params_json(a->params),
                     "permissions", strings_json(a->permissions));
}

json_t *catalogue_json(const struct catalogue *c)
{
    json_t *all = json_array();

    for (size_t i = 0; all && i < c->count; i++)
        if (json_array_append_new(all, action_json(c->at[i])) != 0) {
            json_decref(all);
            return NULL;
        }
    return all ? json_pack("{s:o}", "automations", all) : NULL;
}

bool catalogue_add_json(json_t *json, size_t flags, struct buf *to)
{
    char *text = json ? json_dumps(json, flags) : NULL;
    bool ok = text && buf_adds(to, text) && buf_addc(to, '\n');

    free(text);
    json_decref(json);
    return ok;
}

/* --- permissions --- */

static int by_text(const void *a, const void *b)
{
    const char *const *left = a, *const *right = b;

    return strcmp(*left, *right);
}

/* The strings, sorted in place, each once. */
static json_t *unique_json(const char **at, size_t count)
{
    json_t *array = json_array();

    if (count > 0)
        qsort(at, count, sizeof *at, by_text);
    for (size_t i = 0; array && i < count; i++)
        if ((i == 0 || strcmp(at[i - 1], at[i]) != 0) &&
            json_array_append_new(array, json_string(at[i])) != 0) {
            json_decref(array);
            return NULL;
        }
    return array;
}

/* Copies the list (NULL: an empty one) to `at`, unless that is NULL, and answers how long it is. */
static size_t put_all(const char **at, const char *const *list)
{
    size_t n = 0;

    for (; list && list[n]; n++)
        if (at)
            at[n] = list[n];
    return n;
}

json_t *catalogue_permissions(const struct catalogue *c, enum cloud cloud, bool location)
{
    size_t room = 0, count = 0;
    const char **all;
    json_t *array;

    for (size_t i = 0; i < c->count; i++)
        room +=
            put_all(NULL, c->at[i]->permissions) + put_all(NULL, c->at[i]->location_permissions);
    all = calloc(room + 1, sizeof *all);
    if (!all)
        return NULL;
    for (size_t i = 0; i < c->count; i++) {
        if (c->at[i]->cloud != cloud)
            continue;
        count += put_all(all + count, c->at[i]->permissions);
        if (location)
            count += put_all(all + count, c->at[i]->location_permissions);
    }
    array = unique_json(all, count);
    free(all);
    return array;
}
