/* below.h - native and kernel stacks in the sampling thread: whose, when, and into which samples. */
#ifndef PAM_BELOW_H
#define PAM_BELOW_H

#include "native/bundle.h"
#include "native/native.h"
#include "threads.h"

struct pam_below {
    struct pam_native_stacks *native;
    struct pam_taken_format format;          /* of the samples at switches */
    char warning[PAM_REASON_TEXT_BYTES];     /* what is less than asked for, or "" */
    struct pam_native_job jobs[PAM_MAX_NATIVE_JOBS]; /* in the order of sampler->wanted */
    struct pam_bundles bundles;              /* to be recorded at the end */
    uint64_t python_ns;                      /* when Python's stacks were copied */
};

#endif
