/* intern.c - a growing hash table that gives each distinct key the next id, from 0. */
#include "intern.h"

#include <stdlib.h>
#include <string.h>

struct pam_table_key {
    unsigned char *bytes;
    uint32_t size;
    uint32_t hash;
};

/* Eight bytes at a time: code objects are long. */
static uint32_t hash_of(const void *key, size_t size)
{
    static const uint64_t MULTIPLIER = UINT64_C(0x9e3779b97f4a7c15);
    const unsigned char *at = key;
    uint64_t hash = size, word;

    for (; size >= sizeof word; at += sizeof word, size -= sizeof word) {
        memcpy(&word, at, sizeof word);
        hash = (hash ^ word) * MULTIPLIER;
        hash ^= hash >> 32;
    }
    if (size) {
        word = 0;
        memcpy(&word, at, size);
        hash = (hash ^ word) * MULTIPLIER;
    }
    return (uint32_t)(hash ^ hash >> 32);
}

void pam_table_done(struct pam_table *table)
{
    for (uint32_t i = 0; i < table->count; i++)
        free(table->keys[i].bytes);
    free(table->keys);
    free(table->slots);
    memset(table, 0, sizeof *table);
}

struct pam_bytes pam_table_key(const struct pam_table *table, uint32_t id)
{
    return (struct pam_bytes){table->keys[id].bytes, table->keys[id].size};
}

/* Doubles the table; at most half of the slots are ever in use. */
static int grow(struct pam_table *table)
{
    const uint32_t room = table->room ? 2 * table->room : 256;
    struct pam_table_key *keys = realloc(table->keys, room * sizeof *keys);
    uint32_t *slots;

    if (!keys)
        return -1;
    table->keys = keys;
    slots = calloc(2 * (size_t)room, sizeof *slots);
    if (!slots)
        return -1;
    free(table->slots);
    table->slots = slots;
    table->slot_mask = 2 * room - 1;
    table->room = room;
    for (uint32_t i = 0; i < table->count; i++) {
        uint32_t at = keys[i].hash & table->slot_mask;

        while (slots[at])
            at = (at + 1) & table->slot_mask;
        slots[at] = i + 1;
    }
    return 0;
}

/* The slot that has the key or where it would go. */
static uint32_t slot_of(const struct pam_table *table, const void *key, size_t size, uint32_t hash)
{
    uint32_t at = hash & table->slot_mask;

    for (; table->slots[at]; at = (at + 1) & table->slot_mask) {
        const struct pam_table_key *known = &table->keys[table->slots[at] - 1];

        if (known->hash == hash && known->size == size &&
            (!size || !memcmp(known->bytes, key, size)))
            break;
    }
    return at;
}

int64_t pam_table_find(const struct pam_table *table, const void *key, size_t size)
{
    return table->room ? (int64_t)table->slots[slot_of(table, key, size, hash_of(key, size))] - 1 : -1;
}

int64_t pam_table_id(struct pam_table *table, const void *key, size_t size)
{
    const uint32_t hash = hash_of(key, size);
    struct pam_table_key *added;
    uint32_t at;

    if (table->count == table->room && grow(table) < 0)
        return -1;
    at = slot_of(table, key, size, hash);
    if (table->slots[at])
        return table->slots[at] - 1;
    added = &table->keys[table->count];
    added->bytes = malloc(size ? size : 1);
    if (!added->bytes)
        return -1;
    if (size)
        memcpy(added->bytes, key, size);
    added->size = (uint32_t)size;
    added->hash = hash;
    table->slots[at] = ++table->count;
    return table->count - 1;
}
