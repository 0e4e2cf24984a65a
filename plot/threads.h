/* threads.h - what each thread used over time, kept for the pictures that show threads. */
#ifndef PAM_PLOT_THREADS_H
#define PAM_PLOT_THREADS_H

#include <stddef.h>
#include <stdint.h>

#include <pam/error.h>

#include "intern.h"

enum {
    PLOT_MAX_THREADS = 1 << 20, /* over a whole input; a thread a second for 12 days */
    PLOT_MAX_USES = 1 << 25,    /* 20 busy threads for 19 days, 400 MB */
};

/* One interval in which the thread ran or wanted to. */
struct plot_use {
    uint32_t row; /* of plot_data.rows */
    float cpu_percent;
    float run_queue_percent;
};

struct plot_thread {
    uint64_t tid; /* for the legend */
    char *name;   /* any bytes; the last it had */
    double cpu_sum;
    size_t rows_seen;      /* 1 + the last row in which it was, running or not */
    struct plot_use *uses; /* never going back in rows */
    size_t count, room;
};

struct plot_threads {
    struct pam_table keys; /* of the threads: the index in `all` */
    struct plot_thread *all;
    size_t count, room;
    size_t use_count;
};

void plot_threads_done(struct plot_threads *threads);

/* The thread that `key` stands for, made when it is new. PAM_DAMAGED when there are too many. */
int plot_threads_get(struct plot_thread **ret, struct plot_threads *threads, uint64_t key,
                     struct pam_error *error);

int plot_thread_rename(struct plot_thread *thread, const void *name, size_t size,
                       struct pam_error *error);

int plot_thread_add(struct plot_threads *threads, struct plot_thread *thread,
                    const struct plot_use *use, struct pam_error *error);

/* Indices of up to `most` threads that used most CPU, the busiest first. Returns how many. */
size_t plot_threads_busiest(const struct plot_threads *threads, size_t *indices, size_t most);

#endif
