/* The commands of hgautod: one table that drives the parsing of options, --help and the manual. */
#ifndef HGAUTOD_DAEMON_COMMAND_COMMAND_H
#define HGAUTOD_DAEMON_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/exit_status.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"

enum option_id {
    OPTION_CONFIG,
    OPTION_ONCE,
    OPTION_ONLINE,
    OPTION_PLAN,
    OPTION_REPORT_DIR,
    OPTION_CLOUD,
    OPTION_JSON,
    OPTION_MARKDOWN,
    OPTION_IAM_POLICY,
    OPTION_AZURE_ROLE,
    OPTION_HELP,
    OPTION_COUNT
};

struct command_option {
    const char *name;     /* without "--" */
    char letter;          /* 0: none */
    const char *argument; /* what its value is called, "FILE"; NULL: it takes none */
    const char *help;     /* sentences */
};
extern const struct command_option command_options[OPTION_COUNT];

/* A command line, taken apart. Strings are borrowed from argv. */
struct invocation {
    const struct command *command;
    const char *config_path; /* NULL: the default one */
    bool once, online, plan, json, markdown, iam_policy, azure_role;
    const char *report_dir; /* NULL: not given */
    const char *cloud;      /* NULL: not given; else as it was written */
    char *const *operands;
    size_t operand_count; /* as many as the command takes */
};

struct command {
    const char *name;     /* NULL ends the table */
    const char *operands; /* what they are called: "EVENT.json"; "" when it takes none */
    size_t operand_min, operand_max;
    unsigned options;    /* 1 << enum option_id; OPTION_HELP goes without saying */
    const char *summary; /* half a line for the list of commands */
    const char *help;    /* sentences */
    int (*run)(const struct invocation *in); /* returns an exit status */
};
extern const struct command command_table[];

/* Takes the command line apart and runs the command. Returns the exit status. */
int command_main(int argc, char **argv);
/* Takes apart what follows the command's name; argv[0] is the command's name. Operands are moved to
 * argv's end. False with a sentence, without a newline, in `problem`. With --help, *help is set and
 * nothing else is checked. Not thread-safe, as getopt(3) is not. */
bool command_parse(const struct command *command, int argc, char **argv, struct invocation *in,
                   bool *help, struct buf *problem) MUST_CHECK;
/* NULL when there is none of that name. */
const struct command *command_find(const char *name);

/* Appends what `hgautod --help` (command NULL) or `hgautod COMMAND --help` says. */
bool command_help(const struct command *command, struct buf *to);
/* Appends the commands as mdoc for the manual. */
bool command_mdoc(struct buf *to);

/* The commands themselves. */
int cmd_run(const struct invocation *in);
int cmd_check(const struct invocation *in);
int cmd_exec(const struct invocation *in);
int cmd_actions(const struct invocation *in);
int cmd_publish(const struct invocation *in);

/* For commands: loads the configuration, or says on standard error what is wrong with it and
 * returns NULL. */
struct config;
struct config *command_config(const struct invocation *in, bool may_be_absent) MUST_CHECK;

/* For commands: makes the environment for this configuration, calls `work` with it and frees both.
 * The configuration is taken over and may be NULL. Returns the exit status of `work`; EXIT_USAGE
 * without a configuration, or when the environment cannot be made, after an error on standard
 * error. */
struct env;
int command_with_env(const struct invocation *in, struct config *config,
                     int (*work)(const struct env *env, const struct invocation *in));

#endif
