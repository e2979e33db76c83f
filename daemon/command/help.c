/* Writes the help of the commands, and their part of the manual. */
#include <stdio.h>
#include <string.h>

#include "daemon/command/command.h"
#include "lib/base/text.h"

#define HELP_COLUMN  22
#define USAGE_INDENT 9

/* "  left          text", the text in its own column. */
static void help_row(struct buf *to, const char *left, const char *text)
{
    char indent[HELP_COLUMN + 1];
    snprintf(indent, sizeof indent, "%*s", HELP_COLUMN, "");
    buf_addf(to, "  %-*s", HELP_COLUMN - 2, left);
    if (strlen(left) + 3 > HELP_COLUMN)
        buf_addf(to, "\n%s", indent);
    text_add_wrapped(to, text, HELP_COLUMN, indent);
}

/* Appends " word", on a new line if it would not fit. Returns the column after it. */
static size_t help_usage_word(struct buf *to, const char *word, size_t column)
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
static void help_usage(struct buf *to, const struct command *c, size_t column)
{
    char word[64];
    buf_addf(to, "hgautod %s", c->name);
    column += strlen("hgautod ") + strlen(c->name);
    if (*c->operands) {
        snprintf(word, sizeof word, c->operand_min ? "%s" : "[%s]", c->operands);
        column = help_usage_word(to, word, column);
    }
    for (unsigned id = 0; id < OPTION_HELP; id++) {
        const struct command_option *o = &command_options[id];
        char letter[] = {'-', o->letter, '\0'};
        if (!command_takes(c, id))
            continue;
        snprintf(word, sizeof word, "[%s%s%s%s]", o->letter ? letter : "--",
                 o->letter ? "" : o->name, o->argument ? " " : "", o->argument ? o->argument : "");
        column = help_usage_word(to, word, column);
    }
}

static void help_option(struct buf *to, const struct command_option *o)
{
    char left[64];
    snprintf(left, sizeof left, "%c%c%s--%s%s%s", o->letter ? '-' : ' ',
             o->letter ? o->letter : ' ', o->letter ? ", " : "  ", o->name, o->argument ? " " : "",
             o->argument ? o->argument : "");
    help_row(to, left, o->help);
}

static void help_all(struct buf *to)
{
    buf_adds(to, "hgautod carries out Hyperglance automations in AWS and Azure.\n\nUsage:\n");
    for (const struct command *c = command_table; c->name; c++) {
        buf_adds(to, "  ");
        help_usage(to, c, 2);
        buf_addc(to, '\n');
    }
    buf_adds(to, "  hgautod --version | --help\n\nCommands:\n");
    for (const struct command *c = command_table; c->name; c++)
        help_row(to, c->name, c->summary);
    buf_adds(to, "\nRun `hgautod COMMAND --help` for help on a command.\nExit status: 0 success; "
                 "1 the work failed; 2 usage or configuration error.\n");
}

void command_help(const struct command *command, struct buf *to)
{
    if (!command) {
        help_all(to);
        return;
    }
    buf_adds(to, "Usage: ");
    help_usage(to, command, strlen("Usage: "));
    buf_adds(to, "\n\n");
    text_add_wrapped(to, command->help, 0, "");
    buf_adds(to, "\nOptions:\n");
    for (unsigned id = 0; id < OPTION_COUNT; id++)
        if (command_takes(command, id))
            help_option(to, &command_options[id]);
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
        if (command_takes(c, id))
            mdoc_option(to, &command_options[id], true);
    buf_adds(to, ".Xc\n");
    text_add_mdoc(to, c->help);
    buf_adds(to, ".Bl -tag -width Ds\n");
    for (unsigned id = 0; id < OPTION_HELP; id++) {
        if (!command_takes(c, id))
            continue;
        mdoc_option(to, &command_options[id], false);
        text_add_mdoc(to, command_options[id].help);
    }
    buf_adds(to, ".El\n");
}

void command_mdoc(struct buf *to)
{
    buf_adds(to, ".Bl -tag -width Ds\n");
    for (const struct command *c = command_table; c->name; c++)
        mdoc_command(to, c);
    buf_adds(to, ".El\n");
}
