/* options.h - the command line of pamplot. */
#ifndef PAM_PLOT_OPTIONS_H
#define PAM_PLOT_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

#include "kinds.h"
#include "terminals.h"

struct plot_options {
    const char *output; /* a file, a directory, "-" or NULL: beside the input */
    bool output_is_directory;
    const struct plot_kind *kind;
    const struct plot_terminal *terminal;
    const char *title; /* NULL: the scenario */
    bool quiet;
    char **inputs;
    size_t input_count; /* at least one */
};

/* Does not return when the command line is wrong (exit 2) or asks for help or the version (0). */
void plot_options_parse(struct plot_options *options, int argc, char **argv);

#endif
