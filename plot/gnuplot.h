/* gnuplot.h - gnuplot as a child process: a script in, a picture out. */
#ifndef PAM_PLOT_GNUPLOT_H
#define PAM_PLOT_GNUPLOT_H

#include <stdio.h>

#include <pam/error.h>

/* Runs gnuplot with what `write_script` writes on its stdin, a pipe, and with its stdout in
 * `output_fd`. What it says on stderr is in the error. */
int plot_gnuplot_run(void (*write_script)(FILE *script, const void *context), const void *context,
                     int output_fd, struct pam_error *error);

#endif
