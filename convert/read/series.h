/* series.h - the resource monitor's rows, computed from the records of a capture.
 *
 * A point is the interval between two consecutive readings of the target. A value that is not known
 * is NaN. */
#ifndef PAM_SERIES_H
#define PAM_SERIES_H

#include "board.h"
#include "processes.h"
#include "reader.h"
#include "thread_use.h"

struct pam_point {
    double elapsed_s;         /* end of the interval, since the origin */
    uint64_t realtime_ns;     /* the same instant, by the clock pair of that interval */
    struct pam_usage target;  /* the target alone */
    double memory_percent;    /* its RSS, of the board's RAM */
    double switches_per_s;    /* of all its threads */
    double run_queue_percent; /* of all its threads: 200 when two waited for a CPU all the time */
    double children;          /* how many descendants were alive */
    double children_cpu_percent;
    double children_memory_bytes;
    double own_cpu_percent; /* the collector's */
    struct pam_board board;
};

/* What a title or a file name needs to know about a capture. Texts are owned by the series. */
struct pam_about {
    char *scenario;
    char *command_line; /* of the target */
    char *host;         /* name of the board */
    uint64_t pid;       /* of the target */
    uint64_t start_realtime_ns;
    uint64_t start_monotonic_ns;
    int64_t utc_offset_s;
    uint64_t memory_bytes; /* RAM of the board */
};

struct pam_series;

/* `origin_ns`: where time begins, CLOCK_MONOTONIC; 0: at the start of the capture. */
int pam_series_new(struct pam_series **ret, uint64_t origin_ns, struct pam_error *error);
void pam_series_free(struct pam_series *series);

/* Takes every event of a capture in order. 1: `point` was completed by this event; 0: not yet;
 * negative: out of memory. */
int pam_series_add(struct pam_series *series, const struct pam_event *event,
                   struct pam_point *point, struct pam_error *error);

const struct pam_about *pam_series_about(const struct pam_series *series);

/* What the last point sums up, one by one; until the next event. */
const struct pam_usage *pam_series_processes(const struct pam_series *series, size_t *count);
const struct pam_thread_use *pam_series_threads(const struct pam_series *series, size_t *count);
const struct pam_core_use *pam_series_cores(const struct pam_series *series, size_t *count);
const struct pam_sensor_state *pam_series_sensors(const struct pam_series *series, size_t *count);

#endif
