/* status.h - what pamcollect tells its user: the status line and the summary. */
#ifndef PAM_STATUS_H
#define PAM_STATUS_H

#include <pam/error.h>

#include "output.h"
#include "sampler.h"

/* One line, without a line end, that fits `columns`. */
void pam_status_line(char *line, size_t room, const struct pam_progress *progress, int columns);

/* What was captured, how well, at what cost, and the command to run next. */
void pam_status_summary(FILE *out, const struct pam_progress *progress,
                        const struct pam_output *output);

#endif
