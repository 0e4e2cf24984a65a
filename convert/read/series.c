/* series.c - the resource monitor's rows, computed from the records of a capture. */
#include "series.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

/* One process at one interval. */
struct reading {
    uint64_t pid;
    double cpu_s; /* NaN when unknown */
    double user_s;
    double system_s;
    double memory_bytes;
    double threads;
};

enum { MAX_READINGS = 4096 }; /* processes alive at once; the collector's bound is lower */

struct pam_series {
    struct pam_about about;
    struct reading *before, *now; /* of the interval before and of this one */
    size_t before_count, now_count;
    double own_cpu_before_s;
    uint64_t own_before_ns;
    uint64_t before_ns;  /* when the readings `before` were taken; 0: there are none */
    int64_t real_minus_monotonic_ns;
};

int pam_series_new(struct pam_series **ret, struct pam_error *error)
{
    struct pam_series *series = calloc(1, sizeof *series);

    if (series) {
        series->before = calloc(MAX_READINGS, sizeof *series->before);
        series->now = calloc(MAX_READINGS, sizeof *series->now);
    }
    if (!series || !series->before || !series->now) {
        pam_series_free(series);
        return pam_fail(error, PAM_MEMORY, "not enough memory for the monitor's series");
    }
    *ret = series;
    return 0;
}

void pam_series_free(struct pam_series *series)
{
    if (!series)
        return;
    free(series->before);
    free(series->now);
    free(series->about.scenario);
    free(series->about.command_line);
    free(series->about.host);
    free(series);
}

const struct pam_about *pam_series_about(const struct pam_series *series)
{
    return &series->about;
}

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
    series->real_minus_monotonic_ns =
        (int64_t)(session->start_realtime_ns - session->start_monotonic_ns);
}

static double ticks_to_s(const struct pam_series *series, uint64_t ticks_plus1)
{
    return ticks_plus1 && series->about.clock_ticks_hz
               ? (double)(ticks_plus1 - 1) / (double)series->about.clock_ticks_hz
               : NAN;
}

static void take_resource(struct pam_series *series, const struct pam_resource *resource)
{
    struct reading *reading;

    if (series->now_count == MAX_READINGS)
        return;
    reading = &series->now[series->now_count++];
    *reading = (struct reading){
        .pid = resource->pid,
        .user_s = ticks_to_s(series, resource->user_ticks_plus1),
        .system_s = ticks_to_s(series, resource->system_ticks_plus1),
        .memory_bytes = resource->rss_bytes_plus1 ? (double)(resource->rss_bytes_plus1 - 1) : NAN,
        .threads = resource->threads ? (double)resource->threads : NAN,
    };
    reading->cpu_s = resource->cpu_ns_plus1 ? (double)(resource->cpu_ns_plus1 - 1) / 1e9
                                            : reading->user_s + reading->system_s;
}

static const struct reading *find(const struct reading *readings, size_t count, uint64_t pid)
{
    for (size_t i = 0; i < count; i++)
        if (readings[i].pid == pid)
            return &readings[i];
    return NULL;
}

/* Percent of one core; a counter that went back, as a reused process id does, is unknown. */
static double percent(double now, double before, double seconds)
{
    return seconds > 0 && now >= before ? 100 * (now - before) / seconds : NAN;
}

/* Children sum up; one that is new has used all it has since the interval before. */
static void add_children(const struct pam_series *series, double seconds, struct pam_point *point)
{
    point->children_cpu_percent = 0;
    point->children_memory_bytes = 0;
    for (size_t i = 0; i < series->now_count; i++) {
        const struct reading *now = &series->now[i];
        const struct reading *before = find(series->before, series->before_count, now->pid);
        double cpu;

        if (now->pid == series->about.pid)
            continue;
        cpu = percent(now->cpu_s, before && before->cpu_s <= now->cpu_s ? before->cpu_s : 0, seconds);
        point->children++;
        point->children_cpu_percent += isnan(cpu) ? 0 : cpu;
        point->children_memory_bytes += isnan(now->memory_bytes) ? 0 : now->memory_bytes;
    }
}

static double own_cpu_percent(struct pam_series *series, const struct pam_health *health,
                              uint64_t time_ns)
{
    const double own_s = (double)(health->own_user_us + health->own_system_us) / 1e6;
    const double result =
        series->own_before_ns ? percent(own_s, series->own_cpu_before_s,
                                        (double)(time_ns - series->own_before_ns) / 1e9)
                              : NAN;

    series->own_cpu_before_s = own_s;
    series->own_before_ns = time_ns;
    return result;
}

static bool make_point(const struct pam_series *series, uint64_t time_ns, double own_percent,
                       struct pam_point *point)
{
    const struct reading *now = find(series->now, series->now_count, series->about.pid);
    const struct reading *before = find(series->before, series->before_count, series->about.pid);
    const double seconds = (double)(time_ns - series->before_ns) / 1e9;

    if (!now || !before || !series->before_ns || time_ns <= series->before_ns)
        return false;
    *point = (struct pam_point){
        .elapsed_s = (double)(int64_t)(time_ns - series->about.start_monotonic_ns) / 1e9,
        .realtime_ns = time_ns + (uint64_t)series->real_minus_monotonic_ns,
        .cpu_percent = percent(now->cpu_s, before->cpu_s, seconds),
        .user_percent = percent(now->user_s, before->user_s, seconds),
        .system_percent = percent(now->system_s, before->system_s, seconds),
        .memory_bytes = now->memory_bytes,
        .memory_percent = series->about.memory_bytes
                              ? 100 * now->memory_bytes / (double)series->about.memory_bytes
                              : NAN,
        .threads = now->threads,
        .own_cpu_percent = own_percent,
    };
    add_children(series, seconds, point);
    return true;
}

/* A health record closes an interval. */
static int close_interval(struct pam_series *series, const struct pam_health *health,
                          uint64_t time_ns, struct pam_point *point)
{
    const double own = own_cpu_percent(series, health, time_ns);
    const bool made = make_point(series, time_ns, own, point);
    struct reading *swap = series->before;

    if (series->now_count) {
        series->before = series->now;
        series->before_count = series->now_count;
        series->before_ns = time_ns;
        series->now = swap;
    }
    series->now_count = 0;
    return made;
}

int pam_series_add(struct pam_series *series, const struct pam_event *event,
                   struct pam_point *point, struct pam_error *error)
{
    const struct pam_record *record = &event->record;

    (void)error;
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    switch (record->type) {
    case PAM_session: take_session(series, &record->session); break;
    case PAM_host:
        keep_text(&series->about.host, record->host.hostname);
        series->about.memory_bytes = record->host.memory_bytes;
        series->about.clock_ticks_hz = record->host.clock_ticks_hz;
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
    case PAM_resource: take_resource(series, &record->resource); break;
    case PAM_health: return close_interval(series, &record->health, event->time_ns, point);
    default: break;
    }
    return 0;
}
