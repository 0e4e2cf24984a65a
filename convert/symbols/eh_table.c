/* eh_table.c - where functions begin, as .eh_frame_hdr tells for files that have no symbols.
 *
 * Linux Standard Base, 10.6.2: four bytes that say how the rest is encoded, a pointer, the number of
 * entries, and these, sorted: start of the function and its description. The encodings read here are what
 * all linkers write: numbers of 4 bytes, relative to the start of the table. */
#include "symbols/eh_table.h"

#include <unistd.h>

#include <pam/capture.h>

enum {
    HEADER_BYTES = 12,
    ENTRY_BYTES = 8,
    VERSION = 1,
    POINTER_OF_4 = DW_EH_PE_pcrel | DW_EH_PE_sdata4,
    COUNT_OF_4 = DW_EH_PE_udata4,
    ENTRIES_OF_4 = DW_EH_PE_datarel | DW_EH_PE_sdata4,
};

static bool read_at(const struct pam_elf *elf, uint64_t at, unsigned char *bytes, size_t size)
{
    const struct pam_segment *table = &elf->eh_table;

    return at <= table->size && size <= table->size - at &&
           pread(elf->fd, bytes, size, (off_t)(table->offset + at)) == (ssize_t)size;
}

static bool read_entry(const struct pam_elf *elf, uint64_t index, uint64_t *start)
{
    unsigned char bytes[4];

    if (!read_at(elf, HEADER_BYTES + index * ENTRY_BYTES, bytes, sizeof bytes))
        return false;
    *start = elf->eh_table.address + (uint64_t)(int64_t)(int32_t)pam_get_le(bytes, sizeof bytes);
    return true;
}

/* The last of the table ends with the code that it is in. */
static uint64_t end_of_code(const struct pam_elf *elf, uint64_t address)
{
    for (size_t i = 0; i < elf->count; i++)
        if (address - elf->segments[i].address < elf->segments[i].size)
            return elf->segments[i].address + elf->segments[i].size;
    return 0;
}

bool pam_eh_table_find(const struct pam_elf *elf, uint64_t address, struct pam_eh_range *range)
{
    unsigned char header[HEADER_BYTES];
    uint64_t low = 0, high, start;

    *range = (struct pam_eh_range){0, end_of_code(elf, address)};
    if (!range->end || !read_at(elf, 0, header, sizeof header) || header[0] != VERSION || header[1] != POINTER_OF_4 ||
        header[2] != COUNT_OF_4 || header[3] != ENTRIES_OF_4)
        return false;
    high = pam_get_le(header + 8, 4);
    while (low < high) {
        const uint64_t middle = low + (high - low) / 2;

        if (!read_entry(elf, middle, &start))
            return false;
        if (start <= address) {
            range->start = start;
            low = middle + 1;
        } else {
            range->end = start;
            high = middle;
        }
    }
    return low > 0;
}
