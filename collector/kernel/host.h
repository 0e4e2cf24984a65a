/* host.h - facts about the machine that a capture must carry. */
#ifndef PAM_HOST_H
#define PAM_HOST_H

#include <sys/utsname.h>

#include <pam/record.h>

#include "kernel/procfs.h"

struct pam_host_facts {
    struct utsname names;
    char model[256];
    char boot_id[40];
    struct pam_host record; /* borrows the texts above */
};

void pam_host_read(struct pam_host_facts *facts);

/* The board's local time minus UTC, in seconds, at this moment. */
int64_t pam_utc_offset_s(void);

#endif
