/* place.h - where in its code a frame stands: an instruction of the target as a unit of the bytecode.
 *
 * In a free-threaded CPython 3.14 each thread but the first runs a copy of the bytecode of its own, to
 * which the code object leads. Where those are is remembered until the codes are checked again. */
#ifndef PAM_PLACE_IN_CODE_H
#define PAM_PLACE_IN_CODE_H

#include "python/code.h"

struct pam_place {
    uint64_t instruction; /* the address of a code unit, or its offset in a bytes object */
    int32_t copy;         /* of the bytecode; 0: what stands in the code object */
};

/* From the copy of a frame. */
struct pam_place pam_place_of(const struct pam_layout *layout, const unsigned char *frame);

static inline bool pam_same_place(struct pam_place a, struct pam_place b)
{
    return a.instruction == b.instruction && a.copy == b.copy;
}

/* 1 + the index of the code unit last started, 0 before the first; false when out of the code. */
bool pam_unit_plus1(struct pam_codes *codes, const struct pam_code_entry *entry,
                    struct pam_place place, uint64_t *unit_plus1);

#endif
