/* Overwriting secrets before their memory is freed. All functions are thread-safe. */
#ifndef HGAUTOD_LIB_BASE_WIPE_H
#define HGAUTOD_LIB_BASE_WIPE_H

#include <stddef.h>

/* Overwrites n bytes so that the compiler cannot leave it out. */
void wipe(void *bytes, size_t n);
/* Wipes a string and frees it; NULL is allowed. */
void wipe_free(char *text);

#endif
