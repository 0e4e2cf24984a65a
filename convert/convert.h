/* convert.h - one capture through the read library into one or more outputs, in one pass. */
#ifndef PAM_CONVERT_H
#define PAM_CONVERT_H

#include "filter.h"
#include "formats/format.h"

struct pam_conversion {
    const char *input_name; /* for messages; "standard input" for a pipe */
    bool live;              /* the input grows while it is read */
    bool all_columns;
    enum pam_weight weight;
    struct pam_filter *filter;
};

/* Where the output of a format goes. */
struct pam_output {
    const struct pam_format *format;
    const char *path; /* NULL: standard output */
};

/* What became of a conversion, for the caller's warnings. */
struct pam_outcome {
    struct pam_damage damage;
    bool output_closed;         /* the reader of the only output went away: the rest was not read */
    const char *missing_marker; /* --from or --to names one that the capture has not; or NULL */
};

/* Reads the capture `fd` and writes every output; creates none of them before the input has proven
 * to be a capture. What could be read of a damaged one is written. */
int pam_convert(int fd, const struct pam_conversion *conversion, const struct pam_output *outputs,
                size_t count, struct pam_outcome *outcome, struct pam_error *error);

#endif
