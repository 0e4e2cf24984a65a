/* addresses.h - a set of addresses, of a bounded size. */
#ifndef PAM_ADDRESSES_H
#define PAM_ADDRESSES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { PAM_MAX_ADDRESSES = 1 << 15 }; /* places in code made at run time that a capture may show by name */

struct pam_addresses {
    uint64_t *slots; /* twice as many as addresses; NULL: empty */
    size_t count;
};

void pam_addresses_done(struct pam_addresses *addresses);

/* Adds one, if it is not there and there is room. */
void pam_addresses_add(struct pam_addresses *addresses, uint64_t address);

/* In order, which ends the adding: for pam_addresses_within(). */
void pam_addresses_sort(struct pam_addresses *addresses);

/* Is there one in [start, start + size)? */
bool pam_addresses_within(const struct pam_addresses *addresses, uint64_t start, uint64_t size);

#endif
