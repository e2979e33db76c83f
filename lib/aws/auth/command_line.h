/* Splitting a line into words as a POSIX shell would, without a shell: for credential_process and
 * for section names of the shared files. Quotes and backslashes mean what they mean to Python's
 * shlex.split, which the AWS CLI uses; nothing is expanded. Pure; thread-safe. */
#ifndef HGAUTOD_LIB_AWS_AUTH_COMMAND_LINE_H
#define HGAUTOD_LIB_AWS_AUTH_COMMAND_LINE_H

#include <stdbool.h>
#include <stddef.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

#define AWS_ARGUMENTS_MAX 128

struct aws_command_line {
    size_t count;
    /* Ended by NULL, as execvp wants it; they point into `store`. */
    char *at[AWS_ARGUMENTS_MAX + 1];
    /* Owned. */
    char *store;
};

/* False with ERR_INVALID for a quote without its partner, a backslash at the end, or more than
 * AWS_ARGUMENTS_MAX words; ERR_INTERNAL when out of memory. *to needs aws_command_line_free only after
 * success. */
bool aws_command_line_split(const char *line, struct aws_command_line *to,
                            struct err *err) MUST_CHECK;
void aws_command_line_free(
    struct aws_command_line *w); /* wipes: a command line may hold a secret */

#endif
