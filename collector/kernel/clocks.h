/* clocks.h - what time it is, in nanoseconds. */
#ifndef PAM_CLOCKS_H
#define PAM_CLOCKS_H

#include <stdint.h>
#include <time.h>

static inline uint64_t pam_clock_ns(clockid_t clock)
{
    struct timespec now;

    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* The clock of a capture. */
static inline uint64_t pam_monotonic_ns(void)
{
    return pam_clock_ns(CLOCK_MONOTONIC);
}

/* Since the Unix epoch. */
static inline uint64_t pam_realtime_ns(void)
{
    return pam_clock_ns(CLOCK_REALTIME);
}

#endif
