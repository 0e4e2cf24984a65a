/* activity.c - the choice of a source, and the two that need no perf_event. */
#include "kernel/activity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"

/* --- what a source need not do -------------------------------------------------------------------- */

static int start_nothing(void **state, struct pam_clock_facts *clock, bool children)
{
    (void)children;
    *clock = (struct pam_clock_facts){.sees = PAM_ON_CPU_NONE};
    *state = NULL;
    return 0;
}

static void stop_nothing(void *state)
{
    (void)state;
}

static void drain_nothing(void *state, struct pam_drain *drain)
{
    (void)state;
    (void)drain;
}

static void unwatch_file(void *state, struct pam_watch *watch)
{
    (void)state;
    pam_schedstat_close(watch);
}

/* --- schedstat -------------------------------------------------------------------------------------- */

int pam_schedstat_open(struct pam_watch *watch)
{
    char path[48];

    (void)snprintf(path, sizeof path, "task/%d/schedstat", (int)watch->tid);
    watch->fd = openat(watch->proc_fd, path, O_RDONLY | O_CLOEXEC);
    return watch->fd < 0 ? -errno : 0;
}

void pam_schedstat_close(struct pam_watch *watch)
{
    if (watch->fd >= 0)
        (void)close(watch->fd);
    watch->fd = -1;
}

/* The kernel moves the counters at every switch and, for a thread that stays on its CPU, at every
 * scheduler tick. So a counter that stood still for longer than a scheduler tick tells that the
 * thread was off the CPU; one that stood still for less tells nothing. */
bool pam_schedstat_look(struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns)
{
    char text[96]; /* three numbers of 20 digits */
    struct pam_schedstat stat;
    const ssize_t size = watch->fd < 0 ? -ESRCH : pread(watch->fd, text, sizeof text - 1, 0);

    if (size <= 0) {
        watch->gone = true;
        return false;
    }
    text[size] = '\0';
    if (!pam_parse_schedstat(text, &stat))
        return true;
    if (!watch->known || memcmp(&stat, &watch->total, sizeof stat) != 0) {
        watch->known = true;
        watch->total = stat;
        watch->moved_ns = now_ns;
        return true;
    }
    return now_ns - watch->moved_ns <= scheduler_tick_ns + scheduler_tick_ns / 4;
}

/* A thread that goes off its CPU or comes on moves the counters. One that was preempted, so that they stand
 * still as well, is none that the caller has found blocked. */
static bool schedstat_slept(void *state, const struct pam_watch *watch)
{
    struct pam_watch now = *watch;

    (void)state;
    (void)pam_schedstat_look(&now, 0, 0);
    return watch->known && !now.gone && !memcmp(&now.total, &watch->total, sizeof now.total);
}

static int watch_schedstat(void *state, struct pam_watch *watch, enum pam_birth birth)
{
    (void)state;
    (void)birth;
    return pam_schedstat_open(watch);
}

static bool look_at_schedstat(void *state, struct pam_watch *watch, uint64_t now_ns,
                              uint64_t scheduler_tick_ns)
{
    (void)state;
    return pam_schedstat_look(watch, now_ns, scheduler_tick_ns);
}

const struct pam_activity pam_activity_schedstat = {
    .name = "schedstat",
    .sampling = PAM_SAMPLING_SCHEDSTAT,
    .start = start_nothing,
    .stop = stop_nothing,
    .watch = watch_schedstat,
    .unwatch = unwatch_file,
    .drain = drain_nothing,
    .look = look_at_schedstat,
    .slept = schedstat_slept,
};

/* --- every thread, always --------------------------------------------------------------------------- */

/* Also without schedstat, an exited thread must be noticed: its comm can no longer be read. */
static int watch_comm(void *state, struct pam_watch *watch, enum pam_birth birth)
{
    char path[48];

    (void)state;
    (void)birth;
    (void)snprintf(path, sizeof path, "task/%d/comm", (int)watch->tid);
    watch->fd = openat(watch->proc_fd, path, O_RDONLY | O_CLOEXEC);
    return watch->fd < 0 ? -errno : 0;
}

static bool look_at_comm(void *state, struct pam_watch *watch, uint64_t now_ns,
                         uint64_t scheduler_tick_ns)
{
    char text[PAM_COMM_BYTES];

    (void)state;
    (void)now_ns;
    (void)scheduler_tick_ns;
    watch->gone = watch->fd < 0 || pread(watch->fd, text, sizeof text, 0) <= 0;
    return !watch->gone;
}

const struct pam_activity pam_activity_read_all = {
    .name = "read-all",
    .sampling = PAM_SAMPLING_READ_ALL,
    .start = start_nothing,
    .stop = stop_nothing,
    .watch = watch_comm,
    .unwatch = unwatch_file,
    .drain = drain_nothing,
    .look = look_at_comm,
};

/* --- the choice --------------------------------------------------------------------------------------- */

/* On a CPU without a periodic tick the counters of a running thread stand still for up to 1 s. */
static bool has_tickless_cpus(void)
{
    char text[64];

    return pam_read_file(AT_FDCWD, "/sys/devices/system/cpu/nohz_full", text, sizeof text) > 1 &&
           text[0] >= '0' && text[0] <= '9';
}

const char *pam_schedstat_refusal(int proc_fd, pid_t tid)
{
    struct pam_watch probe = {.tid = tid, .proc_fd = proc_fd, .fd = -1};
    bool works;

    if (has_tickless_cpus())
        return "this kernel runs CPUs without a tick (nohz_full), so schedstat may stand still";
    works = pam_schedstat_open(&probe) == 0 && pam_schedstat_look(&probe, 0, 0) &&
            (probe.total.cpu_ns || probe.total.switches);
    pam_schedstat_close(&probe);
    return works ? NULL : "this kernel has no /proc/PID/task/TID/schedstat (CONFIG_SCHED_INFO)";
}

/* Can a thread of the target be watched by this source? It starts afresh after the trial, so that
 * nothing of the trial stays behind. */
static int try_source(const struct pam_activity *source, int proc_fd, pid_t tid, void **state,
                      struct pam_clock_facts *clock, bool children)
{
    const struct pam_clock_facts wanted = *clock;
    struct pam_watch probe = {.tid = tid, .proc_fd = proc_fd, .fd = -1};
    int r = source->start(state, clock, children);

    if (r < 0)
        return r;
    r = source->watch(*state, &probe, PAM_BORN_BEFORE);
    if (r == 0)
        source->unwatch(*state, &probe);
    source->stop(*state);
    *clock = wanted;
    return r < 0 ? r : source->start(state, clock, children);
}

const struct pam_activity *pam_activity_choose(int proc_fd, pid_t tid, void **state,
                                               struct pam_clock_facts *clock, bool children,
                                               char reason[PAM_REASON_TEXT_BYTES])
{
    const int perf = try_source(&pam_activity_perf, proc_fd, tid, state, clock, children);
    const struct pam_activity *source;
    const char *refusal;

    if (perf == 0) {
        (void)snprintf(reason, PAM_REASON_TEXT_BYTES,
                       "switch records of perf_event; threads that did not run are skipped");
        return &pam_activity_perf;
    }
    refusal = pam_schedstat_refusal(proc_fd, tid);
    (void)snprintf(reason, PAM_REASON_TEXT_BYTES, "perf_event is refused (%s); %s", strerror(-perf),
                   refusal ? refusal : "threads whose schedstat did not move are skipped");
    source = refusal ? &pam_activity_read_all : &pam_activity_schedstat;
    (void)source->start(state, clock, children);
    return source;
}
