/* stack.h - the Python stacks of many threads by one vectored read, validated, never stopping them.
 *
 * What a thread needs (thread state, C frame, the part of its data stack in use, frames of
 * generators) is remembered from the read before, so one process_vm_readv normally brings all of
 * it, twice. Of the two copies the root side on which both agree is kept. What does not fit the
 * memory is learnt and read again, a bounded number of times, as long as it is of the same moment:
 * tries.h. */
#ifndef PAM_STACK_H
#define PAM_STACK_H

#include "python/code.h"
#include "python/gil.h"
#include "python/runtime.h"
#include "python/threads.h"
#include "recorder.h"

enum {
    PAM_MAX_DEPTH = 4096,     /* frames of one thread; sys.getrecursionlimit() is 1000 by default */
    PAM_MAX_CHUNKS = 256,     /* of 16 KiB or more each: more than PAM_MAX_DEPTH frames need */
    PAM_MAX_CFRAMES = 4,
    PAM_MAX_HEAP_FRAMES = 2048, /* frames of generators and coroutines; before 3.11 all frames */
};

/* A part of the target's memory that is copied for a thread, twice. */
struct pam_region {
    uint64_t address;
    uint32_t size;      /* how much of it is copied */
    uint32_t capacity;  /* of a chunk: its whole size */
    uint32_t idle;      /* walks since a walk last used it */
    struct pam_region_copy {
        uint32_t offset; /* in the arena; that of both is the same when there is but one */
        uint32_t piece;  /* which of those read it was a part of */
        bool ok;
    } copy[2];
};

struct pam_node {
    uint64_t code_id;
    uint64_t unit_plus1;
    uint64_t stack_id;
    bool entered;
};

/* What the reader remembers of a thread in one interpreter. */
struct pam_py_thread {
    bool still;          /* in: it waits off its CPU, so one copy tells as much as two */
    bool moved;          /* it came on while it was copied for still */
    bool is_inner;       /* it goes on with the stack of the one before it */
    struct pam_py_thread *inner; /* the same thread in an interpreter that it entered from this one */
    uint64_t interpreter;
    uint64_t base;       /* the stack it goes on with, when `nodes` was recorded */
    uint64_t tstate;     /* address of its PyThreadState */
    uint64_t unique_id;  /* PyThreadState.id: tells a reused address */
    uint64_t ident;      /* pthread_t */
    struct pam_region state;
    struct pam_region cframes[PAM_MAX_CFRAMES]; /* of the C calls that it goes in and out of */
    uint32_t cframe_count;
    struct pam_region *chunks; /* newest first */
    uint32_t chunk_count, chunk_room;
    struct pam_region *heap;   /* leaf first, as last seen; then those not met by the last walk */
    uint32_t heap_count, heap_room;
    uint64_t root;             /* the outermost frame object of the last chain, where frames are objects */
    struct pam_region task, task_name; /* of asyncio, as last run, and its name; size 0: none */
    struct pam_node *nodes;    /* the stack last recorded, root first */
    uint32_t depth, node_room;
    uint32_t bad_in_a_row;     /* samples that were cut or failed */
};

enum pam_outcome {
    PAM_STACK_WHOLE,
    PAM_STACK_TRUNCATED, /* only the root side was stable */
    PAM_STACK_NO_FRAME,  /* the thread has no Python frame now */
    PAM_STACK_FAILED,
};

struct pam_stack_result {
    enum pam_outcome outcome;
    uint64_t stack_id; /* in the recorder's epoch */
    uint64_t task;     /* the same; 0: it runs none of asyncio, or it is not known which */
    uint32_t task_depth; /* frames that are outside of the task's coroutine */
    bool gone;         /* the thread state is no longer that of the thread */
    uint8_t why;       /* enum pam_walk: what failed */
    uint32_t kept, dropped; /* frames */
    enum pam_gil_state gil; /* between the two copies that made the stack */
    bool between;      /* it was calling a Python function, or leaving one */
    bool collecting;   /* it was collecting garbage then */
};

struct pam_stack_reader;
struct pam_tasks;

/* `health` gets the counts. */
int pam_stack_reader_new(struct pam_stack_reader **ret, const struct pam_runtime *runtime,
                         struct pam_remote *remote, struct pam_codes *codes,
                         struct pam_recorder *recorder, struct pam_health *health,
                         struct pam_error *error);
void pam_stack_reader_free(struct pam_stack_reader *reader);

/* From now on the asyncio tasks that threads run are told too. */
void pam_stack_reader_tell_tasks(struct pam_stack_reader *reader, struct pam_tasks *tasks);

/* Called after threads were copied: those that were still and came on meanwhile become `moved`. */
typedef void pam_check_still(void *context);

/* Reads the stacks of `count` threads and records what is new in them; of a thread and the inner ones
 * behind it, the last has the result for all. 0, or a negative errno when the process cannot be read at
 * all any more. `list`: the list of threads too. `check` may be NULL when
 * no thread is still. */
int pam_stacks_read(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                    struct pam_stack_result *results, size_t count, bool list,
                    pam_check_still *check, void *context);

/* The lists of interpreters and of their threads, as last read: when they differ from before, some have
 * come or gone. The first is read each time, those of threads when it is asked for and while there are
 * several interpreters. */
struct pam_thread_list {
    uint64_t interpreters[3];                /* newest, main, next_id */
    uint64_t of[PAM_MAX_INTERPRETERS][2];    /* next_unique_id, newest thread state */
};

const struct pam_gil *pam_stack_gil(const struct pam_stack_reader *reader);
const struct pam_thread_list *pam_stack_thread_list(const struct pam_stack_reader *reader);

/* nested.c: a thread's states, from the outermost interpreter inwards. `place` is where the next one
 * belongs: that of `state`, new if it is not there already. Returns the place after it, or NULL when
 * memory is short. pam_inner_end() forgets those from a place on. */
struct pam_py_thread **pam_inner_thread(struct pam_py_thread **place, const struct pam_layout *layout,
                                        const struct pam_tstate *state);
void pam_inner_end(struct pam_py_thread **place);
/* Makes the thread that of `state`, unless it is already. */
void pam_py_thread_set(struct pam_py_thread *thread, const struct pam_layout *layout,
                       const struct pam_tstate *state);
/* Its stacks are recorded anew, for a new epoch. */
void pam_py_thread_forget(struct pam_py_thread *thread);
/* Frees what it holds, and all inner ones. */
void pam_py_thread_done(struct pam_py_thread *thread);

#endif
