/* span.c - parts of spans, and sums of what they count. */
#include "timeline.h"

static uint64_t part_of(uint64_t value, uint64_t part_ns, uint64_t whole_ns)
{
    return (uint64_t)((double)value * (double)part_ns / (double)whole_ns + 0.5);
}

struct pam_span pam_span_part(const struct pam_span *span, uint64_t from_ns, uint64_t to_ns)
{
    const uint64_t whole_ns = span->end_ns - span->start_ns;
    struct pam_span part = *span;

    if (part.start_ns < from_ns)
        part.start_ns = from_ns < part.end_ns ? from_ns : part.end_ns;
    if (part.end_ns > to_ns)
        part.end_ns = to_ns > part.start_ns ? to_ns : part.start_ns;
    if (!whole_ns || part.end_ns - part.start_ns == whole_ns)
        return part;
    part.cpu_us = part_of(span->cpu_us, part.end_ns - part.start_ns, whole_ns);
    part.ticks = part_of(span->ticks, part.end_ns - part.start_ns, whole_ns);
    part.events = part_of(span->events, part.end_ns - part.start_ns, whole_ns);
    return part;
}

uint64_t pam_add_up(uint64_t a, uint64_t b)
{
    static const uint64_t most = UINT64_C(1) << 50;

    return a < most && b < most ? a + b : most;
}
