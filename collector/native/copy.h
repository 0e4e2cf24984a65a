/* copy.h - what unwinding needs of a copied stack, and when two copies unwind alike.
 *
 * Unwinding reads two sorts of words: those that say where to go on in the code, and those that say where
 * in the stack. The others are data of the program; they are set to zero. What is left is the same for
 * all samples at the same place, packs well, and tells nothing of what the service works with. */
#ifndef PAM_COPY_H
#define PAM_COPY_H

#include "native/ranges.h"
#include "native/registers.h"

struct pam_stack_copy {
    uint64_t registers[PAM_REGISTER_ROOM];
    uint64_t register_mask;
    uint64_t address;       /* of the first byte of `bytes` */
    unsigned char *bytes;
    size_t size;            /* a multiple of 8 */
};

/* Keeps the words of stack and registers that are addresses of code or of the stack, which may reach up
 * to `stack_end`. */
void pam_copy_reduce(struct pam_stack_copy *copy, uint64_t stack_end, struct pam_code_ranges *ranges);

/* What is left, in 16 bytes: the same for copies that unwind alike. `more` goes into it too. */
struct pam_copy_key {
    uint64_t halves[2];
};
struct pam_copy_key pam_copy_key(const struct pam_stack_copy *copy, const void *more, size_t more_bytes,
                                 uint64_t flags);

#endif
