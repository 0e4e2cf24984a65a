/* wait_table.h - what the threads of a capture wait in, by thread and stack. */
#ifndef PAM_WAIT_TABLE_H
#define PAM_WAIT_TABLE_H

#include <pam/syscalls.h>

#include "intern.h"
#include "reader.h"

/* What a wait record says, without what differs from one thread to the next. */
struct pam_wait_model {
    uint64_t number;      /* of the system call */
    int64_t timeout_ns;   /* -1: for ever, or it does not say */
    uint64_t files;       /* descriptors it waits for, 0: it is not for one */
    uint32_t arch;        /* enum pam_arch */
    uint32_t file;        /* texts of the model, or PAM_UNKNOWN: what the first is, and its socket's line */
    uint32_t socket;
    uint32_t padding;     /* keys are bytes */
};

struct pam_wait_table {
    struct pam_table waits;    /* struct pam_wait_model */
    struct pam_table stacks;   /* (thread, stack) */
    uint32_t *by_stack_plus1;  /* 1 + the wait of each of these, the latest */
    size_t room;
};

void pam_wait_table_done(struct pam_wait_table *waits);

/* What a record says; `file` and `socket` are texts of the model. */
struct pam_wait_model pam_wait_read(const struct pam_wait *wait, enum pam_arch arch, uint32_t file,
                                    uint32_t socket);

/* `thread` and `stack` are indices of the model. -1: memory. */
int pam_wait_table_set(struct pam_wait_table *waits, size_t thread, uint32_t stack,
                  const struct pam_wait_model *wait);

/* 1 + the number of the wait, 0 when there is none. */
uint32_t pam_wait_table_get(const struct pam_wait_table *waits, size_t thread, uint32_t stack);

struct pam_wait_model pam_wait_table_wait(const struct pam_wait_table *waits, uint32_t number);

#endif
