/* taken.h - what a sample of perf_event with registers, stack and call chain says. */
#ifndef PAM_TAKEN_H
#define PAM_TAKEN_H

#include <linux/perf_event.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAM_SWITCHED_FRAMES = 48 }; /* of the kernel's call chain in which a thread waits */

/* How an event was asked to sample. */
struct pam_taken_format {
    uint64_t sample_type;   /* of the PERF_SAMPLE_*: TID and TIME, and of CALLCHAIN, REGS_USER, STACK_USER
                               those that are wanted */
    uint64_t register_mask; /* attr.sample_regs_user */
};

/* Points into the record. Nothing in it is aligned for us. */
struct pam_taken {
    pid_t tid;
    uint64_t time_ns;
    bool in_kernel;
    const unsigned char *kernel_chain; /* 8 bytes each, innermost first */
    size_t kernel_chain_bytes;
    const unsigned char *user_chain;
    size_t user_chain_bytes;
    const unsigned char *registers;    /* NULL: none, as of a kernel thread or a 32-bit one */
    const unsigned char *stack;
    size_t stack_bytes;
};

/* False when the record is too short for what it should hold. */
bool pam_taken_parse(const struct perf_event_header *record, const struct pam_taken_format *format,
                     struct pam_taken *taken);

#endif
