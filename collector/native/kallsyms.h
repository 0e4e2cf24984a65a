/* kallsyms.h - names of the kernel's functions, read once from /proc/kallsyms. */
#ifndef PAM_KALLSYMS_H
#define PAM_KALLSYMS_H

#include <pam/error.h>
#include <pam/record.h>

struct pam_kallsyms;

/* 0, or an error: PAM_PERMISSION when the addresses are hidden (it takes CAP_SYSLOG). */
int pam_kallsyms_read(struct pam_kallsyms **ret, struct pam_error *error);
void pam_kallsyms_free(struct pam_kallsyms *symbols);

/* The function that an address lies in; false when there is none, or when it was asked for before since
 * pam_kallsyms_forget(). Borrows from `symbols`. */
bool pam_kallsyms_once(struct pam_kallsyms *symbols, uint64_t address, struct pam_kernel_symbol *record);
void pam_kallsyms_forget(struct pam_kallsyms *symbols);

#endif
