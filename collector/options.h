/* options.h - the command line of pamcollect. */
#ifndef PAM_OPTIONS_H
#define PAM_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

enum { PAM_MAX_MARKS = 64 }; /* of --mark */

struct pam_mark {
    const char *name;
    uint64_t at_ns; /* since the start */
};

struct pam_options {
    pid_t pid;                 /* 0: not given */
    const char *match;         /* NULL: not given */
    unsigned listen_port;      /* 0: not given */
    const char *unit;          /* NULL: not given */
    bool wait;                 /* for the target to appear ... */
    uint64_t wait_ns;          /* ... so long, 0: for ever */
    bool follow;               /* the target over its restarts */
    char **command;            /* argv of `-- COMMAND`, NULL: not given */
    uint64_t rate_mhz;
    uint64_t interval_ns;
    uint64_t duration_ns;      /* 0: until stopped */
    uint64_t sync_ns;          /* 0: never */
    uint64_t tasks_ns;         /* 0: never */
    struct pam_mark marks[PAM_MAX_MARKS]; /* in the order of their times */
    size_t mark_count;
    bool follow_children;
    bool keep_switches;
    bool native, kernel, bundle;
    const char *events;        /* of --event, joined by commas; NULL: not given */
    const char *scenario;
    const char *output;        /* NULL: not given; "-": standard output */
    int verbosity;             /* -1 quiet, 0, 1 */
};

/* Exits by itself: 0 after --help or --version, 2 for a command line that is wrong. */
void pam_options_parse(struct pam_options *options, int argc, char **argv);

/* A decimal number of seconds, e.g. "0.5", in nanoseconds; false when it is not one, negative, or
 * over 10 years. Pure, for tests. */
bool pam_parse_seconds(const char *text, uint64_t *ns);

/* A rate in hertz, above 0 and up to PAM_MAX_RATE_HZ, in thousandths of a hertz. */
enum { PAM_MAX_RATE_HZ = 10000 };
bool pam_parse_rate(const char *text, uint64_t *rate_mhz);

#endif
