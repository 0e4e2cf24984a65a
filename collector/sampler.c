/* sampler.c - the sampling thread's loop: ticks on a jittered schedule, intervals on absolute ones. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "session.h"

/* A ring holds 2,048 switch records: a CPU with 20,000 switches/s fills it in this time. */
static const uint64_t DRAIN_NS = UINT64_C(50000000);
static const uint64_t ATTACH_WAIT_MIN_NS = UINT64_C(5000000);
static const uint64_t ATTACH_WAIT_MAX_NS = UINT64_C(500000000);

enum {
    SAMPLE_BYTES = 64,         /* no sample record is longer */
    HOPELESS_SCANS = 200,      /* thread lists that made no sense in a row: another runtime, or none */
};

int pam_sampler_new(struct pam_sampler **ret, const struct pam_settings *settings,
                    const struct pam_target *target, struct pam_error *error)
{
    struct pam_sampler *sampler = calloc(1, sizeof *sampler);
    const struct pam_activity *activity;
    void *activity_state;
    int r;

    if (!sampler)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the sampler");
    sampler->settings = *settings;
    sampler->target = target;
    sampler->attach_wait_ns = ATTACH_WAIT_MIN_NS;
    sampler->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sampler->own_statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    (void)pthread_mutex_init(&sampler->progress_lock, NULL);
    sampler->progress.cpu_percent = NAN;
    sampler->progress.own_cpu_percent = NAN;
    activity = pam_activity_choose(target->proc_fd, target->pid, &activity_state,
                                   sampler->sampling_reason);
    r = pam_threads_init(&sampler->threads, activity, activity_state, target->pid, target->proc_fd,
                         error);
    if (r == 0)
        r = pam_attach(sampler, error);
    if (settings->may_become_python && (r == PAM_NOT_PYTHON || r == PAM_NO_TARGET))
        r = 0;
    if (r < 0) {
        pam_sampler_free(sampler);
        return r;
    }
    pam_host_read(&sampler->host);
    pam_monitor_init(&sampler->monitor, target->pid, target->proc_fd, settings->follow_children);
    *ret = sampler;
    return 0;
}

void pam_sampler_free(struct pam_sampler *sampler)
{
    if (!sampler)
        return;
    pam_detach(sampler);
    pam_threads_done(&sampler->threads);
    pam_monitor_done(&sampler->monitor);
    pam_modules_done(&sampler->modules);
    pam_recorder_done(&sampler->recorder);
    (void)pthread_mutex_destroy(&sampler->progress_lock);
    (void)close(sampler->own_statm_fd);
    (void)close(sampler->wake_fd);
    free(sampler);
}

const char *pam_sampler_mode(const struct pam_sampler *sampler, bool *exact)
{
    *exact = sampler->threads.activity->exact;
    return sampler->sampling_reason;
}

int pam_sampler_wake_fd(const struct pam_sampler *sampler)
{
    return sampler->wake_fd;
}

/* --- a tick ------------------------------------------------------------------------------------- */

/* Threads that may have run since their last sample, and those that never had one. */
static size_t choose_threads(struct pam_sampler *sampler, uint64_t now_ns, bool all)
{
    const struct pam_activity *activity = sampler->threads.activity;
    const uint64_t scheduler_tick_ns = sampler->host.record.scheduler_tick_ns;
    size_t count = 0;

    for (size_t i = 0; i < sampler->threads.count; i++) {
        struct pam_thread_entry *entry = sampler->threads.entries[i];
        bool may_have_run;

        if (!entry->has_python || count == PAM_MAX_PY_THREADS)
            continue;
        may_have_run = activity->look(sampler->threads.activity_state, &entry->watch, now_ns,
                                      scheduler_tick_ns);
        sampler->scan_wanted |= entry->watch.gone;
        if (entry->watch.gone || (!may_have_run && entry->sampled && !all))
            continue;
        sampler->wanted[count] = entry;
        sampler->wanted_py[count] = &entry->py;
        sampler->results[count] = (struct pam_stack_result){.outcome = PAM_STACK_FAILED};
        count++;
    }
    return count;
}

static void record_switch(const struct pam_switch_event *event, void *context)
{
    struct pam_sampler *sampler = context;
    const struct pam_thread_entry *entry = pam_threads_find(&sampler->threads, event->tid);
    struct pam_context_switch record;

    if (!entry || !entry->announced)
        return;
    record = (struct pam_context_switch){
        .thread = entry->id,
        .ago_ns = (int64_t)(sampler->recorder.time_ns - event->time_ns),
        .off = event->off ? 1 + event->preempted : 0,
    };
    pam_recorder_put(&sampler->recorder, PAM_context_switch, &record);
}

/* Takes in what the kernel recorded of the threads since the tick before. */
static void drain_activity(struct pam_sampler *sampler)
{
    struct pam_drained drained;

    sampler->threads.activity->drain(sampler->threads.activity_state, &drained,
                                     sampler->settings.keep_switches ? record_switch : NULL, sampler);
    sampler->scan_wanted |= drained.threads_changed;
    sampler->health.lost_records += drained.lost;
    sampler->health.throttled += drained.throttled;
}

/* When it came on and went off, relative to the tick; what happened after the tick's time and before
 * the drain counts as at the tick. */
static void add_switch_times(struct pam_watch *watch, uint64_t tick_ns, struct pam_sample *record)
{
    record->flags |= PAM_SAMPLE_EXACT;
    if (watch->first_on_ns)
        record->first_on_us_plus1 =
            1 + (watch->first_on_ns < tick_ns ? (tick_ns - watch->first_on_ns) / 1000 : 0);
    if (!watch->on_cpu)
        record->last_off_us_plus1 =
            1 + (watch->last_off_ns && watch->last_off_ns < tick_ns
                     ? (tick_ns - watch->last_off_ns) / 1000 : 0);
    watch->first_on_ns = 0;
    watch->last_off_ns = 0;
}

static void record_sample(struct pam_sampler *sampler, struct pam_thread_entry *entry,
                          const struct pam_stack_result *result)
{
    const struct pam_schedstat *total = &entry->watch.total;
    struct pam_sample record = {.thread = entry->id};
    uint64_t stack_plus1 = 0;

    if (!entry->sampled) {
        record.flags = entry->newborn ? 0 : PAM_SAMPLE_FIRST;
        if (!entry->newborn)
            entry->sample = *total;
    }
    entry->sampled = true;
    record.cpu_us = (total->cpu_ns - entry->sample.cpu_ns) / 1000;
    record.wait_us = (total->wait_ns - entry->sample.wait_ns) / 1000;
    record.switches = total->switches - entry->sample.switches;
    entry->sample.cpu_ns += record.cpu_us * 1000; /* what is less than 1 us stays for the next */
    entry->sample.wait_ns += record.wait_us * 1000;
    entry->sample.switches = total->switches;
    if (result->outcome == PAM_STACK_FAILED)
        record.flags |= PAM_SAMPLE_FAILED;
    else
        stack_plus1 = result->stack_id + 1;
    if (result->outcome == PAM_STACK_NO_FRAME)
        record.flags |= PAM_SAMPLE_NO_FRAME;
    if (result->outcome == PAM_STACK_TRUNCATED)
        record.flags |= PAM_SAMPLE_LEAF_CUT;
    if (sampler->threads.activity->exact && entry->watch.switched_ns)
        add_switch_times(&entry->watch, sampler->recorder.time_ns, &record);
    pam_recorder_reserve(&sampler->recorder, SAMPLE_BYTES);
    if (entry->stack_block != sampler->recorder.block_number || entry->stack_plus1 != stack_plus1)
        record.stack_plus1 = stack_plus1;
    entry->stack_plus1 = stack_plus1;
    entry->stack_block = sampler->recorder.block_number;
    pam_recorder_put(&sampler->recorder, PAM_sample, &record);
}

/* Returns false when the target cannot be read any more. */
static bool sample_threads(struct pam_sampler *sampler, uint64_t now_ns, bool all)
{
    const size_t count = choose_threads(sampler, now_ns, all);
    int r;

    sampler->health.ticks++;
    sampler->health.wanted += count;
    if (!count) {
        sampler->empty_ticks++;
        return true;
    }
    pam_recorder_time(&sampler->recorder, now_ns, sampler->empty_ticks, true);
    sampler->empty_ticks = 0;
    r = pam_stacks_read(sampler->stacks, sampler->wanted_py, sampler->results, count, now_ns);
    for (size_t i = 0; i < count; i++) {
        record_sample(sampler, sampler->wanted[i], &sampler->results[i]);
        sampler->scan_wanted |= sampler->results[i].gone;
    }
    if (memcmp(pam_stack_thread_list(sampler->stacks), sampler->thread_list,
               sizeof sampler->thread_list) != 0)
        sampler->scan_wanted = true;
    return r == 0;
}

static void start_epoch(struct pam_sampler *sampler, uint64_t now_ns)
{
    if (pam_recorder_start_epoch(&sampler->recorder, now_ns))
        pam_repeat_state(sampler, now_ns);
}

/* A command that was just started becomes Python after a while: look again, ever more rarely. */
static void try_attach(struct pam_sampler *sampler, uint64_t now_ns)
{
    struct pam_error ignored;

    if (now_ns < sampler->next_attach_ns)
        return;
    if (pam_attach(sampler, &ignored) == 0) {
        sampler->attach_wait_ns = ATTACH_WAIT_MIN_NS;
        pam_record_process(sampler, &sampler->monitor.processes[0]);
        return;
    }
    sampler->next_attach_ns = now_ns + sampler->attach_wait_ns;
    if (sampler->attach_wait_ns < ATTACH_WAIT_MAX_NS)
        sampler->attach_wait_ns *= 2;
}

static void tick(struct pam_sampler *sampler, uint64_t now_ns)
{
    bool all = false;

    if (pam_recorder_epoch_due(&sampler->recorder, now_ns)) {
        start_epoch(sampler, now_ns);
        all = true;
    }
    if (!sampler->attached)
        try_attach(sampler, now_ns);
    if (!sampler->attached) {
        sampler->empty_ticks = 0;
        return;
    }
    drain_activity(sampler);
    if (sampler->scan_wanted && pam_scan_threads(sampler))
        pam_threads_announce(&sampler->threads, &sampler->recorder);
    if (sampler->scan_failures > HOPELESS_SCANS)
        pam_detach(sampler);
    else if ((sampler->scan_failures || !sample_threads(sampler, now_ns, all)) &&
             !pam_target_alive(sampler->target))
        pam_sampler_stop(sampler, "the target exited");
}

/* --- the schedule --------------------------------------------------------------------------------- */

/* Sleeps until `until_ns` or until somebody writes to wake_fd. */
static void sleep_until(const struct pam_sampler *sampler, uint64_t until_ns)
{
    struct pollfd wake = {.fd = sampler->wake_fd, .events = POLLIN};
    const uint64_t now_ns = pam_monotonic_ns();
    struct timespec left;

    if (now_ns >= until_ns)
        return;
    left.tv_sec = (time_t)((until_ns - now_ns) / 1000000000u);
    left.tv_nsec = (long)((until_ns - now_ns) % 1000000000u);
    if (ppoll(&wake, 1, &left, NULL) > 0) {
        uint64_t count;

        (void)!read(sampler->wake_fd, &count, sizeof count);
    }
}

static void place_mark(struct pam_sampler *sampler, const char *name)
{
    const struct pam_marker marker = {.name = pam_text(name)};

    pam_recorder_time(&sampler->recorder, pam_monotonic_ns(), 0, false);
    pam_recorder_put(&sampler->recorder, PAM_marker, &marker);
}

/* Marks that are due, and those that signals asked for. */
static void place_marks(struct pam_sampler *sampler, uint64_t now_ns)
{
    const struct pam_settings *settings = &sampler->settings;
    char name[32];

    while (sampler->next_mark < settings->mark_count &&
           sampler->start_ns + settings->marks[sampler->next_mark].at_ns <= now_ns)
        place_mark(sampler, settings->marks[sampler->next_mark++].name);
    while (sampler->marks_placed != atomic_load(&sampler->marks_wanted)) {
        (void)snprintf(name, sizeof name, "SIGUSR1 %u", ++sampler->marks_placed);
        place_mark(sampler, name);
    }
}

static uint64_t next_mark_ns(const struct pam_sampler *sampler)
{
    return sampler->next_mark < sampler->settings.mark_count
               ? sampler->start_ns + sampler->settings.marks[sampler->next_mark].at_ns
               : UINT64_MAX;
}

struct schedule {
    uint64_t period_ns;
    uint64_t slot;         /* number of the period that the next tick lies in */
    uint64_t tick_ns;      /* when it is due */
    uint64_t interval_ns;  /* when the next interval's work is due */
    uint64_t end_ns;       /* UINT64_MAX: never */
    uint64_t drain_ns;     /* when the kernel's records must be taken in at the latest */
    uint64_t random;       /* state of xorshift64 */
};

/* One tick in every period, at a random place in it: a service with a timer of the same rate would
 * otherwise always be seen at the same point of its cycle. */
static void next_tick(struct schedule *schedule, uint64_t start_ns)
{
    schedule->random ^= schedule->random << 13;
    schedule->random ^= schedule->random >> 7;
    schedule->random ^= schedule->random << 17;
    schedule->tick_ns = start_ns + schedule->slot * schedule->period_ns +
                        (schedule->random >> 11) % schedule->period_ns;
}

static void run_tick(struct pam_sampler *sampler, struct schedule *schedule, uint64_t now_ns)
{
    const uint64_t slot = (now_ns - sampler->start_ns) / schedule->period_ns;

    tick(sampler, now_ns);
    if (slot > schedule->slot)
        sampler->health.late_ticks++;
    schedule->slot = (slot > schedule->slot ? slot : schedule->slot) + 1;
    next_tick(schedule, sampler->start_ns);
}

static void run_interval(struct pam_sampler *sampler, struct schedule *schedule, uint64_t now_ns)
{
    pam_interval_work(sampler, now_ns);
    while (schedule->interval_ns <= now_ns)
        schedule->interval_ns += sampler->settings.interval_ns;
    if (!pam_target_alive(sampler->target))
        pam_sampler_stop(sampler, "the target exited");
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void loop(struct pam_sampler *sampler)
{
    struct schedule schedule = {
        .period_ns = UINT64_C(1000000000000) / sampler->settings.rate_mhz,
        .tick_ns = sampler->start_ns,
        .interval_ns = sampler->start_ns,
        .drain_ns = UINT64_MAX,
        .end_ns = sampler->settings.duration_ns ? sampler->start_ns + sampler->settings.duration_ns
                                                : UINT64_MAX,
        .random = sampler->start_ns | 1,
    };

    while (!atomic_load(&sampler->stop_reason)) {
        uint64_t now_ns;

        sleep_until(sampler, earliest(earliest(schedule.tick_ns, schedule.interval_ns),
                                      earliest(earliest(schedule.end_ns, next_mark_ns(sampler)),
                                               schedule.drain_ns)));
        now_ns = pam_monotonic_ns();
        if (pam_writer_state(sampler->writer) != PAM_WRITER_RUNNING)
            pam_sampler_stop(sampler, "the output was closed");
        if (atomic_load(&sampler->stop_reason))
            break;
        if (now_ns >= schedule.tick_ns)
            run_tick(sampler, &schedule, now_ns);
        else if (now_ns >= schedule.drain_ns)
            drain_activity(sampler);
        schedule.drain_ns = sampler->threads.activity->exact ? now_ns + DRAIN_NS : UINT64_MAX;
        if (now_ns >= schedule.interval_ns)
            run_interval(sampler, &schedule, now_ns);
        place_marks(sampler, now_ns);
        if (now_ns >= schedule.end_ns)
            pam_sampler_stop(sampler, "the duration is over");
    }
}

/* The last, shorter interval is worth a row of its own if it is not just a sliver. */
static void finish(struct pam_sampler *sampler)
{
    const uint64_t now_ns = pam_monotonic_ns();
    const struct pam_end end = {.reason = pam_text(atomic_load(&sampler->stop_reason))};

    if (now_ns - sampler->before.at_ns >= sampler->settings.interval_ns / 4)
        pam_interval_work(sampler, now_ns);
    pam_recorder_time(&sampler->recorder, now_ns, sampler->empty_ticks, false);
    pam_recorder_put(&sampler->recorder, PAM_end, &end);
    pam_recorder_finish(&sampler->recorder);
    (void)pthread_mutex_lock(&sampler->progress_lock);
    sampler->progress.elapsed_ns = now_ns - sampler->start_ns;
    sampler->progress.end_reason = atomic_load(&sampler->stop_reason);
    (void)pthread_mutex_unlock(&sampler->progress_lock);
    atomic_store(&sampler->ended, true);
    (void)kill(getpid(), SIGCHLD); /* main() waits for signals and nothing else */
}

static void *run(void *context)
{
    struct pam_sampler *sampler = context;

    (void)pthread_setname_np(pthread_self(), "pam-sampler");
    loop(sampler);
    finish(sampler);
    return NULL;
}

int pam_sampler_start(struct pam_sampler *sampler, struct pam_writer *writer,
                      struct pam_error *error)
{
    int r;

    sampler->writer = writer;
    sampler->start_ns = pam_monotonic_ns();
    sampler->start_realtime_ns = pam_realtime_ns();
    sampler->utc_offset_s = pam_utc_offset_s();
    r = pam_recorder_init(&sampler->recorder, writer, error);
    if (r < 0)
        return r;
    r = pthread_create(&sampler->thread, NULL, run, sampler);
    return r == 0 ? 0
                  : pam_fail(error, PAM_FAILED, "cannot start the sampling thread: %s", strerror(r));
}

void pam_sampler_stop(struct pam_sampler *sampler, const char *reason)
{
    const uint64_t one = 1;
    const char *none = NULL;

    (void)atomic_compare_exchange_strong(&sampler->stop_reason, &none, reason);
    (void)!write(sampler->wake_fd, &one, sizeof one);
}

void pam_sampler_mark(struct pam_sampler *sampler)
{
    const uint64_t one = 1;

    (void)atomic_fetch_add(&sampler->marks_wanted, 1);
    (void)!write(sampler->wake_fd, &one, sizeof one);
}

void pam_sampler_join(struct pam_sampler *sampler)
{
    (void)pthread_join(sampler->thread, NULL);
}

bool pam_sampler_ended(const struct pam_sampler *sampler)
{
    return atomic_load(&sampler->ended);
}

void pam_sampler_progress(struct pam_sampler *sampler, struct pam_progress *progress)
{
    (void)pthread_mutex_lock(&sampler->progress_lock);
    *progress = sampler->progress;
    (void)pthread_mutex_unlock(&sampler->progress_lock);
}
