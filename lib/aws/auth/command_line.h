/* Splits a line into arguments as a POSIX shell would, without a shell: for credential_process and
 * for headers in the AWS CLI's config file. */
#ifndef HGAUTOD_LIB_AWS_AUTH_COMMAND_LINE_H
#define HGAUTOD_LIB_AWS_AUTH_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define AWS_ARGUMENTS_MAX 128

struct aws_command_line {
    size_t count;
    /* The arguments, ended by NULL as execvp requires; they point into `store`. */
    char *argv[AWS_ARGUMENTS_MAX + 1];
    /* Owned. */
    char *store;
};

/* Splits a line. Returns false with *err for an unterminated quote, a trailing backslash, or more
 * than AWS_ARGUMENTS_MAX arguments (ERR_INVALID); *to needs no aws_command_line_free then. */
bool aws_command_line_split(const char *line, struct aws_command_line *to,
                            struct err *err) MUST_CHECK;
/* Wipes and frees: a command line may contain a secret. */
void aws_command_line_free(struct aws_command_line *line);

#endif
