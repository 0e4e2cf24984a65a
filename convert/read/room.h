/* room.h - arrays that grow. */
#ifndef PAM_ROOM_H
#define PAM_ROOM_H

#include <stdlib.h>
#include <string.h>

/* The array, with room for the element `at`; new ones are zero. NULL when memory is short: then the array
 * is still there as it was. */
static inline void *pam_with_room(void *array, size_t *room, size_t at, size_t size)
{
    const size_t wanted = 2 * (at + 64);
    unsigned char *grown;

    if (at < *room)
        return array;
    grown = realloc(array, wanted * size);
    if (!grown)
        return NULL;
    memset(grown + *room * size, 0, (wanted - *room) * size);
    *room = wanted;
    return grown;
}

#endif
