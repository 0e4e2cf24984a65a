/* waits.h - what blocked threads wait in: once for each thread and stack, and whether it is the GIL. */
#ifndef PAM_WAITS_H
#define PAM_WAITS_H

#include "kernel/blocked.h"

struct pam_sampler;
struct pam_attachment;

enum {
    PAM_WAIT_SLOTS = 1 << 13, /* threads with a stack: three quarters of so many in an epoch */
    PAM_WAIT_SOCKETS = 32,    /* of which it is remembered what they are */
    PAM_WAIT_REASON_BYTES = 160,
};

struct pam_waits {
    uint64_t seen[PAM_WAIT_SLOTS];       /* hash set of threads with stacks; 0: free */
    uint32_t seen_count;
    uint32_t epoch;                      /* of the recorder, which `seen` is about */
    struct {
        uint64_t inode;
        char text[PAM_SOCKET_TEXT_BYTES];
    } sockets[PAM_WAIT_SOCKETS];
    uint32_t next_socket;
};

/* Finds out whether it can be told of a process. */
void pam_waits_start(const struct pam_sampler *sampler, struct pam_attachment *attachment);

/* Records what can be told of it; again in each epoch, and when its GIL is enabled or disabled. */
void pam_waits_record(struct pam_sampler *sampler, struct pam_attachment *attachment);

/* Between the read of a process's stacks, of the first `count` wanted threads, and their records: which of
 * them wait for the GIL, and what those wait in that have not been seen off their CPU with this stack. */
void pam_waits_look(struct pam_sampler *sampler, struct pam_attachment *attachment, size_t count);

/* Goes on with those of all processes whose turn did not come. */
void pam_waits_catch_up(struct pam_sampler *sampler);

#endif
