/* clock.c - the on-CPU clock: every so often the kernel notes which thread a CPU is running. */
#include "kernel/clock.h"

#include <errno.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static const uint64_t SHORTEST_PERIOD_NS = UINT64_C(1000000); /* 1000 Hz on each CPU */

uint64_t pam_clock_period_ns(uint64_t rate_mhz)
{
    const uint64_t period_ns = UINT64_C(1000000000000) / rate_mhz;

    return (period_ns > SHORTEST_PERIOD_NS ? period_ns : SHORTEST_PERIOD_NS) / 100 * 101;
}

/* A period, not a frequency: the kernel refuses frequencies over perf_event_max_sample_rate, which it
 * lowers by itself on slow boards. */
void pam_clock_add(struct perf_event_attr *attr, const struct pam_clock_facts *clock)
{
    attr->config = PERF_COUNT_SW_CPU_CLOCK;
    attr->sample_period = clock->period_ns;
    attr->exclude_kernel = clock->sees == PAM_ON_CPU_USER;
}

static int open_clock(const struct perf_event_attr *like, const struct pam_clock_facts *clock, int cpu)
{
    struct perf_event_attr attr = *like;
    int fd;

    pam_clock_add(&attr, clock);
    attr.context_switch = attr.task = attr.comm = attr.mmap = 0; /* of everybody, those would be many */
    attr.inherit = attr.inherit_thread = 0;
    attr.exclude_idle = 1;
    attr.disabled = 1;
    fd = (int)syscall(SYS_perf_event_open, &attr, -1, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    return fd < 0 ? -errno : fd;
}

int pam_clock_open(const struct perf_event_attr *like, const struct pam_clock_facts *clock, int cpu,
                   int leader)
{
    const int fd = open_clock(like, clock, cpu);
    int r;

    if (fd < 0)
        return fd;
    if (ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, leader) == 0 && ioctl(fd, PERF_EVENT_IOC_ENABLE, 0) == 0)
        return fd;
    r = -errno;
    (void)close(fd);
    return r;
}

bool pam_clock_permitted(const struct perf_event_attr *like, const struct pam_clock_facts *clock)
{
    const int fd = open_clock(like, clock, 0);

    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}
