/* Writes the catalogue for a terminal: a table, one action in full, similar names. */
#include <stdio.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "daemon/policy/guard.h"
#include "lib/base/text.h"

#define TYPES_WIDTH 30
#define NEAREST     3
#define LABEL_WIDTH 16

/* --- the table --- */

/* As many resource types as fit, then the number of the others: "Security Group, +12". */
static void describe_types_cell(const struct action *a, char to[TYPES_WIDTH + 1])
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

void catalogue_table(const struct catalogue *c, struct buf *to)
{
    size_t name = strlen("NAME"), types = strlen("RESOURCE TYPES");
    char cell[TYPES_WIDTH + 1];
    for (size_t i = 0; i < c->count; i++) {
        describe_types_cell(c->at[i], cell);
        name = strlen(c->at[i]->name) > name ? strlen(c->at[i]->name) : name;
        types = strlen(cell) > types ? strlen(cell) : types;
    }
    buf_addf(to, "%-*s  CLOUD  EFFECT   %-*s  DESCRIPTION\n", (int)name, "NAME", (int)types,
             "RESOURCE TYPES");
    for (size_t i = 0; i < c->count; i++) {
        const struct action *a = c->at[i];
        describe_types_cell(a, cell);
        buf_addf(to, "%-*s  %-5s  %-7s  %-*s  %s\n", (int)name, a->name, cloud_name(a->cloud),
                 effect_name(a->effect), (int)types, cell, a->description);
    }
}

/* --- an action in full --- */

static void describe_label(struct buf *to, const char *label)
{
    buf_addf(to, "%-*s", LABEL_WIDTH, label);
}

/* The strings of a list, which ends with NULL or is NULL, with `between` between them. */
static void describe_strings(struct buf *to, const char *label, const char *const *at,
                             const char *between)
{
    describe_label(to, label);
    if (!at || !*at)
        buf_adds(to, "none");
    for (size_t i = 0; at && at[i]; i++)
        buf_addf(to, "%s%s", i ? between : "", at[i]);
    buf_addc(to, '\n');
}

static void describe_param(struct buf *to, const struct action_param *p, bool first)
{
    describe_label(to, first ? "Parameters" : "");
    buf_addf(to, "%s (%s%s", p->name, param_type_name(p->type), p->required ? ", required" : "");
    if (p->fallback && *p->fallback)
        buf_addf(to, ", default \"%s\"", p->fallback);
    buf_addf(to, "): %s\n", p->help);
}

void catalogue_describe(const struct action *action, const struct config *config, struct buf *to)
{
    const struct action *a = action;
    struct err why = ERR_INIT;
    bool enabled = guard_action(config, a, &why);
    buf_addf(to, "%s: %s\n%s\n\n", a->name, a->display_name, a->description);
    describe_label(to, "Cloud");
    buf_addf(to, "%s\n", cloud_name(a->cloud));
    describe_label(to, "Effect");
    buf_addf(to, "%s\n", effect_name(a->effect));
    describe_label(to, "Enabled");
    buf_addf(to, "%s%s\n", enabled ? "yes" : "no: ", enabled ? "" : why.message);
    describe_strings(to, "Resource types", a->resource_types, ", ");
    if (!a->params || !a->params->name)
        describe_strings(to, "Parameters", NULL, "");
    for (const struct action_param *p = a->params; p && p->name; p++)
        describe_param(to, p, p == a->params);
    describe_strings(to, "Permissions", a->permissions, "\n                ");
}

/* --- the nearest names --- */

/* The distance of a name from the written one; 99: not similar. A part of a name is similar. */
static unsigned describe_name_distance(const char *written, const char *name)
{
    unsigned d = text_distance(written, name);
    if (*written && (strstr(name, written) || strstr(written, name)))
        return d < 2 ? d : 2;
    return d <= 3 ? d : 99;
}

void catalogue_nearest(const char *name, struct buf *to)
{
    const struct action *near[NEAREST];
    unsigned at[NEAREST];
    size_t count = 0;
    for (const struct action *const *a = action_table; *a; a++) {
        unsigned d = describe_name_distance(name, (*a)->name);
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
}
