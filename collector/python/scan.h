/* scan.h - looking for CPython's _PyRuntime in the memory of a process whose files do not show it. */
#ifndef PAM_SCAN_H
#define PAM_SCAN_H

#include "python/identify.h"

/* Scans the writable data of the executable and the libraries, a bounded number of bytes. Results as
 * those of pam_identify; `runtime->path` is the file whose data it was. */
enum pam_identity pam_scan(struct pam_runtime *runtime, struct pam_remote *remote, int proc_fd,
                           struct pam_error *error);

#endif
