/* wake.c - a sleep until some time that another thread may end at any moment. */
#include "wake.h"

#include <linux/futex.h>
#include <sched.h>
#include <stddef.h>
#include <sys/prctl.h>
#include <sys/resource.h>
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

/* A thread that shares its CPU with the sampler would otherwise be seen only once it sleeps. A tick is
 * short, so this takes nothing from others; it needs CAP_SYS_NICE, and goes without. Not a real-time
 * class: the kernel wakes such a thread where it slept, also when the target runs there and another CPU
 * is idle, which cost a CPU-bound target 2.6 % at 1000 Hz. */
static void take_precedence(void)
{
    enum { HIGHEST = -20 }; /* setpriority(2) */

    (void)setpriority(PRIO_PROCESS, (id_t)gettid(), HIGHEST);
}

/* The first version of struct sched_attr, sched_setattr(2): glibc has it since 2.41. */
struct attributes {
    uint32_t size, policy;
    uint64_t flags;
    int32_t nice;
    uint32_t priority;
    uint64_t runtime_ns, deadline_ns, period_ns;
};

/* Since Linux 6.12 a thread that asks for a short slice need not wait until another one's is used up, up to 3 ms
 * (kernel/sched/fair.c, PREEMPT_SHORT), whatever its priority is. Older kernels take no notice. */
static void ask_for_short_slices(void)
{
    static const uint64_t SHORTEST_NS = 100000; /* of those that the kernel gives */
    struct attributes attributes = {.size = sizeof attributes};

    if (syscall(SYS_sched_getattr, 0, &attributes, sizeof attributes, 0) < 0 ||
        attributes.policy != SCHED_OTHER)
        return;
    attributes.runtime_ns = SHORTEST_NS;
    (void)syscall(SYS_sched_setattr, 0, &attributes, 0);
}

void pam_wake_promptly(void)
{
    take_precedence();
    ask_for_short_slices();
    (void)prctl(PR_SET_TIMERSLACK, 1UL); /* nanoseconds; 50,000 unless told */
}
