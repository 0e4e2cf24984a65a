/* resident.c - gives back what of programs and libraries was needed to start only. */
#include "resident.h"

#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#include <unistd.h>

/* A segment that is never written is read again from its file, where and when it is needed. */
static int give_back(struct dl_phdr_info *object, size_t size, void *page_bytes)
{
    const uintptr_t page = *(const uintptr_t *)page_bytes;

    (void)size;
    for (ElfW(Half) i = 0; i < object->dlpi_phnum; i++) {
        const ElfW(Phdr) *segment = &object->dlpi_phdr[i];
        const uintptr_t start = (object->dlpi_addr + segment->p_vaddr) & ~(page - 1);
        const uintptr_t end = object->dlpi_addr + segment->p_vaddr + segment->p_memsz;

        if (segment->p_type == PT_LOAD && !(segment->p_flags & PF_W))
            (void)madvise((void *)start, end - start, MADV_DONTNEED);
    }
    return 0;
}

void pam_resident_give_back(void)
{
    uintptr_t page_bytes = (uintptr_t)sysconf(_SC_PAGESIZE);

    (void)malloc_trim(0);
    (void)dl_iterate_phdr(give_back, &page_bytes);
}
