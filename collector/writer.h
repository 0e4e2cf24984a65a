/* writer.h - the writer thread: blocks into compressed, checksummed bytes on the output.
 *
 * A slow card or pipe delays this thread only. Between it and the sampling thread stand a few
 * buffers; pam_writer_take() returns NULL when none is free. */
#ifndef PAM_WRITER_H
#define PAM_WRITER_H

#include <pam/capture.h>
#include <pam/error.h>

#include "wake.h"

struct pam_writer;

struct pam_buffer {
    struct pam_block_header header; /* flags, sequence, epoch and clock base by the recorder */
    size_t size;
    unsigned char data[PAM_MAX_BLOCK];
};

enum pam_writer_state {
    PAM_WRITER_RUNNING,
    PAM_WRITER_CLOSED_PIPE, /* the reader went away: a normal end */
    PAM_WRITER_FAILED,      /* writing failed; pam_writer_finish() tells how */
};

/* Starts the thread and writes the file header. `fd` stays the caller's; `name` is for messages.
 * `sync_ns`: fdatasync this often, 0 never. `wake`: called when writing ends. */
int pam_writer_start(struct pam_writer **ret, int fd, const char *name, uint64_t sync_ns,
                     struct pam_wake *wake, struct pam_error *error);

struct pam_buffer *pam_writer_take(struct pam_writer *writer);
void pam_writer_give(struct pam_writer *writer, struct pam_buffer *buffer);

enum pam_writer_state pam_writer_state(const struct pam_writer *writer);
uint64_t pam_writer_bytes(const struct pam_writer *writer);

/* Writes what was given, ends the thread and frees it; `bytes` gets how many were written in all. */
int pam_writer_finish(struct pam_writer *writer, uint64_t *bytes, struct pam_error *error);

#endif
