/* code.h - code objects of the target, read once, known by their address, checked against reuse.
 *
 * CPython frees code objects and gives their address to others. Words of the object that stay the
 * same for its life, and the cached hash of its qualified name, tell one from the next. */
#ifndef PAM_CODE_H
#define PAM_CODE_H

#include "python/objects.h"
#include "recorder.h"

struct pam_code_entry {
    uint64_t address;
    uint64_t id;           /* in the capture's epoch */
    uint32_t frame_bytes;  /* of a frame that runs it: the geometry check */
    uint32_t units;        /* code units: the instruction range */
    bool is_coroutine;     /* what it makes can be run by a task */
    uint8_t role_plus1;    /* awaited.c: what for a coroutine of it waits; 0: not looked at */
    uint64_t since_ns;     /* if used: first at this time of the recorder */
    bool used;             /* since the last check: it is in the list of those */
    uint64_t qualname;     /* address */
    uint64_t identity[8];  /* words that another object at this address would not have */
};

enum { PAM_BYTECODES = 4096 }; /* one entry each: who comes later takes the place */

/* A thread's own copy of a code's bytecode: place.h. */
struct pam_bytecode {
    uint64_t code; /* id; 0: none */
    uint64_t first; /* address of its first unit; 0: it was not there */
    int32_t copy;
};

struct pam_codes {
    struct pam_heap heap;
    uint64_t code_type;
    uint32_t version_hex;
    uint32_t count;
    uint64_t reused;               /* addresses found to hold another code object */
    uint64_t check_due_ns;         /* when the used ones are to be checked again */
    uint64_t check_wait_ns;
    uint32_t used_count;           /* entries in `used`: those used since then */
    uint32_t *used;
    uint32_t *slots;               /* hash table of entry index + 1 */
    uint32_t slot_mask;            /* of those in use */
    struct pam_code_entry *entries;
    struct pam_bytecode *bytecodes; /* PAM_BYTECODES of them; NULL: threads have none of their own */
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
 * records since when they may have: who uses one that changed while nobody did is found here too. It is
 * due again soon where addresses are being reused, else after 0.4 s: no name is wrong for longer. */
void pam_codes_check(struct pam_codes *codes, struct pam_recorder *recorder);

#endif
