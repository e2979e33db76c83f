/* What happens when memory runs out.
 *
 * Memory whose size an input decides (bodies, events, lists of a store) is checked where it is
 * asked for, and its lack is an error like others. For everything else there is nothing sensible to
 * go on with: a task without its state would begin anew, a report would lack what was done. The
 * process ends then, at once. Claims and stored progress make that safe: another daemon, or this
 * one started again, goes on from there. */
#ifndef HGAUTOD_LIB_BASE_MEMORY_H
#define HGAUTOD_LIB_BASE_MEMORY_H

/* Ends the process by SIGABRT, after one line on standard error. Allocates nothing; any thread. */
_Noreturn void die_no_memory(void);

/* p, which an allocation has returned; ends the process when it is NULL. */
void *memory_or_die(void *p);

#endif
