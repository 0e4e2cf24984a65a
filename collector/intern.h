/* intern.h - a hash table of fixed capacity that gives each distinct key the next id, from 1. */
#ifndef PAM_INTERN_H
#define PAM_INTERN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct pam_intern {
    uint32_t capacity;      /* keys */
    uint32_t count;
    size_t arena_bytes;
    size_t arena_used;
    uint32_t *slots;        /* id, 0 when free; room for twice the capacity */
    uint32_t slot_mask;     /* of those in use: few at first, so that few pages are touched */
    struct pam_intern_key *keys;
    unsigned char *arena;   /* the keys, one after the other */
};

/* False when memory is short. Untouched parts cost no memory. */
bool pam_intern_init(struct pam_intern *intern, uint32_t capacity, size_t arena_bytes);
void pam_intern_done(struct pam_intern *intern);
void pam_intern_clear(struct pam_intern *intern);

/* The id of a key, and whether it is new. 0 when the table is full. Never allocates. */
uint32_t pam_intern_id(struct pam_intern *intern, const void *key, size_t size, bool *is_new);

#endif
