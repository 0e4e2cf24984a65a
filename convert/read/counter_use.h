/* counter_use.h - how often each event happened in each thread and process, interval by interval. */
#ifndef PAM_COUNTER_USE_H
#define PAM_COUNTER_USE_H

#include "counters.h"
#include "reader.h"

/* A number of one interval. */
struct pam_counter_use {
    uint64_t pid;           /* 0 when the thread's record was lost */
    uint64_t thread;        /* id in the capture; 0: the whole process */
    const char *event;      /* as it was asked for, or what a ratio is called */
    const char *unit;
    bool is_ratio;          /* of two events: it has no rate */
    double value;           /* scaled to all the time; NaN: it had no place on the PMU at all */
    double per_second;      /* NaN for a ratio, and in an interval of no length */
    double counted_percent; /* of the time it ran: less than 100: scaled */
};

struct pam_counter_uses;

int pam_counter_uses_new(struct pam_counter_uses **ret, struct pam_error *error);
void pam_counter_uses_free(struct pam_counter_uses *uses);

/* Takes every event of the captures in order. 1: an interval has ended; 0: not yet; negative: memory. */
int pam_counter_uses_add(struct pam_counter_uses *uses, const struct pam_event *event,
                         struct pam_error *error);

/* At the end of the input: what was counted after the last interval. 1, 0 or negative. */
int pam_counter_uses_finish(struct pam_counter_uses *uses, struct pam_error *error);

/* Of the interval that has ended: when it was, CLOCK_MONOTONIC, and its numbers. Every event of each
 * process, then what threads counted; one that counted nothing has no number. */
void pam_counter_uses_interval(const struct pam_counter_uses *uses, uint64_t *from_ns, uint64_t *to_ns);
const struct pam_counter_use *pam_counter_uses_get(const struct pam_counter_uses *uses, size_t *count);

#endif
