/* activity.c - which threads have run, from /proc/PID/task/TID/schedstat. */
#include "kernel/activity.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"

static int schedstat_watch(struct pam_watch *watch, int proc_fd)
{
    char path[48];

    (void)snprintf(path, sizeof path, "task/%d/schedstat", (int)watch->tid);
    watch->fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    return watch->fd < 0 ? -errno : 0;
}

static void schedstat_unwatch(struct pam_watch *watch)
{
    if (watch->fd >= 0)
        (void)close(watch->fd);
    watch->fd = -1;
}

/* The kernel moves the counters at every switch and, for a thread that stays on its CPU, at every
 * scheduler tick. So a counter that stood still for longer than a scheduler tick tells that the
 * thread was off the CPU; one that stood still for less tells nothing. */
static bool schedstat_look(struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns)
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

const struct pam_activity pam_activity_schedstat = {
    .name = "schedstat",
    .sampling = PAM_SAMPLING_SCHEDSTAT,
    .watch = schedstat_watch,
    .unwatch = schedstat_unwatch,
    .look = schedstat_look,
};

/* Also without schedstat, an exited thread must be noticed: its comm can no longer be read. */
static int read_all_watch(struct pam_watch *watch, int proc_fd)
{
    char path[48];

    (void)snprintf(path, sizeof path, "task/%d/comm", (int)watch->tid);
    watch->fd = openat(proc_fd, path, O_RDONLY | O_CLOEXEC);
    return watch->fd < 0 ? -errno : 0;
}

static bool read_all_look(struct pam_watch *watch, uint64_t now_ns, uint64_t scheduler_tick_ns)
{
    char text[PAM_COMM_BYTES];

    (void)now_ns;
    (void)scheduler_tick_ns;
    watch->gone = watch->fd < 0 || pread(watch->fd, text, sizeof text, 0) <= 0;
    return !watch->gone;
}

const struct pam_activity pam_activity_read_all = {
    .name = "read-all",
    .sampling = PAM_SAMPLING_READ_ALL,
    .watch = read_all_watch,
    .unwatch = schedstat_unwatch,
    .look = read_all_look,
};

/* On a CPU without a periodic tick the counters of a running thread stand still for up to 1 s. */
static bool has_tickless_cpus(void)
{
    char text[64];

    return pam_read_file(AT_FDCWD, "/sys/devices/system/cpu/nohz_full", text, sizeof text) > 1 &&
           text[0] >= '0' && text[0] <= '9';
}

const struct pam_activity *pam_activity_choose(int proc_fd, pid_t tid, const char **reason)
{
    struct pam_watch probe = {.tid = tid, .fd = -1};
    bool works;

    if (has_tickless_cpus()) {
        *reason = "this kernel runs CPUs without a tick (nohz_full), so schedstat may stand still";
        return &pam_activity_read_all;
    }
    works = schedstat_watch(&probe, proc_fd) == 0 && schedstat_look(&probe, 0, 0) &&
            (probe.total.cpu_ns || probe.total.switches);
    schedstat_unwatch(&probe);
    *reason = works ? "timer; threads whose schedstat did not move are skipped"
                    : "this kernel has no /proc/PID/task/TID/schedstat (CONFIG_SCHED_INFO)";
    return works ? &pam_activity_schedstat : &pam_activity_read_all;
}
