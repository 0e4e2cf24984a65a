/* sampler.c - the sampler's life: made, started in its thread, stopped, asked, freed. */
#include "sampler.h"

#include <errno.h>
#include <fcntl.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "kernel/clock.h"
#include "session.h"

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
    sampler->attach_wait_ns = PAM_ATTACH_WAIT_MIN_NS;
    sampler->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    sampler->own_statm_fd = open("/proc/self/statm", O_RDONLY | O_CLOEXEC);
    (void)pthread_mutex_init(&sampler->progress_lock, NULL);
    sampler->progress.cpu_percent = NAN;
    sampler->progress.own_cpu_percent = NAN;
    sampler->clock.period_ns = pam_clock_period_ns(sampler->settings.rate_mhz);
    activity = pam_activity_choose(target->proc_fd, target->pid, &activity_state, &sampler->clock,
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
