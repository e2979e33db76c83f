/* Arrays that grow. */
#ifndef HGAUTOD_LIB_BASE_ARRAY_H
#define HGAUTOD_LIB_BASE_ARRAY_H

#include <stddef.h>

#include "lib/base/attr.h"

/* Makes room for one more element of `size` bytes in an array that holds `count` of them and has
 * room for *room (NULL and 0 for a new array):
 *
 *     list->at = array_room(list->at, list->count, &list->room, sizeof *list->at);
 *     list->at[list->count++] = element;
 *
 * Returns the array, which may have moved, and updates *room. Room doubles, so that n appends cost
 * O(n). Ends the process when there is no memory; the caller bounds `count` if input from outside
 * determines it. Owned by the caller and released with free(). Not thread-safe. */
void *array_room(void *array, size_t count, size_t *room, size_t size) NEVER_NULL MUST_CHECK;

#endif
