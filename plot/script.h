/* script.h - the gnuplot script of a picture, numbers included. */
#ifndef PAM_PLOT_SCRIPT_H
#define PAM_PLOT_SCRIPT_H

#include <stdio.h>

#include "data.h"
#include "kinds.h"
#include "terminals.h"

struct plot_picture {
    const struct plot_data *data; /* at least one row */
    const struct plot_kind *kind;
    const struct plot_terminal *terminal;
    const char *title; /* the user's, or NULL for that of the data */
};

/* `picture` is a struct plot_picture. The script names no file and no command: gnuplot's output
 * is its stdout. */
void plot_script_write(FILE *out, const void *picture);

#endif
