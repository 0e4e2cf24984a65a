/* ring.c - a perf_event ring buffer: mapped, and read record by record. See perf_event_open(2). */
#include "kernel/ring.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

int pam_ring_map(struct pam_ring *ring, int fd, size_t bytes)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE); /* 16 KiB on a Raspberry Pi 5 */
    const size_t size = page > bytes ? page : bytes;
    void *memory = mmap(NULL, page + size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED)
        return -errno;
    *ring = (struct pam_ring){memory, (const unsigned char *)memory + page, size};
    return 0;
}

void pam_ring_unmap(struct pam_ring *ring)
{
    if (ring->page)
        (void)munmap(ring->page, (size_t)(ring->data - (const unsigned char *)ring->page) + ring->size);
    ring->page = NULL;
}

static void copy_out(const struct pam_ring *ring, uint64_t at, void *out, size_t size)
{
    const size_t from = (size_t)at & (ring->size - 1);
    const size_t first = ring->size - from < size ? ring->size - from : size;

    memcpy(out, ring->data + from, first);
    memcpy((unsigned char *)out + first, ring->data, size - first);
}

void pam_ring_drain(struct pam_ring *ring, pam_take_record *take, void *context)
{
    _Alignas(struct perf_event_header) unsigned char record[PAM_RING_RECORD_BYTES];
    const uint64_t head = __atomic_load_n(&ring->page->data_head, __ATOMIC_ACQUIRE);
    uint64_t tail = ring->page->data_tail;

    while (head - tail >= sizeof(struct perf_event_header)) {
        /* Records are multiples of 8 bytes: a header never wraps. */
        const unsigned char *at = ring->data + (tail & (ring->size - 1));
        const uint16_t size = ((const struct perf_event_header *)(const void *)at)->size;

        if (size < sizeof(struct perf_event_header) || size > head - tail)
            break; /* the kernel never writes such a thing; give the rest up rather than loop */
        if ((size_t)(ring->data + ring->size - at) >= size) {
            take((const struct perf_event_header *)(const void *)at, context);
        } else {
            copy_out(ring, tail, record, size);
            take((const struct perf_event_header *)(const void *)record, context);
        }
        tail += size;
    }
    __atomic_store_n(&ring->page->data_tail, head, __ATOMIC_RELEASE);
}
