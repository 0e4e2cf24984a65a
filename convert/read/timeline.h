/* timeline.h - spans: from when until when a thread had which stack, and whether it ran.
 *
 * A sample holds from its tick to the thread's next sample. A thread that was not sampled at a tick
 * had not run since the tick before: such time is idle. Equal neighbours are one span. */
#ifndef PAM_TIMELINE_H
#define PAM_TIMELINE_H

#include "model.h"

struct pam_span {
    size_t thread;     /* index in the model */
    uint32_t stack;    /* of the model, PAM_NO_STACK or PAM_UNKNOWN (not read, or lost) */
    bool leaf_cut;     /* the innermost frames are missing */
    bool idle;         /* the thread did not run in it */
    uint64_t start_ns, end_ns; /* equal for a thread that was seen running once, then idle */
    uint64_t cpu_us;   /* CPU time used since the thread was last seen on a CPU */
    uint64_t wait_us;  /* the same for the time on the run queue */
    uint64_t ticks;    /* sampling ticks in it */
};

/* The part of a span between two moments; counts belong to it by its length. */
struct pam_span pam_span_part(const struct pam_span *span, uint64_t from_ns, uint64_t to_ns);

/* Receives each span some seconds after its end, those of one thread in order; a code of its stack that
 * was found to be another by then is marked. Negative stops everything. */
typedef int pam_take_span(const struct pam_span *span, void *context, struct pam_error *error);

struct pam_timeline;

int pam_timeline_new(struct pam_timeline **ret, struct pam_model *model, pam_take_span *take,
                     void *context, struct pam_error *error);
void pam_timeline_free(struct pam_timeline *timeline);

/* Takes every event, after the model has. */
int pam_timeline_add(struct pam_timeline *timeline, const struct pam_event *event,
                     struct pam_error *error);

/* At the end of the input: closes what is open. */
int pam_timeline_finish(struct pam_timeline *timeline, struct pam_error *error);

#endif
