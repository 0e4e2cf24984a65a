/* timeline.c - spans: from when until when a thread had which stack. */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

/* What a thread is doing since its last sample. */
struct open_span {
    struct pam_span span;
    uint64_t first_tick;
    uint64_t block;      /* number of the block of its last sample */
    uint64_t stack_plus1; /* as recorded there */
    bool open;
};

struct pam_timeline {
    const struct pam_model *model;
    pam_take_span *take;
    void *context;
    struct open_span *threads;
    size_t room;
    uint64_t now_ns;
    uint64_t ticks;  /* sampling ticks so far */
    uint64_t blocks;
};

int pam_timeline_new(struct pam_timeline **ret, const struct pam_model *model, pam_take_span *take,
                     void *context, struct pam_error *error)
{
    struct pam_timeline *timeline = calloc(1, sizeof *timeline);

    if (!timeline)
        return pam_fail(error, PAM_MEMORY, "not enough memory for a timeline");
    timeline->model = model;
    timeline->take = take;
    timeline->context = context;
    *ret = timeline;
    return 0;
}

void pam_timeline_free(struct pam_timeline *timeline)
{
    if (!timeline)
        return;
    free(timeline->threads);
    free(timeline);
}

/* `end_tick`: how many ticks there had been when it ended. */
static int close_span(struct pam_timeline *timeline, struct open_span *open, uint64_t end_tick,
                      struct pam_error *error)
{
    struct pam_span *span = &open->span;

    if (!open->open)
        return 0;
    open->open = false;
    span->end_ns = timeline->now_ns;
    span->ticks = end_tick > open->first_tick ? end_tick - open->first_tick : 0;
    if (span->end_ns <= span->start_ns && !span->cpu_us)
        return 0;
    return timeline->take(span, timeline->context, error);
}

/* The tick at hand has been counted already, and belongs to the span that it opens. */
static uint64_t before_this_tick(const struct pam_timeline *timeline)
{
    return timeline->ticks ? timeline->ticks - 1 : 0;
}

static void open_span(struct pam_timeline *timeline, struct open_span *open, size_t thread,
                      uint32_t stack, bool leaf_cut)
{
    open->open = true;
    open->first_tick = before_this_tick(timeline);
    open->span = (struct pam_span){
        .thread = thread, .stack = stack, .leaf_cut = leaf_cut, .start_ns = timeline->now_ns};
}

static struct open_span *thread_for(struct pam_timeline *timeline, uint64_t id, size_t *index)
{
    const int64_t known = pam_model_thread_index(timeline->model, id);

    if (known < 0)
        return NULL;
    *index = (size_t)known;
    if (*index >= timeline->room) {
        size_t room = timeline->room ? timeline->room : 64;
        struct open_span *grown;

        while (room <= *index)
            room *= 2;
        grown = realloc(timeline->threads, room * sizeof *grown);
        if (!grown)
            return NULL;
        memset(grown + timeline->room, 0, (room - timeline->room) * sizeof *grown);
        timeline->threads = grown;
        timeline->room = room;
    }
    return &timeline->threads[*index];
}

/* The stack of a sample: its own, that of the one before in this block, or unknown. */
static uint32_t stack_of(const struct pam_timeline *timeline, const struct open_span *open,
                         const struct pam_sample *sample)
{
    uint64_t stack_plus1 = sample->stack_plus1;

    if (sample->flags & PAM_SAMPLE_FAILED)
        return PAM_UNKNOWN;
    if (!stack_plus1 && open->block == timeline->blocks)
        stack_plus1 = open->stack_plus1;
    return stack_plus1 ? pam_model_stack(timeline->model, stack_plus1 - 1) : PAM_UNKNOWN;
}

static int take_sample(struct pam_timeline *timeline, const struct pam_sample *sample,
                       struct pam_error *error)
{
    size_t index;
    struct open_span *open = thread_for(timeline, sample->thread, &index);
    const bool leaf_cut = sample->flags & PAM_SAMPLE_LEAF_CUT;
    uint32_t stack;
    int r = 0;

    if (!open)
        return 0; /* its thread record was lost */
    stack = stack_of(timeline, open, sample);
    if (!open->open || open->span.stack != stack || open->span.leaf_cut != leaf_cut) {
        r = close_span(timeline, open, before_this_tick(timeline), error);
        open_span(timeline, open, index, stack, leaf_cut);
    }
    open->span.cpu_us += sample->cpu_us;
    open->span.wait_us += sample->wait_us;
    if (sample->stack_plus1 || sample->flags & PAM_SAMPLE_FAILED)
        open->stack_plus1 = sample->stack_plus1;
    open->block = timeline->blocks;
    return r;
}

/* Blocks were lost: nobody knows what the threads did until they are sampled again. */
static int lose_track(struct pam_timeline *timeline, struct pam_error *error)
{
    int r = 0;

    for (size_t i = 0; i < timeline->room && r == 0; i++) {
        struct open_span *open = &timeline->threads[i];

        if (!open->open || open->span.stack == PAM_UNKNOWN)
            continue;
        r = close_span(timeline, open, timeline->ticks, error);
        open_span(timeline, open, i, PAM_UNKNOWN, false);
    }
    return r;
}

static int take_record(struct pam_timeline *timeline, const struct pam_record *record,
                       struct pam_error *error)
{
    struct open_span *open;
    size_t index;

    switch (record->type) {
    case PAM_tick:
        if (!record->tick.not_sampling)
            timeline->ticks++;
        timeline->ticks += record->tick.empty;
        return 0;
    case PAM_sample: return take_sample(timeline, &record->sample, error);
    case PAM_thread_exit:
        open = thread_for(timeline, record->thread_exit.thread, &index);
        return open ? close_span(timeline, open, timeline->ticks, error) : 0;
    default: return 0;
    }
}

int pam_timeline_add(struct pam_timeline *timeline, const struct pam_event *event,
                     struct pam_error *error)
{
    if (event->kind == PAM_EVENT_GAP)
        return lose_track(timeline, error);
    if (event->time_ns > timeline->now_ns)
        timeline->now_ns = event->time_ns;
    if (event->kind == PAM_EVENT_BLOCK)
        timeline->blocks++;
    return event->kind == PAM_EVENT_RECORD ? take_record(timeline, &event->record, error) : 0;
}

int pam_timeline_finish(struct pam_timeline *timeline, struct pam_error *error)
{
    int r = 0;

    for (size_t i = 0; i < timeline->room && r == 0; i++)
        r = close_span(timeline, &timeline->threads[i], timeline->ticks, error);
    return r;
}
