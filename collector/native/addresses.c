/* addresses.c - a set of addresses, of a bounded size. */
#include "native/addresses.h"

#include <stdlib.h>
#include <string.h>

enum { SLOTS = 2 * PAM_MAX_ADDRESSES };

void pam_addresses_done(struct pam_addresses *addresses)
{
    free(addresses->slots);
    memset(addresses, 0, sizeof *addresses);
}

void pam_addresses_add(struct pam_addresses *addresses, uint64_t address)
{
    size_t at = (size_t)((address * UINT64_C(0x9e3779b97f4a7c15)) >> 40) % SLOTS;

    if (!addresses->slots)
        addresses->slots = calloc(SLOTS, sizeof *addresses->slots);
    if (!addresses->slots || !address)
        return;
    while (addresses->slots[at] && addresses->slots[at] != address)
        at = (at + 1) % SLOTS;
    if (addresses->slots[at] || addresses->count == PAM_MAX_ADDRESSES)
        return;
    addresses->slots[at] = address;
    addresses->count++;
}

static int by_value(const void *a, const void *b)
{
    const uint64_t first = *(const uint64_t *)a, second = *(const uint64_t *)b;

    return first < second ? -1 : first > second;
}

void pam_addresses_sort(struct pam_addresses *addresses)
{
    size_t kept = 0;

    if (!addresses->slots)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        if (addresses->slots[i])
            addresses->slots[kept++] = addresses->slots[i];
    qsort(addresses->slots, kept, sizeof *addresses->slots, by_value);
}

bool pam_addresses_within(const struct pam_addresses *addresses, uint64_t start, uint64_t size)
{
    size_t low = 0, high = addresses->count;

    while (low < high) {
        const size_t middle = low + (high - low) / 2;

        if (addresses->slots[middle] >= start)
            high = middle;
        else
            low = middle + 1;
    }
    return low < addresses->count && addresses->slots[low] - start < size;
}
