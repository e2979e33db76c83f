/* The limit of open files. */
#include "daemon/descriptors.h"

#include <inttypes.h>
#include <sys/resource.h>

#include "lib/net/http.h"

/* Descriptors. */
enum {
    OF_A_WORKER = HTTP_KEPT_CONNECTIONS + 2, /* one more under way, and its name's look-up */
    OF_A_SOURCE = 32,                        /* its requests for messages and on them */
    OF_THE_DAEMON = 64                       /* the loop, the log, files, metadata services */
};

void descriptors_raise(void)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_cur == limit.rlim_max)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

uint64_t descriptors_needed(const struct config *config)
{
    return (uint64_t)config->daemon.workers * OF_A_WORKER + config->source_count * OF_A_SOURCE +
           OF_THE_DAEMON;
}

void descriptors_warn(const struct config *config, struct buf *to)
{
    uint64_t needed = descriptors_needed(config);
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) != 0 || limit.rlim_max == RLIM_INFINITY ||
        limit.rlim_max >= needed)
        return;
    buf_addf(to,
             "warning: workers (%" PRId64 ") of [daemon] may need %" PRIu64
             " open files, and %ju are allowed: raise the hard limit (LimitNOFILE of the unit, "
             "ulimit -Hn), or lower workers\n",
             config->daemon.workers, needed, (uintmax_t)limit.rlim_max);
}
