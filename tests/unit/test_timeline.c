/* test_timeline.c - samples, ticks, gaps and exits into spans. */
#include "feed.h"
#include "timeline.h"

#include "unit.h"

enum { MOST = 32, MS = 1000000 };

static struct pam_model *model;
static struct pam_timeline *timeline;
static struct pam_span spans[MOST];
static size_t count;
static uint32_t stacks[5]; /* of the model; 0 is PAM_NO_STACK */
static uint64_t now_ns;

static int take_span(const struct pam_span *span, void *context, struct pam_error *error)
{
    (void)context;
    (void)error;
    assert_true(count < MOST);
    spans[count++] = *span;
    return 0;
}

static void add(const struct pam_event *event)
{
    struct pam_error error;

    assert_int_equal(pam_model_add(model, event, &error), 0);
    assert_int_equal(pam_timeline_add(timeline, event, &error), 0);
}

static void add_state(void)
{
    add(PLAIN_EVENT(now_ns, EPOCH));
    add(PLAIN_EVENT(now_ns, BLOCK));
    add(RECORD_EVENT(now_ns, string, .id = 1, .text = pam_text("f")));
    add(RECORD_EVENT(now_ns, code, .id = 1, .qualname = 1));
    for (uint64_t id = 1; id < COUNT(stacks); id++) {
        add(RECORD_EVENT(now_ns, frame, .id = id, .code = 1, .unit_plus1 = id));
        add(RECORD_EVENT(now_ns, stack, .id = id, .frame = id));
        stacks[id] = pam_model_stack(model, id);
    }
    add(RECORD_EVENT(now_ns, thread, .id = 1, .tid = 101, .has_python = 1));
    add(RECORD_EVENT(now_ns, thread, .id = 2, .tid = 102, .has_python = 1));
    stacks[0] = PAM_NO_STACK;
}

static int start(void **state)
{
    struct pam_error error;

    (void)state;
    count = 0;
    now_ns = 1000 * (uint64_t)MS;
    assert_int_equal(pam_model_new(&model, &error), 0);
    assert_int_equal(pam_timeline_new(&timeline, model, take_span, NULL, &error), 0);
    add_state();
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pam_timeline_free(timeline);
    pam_model_free(model);
    return 0;
}

/* A sampling tick 10 ms later. */
static void tick(uint64_t empty)
{
    now_ns += (1 + empty) * 10 * MS;
    add(RECORD_EVENT(now_ns, tick, .delta_us = (1 + empty) * 10000, .empty = empty));
}

static void sample(uint64_t thread, uint64_t stack_plus1, uint64_t cpu_us, uint64_t flags)
{
    add(RECORD_EVENT(now_ns, sample, .thread = thread, .stack_plus1 = stack_plus1, .cpu_us = cpu_us,
                     .wait_us = cpu_us / 10, .flags = flags));
}

static void finish(void)
{
    struct pam_error error;

    assert_int_equal(pam_timeline_finish(timeline, &error), 0);
}

/* Times in milliseconds since the start. */
static void check_span(size_t index, uint32_t stack, unsigned from_ms, unsigned to_ms, unsigned ticks,
                       unsigned cpu_us)
{
    const struct pam_span *span = &spans[index];
    const uint64_t from = (span->start_ns - 1000 * (uint64_t)MS) / MS;
    const uint64_t to = (span->end_ns - 1000 * (uint64_t)MS) / MS;

    assert_true(index < count);
    if (span->stack != stack || from != from_ms || to != to_ms || span->ticks != ticks ||
        span->cpu_us != cpu_us)
        fail_msg("span %zu: stack %x from %u to %u, %u ticks, %u us", index, span->stack,
                 (unsigned)from, (unsigned)to, (unsigned)span->ticks, (unsigned)span->cpu_us);
}

static void a_busy_thread(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 5, 0); /* stack 1 */
    tick(0);
    sample(1, 0, 9000, 0); /* the same */
    tick(0);
    sample(1, 3, 9500, 0); /* stack 2 */
    tick(0);
    sample(1, 0, 10000, 0);
    finish();
    assert_int_equal(count, 2);
    check_span(0, stacks[1], 10, 30, 2, 9005);
    check_span(1, stacks[2], 30, 40, 2, 19500);
    assert_int_equal(spans[0].wait_us, 900);
    assert_false(spans[0].idle || spans[1].idle);
}

static uint64_t sum_ns(size_t thread, bool idle)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (spans[i].thread == thread && spans[i].idle == idle)
            sum += spans[i].end_ns - spans[i].start_ns;
    return sum;
}

static uint64_t sum_ticks(size_t thread)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < count; i++)
        if (spans[i].thread == thread)
            sum += spans[i].ticks;
    return sum;
}

/* Spans of a thread neither overlap nor leave holes, and time passes. */
static void check_seamless(size_t thread)
{
    uint64_t at = 0;

    for (size_t i = 0; i < count; i++) {
        if (spans[i].thread != thread)
            continue;
        assert_true(!at || spans[i].start_ns == at);
        assert_true(spans[i].end_ns >= spans[i].start_ns);
        at = spans[i].end_ns;
    }
}

/* Not sampled at a tick: it had not run since the tick before. */
static void a_thread_that_sleeps(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 100, 0);
    sample(2, 3, 100, 0);
    tick(0);
    sample(2, 0, 100, 0);
    tick(0);
    sample(2, 0, 100, 0);
    tick(0);
    sample(1, 4, 200, 0); /* it ran some time between this tick and the one before */
    sample(2, 0, 100, 0);
    finish();
    check_seamless(0);
    check_seamless(1);
    assert_int_equal(sum_ns(0, true), 20 * MS);
    assert_int_equal(sum_ns(0, false), 10 * MS);
    assert_int_equal(sum_ns(1, true), 0);
    assert_int_equal(sum_ns(1, false), 30 * MS);
    assert_int_equal(sum_ticks(0), 4);
    assert_int_equal(sum_ticks(1), 4);
}

/* Ticks at which no thread ran leave no record but a count. */
static void empty_ticks_count(void **state)
{
    (void)state;
    add(RECORD_EVENT(now_ns, mode, .rate_mhz = 100000));
    tick(0);
    sample(1, 2, 100, 0);
    tick(5);
    sample(1, 3, 100, 0);
    tick(0);
    sample(1, 0, 100, 0);
    finish();
    check_seamless(0);
    assert_int_equal(sum_ticks(0), 1 + 5 + 1 + 1);
    assert_int_equal(sum_ns(0, true), 50 * MS);
    assert_int_equal(sum_ns(0, false), 20 * MS);
}

static void an_interval_is_no_sampling_tick(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 100, 0);
    now_ns += 5 * MS;
    add(RECORD_EVENT(now_ns, tick, .delta_us = 5000, .not_sampling = 1));
    now_ns += 5 * MS;
    add(RECORD_EVENT(now_ns, tick, .delta_us = 5000));
    sample(1, 3, 100, 0);
    now_ns += 5 * MS;
    add(RECORD_EVENT(now_ns, tick, .delta_us = 5000, .not_sampling = 1, .empty = 3));
    finish();
    check_seamless(0);
    assert_int_equal(sum_ticks(0), 1 + 1 + 3);
    check_span(0, stacks[1], 10, 20, 1, 100);
}

static void a_sample_that_failed_is_unknown(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 100, 0);
    tick(0);
    sample(1, 0, 100, PAM_SAMPLE_FAILED);
    tick(0);
    sample(1, 0, 100, 0); /* nothing to refer to */
    tick(0);
    sample(1, 2, 100, 0);
    finish();
    assert_int_equal(count, 3);
    check_span(0, stacks[1], 10, 20, 1, 100);
    check_span(1, PAM_UNKNOWN, 20, 40, 2, 200);
    check_span(2, stacks[1], 40, 40, 1, 100);
}

static void no_frame_and_a_cut_leaf(void **state)
{
    (void)state;
    tick(0);
    sample(1, 1, 10, PAM_SAMPLE_NO_FRAME);
    tick(0);
    sample(1, 2, 10, PAM_SAMPLE_LEAF_CUT);
    tick(0);
    sample(1, 0, 10, 0); /* the same stack, this time whole */
    tick(0);
    sample(1, 0, 10, 0);
    finish();
    assert_int_equal(count, 3);
    check_span(0, PAM_NO_STACK, 10, 20, 1, 10);
    check_span(1, stacks[1], 20, 30, 1, 10);
    check_span(2, stacks[1], 30, 40, 2, 20);
    assert_true(spans[1].leaf_cut && !spans[0].leaf_cut && !spans[2].leaf_cut);
}

static void a_reference_over_blocks_is_unknown(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 10, 0);
    add(PLAIN_EVENT(now_ns, BLOCK));
    tick(0);
    sample(1, 0, 10, 0); /* a writer never does this: the sample before is in another block */
    tick(0);
    sample(1, 2, 10, 0);
    finish();
    check_span(0, stacks[1], 10, 20, 1, 10);
    check_span(1, PAM_UNKNOWN, 20, 30, 1, 10);
}

static void after_a_gap_all_is_unknown(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 10, 0);
    sample(2, 3, 10, 0);
    tick(0);
    sample(1, 0, 10, 0);
    sample(2, 0, 10, 0);
    now_ns += 100 * MS;
    add(PLAIN_EVENT(now_ns, GAP));
    add(PLAIN_EVENT(now_ns, GAP));
    add(PLAIN_EVENT(now_ns, BLOCK));
    tick(0);
    sample(1, 2, 20, 0);
    tick(0);
    sample(1, 0, 20, 0);
    finish();
    check_seamless(0);
    check_seamless(1);
    check_span(0, stacks[1], 10, 20, 2, 20); /* what was known ends with what was read */
    for (size_t i = 0; i < count; i++)
        if (spans[i].end_ns > 1020 * (uint64_t)MS && spans[i].start_ns < 1130 * (uint64_t)MS)
            assert_int_equal(spans[i].stack, PAM_UNKNOWN);
    for (size_t i = 0; i < count; i++) /* thread 2 was not seen again */
        if (spans[i].thread == 1 && spans[i].start_ns >= 1020 * (uint64_t)MS)
            assert_true(spans[i].stack == PAM_UNKNOWN && !spans[i].idle);
}

static void a_new_epoch_alone_is_no_gap(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 10, 0);
    add_state();
    tick(0);
    sample(1, 2, 10, 0);
    finish();
    assert_int_equal(count, 1);
    check_span(0, stacks[1], 10, 20, 2, 20);
}

static void a_thread_that_ends(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 10, 0);
    sample(2, 3, 10, 0);
    tick(0);
    sample(1, 0, 10, 0);
    sample(2, 0, 10, 0);
    now_ns += 5 * MS;
    add(RECORD_EVENT(now_ns, tick, .delta_us = 5000, .not_sampling = 1));
    add(RECORD_EVENT(now_ns, thread_exit, .thread = 1));
    add(RECORD_EVENT(now_ns, thread_exit, .thread = 1));
    add(RECORD_EVENT(now_ns, thread_exit, .thread = 77));
    tick(0);
    sample(2, 0, 10, 0);
    finish();
    check_seamless(0);
    check_seamless(1);
    assert_int_equal(sum_ns(0, false) + sum_ns(0, true), 15 * MS);
    assert_int_equal(sum_ns(1, false) + sum_ns(1, true), 25 * MS);
    assert_int_equal(sum_ticks(0), 2);
    assert_int_equal(sum_ticks(1), 3);
}

static void samples_of_threads_that_were_lost(void **state)
{
    (void)state;
    tick(0);
    sample(3, 2, 10, 0);
    sample(UINT64_MAX, 2, 10, 0);
    sample(1, 100, 10, 0); /* a stack that was lost */
    tick(0);
    sample(1, UINT64_MAX, 10, 0);
    finish();
    assert_int_equal(count, 1);
    check_span(0, PAM_UNKNOWN, 10, 20, 2, 20);
}

static void a_clock_that_goes_back(void **state)
{
    (void)state;
    tick(0);
    sample(1, 2, 10, 0);
    now_ns -= 5 * MS;
    add(PLAIN_EVENT(now_ns, BLOCK));
    add(RECORD_EVENT(now_ns, tick, .delta_us = 0));
    sample(1, 3, 10, 0);
    now_ns += 15 * MS;
    tick(0);
    sample(1, 3, 10, 0);
    finish();
    check_seamless(0);
    assert_int_equal(sum_ns(0, false) + sum_ns(0, true), 20 * MS);
}

static int refuse_span(const struct pam_span *span, void *context, struct pam_error *error)
{
    (void)span;
    (void)context;
    return pam_fail(error, PAM_MEMORY, "no more");
}

static void a_taker_that_fails_stops_everything(void **state)
{
    struct pam_timeline *refused;
    struct pam_error error;

    (void)state;
    assert_int_equal(pam_timeline_new(&refused, model, refuse_span, NULL, &error), 0);
    assert_int_equal(pam_timeline_add(refused, PLAIN_EVENT(0, BLOCK), &error), 0);
    assert_int_equal(
        pam_timeline_add(refused, RECORD_EVENT(MS, sample, .thread = 1, .stack_plus1 = 2), &error), 0);
    assert_int_equal(pam_timeline_add(refused, RECORD_EVENT(2 * MS, tick, .delta_us = 1), &error), 0);
    assert_int_equal(
        pam_timeline_add(refused, RECORD_EVENT(2 * MS, sample, .thread = 1, .stack_plus1 = 3), &error),
        PAM_MEMORY);
    pam_timeline_free(refused);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_busy_thread),
        TEST(a_thread_that_sleeps),
        TEST(empty_ticks_count),
        TEST(an_interval_is_no_sampling_tick),
        TEST(a_sample_that_failed_is_unknown),
        TEST(no_frame_and_a_cut_leaf),
        TEST(a_reference_over_blocks_is_unknown),
        TEST(after_a_gap_all_is_unknown),
        TEST(a_new_epoch_alone_is_no_gap),
        TEST(a_thread_that_ends),
        TEST(samples_of_threads_that_were_lost),
        TEST(a_clock_that_goes_back),
        TEST(a_taker_that_fails_stops_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
