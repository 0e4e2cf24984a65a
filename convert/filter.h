/* filter.h - what of a capture is converted: by thread, process, time, and whether threads ran. */
#ifndef PAM_FILTER_H
#define PAM_FILTER_H

#include <regex.h>

#include "series.h"
#include "timeline.h"

/* An end of the time window: a moment of the capture or a marker's name. */
struct pam_moment {
    bool given;
    const char *marker; /* NULL: `seconds` counts */
    double seconds;     /* since the start of the capture */
};

struct pam_filter {
    bool by_thread;
    regex_t thread;     /* searched in "name (tid)" */
    uint64_t process;   /* 0: all */
    struct pam_moment from, to;
    bool on_cpu;        /* durations are CPU time instead of time passed */
    bool no_idle;       /* leave out time in which a thread did not run */

    /* what the capture said so far */
    uint64_t start_ns, from_ns, to_ns;
};

/* "12.5" seconds, or else the name of a marker. */
struct pam_moment pam_moment_parse(const char *text);

/* Before the first event; clears what an earlier capture said. */
void pam_filter_start(struct pam_filter *filter);

/* Takes every event, before the others do. */
void pam_filter_see(struct pam_filter *filter, const struct pam_event *event);

/* False when the span is left out; else it may have been made shorter. */
bool pam_filter_span(const struct pam_filter *filter, const struct pam_model *model,
                     struct pam_span *span);

bool pam_filter_point(const struct pam_filter *filter, const struct pam_point *point);

/* A moment named by a marker that the capture did not have, or NULL. */
const char *pam_filter_missing(const struct pam_filter *filter);

#endif
