/* Probes of queues and stores for `check --online`, by kind of source; see source_probe in
 * daemon/source/kinds.h. */
#ifndef HGAUTOD_DAEMON_SOURCE_PROBE_H
#define HGAUTOD_DAEMON_SOURCE_PROBE_H

#include <stdbool.h>

#include "daemon/config/config.h"
#include "daemon/store/store.h"
#include "lib/base/attr.h"
#include "lib/base/buf.h"
#include "lib/base/err.h"

struct env;

/* Append their findings to `to`. Return false if anything failed. Block. store is NULL for
 * probe_sqs of a queue without a configured bucket. */
bool probe_sqs(const struct env *env, const struct config_source *config, struct store *store,
               struct http_client *http, struct buf *to) MUST_CHECK;
bool probe_s3(const struct env *env, const struct config_source *config, struct store *store,
              struct http_client *http, struct buf *to) MUST_CHECK;
bool probe_azure_queue(const struct env *env, const struct config_source *config,
                       struct store *store, struct http_client *http, struct buf *to) MUST_CHECK;
bool probe_azure_blob(const struct env *env, const struct config_source *config,
                      struct store *store, struct http_client *http, struct buf *to) MUST_CHECK;
bool probe_directory(const struct env *env, const struct config_source *config, struct store *store,
                     struct http_client *http, struct buf *to) MUST_CHECK;

/* Appends that accessing `what` failed, and what to do about it, if anything. Returns false. */
bool probe_failed(struct buf *to, const char *what, const struct err *err, const char *advice);

#endif
