/* copy.c - what unwinding needs of a copied stack, and when two copies unwind alike. */
#include "native/copy.h"

#include <string.h>

static uint64_t word_at(const unsigned char *bytes, size_t at)
{
    uint64_t word;

    memcpy(&word, bytes + at, sizeof word);
    return word;
}

/* On ARM a return address may be signed in its upper bits: as many as the addresses of the process leave
 * over, of which there are 39 or 48. */
static bool is_code(struct pam_code_ranges *ranges, uint64_t word)
{
    if (pam_ranges_has(ranges, word))
        return true;
#if defined(__aarch64__)
    return pam_ranges_has(ranges, word & ((UINT64_C(1) << 48) - 1)) ||
           pam_ranges_has(ranges, word & ((UINT64_C(1) << 39) - 1));
#else
    return false;
#endif
}

void pam_copy_reduce(struct pam_stack_copy *copy, uint64_t stack_end, struct pam_code_ranges *ranges)
{
    const uint64_t low = copy->address, high = stack_end > low ? stack_end : low + copy->size;
    const unsigned registers = pam_registers_count(copy->register_mask);

    for (unsigned i = 0; i < registers; i++)
        if ((copy->registers[i] < low || copy->registers[i] > high) &&
            !is_code(ranges, copy->registers[i]))
            copy->registers[i] = 0;
    for (size_t at = 0; at < copy->size; at += 8) {
        const uint64_t word = word_at(copy->bytes, at);

        if (word && (word < low || word > high) && !is_code(ranges, word))
            memset(copy->bytes + at, 0, 8);
    }
}

/* The finaliser of splitmix64: each bit of `value` changes about half of the result's. */
static uint64_t mix(uint64_t value)
{
    value = (value ^ (value >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    value = (value ^ (value >> 27)) * UINT64_C(0x94d049bb133111eb);
    return value ^ (value >> 31);
}

static void add(struct pam_copy_key *key, uint64_t word, uint64_t place)
{
    key->halves[0] = mix(key->halves[0] ^ (word + place * UINT64_C(0x9e3779b97f4a7c15)));
    key->halves[1] = mix(key->halves[1] + (word ^ mix(place)));
}

static void add_words(struct pam_copy_key *key, const void *words, size_t size)
{
    for (size_t at = 0; at + 8 <= size; at += 8) {
        const uint64_t word = word_at(words, at);

        if (word)
            add(key, word, at);
    }
}

struct pam_copy_key pam_copy_key(const struct pam_stack_copy *copy, const void *more, size_t more_bytes,
                                 uint64_t flags)
{
    struct pam_copy_key key = {{copy->register_mask, copy->size}};

    add(&key, copy->address, flags);
    add_words(&key, copy->registers, sizeof *copy->registers * pam_registers_count(copy->register_mask));
    add_words(&key, copy->bytes, copy->size);
    if (more_bytes)
        add_words(&key, more, more_bytes);
    return key;
}
