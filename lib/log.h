/* The log: one line an event, on standard error, as text for people, JSON for machines, or for the
 * journal (text with the <N> priority prefixes of sd-daemon(3)).
 *
 * A log line is a sentence and fields. Fields are key/value pairs ended by NULL; values are
 * escaped. Nobody puts secrets in: the callers see to it by never holding them in loggable structs.
 * Thread-safe: a line is one write(2). */
#ifndef HGAUTOD_LIB_LOG_H
#define HGAUTOD_LIB_LOG_H

#include <stdbool.h>

#include "lib/attr.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };
enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL };

struct log; /* opaque */

/* A log that writes to file descriptor fd (not owned). NULL when there is no memory. With colour
 * off, text is plain. */
struct log *log_new(int fd, enum log_level level, enum log_format format) MUST_CHECK;
void log_free(struct log *log);
bool log_would(const struct log *log, enum log_level level);

/* Writes one line. The variable arguments are (const char *key, const char *value) pairs ended by a
 * NULL key; a NULL value leaves the field out. Keys are [a-z_]+ and of our own making. A NULL log
 * is silent. */
void log_event(struct log *log, enum log_level level, const char *sentence, ...)
    __attribute__((sentinel));

#define log_error(log, ...) log_event((log), LOG_ERROR_LEVEL, __VA_ARGS__, (const char *)0)
#define log_warn(log, ...)  log_event((log), LOG_WARN_LEVEL, __VA_ARGS__, (const char *)0)
#define log_info(log, ...)  log_event((log), LOG_INFO_LEVEL, __VA_ARGS__, (const char *)0)
#define log_debug(log, ...) log_event((log), LOG_DEBUG_LEVEL, __VA_ARGS__, (const char *)0)

#endif
