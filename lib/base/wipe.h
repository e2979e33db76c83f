/* Overwrites secrets before their memory is freed. All functions are thread-safe. */
#ifndef HGAUTOD_LIB_BASE_WIPE_H
#define HGAUTOD_LIB_BASE_WIPE_H

#include <stddef.h>

/* Overwrites n bytes in a way that the compiler cannot optimize away. */
void wipe(void *bytes, size_t n);
/* Wipes a string and frees it; NULL is allowed. */
void wipe_free(char *text);

#endif
