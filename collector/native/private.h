/* private.h - what the files of native stacks share. */
#ifndef PAM_NATIVE_PRIVATE_H
#define PAM_NATIVE_PRIVATE_H

#include "native/kallsyms.h"
#include "native/native.h"

enum {
    PAM_NATIVE_ARENA_BYTES = 1 << 20, /* what is copied at once: ~100 threads' stacks */
    PAM_NATIVE_PIECES = 256,
    PAM_MAX_NATIVE = 1 << 15,         /* different ones in an epoch */
};

struct pam_native_stacks {
    bool user, kernel;
    struct pam_snapshot *snapshot;
    struct pam_kallsyms *symbols; /* NULL: the kernel's addresses stay without names */
    struct pam_intern table;      /* of what was recorded in `epoch`, since it was last forgotten */
    uint32_t epoch;
    uint64_t forgotten;           /* ids given before that */
    unsigned char *arena;
    size_t arena_used;
    struct pam_piece pieces[PAM_NATIVE_PIECES];
};

/* place.c: where the stack ends in which the stack pointer of a job stands; 0: unknown. */
uint64_t pam_native_stack_end(const struct pam_native_process *process, const struct pam_native_job *job,
                              uint64_t stack_pointer);

#endif
