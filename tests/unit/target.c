/* target.c - a target process that is none: an address space made by the test, read by its readv.
 */
#include "target.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

static struct target *current; /* readv has no context */

static bool is_inside(const struct target *target, uint64_t address, size_t size)
{
    return address >= TARGET_BASE && address - TARGET_BASE <= target->size &&
           size <= target->size - (address - TARGET_BASE);
}

static bool readable(const struct target *target, uint64_t from, size_t size)
{
    if (!is_inside(target, from, size))
        return false;
    for (size_t i = 0; i < target->hole_count; i++)
        if (from < target->holes[i].to && from + size > target->holes[i].from)
            return false;
    return true;
}

static unsigned count_before(const struct iovec *pieces, unsigned long index)
{
    unsigned count = 0;

    for (unsigned long i = 0; i < index; i++)
        count += pieces[i].iov_base == pieces[index].iov_base;
    return count;
}

/* The target may go on while a piece is copied. */
static void copy(struct target *target, void *to, uint64_t from, size_t size)
{
    const size_t part = target->part_bytes ? target->part_bytes : size;

    for (size_t at = 0; at < size; at += part) {
        if (target->before_part)
            target->before_part(target);
        memcpy((unsigned char *)to + at, target->memory + (from - TARGET_BASE) + at,
               size - at < part ? size - at : part);
    }
}

static size_t bytes_of(const struct iovec *pieces, unsigned long count)
{
    size_t bytes = 0;

    for (unsigned long i = 0; i < count; i++)
        bytes += pieces[i].iov_len;
    return bytes;
}

/* Where in our memory the next `size` bytes go after `done`: none lies across two local pieces. */
static void *place_of(const struct iovec *local, size_t done, size_t size)
{
    for (; done >= local->iov_len; local++)
        done -= local->iov_len;
    if (local->iov_len - done < size)
        abort();
    return (unsigned char *)local->iov_base + done;
}

/* As process_vm_readv(2): in order, up to the first piece that cannot be read. */
static ssize_t target_readv(pid_t pid, const struct iovec *local, unsigned long local_count,
                            const struct iovec *remote, unsigned long remote_count,
                            unsigned long flags)
{
    struct target *target = current;
    const size_t wanted = bytes_of(remote, remote_count);
    size_t done = 0;

    (void)pid;
    if (wanted > target->most_bytes)
        target->most_bytes = wanted;
    if (target->byte_limit && wanted > target->byte_limit)
        target->gone = ESRCH; /* nothing is copied where there may be no room for it */
    errno = target->gone ? target->gone : EINVAL;
    if (target->gone || flags || bytes_of(local, local_count) != wanted)
        return -1;
    for (unsigned long i = 0; i < remote_count; i++) {
        const uint64_t address = (uint64_t)(uintptr_t)remote[i].iov_base;

        if (target->before_piece)
            target->before_piece(target, address, count_before(remote, i));
        errno = EFAULT;
        if (!readable(target, address, remote[i].iov_len))
            return done ? (ssize_t)done : -1;
        copy(target, place_of(local, done, remote[i].iov_len), address, remote[i].iov_len);
        done += remote[i].iov_len;
    }
    return (ssize_t)done;
}

void target_init(struct target *target, struct pam_remote *remote, size_t size)
{
    memset(target, 0, sizeof *target);
    target->size = size;
    target->memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                          MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (target->memory == MAP_FAILED) {
        perror("target");
        abort();
    }
    pam_remote_init(remote, 1);
    remote->readv = target_readv;
    current = target;
}

void target_done(struct target *target)
{
    (void)munmap(target->memory, target->size);
    current = NULL;
}

uint64_t target_alloc(struct target *target, size_t size)
{
    const uint64_t address = TARGET_BASE + target->used;

    if (target->forgiving && !is_inside(target, address, size))
        return TARGET_BASE + target->size; /* not readable */
    (void)target_at(target, address, size);
    target->used += (size + 15) / 16 * 16;
    return address;
}

void *target_at(struct target *target, uint64_t address, size_t size)
{
    if (!is_inside(target, address, size)) {
        (void)fprintf(stderr, "target: no memory at %llx\n", (unsigned long long)address);
        abort();
    }
    return target->memory + (address - TARGET_BASE);
}

void target_put(struct target *target, uint64_t address, uint64_t value, unsigned bytes)
{
    if (!target->forgiving || is_inside(target, address, bytes))
        memcpy(target_at(target, address, bytes), &value,
               bytes); /* little-endian, as the targets */
}

uint64_t target_get(struct target *target, uint64_t address, unsigned bytes)
{
    uint64_t value = 0;

    if (!target->forgiving || is_inside(target, address, bytes))
        memcpy(&value, target_at(target, address, bytes), bytes);
    return value;
}

void target_hide(struct target *target, uint64_t address, size_t size)
{
    if (target->hole_count == TARGET_HOLES)
        abort();
    target->holes[target->hole_count].from = address;
    target->holes[target->hole_count++].to = address + size;
}

void target_show_all(struct target *target)
{
    target->hole_count = 0;
}
