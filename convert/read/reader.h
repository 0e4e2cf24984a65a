/* reader.h - a capture as a sequence of events: blocks found, checked, inflated and decoded.
 *
 * Reads a file or a pipe that still grows. Damage is data: a gap event says what was lost, the
 * reader goes on at the next block that can be decoded, and the counts are in pam_reader_damage. */
#ifndef PAM_READER_H
#define PAM_READER_H

#include <pam/error.h>
#include <pam/record.h>

struct pam_reader;

enum pam_event_kind {
    PAM_EVENT_RECORD, /* `record` happened at `time_ns` */
    PAM_EVENT_EPOCH,  /* a new epoch: interned ids start afresh */
    PAM_EVENT_BLOCK,  /* a new block: `sample`s no longer refer to earlier ones */
    PAM_EVENT_CAPTURE, /* another capture begins: made by who reads several */
    PAM_EVENT_GAP,    /* blocks were lost here: what threads do is unknown until they say so */
};

struct pam_event {
    enum pam_event_kind kind;
    uint64_t time_ns;         /* CLOCK_MONOTONIC of the board */
    struct pam_record record; /* of PAM_EVENT_RECORD; borrows memory until the next event */
};

struct pam_damage {
    uint64_t damaged_blocks;  /* blocks whose CRC or content was wrong */
    uint64_t lost_blocks;     /* missing sequence numbers and blocks that depended on lost ones */
    uint64_t damaged_records; /* records that could not be decoded */
    uint64_t unknown_records; /* records of a newer version, skipped */
    uint64_t skipped_bytes;   /* bytes that belonged to no block */
    uint64_t first_offset;    /* where in the file the first damage is */
    bool cut_tail;            /* the input ends inside a block */
    bool complete;            /* an `end` record was seen */
};

/* Reads the file header of `fd`, which the reader does not own; `name` is for messages.
 * PAM_DAMAGED when it is empty, not a capture, or one of a newer version. */
int pam_reader_open(struct pam_reader **ret, int fd, const char *name, struct pam_error *error);
void pam_reader_free(struct pam_reader *reader);

/* 1: `event` holds the next one; 0: the end of the input; negative: reading failed. */
int pam_reader_next(struct pam_reader *reader, struct pam_event *event, struct pam_error *error);

const struct pam_damage *pam_reader_damage(const struct pam_reader *reader);

/* Bytes of the input that were taken so far. */
uint64_t pam_reader_input_bytes(const struct pam_reader *reader);

#endif
