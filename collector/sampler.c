/* sampler.c - the sampler's life: made, started in its thread, stopped, asked, freed. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "session.h"

/* Times are recorded in these parts of a period: finer ones would be noise that fills the file. */
enum { STEPS_A_PERIOD = 16, TICK_PLACES_A_PERIOD = 32 };

/* A part of the sampling period, in whole microseconds. */
static uint64_t step_of(uint64_t rate_mhz, uint64_t parts)
{
    const uint64_t step_us = UINT64_C(1000000000) / rate_mhz / parts;

    return 1000 * (step_us ? step_us : 1);
}

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
    sampler->own_statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    (void)pthread_mutex_init(&sampler->progress_lock, NULL);
    sampler->progress.cpu_percent = NAN;
    sampler->progress.own_cpu_percent = NAN;
    sampler->step_ns = step_of(settings->rate_mhz, STEPS_A_PERIOD);
    sampler->clock.period_ns = pam_clock_period_ns(sampler->settings.rate_mhz);
    pam_monitor_init(&sampler->monitor, target->pid, target->proc_fd);
    r = pam_below_start(sampler, error);
    if (r < 0) {
        pam_sampler_free(sampler);
        return r;
    }
    activity = pam_activity_choose(target->proc_fd, target->pid, &activity_state, &sampler->clock,
                                   settings->follow_children, sampler->sampling_reason);
    r = pam_thread_table_init(&sampler->table, activity, activity_state, error);
    if (r == 0 && settings->events) {
        pam_counting_init(&sampler->counting, settings->events);
        sampler->table.counting = &sampler->counting;
    }
    if (r == 0 && settings->tasks_ns && !(sampler->walker = pam_walker_new(settings->tasks_ns)))
        r = pam_fail(error, PAM_MEMORY, "not enough memory to walk tasks");
    if (r == 0)
        r = pam_below_check(sampler, error);
    if (r == 0)
        r = pam_processes_start(sampler, error);
    if (r == 0)
        r = pam_attach(sampler, sampler->attached[0], error);
    if ((settings->may_become_python && (r == PAM_NOT_PYTHON || r == PAM_NO_TARGET)) ||
        (settings->native && r == PAM_NOT_PYTHON))
        r = 0;
    if (r == 0 && settings->events)
        r = pam_processes_count(sampler, error); /* when all else is known to be permitted */
    if (r < 0) {
        pam_sampler_free(sampler);
        return r;
    }
    pam_mode_start(sampler);
    pam_host_read(&sampler->host);
    *ret = sampler;
    return 0;
}

void pam_sampler_free(struct pam_sampler *sampler)
{
    if (!sampler)
        return;
    pam_processes_stop(sampler);
    pam_walker_free(sampler->walker);
    pam_thread_table_done(&sampler->table);
    pam_monitor_done(&sampler->monitor);
    pam_below_stop(sampler);
    pam_recorder_done(&sampler->recorder);
    (void)pthread_mutex_destroy(&sampler->progress_lock);
    (void)close(sampler->own_statm_fd);
    free(sampler);
}

const char *pam_sampler_mode(const struct pam_sampler *sampler, bool *exact)
{
    *exact = sampler->table.activity->exact;
    return sampler->sampling_reason;
}

const char *pam_sampler_warning(const struct pam_sampler *sampler)
{
    return sampler->below ? sampler->below->warning : "";
}

struct pam_wake *pam_sampler_wake(struct pam_sampler *sampler)
{
    return &sampler->wake;
}

static void *run(void *context)
{
    struct pam_sampler *sampler = context;

    (void)pthread_setname_np(pthread_self(), "pam-sampler");
    pam_loop(sampler);
    pam_loop_finish(sampler);
    return NULL;
}

int pam_sampler_start(struct pam_sampler *sampler, struct pam_writer *writer,
                      struct pam_error *error)
{
    int r;

    sampler->writer = writer;
    sampler->start_ns = pam_monotonic_ns();
    sampler->random = sampler->start_ns | 1;
    sampler->start_realtime_ns = pam_realtime_ns();
    sampler->utc_offset_s = pam_utc_offset_s();
    r = pam_recorder_init(&sampler->recorder, writer, error);
    if (r < 0)
        return r;
    sampler->recorder.tick_grid_us =
        step_of(sampler->settings.rate_mhz, TICK_PLACES_A_PERIOD) / 1000;
    r = pthread_create(&sampler->thread, NULL, run, sampler);
    return r == 0 ? 0
                  : pam_fail(error, PAM_FAILED, "cannot start the sampling thread: %s", strerror(r));
}

void pam_sampler_stop(struct pam_sampler *sampler, const char *reason)
{
    const char *none = NULL;

    (void)atomic_compare_exchange_strong(&sampler->stop_reason, &none, reason);
    pam_wake_call(&sampler->wake);
}

void pam_sampler_mark(struct pam_sampler *sampler)
{
    (void)atomic_fetch_add(&sampler->marks_wanted, 1);
    pam_wake_call(&sampler->wake);
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
