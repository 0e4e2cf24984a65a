/* test_timeline_exact.c - samples with the times of switch records, and what no sample may change.
 */
#include "timing.h"

#include "unit.h"

/* How long before the tick, in milliseconds, the thread first came on and last went off; negative:
 * it had stayed on, or is on. */
static void exact(uint64_t thread, uint64_t stack_plus1, uint64_t cpu_us, int on_ms, int off_ms)
{
    timing_add(RECORD_EVENT(now_ns, sample, .thread = thread, .stack_plus1 = stack_plus1,
                            .cpu_steps = cpu_us, .flags = PAM_SAMPLE_EXACT,
                            .first_on_steps_plus1 = on_ms < 0 ? 0 : 1 + 1000 * (uint64_t)on_ms,
                            .last_off_steps_plus1 = off_ms < 0 ? 0 : 1 + 1000 * (uint64_t)off_ms));
}

static void idle_time_ends_when_the_thread_came_on(void **state)
{
    (void)state;
    timing_tick(0);
    exact(1, 2, 100, 5, 0);
    timing_tick(0);
    timing_tick(0);
    exact(1, 0, 4000, 4, -1); /* off until 4 ms ago, on since */
    timing_tick(0);
    exact(1, 0, 10000, -1, -1);
    timing_finish();
    timing_check_seamless(0);
    assert_int_equal(timing_ns(0, true), 16 * MS);
    assert_int_equal(timing_ns(0, false), 14 * MS);
    assert_int_equal(timing_ticks(0), 4);
    assert_int_equal(timing_cpu_us(0), 14100);
}

static void idle_time_starts_when_the_thread_went_off(void **state)
{
    (void)state;
    timing_tick(0);
    exact(1, 2, 100, -1, -1);
    timing_tick(0);
    exact(1, 0, 7000, -1, 3);
    timing_tick(0);
    timing_finish();
    timing_check_seamless(0);
    assert_int_equal(timing_ns(0, true), 13 * MS);
    assert_int_equal(timing_ns(0, false), 7 * MS);
}

/* CPU time of a thread in a stack. */
static uint64_t cpu_of(size_t stack)
{
    uint64_t cpu_us = 0;

    for (size_t i = 0; i < span_count; i++)
        cpu_us += spans[i].stack == stacks[stack] ? spans[i].cpu_us : 0;
    return cpu_us;
}

/* However long ago the look before was, a look stands for as much as any other. */
static void looks_get_equal_parts_of_the_cpu_time(void **state)
{
    (void)state;
    timing_tick(0);
    exact(1, 2, 500, 2, -1); /* stack 1 */
    timing_tick(0);
    exact(1, 3, 15000, -1, -1); /* stack 2 */
    timing_tick(0);
    exact(1, 2, 100, -1, -1);
    timing_tick(0);
    exact(1, 4, 3000, -1, 7); /* stack 3: it is off its CPU */
    timing_finish();
    assert_int_equal(cpu_of(1), 12400);
    assert_int_equal(cpu_of(2), 6200);
    assert_int_equal(cpu_of(3), 0);
}

/* So that where a thread computes for seconds nothing of that goes to what it does later. */
static void looks_share_what_was_used_about_then(void **state)
{
    (void)state;
    for (unsigned i = 0; i < 99; i++) {
        timing_tick(0);
        exact(1, 2, 9000, -1, -1);
    }
    for (unsigned i = 0; i < 4; i++) {
        timing_tick(49);
        exact(1, 3, 400, 2, i % 2 ? -1 : 1);
    }
    timing_finish();
    assert_int_equal(cpu_of(1), 99 * 9000);
    assert_int_equal(cpu_of(2), 4 * 400);
}

/* It does not wait, but what it used it had used before. */
static void a_look_at_a_run_queue_gets_none(void **state)
{
    (void)state;
    timing_tick(0);
    exact(1, 2, 8000, -1, -1);
    timing_tick(0);
    timing_sample(1, 3, 6000, PAM_SAMPLE_EXACT | PAM_SAMPLE_QUEUED);
    timing_tick(0);
    exact(1, 2, 0, -1, -1);
    timing_finish();
    assert_int_equal(cpu_of(1), 14000);
    assert_int_equal(cpu_of(2), 0);
    assert_int_equal(timing_ns(0, true), 0);
}

/* Nobody knows whether they were on a CPU: each has what was used since the one before. */
static void looks_without_switch_records_get_what_was_used(void **state)
{
    (void)state;
    timing_tick(0);
    timing_sample(1, 2, 500, 0);
    timing_tick(0);
    timing_sample(1, 3, 15000, 0);
    timing_finish();
    assert_int_equal(cpu_of(1), 500);
    assert_int_equal(cpu_of(2), 15000);
}

/* Times that lie before the start of the clock are none. */
static void times_that_cannot_be(void **state)
{
    (void)state;
    timing_tick(0);
    exact(1, 2, 100, 5, 0);
    timing_tick(0);
    timing_add(RECORD_EVENT(now_ns, sample, .thread = 1, .flags = PAM_SAMPLE_EXACT,
                            .first_on_steps_plus1 = UINT64_MAX, .last_off_steps_plus1 = UINT64_MAX / 2));
    timing_tick(0);
    exact(1, 3, 0, 600000, 500000); /* longer ago than the capture is old, but not than the board */
    timing_finish();
    timing_check_seamless(0);
    assert_int_equal(timing_ns(0, true) + timing_ns(0, false), 20 * MS);
}

/* --- whatever comes: no time, tick or CPU time is lost or told twice -----------------------------
 */

static uint64_t random_state;

static uint64_t next_random(uint64_t below)
{
    random_state = random_state * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    return (random_state >> 33) % below;
}

/* Returns its CPU time. */
static uint64_t random_sample(uint64_t thread)
{
    static const uint64_t flags[] = {
        0, 0, 0, PAM_SAMPLE_LEAF_CUT, PAM_SAMPLE_FAILED, PAM_SAMPLE_NO_FRAME};
    const uint64_t stack_plus1 = next_random(6), cpu_us = next_random(9000);

    if (next_random(2))
        exact(thread, stack_plus1, cpu_us, (int)next_random(12) - 1, (int)next_random(12) - 1);
    else
        timing_sample(thread, stack_plus1, cpu_us, flags[next_random(COUNT(flags))]);
    return cpu_us;
}

static void check_sums(uint64_t first_ns, uint64_t ticks, uint64_t cpu_us)
{
    timing_check_seamless(0);
    assert_true(timing_ns(0, true) + timing_ns(0, false) == now_ns - first_ns);
    assert_int_equal(timing_ticks(0), ticks);
    assert_int_equal(timing_cpu_us(0), cpu_us);
    for (size_t i = 0; i < span_count; i++)
        assert_true(spans[i].end_ns >= spans[i].start_ns && spans[i].end_ns <= now_ns);
}

static void nothing_is_lost_or_told_twice(void **state)
{
    for (uint64_t seed = 1; seed <= 500; seed++) {
        uint64_t first_ns, ticks = 1, cpu_us = 7;

        random_state = seed;
        timing_tick(0);
        timing_sample(1, 2, 7, 0);
        first_ns = now_ns;
        for (unsigned i = 0; i < 150; i++) {
            const uint64_t empty = next_random(3) ? 0 : next_random(4);

            timing_tick(empty);
            ticks += 1 + empty;
            if (next_random(8) == 0)
                timing_add(PLAIN_EVENT(now_ns, BLOCK));
            if (next_random(3))
                cpu_us += random_sample(1);
        }
        timing_finish();
        check_sums(first_ns, ticks, cpu_us);
        (void)timing_stop(state);
        (void)timing_start(state);
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, timing_start, timing_stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(idle_time_ends_when_the_thread_came_on),
        TEST(idle_time_starts_when_the_thread_went_off),
        TEST(looks_get_equal_parts_of_the_cpu_time),
        TEST(looks_share_what_was_used_about_then),
        TEST(a_look_at_a_run_queue_gets_none),
        TEST(looks_without_switch_records_get_what_was_used),
        TEST(times_that_cannot_be),
        TEST(nothing_is_lost_or_told_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
