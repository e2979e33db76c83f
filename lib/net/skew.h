/* The difference between this host's clock and a service's, as the service's own answers tell it:
 * signatures carry a time, and are refused where it is wrong by minutes. Thread-safe without a
 * lock. */
#ifndef HGAUTOD_LIB_NET_SKEW_H
#define HGAUTOD_LIB_NET_SKEW_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/log.h"
#include "lib/net/http.h"

/* {0}: none is known. */
struct skew {
    _Atomic int64_t offset_ms;
};

/* The time to sign with: the wall clock, corrected. */
int64_t skew_now(struct skew *s, const struct clock *clock);

/* Learns from an answer that refused a request signed for signed_ms. True when the answer's Date is
 * more than four minutes from that, so that the request should be signed once more: the difference
 * is in force now. A Date that cannot be read, or is more than a year off, teaches nothing. The
 * first to learn it says so in the log. */
bool skew_learn(struct skew *s, const struct clock *clock, struct log *log, int64_t signed_ms,
                const struct http_response *response) MUST_CHECK;

#endif
