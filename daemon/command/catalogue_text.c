/* The catalogue of actions on a terminal: a table, one action in full, the nearest names. */
#include <stdio.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "daemon/policy/guard.h"
#include "lib/base/text.h"

enum { TYPES_WIDTH = 30, NEAREST = 3, LABEL = 16 };

/* --- the table --- */

/* As many resource types as fit, then how many there are beyond: "Security Group, +12". */
static void types_cell(const struct action *a, char to[TYPES_WIDTH + 1])
{
    size_t left = 0, used = 0;

    for (const char *const *t = a->resource_types; *t; t++)
        left++;
    to[0] = '\0';
    for (const char *const *t = a->resource_types; *t; t++, left--) {
        /* Room is kept for ", +99" unless this is the last. */
        size_t reserve = left > 1 ? strlen(", +99") : 0;

        if (used + strlen(*t) + (used ? 2 : 0) + reserve > TYPES_WIDTH)
            break;
        used += (size_t)snprintf(to + used, TYPES_WIDTH + 1 - used, "%s%s", used ? ", " : "", *t);
    }
    if (left > 0)
        snprintf(to + used, TYPES_WIDTH + 1 - used, "%s+%zu", used ? ", " : "", left);
}

bool catalogue_table(const struct catalogue *c, struct buf *to)
{
    size_t name = strlen("NAME"), types = strlen("RESOURCE TYPES");
    char cell[TYPES_WIDTH + 1];

    for (size_t i = 0; i < c->count; i++) {
        types_cell(c->at[i], cell);
        name = strlen(c->at[i]->name) > name ? strlen(c->at[i]->name) : name;
        types = strlen(cell) > types ? strlen(cell) : types;
    }
    buf_addf(to, "%-*s  CLOUD  EFFECT   %-*s  DESCRIPTION\n", (int)name, "NAME", (int)types,
             "RESOURCE TYPES");
    for (size_t i = 0; i < c->count; i++) {
        const struct action *a = c->at[i];

        types_cell(a, cell);
        buf_addf(to, "%-*s  %-5s  %-7s  %-*s  %s\n", (int)name, a->name, cloud_name(a->cloud),
                 effect_name(a->effect), (int)types, cell, a->description);
    }
    return buf_ok(to);
}

/* --- one in full --- */

static void add_label(struct buf *to, const char *label)
{
    buf_addf(to, "%-*s", LABEL, label);
}

/* Strings that a NULL ends, joined by commas, or a line each below one another. */
static void add_strings(struct buf *to, const char *label, const char *const *at,
                        const char *between)
{
    add_label(to, label);
    if (!at || !*at)
        buf_adds(to, "none");
    for (size_t i = 0; at && at[i]; i++)
        buf_addf(to, "%s%s", i ? between : "", at[i]);
    buf_addc(to, '\n');
}

static void add_param(struct buf *to, const struct action_param *p, bool first)
{
    add_label(to, first ? "Parameters" : "");
    buf_addf(to, "%s (%s%s", p->name, param_type_name(p->type), p->required ? ", required" : "");
    if (p->fallback && *p->fallback)
        buf_addf(to, ", default \"%s\"", p->fallback);
    buf_addf(to, "): %s\n", p->help);
}

bool catalogue_describe(const struct action *action, const struct config *config, struct buf *to)
{
    const struct action *a = action;
    struct err why = ERR_INIT;
    bool enabled = guard_action(config, a, &why);

    buf_addf(to, "%s: %s\n%s\n\n", a->name, a->display_name, a->description);
    add_label(to, "Cloud");
    buf_addf(to, "%s\n", cloud_name(a->cloud));
    add_label(to, "Effect");
    buf_addf(to, "%s\n", effect_name(a->effect));
    add_label(to, "Enabled");
    buf_addf(to, "%s%s\n", enabled ? "yes" : "no: ", enabled ? "" : why.message);
    add_strings(to, "Resource types", a->resource_types, ", ");
    if (!a->params || !a->params->name)
        add_strings(to, "Parameters", NULL, "");
    for (const struct action_param *p = a->params; p && p->name; p++)
        add_param(to, p, p == a->params);
    add_strings(to, "Permissions", a->permissions, "\n                ");
    return buf_ok(to);
}

/* --- the nearest names --- */

/* How far a name is from what was asked for; 99: not near at all. A part of a name is near. */
static unsigned distance(const char *asked, const char *name)
{
    unsigned d = text_distance(asked, name);

    if (*asked && (strstr(name, asked) || strstr(asked, name)))
        return d < 2 ? d : 2;
    return d <= 3 ? d : 99;
}

bool catalogue_nearest(const char *name, struct buf *to)
{
    const struct action *near[NEAREST];
    unsigned at[NEAREST];
    size_t count = 0;

    for (const struct action *const *a = action_table; *a; a++) {
        unsigned d = distance(name, (*a)->name);
        size_t i = count < NEAREST ? count : NEAREST;

        for (; d < 99 && i > 0 && at[i - 1] > d; i--)
            if (i < NEAREST) {
                near[i] = near[i - 1];
                at[i] = at[i - 1];
            }
        if (d == 99 || i == NEAREST)
            continue;
        near[i] = *a;
        at[i] = d;
        count += count < NEAREST;
    }
    for (size_t i = 0; i < count; i++)
        buf_addf(to, "%s%s", i == 0 ? "" : i + 1 == count ? " or " : ", ", near[i]->name);
    return buf_ok(to);
}
