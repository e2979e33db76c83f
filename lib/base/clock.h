/* Time and randomness, entering by a pointer so that tests of expiry and backoff never sleep. */
#ifndef HGAUTOD_LIB_BASE_CLOCK_H
#define HGAUTOD_LIB_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    /* Milliseconds since the epoch (UTC), for signatures, expiry of claims and credentials. */
    int64_t (*wall_ms)(const struct clock *);
    /* Milliseconds of a clock that never goes back and goes on while the host is suspended, for
     * deadlines, wake-ups, and how long a claim is still ours. */
    int64_t (*mono_ms)(const struct clock *);
    /* Fills n bytes with unpredictable ones (tests: predictable). Never fails: aborts when the
     * system cannot. */
    void (*random)(const struct clock *, void *to, size_t n);
};

/* The system's clocks and getrandom(2). Constant; may be used by all threads. */
extern const struct clock system_clock;

/* A number in [0, below), below > 0, evenly spread. */
uint64_t clock_random_below(const struct clock *c, uint64_t below);
/* Writes a random version 4 UUID (RFC 9562), 36 characters and a NUL. */
void clock_uuid(const struct clock *c, char to[37]);

/* "20150830T123600Z" (ISO 8601 basic, as SigV4 wants it); 16 characters and a NUL. */
void clock_iso_basic(int64_t wall_ms, char to[17]);
/* "2015-08-30T12:36:00Z"; 20 characters and a NUL. */
void clock_iso(int64_t wall_ms, char to[21]);
/* "Sun, 30 Aug 2015 12:36:00 GMT" (RFC 9110 IMF-fixdate); 29 characters and a NUL. */
void clock_http_date(int64_t wall_ms, char to[30]);
/* Parse ISO 8601 with optional fraction and "Z" or offset / an IMF-fixdate / seconds since the
 * epoch (with optional fraction), whichever it is. Returns false when it is none of them. */
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
