/* liar.c - a made-up Python process whose memory lies: what a read returns is changed on its way. */
#include "liar.h"

#include <errno.h>
#include <string.h>

enum { MAX_PLACES = 1024 };

static struct liar *current; /* readv has no context */
static uint64_t places[MAX_PLACES];
static size_t place_count;

const char *const lie_names[LIE_KINDS] = {
#define LIE(name, what) #name,
    LIES(LIE)
#undef LIE
};

uint64_t liar_random(struct liar *liar)
{
    liar->random ^= liar->random << 13;
    liar->random ^= liar->random >> 7;
    liar->random ^= liar->random << 17;
    return liar->random >> 11;
}

void liar_knows(struct liar *liar, uint64_t address)
{
    (void)liar;
    if (place_count < MAX_PLACES)
        places[place_count++] = address;
}

static uint64_t any_place(struct liar *liar)
{
    const uint64_t random = liar_random(liar);
    const uint64_t known = places[random % place_count];

    switch (random >> 20 & 3) {
    case 0: return TARGET_BASE + random % liar->target->used;
    case 1: return known + (random >> 24 & 0x1f8) - 64;
    default: return known;
    }
}

static uint64_t odd_pointer(struct liar *liar)
{
    static const uint64_t odd[] = {0, 1, 8, 4088, 4096, UINT64_MAX, UINT64_MAX - 7, UINT64_C(1) << 63,
                                   (UINT64_C(1) << 56) - 8, (UINT64_C(1) << 47) - 8};
    const uint64_t random = liar_random(liar);

    if (random & 1)
        return odd[random / 2 % (sizeof odd / sizeof *odd)];
    return random & 2 ? random << 3 : TARGET_BASE + liar->target->size - (random >> 8 & 0xff);
}

static uint64_t odd_length(struct liar *liar)
{
    static const uint64_t bounds[] = {1 << 7,  1 << 8,  1 << 12, 1 << 14, 1 << 16, 1 << 17,
                                      1 << 20, 4 << 20, 8 << 20, 1 << 30, UINT32_MAX};
    const uint64_t random = liar_random(liar);
    const uint64_t bound = bounds[random / 4 % (sizeof bounds / sizeof *bounds)];

    switch (random & 3) {
    case 0: return bound + (random >> 16 & 3) - 2;
    case 1: return (random >> 16) % bound;
    case 2: return 0 - (random >> 16 & 0xffff);
    default: return random >> (random & 31);
    }
}

/* Most fields are words, some are half of one. */
static void put_word(struct liar *liar, unsigned char *piece, size_t size, uint64_t value)
{
    const uint64_t random = liar_random(liar);
    const size_t bytes = random & 7 || size < 8 ? 8 : 4;

    if (size >= bytes)
        memcpy(piece + random / 8 % (size / bytes) * bytes, &value, bytes);
}

static void change(struct liar *liar, enum lie lie, unsigned char *piece, size_t size)
{
    const uint64_t random = liar_random(liar);
    const size_t from = random % size;
    uint64_t other;

    switch (lie) {
    case LIE_bits:
        for (uint64_t i = 0; i <= (random >> 16 & 3); i++)
            piece[liar_random(liar) % size] ^= (unsigned char)(1u << (liar_random(liar) & 7));
        break;
    case LIE_inward: put_word(liar, piece, size, any_place(liar)); break;
    case LIE_outward: put_word(liar, piece, size, odd_pointer(liar)); break;
    case LIE_length: put_word(liar, piece, size, odd_length(liar)); break;
    case LIE_torn:
        other = any_place(liar);
        if (other >= TARGET_BASE && size - from <= liar->target->size &&
            other - TARGET_BASE <= liar->target->size - (size - from))
            memcpy(piece + from, liar->target->memory + (other - TARGET_BASE), size - from);
        break;
    case LIE_garbage:
        for (size_t i = 0; i < size; i++)
            piece[i] = (unsigned char)liar_random(liar);
        break;
    default: break;
    }
}

/* Where the bytes that a call returned from `done` on are. */
static unsigned char *place_of(const struct iovec *local, size_t done)
{
    for (; done >= local->iov_len; local++)
        done -= local->iov_len;
    return (unsigned char *)local->iov_base + done;
}

static ssize_t lying_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
                           const struct iovec *remote, unsigned long remote_count, unsigned long flags)
{
    struct liar *liar = current;
    const ssize_t got = liar->honest(pid, local, local_count, remote, remote_count, flags);
    size_t done = 0;

    liar->calls++;
    if (got < 0)
        return got;
    for (unsigned long i = 0; i < remote_count && done + remote[i].iov_len <= (size_t)got; i++) {
        const size_t size = remote[i].iov_len;
        const enum lie lie = (enum lie)(liar_random(liar) % LIE_KINDS);

        liar->pieces++;
        if (size && liar->one_in && liar_random(liar) % liar->one_in == 0) {
            liar->told[lie]++;
            errno = EFAULT;
            if (lie == LIE_unmapped)
                return done ? (ssize_t)done : -1;
            if (lie == LIE_cut) /* as process_vm_readv(2) may: within a piece, too */
                return (ssize_t)(done + liar_random(liar) % size);
            change(liar, lie, place_of(local, done), size);
        }
        done += size;
    }
    return got;
}

void liar_init(struct liar *liar, struct target *target, struct pam_remote *remote, uint64_t seed)
{
    *liar = (struct liar){.target = target, .honest = remote->readv, .random = seed * 2 + 1};
    remote->readv = lying_readv;
    current = liar;
    place_count = 0;
}
