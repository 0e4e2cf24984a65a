/* recorder.h - records into blocks: interning, epochs, time, and the hand-over to the writer.
 *
 * The sampling thread's alone. Everything is allocated at the start; putting a record never
 * allocates. When the writer cannot keep up, blocks are given up and counted, and a new epoch,
 * which needs nothing of what was lost, starts as soon as there is room. */
#ifndef PAM_RECORDER_H
#define PAM_RECORDER_H

#include <pam/error.h>
#include <pam/record.h>

#include "intern.h"
#include "writer.h"

enum {
    PAM_MAX_STRINGS = 1 << 14,
    PAM_MAX_CODES = 1 << 14, /* PAM uses ~300 */
    PAM_MAX_FRAMES = 1 << 16,
    PAM_MAX_STACKS = 1 << 17,
    PAM_STRING_ARENA_BYTES = 2 << 20,
};

struct pam_recorder {
    struct pam_writer *writer;
    struct pam_buffer *block;     /* being filled; NULL while there is none free */
    uint64_t time_ns;             /* the current time of the block, as a reader will see it */
    uint64_t tick_grid_us;        /* sampling ticks are this far apart, or a multiple of it; 0: 1 us */
    uint64_t block_started_ns;
    uint64_t epoch_started_ns;
    uint64_t epoch_raw_bytes;
    uint32_t sequence;
    uint32_t epoch;
    bool epoch_wanted;            /* by a full table, a lost block, size or age */
    bool patient;                 /* waits for the writer rather than lose anything: at the end */
    uint64_t block_number;        /* changes with every block, also a lost one */
    uint64_t dropped_blocks;
    uint64_t dropped_bytes;
    uint64_t tasks;               /* task ids given in this epoch */
    struct pam_intern strings, codes, frames, stacks;
};

int pam_recorder_init(struct pam_recorder *recorder, struct pam_writer *writer,
                      struct pam_error *error);
void pam_recorder_done(struct pam_recorder *recorder);

/* Writes a record at the current time. */
void pam_recorder_put(struct pam_recorder *recorder, enum pam_record_id id, const void *body);

/* Makes sure that the next `bytes` of records go into one block. */
void pam_recorder_reserve(struct pam_recorder *recorder, size_t bytes);

/* Moves the current time on. `empty` sampling ticks without a thread that ran lie between; at the
 * new time there is a sampling tick unless `sampling` is false. Hands a block over that is old. */
void pam_recorder_time(struct pam_recorder *recorder, uint64_t now_ns, uint64_t empty, bool sampling);

/* A new epoch is due. The caller starts it and then repeats everything that is alive. False when
 * there is still no block free: then nothing can be recorded, and everything put is lost. */
bool pam_recorder_epoch_due(const struct pam_recorder *recorder, uint64_t now_ns);
bool pam_recorder_start_epoch(struct pam_recorder *recorder, uint64_t now_ns);
void pam_recorder_want_epoch(struct pam_recorder *recorder);

/* Ids within the epoch; what is new is recorded. 0 when the table is full: then a new epoch is due. */
uint64_t pam_recorder_string(struct pam_recorder *recorder, struct pam_bytes text);
uint64_t pam_recorder_frame(struct pam_recorder *recorder, uint64_t code, uint64_t unit_plus1);
uint64_t pam_recorder_stack(struct pam_recorder *recorder, uint64_t parent, uint64_t frame,
                            bool entered);
/* `code` but its id. Codes that are alike are one, also those of other processes; specialised
 * instructions make no difference. */
uint64_t pam_recorder_code(struct pam_recorder *recorder, struct pam_code *code);
uint64_t pam_recorder_new_task_id(struct pam_recorder *recorder);

/* Hands the last block over. */
void pam_recorder_finish(struct pam_recorder *recorder);

#endif
