/* csv_input.h - the CSV of the old monitor, and those of pamconvert, as data to draw. */
#ifndef PAM_PLOT_CSV_INPUT_H
#define PAM_PLOT_CSV_INPUT_H

#include "data.h"

enum {
    PLOT_CSV_MAX_CELL = 64 << 10, /* bytes; more is an open quote or no table at all */
    PLOT_CSV_MAX_COLUMNS = 256,   /* pamconvert --columns all has about 40 */
};

/* Reads `fd`, which it does not own; `name` is for messages and the title. `columns` is a mask of
 * 1 << enum plot_column: what the table must have besides elapsed_seconds. With PLOT_BY_THREAD it
 * is pamconvert's csv-threads: a row for each thread, those of an interval one behind the other.
 * Rows that are not readings are left out with a warning; PAM_DAMAGED when nothing is left. */
int plot_csv_read(struct plot_data *data, int fd, const char *name, unsigned columns,
                  struct pam_error *error);

#endif
