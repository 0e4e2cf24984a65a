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
    uint64_t interpreter;
    uint64_t unique_id;
    uint64_t ident;
    pid_t tid;    /* 0 while the thread has not set it yet, or not known */
    bool is_idle; /* nothing runs in it, or has run yet */
};

/* What came of listing; of several failures the greater tells more, as a list may change under the read. */
enum pam_listing {
    PAM_LISTED,
    PAM_LIST_UNREADABLE,
    PAM_LIST_BROKEN,  /* it led to what is none of its members */
    PAM_LIST_ENDLESS, /* it goes round in a circle */
};

/* As what follows "its list of threads"; NULL when it is listed. */
const char *pam_listing_text(enum pam_listing listing);

/* Lists the runtime's interpreters and their thread states, newest first in both. `count` gets how many
 * states there are, 131,072 at most; where there are more than `room`, the newest and the oldest (the main
 * thread) are listed. After a failure: try again later. */
enum pam_listing pam_tstates_list(struct pam_remote *remote, struct pam_runtime *runtime,
                                  struct pam_tstate *states, size_t room, size_t *count);

/* The names in each interpreter's threading._active. The main one's is looked up until it is found, then
 * remembered; the others come and go. */
struct pam_thread_names {
    struct pam_heap heap;
    const struct pam_runtime *runtime;
    uint64_t active; /* the main interpreter's dict; 0 while threading is not imported there */
};

/* Calls `visit` with each thread's interpreter, ident and Thread object until it returns false. */
typedef bool pam_visit_thread(uint64_t interpreter, uint64_t ident, uint64_t thread, void *context);
void pam_threading_each(struct pam_thread_names *names, pam_visit_thread *visit, void *context);

struct pam_thread_name {
    uint64_t interpreter, ident;
    struct pam_bytes text;
};

/* Calls `visit` with each thread's name until it returns false. */
typedef bool pam_visit_name(const struct pam_thread_name *name, void *context);
void pam_thread_names_each(struct pam_thread_names *names, pam_visit_name *visit, void *context);

#endif
