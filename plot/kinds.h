/* kinds.h - the table of pictures: one row a kind, one panel a curve. */
#ifndef PAM_PLOT_KINDS_H
#define PAM_PLOT_KINDS_H

#include "data.h"

enum { PLOT_MAX_PANELS = PLOT_MAX_COUNTERS };

struct plot_panel {
    enum plot_column column;
    const char *legend; /* any bytes */
    const char *unit;
    const char *axis;
    const char *colour;
    const char *faint_colour; /* of the highest values in a long series */
    bool from_zero;           /* the axis starts at 0: the height of the area is the amount */
    double least_span;        /* an axis shows at least this much, so that noise looks like noise */
};

struct plot_kind {
    const char *name; /* also the end of the picture's file name */
    const char *what;
    struct plot_panel panels[PLOT_MAX_PANELS]; /* from top to bottom */
    size_t panel_count;
    bool by_thread; /* each panel stacks the threads, and one legend names them */
    bool by_counter; /* a panel for each counter of the data instead */
};

/* NULL behind the last one. The first is the default. */
const struct plot_kind *plot_kind_at(size_t index);

/* NULL when there is none of that name. */
const struct plot_kind *plot_kind_find(const char *name);

/* The panels of a picture of this data. Returns how many. */
size_t plot_kind_panels(const struct plot_kind *kind, const struct plot_data *data,
                        struct plot_panel panels[PLOT_MAX_PANELS]);

/* A mask of 1 << enum plot_column and PLOT_BY_...: what the picture needs to know. */
unsigned plot_kind_columns(const struct plot_kind *kind);

#endif
