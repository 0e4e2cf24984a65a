/* remote.h - reading another process's memory, many pieces in one system call.
 *
 * The target is never stopped and nothing is written into it. A piece that cannot be read is
 * normal: it is marked, and the pieces after it are still read. */
#ifndef PAM_REMOTE_H
#define PAM_REMOTE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>
#include <sys/uio.h>

struct pam_piece {
    uint64_t address;
    void *into;
    uint32_t size;
    bool ok; /* set by pam_remote_readv */
};

struct pam_remote {
    pid_t pid;
    /* process_vm_readv(2); tests put a target of their own here */
    ssize_t (*readv)(pid_t pid, const struct iovec *local, unsigned long local_count,
                     const struct iovec *remote, unsigned long remote_count, unsigned long flags);
    uint64_t calls; /* system calls made */
    uint64_t calls_end; /* when so many were made, nothing can be read any more; 0: no end */
    uint64_t bytes; /* bytes they returned */
};

void pam_remote_init(struct pam_remote *remote, pid_t pid);

/* What a target says leads to more reads, and one that lies could lead on forever: begins a look at it
 * that may cost so many calls. 0: it may cost any number. */
void pam_remote_allow(struct pam_remote *remote, uint64_t calls);

/* Reads all pieces, in order. 0, also when some are not ok, or a negative errno when the process
 * cannot be read at all: -ESRCH it is gone, -EPERM it is forbidden, -EDQUOT the look costs too much. */
int pam_remote_readv(struct pam_remote *remote, struct pam_piece *pieces, size_t count);

/* One piece: 0, or a negative errno (-EFAULT when it is not mapped). */
int pam_remote_read(struct pam_remote *remote, uint64_t address, void *into, size_t size);

/* Fields of a copy. Offsets come from the layout table; nothing in a target is aligned for us. */
static inline uint64_t pam_u64_at(const void *copy, size_t offset)
{
    uint64_t value;

    __builtin_memcpy(&value, (const unsigned char *)copy + offset, sizeof value);
    return value;
}

static inline uint32_t pam_u32_at(const void *copy, size_t offset)
{
    uint32_t value;

    __builtin_memcpy(&value, (const unsigned char *)copy + offset, sizeof value);
    return value;
}

/* Could be the address of an object: aligned, not in the first page, within user space. */
static inline bool pam_is_pointer(uint64_t address)
{
    return (address & 7) == 0 && address >= 4096 && address < (UINT64_C(1) << 56);
}

#endif
