/* interval.c - what is done once an interval: resources, clocks, names, checks, health. */
#include <math.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "kernel/procfile.h"
#include "session.h"

/* Records tell who comes and goes; lists are for what was born before they did, and for what they
 * miss: in two intervals after every change, and in every tenth. */
enum { LIST_TWICE = 2, LIST_EVERY = 10 };

static const uint64_t NAMES_NS = UINT64_C(5000000000); /* a renamed thread is noticed this late */
static const uint64_t NAMELESS_NS = UINT64_C(20000000); /* and a new one's name read at most this often */

static void record_clocks(struct pam_sampler *sampler)
{
    const uint64_t before = pam_monotonic_ns();
    const uint64_t realtime = pam_realtime_ns();
    const uint64_t after = pam_monotonic_ns();
    const struct pam_clock clock = {
        .monotonic_ns = before + (after - before) / 2,
        .realtime_ns = realtime,
        .error_ns = (after - before) / 2 + 1,
    };

    pam_recorder_put(&sampler->recorder, PAM_clock, &clock);
}

void pam_record_process(struct pam_sampler *sampler, struct pam_process_watch *process)
{
    const bool is_target = process->pid == sampler->target->pid;
    char executable[PAM_PATH_BYTES], command_line[PAM_COMMAND_LINE_BYTES];
    struct pam_process record = {
        .pid = (uint64_t)process->pid,
        .parent_pid = (uint64_t)process->parent,
        .is_target = is_target,
        .start_ticks = process->start_ticks,
    };

    (void)pam_read_executable(process->proc_fd, executable);
    pam_read_command_line(process->proc_fd, command_line, sizeof command_line);
    record.executable = pam_text(executable);
    record.command_line = pam_text(command_line);
    if (is_target) {
        record.chosen_because = pam_text(sampler->settings.chosen_because);
        record.python_version = sampler->attached ? sampler->runtime.version_hex : 0;
        record.runtime_path = pam_text(sampler->attached ? sampler->runtime.path : "");
    }
    pam_recorder_put(&sampler->recorder, PAM_process, &record);
    process->announced = true;
}

static void record_process_exit(const struct pam_process_watch *process, void *context)
{
    struct pam_sampler *sampler = context;
    const struct pam_process_exit record = {.pid = (uint64_t)process->pid};

    pam_recorder_put(&sampler->recorder, PAM_process_exit, &record);
}

/* Returns the target's CPU time so far, for the status line. */
static uint64_t record_resources(struct pam_sampler *sampler, uint64_t now_ns, bool list)
{
    struct pam_monitor *monitor = &sampler->monitor;
    struct pam_resource target = {0};

    pam_monitor_scan(monitor, now_ns, list, record_process_exit, sampler);
    for (size_t i = 0; i < monitor->count; i++) {
        struct pam_resource resource;

        if (!pam_monitor_read(monitor, &monitor->processes[i], now_ns, &resource)) {
            sampler->target_silent |= i == 0;
            continue;
        }
        if (!monitor->processes[i].announced)
            pam_record_process(sampler, &monitor->processes[i]);
        pam_recorder_put(&sampler->recorder, PAM_resource, &resource);
        if (i == 0)
            target = resource;
    }
    sampler->progress.memory_bytes = target.rss_bytes_plus1 ? target.rss_bytes_plus1 - 1 : 0;
    return target.cpu_ns_plus1 ? target.cpu_ns_plus1 - 1 : 0;
}

static void record_system(struct pam_sampler *sampler, uint64_t now_ns)
{
    struct pam_system_watch *watch = &sampler->monitor.system;
    struct pam_system system;

    pam_system_read(watch, now_ns, &system);
    pam_recorder_put(&sampler->recorder, PAM_system, &system);
    for (size_t i = 0; i < watch->core_count; i++)
        pam_recorder_put(&sampler->recorder, PAM_core, &watch->cores[i]);
}

static void record_sensors(struct pam_sampler *sampler, uint64_t now_ns)
{
    struct pam_sensors *sensors = &sampler->monitor.sensors;
    const bool announce =
        !sensors->announced || sensors->announced_epoch != sampler->recorder.epoch;

    for (size_t i = 0; i < sensors->count; i++) {
        const struct pam_sensor sensor = pam_sensors_describe(sensors, i);
        struct pam_reading reading;

        if (announce)
            pam_recorder_put(&sampler->recorder, PAM_sensor, &sensor);
        if (pam_sensors_read(sensors, i, now_ns, &reading))
            pam_recorder_put(&sampler->recorder, PAM_reading, &reading);
    }
    sensors->announced = true;
    sensors->announced_epoch = sampler->recorder.epoch;
}

static uint64_t own_memory_bytes(const struct pam_sampler *sampler)
{
    char text[128];
    unsigned long long pages = 0;

    if (pam_reread(sampler->own_statm_fd, text, sizeof text) > 0)
        (void)sscanf(text, "%*u %llu", &pages);
    return pages * sampler->host.record.page_bytes;
}

void pam_record_health(struct pam_sampler *sampler)
{
    struct pam_health *health = &sampler->health;
    struct rusage usage;

    (void)getrusage(RUSAGE_SELF, &usage);
    health->own_user_us =
        (uint64_t)usage.ru_utime.tv_sec * 1000000 + (uint64_t)usage.ru_utime.tv_usec;
    health->own_system_us =
        (uint64_t)usage.ru_stime.tv_sec * 1000000 + (uint64_t)usage.ru_stime.tv_usec;
    health->own_rss_bytes = own_memory_bytes(sampler);
    health->read_calls = sampler->remote.calls;
    health->read_bytes = sampler->remote.bytes;
    health->code_reused = sampler->codes.reused;
    health->dropped_blocks = sampler->recorder.dropped_blocks;
    health->dropped_bytes = sampler->recorder.dropped_bytes;
    health->written_bytes = pam_writer_bytes(sampler->writer);
    health->threads_left_out = sampler->threads.left_out;
    pam_recorder_put(&sampler->recorder, PAM_health, health);
}

static double rate(uint64_t now, uint64_t before, double seconds)
{
    return seconds > 0 && now >= before ? (double)(now - before) / seconds : NAN;
}

static void show_progress(struct pam_sampler *sampler, uint64_t now_ns, uint64_t cpu_ns)
{
    const struct pam_health *health = &sampler->health;
    const uint64_t own_us = health->own_user_us + health->own_system_us;
    const uint64_t samples = health->wanted;
    const double seconds = (double)(now_ns - sampler->before.at_ns) / 1e9;
    struct pam_progress *progress = &sampler->progress;

    (void)pthread_mutex_lock(&sampler->progress_lock);
    progress->elapsed_ns = now_ns - sampler->start_ns;
    if (sampler->before.at_ns) {
        progress->cpu_percent = rate(cpu_ns, sampler->before.cpu_ns, seconds) / 1e7;
        progress->own_cpu_percent = rate(own_us, sampler->before.own_cpu_us, seconds) / 1e4;
        progress->samples_per_s = rate(samples, sampler->before.samples, seconds);
    }
    progress->own_memory_bytes = health->own_rss_bytes;
    progress->threads = pam_threads_python(&sampler->threads);
    progress->ticks = health->ticks;
    progress->late_ticks = health->late_ticks;
    progress->wanted = health->wanted;
    progress->whole = health->whole + health->no_frame;
    progress->truncated = health->truncated;
    progress->failed = health->failed;
    progress->dropped_blocks = health->dropped_blocks;
    progress->bytes = health->written_bytes;
    progress->python_version = sampler->attached ? sampler->runtime.version_hex : progress->python_version;
    progress->sampling = sampler->threads.activity->name;
    (void)pthread_mutex_unlock(&sampler->progress_lock);
    sampler->before = (struct pam_interval_memory){now_ns, cpu_ns, own_us, samples};
}

void pam_name_threads(struct pam_sampler *sampler, uint64_t now_ns)
{
    const bool due = now_ns >= sampler->next_names_ns;
    const bool soon = now_ns + NAMES_NS >= sampler->next_names_ns + NAMELESS_NS;

    if (!due && !(soon && pam_threads_nameless(&sampler->threads)))
        return;
    pam_threads_read_names(&sampler->threads, &sampler->names);
    sampler->next_names_ns = now_ns + NAMES_NS;
}

static bool list_again(struct pam_sampler *sampler)
{
    if (sampler->tasks_changed || !sampler->threads.activity->exact)
        sampler->settled_intervals = 0;
    sampler->tasks_changed = false;
    return sampler->settled_intervals++ < LIST_TWICE || sampler->settled_intervals % LIST_EVERY == 0;
}

void pam_interval_work(struct pam_sampler *sampler, uint64_t now_ns)
{
    const bool list = list_again(sampler);
    uint64_t cpu_ns;

    pam_recorder_time(&sampler->recorder, now_ns, 0, false);
    record_clocks(sampler);
    cpu_ns = record_resources(sampler, now_ns, list);
    record_system(sampler, now_ns);
    record_sensors(sampler, now_ns);
    if (list)
        pam_threads_scan_kernel(&sampler->threads, &sampler->recorder);
    if (list && sampler->attached)
        (void)pam_scan_threads(sampler);
    if (sampler->attached)
        pam_name_threads(sampler, now_ns);
    pam_threads_announce(&sampler->threads, &sampler->recorder);
    pam_threads_record_cpu(&sampler->threads, &sampler->recorder, now_ns);
    pam_mode_review(sampler, now_ns);
    pam_record_health(sampler);
    show_progress(sampler, now_ns, cpu_ns);
}
