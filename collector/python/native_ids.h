/* native_ids.h - the kernel's thread ids of thread states that do not tell them: CPython 3.8 to 3.10.
 *
 * A thread's ident is its pthread_t, in glibc and musl the address of its struct pthread, which holds the
 * thread id that the kernel gave. Where in it is found out by looking: there the main thread has the
 * process id, and every other thread another one of the process's threads. Where that fails,
 * threading.Thread._native_id is believed if it is a thread of the process (after a fork it may be one
 * of the parent's). */
#ifndef PAM_NATIVE_IDS_H
#define PAM_NATIVE_IDS_H

#include "python/threads.h"

/* Zeroed for a new attachment. */
struct pam_native_ids {
    uint32_t place_plus1; /* 1 + offset of the thread id in a struct pthread; 0 while not known */
    bool confirmed;       /* it was right for another thread than the main one */
    struct pam_thread_names names;
};

/* The threads of the process, by the ids that it knows itself. */
struct pam_own_threads {
    pid_t main;
    bool (*has)(pid_t own_tid, void *context);
    void *context;
};

/* Sets `tid` of all states for which it can be had. */
void pam_native_ids_fill(struct pam_native_ids *ids, struct pam_remote *remote,
                         const struct pam_runtime *runtime, const struct pam_own_threads *own,
                         struct pam_tstate *states, size_t count);

#endif
