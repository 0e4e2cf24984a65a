/* terminals.h - the table of picture formats and the gnuplot terminal that draws each. */
#ifndef PAM_PLOT_TERMINALS_H
#define PAM_PLOT_TERMINALS_H

#include <stddef.h>

struct plot_terminal {
    const char *name; /* for --terminal; also the suffix of file names, after the dot */
    const char *set;  /* what follows `set terminal` */
};

/* NULL behind the last one. The first is the default. */
const struct plot_terminal *plot_terminal_at(size_t index);

/* NULL when there is none of that name. */
const struct plot_terminal *plot_terminal_find(const char *name);

/* The text behind the last dot of the last part of `path`, or NULL when there is none. */
const char *plot_suffix(const char *path);

#endif
