/* search.h - where in a sorted array a number belongs. */
#ifndef PAM_SEARCH_H
#define PAM_SEARCH_H

#include <stddef.h>
#include <stdint.h>
#include <string.h>

/* The index of the first of `count` elements whose number is greater than `value`, `count` when there is none.
 * Elements are `size` bytes long and sorted by that number, a uint64_t `offset` bytes into each. */
static inline size_t pam_first_above(const void *elements, size_t count, size_t size, size_t offset,
                                     uint64_t value)
{
    size_t low = 0, high = count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        uint64_t number;

        memcpy(&number, (const unsigned char *)elements + middle * size + offset, sizeof number);
        if (number > value)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}

#endif
