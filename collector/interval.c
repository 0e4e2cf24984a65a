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

/* Returns the target's CPU time so far, for the status line. */
static uint64_t record_resources(struct pam_sampler *sampler, uint64_t now_ns)
{
    struct pam_monitor *monitor = &sampler->monitor;
    struct pam_resource target = {0};

    pam_monitor_begin(monitor, now_ns);
    for (size_t i = 0; i < monitor->count; i++) {
        struct pam_resource resource;

        if (!pam_monitor_read(monitor, &monitor->processes[i], now_ns, &resource)) {
            sampler->target_silent |= i == 0;
            continue;
        }
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
    uint64_t pages = 0;

    if (pam_reread(sampler->own_statm_fd, text, sizeof text) > 0)
        (void)pam_parse_statm(text, &pages);
    return pages * sampler->host.record.page_bytes;
}

/* What is counted for each process, of those that are there and those that have left. */
static void sum_of_all(const struct pam_sampler *sampler, struct pam_health *health)
{
    uint64_t left_out = 0;

    health->read_calls = sampler->gone.read_calls;
    health->read_bytes = sampler->gone.read_bytes;
    health->code_reused = sampler->gone.code_reused;
    for (size_t i = 0; i < sampler->attached_count; i++) {
        const struct pam_attachment *attachment = sampler->attached[i];

        left_out += attachment->threads.left_out;
        if (!attachment->is_python)
            continue;
        health->read_calls += attachment->remote.calls;
        health->read_bytes += attachment->remote.bytes;
        health->code_reused += attachment->codes.reused;
    }
    if (left_out > health->threads_left_out) /* once they have exited it still is to be told */
        health->threads_left_out = left_out;
    health->processes_left_out = sampler->monitor.left_out;
    health->threads_uncounted = sampler->counting.refused;
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
    sum_of_all(sampler, health);
    health->dropped_blocks = sampler->recorder.dropped_blocks;
    health->dropped_bytes = sampler->recorder.dropped_bytes;
    health->written_bytes = pam_writer_bytes(sampler->writer);
    pam_recorder_put(&sampler->recorder, PAM_health, health);
}

/* A thread that has not run since it was read has nothing new. */
static void record_thread_counts(struct pam_sampler *sampler, struct pam_thread_entry *entry, bool all)
{
    if (!entry->counts || !entry->announced)
        return;
    if (!all && entry->watch.known && !memcmp(&entry->counted, &entry->watch.total, sizeof entry->counted))
        return;
    entry->counted = entry->watch.total;
    pam_counts_record(entry->counts, &sampler->counting, entry->id, &sampler->recorder);
}

void pam_record_counts(struct pam_sampler *sampler, struct pam_attachment *attachment, bool all)
{
    if (!sampler->table.counting)
        return;
    for (size_t i = 0; i < attachment->threads.count; i++)
        record_thread_counts(sampler, attachment->threads.entries[i], all);
    if (attachment->counts)
        pam_process_counts_record(attachment->counts, &sampler->counting, &sampler->recorder);
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
    progress->threads = 0;
    for (size_t i = 0; i < sampler->attached_count; i++) {
        const struct pam_attachment *attachment = sampler->attached[i];

        progress->threads += pam_threads_python(&attachment->threads);
        if (attachment->is_target && attachment->is_python)
            progress->python_version = attachment->runtime.version_hex;
        if (attachment->is_target)
            progress->unlisted = pam_listing_text(attachment->unlisted);
    }
    progress->ticks = health->ticks;
    progress->late_ticks = health->late_ticks;
    progress->wanted = health->wanted;
    progress->whole = health->whole + health->no_frame;
    progress->truncated = health->truncated;
    progress->failed = health->failed;
    progress->dropped_blocks = health->dropped_blocks;
    progress->threads_left_out = health->threads_left_out;
    progress->bytes = health->written_bytes;
    progress->native = sampler->settings.native;
    progress->sampling = sampler->table.activity->name;
    (void)pthread_mutex_unlock(&sampler->progress_lock);
    sampler->before = (struct pam_interval_memory){now_ns, cpu_ns, own_us, samples};
}

void pam_name_threads(struct pam_attachment *attachment, uint64_t now_ns)
{
    const bool due = now_ns >= attachment->next_names_ns;
    const bool soon = now_ns + NAMES_NS >= attachment->next_names_ns + NAMELESS_NS;

    if (!due && !(soon && pam_threads_nameless(&attachment->threads)))
        return;
    pam_threads_read_names(&attachment->threads, &attachment->names);
    attachment->next_names_ns = now_ns + NAMES_NS;
}

static bool list_again(struct pam_sampler *sampler)
{
    if (sampler->tasks_changed || !sampler->table.activity->exact)
        sampler->settled_intervals = 0;
    sampler->tasks_changed = false;
    return sampler->settled_intervals++ < LIST_TWICE || sampler->settled_intervals % LIST_EVERY == 0;
}

static void look_after(struct pam_sampler *sampler, struct pam_attachment *attachment, uint64_t now_ns,
                       bool list)
{
    if (!attachment->modules_recorded)
        pam_record_modules(sampler, attachment);
    pam_below_look_after(sampler, attachment);
    if (list)
        pam_threads_scan_kernel(&attachment->threads, &sampler->recorder);
    if (list && attachment->is_python)
        (void)pam_scan_threads(attachment);
    if (attachment->is_python)
        pam_name_threads(attachment, now_ns);
    pam_threads_announce(&attachment->threads, &sampler->recorder);
    pam_threads_record_cpu(&attachment->threads, &sampler->recorder, now_ns);
    pam_record_counts(sampler, attachment, false);
}

void pam_interval_work(struct pam_sampler *sampler, uint64_t now_ns)
{
    const bool list = list_again(sampler);
    uint64_t cpu_ns;

    pam_recorder_time(&sampler->recorder, now_ns, 0, false);
    record_clocks(sampler);
    if (list)
        pam_processes_list(sampler);
    pam_processes_check(sampler);
    cpu_ns = record_resources(sampler, now_ns);
    record_system(sampler, now_ns);
    record_sensors(sampler, now_ns);
    for (size_t i = 0; i < sampler->attached_count; i++)
        look_after(sampler, sampler->attached[i], now_ns, list);
    pam_mode_review(sampler, now_ns);
    pam_record_health(sampler);
    show_progress(sampler, now_ns, cpu_ns);
}
