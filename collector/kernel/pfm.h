/* pfm.h - libpfm4, loaded when a name needs it: the events that the manuals of CPUs name. */
#ifndef PAM_PFM_H
#define PAM_PFM_H

#include "kernel/events.h"

/* PAM_FAILED: libpfm4 is not there, or does not know the name; the error says which. */
int pam_pfm_find(const char *name, struct pam_event_code *code, struct pam_error *error);

/* Visits the events of this machine's CPU as PMU::EVENT, with a sentence on each. The same errors. */
int pam_pfm_each(void (*visit)(const char *name, const char *what, void *context), void *context,
                 struct pam_error *error);

#endif
