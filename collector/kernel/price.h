/* price.h - what it costs to know who ran: calibrated at the start, on threads of our own. */
#ifndef PAM_PRICE_H
#define PAM_PRICE_H

#include "kernel/activity.h"

/* Nanoseconds that a burst of a watched thread, from coming on to going off, takes its CPU longer. Two
 * threads wake each other for a few milliseconds, watched and not. Where that cannot be told apart, a
 * usual price. The source is started for it, with the clock as it will be, and stopped again. */
uint64_t pam_price_of_burst(const struct pam_activity *source, const struct pam_clock_facts *clock);

/* Nanoseconds of our own CPU time that a look at the schedstat of a target's thread takes; 0 when there is
 * none. */
uint64_t pam_price_of_look(int proc_fd, pid_t tid);

#endif
