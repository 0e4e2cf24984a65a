/* convert.h - captures through the read library into one or more outputs, in one pass. */
#ifndef PAM_CONVERT_H
#define PAM_CONVERT_H

#include "formats/format.h"
#include "sources.h"

struct pam_conversion {
    bool all_columns;
    bool positions; /* frames at two places of one line are two */
    enum pam_weight weight;
    const char *event; /* of PAM_WEIGHT_EVENTS: its name */
    struct pam_filter *filter;
    const char *sysroot; /* where files of the board are, NULL: none */
};

/* Where the output of a format goes. */
struct pam_output {
    const struct pam_format *format;
    const char *path; /* NULL: standard output */
};

/* What became of a conversion, for the caller's warnings. */
struct pam_outcome {
    bool output_closed;         /* the reader of the only output went away: the rest was not read */
    bool nothing_passed;        /* no span of the captures was left in */
    char *remarks;              /* on names that are missing, a line each, for the caller to free; or NULL */
    const char *missing_marker; /* --from or --to names one that the capture has not; or NULL */
};

/* Reads the sources one after the other, which pam_sources_order() has put in order, and writes every
 * output; creates none of them before the first source has proven to be a capture. What could be read
 * of damaged ones is written, and what each source lacks filled in. */
int pam_convert(struct pam_source *sources, size_t source_count,
                const struct pam_conversion *conversion, const struct pam_output *outputs,
                size_t output_count, struct pam_outcome *outcome, struct pam_error *error);

#endif
