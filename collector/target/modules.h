/* modules.h - the executable mappings of the target, with their build-ids. */
#ifndef PAM_MODULES_H
#define PAM_MODULES_H

#include <sys/types.h>

#include <pam/record.h>

enum { PAM_MAX_MODULES = 4096 };

struct pam_modules {
    struct pam_module_entry *entries;
    size_t count, room;
};

/* Lists what is mapped now; what was listed before is not opened again. */
void pam_modules_scan(struct pam_modules *modules, int proc_fd);
void pam_modules_done(struct pam_modules *modules);

/* The record of the i-th module; borrows from `modules`. */
struct pam_module pam_modules_get(const struct pam_modules *modules, size_t i, pid_t pid);

#endif
