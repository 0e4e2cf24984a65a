/* test_sample_counts.c - events counted at samples into the spans of the stacks that made them happen. */
#include "timing.h"

#include "unit.h"

static int start(void **state)
{
    const int r = timing_start(state);

    pam_timeline_weigh(timeline, "page-faults");
    timing_add(RECORD_EVENT(now_ns, counter, .id = 1, .name = pam_text("cs"), .per_sample = 1));
    timing_add(RECORD_EVENT(now_ns, counter, .id = 2, .name = pam_text("page-faults"), .per_sample = 1));
    return r;
}

static void count(uint64_t counter, uint64_t value)
{
    timing_add(RECORD_EVENT(now_ns, count, .counter = counter, .value = value, .of_sample = 1));
}

static uint64_t events_of(size_t thread, uint32_t stack)
{
    uint64_t sum = 0;

    for (size_t i = 0; i < span_count; i++)
        if (spans[i].thread == thread && spans[i].stack == stack)
            sum += spans[i].events;
    return sum;
}

static void they_belong_to_the_sample_before_them(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    count(1, 1000); /* another event */
    count(2, 10);
    timing_sample(2, 3, 100, 0);
    count(2, 7);
    timing_tick(0);
    timing_sample(1, 3, 100, 0);
    count(2, 20);
    timing_finish();
    assert_true(pam_timeline_weighs(timeline));
    assert_int_equal(events_of(0, stacks[1]), 10);
    assert_int_equal(events_of(0, stacks[2]), 20);
    assert_int_equal(events_of(1, stacks[2]), 7);
}

/* Unlike CPU time, which is kept until the thread is caught on a CPU. */
static void they_stay_where_the_thread_waits(void **state)
{
    (void)state;
    timing_tick(0);
    timing_add(RECORD_EVENT(now_ns, sample, .thread = 1, .stack_plus1 = 2, .cpu_steps = 100,
                            .flags = PAM_SAMPLE_EXACT, .last_off_steps_plus1 = 1));
    count(2, 30);
    timing_tick(0);
    timing_sample(1, 3, 100, 0);
    count(2, 5);
    timing_finish();
    assert_int_equal(events_of(0, stacks[1]), 30);
    assert_int_equal(events_of(0, stacks[2]), 5);
    assert_int_equal(timing_cpu_us(0), 200);
}

static void they_are_scaled(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    timing_add(RECORD_EVENT(now_ns, count, .counter = 2, .value = 10, .of_sample = 1, .enabled_ns = 1000,
                            .waited_ns = 750));
    timing_finish();
    assert_int_equal(events_of(0, stacks[1]), 40);
}

static void what_is_not_of_a_sample_is_not_theirs(void **state)
{
    (void)state;
    count(2, 1); /* of no thread */
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    timing_add(RECORD_EVENT(now_ns, count, .counter = 2, .value = 99, .thread = 1)); /* a total */
    timing_add(PLAIN_EVENT(now_ns, BLOCK));
    count(2, 1); /* its sample was in the block before */
    timing_add(RECORD_EVENT(now_ns, count, .counter = 3, .value = 1, .of_sample = 1));
    timing_sample(9, 2, 100, 0);
    count(2, 1); /* a thread that is not known */
    timing_finish();
    assert_int_equal(events_of(0, stacks[1]), 0);
}

static void nonsense_stays_a_number(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    for (int i = 0; i < 100; i++) {
        count(2, UINT64_MAX);
        timing_add(RECORD_EVENT(now_ns, count, .counter = 2, .value = UINT64_MAX / 3, .of_sample = 1,
                                .enabled_ns = UINT64_MAX, .waited_ns = UINT64_MAX - 1));
    }
    timing_finish();
    assert_true(events_of(0, stacks[1]) < UINT64_C(1) << 61);
}

static void an_event_that_is_not_there(void **state)
{
    (void)state;
    timing_add(PLAIN_EVENT(now_ns, CAPTURE));
    assert_true(pam_timeline_weighs(timeline));
    pam_timeline_weigh(timeline, "page");
    timing_add(RECORD_EVENT(now_ns, counter, .id = 4, .name = pam_text("page-faults"), .per_sample = 1));
    timing_add(RECORD_EVENT(now_ns, counter, .id = 5, .name = pam_text("page")));
    timing_tick(0);
    timing_sample(1, 2, 100, 0);
    count(4, 1);
    count(5, 1);
    timing_finish();
    assert_int_equal(events_of(0, stacks[1]), 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, timing_stop)
    const struct CMUnitTest tests[] = {
        TEST(they_belong_to_the_sample_before_them), TEST(they_stay_where_the_thread_waits),
        TEST(they_are_scaled),                       TEST(what_is_not_of_a_sample_is_not_theirs),
        TEST(nonsense_stays_a_number),               TEST(an_event_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
