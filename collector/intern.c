/* intern.c - a hash table of fixed capacity that gives each distinct key the next id, from 1. */
#include "intern.h"

#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

struct pam_intern_key {
    uint32_t offset; /* in the arena */
    uint32_t size;
    uint64_t hash;
};

/* FNV-1a, then mixed: keys are short and come from a target that gains nothing by collisions but
 * a slower profile of itself. */
static uint64_t hash_of(const unsigned char *key, size_t size)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < size; i++)
        hash = (hash ^ key[i]) * UINT64_C(0x100000001b3);
    return hash ^ hash >> 29;
}

/* Memory that the kernel gives page by page as it is touched. */
static void *reserve(size_t bytes)
{
    void *memory = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return memory == MAP_FAILED ? NULL : memory;
}

bool pam_intern_init(struct pam_intern *intern, uint32_t capacity, size_t arena_bytes)
{
    uint32_t slots = 16;

    while (slots < 2 * capacity)
        slots *= 2;
    *intern = (struct pam_intern){
        .capacity = capacity,
        .arena_bytes = arena_bytes,
        .slot_mask = slots - 1,
        .slots = reserve(slots * sizeof *intern->slots),
        .keys = reserve(((size_t)capacity + 1) * sizeof *intern->keys),
        .arena = reserve(arena_bytes),
    };
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
    release(intern->slots, ((size_t)intern->slot_mask + 1) * sizeof *intern->slots);
    release(intern->keys, ((size_t)intern->capacity + 1) * sizeof *intern->keys);
    release(intern->arena, intern->arena_bytes);
    memset(intern, 0, sizeof *intern);
}

void pam_intern_clear(struct pam_intern *intern)
{
    /* Give the pages back rather than write zeroes into all of them. */
    (void)madvise(intern->slots, ((size_t)intern->slot_mask + 1) * sizeof *intern->slots,
                  MADV_DONTNEED);
    intern->count = 0;
    intern->arena_used = 0;
}

uint32_t pam_intern_id(struct pam_intern *intern, const void *key, size_t size, bool *is_new)
{
    const uint64_t hash = hash_of(key, size);
    uint32_t at = (uint32_t)hash & intern->slot_mask;

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
    intern->slots[at] = intern->count;
    intern->keys[intern->count] =
        (struct pam_intern_key){(uint32_t)intern->arena_used, (uint32_t)size, hash};
    if (size)
        memcpy(intern->arena + intern->arena_used, key, size);
    intern->arena_used += size;
    return intern->count;
}
