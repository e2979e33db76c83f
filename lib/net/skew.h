/* The difference between the clock of this host and that of a service, learned from the service's
 * responses: signatures include a time, and are rejected if it is wrong by minutes. Any thread,
 * without a lock. */
#ifndef HGAUTOD_LIB_NET_SKEW_H
#define HGAUTOD_LIB_NET_SKEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/http.h"

/* {0}: not known. */
struct skew {
    _Atomic int64_t offset_ms;
};

/* Returns the time to sign with: the wall clock, corrected. */
int64_t skew_now(struct skew *s, const struct clock *clock);

/* Learns from a response that rejected a request signed for signed_ms. Returns true if the Date of
 * the response differs from that by more than four minutes: the difference is in force now, and the
 * request should be signed once more. A Date that cannot be parsed, or is wrong by more than a
 * year, is ignored. A new difference is logged once. */
bool skew_learn(struct skew *s, const struct clock *clock, struct log *log, int64_t signed_ms,
                const struct http_response *response) MUST_CHECK;

#endif
