/* Parses the command line. */
#include <getopt.h>
#include <string.h>

#include "daemon/command/command.h"

/* The command's options for getopt_long, ended by zeroes; val is the letter, or 256 + the option's
 * ID. */
struct getopt_table {
    struct option longs[OPTION_COUNT + 1];
    char shorts[2 * OPTION_COUNT + 3];
};

static int parse_option_value(enum option_id id)
{
    return command_options[id].letter ? command_options[id].letter : 256 + (int)id;
}

static void parse_fill_table(const struct command *command, struct getopt_table *t)
{
    size_t n = 0;
    char *p = t->shorts;
    /* A missing value is distinguished from an unknown option, and nothing is printed. */
    *p++ = ':';
    for (unsigned id = 0; id < OPTION_COUNT; id++) {
        const struct command_option *o = &command_options[id];
        if (!command_takes(command, id))
            continue;
        t->longs[n++] = (struct option){
            .name = o->name,
            .has_arg = o->argument ? required_argument : no_argument,
            .val = parse_option_value(id),
        };
        if (o->letter)
            *p++ = o->letter;
        if (o->letter && o->argument)
            *p++ = ':';
    }
}

/* Returns whether `element`, which getopt_long took for the option at `index` of the table, is an
 * abbreviation of it: the meaning of abbreviations would change whenever an option is added. */
static bool parse_is_abbreviated(const struct getopt_table *table, int index, const char *element)
{
    return index >= 0 && strcspn(element + 2, "=") < strlen(table->longs[index].name);
}

static enum option_id parse_option_id(int value)
{
    unsigned id = 0;
    while (id < OPTION_COUNT && parse_option_value(id) != value)
        id++;
    return id;
}

static void parse_set_option(struct invocation *in, enum option_id id, const char *value)
{
    char *at = (char *)in + command_options[id].at;
    if (command_options[id].argument)
        *(const char **)at = value;
    else
        *(bool *)at = true;
}

static bool parse_refuse_abbreviation(const struct command *command, const char *element,
                                      const char *name, struct buf *problem)
{
    buf_addf(problem, "%s has no option %.*s; did you mean --%s?", command->name,
             (int)strcspn(element, "="), element, name);
    return false;
}

/* The problem that getopt_long has found: ':' a missing value, '?' anything else. */
static bool parse_refuse_option(const struct command *command, int found, char **argv,
                                struct buf *problem)
{
    enum option_id id = optopt ? parse_option_id(optopt) : OPTION_COUNT;
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

static bool parse_check_operands(const struct command *command, const struct invocation *in,
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
                   struct buf *problem)
{
    struct getopt_table table = {0};
    *in = (struct invocation){.command = command};
    parse_fill_table(command, &table);
    opterr = 0;
    /* glibc: start over. */
    optind = 0;
    int found, index = -1;
    while ((found = getopt_long(argc, argv, table.shorts, table.longs, &index)) != -1) {
        if (found == '?' || found == ':')
            return parse_refuse_option(command, found, argv, problem);
        /* A value that does not follow a '=' is an element of its own. */
        const char *element = argv[optind - 1];
        if (index >= 0 && optarg && optarg == element)
            element = argv[optind - 2];
        if (parse_is_abbreviated(&table, index, element))
            return parse_refuse_abbreviation(command, element, table.longs[index].name, problem);
        index = -1;
        parse_set_option(in, parse_option_id(found), optarg);
        if (in->help)
            return true;
    }
    in->operands = argv + optind;
    in->operand_count = (size_t)(argc - optind);
    return parse_check_operands(command, in, problem);
}
