/* capture_input.h - a capture as data to draw. */
#ifndef PAM_PLOT_CAPTURE_INPUT_H
#define PAM_PLOT_CAPTURE_INPUT_H

#include "data.h"

/* Reads `fd`, which it does not own; `name` is for messages. A cut tail is a warning; damage is a
 * warning and data->damaged; PAM_DAMAGED only when no reading of `columns` is left. */
int plot_capture_read(struct plot_data *data, int fd, const char *name, unsigned columns,
                      struct pam_error *error);

#endif
