/* liar.h - a made-up Python process whose memory lies: what a read returns is changed on its way. */
#ifndef PAM_LIAR_H
#define PAM_LIAR_H

#include "python.h"

/* How a piece of a read is changed. */
#define LIES(LIE)                                                                                  \
    LIE(bits, "some bits are flipped")                                                             \
    LIE(inward, "a pointer leads elsewhere in the process")                                        \
    LIE(outward, "a pointer leads out of it")                                                      \
    LIE(length, "a number is a length that nobody has")                                            \
    LIE(torn, "the end is what stands at another place")                                           \
    LIE(garbage, "all of it is random")                                                            \
    LIE(unmapped, "it cannot be read")                                                             \
    LIE(cut, "the read ends before it")

enum lie {
#define LIE(name, what) LIE_##name,
    LIES(LIE)
#undef LIE
    LIE_KINDS
};

struct liar {
    struct target *target;
    ssize_t (*honest)(pid_t pid, const struct iovec *local, unsigned long local_count,
                      const struct iovec *remote, unsigned long remote_count, unsigned long flags);
    uint64_t random;          /* state of a xorshift64; the same seed tells the same lies */
    uint64_t one_in;          /* pieces, one is changed; 0: none */
    uint64_t calls, pieces;
    uint64_t told[LIE_KINDS]; /* how often */
};

extern const char *const lie_names[LIE_KINDS];

/* Puts the liar between `remote` and its target. There is but one. */
void liar_init(struct liar *liar, struct target *target, struct pam_remote *remote, uint64_t seed);

uint64_t liar_random(struct liar *liar);

/* Addresses that make sense somewhere, among which lies choose. */
void liar_knows(struct liar *liar, uint64_t address);

#endif
