/* The parts of a running daemon, as sources and the engine see each other. Made and owned by
 * daemon.c; the pointers are constant while it runs. */
#ifndef HGAUTOD_DAEMON_DAEMON_H
#define HGAUTOD_DAEMON_DAEMON_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/config/config.h"
#include "daemon/run/engine.h"
#include "daemon/source/source.h"
#include "lib/aws/aws.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/net/http_loop.h"
#include "lib/net/ratelimit.h"

struct azure;
struct own;
struct subscriptions;

struct daemon {
    const struct config *config;
    const struct clock *clock;
    struct log *log;
    struct ratelimit *limits;
    struct aws *aws;
    struct azure *azure;
    struct subscriptions *subscriptions; /* NULL: all that the policy allows */
    struct own *own;
    struct http_options http_options;
    struct http_loop *http; /* NULL outside `run` */
    uv_loop_t *loop;        /* NULL outside `run` */
    struct engine *engine;
    struct source **sources;
    size_t source_count;
    struct source_counts counts; /* main thread */
    bool once;                   /* --once: sources report drained, the daemon ends when all are */
};

/* Makes what every command needs that talks to a cloud: log, clock, limits, AWS client and HTTP
 * options; the rest is NULL and is the caller's business. Sets up libcurl, so
 * once a process and before any thread. *config is borrowed until daemon_release. On failure *d
 * needs no release. */
bool daemon_init(struct daemon *d, const struct config *config, struct err *err) MUST_CHECK;
/* Frees what daemon_init made; after all threads have ended. */
void daemon_release(struct daemon *d);

/* How the log is to be written to file descriptor fd when [log] format is auto: for the journal if
 * JOURNAL_STREAM (its value, or NULL) names that very file, else as text. */
enum log_format daemon_log_format(int fd, const char *journal_stream);

#endif
