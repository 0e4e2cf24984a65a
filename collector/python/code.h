/* code.h - code objects of the target, read once, known by their address, checked against reuse.
 *
 * CPython frees code objects and gives their address to others. Words of the object that stay the
 * same for its life, and the cached hash of its qualified name, tell one from the next. */
#ifndef PAM_CODE_H
#define PAM_CODE_H

#include "python/objects.h"
#include "recorder.h"

enum { PAM_MAX_CODES = 1 << 14 }; /* in one epoch; PAM uses ~300, a full table starts a new epoch */

struct pam_code_entry {
    uint64_t address;
    uint64_t id;           /* in the capture's epoch */
    uint32_t frame_bytes;  /* of a frame that runs it: the geometry check */
    uint32_t units;        /* code units: the instruction range */
    uint64_t since_ns;     /* if used: first at this time of the recorder */
    bool used;             /* since the last check: it is in the list of those */
    uint64_t identity[8];  /* words that another object at this address would not have */
};

struct pam_codes {
    struct pam_heap heap;
    uint64_t code_type;
    uint32_t version_hex;
    uint32_t count;
    uint64_t reused;               /* addresses found to hold another code object */
    uint64_t checked_ns;           /* when the used ones were checked last */
    uint32_t used_count;           /* entries in `used`: those used since then */
    uint32_t *used;
    uint32_t *slots;               /* hash table of entry index + 1 */
    uint32_t slot_mask;            /* of those in use */
    struct pam_code_entry *entries;
};

/* False when memory is short. */
bool pam_codes_init(struct pam_codes *codes, const struct pam_heap *heap, uint64_t code_type,
                    uint32_t version_hex);
void pam_codes_done(struct pam_codes *codes);

/* Forgets all, for a new epoch. */
void pam_codes_clear(struct pam_codes *codes);

/* The entry for a code object, read and recorded when it is new. NULL when there is no valid code
 * object at that address or the table is full (then the recorder wants a new epoch). */
struct pam_code_entry *pam_code_get(struct pam_codes *codes, struct pam_recorder *recorder,
                                    uint64_t address);

/* Reads the identity of every code used since the check before again, forgets those that changed and
 * records since when they may have: who uses one that changed while nobody did is found here too. Done
 * every PAM_CODE_CHECK_NS, no name is wrong for longer. */
#define PAM_CODE_CHECK_NS UINT64_C(400000000)
void pam_codes_check(struct pam_codes *codes, struct pam_recorder *recorder);

#endif
