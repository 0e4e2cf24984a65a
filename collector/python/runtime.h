/* runtime.h - finding the CPython runtime in a process and what version it is. */
#ifndef PAM_RUNTIME_H
#define PAM_RUNTIME_H

#include <pam/error.h>

#include "kernel/procfs.h"
#include "python/layout.h"
#include "python/remote.h"

enum { PAM_MAX_INTERPRETERS = 64 }; /* of one process; the threads of more are left out */

struct pam_runtime {
    const struct pam_layout *layout;
    uint32_t version_hex;      /* PY_VERSION_HEX */
    uint64_t runtime;          /* address of _PyRuntime */
    uint64_t code_type;        /* address of PyCode_Type: every code object points to it */
    uint64_t interpreter;      /* the main interpreter, 0 until Python has initialised */
    uint64_t interpreters[PAM_MAX_INTERPRETERS]; /* all, newest first, as last listed; of several
                                                    threads.c says more */
    size_t interpreter_count;
    size_t interpreters_left_out;
    char path[PAM_PATH_BYTES]; /* ELF file that holds _PyRuntime */
    uint64_t fruitless;        /* what the process had mapped when a search found nothing: while that is
                                  so, the next one ends at once */
};

/* `runtime` is zeroed, or as an earlier search left it. Finds the runtime of the process `proc_fd` (/proc/PID) through its own root directory.
 * PAM_NOT_PYTHON, PAM_UNSUPPORTED (another version, 32 bits), PAM_NO_TARGET, or PAM_PERMISSION: then
 * without a sentence when it is the process, not a file, that may not be read. */
int pam_runtime_find(struct pam_runtime *runtime, struct pam_remote *remote, int proc_fd,
                     struct pam_error *error);

#endif
