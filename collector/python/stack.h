/* stack.h - the Python stacks of many threads by one vectored read, validated, never stopping them.
 *
 * What a thread needs (thread state, C frame, the part of its data stack in use, frames of
 * generators) is remembered from the read before, so one process_vm_readv normally brings all of
 * it, twice. Of the two copies the root side on which both agree is kept. What does not fit the
 * memory is learnt and read again, a bounded number of times. */
#ifndef PAM_STACK_H
#define PAM_STACK_H

#include "python/code.h"
#include "python/runtime.h"
#include "recorder.h"

enum {
    PAM_MAX_DEPTH = 4096,     /* frames of one thread; sys.getrecursionlimit() is 1000 by default */
    PAM_MAX_CHUNKS = 256,     /* of 16 KiB or more each: more than PAM_MAX_DEPTH frames need */
    PAM_MAX_CFRAMES = 4,
    PAM_MAX_HEAP_FRAMES = 2048, /* frames of generators and coroutines in one thread's chain */
};

/* A part of the target's memory that is copied for a thread, twice. */
struct pam_region {
    uint64_t address;
    uint32_t size;      /* how much of it is copied */
    uint32_t capacity;  /* of a chunk: its whole size */
    uint32_t idle;      /* walks since a walk last used it */
    uint32_t offset;    /* of the first copy in the arena */
    uint32_t second;    /* of the second; the same when there is but one */
    bool ok[2];
};

struct pam_node {
    uint64_t code_id;
    uint64_t unit_plus1;
    uint64_t stack_id;
};

/* What the reader remembers of a thread. Zeroed, then the first three are set. */
struct pam_py_thread {
    bool still;          /* in: it waits off its CPU, so one copy tells as much as two */
    bool moved;          /* it came on while it was copied for still */
    uint64_t tstate;     /* address of its PyThreadState */
    uint64_t unique_id;  /* PyThreadState.id: tells a reused address */
    uint64_t ident;      /* pthread_t */
    struct pam_region state;
    struct pam_region cframes[PAM_MAX_CFRAMES]; /* of the C calls that it goes in and out of */
    uint32_t cframe_count;
    struct pam_region *chunks; /* newest first */
    uint32_t chunk_count, chunk_room;
    struct pam_region *heap;   /* leaf first, as last seen */
    uint32_t heap_count, heap_room;
    struct pam_node *nodes;    /* the stack last recorded, root first */
    uint32_t depth, node_room;
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
    bool gone;         /* the thread state is no longer that of the thread */
};

struct pam_stack_reader;

/* `health` gets the counts. */
int pam_stack_reader_new(struct pam_stack_reader **ret, const struct pam_runtime *runtime,
                         struct pam_remote *remote, struct pam_codes *codes,
                         struct pam_recorder *recorder, struct pam_health *health,
                         struct pam_error *error);
void pam_stack_reader_free(struct pam_stack_reader *reader);

/* Called after threads were copied: those that were still and came on meanwhile become `moved`. */
typedef void pam_check_still(void *context);

/* Reads the stacks of `count` threads and records what is new in them. 0, or a negative errno when
 * the process cannot be read at all any more. `list`: the list of threads too. `check` may be NULL when
 * no thread is still. */
int pam_stacks_read(struct pam_stack_reader *reader, struct pam_py_thread *const *threads,
                    struct pam_stack_result *results, size_t count, bool list,
                    pam_check_still *check, void *context);

/* {next_unique_id, head} of the interpreter's list of threads, as last read: when it differs
 * from before, threads have come or gone. */
const uint64_t *pam_stack_thread_list(const struct pam_stack_reader *reader);

void pam_py_thread_done(struct pam_py_thread *thread);

#endif
