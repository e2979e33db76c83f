/* Raises and checks the limit of open files. */
#include "daemon/descriptors.h"

#include <inttypes.h>
#include <sys/resource.h>

#include "lib/net/http.h"

/* Number of open files: per worker (one more connection being opened, and a name lookup), per
 * source (requests for messages and about them), and of the daemon itself (the loop, the log,
 * files, metadata services). */
enum {
    FILES_PER_WORKER = HTTP_KEPT_CONNECTIONS + 2,
    FILES_PER_SOURCE = 32,
    FILES_OF_DAEMON = 64,
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
    return (uint64_t)config->daemon.workers * FILES_PER_WORKER +
           config->source_count * FILES_PER_SOURCE + FILES_OF_DAEMON;
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
