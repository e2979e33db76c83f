/* One error type for everything that can fail: its kind (which decides whether the operation is
 * retried), the provider's code, and a message for people.
 *
 * An error owns no memory: it is a plain value that can be copied and dropped. A function that can
 * fail takes a `struct err *` (never NULL), returns false (or NULL) and sets it; on success it
 * leaves it alone. The message is written once, where most is known, and is not wrapped again on
 * the way up. No message ever contains a secret. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_ERR_H
#define HGAUTOD_LIB_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

/* Bytes of a message, with the NUL. */
#define ERR_MESSAGE_MAX 1024

enum err_kind {
    ERR_NONE = 0,
    /* The input or request is wrong; the same again fails again. */
    ERR_INVALID,
    /* The object does not exist (any more). */
    ERR_NOT_FOUND,
    /* It exists already, or is in a state that forbids the operation. */
    ERR_CONFLICT,
    /* A conditional write lost: If-Match or If-None-Match did not hold. */
    ERR_PRECONDITION,
    /* The identity is not allowed to do this. */
    ERR_DENIED,
    /* The credentials sent have expired: refresh them and retry once. */
    ERR_EXPIRED,
    /* No credentials can be obtained: the identity does not exist or is forbidden; the same again
     * fails again. */
    ERR_CREDENTIALS,
    /* Not tried: a credential or token that the call needs cannot be obtained now (an outage of the
     * service that issues it); retry in retry_after_ms. Never counts as an attempt, and is not the
     * fault of a resource. */
    ERR_UNAVAILABLE,
    /* Too many requests: back off. */
    ERR_THROTTLED,
    /* A network fault, a timeout or a 5xx: worth a retry. */
    ERR_TRANSIENT,
    /* Not tried: another thread is fetching what is needed, or our own rate limit requires a pause;
     * retry in retry_after_ms. Never counts as an attempt. */
    ERR_BUSY,
    /* A response or input is larger or deeper than accepted. */
    ERR_LIMIT,
    /* Rejected by the provider for another reason. */
    ERR_PROVIDER,
    /* The operating system refused, or something unexpected happened. */
    ERR_INTERNAL,
};

struct err {
    enum err_kind kind;
    /* 0 if there was no HTTP response. */
    int http_status;
    /* The errno because of which there is no connection; 0 if unknown. */
    int os_error;
    /* The wait that the server (or ERR_BUSY) asked for; -1 if none. */
    int64_t retry_after_ms;
    /* The provider's code, such as "IncorrectInstanceState"; may be empty. */
    char code[96];
    /* One sentence for people, without the code. */
    char message[ERR_MESSAGE_MAX];
    /* "StopInstances"; may be empty. */
    char operation[64];
    /* The provider's request ID; may be empty. */
    char request_id[128];
};

/* No error; retry_after_ms is -1. */
#define ERR_INIT ((struct err){.kind = ERR_NONE, .retry_after_ms = -1})

/* Sets all of *err: kind, code ("" for none) and the formatted message. Control characters become
 * spaces. Returns false, so that a function can `return err_set(...)`. */
bool err_set(struct err *err, enum err_kind kind, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* The size of the longest text of err_text. */
#define ERR_TEXT_MAX (sizeof(struct err) + 64)

/* Writes "Code: message (Operation, request id X)" to `to`, without what is empty; always
 * terminates it. This is the text of a resource's `error` in a report. Returns to. */
char *err_text(const struct err *err, char *to, size_t size);

/* Returns a kind's name for logs, such as "throttled". */
const char *err_kind_name(enum err_kind kind);

/* Returns true if a retry of the same may succeed: throttled, transient, busy, unavailable. */
bool err_is_retryable(const struct err *err);

#endif
