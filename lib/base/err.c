/* Sets errors and formats them for people. */
#include "lib/base/err.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const char *const err_kind_names[] = {
    [ERR_NONE] = "none",
    [ERR_INVALID] = "invalid",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_CONFLICT] = "conflict",
    [ERR_PRECONDITION] = "precondition",
    [ERR_DENIED] = "denied",
    [ERR_EXPIRED] = "expired",
    [ERR_CREDENTIALS] = "credentials",
    [ERR_UNAVAILABLE] = "unavailable",
    [ERR_THROTTLED] = "throttled",
    [ERR_TRANSIENT] = "transient",
    [ERR_BUSY] = "busy",
    [ERR_LIMIT] = "limit",
    [ERR_PROVIDER] = "provider",
    [ERR_INTERNAL] = "internal",
};

/* Removes the beginning of a UTF-8 sequence whose end has been cut off. */
static void err_trim_utf8(char *text)
{
    size_t n = strlen(text);
    size_t tail = 0;
    while (tail < 3 && tail < n && ((unsigned char)text[n - 1 - tail] & 0xC0) == 0x80)
        tail++;
    if (tail == n)
        return;
    unsigned char lead = (unsigned char)text[n - 1 - tail];
    size_t wants = lead >= 0xF0 ? 3 : lead >= 0xE0 ? 2 : lead >= 0xC0 ? 1 : 0;
    if (wants > tail)
        text[n - 1 - tail] = '\0';
}

static void err_replace_controls(char *text)
{
    for (; *text; text++)
        if ((unsigned char)*text < 0x20 || *text == 0x7F)
            *text = ' ';
}

bool err_set(struct err *err, enum err_kind kind, const char *code, const char *format, ...)
{
    /* Formatted separately: an argument may point into the error that is being set. */
    struct err made = ERR_INIT;
    va_list args;
    made.kind = kind;
    if (snprintf(made.code, sizeof made.code, "%s", code) >= (int)sizeof made.code)
        err_trim_utf8(made.code);
    va_start(args, format);
    int n = vsnprintf(made.message, sizeof made.message, format, args);
    va_end(args);
    if (n >= (int)sizeof made.message)
        err_trim_utf8(made.message);
    err_replace_controls(made.code);
    err_replace_controls(made.message);
    *err = made;
    return false;
}

char *err_text(const struct err *err, char *to, size_t size)
{
    if (size == 0)
        return to;
    bool operation = err->operation[0] != '\0';
    bool id = err->request_id[0] != '\0';
    int n = snprintf(to, size, "%s%s%s%s%s%s%s%s%s", err->code,
                     err->code[0] && err->message[0] ? ": " : "", err->message,
                     operation || id ? " (" : "", err->operation, operation && id ? ", " : "",
                     id ? "request id " : "", err->request_id, operation || id ? ")" : "");
    if (n >= 0 && (size_t)n >= size)
        err_trim_utf8(to);
    return to;
}

const char *err_kind_name(enum err_kind kind)
{
    size_t i = (size_t)kind;
    return i < sizeof err_kind_names / sizeof *err_kind_names ? err_kind_names[i] : "unknown";
}

bool err_is_retryable(const struct err *err)
{
    return err->kind == ERR_THROTTLED || err->kind == ERR_TRANSIENT || err->kind == ERR_BUSY ||
           err->kind == ERR_UNAVAILABLE;
}
