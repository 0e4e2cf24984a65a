/* monitor.c - what the target, its children and the whole machine use, at every interval. */
#include "kernel/monitor.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/procfile.h"

static bool read_stat(int stat_fd, struct pam_stat *stat)
{
    char text[PAM_STAT_BYTES];

    return stat_fd >= 0 && pam_reread(stat_fd, text, sizeof text) > 0 && pam_parse_stat(text, stat);
}

/* A main thread that has ended while others of its process go on shows as a zombie, too. */
static bool is_zombie(const struct pam_stat *stat)
{
    return (stat->state == 'Z' || stat->state == 'X') && stat->threads <= 1;
}

static bool watch_process(struct pam_process_watch *process, pid_t pid, int proc_fd)
{
    struct pam_stat stat;

    *process = (struct pam_process_watch){.pid = pid, .proc_fd = proc_fd};
    pam_usage_init(&process->files);
    process->stat_fd = openat(proc_fd, "stat", O_RDONLY | O_CLOEXEC);
    process->statm_fd = openat(proc_fd, "statm", O_RDONLY | O_CLOEXEC);
    if (!read_stat(process->stat_fd, &stat))
        return false;
    process->start_ticks = stat.start_ticks;
    process->parent = (pid_t)stat.parent_pid;
    process->may_trace = stat.may_trace;
    process->exiting = is_zombie(&stat);
    memcpy(process->comm, stat.comm, sizeof process->comm);
    process->has_cpu_clock = clock_getcpuclockid(pid, &process->cpu_clock) == 0;
    return true;
}

static void unwatch_process(struct pam_process_watch *process, bool close_proc)
{
    pam_usage_done(&process->files);
    if (process->stat_fd >= 0)
        (void)close(process->stat_fd);
    if (process->statm_fd >= 0)
        (void)close(process->statm_fd);
    if (close_proc && process->proc_fd >= 0)
        (void)close(process->proc_fd);
}

void pam_monitor_init(struct pam_monitor *monitor, pid_t target, int proc_fd)
{
    monitor->page_bytes = (uint64_t)sysconf(_SC_PAGESIZE);
    (void)watch_process(&monitor->processes[0], target, proc_fd);
    monitor->count = 1;
    monitor->fds_by_stat = pam_usage_fds_by_stat();
    pam_system_init(&monitor->system);
    pam_sensors_init(&monitor->sensors, "/sys");
}

void pam_monitor_done(struct pam_monitor *monitor)
{
    for (size_t i = 0; i < monitor->count; i++)
        unwatch_process(&monitor->processes[i], i > 0);
    if (monitor->count) {
        pam_system_done(&monitor->system);
        pam_sensors_done(&monitor->sensors);
    }
    monitor->count = 0;
}

void pam_monitor_change_target(struct pam_monitor *monitor, pid_t target, int proc_fd)
{
    unwatch_process(&monitor->processes[0], false);
    (void)watch_process(&monitor->processes[0], target, proc_fd);
}

struct pam_process_watch *pam_monitor_adopt(struct pam_monitor *monitor, pid_t pid)
{
    struct pam_process_watch child;
    int proc_fd;

    for (size_t i = 0; i < monitor->count; i++)
        if (monitor->processes[i].pid == pid)
            return &monitor->processes[i];
    proc_fd = pam_open_proc(pid);
    if (proc_fd < 0)
        return NULL;
    if (monitor->count == PAM_MAX_PROCESSES) {
        monitor->left_out++;
        (void)close(proc_fd);
        return NULL;
    }
    if (!watch_process(&child, pid, proc_fd)) {
        unwatch_process(&child, true);
        return NULL;
    }
    child.may_trace |= monitor->processes[0].may_trace; /* a zombie does not tell any more */
    monitor->processes[monitor->count] = child;
    return &monitor->processes[monitor->count++];
}

void pam_monitor_note_program(struct pam_process_watch *process)
{
    struct pam_stat stat;

    if (!read_stat(process->stat_fd, &stat))
        return;
    memcpy(process->comm, stat.comm, sizeof process->comm);
    memcpy(process->stat.comm, stat.comm, sizeof process->stat.comm);
}

struct children_search {
    struct pam_monitor *monitor;
    int proc_fd;
};

/* proc(5) task/TID/children: "reliable only if the children are stopped"; one that is missed for
 * an interval is found at the next. */
static bool see_children_of_task(pid_t tid, void *context)
{
    const struct children_search *search = context;
    char path[48], text[8 * PAM_MAX_PROCESSES]; /* 7 digits and a blank each */
    char *at = text;

    (void)snprintf(path, sizeof path, "task/%d/children", (int)tid);
    if (pam_read_file(search->proc_fd, path, text, sizeof text) <= 0)
        return true;
    for (;;) {
        char *end;
        const long pid = strtol(at, &end, 10);

        if (end == at || pid <= 0 || *end != ' ') /* a number that was cut is another one */
            return true;
        (void)pam_monitor_adopt(search->monitor, (pid_t)pid);
        at = end;
    }
}

void pam_monitor_find_children(struct pam_monitor *monitor)
{
    /* Children found on the way are appended and so searched for children too. */
    for (size_t i = 0; i < monitor->count; i++) {
        struct children_search search = {monitor, monitor->processes[i].proc_fd};

        (void)pam_each_number(search.proc_fd, "task", see_children_of_task, &search);
    }
}

/* Is it gone for good, or has another process its id by now? What is seen on the way is remembered. A
 * child whose parent has exited stays: it was born of the target all the same. */
static bool is_reaped(struct pam_process_watch *process)
{
    process->stat_read = read_stat(process->stat_fd, &process->stat);
    return !process->stat_read || process->stat.start_ticks != process->start_ticks;
}

/* Returns false when it is to be forgotten. */
static bool check_exit(struct pam_process_watch *process, pam_process_left *left, void *context)
{
    const bool reaped = is_reaped(process);
    const bool exited = reaped || is_zombie(&process->stat);

    /* To who may not know it, it is 0. */
    if (exited && !reaped && (process->may_trace || process->stat.exit_code != 0))
        process->exit_status_plus1 = (uint64_t)process->stat.exit_code + 1;
    if (exited && !process->exited)
        left(process, context);
    process->exited = exited;
    process->exiting &= !exited;
    process->may_trace |= process->stat.may_trace;
    return !reaped;
}

size_t pam_monitor_check_exits(struct pam_monitor *monitor, bool all, pam_process_left *left,
                               void *context)
{
    size_t kept = 1, exiting = 0;

    for (size_t i = 1; i < monitor->count; i++) {
        struct pam_process_watch *process = &monitor->processes[i];

        if (!all && !process->exiting) {
            monitor->processes[kept++] = *process;
            continue;
        }
        if (!check_exit(process, left, context)) {
            unwatch_process(process, true);
            continue;
        }
        exiting += process->exiting;
        monitor->processes[kept++] = *process;
    }
    monitor->count = kept;
    return exiting;
}

/* Of the processes whose PSS is due the one that has waited longest, so that many children do not
 * make one interval long. */
static const struct pam_process_watch *choose_pss(const struct pam_monitor *monitor,
                                                  uint64_t now_ns)
{
    const struct pam_process_watch *first = &monitor->processes[0];

    for (size_t i = 1; i < monitor->count; i++)
        if (monitor->processes[i].files.pss_due_ns < first->files.pss_due_ns)
            first = &monitor->processes[i];
    return first->files.pss_due_ns <= now_ns ? first : NULL;
}

void pam_monitor_begin(struct pam_monitor *monitor, uint64_t now_ns)
{
    for (size_t i = 0; i < monitor->count; i++)
        if (!monitor->processes[i].files.pss_due_ns)
            monitor->processes[i].files.pss_due_ns = now_ns; /* it is new: behind those that wait */
    monitor->pss_turn = choose_pss(monitor, now_ns);
}

/* statm's figure is the exact one: that of stat may lag behind by some pages a CPU. */
static uint64_t rss_pages(const struct pam_process_watch *process, const struct pam_stat *stat)
{
    char text[128];
    uint64_t pages;

    if (process->statm_fd >= 0 && pam_reread(process->statm_fd, text, sizeof text) > 0 &&
        pam_parse_statm(text, &pages))
        return pages;
    return stat->rss_pages;
}

/* By the stat that was read last. */
static struct pam_resource used_in_all(const struct pam_process_watch *process)
{
    const struct pam_stat *stat = &process->stat;
    struct pam_resource resource = {
        .pid = (uint64_t)process->pid,
        .user_ticks_plus1 = stat->user_ticks + 1,
        .system_ticks_plus1 = stat->system_ticks + 1,
        .reaped_ticks_plus1 = stat->reaped_ticks + 1,
        .minor_faults_plus1 = stat->minor_faults + 1,
        .major_faults_plus1 = stat->major_faults + 1,
    };
    struct timespec cpu;

    if (process->has_cpu_clock && clock_gettime(process->cpu_clock, &cpu) == 0)
        resource.cpu_ns_plus1 = (uint64_t)cpu.tv_sec * 1000000000u + (uint64_t)cpu.tv_nsec + 1;
    return resource;
}

bool pam_monitor_read_last(const struct pam_process_watch *process, struct pam_resource *resource)
{
    if (!process->stat_read || !is_zombie(&process->stat))
        return false;
    *resource = used_in_all(process);
    return true;
}

bool pam_monitor_read(const struct pam_monitor *monitor, struct pam_process_watch *process,
                      uint64_t now_ns, struct pam_resource *resource)
{
    const struct pam_stat *stat = &process->stat;

    if (!process->stat_read && !read_stat(process->stat_fd, &process->stat))
        return false;
    process->stat_read = false; /* it is old in the next interval */
    if (is_zombie(stat))
        return false; /* it has given its memory back: what it shows is no reading */
    *resource = used_in_all(process);
    resource->rss_bytes_plus1 = rss_pages(process, stat) * monitor->page_bytes + 1;
    resource->threads = stat->threads;
    pam_usage_read(&process->files, process->proc_fd, monitor->fds_by_stat, now_ns, resource);
    if (process == monitor->pss_turn)
        pam_usage_read_pss(&process->files, process->proc_fd, now_ns, resource);
    return true;
}
