/* plt.h - the function that a stub of the procedure linkage table jumps to, which has no symbol of its own. */
#ifndef PAM_PLT_H
#define PAM_PLT_H

#include "symbols/demangle.h"
#include "symbols/elf_find.h"

/* "NAME@plt" of the stub at an address, as the file says; false when none is there, or it is nobody's. */
bool pam_plt_name(const struct pam_dw *dw, const struct pam_elf *elf, GElf_Half machine, uint64_t address,
                  char name[PAM_FUNCTION_NAME_BYTES]);

#endif
