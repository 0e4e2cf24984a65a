/* output.h - a finished picture becomes a file, whole or not at all. */
#ifndef PAM_PLOT_OUTPUT_H
#define PAM_PLOT_OUTPUT_H

#include <pam/error.h>

/* Copies what is in `fd` to `path`: to a temporary name beside it, renamed when all is written, so
 * that a failure leaves nothing new and what was there. A path that is no regular file (/dev/null,
 * a named pipe) is written to as it is. "-" is stdout. */
int plot_output_save(int fd, const char *path, struct pam_error *error);

#endif
