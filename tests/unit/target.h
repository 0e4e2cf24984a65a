/* target.h - a target process that is none: an address space made by the test, read by its readv.
 *
 * Pieces may be unreadable, and the memory may change between the pieces of one call. */
#ifndef PAM_FAKE_TARGET_H
#define PAM_FAKE_TARGET_H

#include "python/remote.h"

enum { TARGET_HOLES = 8 };

struct target {
    unsigned char *memory; /* stands for [TARGET_BASE, TARGET_BASE + size) */
    size_t size, used;
    struct {
        uint64_t from, to;
    } holes[TARGET_HOLES]; /* parts that cannot be read */
    size_t hole_count;
    bool forgiving;    /* the functions below take any address, and ignore what is outside */
    int gone;          /* errno of every call, 0: it is there */
    size_t most_bytes; /* asked for by one call so far */
    size_t byte_limit; /* a call that asks for more finds it gone; 0: none */
    /* Called before each piece; `seen`: how many pieces of this call had this address. */
    void (*before_piece)(struct target *target, uint64_t address, unsigned seen);
    /* Called before each part of so many bytes; 0: pieces are copied at once. */
    void (*before_part)(struct target *target);
    size_t part_bytes;
    void *context;
};

#define TARGET_BASE UINT64_C(0x7f0000000000)

/* Makes it the one that target_readv() reads. `size` is reserved only. */
void target_init(struct target *target, struct pam_remote *remote, size_t size);
void target_done(struct target *target);

/* Zeroed memory, aligned to 16 bytes. */
uint64_t target_alloc(struct target *target, size_t size);

void *target_at(struct target *target, uint64_t address, size_t size);
void target_put(struct target *target, uint64_t address, uint64_t value, unsigned bytes);
uint64_t target_get(struct target *target, uint64_t address, unsigned bytes);

/* Makes [address, address + size) unreadable, or all readable again. */
void target_hide(struct target *target, uint64_t address, size_t size);
void target_show_all(struct target *target);

#endif
