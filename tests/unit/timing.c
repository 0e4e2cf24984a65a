/* timing.c - a timeline fed by hand: two threads, four stacks, ticks every 10 ms, and its spans. */
#include "timing.h"

#include "unit.h"

static struct pam_model *model;
struct pam_timeline *timeline;
struct pam_span spans[MOST_SPANS];
size_t span_count;
uint32_t stacks[5];
uint64_t now_ns;
bool refuse_spans;

static int take_span(const struct pam_span *span, void *context, struct pam_error *error)
{
    (void)context;
    if (refuse_spans)
        return pam_fail(error, PAM_MEMORY, "no more");
    assert_true(span_count < MOST_SPANS);
    assert_int_equal(span->looks, 0); /* each had its part */
    spans[span_count++] = *span;
    return 0;
}

void timing_add(const struct pam_event *event)
{
    struct pam_error error;

    assert_int_equal(pam_model_add(model, event, &error), 0);
    assert_int_equal(pam_timeline_add(timeline, event, &error), 0);
}

void timing_state(void)
{
    timing_add(PLAIN_EVENT(now_ns, EPOCH));
    timing_add(PLAIN_EVENT(now_ns, BLOCK));
    timing_add(RECORD_EVENT(now_ns, string, .id = 1, .text = pam_text("f")));
    timing_add(RECORD_EVENT(now_ns, code, .id = 1, .qualname = 1));
    for (uint64_t id = 1; id < COUNT(stacks); id++) {
        timing_add(RECORD_EVENT(now_ns, frame, .id = id, .code = 1, .unit_plus1 = id));
        timing_add(RECORD_EVENT(now_ns, stack, .id = id, .frame = id));
        stacks[id] = pam_model_stack(model, id);
    }
    timing_add(RECORD_EVENT(now_ns, thread, .id = 1, .tid = 101, .has_python = 1));
    timing_add(RECORD_EVENT(now_ns, thread, .id = 2, .tid = 102, .has_python = 1));
    stacks[0] = PAM_NO_STACK;
}

int timing_start(void **state)
{
    struct pam_error error;

    (void)state;
    span_count = 0;
    refuse_spans = false;
    now_ns = 1000 * (uint64_t)MS;
    assert_int_equal(pam_model_new(&model, &error), 0);
    assert_int_equal(pam_timeline_new(&timeline, model, take_span, NULL, &error), 0);
    timing_state();
    return 0;
}

int timing_stop(void **state)
{
    (void)state;
    pam_timeline_free(timeline);
    pam_model_free(model);
    return 0;
}

void timing_tick(uint64_t empty)
{
    now_ns += (1 + empty) * 10 * MS;
    timing_add(RECORD_EVENT(now_ns, tick, .delta_us = (1 + empty) * 10000, .empty = empty));
}

void timing_sample(uint64_t thread, uint64_t stack_plus1, uint64_t cpu_us, uint64_t flags)
{
    timing_add(RECORD_EVENT(now_ns, sample, .thread = thread, .stack_plus1 = stack_plus1,
                            .cpu_steps = cpu_us, .flags = flags));
}

void timing_finish(void)
{
    struct pam_error error;

    assert_int_equal(pam_timeline_finish(timeline, &error), 0);
}

void timing_check_span(size_t index, uint32_t stack, unsigned from_ms, unsigned to_ms,
                       unsigned ticks, unsigned cpu_us)
{
    const struct pam_span *span = &spans[index];
    const uint64_t from = (span->start_ns - 1000 * (uint64_t)MS) / MS;
    const uint64_t to = (span->end_ns - 1000 * (uint64_t)MS) / MS;

    assert_true(index < span_count);
    if (span->stack != stack || from != from_ms || to != to_ms || span->ticks != ticks ||
        span->cpu_us != cpu_us)
        fail_msg("span %zu: stack %x from %u to %u, %u ticks, %u us", index, span->stack,
                 (unsigned)from, (unsigned)to, (unsigned)span->ticks, (unsigned)span->cpu_us);
}

void timing_check_span_of(uint64_t thread, size_t number, uint32_t stack, unsigned from_ms,
                          unsigned to_ms, unsigned ticks)
{
    size_t index = 0;

    for (; index < span_count; index++)
        if (spans[index].thread == thread - 1 && number-- == 0)
            break;
    assert_true(index < span_count);
    timing_check_span(index, stack, from_ms, to_ms, ticks, (unsigned)spans[index].cpu_us);
}

uint32_t timing_marked(uint32_t stack)
{
    const uint32_t frame = pam_model_get_stack(model, stack).frame;

    return (uint32_t)pam_model_mark(model, stack, pam_model_frame(model, frame).code);
}

uint64_t timing_ns(size_t thread, bool idle)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < span_count; i++)
        if (spans[i].thread == thread && spans[i].idle == idle)
            sum += spans[i].end_ns - spans[i].start_ns;
    return sum;
}

uint64_t timing_ticks(size_t thread)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < span_count; i++)
        if (spans[i].thread == thread)
            sum += spans[i].ticks;
    return sum;
}

void timing_check_seamless(size_t thread)
{
    uint64_t at = 0;

    for (size_t i = 0; i < span_count; i++) {
        if (spans[i].thread != thread)
            continue;
        assert_true(!at || spans[i].start_ns == at);
        assert_true(spans[i].end_ns >= spans[i].start_ns);
        at = spans[i].end_ns;
    }
}

uint64_t timing_cpu_us(size_t thread)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < span_count; i++)
        if (spans[i].thread == thread)
            sum += spans[i].cpu_us;
    return sum;
}
