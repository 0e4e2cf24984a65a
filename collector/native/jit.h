/* jit.h - names of functions that a process made at run time: from its perf-PID.map or its jitdump.
 *
 * Both grow while it runs, and most of what they name never occurs on a stack: they are read once, at the
 * end, for the addresses that did. */
#ifndef PAM_JIT_H
#define PAM_JIT_H

#include "native/native.h"

/* Opens what there is, as soon as addresses have occurred: the files may be gone when the process is. */
void pam_jit_open(struct pam_native_process *process);

/* Records the functions in which addresses occurred. */
void pam_jit_record(struct pam_native_process *process, struct pam_recorder *recorder);

#endif
