/* timeline.h - spans: from when until when a thread had which stack, and whether it ran.
 *
 * A sample holds from its tick to the thread's next sample. A thread that was not sampled at a tick
 * had not run since the tick before: such time is idle. Equal neighbours are one span. */
#ifndef PAM_TIMELINE_H
#define PAM_TIMELINE_H

#include "model.h"

/* What a span's sample says of the GIL; without a word it is not known. */
enum pam_span_gil { PAM_SPAN_GIL_UNKNOWN, PAM_SPAN_GIL_NONE, PAM_SPAN_GIL_HOLDS, PAM_SPAN_GIL_WAITS };

struct pam_span {
    size_t thread;     /* index in the model */
    uint32_t stack;    /* of the model, PAM_NO_STACK or PAM_UNKNOWN (not read, or lost) */
    uint32_t native_plus1; /* 1 + the number of its native stack; 0: none */
    bool on;           /* at its sample the thread was on a CPU, or another one had been put on in its place */
    bool leaf_cut;     /* the innermost frames are missing */
    bool between;      /* two Python functions: what it calls is none of C */
    bool idle;         /* the thread did not run in it */
    bool collecting;   /* it was collecting garbage */
    enum pam_span_gil gil;
    uint32_t wait_plus1; /* 1 + what it waits in, of the model; 0: it is not idle, or that is not known */
    uint64_t start_ns, end_ns; /* equal for a thread that was seen running once, then idle */
    uint64_t cpu_us;   /* CPU time: the part of its looks in what the thread used in about a second */
    uint64_t looks;    /* that found the thread on a CPU and have no part yet; 0 when the span is handed out */
    uint64_t ticks;    /* sampling ticks in it */
    uint64_t events;   /* of the event of pam_timeline_weigh(): those before each sample in it */
};

/* The part of a span between two moments; counts belong to it by its length. */
struct pam_span pam_span_part(const struct pam_span *span, uint64_t from_ns, uint64_t to_ns);

/* The sum, of damaged captures too a number that a double holds. */
uint64_t pam_add_up(uint64_t a, uint64_t b);

/* Receives each span some seconds after its end, those of one thread in order; a code of its stack that
 * was found to be another by then is marked. Negative stops everything. */
typedef int pam_take_span(const struct pam_span *span, void *context, struct pam_error *error);

struct pam_timeline;

int pam_timeline_new(struct pam_timeline **ret, struct pam_model *model, pam_take_span *take,
                     void *context, struct pam_error *error);
void pam_timeline_free(struct pam_timeline *timeline);

/* Spans tell how often this event happened in them. Before the first event; `name` outlives the timeline. */
void pam_timeline_weigh(struct pam_timeline *timeline, const char *name);

/* Has a capture so far counted that event at its samples? */
bool pam_timeline_weighs(const struct pam_timeline *timeline);

/* Takes every event, after the model has. */
int pam_timeline_add(struct pam_timeline *timeline, const struct pam_event *event,
                     struct pam_error *error);

/* At the end of the input: closes what is open. */
int pam_timeline_finish(struct pam_timeline *timeline, struct pam_error *error);

#endif
