/* How long an HTTP answer asks to wait. Source: RFC 9110, section 10.2.3. Pure; thread-safe. */
#ifndef HGAUTOD_LIB_NET_RETRY_AFTER_H
#define HGAUTOD_LIB_NET_RETRY_AFTER_H

#include <stdint.h>

#include "lib/net/http.h"

/* Retry-After in milliseconds, at most a day; -1 when nothing is said that can be understood. */
int64_t retry_after_ms(const struct http_response *response);

#endif
