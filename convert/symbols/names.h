/* names.h - the functions at a place in an ELF file, those that were inlined there too, by libdw. */
#ifndef PAM_NAMES_H
#define PAM_NAMES_H

#include "symbols/demangle.h"
#include "symbols/elf_find.h"

enum { PAM_MAX_INLINED = 32 }; /* functions at one place */

struct pam_functions {
    char names[PAM_MAX_INLINED][PAM_FUNCTION_NAME_BYTES]; /* innermost first; the last is no inlined one */
    size_t count;    /* 0: no symbol is there */
    uint64_t address; /* of a function without a symbol its start, if that is known; as the file says, or
                       * the offset in it when it is not here */
};

/* CPython's loop. Its symbol is exported, so that stripped files have it. */
#define PAM_LOOP_NAME "_PyEval_EvalFrameDefault"

struct pam_names;

/* `files` lives longer. 0 or PAM_MEMORY. */
int pam_names_new(struct pam_names **ret, struct pam_elf_files *files, struct pam_error *error);
void pam_names_free(struct pam_names *names);

void pam_names_find(struct pam_names *names, uint32_t module, uint64_t offset,
                    struct pam_functions *functions);

/* Is what is at a place, for which there is no symbol, a part of CPython's loop? */
bool pam_names_in_loop(struct pam_names *names, uint32_t module, uint64_t offset);

#endif
