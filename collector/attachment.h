/* attachment.h - what the sampler holds of one process: its threads and, when it is Python, the runtime
 * and all that was learnt of it. */
#ifndef PAM_ATTACHMENT_H
#define PAM_ATTACHMENT_H

#include "native/native.h"
#include "python/tasks.h"
#include "target/modules.h"
#include "threads.h"
#include "waits.h"

struct pam_attachment {
    pid_t pid, parent;
    int proc_fd;               /* /proc/PID; borrowed */
    bool is_target;            /* the process that was asked for */
    bool program_changed;      /* by execve() */
    struct pam_threads threads;
    struct pam_process_counts *counts; /* of --event; NULL without, and when they were refused */
    struct pam_modules modules;
    size_t modules_told;       /* of these, in this epoch */
    bool modules_recorded;     /* all that are mapped */
    uint64_t modules_due_ns;   /* not before, for native stacks */
    bool resample;             /* in this tick, all threads: their native stacks can be told better */
    struct pam_native_process native; /* for its native stacks, if those are wanted */

    /* The rest is about its Python; `is_python` is false while there is no (initialised) one. */
    bool is_python;
    uint64_t next_attach_ns;
    uint64_t attach_wait_ns;
    struct pam_remote remote;
    struct pam_runtime runtime;
    struct pam_codes codes;
    struct pam_tasks tasks;
    struct pam_thread_names names;
    uint64_t next_names_ns;
    struct pam_stack_reader *stacks;
    struct pam_thread_list list; /* of the last scan */
    char no_waits[PAM_WAIT_REASON_BYTES]; /* why it cannot be told what its threads wait in; or empty */
    bool gil_disabled;         /* as told */
    bool list_wanted;          /* it may have changed since it was last read */
    bool scan_wanted;
    uint64_t scan_failures;    /* in a row */
    enum pam_listing unlisted; /* what tells most of these; PAM_LISTED: there are none */
    uint64_t unsettled_scans;  /* in a row: threads were just starting */
};

#endif
