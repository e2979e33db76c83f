/* The log: one line an event, in three forms. */
#include "lib/log.h"

#include <errno.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "lib/buf.h"
#include "lib/clock.h"
#include "lib/jpath.h"

enum {
    VALUE_MAX = 8192, /* bytes of a value; what is longer is cut */
    LINE_MAX_BYTES = 1 << 20
};

struct log {
    int fd;
    enum log_level level;
    enum log_format format;
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
    free(log);
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

/* A terminal acts on DEL and the C1 controls (U+0080 to U+009F), which JSON text may hold
 * unescaped. */
static void silence_terminal(struct buf *line, size_t from)
{
    for (size_t i = from; i < line->size; i++) {
        unsigned char next = (unsigned char)line->data[i + 1];
        if ((unsigned char)line->data[i] == 0xC2 && next >= 0x80 && next <= 0x9F) {
            line->data[i] = '?';
            line->data[i + 1] = '?';
        } else if (line->data[i] == 0x7F) {
            line->data[i] = '?';
        }
    }
}

/* Quoted and escaped; whatever is too long is cut, and says so. */
static void add_quoted(struct buf *line, const char *text)
{
    size_t n = strlen(text);
    size_t from = line->size;

    jquote(line, text, n > VALUE_MAX ? VALUE_MAX : n);
    if (n > VALUE_MAX && buf_ok(line)) {
        line->size--;
        buf_adds(line, "...\"");
    }
    silence_terminal(line, from);
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
    size_t from = line->size;

    for (size_t i = 0; i < VALUE_MAX && sentence[i]; i++)
        buf_addc(line, (unsigned char)sentence[i] < 0x20 ? ' ' : sentence[i]);
    silence_terminal(line, from);
}

static void add_fields(struct log *log, struct buf *line, va_list fields)
{
    const char *key;

    while ((key = va_arg(fields, const char *))) {
        const char *value = va_arg(fields, const char *);
        if (!value)
            continue;
        if (log->format == LOG_JSON) {
            buf_addf(line, ",\"%s\":", key);
            add_quoted(line, value);
        } else {
            buf_addf(line, " %s=", key);
            add_text_value(line, value);
        }
    }
}

static void add_line(struct log *log, enum log_level level, struct buf *line, const char *sentence,
                     va_list fields)
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

/* There is nobody to tell when the log cannot be written. */
static void write_all(int fd, const char *bytes, size_t n)
{
    while (n > 0) {
        ssize_t done = write(fd, bytes, n);
        if (done < 0 && errno == EINTR)
            continue;
        if (done <= 0)
            return;
        bytes += done;
        n -= (size_t)done;
    }
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
        write_all(log->fd, line.data, line.size);
    else
        write_all(log->fd, lost, sizeof lost - 1);
    buf_free(&line);
}
