/* intern.c - a hash table of fixed capacity that gives each distinct key the next id, from 1. */
#include "intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct pam_intern_key {
    uint32_t offset; /* in the arena */
    uint32_t size;
    uint32_t hash;
};

/* FNV-1a, then mixed: keys are short and come from a target that gains nothing by collisions but
 * a slower profile of itself. */
static uint32_t hash_of(const unsigned char *key, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ key[i]) * UINT64_C(0x100000001b3);
    return (uint32_t)(hash ^ hash >> 29);
}

/* Memory that the kernel gives page by page as it is touched. */
static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

enum { FIRST_SLOTS = 1024 };

static size_t slots_bytes(const struct pam_intern *intern)
{
    size_t slots = FIRST_SLOTS;

    while (slots < 2 * (size_t)intern->capacity)
        slots *= 2;
    return slots * sizeof *intern->slots;
}

bool pam_intern_init(struct pam_intern *intern, uint32_t capacity, size_t arena_bytes)
{
    *intern = (struct pam_intern){
        .capacity = capacity, .arena_bytes = arena_bytes, .slot_mask = FIRST_SLOTS - 1};
    intern->slots = reserve(slots_bytes(intern));
    intern->keys = reserve(((size_t)capacity + 1) * sizeof *intern->keys);
    intern->arena = reserve(arena_bytes);
    if (intern->slots && intern->keys && intern->arena)
        return true;
    pam_intern_done(intern);
    return false;
}

static void release(void *memory, size_t bytes)
{
    if (memory)
        (void)munmap(memory, bytes);
}

void pam_intern_done(struct pam_intern *intern)
{
    release(intern->slots, slots_bytes(intern));
    release(intern->keys, ((size_t)intern->capacity + 1) * sizeof *intern->keys);
    release(intern->arena, intern->arena_bytes);
    memset(intern, 0, sizeof *intern);
}

void pam_intern_clear(struct pam_intern *intern)
{
    /* Give the pages back rather than write zeroes into all of them. */
    (void)madvise(intern->slots, slots_bytes(intern), MADV_DONTNEED);
    intern->slot_mask = FIRST_SLOTS - 1;
    intern->count = 0;
    intern->arena_used = 0;
}

static void put(struct pam_intern *intern, uint32_t id)
{
    uint32_t at = intern->keys[id].hash & intern->slot_mask;

    while (intern->slots[at])
        at = (at + 1) & intern->slot_mask;
    intern->slots[at] = id;
}

/* Half full: twice as many slots, in place. */
static void grow(struct pam_intern *intern)
{
    memset(intern->slots, 0, ((size_t)intern->slot_mask + 1) * sizeof *intern->slots);
    intern->slot_mask = 2 * intern->slot_mask + 1;
    for (uint32_t id = 1; id <= intern->count; id++)
        put(intern, id);
}

uint32_t pam_intern_id(struct pam_intern *intern, const void *key, size_t size, bool *is_new)
{
    const uint32_t hash = hash_of(key, size);
    uint32_t at = hash & intern->slot_mask;

    *is_new = false;
    for (; intern->slots[at]; at = (at + 1) & intern->slot_mask) {
        const struct pam_intern_key *known = &intern->keys[intern->slots[at]];

        if (known->hash == hash && known->size == size &&
            (!size || !memcmp(intern->arena + known->offset, key, size)))
            return intern->slots[at];
    }
    if (intern->count == intern->capacity || intern->arena_bytes - intern->arena_used < size)
        return 0;
    *is_new = true;
    intern->count++;
    intern->keys[intern->count] =
        (struct pam_intern_key){(uint32_t)intern->arena_used, (uint32_t)size, hash};
    if (size)
        memcpy(intern->arena + intern->arena_used, key, size);
    intern->arena_used += size;
    put(intern, intern->count);
    if (2 * intern->count > intern->slot_mask && 2 * intern->count <= intern->capacity)
        grow(intern);
    return intern->count;
}
