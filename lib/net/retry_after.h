/* Reads how long an HTTP response asks to wait. Pure; any thread. Source: RFC 9110, section 10.2.3.
 */
#ifndef HGAUTOD_LIB_NET_RETRY_AFTER_H
#define HGAUTOD_LIB_NET_RETRY_AFTER_H

#include <stdint.h>

#include "lib/net/http.h"

/* Returns the Retry-After header in milliseconds, at most a day; -1 if there is none, or it cannot
 * be parsed. */
int64_t retry_after_ms(const struct http_response *response);

#endif
