/* access.h - why the kernel refuses access to a process, and the remedy for what was found. */
#ifndef PAM_ACCESS_H
#define PAM_ACCESS_H

#include "target/process.h"

/* Stores PAM_PERMISSION's sentence and returns it. */
int pam_access_refused(const struct pam_target *target, struct pam_error *error);

#endif
