/* test_timeline.c - samples, ticks, gaps and exits into spans. */
#include "timing.h"

#include "unit.h"

static void a_busy_thread(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 5, 0); /* stack 1 */
    timing_tick(0);
    timing_sample(1, 0, 9000, 0); /* the same */
    timing_tick(0);
    timing_sample(1, 3, 9500, 0); /* stack 2 */
    timing_tick(0);
    timing_sample(1, 0, 10000, 0);
    timing_finish();
    assert_int_equal(span_count, 2);
    timing_check_span(0, stacks[1], 10, 30, 2, 9005);
    timing_check_span(1, stacks[2], 30, 40, 2, 19500);
    assert_false(spans[0].idle || spans[1].idle);
}

/* Not sampled at a tick: it had not run since the tick before. */
static void a_thread_that_sleeps(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    timing_sample(2, 3, 100, 0);
    timing_tick(0);
    timing_sample(2, 0, 100, 0);
    timing_tick(0);
    timing_sample(2, 0, 100, 0);
    timing_tick(0);
    timing_sample(1, 4, 200, 0); /* it ran some time between this tick and the one before */
    timing_sample(2, 0, 100, 0);
    timing_finish();
    timing_check_seamless(0);
    timing_check_seamless(1);
    assert_int_equal(timing_ns(0, true), 20 * MS);
    assert_int_equal(timing_ns(0, false), 10 * MS);
    assert_int_equal(timing_ns(1, true), 0);
    assert_int_equal(timing_ns(1, false), 30 * MS);
    assert_int_equal(timing_ticks(0), 4);
    assert_int_equal(timing_ticks(1), 4);
}

/* Ticks at which no thread ran leave no record but a span_count. */
static void empty_ticks_count(void **state)
{
    (void)state;
    timing_add(RECORD_EVENT(now_ns, mode, .rate_mhz = 100000));
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    timing_tick(5);
    timing_sample(1, 3, 100, 0);
    timing_tick(0);
    timing_sample(1, 0, 100, 0);
    timing_finish();
    timing_check_seamless(0);
    assert_int_equal(timing_ticks(0), 1 + 5 + 1 + 1);
    assert_int_equal(timing_ns(0, true), 50 * MS);
    assert_int_equal(timing_ns(0, false), 20 * MS);
}

static void an_interval_is_no_sampling_tick(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    now_ns += 5 * MS;
    timing_add(RECORD_EVENT(now_ns, tick, .delta_us = 5000, .not_sampling = 1));
    now_ns += 5 * MS;
    timing_add(RECORD_EVENT(now_ns, tick, .delta_us = 5000));
    timing_sample(1, 3, 100, 0);
    now_ns += 5 * MS;
    timing_add(RECORD_EVENT(now_ns, tick, .delta_us = 5000, .not_sampling = 1, .empty = 3));
    timing_finish();
    timing_check_seamless(0);
    assert_int_equal(timing_ticks(0), 1 + 1 + 3);
    timing_check_span(0, stacks[1], 10, 20, 1, 100);
}

static void a_sample_that_failed_is_unknown(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    timing_tick(0);
    timing_sample(1, 0, 100, PAM_SAMPLE_FAILED);
    timing_tick(0);
    timing_sample(1, 0, 100, 0); /* nothing to refer to */
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    timing_finish();
    assert_int_equal(span_count, 3);
    timing_check_span(0, stacks[1], 10, 20, 1, 100);
    timing_check_span(1, PAM_UNKNOWN, 20, 40, 2, 200);
    timing_check_span(2, stacks[1], 40, 40, 1, 100);
}

static void no_frame_and_a_cut_leaf(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 1, 10, PAM_SAMPLE_NO_FRAME);
    timing_tick(0);
    timing_sample(1, 2, 10, PAM_SAMPLE_LEAF_CUT);
    timing_tick(0);
    timing_sample(1, 0, 10, 0); /* the same stack, this time whole */
    timing_tick(0);
    timing_sample(1, 0, 10, 0);
    timing_finish();
    assert_int_equal(span_count, 3);
    timing_check_span(0, PAM_NO_STACK, 10, 20, 1, 10);
    timing_check_span(1, stacks[1], 20, 30, 1, 10);
    timing_check_span(2, stacks[1], 30, 40, 2, 20);
    assert_true(spans[1].leaf_cut && !spans[0].leaf_cut && !spans[2].leaf_cut);
}

static void between_two_functions(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_tick(0);
    timing_sample(1, 0, 10, PAM_SAMPLE_BETWEEN);
    timing_finish();
    assert_int_equal(span_count, 2);
    assert_true(!spans[0].between && spans[1].between);
    assert_int_equal(spans[0].stack, spans[1].stack);
}

static void a_reference_over_blocks_is_unknown(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_add(PLAIN_EVENT(now_ns, BLOCK));
    timing_tick(0);
    timing_sample(1, 0, 10,
                  0); /* a writer never does this: the sample before is in another block */
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_finish();
    timing_check_span(0, stacks[1], 10, 20, 1, 10);
    timing_check_span(1, PAM_UNKNOWN, 20, 30, 1, 10);
}

static void after_a_gap_all_is_unknown(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_sample(2, 3, 10, 0);
    timing_tick(0);
    timing_sample(1, 0, 10, 0);
    timing_sample(2, 0, 10, 0);
    now_ns += 100 * MS;
    timing_add(PLAIN_EVENT(now_ns, GAP));
    timing_add(PLAIN_EVENT(now_ns, GAP));
    timing_add(PLAIN_EVENT(now_ns, BLOCK));
    timing_tick(0);
    timing_sample(1, 2, 20, 0);
    timing_tick(0);
    timing_sample(1, 0, 20, 0);
    timing_finish();
    timing_check_seamless(0);
    timing_check_seamless(1);
    timing_check_span(0, stacks[1], 10, 20, 2, 20); /* what was known ends with what was read */
    for (size_t i = 0; i < span_count; i++)
        if (spans[i].end_ns > 1020 * (uint64_t)MS && spans[i].start_ns < 1130 * (uint64_t)MS)
            assert_int_equal(spans[i].stack, PAM_UNKNOWN);
    for (size_t i = 0; i < span_count; i++) /* thread 2 was not seen again */
        if (spans[i].thread == 1 && spans[i].start_ns >= 1020 * (uint64_t)MS)
            assert_true(spans[i].stack == PAM_UNKNOWN && !spans[i].idle);
}

static void a_new_epoch_alone_is_no_gap(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_state();
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_finish();
    assert_int_equal(span_count, 1);
    timing_check_span(0, stacks[1], 10, 20, 2, 20);
}

static void a_thread_that_ends(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_sample(2, 3, 10, 0);
    timing_tick(0);
    timing_sample(1, 0, 10, 0);
    timing_sample(2, 0, 10, 0);
    now_ns += 5 * MS;
    timing_add(RECORD_EVENT(now_ns, tick, .delta_us = 5000, .not_sampling = 1));
    timing_add(RECORD_EVENT(now_ns, thread_exit, .thread = 1));
    timing_add(RECORD_EVENT(now_ns, thread_exit, .thread = 1));
    timing_add(RECORD_EVENT(now_ns, thread_exit, .thread = 77));
    timing_tick(0);
    timing_sample(2, 0, 10, 0);
    timing_finish();
    timing_check_seamless(0);
    timing_check_seamless(1);
    assert_int_equal(timing_ns(0, false) + timing_ns(0, true), 15 * MS);
    assert_int_equal(timing_ns(1, false) + timing_ns(1, true), 25 * MS);
    assert_int_equal(timing_ticks(0), 2);
    assert_int_equal(timing_ticks(1), 3);
}

static void samples_of_threads_that_were_lost(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(3, 2, 10, 0);
    timing_sample(UINT64_MAX, 2, 10, 0);
    timing_sample(1, 100, 10, 0); /* a stack that was lost */
    timing_tick(0);
    timing_sample(1, UINT64_MAX, 10, 0);
    timing_finish();
    assert_int_equal(span_count, 1);
    timing_check_span(0, PAM_UNKNOWN, 10, 20, 2, 20);
}

static void a_clock_that_goes_back(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    now_ns -= 5 * MS;
    timing_add(PLAIN_EVENT(now_ns, BLOCK));
    timing_add(RECORD_EVENT(now_ns, tick, .delta_us = 0));
    timing_sample(1, 3, 10, 0);
    now_ns += 15 * MS;
    timing_tick(0);
    timing_sample(1, 3, 10, 0);
    timing_finish();
    timing_check_seamless(0);
    assert_int_equal(timing_ns(0, false) + timing_ns(0, true), 20 * MS);
}

/* Of the time since the code was last found to be itself, spans name it as reused: those that were held
 * back and the one that is open; what was before keeps its name. */
static void code_that_was_another(void **state)
{
    uint32_t marked[5];

    (void)state;
    timing_tick(0); /* 10 ms */
    timing_sample(1, 2, 10, 0);
    timing_sample(2, 1, 10, PAM_SAMPLE_NO_FRAME);
    for (int i = 0; i < 4; i++) { /* to 50 ms */
        timing_tick(0);
        timing_sample(1, 2, 10, 0);
    }
    timing_tick(0); /* 60 ms */
    timing_sample(1, 3, 10, 0);
    timing_tick(0); /* 70 ms */
    timing_sample(1, 4, 40, 0);
    for (int i = 0; i < 4; i++) { /* to 110 ms */
        timing_tick(0);
        timing_sample(1, 4, 10, 0);
    }
    timing_add(RECORD_EVENT(now_ns, code_reused, .code = 1, .since_us = 80000)); /* from 30 ms on */
    timing_add(RECORD_EVENT(now_ns, code_reused, .code = 7, .since_us = 80000)); /* not known */
    timing_add(RECORD_EVENT(now_ns, code_reused, .code = 1, .since_us = 100000, .pid = 999)); /* another's */
    timing_tick(0); /* 120 ms */
    timing_sample(1, 2, 10, 0);
    timing_tick(0); /* 130 ms */
    timing_sample(1, 2, 10, 0);
    timing_finish();
    for (uint64_t id = 1; id < 5; id++)
        marked[id] = timing_marked(stacks[id]);
    timing_check_span_of(1, 0, stacks[1], 10, 30, 2);
    timing_check_span_of(1, 1, marked[1], 30, 60, 3);
    timing_check_span_of(1, 2, marked[2], 60, 70, 1);
    timing_check_span_of(1, 3, marked[3], 70, 120, 5);
    timing_check_span_of(1, 4, stacks[1], 120, 130, 2);
    timing_check_seamless(0);
}

/* The same for a span that is still open. */
static void code_of_an_open_span(void **state)
{
    (void)state;
    timing_tick(0);
    for (int i = 0; i < 10; i++) { /* to 110 ms */
        timing_sample(1, 2, 10, 0);
        timing_tick(0);
    }
    timing_sample(1, 2, 10, 0);
    timing_add(RECORD_EVENT(now_ns, code_reused, .code = 1, .since_us = 90000, .pid = 999)); /* another's */
    timing_add(RECORD_EVENT(now_ns, code_reused, .code = 1, .since_us = 50000)); /* from 60 ms on */
    timing_tick(0);
    timing_sample(1, 1, 10, PAM_SAMPLE_NO_FRAME);
    timing_finish();
    timing_check_span_of(1, 0, stacks[1], 10, 60, 6);
    timing_check_span_of(1, 1, timing_marked(stacks[1]), 60, 120, 5);
    timing_check_seamless(0);
}

static void a_taker_that_fails_stops_everything(void **state)
{
    struct pam_error error;

    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 10, 0);
    timing_tick(0);
    timing_sample(1, 4, 10, 0);
    timing_tick(399); /* spans are held back for a second */
    refuse_spans = true;
    assert_int_equal(pam_timeline_add(timeline,
                                      RECORD_EVENT(now_ns, sample, .thread = 1, .stack_plus1 = 3),
                                      &error),
                     PAM_MEMORY);
    assert_int_equal(pam_timeline_finish(timeline, &error), PAM_MEMORY);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, timing_start, timing_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_busy_thread),
        TEST(a_thread_that_sleeps),
        TEST(empty_ticks_count),
        TEST(an_interval_is_no_sampling_tick),
        TEST(a_sample_that_failed_is_unknown),
        TEST(no_frame_and_a_cut_leaf),
        TEST(between_two_functions),
        TEST(a_reference_over_blocks_is_unknown),
        TEST(after_a_gap_all_is_unknown),
        TEST(a_new_epoch_alone_is_no_gap),
        TEST(a_thread_that_ends),
        TEST(samples_of_threads_that_were_lost),
        TEST(a_clock_that_goes_back),
        TEST(code_that_was_another),
        TEST(code_of_an_open_span),
        TEST(a_taker_that_fails_stops_everything),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
