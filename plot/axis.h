/* axis.h - what an axis shows: its range, its unit and the distance of its ticks. */
#ifndef PAM_PLOT_AXIS_H
#define PAM_PLOT_AXIS_H

#include "data.h"
#include "kinds.h"

struct plot_range {
    double low;
    double high; /* always above low */
};

struct plot_time_axis {
    struct plot_range range; /* in the unit */
    const char *unit;        /* "s", "min", "h" */
    double seconds;          /* in one unit */
    double step;             /* between ticks, in the unit */
};

struct plot_time_axis plot_time_axis(const struct plot_data *data);

/* From zero or around the values, as the panel says; never narrower than its least span. */
struct plot_range plot_value_range(const struct plot_panel *panel,
                                   const struct plot_statistics *statistics);

/* The distance of the few round values that a low panel has room for. */
double plot_value_step(const struct plot_range *range);

#endif
