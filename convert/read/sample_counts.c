/* sample_counts.c - how often one event of the user's choice happened between the samples of a thread. */
#include "sample_counts.h"

#include <string.h>

#include "counters.h"

/* Of one record. No thread runs as long as that without a sample. */
static const double MOST_EVENTS = 1e15;

void pam_sample_counts_learn(struct pam_sample_counts *counts, const struct pam_counter *counter)
{
    if (!counts->name || !counter->per_sample || strlen(counts->name) != counter->name.size ||
        memcmp(counts->name, counter->name.data, counter->name.size) != 0)
        return;
    counts->known = true;
    counts->counter = counter->id;
}

void pam_sample_counts_forget(struct pam_sample_counts *counts)
{
    counts->counter = 0;
}

uint64_t pam_sample_counts_take(const struct pam_sample_counts *counts, const struct pam_count *count)
{
    double events;

    if (!counts->counter || count->counter != counts->counter)
        return 0;
    events = pam_scaled_count((double)count->value, (double)count->enabled_ns, (double)count->waited_ns);
    return events < MOST_EVENTS ? (uint64_t)(events + 0.5) : 0;
}
