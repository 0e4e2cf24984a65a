/* remote.c - reading another process's memory, many pieces in one system call. */
#include "python/remote.h"

#include <errno.h>
#include <limits.h>
#include <string.h>

enum { PIECES_A_CALL = 1024 }; /* IOV_MAX on Linux */

void pam_remote_init(struct pam_remote *remote, pid_t pid)
{
    memset(remote, 0, sizeof *remote);
    remote->pid = pid;
    remote->readv = process_vm_readv;
}

void pam_remote_allow(struct pam_remote *remote, uint64_t calls)
{
    remote->calls_end = calls ? remote->calls + calls : 0;
}

/* How many of the pieces `got` bytes fill; the kernel stops at the first it cannot read. */
static size_t mark_read(struct pam_piece *pieces, size_t count, size_t got)
{
    size_t done = 0;

    while (done < count && got >= pieces[done].size) {
        got -= pieces[done].size;
        pieces[done++].ok = true;
    }
    return done;
}

/* Where the pieces go: those that follow each other in our memory are one, which spares the kernel work.
 * Returns how many. */
static size_t list_local(const struct pam_piece *pieces, size_t count, struct iovec *local)
{
    size_t n = 0;

    for (size_t i = 0; i < count; i++) {
        if (n && (unsigned char *)local[n - 1].iov_base + local[n - 1].iov_len == pieces[i].into)
            local[n - 1].iov_len += pieces[i].size;
        else
            local[n++] = (struct iovec){pieces[i].into, pieces[i].size};
    }
    return n;
}

int pam_remote_readv(struct pam_remote *remote, struct pam_piece *pieces, size_t count)
{
    struct iovec local[PIECES_A_CALL];
    struct iovec target[PIECES_A_CALL];

    for (size_t from = 0; from < count;) {
        const size_t n = count - from < PIECES_A_CALL ? count - from : PIECES_A_CALL;
        size_t done = 0;
        ssize_t got;

        if (remote->calls_end && remote->calls >= remote->calls_end)
            return -EDQUOT;
        for (size_t i = 0; i < n; i++) {
            struct pam_piece *piece = &pieces[from + i];

            piece->ok = false;
            target[i] = (struct iovec){(void *)(uintptr_t)piece->address, piece->size};
        }
        got = remote->readv(remote->pid, local, list_local(pieces + from, n, local), target, n, 0);
        remote->calls++;
        if (got < 0 && errno != EFAULT)
            return -errno;
        if (got > 0) {
            remote->bytes += (uint64_t)got;
            done = mark_read(pieces + from, n, (size_t)got);
        }
        from += done;
        if (done < n)
            pieces[from++].ok = false; /* the one that stopped it */
    }
    return 0;
}

int pam_remote_read(struct pam_remote *remote, uint64_t address, void *into, size_t size)
{
    struct pam_piece piece = {.address = address, .into = into, .size = (uint32_t)size};
    const int r = pam_remote_readv(remote, &piece, 1);

    if (r < 0)
        return r;
    return piece.ok ? 0 : -EFAULT;
}
