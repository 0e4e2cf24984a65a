/* filter.c - what of a capture is converted: by thread, process, time, and whether threads ran. */
#include "filter.h"

#include <stdlib.h>
#include <string.h>

#include "formats/text.h"
#include "room.h"

struct pam_moment pam_moment_parse(const char *text)
{
    struct pam_moment moment = {.given = true, .marker = text};
    char *end;
    const double seconds = strtod(text, &end);

    if (*text && *end == '\0' && seconds >= 0 && seconds < 1e10)
        moment = (struct pam_moment){.given = true, .seconds = seconds};
    return moment;
}

/* What a double is as an integer, the nearest one where it is none. */
static uint64_t whole(double value)
{
    if (!(value > 0))
        return 0;
    return value < 18e18 ? (uint64_t)value : UINT64_MAX;
}

static uint64_t moment_ns(const struct pam_moment *moment, uint64_t start_ns, uint64_t otherwise)
{
    return moment->given && !moment->marker ? start_ns + whole(moment->seconds * 1e9)
                                            : otherwise;
}

bool pam_filter_is_set(const struct pam_filter *filter)
{
    return filter->by_thread || filter->process || filter->from.given || filter->to.given ||
           filter->gil;
}

void pam_filter_start(struct pam_filter *filter)
{
    filter->start_ns = 0;
    filter->from_ns = filter->from.given ? UINT64_MAX : 0; /* not before it has come */
    filter->to_ns = UINT64_MAX;
    filter->last_point_s = 0;
    filter->no_gil = filter->has_gil = false;
    filter->passed = false;
}

static bool is_marker(const struct pam_moment *moment, struct pam_bytes name)
{
    return moment->marker && strlen(moment->marker) == name.size &&
           !memcmp(moment->marker, name.data, name.size);
}

void pam_filter_see(struct pam_filter *filter, const struct pam_event *event)
{
    if (event->kind != PAM_EVENT_RECORD)
        return;
    if (event->record.type == PAM_session && !filter->start_ns) {
        filter->start_ns = event->record.session.start_monotonic_ns;
        filter->from_ns = moment_ns(&filter->from, filter->start_ns, filter->from_ns);
        filter->to_ns = moment_ns(&filter->to, filter->start_ns, filter->to_ns);
    }
    if (event->record.type == PAM_insight)
        *(event->record.insight.gil_disabled ? &filter->no_gil : &filter->has_gil) |=
            event->record.insight.gil_address != 0;
    if (event->record.type == PAM_marker) {
        if (filter->from_ns == UINT64_MAX && is_marker(&filter->from, event->record.marker.name))
            filter->from_ns = event->time_ns;
        if (filter->to_ns == UINT64_MAX && is_marker(&filter->to, event->record.marker.name))
            filter->to_ns = event->time_ns;
    }
}

bool pam_filter_thread(const struct pam_filter *filter, const struct pam_model *model, size_t thread)
{
    char name[PAM_THREAD_LABEL_BYTES];

    if (filter->process && pam_model_thread(model, thread)->pid != filter->process)
        return false;
    if (!filter->by_thread)
        return true;
    (void)pam_thread_label(model, thread, name);
    return regexec(&filter->thread, name, 0, NULL, 0) == 0;
}

/* Moves a span of a thread behind its others, as long as its CPU time. False: memory is short. */
static bool place_on_cpu(struct pam_filter *filter, struct pam_span *span)
{
    uint64_t *cpu_ns = pam_with_room(filter->cpu_ns, &filter->cpu_room, span->thread, sizeof *cpu_ns);

    if (!cpu_ns)
        return false;
    filter->cpu_ns = cpu_ns;
    span->start_ns = filter->start_ns + filter->cpu_ns[span->thread];
    span->end_ns = span->start_ns + span->cpu_us * 1000;
    filter->cpu_ns[span->thread] += span->cpu_us * 1000;
    return true;
}

bool pam_filter_span(struct pam_filter *filter, const struct pam_model *model, struct pam_span *span)
{
    if (span->end_ns < filter->from_ns || span->start_ns >= filter->to_ns ||
        !pam_filter_thread(filter, model, span->thread))
        return false;
    if ((filter->no_idle && span->idle) || (filter->gil && span->gil != PAM_SPAN_GIL_HOLDS))
        return false;
    if (span->start_ns < filter->from_ns || span->end_ns > filter->to_ns)
        *span = pam_span_part(span, filter->from_ns, filter->to_ns);
    if (filter->on_cpu && (!span->cpu_us || !place_on_cpu(filter, span)))
        return false;
    filter->passed = true;
    return true;
}

bool pam_filter_interval(const struct pam_filter *filter, double from_s, double to_s)
{
    const uint64_t middle_ns = filter->start_ns + whole((from_s + to_s) / 2 * 1e9);

    return middle_ns >= filter->from_ns && middle_ns <= filter->to_ns;
}

bool pam_filter_point(struct pam_filter *filter, const struct pam_point *point)
{
    const double before_s = filter->last_point_s < point->elapsed_s ? filter->last_point_s : 0;

    filter->last_point_s = point->elapsed_s;
    return pam_filter_interval(filter, before_s, point->elapsed_s);
}

void pam_filter_done(struct pam_filter *filter)
{
    free(filter->cpu_ns);
    filter->cpu_ns = NULL;
    filter->cpu_room = 0;
}

const char *pam_filter_missing(const struct pam_filter *filter)
{
    if (filter->from.marker && filter->from_ns == UINT64_MAX)
        return filter->from.marker;
    if (filter->to.marker && filter->to_ns == UINT64_MAX)
        return filter->to.marker;
    return NULL;
}
