/* The log: one line per event, on standard error, as text for people, JSON for machines, or for the
 * journal (text with the <N> priority prefixes of sd-daemon(3)).
 *
 * A line consists of a message and typed fields. The log does not mask secrets: callers must not
 * pass any. Any thread may log; lines are written as a whole. */
#ifndef HGAUTOD_LIB_BASE_LOG_H
#define HGAUTOD_LIB_BASE_LOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/err.h"

enum log_level { LOG_ERROR_LEVEL, LOG_WARN_LEVEL, LOG_INFO_LEVEL, LOG_DEBUG_LEVEL };
enum log_format { LOG_TEXT, LOG_JSON, LOG_JOURNAL };

struct log;

/* Creates a log that writes to file descriptor fd, which is borrowed. Never returns NULL. */
struct log *log_new(int fd, enum log_level level, enum log_format format) MUST_CHECK;
/* Writes what is queued, for a second at most. NULL is allowed. */
void log_free(struct log *log);

/* For a daemon, before it has threads: from now on lines are queued and written by a thread of the
 * log, so that logging never waits for the reader of a pipe or terminal. While the queue is full,
 * lines are dropped, and a line reports how many. Regular files are still written directly. Returns
 * false if there is no thread: lines are then written as before. NULL is allowed. */
bool log_start_writer(struct log *log) MUST_CHECK;
/* Waits until the queue has been written, at most wait_ms. NULL is allowed. */
void log_flush(struct log *log, int64_t wait_ms);
/* Returns whether events of this level are logged: for fields that are costly to compute. NULL is
 * allowed. */
bool log_would(const struct log *log, enum log_level level);

enum log_type {
    LOG_TYPE_END,
    LOG_TYPE_STRING,
    LOG_TYPE_ERR,
    LOG_TYPE_INT,
    LOG_TYPE_UINT,
    LOG_TYPE_MS,
    LOG_TYPE_BOOL
};

/* A field of a line. Keys match [a-z_]+ and are constants of the program; no line has a key twice,
 * or one of "time", "level" and "message", which every line has. */
struct log_field {
    /* NULL ends an array of fields. */
    const char *key;
    enum log_type type;
    union {
        const char *string;
        const struct err *err;
        int64_t integer;
        uint64_t natural;
        bool boolean;
    } value;
};

/* A string, or nothing if it is NULL: the field is then left out. Borrowed for the call. */
#define LOG_STR(k, s) ((struct log_field){.key = (k), .type = LOG_TYPE_STRING, .value.string = (s)})
/* The text of an error, as err_text writes it. */
#define LOG_ERR(k, e) ((struct log_field){.key = (k), .type = LOG_TYPE_ERR, .value.err = (e)})
/* Numbers, without quotes in JSON. */
#define LOG_INT(k, n)  ((struct log_field){.key = (k), .type = LOG_TYPE_INT, .value.integer = (n)})
#define LOG_UINT(k, n) ((struct log_field){.key = (k), .type = LOG_TYPE_UINT, .value.natural = (n)})
/* A duration in milliseconds. Its key is written with _ms after it. */
#define LOG_MS(k, ms) ((struct log_field){.key = (k), .type = LOG_TYPE_MS, .value.integer = (ms)})
/* true or false, without quotes in JSON. */
#define LOG_BOOL(k, b) ((struct log_field){.key = (k), .type = LOG_TYPE_BOOL, .value.boolean = (b)})
#define LOG_END        ((struct log_field){.key = NULL})

/* What one line consists of, in whatever format it is written. */
struct log_record {
    /* Wall clock, since 1970. */
    int64_t time_ms;
    enum log_level level;
    const char *message;
    /* Ended by LOG_END. */
    const struct log_field *fields;
};

/* Logs `message` with the given fields, ended by LOG_END, as one line. Values are escaped, and cut
 * if longer than 8 KiB. Does nothing if the log is NULL or `level` is not logged. Any thread. */
void log_event(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields);

/* log_info(log, "Run finished", LOG_STR("event", key), LOG_UINT("processed", n)); fields are
 * optional. */
#define log_error(log, ...) LOG_WITH(log, LOG_ERROR_LEVEL, __VA_ARGS__, LOG_END)
#define log_warn(log, ...)  LOG_WITH(log, LOG_WARN_LEVEL, __VA_ARGS__, LOG_END)
#define log_info(log, ...)  LOG_WITH(log, LOG_INFO_LEVEL, __VA_ARGS__, LOG_END)
#define log_debug(log, ...) LOG_WITH(log, LOG_DEBUG_LEVEL, __VA_ARGS__, LOG_END)
#define LOG_WITH(log, level, message, ...)                                                         \
    log_event((log), (level), (message), (const struct log_field[]){__VA_ARGS__})

#endif
