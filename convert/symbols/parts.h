/* parts.h - the parts of a function that its compiler has put elsewhere, of which a stripped file has no names.
 *
 * CPython's loop is such a function: gcc 16 leaves little more than its beginning where its symbol says, and puts the
 * rest, under a name of the file's own, among the code that is seldom run. */
#ifndef PAM_PARTS_H
#define PAM_PARTS_H

#include "symbols/eh_table.h"

enum { PAM_MAX_PARTS = 8 }; /* gcc makes one, what rearranges programs a few */

struct pam_parts {
    struct pam_eh_range entries[PAM_MAX_PARTS];
    size_t count;
};

/* Finds the parts of the function of that name, if the file has its symbol. `module`: the file, at the addresses that
 * it says itself. What cannot be shown to be a part is none. */
void pam_parts_find(const struct pam_dw *dw, Dwfl_Module *module, const struct pam_elf *elf, GElf_Half machine,
                    const char *function, struct pam_parts *parts);

bool pam_parts_has(const struct pam_parts *parts, uint64_t address);

#endif
