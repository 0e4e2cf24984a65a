/* board.h - what the whole machine did, interval by interval, and what its sensors said.
 *
 * A value that is not known is NaN. */
#ifndef PAM_BOARD_H
#define PAM_BOARD_H

#include "reader.h"

struct pam_board {
    double cpu_percent;     /* of all cores together: 100 when none was idle */
    double io_wait_percent; /* of the same: idle while a disk was waited for */
    double stolen_percent;
    double load_1, load_5, load_15;
    double available_bytes;
    double swap_used_bytes;
    double cpu_some_percent; /* pressure: of the time; in which some task waited, or all did */
    double memory_some_percent;
    double memory_full_percent;
    double io_some_percent;
    double io_full_percent;
    double temperature_c; /* of the hottest sensor */
    double frequency_mhz; /* of the fastest group of cores */
    double throttled;     /* 1: something slowed the CPU down or the voltage was too low; else 0 */
};

struct pam_core_use {
    uint64_t core;
    double busy_percent;
};

struct pam_sensor_state {
    uint64_t id;
    enum pam_sensor_kind kind;
    char *name;    /* what the kernel calls it */
    char *path;    /* below /sys */
    bool known;    /* `value` is: it was read in this interval or a little before */
    int64_t value; /* as in the file */
    uint64_t read_ns;
    uint64_t gap_ns; /* how long before that it was read, 0: never */
    int64_t before; /* the value read before that */
    bool before_known;
};

struct pam_board_watch;

int pam_board_new(struct pam_board_watch **ret, struct pam_error *error);
void pam_board_free(struct pam_board_watch *watch);

/* Takes every event of a capture in order. 0 or PAM_MEMORY. */
int pam_board_add(struct pam_board_watch *watch, const struct pam_event *event,
                  struct pam_error *error);

/* Ends the interval at `time_ns`. */
void pam_board_close(struct pam_board_watch *watch, uint64_t time_ns);

/* Of the interval that was closed last. */
const struct pam_board *pam_board_get(const struct pam_board_watch *watch);
const struct pam_core_use *pam_board_cores(const struct pam_board_watch *watch, size_t *count);
const struct pam_sensor_state *pam_board_sensors(const struct pam_board_watch *watch,
                                                 size_t *count);

#endif
