/* load.h - a file of either kind as data to draw. */
#ifndef PAM_PLOT_LOAD_H
#define PAM_PLOT_LOAD_H

#include "data.h"

/* Reads the capture or CSV file `path` ("-" is stdin); `columns` is what must be known, a mask of
 * 1 << enum plot_column. On failure `data` is to be released all the same. */
int plot_load(struct plot_data *data, const char *path, unsigned columns, struct pam_error *error);

#endif
