/* hgautod actions: the catalogue, for people and programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "daemon/command/command.h"
#include "daemon/policy/subscriptions.h"
#include "lib/azure/arm.h"
#include "lib/azure/names.h"
#include "lib/base/printable.h"

enum { TEXT_MAX = 8 << 20 };

/* What is asked for, checked. */
struct question {
    const struct action *action;         /* NULL: all */
    const enum cloud *cloud;             /* NULL: both */
    struct subscriptions *subscriptions; /* for --azure-role; NULL: no file names any */
};

static int usage(const char *sentence)
{
    printable_print(stderr, "hgautod: %s; try hgautod actions --help\n", sentence);
    return EXIT_USAGE;
}

static int no_such_action(const char *name)
{
    struct buf near = buf_make(TEXT_MAX);

    catalogue_nearest(name, &near);
    printable_print(stderr,
                    "hgautod: there is no action '%s'%s%s; hgautod actions lists them "
                    "all\n",
                    name, near.size ? ", did you mean " : "", near.size ? buf_str(&near) : "");
    buf_free(&near);
    return EXIT_USAGE;
}

static bool find_cloud(const char *name, const enum cloud **found)
{
    static const enum cloud clouds[] = {CLOUD_AWS, CLOUD_AZURE};

    *found = NULL;
    for (size_t i = 0; name && i < sizeof clouds / sizeof clouds[0]; i++)
        if (strcmp(cloud_name(clouds[i]), name) == 0)
            *found = &clouds[i];
    return !name || *found;
}

/* EXIT_DONE, or EXIT_USAGE after saying what is wrong. */
static int understand(const struct invocation *in, struct question *q)
{
    *q = (struct question){0};
    if (in->json + in->markdown + in->iam_policy + in->azure_role > 1)
        return usage("--json, --markdown, --iam-policy and --azure-role are mutually exclusive");
    if (!find_cloud(in->cloud, &q->cloud))
        return usage("--cloud must be aws or azure");
    if (q->cloud && ((in->iam_policy && *q->cloud != CLOUD_AWS) ||
                     (in->azure_role && *q->cloud != CLOUD_AZURE)))
        return usage("--iam-policy applies to aws only, --azure-role to azure only");
    if (in->operand_count == 0)
        return EXIT_DONE;
    q->action = action_find(in->operands[0]);
    if (!q->action)
        return no_such_action(in->operands[0]);
    if (q->cloud && *q->cloud != q->action->cloud)
        return usage("--cloud is not the cloud of the action");
    return EXIT_DONE;
}

/* The actions asked for: one by name whether enabled or not, the reference all there are. */
static bool select_actions(const struct invocation *in, const struct question *q,
                           const struct config *config, struct catalogue *c)
{
    if (!catalogue_select(c, in->markdown || q->action ? NULL : config, q->cloud))
        return false;
    if (q->action) {
        c->at[0] = q->action;
        c->count = 1;
    }
    return true;
}

/* A name cannot be a scope, and is not looked up: says which subscriptions are missing. */
static void name_missing(const struct subscriptions *s)
{
    const char *entry;

    for (size_t i = 0; (entry = subscriptions_entry(s, i)); i++)
        if (azure_guid_problem(entry))
            printable_print(stderr,
                            "hgautod: the subscription \"%s\" is given by name: add its ID to "
                            "AssignableScopes\n",
                            entry);
}

/* Reads subscriptions_file as the daemon does. False after saying what is wrong with it. */
static bool open_subscriptions(const struct config *config, struct question *q)
{
    struct subscriptions_options options = {.path = config->azure.subscriptions_file,
                                            .standard = getenv("AZURE_SUBSCRIPTION_ID")};
    struct err err = ERR_INIT;
    char text[2048];

    if (!options.path)
        return true;
    q->subscriptions = subscriptions_new(&options, &err);
    if (!q->subscriptions)
        printable_print(stderr, "hgautod: %s\n", err_text(&err, text, sizeof text));
    return q->subscriptions != NULL;
}

static bool azure_role(const struct question *q, const struct catalogue *c,
                       const struct config *config, struct buf *to)
{
    if (!catalogue_azure_role(c, config, q->subscriptions, to))
        return false;
    if (q->subscriptions && config->guard.allow_subscriptions.count == 0)
        name_missing(q->subscriptions);
    return true;
}

static bool write_answer(const struct invocation *in, const struct question *q,
                         const struct catalogue *c, const struct config *config, struct buf *to)
{
    if (in->json)
        return catalogue_add_json(catalogue_json(c), JSON_INDENT(2), to);
    if (in->markdown)
        return catalogue_markdown(c, to);
    if (in->iam_policy)
        return catalogue_iam_policy(c, config, to);
    if (in->azure_role)
        return azure_role(q, c, config, to);
    return q->action ? catalogue_describe(q->action, config, to) : catalogue_table(c, to);
}

static int answer(const struct invocation *in, const struct question *q,
                  const struct config *config)
{
    struct buf text = buf_make(TEXT_MAX);
    struct catalogue c;
    int status = EXIT_WORK_FAILED;

    if (select_actions(in, q, config, &c) && write_answer(in, q, &c, config, &text) &&
        printable_print(stdout, "%s", buf_str(&text)) && fflush(stdout) == 0)
        status = EXIT_DONE;
    catalogue_free(&c);
    buf_free(&text);
    return status;
}

int cmd_actions(const struct invocation *in)
{
    struct question q;
    struct config *config;
    int status = understand(in, &q);

    if (status != EXIT_DONE)
        return status;
    config = command_config(in, true);
    if (!config)
        return EXIT_USAGE;
    status = EXIT_USAGE;
    if (!in->azure_role || open_subscriptions(config, &q))
        status = answer(in, &q, config);
    subscriptions_free(q.subscriptions);
    config_free(config);
    return status;
}
