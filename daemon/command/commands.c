/* The table of commands, and what follows from it: parsing, help, the manual. */
#include "daemon/command/command.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "daemon/config/table.h"
#include "daemon/version.h"
#include "lib/base/printable.h"
#include "lib/base/text.h"

#define WITH(id) (1u << (id))

enum { HELP_MAX = 64 << 10, HELP_COLUMN = 22, USAGE_INDENT = 9 };

const struct command_option command_options[OPTION_COUNT] = {
    [OPTION_CONFIG] = {"config", 'c', "FILE",
                       "The configuration file to use instead of " CONFIG_DEFAULT_PATH "."},
    [OPTION_ONCE] =
        {"once", 0, NULL,
         "Exit when the sources are drained, instead of waiting for more events. The exit status "
         "is 1 if a source could not be read or failed repeatedly."},
    [OPTION_ONLINE] = {"online", 0, NULL,
                       "Also connect to every identity, queue and store, and report what is "
                       "missing. Nothing is changed and no message is received."},
    [OPTION_PLAN] = {"plan", 0, NULL, "Make no change: only read, and report what would be done."},
    [OPTION_REPORT_DIR] = {"report-dir", 0, "DIR",
                           "Write the reports to DIR instead of printing them."},
    [OPTION_CLOUD] = {"cloud", 0, "CLOUD", "Show only the actions of this cloud, aws or azure."},
    [OPTION_JSON] = {"json", 0, NULL, "Print JSON."},
    [OPTION_MARKDOWN] = {"markdown", 0, NULL,
                         "Print the reference of all actions, enabled or not, in Markdown."},
    [OPTION_IAM_POLICY] = {"iam-policy", 0, NULL,
                           "Print the IAM policy needed by the enabled actions and by the daemon "
                           "itself (queues, buckets, the role in other accounts). Without a "
                           "configured source, \"*\" stands for queues and buckets. A policy of "
                           "more than 6,144 characters is printed without white space; if it "
                           "still does not fit, it is split into several, one per line."},
    [OPTION_AZURE_ROLE] =
        {"azure-role", 0, NULL,
         "Print the definition of the custom role needed by the Azure actions and sources. Its "
         "scopes are the subscriptions of allow_subscriptions, otherwise the IDs in "
         "subscriptions_file; if there are none, replace the zeroes with the ID of your "
         "subscription."},
    [OPTION_HELP] = {"help", 'h', NULL, "Print this help."},
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

const struct command *command_find(const char *name)
{
    for (const struct command *c = command_table; c->name; c++)
        if (strcmp(c->name, name) == 0)
            return c;
    return NULL;
}

static bool takes(const struct command *command, enum option_id id)
{
    return id == OPTION_HELP || (command->options & WITH(id));
}

/* --- taking a command line apart --- */

/* The command's options as getopt_long wants them, ended by zeroes: val is the letter, or 256 + the
 * option's id. */
struct getopt_table {
    struct option longs[OPTION_COUNT + 1];
    char shorts[2 * OPTION_COUNT + 3];
};

static int value_of(enum option_id id)
{
    return command_options[id].letter ? command_options[id].letter : 256 + (int)id;
}

static void fill_table(const struct command *command, struct getopt_table *t)
{
    size_t n = 0;
    char *p = t->shorts;

    *p++ = ':'; /* a missing value is told apart, nothing is printed */
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct command_option *o = &command_options[id];

        if (!takes(command, id))
            continue;
        t->longs[n++] = (struct option){
            .name = o->name,
            .has_arg = o->argument ? required_argument : no_argument,
            .val = value_of(id),
        };
        if (o->letter)
            *p++ = o->letter;
        if (o->letter && o->argument)
            *p++ = ':';
    }
}

/* Whether what getopt_long took for the option at `index` of the table is an abbreviation of it:
 * those would change their meaning whenever an option is added. `element` is the option as it was
 * written. */
static bool is_abbreviated(const struct getopt_table *table, int index, const char *element)
{
    return index >= 0 && strcspn(element + 2, "=") < strlen(table->longs[index].name);
}

static enum option_id id_of(int value)
{
    unsigned id = 0;

    while (id < OPTION_COUNT && value_of(id) != value)
        id++;
    return id;
}

static void set_option(struct invocation *in, enum option_id id, const char *value, bool *help)
{
    switch (id) {
    case OPTION_CONFIG:
        in->config_path = value;
        break;
    case OPTION_ONCE:
        in->once = true;
        break;
    case OPTION_ONLINE:
        in->online = true;
        break;
    case OPTION_PLAN:
        in->plan = true;
        break;
    case OPTION_REPORT_DIR:
        in->report_dir = value;
        break;
    case OPTION_CLOUD:
        in->cloud = value;
        break;
    case OPTION_JSON:
        in->json = true;
        break;
    case OPTION_MARKDOWN:
        in->markdown = true;
        break;
    case OPTION_IAM_POLICY:
        in->iam_policy = true;
        break;
    case OPTION_AZURE_ROLE:
        in->azure_role = true;
        break;
    case OPTION_HELP:
        *help = true;
        break;
    case OPTION_COUNT:
        break;
    }
}

static bool abbreviation_problem(const struct command *command, const char *element,
                                 const char *name, struct buf *problem)
{
    buf_addf(problem, "%s has no option %.*s; did you mean --%s?", command->name,
             (int)strcspn(element, "="), element, name);
    return false;
}

/* What getopt_long has found wrong: ':' a value is missing, '?' anything else. */
static bool option_problem(const struct command *command, int found, char **argv,
                           struct buf *problem)
{
    enum option_id id = optopt ? id_of(optopt) : OPTION_COUNT;

    if (found == ':')
        buf_addf(problem, "%s needs a value", argv[optind - 1]);
    else if (id != OPTION_COUNT)
        buf_addf(problem, "--%s takes no value", command_options[id].name);
    else if (optopt)
        buf_addf(problem, "%s has no option -%c", command->name, optopt);
    else
        buf_addf(problem, "%s has no option %s", command->name, argv[optind - 1]);
    return false;
}

static bool check_operands(const struct command *command, const struct invocation *in,
                           struct buf *problem)
{
    if (in->operand_count < command->operand_min)
        buf_addf(problem, "%s needs %s", command->name, command->operands);
    else if (in->operand_count > command->operand_max)
        buf_addf(problem, "%s takes no '%s'", command->name, in->operands[command->operand_max]);
    else
        return true;
    return false;
}

bool command_parse(const struct command *command, int argc, char **argv, struct invocation *in,
                   bool *help, struct buf *problem)
{
    struct getopt_table table = {0};
    const char *element;
    int found, index = -1;

    *in = (struct invocation){.command = command};
    *help = false;
    fill_table(command, &table);
    opterr = 0;
    optind = 0; /* glibc: begin anew */
    while ((found = getopt_long(argc, argv, table.shorts, table.longs, &index)) != -1) {
        if (found == '?' || found == ':')
            return option_problem(command, found, argv, problem);
        /* A value that is not behind a '=' is an element of its own. */
        element = argv[optind - 1];
        if (index >= 0 && optarg && optarg == element)
            element = argv[optind - 2];
        if (is_abbreviated(&table, index, element))
            return abbreviation_problem(command, element, table.longs[index].name, problem);
        index = -1;
        set_option(in, id_of(found), optarg, help);
        if (*help)
            return true;
    }
    in->operands = argv + optind;
    in->operand_count = (size_t)(argc - optind);
    return check_operands(command, in, problem);
}

/* --- help --- */

/* "  left          text", the text in a column of its own. */
static void add_row(struct buf *to, const char *left, const char *text)
{
    char indent[HELP_COLUMN + 1];

    snprintf(indent, sizeof indent, "%*s", HELP_COLUMN, "");
    buf_addf(to, "  %-*s", HELP_COLUMN - 2, left);
    if (strlen(left) + 3 > HELP_COLUMN)
        buf_addf(to, "\n%s", indent);
    text_add_wrapped(to, text, HELP_COLUMN, indent);
}

/* " word", on a new line if it would not fit. */
static size_t add_usage_word(struct buf *to, const char *word, size_t column)
{
    size_t n = strlen(word);

    if (column + 1 + n > TEXT_WIDTH) {
        buf_addf(to, "\n%*s", USAGE_INDENT, "");
        column = USAGE_INDENT;
    }
    buf_addf(to, " %s", word);
    return column + 1 + n;
}

/* "hgautod exec EVENT.json [-c FILE] [--plan]", beginning in this column. */
static void add_usage(struct buf *to, const struct command *c, size_t column)
{
    char word[64];

    buf_addf(to, "hgautod %s", c->name);
    column += strlen("hgautod ") + strlen(c->name);
    if (*c->operands) {
        snprintf(word, sizeof word, c->operand_min ? "%s" : "[%s]", c->operands);
        column = add_usage_word(to, word, column);
    }
    for (unsigned id = 0; id < OPTION_HELP; id++) {
        const struct command_option *o = &command_options[id];
        char letter[] = {'-', o->letter, '\0'};

        if (!takes(c, id))
            continue;
        snprintf(word, sizeof word, "[%s%s%s%s]", o->letter ? letter : "--",
                 o->letter ? "" : o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        column = add_usage_word(to, word, column);
    }
}

static void add_option(struct buf *to, const struct command_option *o)
{
    char left[64];

    snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
             o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->argument ? " " : "",
             o->argument ? o->argument : "");
    add_row(to, left, o->help);
}

static bool help_on_all(struct buf *to)
{
    buf_adds(to, "hgautod carries out Hyperglance automations in AWS and Azure.\n\nUsage:\n");
    for (const struct command *c = command_table; c->name; c++) {
        buf_adds(to, "  ");
        add_usage(to, c, 2);
        buf_addc(to, '\n');
    }
    buf_adds(to, "  hgautod --version | --help\n\nCommands:\n");
    for (const struct command *c = command_table; c->name; c++)
        add_row(to, c->name, c->summary);
    buf_adds(to, "\nRun `hgautod COMMAND --help` for help on a command.\nExit status: 0 success; "
                 "1 the work failed; 2 usage or configuration error.\n");
    return buf_ok(to);
}

bool command_help(const struct command *command, struct buf *to)
{
    if (!command)
        return help_on_all(to);
    buf_adds(to, "Usage: ");
    add_usage(to, command, strlen("Usage: "));
    buf_adds(to, "\n\n");
    text_add_wrapped(to, command->help, 0, "");
    buf_adds(to, "\nOptions:\n");
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        if (takes(command, id))
            add_option(to, &command_options[id]);
    return buf_ok(to);
}

/* "Op Fl c Ar FILE" for the usage line, "It Fl c , Fl Fl config Ar FILE" for the list. */
static void mdoc_option(struct buf *to, const struct command_option *o, bool usage)
{
    buf_adds(to, usage ? ".Op" : ".It");
    if (o->letter)
        buf_addf(to, " Fl %c", o->letter);
    if (o->letter && !usage)
        buf_adds(to, " ,");
    if (!o->letter || !usage)
        buf_addf(to, " Fl Fl %s", o->name);
    if (o->argument)
        buf_addf(to, " Ar %s", o->argument);
    buf_addc(to, '\n');
}

static void mdoc_command(struct buf *to, const struct command *c)
{
    buf_addf(to, ".It Xo\n.Cm %s\n", c->name);
    if (*c->operands)
        buf_addf(to, "%s %s\n", c->operand_min ? ".Ar" : ".Op Ar", c->operands);
    for (unsigned id = 0; id < OPTION_HELP; id++)
        if (takes(c, id))
            mdoc_option(to, &command_options[id], true);
    buf_adds(to, ".Xc\n");
    text_add_mdoc(to, c->help);
    buf_adds(to, ".Bl -tag -width Ds\n");
    for (unsigned id = 0; id < OPTION_HELP; id++) {
        if (!takes(c, id))
            continue;
        mdoc_option(to, &command_options[id], false);
        text_add_mdoc(to, command_options[id].help);
    }
    buf_adds(to, ".El\n");
}

bool command_mdoc(struct buf *to)
{
    buf_adds(to, ".Bl -tag -width Ds\n");
    for (const struct command *c = command_table; c->name; c++)
        mdoc_command(to, c);
    buf_adds(to, ".El\n");
    return buf_ok(to);
}

/* --- the whole --- */

static int print_help(const struct command *command)
{
    struct buf text = buf_make(HELP_MAX);
    bool ok = command_help(command, &text) && printable_print(stdout, "%s", buf_str(&text));

    buf_free(&text);
    return ok ? EXIT_DONE : EXIT_WORK_FAILED;
}

/* What was printed must have arrived: says so if not. Returns the exit status, given what it would
 * be. */
static int finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    printable_print(stderr, "hgautod: cannot write to standard output%s%s\n", errno ? ": " : "",
                    errno ? strerror(errno) : "");
    return status == EXIT_DONE ? EXIT_WORK_FAILED : status;
}

static int usage_error(const char *sentence)
{
    printable_print(stderr, "hgautod: %s; try hgautod --help\n", sentence);
    return EXIT_USAGE;
}

static int unknown_command(const char *name)
{
    struct buf text = buf_make(HELP_MAX);
    const char *nearest = NULL;
    unsigned least = 99;

    for (const struct command *c = command_table; c->name; c++) {
        unsigned d = text_distance(name, c->name);

        if (d < least) {
            least = d;
            nearest = c->name;
        }
    }
    buf_addf(&text, "unknown %s '%s'", *name == '-' ? "option" : "command", name);
    if (nearest && least <= 2 && *name != '-')
        buf_addf(&text, ", did you mean '%s'?", nearest);
    usage_error(buf_str(&text));
    buf_free(&text);
    return EXIT_USAGE;
}

static int run_command(const struct command *command, int argc, char **argv)
{
    struct buf problem = buf_make(HELP_MAX);
    struct invocation in;
    bool help;
    int status;

    if (!command_parse(command, argc, argv, &in, &help, &problem))
        status = usage_error(buf_str(&problem));
    else
        status = help ? print_help(command) : command->run(&in);
    buf_free(&problem);
    return status;
}

static int run_command_line(int argc, char **argv)
{
    const struct command *command;

    if (argc < 2)
        return usage_error("no command given");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return print_help(NULL);
    if (strcmp(argv[1], "--version") == 0)
        return puts("hgautod " HGAUTOD_VERSION) >= 0 ? EXIT_DONE : EXIT_WORK_FAILED;
    command = command_find(argv[1]);
    return command ? run_command(command, argc - 1, argv + 1) : unknown_command(argv[1]);
}

int command_main(int argc, char **argv)
{
    return finish_output(run_command_line(argc, argv));
}
