/* The log: one line an event, in three forms. */
#include "lib/base/log.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "lib/base/buf.h"
#include "lib/base/clock.h"
#include "lib/base/log_writer.h"
#include "lib/base/printable.h"
#include "lib/json/jpath.h"

enum {
    VALUE_MAX = 8192, /* bytes of a value; what is longer is cut */
    LINE_MAX_BYTES = 1 << 20,
    QUEUE_MAX = 2 << 20, /* bytes of lines that wait for the writer's thread */
    LAST_FLUSH_MS = 1000
};

const char log_int_field[] = "";

struct log {
    int fd;
    enum log_level level;
    enum log_format format;
    struct log_writer *writer; /* NULL: whoever logs writes */
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
    struct log *log = malloc(sizeof *log);

    if (log)
        *log = (struct log){.fd = fd, .level = level, .format = format};
    return log;
}

void log_free(struct log *log)
{
    if (log && log_writer_free(log->writer, LAST_FLUSH_MS))
        free(log);
    /* Else the writer's thread goes on using it. */
}

bool log_would(const struct log *log, enum log_level level)
{
    return log && level <= log->level;
}

static void add_time(struct buf *line)
{
    int64_t now = system_clock.wall_ms(&system_clock);
    char text[21];

    clock_iso(now, text);
    buf_addf(line, "%.19s.%03dZ", text, (int)(now % 1000));
}

static bool is_plain(unsigned char c)
{
    return c > 0x20 && c < 0x7F && c != '"' && c != '=' && c != '\\';
}

/* Quoted and escaped; whatever is too long is cut, and says so. */
static void add_quoted(struct buf *line, const char *text)
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

static void add_text_value(struct buf *line, const char *text)
{
    size_t n = 0;

    while (n <= VALUE_MAX && is_plain((unsigned char)text[n]))
        n++;
    if (n > 0 && text[n] == '\0')
        buf_add(line, text, n);
    else
        add_quoted(line, text);
}

/* The sentence stands without quotes: it is ours, but may quote a stranger. */
static void add_sentence(struct buf *line, const char *sentence)
{
    struct buf plain = buf_make(VALUE_MAX);

    for (size_t i = 0; i < VALUE_MAX && sentence[i]; i++)
        buf_addc(&plain, (unsigned char)sentence[i] < 0x20 ? ' ' : sentence[i]);
    printable_add(line, buf_str(&plain), plain.size);
    buf_free(&plain);
}

static void add_key(const struct log *log, struct buf *line, const char *key)
{
    buf_addf(line, log->format == LOG_JSON ? ",\"%s\":" : " %s=", key);
}

static void add_fields(const struct log *log, struct buf *line, va_list fields)
{
    const char *key;

    while ((key = va_arg(fields, const char *))) {
        if (key == log_int_field) {
            add_key(log, line, va_arg(fields, const char *));
            buf_addf(line, "%" PRId64, va_arg(fields, int64_t));
            continue;
        }
        const char *value = va_arg(fields, const char *);
        if (!value)
            continue;
        add_key(log, line, key);
        if (log->format == LOG_JSON)
            add_quoted(line, value);
        else
            add_text_value(line, value);
    }
}

static void add_line(const struct log *log, enum log_level level, struct buf *line,
                     const char *sentence, va_list fields)
{
    if (log->format == LOG_JSON) {
        buf_adds(line, "{\"time\":\"");
        add_time(line);
        buf_addf(line, "\",\"level\":\"%s\",\"message\":", level_names[level].json);
        add_quoted(line, sentence);
    } else if (log->format == LOG_JOURNAL) {
        buf_adds(line, level_names[level].journal);
        add_sentence(line, sentence);
    } else {
        add_time(line);
        buf_addf(line, " %s ", level_names[level].text);
        add_sentence(line, sentence);
    }
    add_fields(log, line, fields);
    buf_adds(line, log->format == LOG_JSON ? "}\n" : "\n");
}

/* Hands a line to the writer, or writes it. */
static void put(const struct log *log, const char *bytes, size_t n)
{
    if (log->writer)
        log_writer_put(log->writer, bytes, n);
    else
        log_write_all(log->fd, bytes, n);
}

static void add_event(const struct log *log, struct buf *line, enum log_level level,
                      const char *sentence, ...) __attribute__((sentinel));

static void add_event(const struct log *log, struct buf *line, enum log_level level,
                      const char *sentence, ...)
{
    va_list fields;

    va_start(fields, sentence);
    add_line(log, level, line, sentence, fields);
    va_end(fields);
}

/* On the writer's thread. */
static void tell_dropped(void *ctx, uint64_t dropped, struct buf *to)
{
    add_event(ctx, to, LOG_WARN_LEVEL,
              "Lines of the log were dropped here: what reads standard error was too slow",
              LOG_INT("lines", dropped), (const char *)0);
}

bool log_start_writer(struct log *log)
{
    struct stat st;

    if (!log || log->writer || (fstat(log->fd, &st) == 0 && S_ISREG(st.st_mode)))
        return true;
    log->writer = log_writer_new(log->fd, QUEUE_MAX, tell_dropped, log);
    return log->writer != NULL;
}

void log_flush(struct log *log, int64_t wait_ms)
{
    if (log && log->writer)
        log_writer_flush(log->writer, wait_ms);
}

void log_event(struct log *log, enum log_level level, const char *sentence, ...)
{
    static const char lost[] = "hgautod: out of memory: a line of the log is lost\n";
    struct buf line = buf_make(LINE_MAX_BYTES);
    va_list fields;

    if (!log_would(log, level))
        return;
    va_start(fields, sentence);
    add_line(log, level, &line, sentence, fields);
    va_end(fields);
    if (buf_ok(&line))
        put(log, line.data, line.size);
    else
        put(log, lost, sizeof lost - 1);
    buf_free(&line);
}
