/* options.h - the command line of pamconvert. */
#ifndef PAM_CONVERT_OPTIONS_H
#define PAM_CONVERT_OPTIONS_H

#include "filter.h"
#include "formats/format.h"

struct pam_options {
    const struct pam_format *format; /* NULL: by the output's suffix */
    const char *output;              /* NULL: standard output */
    bool all;
    bool all_columns;
    bool positions;
    bool quiet;
    enum pam_weight weight;
    const char *event;               /* of PAM_WEIGHT_EVENTS: its name */
    struct pam_filter filter;
    const char *sysroot;             /* NULL: none */
    char **captures;
    int capture_count;               /* 0: standard input */
    bool merge;                      /* all captures into one output; else each has its own */
};

/* Exits by itself: 0 after --help, --version or --list-formats, 2 for a wrong command line. */
void pam_options_parse(struct pam_options *options, int argc, char **argv);

#endif
