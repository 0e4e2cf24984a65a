/* unwind.h - a `native` record's registers and copy of the stack into addresses of code, by libdw. */
#ifndef PAM_UNWIND_H
#define PAM_UNWIND_H

#include "symbols/elf_find.h"

enum { PAM_MAX_NATIVE_FRAMES = 2048 }; /* a copy of 64 KiB holds no more with 32 bytes each */

/* The thread's own frames, innermost first. Of a caller it is the address of the call, not the one
 * behind it. */
struct pam_unwound {
    uint64_t addresses[PAM_MAX_NATIVE_FRAMES];
    size_t count;
    bool whole; /* up to where the thread began */
};

/* What is known of code that no file holds. */
enum pam_made {
    PAM_MADE_UNKNOWN,
    PAM_MADE_FUNCTION,   /* something made at run time */
    PAM_MADE_TRAMPOLINE, /* by Python under -X perf: it is known how to go on from there */
};

typedef enum pam_made pam_made_at(uint64_t address, void *context);

struct pam_unwinder;

/* `files` lives longer. 0 or PAM_MEMORY. */
int pam_unwinder_new(struct pam_unwinder **ret, struct pam_elf_files *files, struct pam_error *error);
void pam_unwinder_free(struct pam_unwinder *unwinder);

/* Another capture begins: its processes are others. */
void pam_unwinder_clear(struct pam_unwinder *unwinder);

/* `maps`: of its process, or NULL; `made` tells of addresses that are in none of them. */
void pam_unwind(struct pam_unwinder *unwinder, const struct pam_process_maps *maps,
                const struct pam_native *native, pam_made_at *made, void *context,
                struct pam_unwound *unwound);

#endif
