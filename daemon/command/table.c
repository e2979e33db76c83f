/* The table of commands and their options. */
#include <string.h>

#include "daemon/command/command.h"
#include "daemon/config/config.h"

#define IN(member) offsetof(struct invocation, member)
#define WITH(id)   (1u << (id))

const struct command_option command_options[OPTION_COUNT] = {
    [OPTION_CONFIG] = {"config", 'c', "FILE", IN(config_path),
                       "The configuration file to use instead of " CONFIG_DEFAULT_PATH "."},
    [OPTION_ONCE] =
        {"once", 0, NULL, IN(once),
         "Exit when the sources are drained, instead of waiting for more events. The exit status "
         "is 1 if a source could not be read or failed repeatedly."},
    [OPTION_ONLINE] = {"online", 0, NULL, IN(online),
                       "Also connect to every identity, queue and store, and report what is "
                       "missing. Nothing is changed and no message is received."},
    [OPTION_PLAN] = {"plan", 0, NULL, IN(plan),
                     "Make no change: only read, and report what would be done."},
    [OPTION_REPORT_DIR] = {"report-dir", 0, "DIR", IN(report_dir),
                           "Write the reports to DIR instead of printing them."},
    [OPTION_CLOUD] = {"cloud", 0, "CLOUD", IN(cloud),
                      "Show only the actions of this cloud, aws or azure."},
    [OPTION_JSON] = {"json", 0, NULL, IN(json), "Print JSON."},
    [OPTION_MARKDOWN] = {"markdown", 0, NULL, IN(markdown),
                         "Print the reference of all actions, enabled or not, in Markdown."},
    [OPTION_IAM_POLICY] = {"iam-policy", 0, NULL, IN(iam_policy),
                           "Print the IAM policy needed by the enabled actions and by the daemon "
                           "itself (queues, buckets, the role in other accounts). Without a "
                           "configured source, \"*\" stands for queues and buckets. A policy of "
                           "more than 6,144 characters is printed without white space; if it "
                           "still does not fit, it is split into several, one per line."},
    [OPTION_AZURE_ROLE] =
        {"azure-role", 0, NULL, IN(azure_role),
         "Print the definition of the custom role needed by the Azure actions and sources. Its "
         "scopes are the subscriptions of allow_subscriptions, otherwise the IDs in "
         "subscriptions_file; if there are none, replace the zeroes with the ID of your "
         "subscription."},
    [OPTION_HELP] = {"help", 'h', NULL, IN(help), "Print this help."},
};

const struct command command_table[] = {
    {
        .name = "run",
        .operands = "",
        .options = WITH(OPTION_CONFIG) | WITH(OPTION_ONCE),
        .summary = "run the daemon in the foreground",
        .help = "Takes events from the configured sources and carries them out, until SIGTERM or "
                "SIGINT. Runs in progress are then drained.",
        .run = cmd_run,
    },
    {
        .name = "check",
        .operands = "",
        .options = WITH(OPTION_CONFIG) | WITH(OPTION_ONLINE) | WITH(OPTION_JSON),
        .summary = "validate the configuration and print the effective one",
        .help = "Prints the effective settings and their origin; secrets are masked. All problems "
                "are reported in one go, with file and line.",
        .run = cmd_check,
    },
    {
        .name = "exec",
        .operands = "EVENT.json",
        .operand_min = 1,
        .operand_max = 1,
        .options = WITH(OPTION_CONFIG) | WITH(OPTION_PLAN) | WITH(OPTION_REPORT_DIR),
        .summary = "carry out one event from a file, without a queue",
        .help = "Carries out the event in the file EVENT.json as the daemon would, and prints its "
                "reports. No configuration file and no source are needed.",
        .run = cmd_exec,
    },
    {
        .name = "actions",
        .operands = "NAME",
        .operand_max = 1,
        .options = WITH(OPTION_CONFIG) | WITH(OPTION_CLOUD) | WITH(OPTION_JSON) |
                   WITH(OPTION_MARKDOWN) | WITH(OPTION_IAM_POLICY) | WITH(OPTION_AZURE_ROLE),
        .summary = "list the actions and the permissions they need",
        .help =
            "Lists the enabled actions, or describes the action NAME in full, enabled or not. No "
            "configuration file and no source are needed.",
        .run = cmd_actions,
    },
    {
        .name = "publish",
        .operands = "",
        .options = WITH(OPTION_CONFIG),
        .summary = "publish the list of enabled actions for Hyperglance",
        .help =
            "Writes HyperglanceAutomations.json, the list of the enabled actions, to the root of "
            "each source's bucket, container or directory. A bucket or container receives the "
            "actions of its cloud, a directory all of them. Run this command after an upgrade and "
            "after a change of the configuration.",
        .run = cmd_publish,
    },
    {.name = NULL},
};

bool command_takes(const struct command *command, enum option_id id)
{
    return id == OPTION_HELP || (command->options & WITH(id));
}

const struct command *command_find(const char *name)
{
    for (const struct command *c = command_table; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}
