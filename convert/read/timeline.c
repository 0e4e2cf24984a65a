/* timeline.c - spans: from when until when a thread had which stack. */
#include "timeline.h"

#include <stdlib.h>
#include <string.h>

#include "held.h"
#include "room.h"
#include "sample_counts.h"
#include "unspent.h"

enum {
    STEP_NS = 1000, /* where a capture names no other */
    MAX_STEP_US = 1 << 20,
};

/* CPU time is spent this often: while the spans with its looks are held back. */
static const uint64_t SPEND_NS = UINT64_C(1000000000);

/* What a thread is doing since its last sample. */
struct open_span {
    struct pam_span span;
    uint32_t plain_stack;  /* without the asyncio task: what waits are told of */
    uint64_t first_tick;
    uint64_t sampled_ns;   /* when it was last sampled, so when it last was known to have run */
    uint64_t sampled_tick;
    bool off;              /* it was off its CPU then, by a switch record */
    bool lost;             /* blocks are missing since its last sample */
    uint64_t block;      /* number of the block of its last sample */
    uint64_t stack_plus1; /* as recorded there */
    struct pam_unspent unspent;
    bool open;
};

struct pam_timeline {
    struct pam_model *model;
    struct pam_held held;
    struct open_span *threads;
    size_t room;
    uint64_t now_ns;
    uint64_t period_ns; /* of the sampling ticks; 0 while unknown */
    uint64_t step_ns;   /* unit of the times in samples */
    uint64_t tick_ns;   /* time of the last sampling tick */
    uint64_t before_ns; /* and of the one before it */
    uint64_t ticks;     /* sampling ticks so far */
    uint64_t spent_ns;  /* until then the threads' CPU time is spent */
    uint64_t blocks;
    struct pam_sample_counts counts;
    size_t sampled_plus1; /* 1 + index of the thread of the last sample; 0: it is not known */
    bool gil_told;      /* samples tell who holds the GIL */
};

int pam_timeline_new(struct pam_timeline **ret, struct pam_model *model, pam_take_span *take,
                     void *context, struct pam_error *error)
{
    struct pam_timeline *timeline = calloc(1, sizeof *timeline);

    if (!timeline)
        return pam_fail(error, PAM_MEMORY, "not enough memory for a timeline");
    timeline->model = model;
    timeline->step_ns = STEP_NS;
    timeline->held = (struct pam_held){.model = model, .take = take, .context = context};
    *ret = timeline;
    return 0;
}

void pam_timeline_free(struct pam_timeline *timeline)
{
    if (!timeline)
        return;
    pam_held_done(&timeline->held);
    free(timeline->threads);
    free(timeline);
}

void pam_timeline_weigh(struct pam_timeline *timeline, const char *name)
{
    timeline->counts.name = name;
}

bool pam_timeline_weighs(const struct pam_timeline *timeline)
{
    return timeline->counts.known;
}

/* All CPU time that some look found goes to what they found. */
static void spend(struct pam_timeline *timeline)
{
    struct pam_held *held = &timeline->held;

    for (size_t i = 0; i < held->count; i++) {
        struct pam_span *span = &held->spans[held->first + i];

        if (span->looks)
            pam_unspent_pay(&timeline->threads[span->thread].unspent, span);
    }
    for (size_t i = 0; i < timeline->room; i++) {
        struct open_span *open = &timeline->threads[i];

        pam_unspent_pay(&open->unspent, &open->span);
        open->unspent.looks = 0;
    }
    timeline->spent_ns = timeline->now_ns;
}

/* No span is passed on before its looks had their part. */
static int hold(struct pam_timeline *timeline, const struct pam_span *span, struct pam_error *error)
{
    if (pam_held_is_full(&timeline->held))
        spend(timeline);
    return pam_held_put(&timeline->held, span, timeline->now_ns, error);
}

/* Hands over what is open up to `end_ns`; `end_tick`: how many ticks there had been by then. */
static int close_span(struct pam_timeline *timeline, struct open_span *open, uint64_t end_ns,
                      uint64_t end_tick, struct pam_error *error)
{
    struct pam_span *span = &open->span;

    if (!open->open)
        return 0;
    open->open = false;
    span->end_ns = end_ns;
    span->ticks = end_tick > open->first_tick ? end_tick - open->first_tick : 0;
    if (span->end_ns <= span->start_ns && !span->cpu_us && !span->looks && !span->ticks && !span->events)
        return 0;
    return hold(timeline, span, error);
}

/* What the span says of its thread and stack stays or is set by the caller. */
static void start_span(struct open_span *open, uint64_t start_ns, uint64_t first_tick)
{
    open->open = true;
    open->first_tick = first_tick;
    open->span.start_ns = start_ns;
    open->span.cpu_us = open->span.looks = open->span.events = 0;
}

/* The thread did not run from its last sample until `until_ns`: that part is a span of its own, and
 * what follows is not idle. `until_tick` ticks had been by then. */
static int split_idle(struct pam_timeline *timeline, struct open_span *open, uint64_t until_ns,
                      uint64_t until_tick, struct pam_error *error)
{
    int r;

    if (!open->open || until_ns <= open->sampled_ns)
        return 0;
    r = close_span(timeline, open, open->sampled_ns, open->sampled_tick, error);
    start_span(open, open->sampled_ns, open->sampled_tick);
    open->span.idle = true;
    open->span.wait_plus1 =
        pam_model_wait_plus1(timeline->model, open->span.thread, open->plain_stack);
    if (r == 0)
        r = close_span(timeline, open, until_ns, until_tick, error);
    start_span(open, until_ns, until_tick);
    open->span.idle = false;
    open->span.wait_plus1 = 0;
    open->sampled_ns = until_ns;
    return r;
}

static struct open_span *thread_for(struct pam_timeline *timeline, uint64_t id, size_t *index)
{
    const int64_t known = pam_model_thread_index(timeline->model, id);
    struct open_span *threads;

    if (known < 0)
        return NULL;
    *index = (size_t)known;
    threads = pam_with_room(timeline->threads, &timeline->room, *index, sizeof *threads);
    if (!threads)
        return NULL;
    timeline->threads = threads;
    return &threads[*index];
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

/* When the thread started to run at the latest: at the tick before this one, or where that left no
 * record, a period ago. */
static uint64_t last_tick_ns(const struct pam_timeline *timeline)
{
    const uint64_t ago = timeline->tick_ns > timeline->period_ns
                             ? timeline->tick_ns - timeline->period_ns : 0;

    return timeline->period_ns && ago > timeline->before_ns ? ago : timeline->before_ns;
}

/* What a sample says of when its thread ran, on the clock of the capture. */
struct ran {
    uint64_t from_ns;  /* it did not run before, since its last sample */
    uint64_t until_ns; /* it does not run after, up to its tick */
    bool off;          /* it is off its CPU now */
};

static struct ran ran(const struct pam_timeline *timeline, const struct open_span *open,
                      const struct pam_sample *sample)
{
    const uint64_t now_ns = timeline->now_ns;
    const uint64_t on_ns =
        sample->first_on_steps_plus1 ? (sample->first_on_steps_plus1 - 1) * timeline->step_ns : 0;
    const uint64_t off_ns =
        sample->last_off_steps_plus1 ? (sample->last_off_steps_plus1 - 1) * timeline->step_ns : 0;

    if (!(sample->flags & PAM_SAMPLE_EXACT) || on_ns > now_ns || off_ns > now_ns)
        return (struct ran){last_tick_ns(timeline), now_ns, false};
    return (struct ran){
        /* one that was on a CPU at its last sample has been idle only where nobody saw it */
        .from_ns = open->off && sample->first_on_steps_plus1 ? now_ns - on_ns : open->sampled_ns,
        .until_ns = now_ns - off_ns,
        .off = sample->last_off_steps_plus1 != 0,
    };
}

/* Events are shown where the thread was seen next, at the sample that they stand behind, also when it waits
 * there: kept back like CPU time they would go where a thread is long on a CPU, not where they happen. */
static void add_events(struct open_span *open, uint64_t events)
{
    if (open->open)
        open->span.events = pam_add_up(open->span.events, events);
}

/* What is left when nothing more is heard of a thread was most likely used as it was when the thread was
 * last caught at it, not for what it waits in now: a span without a duration, after the last. */
static int end_span(struct pam_timeline *timeline, struct open_span *open, struct pam_error *error)
{
    struct pam_span rest;
    const bool elsewhere = pam_unspent_end(&open->unspent, &open->span, &rest);
    const int r = close_span(timeline, open, timeline->now_ns, timeline->ticks, error);

    if (r < 0 || !elsewhere)
        return r;
    rest.start_ns = rest.end_ns = timeline->now_ns;
    return hold(timeline, &rest, error);
}

/* A sample that says neither did not wait; that it did not hold is known whatever it says. */
static enum pam_span_gil gil_of(const struct pam_timeline *timeline, uint64_t flags)
{
    if (flags & PAM_SAMPLE_HOLDS_GIL)
        return PAM_SPAN_GIL_HOLDS;
    if (flags & PAM_SAMPLE_WAITS_GIL)
        return PAM_SPAN_GIL_WAITS;
    return timeline->gil_told && !(flags & PAM_SAMPLE_GIL_UNKNOWN) ? PAM_SPAN_GIL_NONE
                                                                   : PAM_SPAN_GIL_UNKNOWN;
}

/* What is said of the thread as it was at the sample's tick. */
static struct pam_span at_tick(const struct pam_timeline *timeline, size_t thread, uint32_t stack,
                               const struct pam_sample *sample)
{
    return (struct pam_span){
        .thread = thread,
        .stack = stack,
        .native_plus1 = pam_model_native_plus1(timeline->model, sample->native),
        .leaf_cut = sample->flags & PAM_SAMPLE_LEAF_CUT,
        .between = sample->flags & PAM_SAMPLE_BETWEEN,
        .collecting = sample->flags & PAM_SAMPLE_COLLECTS,
        .gil = gil_of(timeline, sample->flags),
    };
}

static bool goes_on(const struct open_span *open, const struct pam_span *now)
{
    const struct pam_span *span = &open->span;

    return open->open && pam_span_same_stack(span, now) && span->leaf_cut == now->leaf_cut &&
           span->between == now->between && span->collecting == now->collecting && span->gil == now->gil;
}

static int take_sample(struct pam_timeline *timeline, const struct pam_sample *sample,
                       struct pam_error *error)
{
    size_t index;
    struct open_span *open = thread_for(timeline, sample->thread, &index);
    const uint64_t ticks_before = timeline->ticks ? timeline->ticks - 1 : 0;
    struct pam_span now;
    uint32_t plain;
    int64_t stack;
    struct ran when;
    int r;

    timeline->sampled_plus1 = open ? index + 1 : 0;
    if (!open)
        return 0; /* its thread record was lost */
    plain = stack_of(timeline, open, sample);
    stack = pam_model_with_task(timeline->model, plain, sample->task, sample->task_depth);
    if (stack < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the stacks of tasks");
    now = at_tick(timeline, index, (uint32_t)stack, sample);
    when = ran(timeline, open, sample);
    now.on = !when.off;
    r = open->lost ? 0 : split_idle(timeline, open, when.from_ns, ticks_before, error);
    if (r == 0 && !goes_on(open, &now)) {
        /* Stacks change at ticks, also where switch records say when the thread ran: a tick stands
         * for the time around it, and a burst between two ticks is not seen at all. */
        r = close_span(timeline, open, timeline->now_ns, ticks_before, error);
        open->span = now;
        open->plain_stack = plain;
        start_span(open, timeline->now_ns, ticks_before);
    }
    pam_unspent_use(&open->unspent, sample->cpu_steps * (timeline->step_ns / 1000));
    if (!when.off && !(sample->flags & PAM_SAMPLE_QUEUED))
        pam_unspent_look(&open->unspent, &open->span, sample->flags & PAM_SAMPLE_EXACT);
    open->sampled_ns = when.until_ns > open->span.start_ns ? when.until_ns : open->span.start_ns;
    open->sampled_tick = timeline->ticks;
    open->off = when.off;
    open->lost = false;
    if (sample->stack_plus1 || sample->flags & PAM_SAMPLE_FAILED)
        open->stack_plus1 = sample->stack_plus1;
    open->block = timeline->blocks;
    return r;
}

/* Nothing more is heard of the thread: it has been idle since its last sample. */
static int end_thread(struct pam_timeline *timeline, struct open_span *open, struct pam_error *error)
{
    const int r = open->lost ? 0 : split_idle(timeline, open, timeline->now_ns, timeline->ticks, error);

    return r < 0 ? r : end_span(timeline, open, error);
}

/* Blocks were lost: nobody knows what the threads did until they are sampled again. */
static int lose_track(struct pam_timeline *timeline, struct pam_error *error)
{
    int r = 0;

    for (size_t i = 0; i < timeline->room && r == 0; i++) {
        struct open_span *open = &timeline->threads[i];
        const struct pam_span unknown = {.thread = i, .stack = PAM_UNKNOWN};

        if (!open->open || open->span.stack == PAM_UNKNOWN)
            continue;
        r = end_thread(timeline, open, error);
        open->span = unknown;
        open->plain_stack = PAM_UNKNOWN;
        start_span(open, timeline->now_ns, timeline->ticks);
        open->lost = true; /* whether it ran is not known either: it is not called idle */
    }
    return r;
}

/* Of a thread that has that code in its stack now: what it did since then is a span of its own. */
static int mark_open(struct pam_timeline *timeline, struct open_span *open, uint32_t code,
                     uint64_t since_ns, struct pam_error *error)
{
    const int64_t marked = pam_model_mark(timeline->model, open->span.stack, code);
    struct pam_span whole = open->span, before;

    if (marked < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory to mark spans");
    if (marked == open->span.stack)
        return 0;
    open->span.stack = (uint32_t)marked;
    if (whole.start_ns >= since_ns || timeline->now_ns <= since_ns)
        return 0;
    whole.end_ns = timeline->now_ns;
    whole.ticks = timeline->ticks > open->first_tick ? timeline->ticks - open->first_tick : 0;
    before = pam_span_part(&whole, 0, since_ns);
    open->span.start_ns = since_ns;
    open->span.cpu_us = whole.cpu_us - before.cpu_us;
    open->span.events = whole.events - before.events;
    open->first_tick += before.ticks;
    return hold(timeline, &before, error);
}

static uint64_t pid_of(const struct pam_timeline *timeline, const struct open_span *open)
{
    return pam_model_thread(timeline->model, open->span.thread)->pid;
}

static int mark(struct pam_timeline *timeline, const struct pam_code_reused *reused,
                struct pam_error *error)
{
    const uint64_t ago_ns = reused->since_us < UINT64_C(1) << 40 ? reused->since_us * 1000 : 0;
    const uint64_t since_ns = timeline->now_ns > ago_ns ? timeline->now_ns - ago_ns : 0;
    const uint32_t code = pam_model_code_id(timeline->model, reused->code);
    int r = 0;

    if (code == PAM_UNKNOWN)
        return 0;
    spend(timeline); /* looks are not divided as time is */
    r = pam_held_mark(&timeline->held, code, reused->pid, since_ns, error);
    for (size_t i = 0; i < timeline->room && r == 0; i++) {
        struct open_span *open = &timeline->threads[i];

        if (open->open && (!reused->pid || pid_of(timeline, open) == reused->pid))
            r = mark_open(timeline, open, code, since_ns, error);
    }
    return r;
}

static void take_tick(struct pam_timeline *timeline, const struct pam_tick *tick)
{
    timeline->ticks += tick->empty;
    if (tick->not_sampling)
        return;
    timeline->ticks++;
    timeline->before_ns = timeline->tick_ns;
    timeline->tick_ns = timeline->now_ns;
}

static void take_mode(struct pam_timeline *timeline, const struct pam_mode *mode)
{
    const bool known = mode->step_us && mode->step_us < MAX_STEP_US;

    timeline->period_ns = mode->rate_mhz ? UINT64_C(1000000000000) / mode->rate_mhz : 0;
    timeline->step_ns = known ? mode->step_us * 1000 : STEP_NS;
}

static int take_record(struct pam_timeline *timeline, const struct pam_record *record,
                       struct pam_error *error)
{
    struct open_span *open;
    size_t index;

    switch (record->type) {
    case PAM_tick: take_tick(timeline, &record->tick); return 0;
    case PAM_mode: take_mode(timeline, &record->mode); return 0;
    case PAM_insight:
        timeline->gil_told = record->insight.gil_address != 0;
        return 0;
    case PAM_sample: return take_sample(timeline, &record->sample, error);
    case PAM_counter: pam_sample_counts_learn(&timeline->counts, &record->counter); return 0;
    case PAM_count:
        if (record->count.of_sample && timeline->sampled_plus1)
            add_events(&timeline->threads[timeline->sampled_plus1 - 1],
                       pam_sample_counts_take(&timeline->counts, &record->count));
        return 0;
    case PAM_code_reused: return mark(timeline, &record->code_reused, error);
    case PAM_thread_exit:
        open = thread_for(timeline, record->thread_exit.thread, &index);
        return open ? end_thread(timeline, open, error) : 0;
    default: return 0;
    }
}

/* Another capture, which may have started before the end of this one: its threads are others. */
static int start_capture(struct pam_timeline *timeline, struct pam_error *error)
{
    const int r = pam_timeline_finish(timeline, error);

    timeline->now_ns = timeline->spent_ns = timeline->period_ns = timeline->tick_ns = timeline->before_ns = 0;
    pam_sample_counts_forget(&timeline->counts);
    timeline->step_ns = STEP_NS;
    timeline->gil_told = false;
    return r;
}

int pam_timeline_add(struct pam_timeline *timeline, const struct pam_event *event,
                     struct pam_error *error)
{
    if (event->kind != PAM_EVENT_RECORD)
        timeline->sampled_plus1 = 0; /* counts stand in the block of their sample */
    if (event->kind == PAM_EVENT_CAPTURE)
        return start_capture(timeline, error);
    if (event->kind == PAM_EVENT_GAP)
        return lose_track(timeline, error);
    if (event->time_ns > timeline->now_ns)
        timeline->now_ns = event->time_ns;
    if (timeline->now_ns - timeline->spent_ns >= SPEND_NS)
        spend(timeline);
    if (event->kind == PAM_EVENT_BLOCK)
        timeline->blocks++;
    return event->kind == PAM_EVENT_RECORD ? take_record(timeline, &event->record, error) : 0;
}

int pam_timeline_finish(struct pam_timeline *timeline, struct pam_error *error)
{
    int r = 0;

    for (size_t i = 0; i < timeline->room && r == 0; i++)
        r = end_thread(timeline, &timeline->threads[i], error);
    spend(timeline);
    return r == 0 ? pam_held_finish(&timeline->held, error) : r;
}
