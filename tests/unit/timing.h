/* timing.h - a timeline fed by hand: two threads, four stacks, ticks every 10 ms, and its spans. */
#ifndef PAM_TIMING_H
#define PAM_TIMING_H

#include "feed.h"
#include "timeline.h"

enum { MOST_SPANS = 1024, MS = 1000000 };

extern struct pam_timeline *timeline;
extern struct pam_span spans[MOST_SPANS];
extern size_t span_count;
extern uint32_t stacks[5]; /* of the model; 0 is PAM_NO_STACK */
extern uint64_t now_ns;    /* 1 s at the start */
extern bool refuse_spans;

/* A group's setup and teardown. Thread n of the capture has index n - 1. */
int timing_start(void **state);
int timing_stop(void **state);

/* An event, a new epoch that tells all again, a sampling tick 10 ms later, a sample at it. */
void timing_add(const struct pam_event *event);
void timing_state(void);
void timing_tick(uint64_t empty);
void timing_sample(uint64_t thread, uint64_t stack_plus1, uint64_t cpu_us, uint64_t flags);
void timing_finish(void);

/* Times in milliseconds since the start. */
void timing_check_span(size_t index, uint32_t stack, unsigned from_ms, unsigned to_ms,
                       unsigned ticks, unsigned cpu_us);

/* The n-th span of a thread, whatever its CPU time. */
void timing_check_span_of(uint64_t thread, size_t number, uint32_t stack, unsigned from_ms,
                          unsigned to_ms, unsigned ticks);

/* The stack with all its frames marked as reused. */
uint32_t timing_marked(uint32_t stack);

/* Spans of a thread neither overlap nor leave holes, and time passes. */
void timing_check_seamless(size_t thread);

uint64_t timing_ns(size_t thread, bool idle);
uint64_t timing_ticks(size_t thread);
uint64_t timing_cpu_us(size_t thread);

#endif
