/* convert.h - captures through the read library into one or more outputs, in one pass. */
#ifndef PAM_CONVERT_H
#define PAM_CONVERT_H

#include "filter.h"
#include "formats/format.h"
#include "sources.h"

struct pam_conversion {
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
    bool output_closed;         /* the reader of the only output went away: the rest was not read */
    const char *missing_marker; /* --from or --to names one that the capture has not; or NULL */
};

/* Reads the sources one after the other, which pam_sources_order() has put in order, and writes every
 * output; creates none of them before the first source has proven to be a capture. What could be read
 * of damaged ones is written, and each source's damage filled in. */
int pam_convert(struct pam_source *sources, size_t source_count,
                const struct pam_conversion *conversion, const struct pam_output *outputs,
                size_t output_count, struct pam_outcome *outcome, struct pam_error *error);

#endif
