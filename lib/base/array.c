/* Grows arrays. */
#include "lib/base/array.h"

#include <stdint.h>
#include <stdlib.h>

#include "lib/base/memory.h"

#define ARRAY_FIRST_ROOM 8

void *array_room(void *array, size_t count, size_t *room, size_t size)
{
    if (count < *room)
        return array;
    if (count > SIZE_MAX / 2)
        die_no_memory();
    *room = count ? 2 * count : ARRAY_FIRST_ROOM;
    return memory_or_die(reallocarray(array, *room, size));
}
