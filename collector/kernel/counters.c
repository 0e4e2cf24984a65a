/* counters.c - counters of perf_event on one thread: opened, read by group, closed; and why not. */
#include "kernel/counters.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/perf_event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "kernel/procfile.h"

/* perf_event_open(2), PERF_FORMAT_GROUP with the two times and PERF_FORMAT_ID. */
struct group_values {
    uint64_t count, enabled_ns, running_ns;
    struct {
        uint64_t value, id;
    } values[PAM_MAX_EVENTS];
};

static struct perf_event_attr attributes(const struct pam_event_code *code, enum pam_counters_of of)
{
    return (struct perf_event_attr){
        .type = code->type,
        .size = sizeof(struct perf_event_attr),
        .config = code->config,
        .config1 = code->config1,
        .config2 = code->config2,
        .read_format = PERF_FORMAT_GROUP | PERF_FORMAT_ID | PERF_FORMAT_TOTAL_TIME_ENABLED |
                       PERF_FORMAT_TOTAL_TIME_RUNNING,
        .exclude_user = (code->excludes & PAM_EXCLUDE_USER) != 0,
        .exclude_kernel = (code->excludes & PAM_EXCLUDE_KERNEL) != 0,
        .exclude_hv = (code->excludes & PAM_EXCLUDE_HYPERVISOR) != 0,
        .exclude_host = (code->excludes & PAM_EXCLUDE_HOST) != 0,
        .exclude_guest = (code->excludes & PAM_EXCLUDE_GUEST) != 0,
        .inherit = of == PAM_COUNTERS_OF_FAMILY,
        .inherit_thread = of == PAM_COUNTERS_OF_FAMILY,
    };
}

/* `tid` 0 is the calling thread, `leader` -1: it leads a group. */
static int open_event(struct perf_event_attr attr, pid_t tid, int leader)
{
    const int fd = (int)syscall(SYS_perf_event_open, &attr, tid, -1, leader, PERF_FLAG_FD_CLOEXEC);

    return fd < 0 ? -errno : fd;
}

/* A group is started when it is complete: a member that joins one that counts on a CPU already is left out
 * until the thread's next switch. `pinned`: always on the PMU, or not at all. */
static int open_group(struct pam_counters *counters, const struct pam_events *events, size_t first,
                      pid_t tid, enum pam_counters_of of, bool pinned, size_t *refused)
{
    const size_t end = pam_events_group_end(events, first);

    for (size_t i = first; i < end; i++) {
        struct perf_event_attr attr = attributes(&events->list[i].code, of);

        attr.pinned = pinned && i == first;
        attr.disabled = i == first;
        counters->fds[i] = open_event(attr, tid, i == first ? -1 : counters->fds[first]);
        if (counters->fds[i] < 0 || ioctl(counters->fds[i], PERF_EVENT_IOC_ID, &counters->ids[i]) != 0) {
            *refused = i;
            return counters->fds[i] < 0 ? counters->fds[i] : -errno;
        }
    }
    *refused = first;
    return ioctl(counters->fds[first], PERF_EVENT_IOC_ENABLE, 0) == 0 ? 0 : -errno;
}

static bool allocate(struct pam_counters *counters, const struct pam_events *events)
{
    counters->fds = malloc(events->count * sizeof *counters->fds);
    counters->ids = calloc(events->count, sizeof *counters->ids);
    for (size_t i = 0; counters->fds && i < events->count; i++)
        counters->fds[i] = -1;
    return counters->fds && counters->ids;
}

int pam_counters_open(struct pam_counters *counters, const struct pam_events *events, pid_t tid,
                      enum pam_counters_of of, size_t *refused)
{
    int r = allocate(counters, events) ? 0 : -ENOMEM;

    *refused = 0;
    for (size_t first = 0; first < events->count && r == 0; first = pam_events_group_end(events, first))
        if (of == PAM_COUNTERS_OF_THREAD || events->list[first].whole_process)
            r = open_group(counters, events, first, tid, of, false, refused);
    if (r < 0)
        pam_counters_close(counters, events);
    return r;
}

void pam_counters_close(struct pam_counters *counters, const struct pam_events *events)
{
    for (size_t i = 0; counters->fds && i < events->count; i++)
        if (counters->fds[i] >= 0)
            (void)close(counters->fds[i]);
    free(counters->fds);
    free(counters->ids);
    *counters = (struct pam_counters){0};
}

bool pam_counters_read(const struct pam_counters *counters, const struct pam_events *events, size_t first,
                       struct pam_counted *counted)
{
    const size_t end = pam_events_group_end(events, first);
    struct group_values group;
    ssize_t size;

    if (!counters->fds || counters->fds[first] < 0)
        return false;
    size = read(counters->fds[first], &group, sizeof group);
    if (size < (ssize_t)offsetof(struct group_values, values) || group.count > end - first)
        return false;
    for (size_t k = 0; k < group.count; k++)
        for (size_t i = first; i < end; i++)
            if (group.values[k].id == counters->ids[i])
                counted[i] = (struct pam_counted){group.values[k].value, group.enabled_ns, group.running_ns};
    return true;
}

/* --- what can be had ----------------------------------------------------------------------------------- */

static int paranoid(void)
{
    char text[16];

    return pam_read_file(AT_FDCWD, "/proc/sys/kernel/perf_event_paranoid", text, sizeof text) > 0
               ? atoi(text) : -2;
}

static int refused_by_rights(const struct pam_event_spec *spec, struct pam_error *error)
{
    const bool tracepoint = spec->code.type == PERF_TYPE_TRACEPOINT;
    const int level = paranoid();
    /* Documentation/admin-guide/sysctl/kernel.rst of Linux; 3 and 4, which no capability but CAP_SYS_ADMIN
     * overrides, are Debian's and Ubuntu's. */
    const bool closed = level > 2;
    const bool user_may = !closed && !tracepoint && !(spec->code.excludes & PAM_EXCLUDE_KERNEL);

    return pam_fail(error, PAM_PERMISSION,
                    "cannot count '%s': the kernel does not permit it (kernel.perf_event_paranoid is %d); "
                    "%srun as root%s, or lower it: sudo sysctl kernel.perf_event_paranoid=%d",
                    spec->name, level, user_may ? "count it in user mode only (NAME:u), or " : "",
                    closed ? "" : ", or give the program the right: sudo setcap cap_perfmon,cap_sys_ptrace+ep "
                                  "$(command -v pamcollect)",
                    tracepoint ? -1 : 1);
}

/* What the kernel means by an error, and what to do about it. */
static const struct {
    int number;
    const char *sentence;
} refusals[] = {
    {ENOENT, "this machine cannot count it: its CPU has no such counter, or the hypervisor does not pass it "
             "on; pamcollect --event list prints what there is"},
    {ENODEV, "this machine's CPU has no counter for it; pamcollect --event list prints what there is"},
    {EOPNOTSUPP, "this machine's CPU cannot count it in this way; leave modifiers out, or see "
                 "pamcollect --event list"},
    {EINVAL, "the kernel does not know it, or its group has more events than the CPU can count at the same "
             "time; put it into a group of its own, or see pamcollect --event list"},
    {EBUSY, "the counters are taken by somebody else who does not share them"},
    {ENOSPC, "its group has more events than the CPU can count at the same time; make it smaller"},
    {EMFILE, "the process may not open as many files as there are threads times events; raise the limit "
             "(ulimit -n), or count fewer events"},
    {ENOSYS, "this kernel has no perf_event (CONFIG_PERF_EVENTS), or a container forbids it"},
};

int pam_counters_refused(const struct pam_event_spec *spec, int error_number, struct pam_error *error)
{
    if (error_number == EACCES || error_number == EPERM)
        return refused_by_rights(spec, error);
    for (size_t i = 0; i < sizeof refusals / sizeof *refusals; i++)
        if (refusals[i].number == error_number)
            return pam_fail(error, PAM_FAILED, "cannot count '%s': %s", spec->name, refusals[i].sentence);
    return pam_fail(error, PAM_FAILED, "cannot count '%s': perf_event_open: %s", spec->name,
                    strerror(error_number));
}

int pam_counters_try_one(const struct pam_event_code *code)
{
    const int fd = open_event(attributes(code, PAM_COUNTERS_OF_THREAD), 0, -1);

    if (fd >= 0)
        (void)close(fd);
    return fd < 0 ? fd : 0;
}

/* With all groups on threads pinned, one that finds no room any more for the process ends in an error
 * state, in which it reads as nothing: perf_event_open(2), `pinned`. */
static void find_room(struct pam_events *events)
{
    struct pam_counters threads = {0}, processes = {0};
    struct pam_counted counted[PAM_MAX_EVENTS];
    size_t refused;
    int r = allocate(&threads, events) && allocate(&processes, events) ? 0 : -ENOMEM;

    for (size_t i = 0; i < events->count && r == 0; i = pam_events_group_end(events, i))
        r = open_group(&threads, events, i, 0, PAM_COUNTERS_OF_THREAD, true, &refused);
    for (size_t i = 0; i < events->count && r == 0; i = pam_events_group_end(events, i)) {
        const bool room =
            open_group(&processes, events, i, 0, PAM_COUNTERS_OF_FAMILY, true, &refused) == 0 &&
            pam_counters_read(&processes, events, i, counted) &&
            pam_counters_read(&threads, events, i, counted);

        for (size_t k = i; k < pam_events_group_end(events, i); k++) {
            events->list[k].whole_process = room;
            if (!room && processes.fds[k] >= 0) {
                (void)close(processes.fds[k]);
                processes.fds[k] = -1;
            }
        }
    }
    pam_counters_close(&threads, events);
    pam_counters_close(&processes, events);
}

int pam_counters_try(struct pam_events *events, struct pam_error *error)
{
    struct pam_counters counters;
    size_t refused;
    const int r = pam_counters_open(&counters, events, 0, PAM_COUNTERS_OF_THREAD, &refused);

    if (r < 0)
        return pam_counters_refused(&events->list[refused], -r, error);
    pam_counters_close(&counters, events);
    find_room(events);
    return 0;
}
