/* format.h - the interface of an output format, and the table of all of them.
 *
 * To add one: a file that ends in a struct pam_format, and its row in formats.c. A NULL function
 * means "not interested". */
#ifndef PAM_FORMAT_H
#define PAM_FORMAT_H

#include <stdio.h>

#include "filter.h"
#include "series.h"
#include "symbols/merge.h"
#include "timeline.h"

/* EVENTS: of the one that pam_timeline_weigh() names. */
enum pam_weight { PAM_WEIGHT_WALL, PAM_WEIGHT_CPU, PAM_WEIGHT_SAMPLES, PAM_WEIGHT_EVENTS };

/* What a format may look at; all of it lives longer than the format's state. */
struct pam_output_context {
    FILE *out;
    bool live; /* somebody reads along: say what there is at once */
    bool all_columns;
    enum pam_weight weight;
    const struct pam_model *model;
    struct pam_merger *merger;       /* stacks as labels ... */
    struct pam_labels *labels; /* ... and what they say */
    const struct pam_about *about;
    const struct pam_series *series; /* what a point sums up, one by one */
    const struct pam_filter *filter; /* spans and points have passed it */
};

struct pam_format {
    const char *name;
    const char *suffix;      /* of a file name, for the default by -o: ".csv" */
    const char *name_suffix; /* of the files that --all writes, NULL when it does not */
    const char *what;        /* for --list-formats and the manual */
    int (*open)(void **state, const struct pam_output_context *context, struct pam_error *error);
    int (*event)(void *state, const struct pam_event *event, struct pam_error *error);
    int (*span)(void *state, const struct pam_span *span, struct pam_error *error);
    int (*point)(void *state, const struct pam_point *point, struct pam_error *error);
    int (*finish)(void *state, struct pam_error *error);
    void (*free)(void *state);
};

/* Closed by NULL. */
extern const struct pam_format *const pam_formats[];

const struct pam_format *pam_format_by_name(const char *name);

/* By the longest suffix of a file name that fits; NULL when none does. */
const struct pam_format *pam_format_by_path(const char *path);

#endif
