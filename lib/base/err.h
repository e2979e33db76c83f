/* One error type for everything that can fail: what kind it is (which decides whether it is
 * retried), what the provider called it, and what a person should read.
 *
 * An error owns no memory: it is a plain value that may be copied and dropped. A function that can
 * fail takes a `struct err *` (never NULL), returns false (or NULL) and fills it in; on success it
 * leaves it alone. The text is written once, where most is known, and is not rewrapped on the way
 * up. No error text ever holds a secret. */
#ifndef HGAUTOD_LIB_BASE_ERR_H
#define HGAUTOD_LIB_BASE_ERR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"

enum err_kind {
    ERR_NONE = 0,
    ERR_INVALID,      /* the input or request is wrong; the same again fails again */
    ERR_NOT_FOUND,    /* the thing is not there (any more) */
    ERR_CONFLICT,     /* it exists already, or is in a state that forbids the operation */
    ERR_PRECONDITION, /* a conditional write lost: If-Match or If-None-Match did not hold */
    ERR_DENIED,       /* the identity may not do this */
    ERR_EXPIRED,      /* the credentials sent have expired: refresh, then once more */
    ERR_CREDENTIALS,  /* no credentials can be obtained: there is no such identity, or it is
                         forbidden; the same again fails again */
    ERR_UNAVAILABLE,  /* not tried: a credential or token that the call needs cannot be had now (an
                         outage of the service that gives it, or the memory of one); try again in
                         retry_after_ms; never counts as an attempt, and is no resource's fault */
    ERR_THROTTLED,    /* too many requests: back off */
    ERR_TRANSIENT,    /* a network fault, a timeout or a 5xx: worth another try */
    ERR_BUSY,         /* not tried: somebody else is fetching what is needed, or our own rate limit
                         says wait; try again in retry_after_ms; never counts as an attempt */
    ERR_LIMIT,        /* an answer or input is larger or deeper than we accept */
    ERR_PROVIDER,     /* refused by the provider for another reason */
    ERR_INTERNAL,     /* out of memory, or the operating system refused */
};

struct err {
    enum err_kind kind;
    int http_status;        /* 0 when there was no HTTP answer */
    int os_error;           /* the errno for which there is no connection; 0: none is known */
    int64_t retry_after_ms; /* what the server (or ERR_BUSY) asked for; -1 when nothing was said */
    char code[96];          /* the provider's code, "IncorrectInstanceState"; may be empty */
    char message[1024];     /* one sentence for a person, without the code */
    char operation[64];     /* "StopInstances"; may be empty */
    char request_id[128];   /* the provider's request id; may be empty */
};

/* An error that says nothing has gone wrong; retry_after_ms is -1. */
#define ERR_INIT ((struct err){.kind = ERR_NONE, .retry_after_ms = -1})

/* Sets all of *err: kind, code ("" for none) and the formatted message. Control characters become
 * spaces. Returns false, so that a function may `return err_set(...)`. */
bool err_set(struct err *err, enum err_kind kind, const char *code, const char *format, ...)
    PRINTF_LIKE(4, 5);

/* Room for the longest text of err_text. */
#define ERR_TEXT_MAX (sizeof(struct err) + 64)

/* Writes "Code: message (Operation, request id X)" into `to`, leaving out what is empty; always
 * terminates it. This is the text of a resource's `error` in a report. Returns to. */
char *err_text(const struct err *err, char *to, size_t size);

/* A kind's name for logs: "throttled". */
const char *err_kind_name(enum err_kind kind);

/* Whether another try of the same may succeed: throttled, transient,
 * busy, unavailable. */
bool err_is_retryable(const struct err *err);

#endif
