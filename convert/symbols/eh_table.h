/* eh_table.h - where functions begin, as .eh_frame_hdr tells for files that have no symbols. */
#ifndef PAM_EH_TABLE_H
#define PAM_EH_TABLE_H

#include "symbols/elf_find.h"

/* A function, or a part that the compiler has put elsewhere, up to the next one. */
struct pam_eh_range {
    uint64_t start, end; /* as the file says */
};

/* The one at an address that the file itself says. False when that is not known. */
bool pam_eh_table_find(const struct pam_elf *elf, uint64_t address, struct pam_eh_range *range);

#endif
