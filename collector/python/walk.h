/* walk.h - private to the stack reader: one copy of a thread's memory into a chain of frames, and
 * two such chains into the stack on which they agree. */
#ifndef PAM_WALK_H
#define PAM_WALK_H

#include "python/place.h"
#include "python/stack.h"

struct pam_raw_frame {
    uint64_t address;
    uint64_t code;
    struct pam_place place;
    uint64_t generator; /* or coroutine that runs in it; 0: none */
    bool entered;  /* called from C: an eval frame of its own runs it */
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

/* Has the thread more of its data stack in use than the frames of the chain, on which both copies agree,
 * take? Then it makes a frame for a Python function that it calls, or clears that of one that it leaves.
 * Or does the innermost frame say that it waits for one? It was read after the thread's state. Before 3.11
 * nothing tells. */
bool pam_walk_is_between(const struct pam_layout *layout, const unsigned char *arena,
                         const struct pam_py_thread *thread, const struct pam_chain *chain,
                         struct pam_code_entry *const *entries);

/* The other way round, for a thread that never holds still: from the root on, frame after frame as
 * they lie in the chunks, or as the remembered frame objects name their callers, as long as both copies
 * agree and the frame is one that the frame before really called. Needs no leaf, so it keeps the root
 * side of stacks that the chains lose. Fills `chain` and `entries` and returns how many frames; `held`: the
 * innermost of them was calling another one in both copies. */
uint32_t pam_walk_forward(const struct pam_layout *layout, const unsigned char *arena,
                          const struct pam_py_thread *thread, struct pam_chain *chain,
                          struct pam_codes *codes, struct pam_recorder *recorder,
                          struct pam_code_entry **entries, bool *held);

/* What a frame's copy says: the code it runs, without the tags of the reference; and whether it runs
 * any: between C and the Python that it calls stand frames that do not. */
static inline uint64_t pam_frame_code(const struct pam_layout *layout, const unsigned char *copy)
{
    return pam_u64_at(copy, layout->frame_code) & ~(uint64_t)layout->frame_code_tags;
}

static inline bool pam_frame_runs(const struct pam_layout *layout, const unsigned char *copy)
{
    return copy[layout->frame_owner] < layout->frame_idle_owner;
}

/* Called from C, as frame objects always are: each has an eval frame of its own. Where frames that run no
 * code stand before those that C called, nothing else tells. */
static inline bool pam_frame_is_entry(const struct pam_layout *layout, const unsigned char *copy)
{
    return !layout->tstate_chunk || (layout->frame_is_entry && copy[layout->frame_is_entry] == 1);
}

/* The same for frames that are objects: forward_objects.c. */
uint32_t pam_walk_forward_objects(const struct pam_layout *layout, const unsigned char *arena,
                                  const struct pam_py_thread *thread, struct pam_chain *chain,
                                  struct pam_codes *codes, struct pam_recorder *recorder,
                                  struct pam_code_entry **entries, bool *held);

/* The steps that both take: adds a frame to the chain if it has a valid code and stands in it; turns a
 * chain round, which is leaf first in the end. */
bool pam_forward_accept(const struct pam_raw_frame *frame, struct pam_chain *chain,
                        struct pam_codes *codes, struct pam_recorder *recorder,
                        struct pam_code_entry **entries);
void pam_reverse_frames(struct pam_raw_frame *frames, uint32_t count);

/* The copy of a frame: in a chunk, whose index `chunk` gets, else (-1) among the frames on the heap.
 * `met`: how many of those this walk has met, which are brought into its order; NULL: it is no walk. */
const unsigned char *pam_find_frame(const struct pam_layout *layout, const unsigned char *arena,
                                    const struct pam_py_thread *thread, unsigned pass,
                                    uint64_t address, int32_t *chunk, uint32_t *met);

/* A frame object that is being evaluated: no longer and not yet, its caller is NULL or of the past.
 * Of frames that are no objects nothing tells. */
bool pam_frame_is_evaluated(const struct pam_layout *layout, const unsigned char *copy);

/* The generator or coroutine of a frame of which that is a copy; `on_heap`: it is in no chunk. */
static inline uint64_t pam_frame_generator(const struct pam_layout *layout, const unsigned char *copy,
                                           uint64_t address, bool on_heap)
{
    if (layout->frame_generator)
        return pam_u64_at(copy, layout->frame_generator);
    return on_heap ? address - layout->generator_frame : 0;
}

/* The copy of [address, address + size) in pass `pass`, or NULL. */
const unsigned char *pam_region_copy(const struct pam_region *region, const unsigned char *arena,
                                     unsigned pass);

#endif
