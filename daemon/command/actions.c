/* hgautod actions: prints the catalogue, for humans and programs. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "daemon/command/catalogue.h"
#include "daemon/command/command.h"
#include "daemon/policy/subscriptions.h"
#include "lib/azure/names.h"
#include "lib/base/printable.h"

#define TEXT_MAX (8u << 20)

/* The actions to print. */
struct selection {
    /* NULL: all. */
    const struct action *action;
    /* NULL: both. */
    const enum cloud *cloud;
    /* For --azure-role; NULL: there is no subscriptions_file. */
    struct subscriptions *subscriptions;
};

static int actions_usage_error(const char *sentence)
{
    printable_print(stderr, "hgautod: %s; try hgautod actions --help\n", sentence);
    return EXIT_USAGE;
}

static int actions_refuse_action(const char *name)
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

static bool actions_find_cloud(const char *name, const enum cloud **found)
{
    static const enum cloud clouds[] = {CLOUD_AWS, CLOUD_AZURE};
    *found = NULL;
    for (size_t i = 0; name && i < sizeof clouds / sizeof clouds[0]; i++)
        if (strcmp(cloud_name(clouds[i]), name) == 0)
            *found = &clouds[i];
    return !name || *found;
}

/* Returns EXIT_DONE, or EXIT_USAGE after printing what is wrong. */
static int actions_read_invocation(const struct invocation *in, struct selection *q)
{
    *q = (struct selection){0};
    if (in->json + in->markdown + in->iam_policy + in->azure_role > 1)
        return actions_usage_error(
            "--json, --markdown, --iam-policy and --azure-role are mutually exclusive");
    if (!actions_find_cloud(in->cloud, &q->cloud))
        return actions_usage_error("--cloud must be aws or azure");
    if (q->cloud && ((in->iam_policy && *q->cloud != CLOUD_AWS) ||
                     (in->azure_role && *q->cloud != CLOUD_AZURE)))
        return actions_usage_error("--iam-policy applies to aws only, --azure-role to azure only");
    if (in->operand_count == 0)
        return EXIT_DONE;
    q->action = action_find(in->operands[0]);
    if (!q->action)
        return actions_refuse_action(in->operands[0]);
    if (q->cloud && *q->cloud != q->action->cloud)
        return actions_usage_error("--cloud is not the cloud of the action");
    return EXIT_DONE;
}

/* Selects one action by name, enabled or not; for the reference, all there are. */
static void actions_select(const struct invocation *in, const struct selection *q,
                           const struct config *config, struct catalogue *c)
{
    catalogue_select(c, in->markdown || q->action ? NULL : config, q->cloud);
    if (q->action) {
        c->at[0] = q->action;
        c->count = 1;
    }
}

/* Prints which subscriptions are missing: a name cannot be a scope, and is not looked up here. */
static void actions_print_missing(const struct subscriptions *s)
{
    const char *entry;
    for (size_t i = 0; (entry = subscriptions_entry(s, i)); i++)
        if (azure_guid_problem(entry))
            printable_print(stderr,
                            "hgautod: the subscription \"%s\" is given by name: add its ID to "
                            "AssignableScopes\n",
                            entry);
}

/* Reads subscriptions_file like the daemon. Returns false after printing what is wrong with it. */
static bool actions_read_subscriptions(const struct config *config, struct selection *q)
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

static void actions_write(const struct invocation *in, const struct selection *q,
                          const struct catalogue *c, const struct config *config, struct buf *to)
{
    if (in->json)
        catalogue_add_json(catalogue_json(c), JSON_INDENT(2), to);
    else if (in->markdown)
        catalogue_markdown(c, to);
    else if (in->iam_policy)
        catalogue_iam_policy(c, config, to);
    else if (in->azure_role)
        catalogue_azure_role(c, config, q->subscriptions, to);
    else if (q->action)
        catalogue_describe(q->action, config, to);
    else
        catalogue_table(c, to);
}

static int actions_print(const struct invocation *in, const struct selection *q,
                         const struct config *config)
{
    struct buf text = buf_make(TEXT_MAX);
    struct catalogue c;
    actions_select(in, q, config, &c);
    actions_write(in, q, &c, config, &text);
    if (q->subscriptions && config->guard.allow_subscriptions.count == 0)
        actions_print_missing(q->subscriptions);
    bool ok = buf_ok(&text) && printable_print(stdout, "%s", buf_str(&text)) && fflush(stdout) == 0;
    catalogue_free(&c);
    buf_free(&text);
    return ok ? EXIT_DONE : EXIT_WORK_FAILED;
}

int cmd_actions(const struct invocation *in)
{
    struct selection q;
    int status = actions_read_invocation(in, &q);
    if (status != EXIT_DONE)
        return status;
    struct config *config = command_config(in, true);
    if (!config)
        return EXIT_USAGE;
    status = EXIT_USAGE;
    if (!in->azure_role || actions_read_subscriptions(config, &q))
        status = actions_print(in, &q, config);
    subscriptions_free(q.subscriptions);
    config_free(config);
    return status;
}
