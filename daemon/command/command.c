/* The entry of the program: finds the command, parses its options, runs it. */
#include "daemon/command/command.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/version.h"
#include "lib/base/printable.h"
#include "lib/base/text.h"

#define HELP_MAX (64u << 10)

static int command_print_help(const struct command *command)
{
    struct buf text = buf_make(HELP_MAX);
    command_help(command, &text);
    bool ok = buf_ok(&text) && printable_print(stdout, "%s", buf_str(&text));
    buf_free(&text);
    return ok ? EXIT_DONE : EXIT_WORK_FAILED;
}

/* Reports if standard output could not be written. Returns the exit status, given what it would be
 * otherwise. */
static int command_finish_output(int status)
{
    errno = 0;
    if (fflush(stdout) == 0 && !ferror(stdout))
        return status;
    printable_print(stderr, "hgautod: cannot write to standard output%s%s\n", errno ? ": " : "",
                    errno ? strerror(errno) : "");
    return status == EXIT_DONE ? EXIT_WORK_FAILED : status;
}

static int command_usage_error(const char *sentence)
{
    printable_print(stderr, "hgautod: %s; try hgautod --help\n", sentence);
    return EXIT_USAGE;
}

static int command_report_unknown(const char *name)
{
    struct text_match match = {.written = name};
    for (const struct command *c = command_table; c->name && *name != '-'; c++)
        text_match_offer(&match, c->name);
    struct buf text = buf_make(HELP_MAX);
    buf_addf(&text, "unknown %s '%s'", *name == '-' ? "option" : "command", name);
    if (match.name)
        buf_addf(&text, ", did you mean '%s'?", match.name);
    int status = command_usage_error(buf_str(&text));
    buf_free(&text);
    return status;
}

static int command_run(const struct command *command, int argc, char **argv)
{
    struct buf problem = buf_make(HELP_MAX);
    struct invocation in;
    int status;
    if (!command_parse(command, argc, argv, &in, &problem))
        status = command_usage_error(buf_str(&problem));
    else
        status = in.help ? command_print_help(command) : command->run(&in);
    buf_free(&problem);
    return status;
}

static int command_run_line(int argc, char **argv)
{
    if (argc < 2)
        return command_usage_error("no command given");
    if (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)
        return command_print_help(NULL);
    if (strcmp(argv[1], "--version") == 0)
        return puts("hgautod " HGAUTOD_VERSION) >= 0 ? EXIT_DONE : EXIT_WORK_FAILED;
    const struct command *command = command_find(argv[1]);
    return command ? command_run(command, argc - 1, argv + 1) : command_report_unknown(argv[1]);
}

int command_main(int argc, char **argv)
{
    return command_finish_output(command_run_line(argc, argv));
}
