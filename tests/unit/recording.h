/* recording.h - a recorder and its writer on a file in memory or a pipe, and what they wrote. */
#ifndef PAM_RECORDING_H
#define PAM_RECORDING_H

#include "reader.h"
#include "recorder.h"

struct recording {
    int fd;
    struct pam_wake wake;
    struct pam_writer *writer;
    struct pam_recorder recorder;
    uint64_t written_bytes; /* when wait_for_writer() returned */
};

/* `fd` -1: a new file in memory. The first epoch starts at `now_ns`. */
void recording_start(struct recording *recording, int fd, uint64_t now_ns);

/* Writes an end record and all that waits; the descriptor stays open. Returns what
 * pam_writer_finish() did. */
int recording_finish(struct recording *recording, struct pam_error *error);

/* Closes what recording_start() opened. */
void recording_done(struct recording *recording);

/* Waits until the writer has written one more block than at the last call; false after 20 s. */
bool recording_wait(struct recording *recording);

/* A marker of `size` bytes, filled with pseudo-random bytes that start with `number`. */
void recording_put_marker(struct recording *recording, uint64_t number, size_t size);
uint64_t marker_number(const struct pam_marker *marker);

/* A reader of the capture in `fd`, from its start. */
struct pam_reader *reader_of(int fd);

/* What there is in a capture. */
struct contents {
    uint64_t records[PAM_RECORD_TYPES + 1]; /* by type */
    uint64_t epochs, blocks, gaps;
    uint64_t first_marker, last_marker;
    bool markers_in_order; /* one after the other, each number one more */
    struct pam_damage damage;
};
struct contents contents_of(int fd);

#endif
