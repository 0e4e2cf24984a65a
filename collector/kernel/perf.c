/* perf.c - which threads have run, from perf_event's context-switch records.
 *
 * An event per thread and CPU, inherited by the threads and the children it creates, so that those are
 * covered from their first instruction; all events of a CPU write into one ring. They bring switch, fork, exit
 * and comm records. The on-CPU clock beside them (clock.h) is one event a CPU; where that is not
 * permitted, the threads' own events are the clock too. Where native or kernel stacks are wanted, they
 * count context switches, and sample the registers at each. */
#include <errno.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include "kernel/activity.h"
#include "kernel/clock.h"
#include "kernel/clocks.h"
#include "kernel/kernel_records.h"
#include "kernel/procfile.h"
#include "kernel/ring.h"

enum {
    MAX_CPUS = 64,
    /* Samples at switches take up to ten times the room of the records alone. */
    SWITCHED_RING_BYTES = 8 * PAM_RING_BYTES,
};

static const uint64_t LOOK_AGAIN_NS = UINT64_C(50000000); /* at threads that should bring records, and bring none */
static const uint64_t TRUST_NS = UINT64_C(1100000000);    /* in estimated CPU time: an interval */

enum { GUESS_BURSTS = 10, TRUST_BURSTS = 200 };

struct perf {
    int cpus;
    struct pam_ring rings[MAX_CPUS];
    int leaders[MAX_CPUS]; /* the event that owns the ring; kept when its thread ends */
    bool children;          /* they inherit the events too */
    bool no_inherit_thread; /* the kernel is older than 5.13: they always do */
    struct pam_clock_facts clock;
    bool clock_a_thread;    /* not one a CPU */
    int clocks[MAX_CPUS];   /* of each CPU whose ring is mapped, else -1 */
};

/* --- events ------------------------------------------------------------------------------------------- */

static struct perf_event_attr attributes(const struct perf *perf)
{
    return (struct perf_event_attr){
        .type = PERF_TYPE_SOFTWARE,
        .size = sizeof(struct perf_event_attr),
        .config = PERF_COUNT_SW_DUMMY,
        .sample_type = PERF_SAMPLE_TID | PERF_SAMPLE_TIME,
        .sample_id_all = 1,
        .context_switch = 1,
        .task = 1,
        .comm = 1,
        .mmap = perf->clock.mappings, /* of code */
        .inherit = 1,
        .inherit_thread = !perf->children && !perf->no_inherit_thread,
        .exclude_kernel = 1, /* what an ordinary user may ask for */
        .exclude_hv = 1,
        .use_clockid = 1,
        .clockid = CLOCK_MONOTONIC,
        .watermark = 1,
        .wakeup_watermark = PAM_RING_BYTES, /* nobody waits for it: it is drained at ticks */
    };
}

/* The sample at a switch: the registers with which the thread went into the kernel, and how it waits. */
static void add_switched(struct perf_event_attr *attr, const struct pam_taken_format *format)
{
    attr->config = PERF_COUNT_SW_CONTEXT_SWITCHES;
    attr->sample_period = 1;
    attr->sample_type = format->sample_type;
    attr->sample_regs_user = format->register_mask;
    attr->sample_max_stack = format->sample_type & PERF_SAMPLE_CALLCHAIN ? PAM_SWITCHED_FRAMES : 0;
    attr->exclude_callchain_user = 1;
    attr->exclude_kernel = 0; /* where switches are */
}

static int open_event(struct perf *perf, pid_t tid, int cpu)
{
    struct perf_event_attr attr = attributes(perf);
    int fd;

    if (perf->clock.switched.sample_type)
        add_switched(&attr, &perf->clock.switched);
    else if (perf->clock_a_thread)
        pam_clock_add(&attr, &perf->clock);
    fd = (int)syscall(SYS_perf_event_open, &attr, tid, cpu, -1, PERF_FLAG_FD_CLOEXEC);
    if (fd < 0 && errno == EINVAL && attr.inherit_thread) {
        perf->no_inherit_thread = true;
        return open_event(perf, tid, cpu);
    }
    return fd < 0 ? -errno : fd;
}

/* The ring of a CPU has come: its clock starts. Without one, threads on that CPU are not seen by it. */
static void start_clock(struct perf *perf, int cpu)
{
    const struct perf_event_attr attr = attributes(perf);

    if (!perf->clock_a_thread)
        perf->clocks[cpu] = pam_clock_open(&attr, &perf->clock, cpu, perf->leaders[cpu]);
}

/* Makes the event write into its CPU's ring; the first of a CPU brings the ring along. */
static int direct_output(struct perf *perf, int fd, int cpu)
{
    int r;

    if (perf->rings[cpu].page)
        return ioctl(fd, PERF_EVENT_IOC_SET_OUTPUT, perf->leaders[cpu]) == 0 ? 0 : -errno;
    r = pam_ring_map(&perf->rings[cpu], fd,
                     perf->clock.switched.sample_type ? SWITCHED_RING_BYTES : PAM_RING_BYTES);
    if (r < 0)
        return r;
    perf->leaders[cpu] = fd;
    start_clock(perf, cpu);
    return 0;
}

static void close_events(const struct perf *perf, struct pam_watch *watch)
{
    for (int cpu = 0; watch->events && cpu < perf->cpus; cpu++)
        if (watch->events[cpu] >= 0 && watch->events[cpu] != perf->leaders[cpu])
            (void)close(watch->events[cpu]);
    free(watch->events);
    watch->events = NULL;
}

static int open_events(struct perf *perf, struct pam_watch *watch)
{
    int r = 0;

    watch->events = malloc((size_t)perf->cpus * sizeof *watch->events);
    if (!watch->events)
        return -ENOMEM;
    for (int cpu = 0; cpu < perf->cpus; cpu++)
        watch->events[cpu] = -1;
    for (int cpu = 0; cpu < perf->cpus && r == 0; cpu++) {
        r = open_event(perf, watch->tid, cpu);
        if (r == -ENODEV || r == -ENXIO) { /* a CPU that is off line */
            r = 0;
            continue;
        }
        if (r >= 0) {
            watch->events[cpu] = r;
            r = direct_output(perf, r, cpu);
        }
    }
    if (r < 0)
        close_events(perf, watch);
    return r;
}

/* --- the source --------------------------------------------------------------------------------------- */

/* Which clock is permitted. A thread may always be watched in user mode, once it may be at all. */
static void choose_clock(struct perf *perf)
{
    const struct perf_event_attr attr = attributes(perf);

    perf->clock.sees = PAM_ON_CPU_ALL;
    perf->clock_a_thread = !pam_clock_permitted(&attr, &perf->clock);
    if (perf->clock_a_thread)
        perf->clock.sees = PAM_ON_CPU_USER;
}

static int perf_start(void **state, struct pam_clock_facts *clock, bool children)
{
    const long cpus = sysconf(_SC_NPROCESSORS_CONF);
    struct perf *perf;

    if (cpus < 1 || cpus > MAX_CPUS)
        return -E2BIG;
    perf = calloc(1, sizeof *perf);
    if (!perf)
        return -ENOMEM;
    perf->cpus = (int)cpus;
    perf->children = children;
    for (int cpu = 0; cpu < MAX_CPUS; cpu++)
        perf->leaders[cpu] = perf->clocks[cpu] = -1;
    perf->clock = *clock;
    choose_clock(perf);
    *clock = perf->clock;
    *state = perf;
    return 0;
}

static void perf_stop(void *state)
{
    struct perf *perf = state;

    for (int cpu = 0; cpu < perf->cpus; cpu++) {
        pam_ring_unmap(&perf->rings[cpu]);
        if (perf->clocks[cpu] >= 0)
            (void)close(perf->clocks[cpu]);
        if (perf->leaders[cpu] >= 0)
            (void)close(perf->leaders[cpu]);
    }
    free(perf);
}

/* What the records since the last reading add up to. */
static int64_t recorded_ns(const struct pam_watch *watch, uint64_t now_ns)
{
    return watch->since_ns + (watch->runs ? (int64_t)now_ns : 0);
}

/* A thread's clock goes on while it is being switched, which the times between the records leave out:
 * up to 10 us a burst. What it was until now is what it will be. Sums, because what one reading of the
 * clock of a running thread is behind by (up to a scheduler tick), the next makes up for. */
static void learn_burst(struct pam_watch *watch, uint64_t now_ns)
{
    if (watch->gap || (watch->runs != 0 && watch->runs != 1))
        return;
    watch->learnt_ns += (int64_t)(watch->total.cpu_ns - watch->read_cpu_ns) - recorded_ns(watch, now_ns);
    watch->learnt_bursts += watch->bursts;
    if (watch->learnt_bursts >= GUESS_BURSTS)
        watch->burst_more_ns =
            watch->learnt_ns > 0 ? (uint64_t)watch->learnt_ns / watch->learnt_bursts : 0;
    if (watch->learnt_bursts >= TRUST_BURSTS)
        watch->trusted_until_ns = now_ns + TRUST_NS;
}

/* The counting of switch records begins anew from what the thread's clock says now. */
static void count_from_here(struct pam_watch *watch)
{
    const uint64_t now_ns = pam_monotonic_ns(); /* the caller's is older than the reading */

    if (watch->read_ns)
        learn_burst(watch, now_ns);
    watch->bursts = 0;
    watch->read_ns = now_ns;
    watch->read_cpu_ns = watch->total.cpu_ns;
    watch->runs = watch->running;
    watch->since_ns = watch->running ? -(int64_t)now_ns : 0;
    watch->ran = watch->gap = false;
}

/* With its event open, a thread that does not run now is off until a record says otherwise; one that
 * runs, or waits for a CPU, counts as on. */
static void find_state(struct pam_watch *watch)
{
    char path[32], text[PAM_STAT_BYTES];
    struct pam_stat stat;

    (void)snprintf(path, sizeof path, "task/%d/stat", (int)watch->tid);
    watch->switched_ns = pam_monotonic_ns(); /* records from now on are newer than what is read now */
    watch->running = watch->on_cpu = pam_read_file(watch->proc_fd, path, text, sizeof text) <= 0 ||
                                     !pam_parse_stat(text, &stat) || stat.state == 'R';
}

static bool inherits(const struct perf *perf, enum pam_birth birth)
{
    return birth == PAM_BORN_AS_THREAD ||
           (birth == PAM_BORN_AS_CHILD && (perf->children || perf->no_inherit_thread));
}

static int hear(struct perf *perf, struct pam_watch *watch)
{
    const int r = open_events(perf, watch);

    watch->heard = r == 0;
    return r;
}

/* The totals come from schedstat, the thread's own clock; where that need not be exact, switch records
 * tell what was added since it was read. Those of a newborn thread until now had nobody to take them: it may
 * run, and go on so without bringing another. */
static int perf_watch(void *state, struct pam_watch *watch, enum pam_birth birth)
{
    struct perf *perf = state;
    int r = pam_schedstat_open(watch);

    if (r == 0 && !inherits(perf, birth))
        r = hear(perf, watch);
    if (r < 0) {
        pam_schedstat_close(watch);
        return r;
    }
    find_state(watch);
    (void)pam_schedstat_look(watch, watch->switched_ns, 0);
    count_from_here(watch);
    watch->gap = !watch->heard; /* records of before may still come */
    watch->moved = true;        /* it is looked at once */
    watch->listened_ns = watch->read_ns;
    watch->listened_switches = watch->total.switches;
    return 0;
}

static void perf_unwatch(void *state, struct pam_watch *watch)
{
    close_events(state, watch);
    pam_schedstat_close(watch);
}

static void perf_drain(void *state, struct pam_drain *drain)
{
    struct perf *perf = state;

    for (drain->cpu = 0; drain->cpu < perf->cpus; drain->cpu++)
        if (perf->rings[drain->cpu].page)
            pam_ring_drain(&perf->rings[drain->cpu], pam_take_kernel_record, drain);
}

static void perf_account(void *state, struct pam_watch *watch, uint64_t now_ns)
{
    (void)state;
    if (watch->heard && !watch->ran && !watch->on_cpu)
        return;
    (void)pam_schedstat_look(watch, now_ns, 0);
    count_from_here(watch);
}

/* No switch record of a newborn thread has come yet. It may have been born between the list of threads
 * and the opening of its parent's event, and have inherited nothing: then it switches and tells nothing. */
static void listen_again(struct perf *perf, struct pam_watch *watch, uint64_t now_ns)
{
    const uint64_t cpu_ns = watch->total.cpu_ns;

    if (now_ns < watch->listened_ns + LOOK_AGAIN_NS)
        return;
    (void)pam_schedstat_look(watch, now_ns, 0);
    if (watch->unheard && hear(perf, watch) == 0) /* its records were not merely on their way */
        find_state(watch);
    count_from_here(watch);
    watch->moved |= watch->total.cpu_ns != cpu_ns;
    watch->unheard = watch->total.switches != watch->listened_switches;
    watch->listened_ns = now_ns;
    watch->listened_switches = watch->total.switches;
}

/* Records that came after `now_ns` may make it a little less than it was: it never goes back. */
static void add_up(struct pam_watch *watch, uint64_t now_ns)
{
    const int64_t more_ns =
        recorded_ns(watch, now_ns) + (int64_t)(watch->bursts * watch->burst_more_ns);

    if (more_ns > (int64_t)(watch->total.cpu_ns - watch->read_cpu_ns))
        watch->total.cpu_ns = watch->read_cpu_ns + (uint64_t)more_ns;
}

static bool perf_look(void *state, struct pam_watch *watch, uint64_t now_ns,
                      uint64_t scheduler_tick_ns)
{
    struct perf *perf = state;

    (void)scheduler_tick_ns; /* switch records need none */
    if (!watch->heard)
        listen_again(perf, watch, now_ns);
    if (watch->doubtful)
        find_state(watch);
    watch->doubtful = false;
    if (!watch->moved && !watch->on_cpu)
        return false;
    watch->moved = false;
    if (!watch->gap && (watch->runs == 0 || watch->runs == 1))
        add_up(watch, now_ns);
    else /* without the records that were lost, it may seem to have run between two that belong to no pair */
        perf_account(state, watch, now_ns);
    return !watch->gone;
}

static bool perf_slept(void *state, const struct pam_watch *watch)
{
    (void)state;
    return watch->heard && !watch->on_cpu && !watch->moved && !watch->doubtful;
}

const struct pam_activity pam_activity_perf = {
    .name = "perf",
    .sampling = PAM_SAMPLING_PERF,
    .exact = true,
    .start = perf_start,
    .stop = perf_stop,
    .watch = perf_watch,
    .unwatch = perf_unwatch,
    .drain = perf_drain,
    .look = perf_look,
    .account = perf_account,
    .slept = perf_slept,
};
