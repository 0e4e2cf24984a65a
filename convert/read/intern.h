/* intern.h - a growing hash table that gives each distinct key the next id, from 0. */
#ifndef PAM_READ_INTERN_H
#define PAM_READ_INTERN_H

#include <stddef.h>
#include <stdint.h>

#include <pam/varint.h>

struct pam_table {
    uint32_t count;
    uint32_t room;            /* keys there is room for */
    uint32_t slot_mask;
    uint32_t *slots;          /* id + 1, 0 when free */
    struct pam_table_key *keys;
};

/* A zeroed table is empty. */
void pam_table_done(struct pam_table *table);

/* The id of the key, whose bytes are copied when it is new. Negative when memory is short. */
int64_t pam_table_id(struct pam_table *table, const void *key, size_t size);

/* The id of a key that is there, or -1. */
int64_t pam_table_find(const struct pam_table *table, const void *key, size_t size);

/* The bytes of a key; they stay where they are until pam_table_done(). */
struct pam_bytes pam_table_key(const struct pam_table *table, uint32_t id);

#endif
