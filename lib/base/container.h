/* From a pointer to a member to the struct that embeds it. */
#ifndef HGAUTOD_LIB_BASE_CONTAINER_H
#define HGAUTOD_LIB_BASE_CONTAINER_H

#include <stddef.h>

/* The struct of this type whose member ptr points to. The compiler rejects a pointer of another
 * type than the member's. */
#define container_of(ptr, type, member)                                                            \
    ((type *)(void *)((char *)(1 ? (ptr) : &((type *)0)->member) - offsetof(type, member)))

#endif
