/* mode.h - how threads that ran are told apart: chosen by what it costs, again and again. */
#ifndef PAM_MODE_H
#define PAM_MODE_H

#include <stdbool.h>
#include <stdint.h>

/* What both ways would cost, in nanoseconds of CPU time a second. */
struct pam_mode_costs {
    uint64_t records_ns; /* the target's, at each of its switches, and ours to take them in */
    uint64_t looks_ns;   /* ours, at every tick */
};

struct pam_mode_choice {
    bool free;               /* both work, and nobody asked for every switch */
    uint64_t burst_price_ns; /* 0: not calibrated */
    uint64_t look_price_ns;
    uint64_t since_ns;       /* of the review in progress */
    uint64_t bursts;         /* by then */
    int agreed;              /* reviews in a row that spoke for the other way; < 0: too early */
};

struct pam_mode_costs pam_mode_costs(const struct pam_mode_choice *choice, uint64_t bursts_a_s,
                                     uint64_t looks_a_s);

/* Takes in a review; true when it is time to go over to the other way. */
bool pam_mode_decide(struct pam_mode_choice *choice, const struct pam_mode_costs *costs, bool records);

#endif
