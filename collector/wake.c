/* wake.c - a sleep until some time that another thread may end at any moment. */
#include "wake.h"

#include <linux/futex.h>
#include <stddef.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

void pam_wake_call(struct pam_wake *wake)
{
    (void)atomic_fetch_add(&wake->calls, 1);
    (void)syscall(SYS_futex, &wake->calls, FUTEX_WAKE_PRIVATE, 1, NULL, NULL, 0);
}

void pam_wake_sleep(struct pam_wake *wake, uint64_t until_ns)
{
    const struct timespec until = {.tv_sec = (time_t)(until_ns / 1000000000u),
                                   .tv_nsec = (long)(until_ns % 1000000000u)};

    /* The kernel sleeps only while nobody has called since. */
    (void)syscall(SYS_futex, &wake->calls, FUTEX_WAIT_BITSET_PRIVATE, wake->heard, &until, NULL,
                  FUTEX_BITSET_MATCH_ANY);
    wake->heard = atomic_load(&wake->calls);
}
