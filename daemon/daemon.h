/* The parts of a running daemon, as sources and the engine see each other. Made and owned by daemon.c; the pointers are constant
 * while it runs. */
#ifndef HGAUTOD_DAEMON_DAEMON_H
#define HGAUTOD_DAEMON_DAEMON_H

#include <stdbool.h>
#include <uv.h>

#include "daemon/config.h"
#include "daemon/engine.h"
#include "daemon/source.h"
#include "lib/aws/aws.h"
#include "lib/clock.h"
#include "lib/http_loop.h"
#include "lib/log.h"

struct daemon {
    const struct config *config;
    const struct clock *clock;
    struct log *log;
    struct aws *aws;
    struct http_options http_options;
    struct http_loop *http; /* NULL outside `run` */
    uv_loop_t *loop;        /* NULL outside `run` */
    struct engine *engine;
    struct source **sources;
    size_t source_count;
    struct source_counts counts; /* main thread */
    bool once;                   /* --once: sources report drained, the daemon ends when all are */
};

#endif
