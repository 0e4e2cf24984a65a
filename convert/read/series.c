/* series.c - the resource monitor's rows, computed from the records of a capture. */
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

struct pam_series {
    struct pam_about about;
    struct pam_processes *processes;
    struct pam_thread_uses *threads;
    struct pam_board_watch *board;
    double own_cpu_before_s;
    uint64_t own_before_ns;
    int64_t real_minus_monotonic_ns;
    bool has_clock;
    uint64_t origin_ns;
};

int pam_series_new(struct pam_series **ret, uint64_t origin_ns, struct pam_error *error)
{
    struct pam_series *series = calloc(1, sizeof *series);
    int r;

    if (!series)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the monitor's series");
    series->origin_ns = origin_ns;
    r = pam_processes_new(&series->processes, error);
    if (r == 0)
        r = pam_thread_uses_new(&series->threads, error);
    if (r == 0)
        r = pam_board_new(&series->board, error);
    if (r < 0) {
        pam_series_free(series);
        return r;
    }
    *ret = series;
    return 0;
}

void pam_series_free(struct pam_series *series)
{
    if (!series)
        return;
    pam_processes_free(series->processes);
    pam_thread_uses_free(series->threads);
    pam_board_free(series->board);
    free(series->about.scenario);
    free(series->about.command_line);
    free(series->about.host);
    free(series);
}

const struct pam_about *pam_series_about(const struct pam_series *series)
{
    return &series->about;
}

const struct pam_usage *pam_series_processes(const struct pam_series *series, size_t *count)
{
    return pam_processes_get(series->processes, count);
}

const struct pam_thread_use *pam_series_threads(const struct pam_series *series, size_t *count)
{
    return pam_thread_uses_get(series->threads, count);
}

const struct pam_core_use *pam_series_cores(const struct pam_series *series, size_t *count)
{
    return pam_board_cores(series->board, count);
}

const struct pam_sensor_state *pam_series_sensors(const struct pam_series *series, size_t *count)
{
    return pam_board_sensors(series->board, count);
}

/* --- what the capture is about --------------------------------------------------------------- */

static void keep_text(char **kept, struct pam_bytes text)
{
    free(*kept);
    *kept = strndup(text.size ? (const char *)text.data : "", text.size);
}

static void take_session(struct pam_series *series, const struct pam_session *session)
{
    keep_text(&series->about.scenario, session->scenario);
    series->about.start_realtime_ns = session->start_realtime_ns;
    series->about.start_monotonic_ns = session->start_monotonic_ns;
    series->about.utc_offset_s = session->utc_offset_s;
    if (!series->has_clock) /* every epoch repeats the session, with the clocks of the start */
        series->real_minus_monotonic_ns =
            (int64_t)(session->start_realtime_ns - session->start_monotonic_ns);
    series->has_clock = true;
}

static void take_facts(struct pam_series *series, const struct pam_record *record)
{
    switch (record->type) {
    case PAM_session: take_session(series, &record->session); break;
    case PAM_host:
        keep_text(&series->about.host, record->host.hostname);
        series->about.memory_bytes = record->host.memory_bytes;
        break;
    case PAM_process:
        if (record->process.is_target) {
            series->about.pid = record->process.pid;
            keep_text(&series->about.command_line, record->process.command_line);
        }
        break;
    case PAM_clock:
        series->real_minus_monotonic_ns =
            (int64_t)(record->clock.realtime_ns - record->clock.monotonic_ns);
        break;
    default: break;
    }
}

/* --- a point --------------------------------------------------------------------------------- */

static double known_or_zero(double value)
{
    return isnan(value) ? 0 : value;
}

/* False when the target was not read in this interval. */
static bool add_processes(const struct pam_series *series, struct pam_point *point)
{
    size_t count;
    const struct pam_usage *usages = pam_processes_get(series->processes, &count);
    bool found = false;

    for (size_t i = 0; i < count; i++) {
        if (usages[i].pid == series->about.pid) {
            point->target = usages[i];
            found = true;
            continue;
        }
        point->children++;
        point->children_cpu_percent += known_or_zero(usages[i].cpu_percent);
        point->children_memory_bytes += known_or_zero(usages[i].memory_bytes);
    }
    return found;
}

static void add_threads(const struct pam_series *series, struct pam_point *point)
{
    size_t count;
    const struct pam_thread_use *uses = pam_thread_uses_get(series->threads, &count);
    bool known = false;

    for (size_t i = 0; i < count; i++) {
        if (uses[i].pid != series->about.pid)
            continue;
        point->switches_per_s += uses[i].switches_per_s;
        point->run_queue_percent += uses[i].run_queue_percent;
        known = true;
    }
    if (!known)
        point->switches_per_s = point->run_queue_percent = NAN;
}

static double own_cpu_percent(struct pam_series *series, const struct pam_health *health,
                              uint64_t time_ns)
{
    const double own_s = (double)(health->own_user_us + health->own_system_us) / 1e6;
    const double seconds = (double)(int64_t)(time_ns - series->own_before_ns) / 1e9;
    const double used_s = own_s - series->own_cpu_before_s;
    const bool known = series->own_before_ns && seconds > 0 && used_s >= 0;

    series->own_cpu_before_s = own_s;
    series->own_before_ns = time_ns;
    return known ? 100 * used_s / seconds : NAN;
}

/* A health record closes an interval. */
static int close_interval(struct pam_series *series, const struct pam_health *health,
                          uint64_t time_ns, struct pam_point *point)
{
    const double seconds = pam_processes_close(series->processes, time_ns);
    const uint64_t origin_ns =
        series->origin_ns ? series->origin_ns : series->about.start_monotonic_ns;

    pam_thread_uses_close(series->threads, time_ns);
    pam_board_close(series->board, time_ns);
    *point = (struct pam_point){
        .elapsed_s = (double)(int64_t)(time_ns - origin_ns) / 1e9,
        .realtime_ns = time_ns + (uint64_t)series->real_minus_monotonic_ns,
        .own_cpu_percent = own_cpu_percent(series, health, time_ns),
        .board = *pam_board_get(series->board),
    };
    if (!add_processes(series, point) || seconds <= 0)
        return 0;
    add_threads(series, point);
    point->memory_percent = NAN;
    if (series->about.memory_bytes)
        point->memory_percent =
            100 * point->target.memory_bytes / (double)series->about.memory_bytes;
    return 1;
}

int pam_series_add(struct pam_series *series, const struct pam_event *event,
                   struct pam_point *point, struct pam_error *error)
{
    const bool is_sample = event->kind == PAM_EVENT_RECORD && event->record.type == PAM_sample;
    int r;

    if (event->kind == PAM_EVENT_RECORD && event->record.type == PAM_tick)
        return 0; /* with samples most records by far, and nothing of the monitor's */
    r = pam_thread_uses_add(series->threads, event, error);
    if (is_sample)
        return r;
    if (r == 0)
        r = pam_board_add(series->board, event, error);
    if (r < 0)
        return r;
    pam_processes_add(series->processes, event);
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    take_facts(series, &event->record);
    return event->record.type == PAM_health
               ? close_interval(series, &event->record.health, event->time_ns, point)
               : 0;
}
