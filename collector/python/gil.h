/* gil.h - who holds the GIL, and whether garbage is being collected: copied along with the stacks. */
#ifndef PAM_GIL_H
#define PAM_GIL_H

#include "python/runtime.h"

/* Where they are in a process. */
struct pam_gil {
    uint64_t address;     /* of its struct _gil_runtime_state; 0: not known */
    uint32_t bytes;       /* of it, with the conditions and mutexes that threads wait on */
    uint32_t first;       /* offsets in it: what is copied starts with `last_holder`, or with `enabled` */
    uint32_t last_holder;
    uint32_t locked;
    bool optional;        /* it has `enabled` */
    bool disabled;        /* when it was last read */
    uint64_t collecting;  /* address of an int */
    uint64_t stopper;     /* address of a pointer to the thread state that has stopped all others; 0: none can */
    uint64_t collector;   /* the state that had stopped them when a collection was running that is not over; 0: none */
    uint64_t only_of;     /* the interpreter that it is for; 0: it is for all */
};

enum { PAM_GIL_PIECES = 3, PAM_GIL_COPY_BYTES = 32 };

/* What they were at one moment. */
struct pam_gil_copy {
    unsigned char gil[PAM_GIL_COPY_BYTES]; /* from `first` to `locked` */
    unsigned char collecting[sizeof(int)];
    unsigned char stopper[sizeof(uint64_t)];
    bool gil_ok, collecting_ok, stopper_ok;
    uint64_t collector; /* as in struct pam_gil */
};

enum pam_gil_state {
    PAM_GIL_UNKNOWN,
    PAM_GIL_FREE,    /* nobody holds it; a disabled one, nobody can */
    PAM_GIL_HELD,    /* by the thread */
    PAM_GIL_OTHERS,  /* by another thread, so the thread may wait for it */
    PAM_GIL_AWAITED, /* and it does: only the thread's wait tells */
};

/* Looks them up; what is not there (yet) stays unknown. */
void pam_gil_find(struct pam_gil *gil, const struct pam_runtime *runtime, struct pam_remote *remote);

/* Fills in the pieces of one copy and returns how many: 0 when nothing is known. */
size_t pam_gil_pieces(const struct pam_gil *gil, struct pam_gil_copy *copy,
                      struct pam_piece pieces[PAM_GIL_PIECES]);
/* After those were read. */
void pam_gil_take(struct pam_gil *gil, struct pam_gil_copy *copy, const struct pam_piece *pieces,
                  size_t count);

/* `tstate`: address of the thread's PyThreadState in that interpreter. */
enum pam_gil_state pam_gil_state(const struct pam_gil *gil, const struct pam_gil_copy *copy,
                                 uint64_t interpreter, uint64_t tstate);

/* A collection was running, and the thread, of which that is the state, runs it: it held the GIL, or had
 * stopped all others for it. Without a GIL it lets them go on at times: then nothing tells whose it is, unless it had
 * stopped them at an earlier copy. */
bool pam_gil_collecting(const struct pam_gil_copy *copy, enum pam_gil_state state, uint64_t tstate);

/* Does a futex of that address belong to the GIL? */
bool pam_gil_has_futex(const struct pam_gil *gil, uint64_t address);

#endif
