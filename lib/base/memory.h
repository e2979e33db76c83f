/* Memory, and what happens when it runs out.
 *
 * Memory whose size is determined by outside input (bodies, events, listings, files) is bounded by
 * a limit, and input beyond the limit is answered with an error. An allocation within the limits
 * that fails anyway ends the process, in one place, die_no_memory(): there is nothing sensible to
 * go on with. A task without its state would start over; a report would lack what was done. Claims
 * and stored progress make the end safe: this daemon when started again, or another one, resumes
 * from there. So the functions below never return NULL, and their callers check nothing.
 *
 * The libraries allocate through them too (memory_install_hooks, http_global_init, xml_parse). A
 * NULL or -1 of jansson therefore means invalid UTF-8 or another invalid argument, never a lack of
 * memory.
 *
 * Thread-safe. What is returned is owned by the caller and released with free(). */
#ifndef HGAUTOD_LIB_BASE_MEMORY_H
#define HGAUTOD_LIB_BASE_MEMORY_H

#include <stddef.h>

#include "lib/base/attr.h"

/* Ends the process by SIGABRT, after writing one line to standard error. Allocates nothing. */
_Noreturn void die_no_memory(void);

/* As malloc, calloc and realloc, but they do not fail. A size of 0 yields memory of no use that is
 * released like any other. xcalloc ends the process if count * size overflows. */
void *xmalloc(size_t size) NEVER_NULL MUST_CHECK;
void *xcalloc(size_t count, size_t size) NEVER_NULL MUST_CHECK;
void *xrealloc(void *memory, size_t size) NEVER_NULL MUST_CHECK;

/* Copies of a text, of its first max bytes at most, and of bytes. */
char *xstrdup(const char *text) NEVER_NULL MUST_CHECK;
char *xstrndup(const char *text, size_t max) NEVER_NULL MUST_CHECK;
void *xmemdup(const void *bytes, size_t size) NEVER_NULL MUST_CHECK;

/* A formatted text. */
char *xasprintf(const char *format, ...) PRINTF_LIKE(1, 2) NEVER_NULL MUST_CHECK;

/* Returns p, the result of another allocating function; ends the process if it is NULL. */
void *memory_or_die(void *p) NEVER_NULL;

/* Makes jansson, libuv and OpenSSL allocate with the functions above. Call it once, before any of
 * these libraries is used and before a second thread exists. */
void memory_install_hooks(void);

#endif
