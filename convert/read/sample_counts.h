/* sample_counts.h - how often one event of the user's choice happened between the samples of a thread. */
#ifndef PAM_SAMPLE_COUNTS_H
#define PAM_SAMPLE_COUNTS_H

#include <pam/record.h>

struct pam_sample_counts {
    const char *name; /* of the event; NULL: none is asked for */
    bool known;       /* a capture has counted it at samples */
    uint64_t counter; /* its id in this capture, 0: it has none so far */
};

void pam_sample_counts_learn(struct pam_sample_counts *counts, const struct pam_counter *counter);

/* Another capture numbers its counters afresh. */
void pam_sample_counts_forget(struct pam_sample_counts *counts);

/* How often it happened by this record of a sample; 0 for another event. */
uint64_t pam_sample_counts_take(const struct pam_sample_counts *counts, const struct pam_count *count);

#endif
