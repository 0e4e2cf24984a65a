/* thin.h - a long series as few slices of time, each with its mean and highest value. */
#ifndef PAM_PLOT_THIN_H
#define PAM_PLOT_THIN_H

#include "data.h"

enum {
    PLOT_MAX_DRAWN = 4000, /* rows drawn as they are: two for each pixel column, an hour */
    PLOT_SLICES = 1000,    /* of more rows; finer ones are a solid block, not a curve */
};

struct plot_slice {
    double elapsed_s;
    double mean; /* NaN, as the next, when nothing is known: a gap */
    double high;
};

/* Returns how many slices it stored. Up to PLOT_MAX_DRAWN rows each is a slice of its own, mean
 * and high its value; more are put together by time, and no peak is lost. */
size_t plot_thin(const struct plot_data *data, enum plot_column column,
                 struct plot_slice slices[PLOT_MAX_DRAWN]);

/* The same slices by the row behind the last of each. Returns how many. */
size_t plot_slice_ends(const struct plot_data *data, size_t ends[PLOT_MAX_DRAWN]);

/* How long a slice is, or 0 when rows are drawn as they are. */
double plot_slice_s(const struct plot_data *data);

#endif
