/* Time and randomness, passed by pointer so that tests of expiry and backoff never sleep, and the
 * forms in which times are written. Any thread. */
#ifndef HGAUTOD_LIB_BASE_CLOCK_H
#define HGAUTOD_LIB_BASE_CLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct clock {
    /* Milliseconds since 1970 (UTC), for signatures and the expiry of claims and credentials. */
    int64_t (*wall_ms)(const struct clock *);
    /* Milliseconds of a clock that never goes back and continues while the host is suspended, for
     * deadlines, wake-ups, and how long a claim is still ours. */
    int64_t (*mono_ms)(const struct clock *);
    /* Fills n bytes with unpredictable ones (tests: predictable). Never fails: ends the process if
     * the system cannot provide them. */
    void (*random)(const struct clock *, void *to, size_t n);
};

/* The clocks of the system, and getrandom(2). Constant. */
extern const struct clock system_clock;

/* Returns a number in [0, below), evenly distributed; below > 0. */
uint64_t clock_random_below(const struct clock *c, uint64_t below);
/* Writes a random UUID of version 4 (RFC 9562): 36 characters and a NUL. */
void clock_uuid(const struct clock *c, char to[37]);

/* Each writes a time with its NUL; one outside of the years 0000 to 9999 is moved to the nearest.
 */

/* "20150830T123600Z" (ISO 8601 basic, for SigV4). */
void clock_iso_basic(int64_t wall_ms, char to[17]);
/* "2015-08-30T12:36:00Z". */
void clock_iso(int64_t wall_ms, char to[21]);
/* "Sun, 30 Aug 2015 12:36:00 GMT" (RFC 9110, IMF-fixdate). */
void clock_http_date(int64_t wall_ms, char to[30]);

/* Parses ISO 8601 with an optional fraction and "Z" or an offset, an IMF-fixdate of the years from
 * 1583, or seconds since 1970 with an optional fraction. Returns false, with *wall_ms unchanged, if
 * the text has none of these forms. */
bool clock_parse(const char *text, int64_t *wall_ms);

#endif
