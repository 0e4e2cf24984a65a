/* walk.h - private to the stack reader: one copy of a thread's memory into a chain of frames, and
 * two such chains into the stack on which they agree. */
#ifndef PAM_WALK_H
#define PAM_WALK_H

#include "python/stack.h"

struct pam_raw_frame {
    uint64_t address;
    uint64_t code;
    uint64_t instruction;
    int32_t chunk; /* index of the chunk that holds it, -1 for a frame on the heap */
};

enum pam_walk {
    PAM_WALK_OK,
    PAM_WALK_MORE,     /* `missing` is not among the regions */
    PAM_WALK_READ,     /* failures: as the fail_* counts of the health record */
    PAM_WALK_POINTER,
    PAM_WALK_CODE,
    PAM_WALK_GEOMETRY,
    PAM_WALK_UNSTABLE,
    PAM_WALK_DEPTH,
    PAM_WALK_GONE,     /* the thread state belongs to somebody else now */
};

struct pam_chain {
    struct pam_raw_frame *frames; /* leaf first, PAM_MAX_DEPTH of them */
    uint32_t depth;
    uint64_t missing;
};

/* Follows the frames in copy `pass` of the thread's regions. */
enum pam_walk pam_walk_chain(const struct pam_layout *layout, const unsigned char *arena,
                             const struct pam_py_thread *thread, unsigned pass,
                             struct pam_chain *chain);

/* How many frames from the root are equal in both chains (which may be the same one) and valid; `why`
 * tells what ended it when that is fewer than there are. entries[i] is the code of the i-th frame from
 * the root. */
uint32_t pam_walk_agree(const struct pam_layout *layout, const struct pam_py_thread *thread,
                        const struct pam_chain *first, const struct pam_chain *second,
                        struct pam_codes *codes, struct pam_recorder *recorder,
                        struct pam_code_entry **entries, enum pam_walk *why);

/* The other way round, for a thread that never holds still: from the root on, frame after frame as
 * they lie in the chunks, as long as both copies agree and the frame is one that the frame before
 * really called. Needs no leaf, so it keeps the root side of stacks that the chains lose. Fills
 * `chain` and `entries` and returns how many frames. */
uint32_t pam_walk_forward(const struct pam_layout *layout, const unsigned char *arena,
                          const struct pam_py_thread *thread, struct pam_chain *chain,
                          struct pam_codes *codes, struct pam_recorder *recorder,
                          struct pam_code_entry **entries);

/* The copy of a frame: in a chunk, whose index `chunk` gets, else (-1) among the frames on the heap,
 * which mostly come in the order of the walk before: `hint` says where to look first. */
const unsigned char *pam_find_frame(const struct pam_layout *layout, const unsigned char *arena,
                                    const struct pam_py_thread *thread, unsigned pass,
                                    uint64_t address, int32_t *chunk, uint32_t *hint);

/* The copy of [address, address + size) in pass `pass`, or NULL. */
const unsigned char *pam_region_copy(const struct pam_region *region, const unsigned char *arena,
                                     unsigned pass);

/* 1 + the index of the code unit last started, 0 before the first; false when out of the code. */
bool pam_unit_plus1(const struct pam_layout *layout, const struct pam_code_entry *entry,
                    uint64_t instruction, uint64_t *unit_plus1);

#endif
