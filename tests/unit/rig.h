/* rig.h - the stack reader on a fake target, with a recording of what it reads. */
#ifndef PAM_RIG_H
#define PAM_RIG_H

#include "python.h"
#include "python/stack.h"
#include "python/tasks.h"
#include "recording.h"

enum {
    RIG_THREADS = 64,
    RIG_EXPECTATIONS = 64,
    RIG_CHUNK_BYTES = 16384,
    RIG_TARGET_BYTES = 64 << 20,
};

struct rig {
    struct target target;
    struct pam_remote remote;
    struct python python;
    struct recording recording;
    struct pam_runtime runtime;
    struct pam_codes codes;
    struct pam_tasks tasks;
    struct pam_health health;
    struct pam_stack_reader *reader;
    struct python_thread threads[RIG_THREADS]; /* in the target */
    struct pam_py_thread py[RIG_THREADS];      /* what the reader knows of them */
    struct pam_stack_result results[RIG_THREADS];
    size_t count;
    struct {
        uint64_t stack_id;
        const char *text;
    } expected[RIG_EXPECTATIONS];
    size_t expected_count;
};

/* `version`: one of PYTHON_VERSIONS. There is one thread without a frame. */
void rig_init(struct rig *rig, uint32_t version, uint64_t chunk_bytes);
void rig_add_thread(struct rig *rig);

/* Reads all threads' stacks once. */
int rig_read(struct rig *rig);

/* Reads and demands an outcome of the first thread; `stack` as stack_text() writes it, or NULL. */
void rig_expect(struct rig *rig, enum pam_outcome outcome, const char *stack);

/* Demands a stack id to be that stack when the recording is read. */
void rig_expect_stack(struct rig *rig, uint64_t stack_id, const char *stack);

/* Ends the recording, reads it, and compares what was expected with what it tells. */
void rig_done(struct rig *rig);

/* What rig_done() does last, for a test that has ended and read the recording itself. */
void rig_free(struct rig *rig);

/* --- shorter ways to build a stack in the first thread ------------------------------------------
 */

/* A code object that is only called here, of 20 units and 10 words. */
uint64_t rig_code(struct rig *rig, const char *name);
uint64_t rig_call(struct rig *rig, const char *name, uint64_t unit_plus1);

#endif
