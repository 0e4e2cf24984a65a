/* thread_use.h - what each thread used, interval by interval, from the thread_cpu records. */
#ifndef PAM_THREAD_USE_H
#define PAM_THREAD_USE_H

#include "reader.h"

struct pam_thread_use {
    uint64_t thread;          /* id in the capture */
    uint64_t pid;             /* 0 when its thread record was lost */
    double cpu_percent;       /* of one core */
    double run_queue_percent; /* of the time it was ready and waited for a CPU */
    double switches_per_s;    /* times it was given a CPU */
    double on_cpu_samples;    /* times the on-CPU clock found it on one; NaN without that clock */
    double kernel_samples;    /* of these, in the kernel; NaN where only user mode is seen */
    double gil_percent;       /* of the time it held the GIL; NaN without samples that tell */
    double gil_wait_percent;  /* waited for it */
    double gil_unknown_percent; /* did not hold it, but perhaps waited */
};

struct pam_thread_uses;

int pam_thread_uses_new(struct pam_thread_uses **ret, struct pam_error *error);
void pam_thread_uses_free(struct pam_thread_uses *uses);

/* Takes every event of a capture in order. 0 or PAM_MEMORY. */
int pam_thread_uses_add(struct pam_thread_uses *uses, const struct pam_event *event,
                        struct pam_error *error);

/* Ends the interval at `time_ns`. */
void pam_thread_uses_close(struct pam_thread_uses *uses, uint64_t time_ns);

/* The threads that are alive and what they used in the interval that was closed last, in the order
 * in which the capture saw them. The first interval has none. */
const struct pam_thread_use *pam_thread_uses_get(const struct pam_thread_uses *uses, size_t *count);

#endif
