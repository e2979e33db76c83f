/* A thread that writes the lines of the log, so that logging never waits for the reader of a pipe.
 * Lines that do not fit into its queue are dropped and counted, and the count is reported after the
 * lines that were not dropped. Any thread. */
#ifndef HGAUTOD_LIB_BASE_LOG_WRITER_H
#define HGAUTOD_LIB_BASE_LOG_WRITER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "lib/base/attr.h"
#include "lib/base/buf.h"

struct log_writer;

/* Appends the line that reports `dropped` lines. On the writer's thread. */
typedef void (*log_dropped_fn)(void *ctx, uint64_t dropped, struct buf *to);

/* Starts a writer to file descriptor fd, which is borrowed, with a queue of at most queue_max
 * bytes; ctx is passed to `report_dropped`. Returns NULL if there is no thread. */
struct log_writer *log_writer_new(int fd, size_t queue_max, log_dropped_fn report_dropped,
                                  void *ctx) MUST_CHECK;
/* Queues a whole line. Never waits. */
void log_writer_put(struct log_writer *w, const char *line, size_t n);
/* Waits until the queue has been written, at most wait_ms. Returns false if it has not. */
bool log_writer_flush(struct log_writer *w, int64_t wait_ms);
/* Flushes, ends the thread and frees the writer. Returns false if the flush took longer: the thread
 * is then left in the middle of a write until the process ends, and still uses fd and ctx. NULL is
 * allowed. */
bool log_writer_free(struct log_writer *w, int64_t wait_ms) MUST_CHECK;

/* Writes all n bytes, however long that takes. Bytes that cannot be written are lost, since there
 * is no other place to report it. */
void log_write_all(int fd, const char *bytes, size_t n);

#endif
