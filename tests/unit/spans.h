/* spans.h - a capture through reader, model, timeline and series, as spans with readable stacks. */
#ifndef PAM_SPANS_H
#define PAM_SPANS_H

#include "series.h"
#include "timeline.h"

enum { SPAN_STACK_BYTES = 200, MAX_SPANS = 128, MAX_POINTS = 16 };

struct text_span {
    uint64_t tid;
    char stack[SPAN_STACK_BYTES]; /* "file:name@unit;...", root first, "-" for none, "?" unknown */
    struct pam_span span;
};

struct spans {
    const struct pam_model *model;
    struct text_span list[MAX_SPANS];
    size_t count;
    struct pam_point points[MAX_POINTS];
    size_t point_count;
    uint64_t gaps, events;
    struct pam_damage damage;
};

/* Reads the capture. 0, or what pam_reader_open() said. */
int spans_read(struct spans *spans, const void *capture, size_t size);

/* A stack of the model as text; "^" marks frames that C called. */
void stack_text(const struct pam_model *model, uint32_t stack, char text[SPAN_STACK_BYTES]);

/* Does a span with this thread and stack stand in the list? */
bool spans_have(const struct spans *spans, uint64_t tid, const char *stack);

#endif
