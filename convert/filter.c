/* filter.c - what of a capture is converted: by thread, process, time, and whether threads ran. */
#include "filter.h"

#include <stdlib.h>

#include "formats/text.h"

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

void pam_filter_start(struct pam_filter *filter)
{
    filter->start_ns = 0;
    filter->from_ns = filter->from.given ? UINT64_MAX : 0; /* not before it has come */
    filter->to_ns = UINT64_MAX;
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
    if (event->record.type == PAM_marker) {
        if (filter->from_ns == UINT64_MAX && is_marker(&filter->from, event->record.marker.name))
            filter->from_ns = event->time_ns;
        if (filter->to_ns == UINT64_MAX && is_marker(&filter->to, event->record.marker.name))
            filter->to_ns = event->time_ns;
    }
}

static bool thread_passes(const struct pam_filter *filter, const struct pam_model *model,
                          size_t thread)
{
    char name[PAM_THREAD_LABEL_BYTES];

    if (filter->process && pam_model_thread(model, thread)->pid != filter->process)
        return false;
    if (!filter->by_thread)
        return true;
    (void)pam_thread_label(model, thread, name);
    return regexec(&filter->thread, name, 0, NULL, 0) == 0;
}

bool pam_filter_span(const struct pam_filter *filter, const struct pam_model *model,
                     struct pam_span *span)
{
    if (span->end_ns < filter->from_ns || span->start_ns >= filter->to_ns ||
        !thread_passes(filter, model, span->thread))
        return false;
    if (filter->no_idle && span->idle)
        return false;
    *span = pam_span_part(span, filter->from_ns, filter->to_ns);
    if (filter->on_cpu) {
        if (!span->cpu_us)
            return false;
        span->end_ns = span->start_ns + span->cpu_us * 1000;
    }
    return true;
}

bool pam_filter_point(const struct pam_filter *filter, const struct pam_point *point)
{
    const uint64_t at_ns = filter->start_ns + whole(point->elapsed_s * 1e9);

    return at_ns >= filter->from_ns && at_ns <= filter->to_ns;
}

const char *pam_filter_missing(const struct pam_filter *filter)
{
    if (filter->from.marker && filter->from_ns == UINT64_MAX)
        return filter->from.marker;
    if (filter->to.marker && filter->to_ns == UINT64_MAX)
        return filter->to.marker;
    return NULL;
}
