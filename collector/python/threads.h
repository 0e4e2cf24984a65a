/* threads.h - the thread states of the interpreter, and the names threading gave to threads. */
#ifndef PAM_PY_THREADS_H
#define PAM_PY_THREADS_H

#include <pam/varint.h>

#include "python/objects.h"
#include "python/runtime.h"

enum {
    PAM_MAX_PY_THREADS = 4096, /* sampled at once; more are counted as left out */
    PAM_THREAD_NAME_BYTES = 1024,
};

struct pam_tstate {
    uint64_t address;
    uint64_t unique_id;
    uint64_t ident;
    pid_t tid; /* 0 while the thread has not set it yet */
};

/* Lists the thread states, newest first. `count` gets how many there are, at most `room` of them
 * listed. False when the list changed under the read or is no list: try again later. */
bool pam_tstates_list(struct pam_remote *remote, const struct pam_runtime *runtime,
                      struct pam_tstate *states, size_t room, size_t *count);

/* The names in threading._active. The module is looked up until it is found, then remembered. */
struct pam_thread_names {
    struct pam_heap heap;
    uint64_t interpreter;
    uint64_t active; /* the dict; 0 while threading is not imported */
};

/* Calls `visit` with each thread's ident and name until it returns false. */
typedef bool pam_visit_name(uint64_t ident, struct pam_bytes name, void *context);
void pam_thread_names_each(struct pam_thread_names *names, pam_visit_name *visit, void *context);

#endif
