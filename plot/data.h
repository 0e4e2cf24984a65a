/* data.h - what a picture is drawn from, wherever it came from: rows over time, markers, texts. */
#ifndef PAM_PLOT_DATA_H
#define PAM_PLOT_DATA_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <pam/error.h>

#include "threads.h"

enum {
    PLOT_MAX_ROWS = 1 << 22,   /* 48 days of a reading a second, 300 MB */
    PLOT_MAX_COUNTERS = 6,     /* panels of more would be too low to be read */
    PLOT_MAX_MARKERS = 200,    /* more lines than that would hide the curve */
    PLOT_WARNING_BYTES = 1024, /* two sentences, each with the name of a file */
};

/* Over a petabyte of memory or a million cores; a number beyond is no reading. */
#define PLOT_MAX_VALUE 1e9
/* 300 years in seconds. */
#define PLOT_MAX_ELAPSED_S 1e10

enum plot_column {
    PLOT_CPU,
    PLOT_MEMORY,
    PLOT_RUN_QUEUE,
    PLOT_COUNTER, /* the first of plot_data.counters */
    PLOT_COLUMNS = PLOT_COUNTER + PLOT_MAX_COUNTERS,
};

/* In a mask of columns: thread by thread. Then a row has the sums over all of them. */
#define PLOT_BY_THREAD (1u << 31)
/* The events that the input counts, whatever they are, each a column. */
#define PLOT_BY_COUNTER (1u << 30)

/* A value that is not known is NaN and leaves a gap in the curve. */
struct plot_row {
    double elapsed_s;
    double value[PLOT_COLUMNS];
};

struct plot_marker {
    double elapsed_s;
    char *name;
};

/* What a counter's column holds. */
struct plot_counter {
    char *name; /* any bytes, as the next */
    const char *unit;
    bool is_ratio; /* its values are no rates */
    bool scaled;   /* some had no place on the PMU all the time */
};

struct plot_data {
    struct plot_row *rows; /* never going back in time */
    size_t count;
    size_t room;
    struct plot_marker markers[PLOT_MAX_MARKERS];
    size_t marker_count;
    size_t markers_left_out;
    struct plot_counter counters[PLOT_MAX_COUNTERS];
    size_t counter_count;
    bool counters_left_out;
    struct plot_threads threads;      /* empty unless they were asked for */
    char *title;                      /* the scenario; any bytes */
    char *subtitle;                   /* the target and the start; any bytes */
    char warning[PLOT_WARNING_BYTES]; /* sentences about the input, empty when all is well */
    bool damaged; /* the input was damaged: the picture shows what was left of it */
};

struct plot_statistics {
    size_t known; /* values that are not NaN; when none the rest means nothing */
    double mean;  /* over rows, as a spreadsheet with the CSV would say */
    double low;
    double peak;
};

void plot_data_init(struct plot_data *data);
void plot_data_done(struct plot_data *data);

/* PAM_DAMAGED when there are more rows than the bound. */
int plot_data_add_row(struct plot_data *data, const struct plot_row *row, struct pam_error *error);

/* What one thread used in the interval that ended at `elapsed_s`. */
struct plot_thread_row {
    double elapsed_s;
    uint64_t key; /* who it is */
    uint64_t tid; /* what the legend calls it */
    const void *name;
    size_t name_size;
    double cpu_percent;
    double run_queue_percent;
};

/* Adds it to the last row, or to a new one when that is of another time or has this thread already.
 * PAM_DAMAGED when there is too much of anything. */
int plot_data_add_thread_row(struct plot_data *data, const struct plot_thread_row *row,
                             struct pam_error *error);

/* The column of the counter of that name, made when it is new. 0; 1: there are too many; or PAM_MEMORY. */
int plot_data_counter(enum plot_column *column, struct plot_data *data, const char *name,
                      const char *unit, bool is_ratio, struct pam_error *error);

/* Copies `size` bytes of `name`; over the bound it only counts. */
int plot_data_add_marker(struct plot_data *data, double elapsed_s, const void *name, size_t size,
                         struct pam_error *error);

__attribute__((format(printf, 2, 3))) void plot_data_warn(struct plot_data *data,
                                                          const char *format, ...);

/* True when some row has a known value in one of `columns`, a mask of 1 << enum plot_column. */
bool plot_data_has(const struct plot_data *data, unsigned columns);

struct plot_statistics plot_data_statistics(const struct plot_data *data, enum plot_column column);

#endif
