/* resident.c - gives back what of programs and libraries was needed to start only. */
#include "resident.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/clocks.h"

enum { MOST_SEGMENTS = 64 }; /* of the program and all libraries together; what there are more of stays */

/* All together take 0.2 ms. On an emulated machine each page that all CPUs have to forget may take 5 ms. */
static const uint64_t TOO_LONG_NS = UINT64_C(10000000);

struct segments {
    uintptr_t page;
    struct {
        uintptr_t start, end;
    } of[MOST_SEGMENTS];
    size_t count;
};

/* A segment that is never written is read again from its file, where and when it is needed. */
static int list_segments(struct dl_phdr_info *object, size_t size, void *context)
{
    struct segments *segments = context;

    (void)size;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum && segments->count < MOST_SEGMENTS; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const uintptr_t start = object->dlpi_addr + segment->p_vaddr;

        if (segment->p_type != PT_LOAD || segment->p_flags & PF_W)
            continue;
        segments->of[segments->count].start = start & ~(segments->page - 1);
        segments->of[segments->count++].end = start + segment->p_memsz;
    }
    return 0;
}

void pam_resident_give_back(void)
{
    struct segments segments = {.page = (uintptr_t)sysconf(_SC_PAGESIZE)};
    const uint64_t start_ns = pam_monotonic_ns();

    /* The list first: on arm64 it stands in the segments themselves, and reading it would bring them back. */
    (void)dl_iterate_phdr(list_segments, &segments);
    (void)malloc_trim(0);
    for (size_t i = segments.count; i-- > 0 && pam_monotonic_ns() - start_ns < TOO_LONG_NS;) /* small ones first */
        (void)madvise((void *)segments.of[i].start, segments.of[i].end - segments.of[i].start, MADV_DONTNEED);
}
