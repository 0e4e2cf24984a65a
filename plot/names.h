/* names.h - how the picture of an input is called. */
#ifndef PAM_PLOT_NAMES_H
#define PAM_PLOT_NAMES_H

#include <stdbool.h>
#include <stddef.h>

#include <pam/error.h>

enum { PLOT_STAMP_CHARACTERS = 15 }; /* YYYYMMDD_HHMMSS */

/* Beside the input, or in `directory` unless that is NULL: x.pamcap, x.csv and x_cpu.csv become
 * x_<kind>.<suffix>. `*ret` is to be freed. */
int plot_output_name(char **ret, const char *input, const char *directory, const char *kind,
                     const char *suffix, struct pam_error *error);

/* The input's name without its directory and what pamcollect and pamconvert append to it: the
 * size of that part from the returned place on. */
const char *plot_stem(const char *input, size_t *size);

/* Finds the YYYYMMDD_HHMMSS at the end of pam_<scenario>_<stamp>; false when it is not such a
 * name. Then `scenario` points into `stem`. */
bool plot_stem_parts(const char *stem, size_t size, const char **scenario, size_t *scenario_size,
                     const char **stamp);

#endif
