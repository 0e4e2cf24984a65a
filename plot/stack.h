/* stack.h - threads drawn on top of each other: their numbers, areas and names. */
#ifndef PAM_PLOT_STACK_H
#define PAM_PLOT_STACK_H

#include <stdio.h>

#include "data.h"

enum {
    PLOT_STACKED = 8,              /* threads with a colour of their own; more are not told apart */
    PLOT_AREAS = PLOT_STACKED + 1, /* and the others */
};

struct plot_stack {
    const struct plot_data *data;
    size_t threads[PLOT_STACKED]; /* indices, the busiest first */
    size_t count;
    size_t others; /* how many threads have no colour of their own */
};

/* Where the names go: a grid of rows of three, in parts of the picture. */
struct plot_grid {
    double left, right, top, row_height;
};

struct plot_stack plot_stack_of(const struct plot_data *data);

/* $stackN: time, then the lower edge of the first area and the upper edges of all. */
void plot_stack_write_numbers(FILE *out, const struct plot_stack *stack, size_t number,
                              enum plot_column column, double seconds);

/* The areas as parts of a `plot` command, each closed by a comma. */
void plot_stack_write_areas(FILE *out, const struct plot_stack *stack, size_t number);

void plot_stack_write_names(FILE *out, const struct plot_stack *stack,
                            const struct plot_grid *grid);

#endif
