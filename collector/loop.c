/* loop.c - the sampling thread's schedule: ticks at random places in their periods, intervals on
 * absolute deadlines, marks, and the end. */
#include <signal.h>
#include <unistd.h>

#include "resident.h"
#include "session.h"

/* A ring holds 2,048 switch records: a CPU with 20,000 switches/s fills it in this time. */
static const uint64_t DRAIN_NS = UINT64_C(50000000);

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
    uint32_t settled;      /* the last epoch whose beginning is over */
};

/* What begins an epoch, and what writes its first block, runs no more this long after. */
static const uint64_t SETTLED_NS = UINT64_C(1000000000);

/* Of a period, what a walk of tasks may take between two ticks. */
enum { WALK_PART = 8 };
static const uint64_t WALK_NS = UINT64_C(1000000); /* and at most */

/* One tick in every period, at a random place in it: a service with a timer of the same rate would
 * otherwise always be seen at the same point of its cycle. */
static void next_tick(struct schedule *schedule, struct pam_sampler *sampler)
{
    schedule->tick_ns = sampler->start_ns + schedule->slot * schedule->period_ns +
                        pam_random(&sampler->random) % schedule->period_ns;
}

static uint64_t earliest(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static void run_tick(struct pam_sampler *sampler, struct schedule *schedule, uint64_t now_ns)
{
    const uint64_t slot = (now_ns - sampler->start_ns) / schedule->period_ns;

    sampler->due_ns = schedule->tick_ns;
    pam_tick(sampler, now_ns);
    if (slot > schedule->slot)
        sampler->health.late_ticks++;
    schedule->slot = (slot > schedule->slot ? slot : schedule->slot) + 1;
    next_tick(schedule, sampler);
    if (sampler->walker)
        pam_walker_step(sampler->walker, &sampler->recorder, sampler->attached,
                        sampler->attached_count, earliest(schedule->period_ns / WALK_PART, WALK_NS));
}

static void run_interval(struct pam_sampler *sampler, struct schedule *schedule, uint64_t now_ns)
{
    pam_interval_work(sampler, now_ns);
    while (schedule->interval_ns <= now_ns)
        schedule->interval_ns += sampler->settings.interval_ns;
    if (schedule->settled != sampler->recorder.epoch &&
        now_ns - sampler->recorder.epoch_started_ns >= SETTLED_NS) {
        schedule->settled = sampler->recorder.epoch;
        pam_resident_give_back();
    }
    if (sampler->target_silent && !pam_target_alive(sampler->target))
        pam_target_exited(sampler);
}

static uint64_t next_event_ns(const struct pam_sampler *sampler, const struct schedule *schedule)
{
    return earliest(earliest(schedule->tick_ns, schedule->interval_ns),
                    earliest(earliest(schedule->end_ns, next_mark_ns(sampler)), schedule->drain_ns));
}

void pam_loop(struct pam_sampler *sampler)
{
    struct schedule schedule = {
        .period_ns = UINT64_C(1000000000000) / sampler->settings.rate_mhz,
        .tick_ns = sampler->start_ns,
        .interval_ns = sampler->start_ns,
        .drain_ns = UINT64_MAX,
        .end_ns = sampler->settings.duration_ns ? sampler->start_ns + sampler->settings.duration_ns
                                                : UINT64_MAX,
    };

    run_tick(sampler, &schedule, sampler->start_ns); /* the first has to list and read everything */
    pam_resident_give_back();
    pam_wake_promptly();
    while (!atomic_load(&sampler->stop_reason)) {
        uint64_t now_ns;

        pam_wake_sleep(&sampler->wake, next_event_ns(sampler, &schedule));
        now_ns = pam_monotonic_ns();
        if (pam_writer_state(sampler->writer) != PAM_WRITER_RUNNING)
            pam_sampler_stop(sampler, "the output was closed");
        if (atomic_load(&sampler->stop_reason))
            break;
        if (now_ns >= schedule.tick_ns)
            run_tick(sampler, &schedule, now_ns);
        else if (now_ns >= schedule.drain_ns)
            pam_drain_activity(sampler);
        schedule.drain_ns = sampler->table.activity->exact ? now_ns + DRAIN_NS : UINT64_MAX;
        if (now_ns >= schedule.interval_ns)
            run_interval(sampler, &schedule, now_ns);
        place_marks(sampler, now_ns);
        pam_target_follow(sampler, now_ns);
        if (now_ns >= schedule.end_ns)
            pam_sampler_stop(sampler, "the duration is over");
    }
}

/* The last, shorter interval is worth a row of its own if it is not just a sliver. */
void pam_loop_finish(struct pam_sampler *sampler)
{
    const uint64_t now_ns = pam_monotonic_ns();
    const struct pam_end end = {.reason = pam_text(atomic_load(&sampler->stop_reason))};

    pam_drain_activity(sampler);
    pam_processes_review(sampler, now_ns);
    if (now_ns - sampler->before.at_ns >= sampler->settings.interval_ns / 4)
        pam_interval_work(sampler, now_ns);
    pam_recorder_time(&sampler->recorder, now_ns, sampler->empty_ticks, false);
    for (size_t i = 0; i < sampler->attached_count; i++) {
        struct pam_attachment *attachment = sampler->attached[i];

        if (attachment->is_python)
            pam_codes_check(&attachment->codes, &sampler->recorder);
        pam_record_counts(sampler, attachment, true);
    }
    pam_below_finish(sampler);
    pam_record_health(sampler); /* what was counted since, too */
    pam_recorder_put(&sampler->recorder, PAM_end, &end);
    pam_recorder_finish(&sampler->recorder);
    (void)pthread_mutex_lock(&sampler->progress_lock);
    sampler->progress.elapsed_ns = now_ns - sampler->start_ns;
    sampler->progress.end_reason = atomic_load(&sampler->stop_reason);
    (void)pthread_mutex_unlock(&sampler->progress_lock);
    atomic_store(&sampler->ended, true);
    (void)kill(getpid(), SIGCHLD); /* main() waits for signals and nothing else */
}
