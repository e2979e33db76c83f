/* Formats log lines as text, JSON or for the journal, and writes them or queues them to be written.
 */
#include "lib/base/log.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log_writer.h"
#include "lib/base/memory.h"
#include "lib/base/printable.h"
#include "lib/json/jpath.h"

/* Bytes of a value; longer ones are cut. */
#define VALUE_MAX      8192
#define LINE_MAX_BYTES (1 << 20)
/* Bytes of the lines that wait for the writer's thread. */
#define QUEUE_MAX     (2 << 20)
#define LAST_FLUSH_MS 1000

struct log {
    int fd;
    enum log_level level;
    enum log_format format;
    /* NULL: lines are written by the caller. */
    struct log_writer *writer;
};

static const struct {
    const char *text, *json, *journal;
} level_names[] = {
    [LOG_ERROR_LEVEL] = {"ERROR", "error", "<3>"},
    [LOG_WARN_LEVEL] = {"WARN ", "warn", "<4>"},
    [LOG_INFO_LEVEL] = {"INFO ", "info", "<6>"},
    [LOG_DEBUG_LEVEL] = {"DEBUG", "debug", "<7>"},
};

struct log *log_new(int fd, enum log_level level, enum log_format format)
{
    struct log *log = xmalloc(sizeof *log);
    *log = (struct log){.fd = fd, .level = level, .format = format};
    return log;
}

void log_free(struct log *log)
{
    if (log && log_writer_free(log->writer, LAST_FLUSH_MS))
        free(log);
    /* Otherwise the writer's thread still uses it. */
}

bool log_would(const struct log *log, enum log_level level)
{
    return log && level <= log->level;
}

static void log_add_time(struct buf *line, int64_t time_ms)
{
    char text[21];
    clock_iso(time_ms, text);
    buf_addf(line, "%.19s.%03dZ", text, (int)(time_ms % 1000));
}

static bool is_plain(unsigned char c)
{
    return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
}

/* Quoted and escaped. A value that is too long is cut and ends in "...". */
static void log_add_quoted(struct buf *line, const char *text)
{
    size_t n = strlen(text);
    struct buf quoted = buf_make(LINE_MAX_BYTES);
    jquote(&quoted, text, n > VALUE_MAX ? VALUE_MAX : n);
    if (n > VALUE_MAX && buf_ok(&quoted)) {
        quoted.size--;
        buf_adds(&quoted, "...\"");
    }
    if (!buf_ok(&quoted) || !printable_add(line, buf_str(&quoted), quoted.size))
        line->failed = true;
    buf_free(&quoted);
}

static void log_add_text_value(struct buf *line, const char *text)
{
    size_t n = 0;
    while (n <= VALUE_MAX && is_plain((unsigned char)text[n]))
        n++;
    if (n > 0 && text[n] == '\0')
        buf_add(line, text, n);
    else
        log_add_quoted(line, text);
}

/* The message is a constant of the program and needs no quotes, but may include foreign text. */
static void log_add_message(struct buf *line, const char *message)
{
    struct buf plain = buf_make(VALUE_MAX);
    for (size_t i = 0; i < VALUE_MAX && message[i]; i++)
        buf_addc(&plain, (unsigned char)message[i] < 0x20 ? ' ' : message[i]);
    printable_add(line, buf_str(&plain), plain.size);
    buf_free(&plain);
}

/* The value of a string or error as text, NULL if there is none. `room` has ERR_TEXT_MAX bytes. */
static const char *log_field_text(const struct log_field *field, char *room)
{
    if (field->type == LOG_TYPE_STRING)
        return field->value.string;
    return field->value.err ? err_text(field->value.err, room, ERR_TEXT_MAX) : NULL;
}

static void log_add_field(const struct log *log, struct buf *line, const struct log_field *field)
{
    bool is_text = field->type == LOG_TYPE_STRING || field->type == LOG_TYPE_ERR;
    char room[ERR_TEXT_MAX];
    const char *text = is_text ? log_field_text(field, room) : NULL;
    if (is_text && !text)
        return;
    const char *unit = field->type == LOG_TYPE_MS ? "_ms" : "";
    buf_addf(line, log->format == LOG_JSON ? ",\"%s%s\":" : " %s%s=", field->key, unit);
    if (field->type == LOG_TYPE_BOOL)
        buf_adds(line, field->value.boolean ? "true" : "false");
    else if (field->type == LOG_TYPE_UINT)
        buf_addf(line, "%" PRIu64, field->value.natural);
    else if (!is_text)
        buf_addf(line, "%" PRId64, field->value.integer);
    else if (log->format == LOG_JSON)
        log_add_quoted(line, text);
    else
        log_add_text_value(line, text);
}

static void log_add_record(const struct log *log, struct buf *line, const struct log_record *record)
{
    if (log->format == LOG_JSON) {
        buf_adds(line, "{\"time\":\"");
        log_add_time(line, record->time_ms);
        buf_addf(line, "\",\"level\":\"%s\",\"message\":", level_names[record->level].json);
        log_add_quoted(line, record->message);
    } else if (log->format == LOG_JOURNAL) {
        buf_adds(line, level_names[record->level].journal);
        log_add_message(line, record->message);
    } else {
        log_add_time(line, record->time_ms);
        buf_addf(line, " %s ", level_names[record->level].text);
        log_add_message(line, record->message);
    }
    for (const struct log_field *field = record->fields; field->key; field++)
        log_add_field(log, line, field);
    buf_adds(line, log->format == LOG_JSON ? "}\n" : "\n");
}

/* Hands a line to the writer, or writes it. */
static void log_put(const struct log *log, const char *bytes, size_t n)
{
    if (log->writer)
        log_writer_put(log->writer, bytes, n);
    else
        log_write_all(log->fd, bytes, n);
}

/* On the writer's thread. */
static void log_add_dropped_notice(void *ctx, uint64_t dropped, struct buf *to)
{
    const struct log_field fields[] = {LOG_UINT("lines", dropped), LOG_END};
    const struct log_record record = {
        .time_ms = system_clock.wall_ms(&system_clock),
        .level = LOG_WARN_LEVEL,
        .message = "Log lines dropped: the reader of standard error was too slow",
        .fields = fields,
    };
    log_add_record(ctx, to, &record);
}

bool log_start_writer(struct log *log)
{
    struct stat st;
    if (!log || log->writer || (fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode)))
        return true;
    log->writer = log_writer_new(log->fd, QUEUE_MAX, log_add_dropped_notice, log);
    return log->writer != NULL;
}

void log_flush(struct log *log, int64_t wait_ms)
{
    if (log && log->writer)
        log_writer_flush(log->writer, wait_ms);
}

void log_event(struct log *log, enum log_level level, const char *message,
               const struct log_field *fields)
{
    static const char lost[] = "hgautod: a log line was too long and is lost\n";
    if (!log_would(log, level))
        return;
    const struct log_record record = {.time_ms = system_clock.wall_ms(&system_clock),
                                      .level = level,
                                      .message = message,
                                      .fields = fields};
    struct buf line = buf_make(LINE_MAX_BYTES);
    log_add_record(log, &line, &record);
    if (buf_ok(&line))
        log_put(log, line.data, line.size);
    else
        log_put(log, lost, sizeof lost - 1);
    buf_free(&line);
}
