/* counters.h - the events that a capture counts, and the ratios that some of them make together. */
#ifndef PAM_READ_COUNTERS_H
#define PAM_READ_COUNTERS_H

#include <pam/error.h>
#include <pam/record.h>

enum { PAM_MAX_COUNTER_ID = 1 << 10 }; /* the collector's are up to 64 */

enum pam_counter_role { PAM_ROLE_OTHER, PAM_ROLE_CYCLES, PAM_ROLE_INSTRUCTIONS, PAM_ROLE_MISSES };

struct pam_counter_facts {
    uint64_t id;
    char *name;
    char *unit; /* "ns", or empty */
    uint64_t group;
    uint64_t excludes; /* enum pam_counter_exclude */
    bool whole_process;
    enum pam_counter_role role;
    char *ratio; /* what it makes with its partner is called: "IPC", "cache-misses MPKI"; or NULL */
};

struct pam_counters {
    struct pam_counter_facts *all; /* in the order in which they were introduced */
    size_t count;
};

/* A zeroed struct has none. */
void pam_counters_done(struct pam_counters *counters);

/* Takes a counter record. 0 or PAM_MEMORY. */
int pam_counters_add(struct pam_counters *counters, const struct pam_counter *record,
                     struct pam_error *error);

/* The index of the counter of that id, or -1. */
int pam_counters_find(const struct pam_counters *counters, uint64_t id);

/* What this counter is divided by in its ratio: instructions by cycles, misses by instructions, counted in
 * the same modes and best in the same group. The index, or -1: there is none. */
int pam_counters_partner(const struct pam_counters *counters, size_t index);

/* What the quotient is multiplied with: 1000 for misses. */
double pam_counter_ratio_factor(const struct pam_counter_facts *facts);
const char *pam_counter_ratio_unit(const struct pam_counter_facts *facts);

/* What would have been counted, had the event had a place on the PMU all the time it was enabled. */
double pam_scaled_count(double value, double enabled_ns, double waited_ns);

#endif
