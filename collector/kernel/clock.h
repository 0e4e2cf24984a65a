/* clock.h - the on-CPU clock: every so often the kernel notes which thread a CPU is running.
 *
 * One event a CPU is nearly free for the target (0.02 us a context switch, where an event a thread
 * costs 0.8), but sees everybody's threads and so needs CAP_PERFMON. */
#ifndef PAM_CLOCK_H
#define PAM_CLOCK_H

#include <linux/perf_event.h>

#include "kernel/activity.h"

/* The period for a sampling rate: a little off its own, so that it does not go in step with a timer of
 * the target, and never so short that the interrupts would be felt. */
uint64_t pam_clock_period_ns(uint64_t rate_mhz);

/* Makes an event of records also one of the clock. */
void pam_clock_add(struct perf_event_attr *attr, const struct pam_clock_facts *clock);

/* Starts the clock of one CPU; its records go to the ring of `leader`, an event of the same CPU. Returns
 * a descriptor or a negative errno. */
int pam_clock_open(const struct perf_event_attr *like, const struct pam_clock_facts *clock, int cpu,
                   int leader);

/* May this process watch whole CPUs? */
bool pam_clock_permitted(const struct perf_event_attr *like, const struct pam_clock_facts *clock);

#endif
