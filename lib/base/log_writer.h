/* A thread that writes the log's lines, so that whoever logs never waits for the reader of a pipe.
 * Lines that find no room in its queue are dropped and counted; the count is told behind the lines
 * that were not. Thread-safe. */
#ifndef HGAUTOD_LIB_BASE_LOG_WRITER_H
#define HGAUTOD_LIB_BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct log_writer; /* opaque */

/* Appends the line that tells of `dropped` lines. On the writer's thread. */
typedef void (*log_dropped_fn)(void *ctx, uint64_t dropped, struct buf *to);

/* A writer to file descriptor fd (not owned) with a queue of at most queue_max bytes. ctx is handed
 * to `dropped`. NULL when there is no memory or no thread. */
struct log_writer *log_writer_new(int fd, size_t queue_max, log_dropped_fn dropped,
                                  void *ctx) MUST_CHECK;
/* Queues a whole line. Never waits. */
void log_writer_put(struct log_writer *w, const char *line, size_t n);
/* Waits until all that was queued is written, at most wait_ms. False when it is not. */
bool log_writer_flush(struct log_writer *w, int64_t wait_ms);
/* Flushes, ends the thread and frees the writer. False when it could not be flushed: then the
 * thread is left as it is, in the middle of a write, until the process ends, and goes on using fd
 * and ctx. NULL is allowed. */
bool log_writer_free(struct log_writer *w, int64_t wait_ms) MUST_CHECK;

/* Writes all n bytes, however long that takes. What cannot be written is lost: there is nobody to
 * tell. */
void log_write_all(int fd, const char *bytes, size_t n);

#endif
