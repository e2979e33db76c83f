/* Notifies the service manager: the protocol of sd_notify(3), without its library. */
#ifndef HGAUTOD_DAEMON_NOTIFY_H
#define HGAUTOD_DAEMON_NOTIFY_H

#include <stdbool.h>

/* Sends lines of assignments ("READY=1\nSTATUS=...") to the socket in NOTIFY_SOCKET: a path, or "@"
 * followed by an abstract name. Waits at most a second. Returns false if the variable is not set or
 * the message could not be sent; callers may ignore that. */
bool notify_systemd(const char *state);

#endif
