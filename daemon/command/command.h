/* The commands of hgautod: one table drives the parsing of options, --help and the manual. */
#ifndef HGAUTOD_DAEMON_COMMAND_COMMAND_H
#define HGAUTOD_DAEMON_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "daemon/exit_status.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

struct config;
struct env;

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
    /* Without "--". */
    const char *name;
    /* 0: none. */
    char letter;
    /* The name of its value, "FILE"; NULL: it takes none. */
    const char *argument;
    /* The offset of its member in struct invocation: a const char * if it has an argument, else a
     * bool. */
    size_t at;
    /* Sentences. */
    const char *help;
};
extern const struct command_option command_options[OPTION_COUNT];

/* A parsed command line. Strings are borrowed from argv; those of options that are not given are
 * NULL. */
struct invocation {
    const struct command *command;
    const char *config_path, *report_dir, *cloud;
    bool once, online, plan, json, markdown, iam_policy, azure_role;
    /* Nothing else is set then. */
    bool help;
    char *const *operands;
    size_t operand_count;
};

struct command {
    /* NULL ends the table. */
    const char *name;
    /* Their name, "EVENT.json"; "" if it takes none. */
    const char *operands;
    size_t operand_min, operand_max;
    /* 1 << enum option_id; every command has OPTION_HELP. */
    unsigned options;
    /* Half a line for the list of commands. */
    const char *summary;
    /* Sentences. */
    const char *help;
    /* Returns an exit status. */
    int (*run)(const struct invocation *in);
};
extern const struct command command_table[];

/* Parses the command line and runs the command. Returns the exit status. */
int command_main(int argc, char **argv);

/* Parses what follows the command's name; argv[0] is that name. Operands are moved to the end of
 * argv. Returns false with a sentence, without a newline, in `problem`. With --help, in->help is
 * set and nothing else is checked. Not thread-safe, as getopt(3) is not. */
bool command_parse(const struct command *command, int argc, char **argv, struct invocation *in,
                   struct buf *problem) MUST_CHECK;

/* Returns NULL if there is no command of that name. */
const struct command *command_find(const char *name);

/* Returns whether the command has the option. */
bool command_takes(const struct command *command, enum option_id id);

/* Appends the output of `hgautod --help` (command NULL) or `hgautod COMMAND --help`. */
void command_help(const struct command *command, struct buf *to);

/* Appends the commands as mdoc for the manual. */
void command_mdoc(struct buf *to);

/* The commands. */
int cmd_run(const struct invocation *in);
int cmd_check(const struct invocation *in);
int cmd_exec(const struct invocation *in);
int cmd_actions(const struct invocation *in);
int cmd_publish(const struct invocation *in);

/* --- for commands --- */

/* Loads the configuration, released with config_free. Returns NULL after printing what is wrong
 * with it to standard error. */
struct config *command_config(const struct invocation *in, bool may_be_absent) MUST_CHECK;

/* Makes the environment for this configuration, calls `work` with it and frees both. The
 * configuration is taken over and may be NULL. Returns the exit status of `work`; EXIT_USAGE
 * without a configuration, or after printing why the environment cannot be made. */
int command_with_env(const struct invocation *in, struct config *config,
                     int (*work)(const struct env *env, const struct invocation *in));

/* Waiting for an identity that is temporarily unavailable, for example because a metadata service
 * is busy. For commands only: workers never sleep. */
struct command_wait {
    const struct clock *clock;
    /* Monotonic. */
    int64_t until_ms;
};

/* Starts a wait of at most ten seconds. */
struct command_wait command_wait_begin(const struct clock *clock);

/* Sleeps for as long as the error requests. Returns true if another attempt should be made; false,
 * without sleeping, if it would not help or come too late. */
bool command_wait_retry(const struct command_wait *wait, const struct err *err) MUST_CHECK;

#endif
