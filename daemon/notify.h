/* Telling a service manager how the daemon is: the protocol of sd_notify(3), without its library.
 */
#ifndef HGAUTOD_DAEMON_NOTIFY_H
#define HGAUTOD_DAEMON_NOTIFY_H

#include <stdbool.h>

/* Sends lines of assignments ("READY=1\nSTATUS=...") to the socket that NOTIFY_SOCKET names: a
 * path, or "@" and an abstract name. Waits at most a second. False when there is no such variable,
 * or when it could not be sent: there is nobody to tell, so the result may be left alone. */
bool notify_systemd(const char *state);

#endif
