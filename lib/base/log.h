/* The log: one line an event, on standard error, as text for people, JSON for machines, or for the
 * journal (text with the <N> priority prefixes of sd-daemon(3)).
 *
 * A log line is a sentence and fields. Fields are key/value pairs ended by NULL; values are
 * escaped. Nobody puts secrets in: the callers see to it by never holding them in loggable structs.
 * Thread-safe: a line is written as a whole. */
#ifndef HGAUTOD_LIB_BASE_LOG_H
#define HGAUTOD_LIB_BASE_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };
enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL };

struct log; /* opaque */

/* A log that writes to file descriptor fd (not owned). NULL when there is no memory. With colour
 * off, text is plain. */
struct log *log_new(int fd, enum log_level level, enum log_format format) MUST_CHECK;
void log_free(struct log *log);

/* For a daemon, before it has threads: lines go through a queue from now on, and a thread of the
 * log writes them, so that nobody who logs waits for the reader of a pipe or terminal. When the
 * queue is full lines are dropped, and a line tells how many once there is room. A regular file is
 * written as before. False when there is no memory or no thread: lines are written as before.
 * log_free waits up to a second for what is queued. A NULL log is allowed. */
bool log_start_writer(struct log *log) MUST_CHECK;
/* Waits until what was logged has been written, at most wait_ms. */
void log_flush(struct log *log, int64_t wait_ms);
bool log_would(const struct log *log, enum log_level level);

/* Writes one line. The variable arguments are fields: pairs (const char *key, const char *value),
 * or LOG_INT(key, number), ended by a NULL key. A NULL value leaves the field out. Keys are [a-z_]+
 * and of our own making, none of them twice and none of "time", "level" and "message", which each
 * line has. A NULL log is silent. */
void log_event(struct log *log, enum log_level level, const char *sentence, ...)
    __attribute__((sentinel));

/* A field whose value is an integer, which it is in JSON too. */
#define LOG_INT(key, number) log_int_field, (const char *)(key), (int64_t)(number)
extern const char log_int_field[]; /* only its address counts */

#define log_error(log, ...) log_event((log), LOG_ERROR_LEVEL, __VA_ARGS__, (const char *)0)
#define log_warn(log, ...)  log_event((log), LOG_WARN_LEVEL, __VA_ARGS__, (const char *)0)
#define log_info(log, ...)  log_event((log), LOG_INFO_LEVEL, __VA_ARGS__, (const char *)0)
#define log_debug(log, ...) log_event((log), LOG_DEBUG_LEVEL, __VA_ARGS__, (const char *)0)

#endif
