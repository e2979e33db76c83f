/* Something that one caller at a time may fetch, such as credentials: whether somebody is at it,
 * and after a failure until when nobody tries again and what they are told instead.
 *
 * A flight is memory only. Its owner guards it by a mutex of his own, which every function here
 * wants held, and fetches without it: flight_take, unlock, fetch, lock, flight_landed or
 * flight_failed. */
#ifndef HGAUTOD_LIB_NET_FLIGHT_H
#define HGAUTOD_LIB_NET_FLIGHT_H

#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"

/* {0} is a flight that nobody has taken yet. */
struct flight {
    bool busy;             /* somebody fetches */
    int64_t retry_at_ms;   /* monotonic: no try before; 0 after a success */
    int64_t pause_ms;      /* the last one; each is twice the one before, within bounds */
    int64_t refused_at_ms; /* monotonic: when a service last refused what had landed, and it was to
                              be fetched anew for that; 0: never */
    bool wanted;           /* since then nothing has landed */
    struct err *failure;   /* owned; what is answered until retry_at_ms */
};

void flight_free(struct flight *f);

/* Whether this caller may fetch: then he has the flight and ends it. Else *err says why not:
 * ERR_BUSY while another fetches ("`what` being fetched by another worker"), or the remembered
 * failure, with the rest of the pause when it may pass. */
bool flight_take(struct flight *f, const struct clock *clock, const char *what,
                 struct err *err) MUST_CHECK;
/* Ends it without what was wanted. The failure is remembered for as long as retry_after_ms asks, or
 * else for 5 s, growing to 60 s. One that may pass becomes ERR_UNAVAILABLE, in *err too, with the
 * pause as its retry_after_ms: who needs what was to be fetched waits, and nothing has been tried.
 * ERR_BUSY is no failure: nothing was fetched, since what that needs is being fetched. */
void flight_failed(struct flight *f, const struct clock *clock, struct err *err);
/* Ends it with what was wanted. */
void flight_landed(struct flight *f);
/* Whether a try is being made, or was lately made in vain: what is due for a refresh may still be
 * used then. */
bool flight_tried(const struct flight *f, const struct clock *clock);
/* Says that a service refused what had landed. True: it is to be fetched anew, and is wanted until
 * something lands. False: that has been done within the last minute, so another fetch would not
 * help; the refusal is a matter of the request, and what has landed stays. */
bool flight_refused(struct flight *f, const struct clock *clock) MUST_CHECK;

/* When to fetch anew what is valid until expires_ms (wall clock; INT64_MAX: for ever): five minutes
 * ahead, or a tenth of what is left if that is less. */
int64_t flight_refresh_at(int64_t now_ms, int64_t expires_ms);

#endif
