/* reader.h - private to the stack reader: what it holds, and one vectored read of what threads need. */
#ifndef PAM_READER_OF_STACKS_H
#define PAM_READER_OF_STACKS_H

#include "python/task_now.h"
#include "python/tries.h"

struct pam_stack_reader {
    const struct pam_runtime *runtime;
    const struct pam_layout *layout;
    struct pam_remote *remote;
    struct pam_codes *codes;
    struct pam_recorder *recorder;
    struct pam_health *health;
    struct pam_tasks *tasks; /* NULL: they are not told */
    struct pam_thread_list list;
    enum { NO_LIST, INTERPRETERS, THREADS_TOO } listing;
    struct pam_gil gil;
    struct pam_moment moments[2]; /* of the batch, and of the thread that is read again */
    struct pam_moment *moment;    /* of the latest read */
    size_t piece_count;
    size_t arena_used;
    unsigned char *arena;
    struct pam_piece *pieces;
    struct pam_span { uint64_t from, to; } *spans; /* of the regions that are being added */
    struct pam_chain earlier; /* of the first copy */
    struct pam_try now;
    struct pam_tries tries;
};

/* Reads both copies of all regions of the threads; of those that are still but one. `again`: of one thread,
 * while the copies of its batch are still needed. 0, or a negative errno when the process is gone. */
int pam_read_copies(struct pam_stack_reader *reader, struct pam_py_thread *const *threads, size_t count,
                    bool again);

/* How many of the threads fit into one read. At least one does: its bounds are below the room. */
size_t pam_batch_size(struct pam_py_thread *const *threads, size_t count);

#endif
