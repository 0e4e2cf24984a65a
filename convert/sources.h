/* sources.h - the captures of one conversion: opened, in the order of their starts, on one clock. */
#ifndef PAM_SOURCES_H
#define PAM_SOURCES_H

#include "reader.h"

/* A capture to read. */
struct pam_source {
    const char *name; /* for messages */
    int fd;           /* -1: not open */
    bool live;        /* standard input: it may still grow, and cannot be read twice */
    struct pam_damage damage; /* of what was read of it */
    uint64_t threads_left_out; /* by its collector, beyond its bound */
    /* of its first session record, known when there are several: */
    char boot_id[40]; /* empty when it is not known */
    uint64_t start_monotonic_ns, start_realtime_ns;
    int64_t shift_ns; /* from its clock to that of the first */
};

/* Opens files; `path` NULL is standard input. */
int pam_source_open(struct pam_source *source, const char *path, struct pam_error *error);
void pam_source_close(struct pam_source *source);

/* Puts several captures into the order in which they started, and finds out what lies between their
 * clocks: nothing in one boot of one machine, else the difference of the times of day. */
int pam_sources_order(struct pam_source *sources, size_t count, struct pam_error *error);

/* Notes what the collector says that it left out. */
void pam_source_see(struct pam_source *source, const struct pam_event *event);

/* Moves an event to the clock of the first capture. */
void pam_source_shift(const struct pam_source *source, struct pam_event *event);

#endif
