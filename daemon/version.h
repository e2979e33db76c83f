/* The version, in the one place where it is written. */
#ifndef HGAUTOD_DAEMON_VERSION_H
#define HGAUTOD_DAEMON_VERSION_H

#define HGAUTOD_VERSION "0.1.0"

#endif
