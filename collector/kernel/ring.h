/* ring.h - a perf_event ring buffer: mapped, and read record by record. */
#ifndef PAM_RING_H
#define PAM_RING_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    PAM_RING_BYTES = 64 << 10, /* of data; 2,048 switch records, and small enough for mlock limits */
    PAM_RING_RECORD_BYTES = 64 << 10, /* none is longer: its size has 16 bits */
};

struct pam_ring {
    struct perf_event_mmap_page *page; /* NULL: not mapped */
    const unsigned char *data;
    size_t size;  /* a power of two */
};

/* Maps the ring of an event, `bytes` of data: a power of two. 0 or a negative errno. */
int pam_ring_map(struct pam_ring *ring, int fd, size_t bytes);
void pam_ring_unmap(struct pam_ring *ring);

/* Calls `take` for each record that is there, oldest first, and frees its place. Records come whole,
 * also when they wrap around. */
typedef void pam_take_record(const struct perf_event_header *record, void *context);
void pam_ring_drain(struct pam_ring *ring, pam_take_record *take, void *context);

#endif
