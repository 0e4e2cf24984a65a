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
    bool gil;           /* and time in which it did not hold the GIL */

    /* what the capture said so far */
    uint64_t start_ns, from_ns, to_ns;
    double last_point_s;   /* elapsed time of the point before */
    uint64_t *cpu_ns;      /* of on_cpu: by thread, the CPU time of its spans so far */
    size_t cpu_room;
    bool no_gil, has_gil;  /* a process ran without a GIL, or with one, as the capture tells */
    bool passed;           /* anything was left in */
};

/* "12.5" seconds, or else the name of a marker. */
struct pam_moment pam_moment_parse(const char *text);

/* Was only a part of the threads or of the time asked for? */
bool pam_filter_is_set(const struct pam_filter *filter);

/* Before the first event; clears what an earlier capture said. */
void pam_filter_start(struct pam_filter *filter);

/* Takes every event, before the others do. */
void pam_filter_see(struct pam_filter *filter, const struct pam_event *event);

/* False when the span is left out; else it may have been made shorter. With on_cpu a thread's time is
 * its CPU time: its spans follow each other from the start on. */
bool pam_filter_span(struct pam_filter *filter, const struct pam_model *model, struct pam_span *span);

/* An interval, in seconds since the start, is in the window when its middle is. */
bool pam_filter_interval(const struct pam_filter *filter, double from_s, double to_s);

/* Every point in order: the interval since the one before. */
bool pam_filter_point(struct pam_filter *filter, const struct pam_point *point);

/* Is this thread (an index of the model) among those that were asked for? */
bool pam_filter_thread(const struct pam_filter *filter, const struct pam_model *model, size_t thread);

/* Frees what pam_filter_start() and the rest took; not the regular expression. */
void pam_filter_done(struct pam_filter *filter);

/* A moment named by a marker that the capture did not have, or NULL. */
const char *pam_filter_missing(const struct pam_filter *filter);

#endif
