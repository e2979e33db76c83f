/* The environment of every command that talks to a cloud: configuration, clock, log and clients.
 * Made once by env_init and constant afterwards; passed on as a whole by const pointer. */
#ifndef HGAUTOD_DAEMON_ENV_H
#define HGAUTOD_DAEMON_ENV_H

#include <stdbool.h>

#include "daemon/config/config.h"
#include "lib/aws/aws.h"
#include "lib/base/attr.h"
#include "lib/base/clock.h"
#include "lib/base/err.h"
#include "lib/base/log.h"
#include "lib/net/http.h"
#include "lib/net/ratelimit.h"

struct azure;
struct own;
struct subscriptions;

/* All that is pointed to may be used by any thread. Tests leave NULL what they do not need. */
struct env {
    const struct config *config;
    const struct clock *clock;
    struct log *log;
    struct ratelimit *limits;
    struct http_options http;
    struct aws *aws;
    struct azure *azure;
    /* The subscriptions that may be acted on; NULL: all that the policy allows. */
    struct subscriptions *subscriptions;
    /* What no action may change because it is the daemon's own; NULL: nothing is known. */
    struct own *own;
};

/* Makes the environment for a configuration, which is borrowed until env_release. Sends nothing.
 * Initializes libcurl, so it is called once per process and before any thread is started. Returns
 * false with *err when a part cannot be made; *env then needs no release. */
bool env_init(struct env *env, const struct config *config, struct err *err) MUST_CHECK;
/* Frees what env_init made; after all threads have ended. */
void env_release(struct env *env);

/* Returns the format of the log on file descriptor fd when [log] format is auto: for the journal if
 * JOURNAL_STREAM (its value, or NULL) names that very file, else text. */
enum log_format env_log_format(int fd, const char *journal_stream);

/* Returns whether resources may share calls: false only if HGAUTOD_TEST_SINGLE_CALLS is set, by
 * which tests and the bench compare both ways. */
bool env_shares_calls(void);

#endif
