/* test_counter_use.c - totals of counted events into numbers of intervals: sums, scaling, IPC and misses. */
#include <math.h>

#include "counter_use.h"
#include "feed.h"

#include "unit.h"

enum { PID = 100, SECOND = 1000000000 };

static struct pam_counter_uses *uses;
static struct pam_error error;
static uint64_t now_ns;

static int add(const struct pam_event *event)
{
    return pam_counter_uses_add(uses, event, &error);
}

static int start(void **state)
{
    (void)state;
    now_ns = SECOND;
    assert_int_equal(pam_counter_uses_new(&uses, &error), 0);
    add(RECORD_EVENT(now_ns, session, .start_monotonic_ns = now_ns));
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pam_counter_uses_free(uses);
    return 0;
}

/* A hardware event, by perf_event_open(2). */
static void counter(uint64_t id, const char *name, uint64_t config, uint64_t group, bool whole_process)
{
    add(RECORD_EVENT(now_ns, counter, .id = id, .name = pam_text(name), .type_plus1 = 1, .config = config,
                     .group = group, .whole_process = whole_process));
}

static void thread(uint64_t id)
{
    add(RECORD_EVENT(now_ns, thread, .id = id, .pid = PID, .tid = PID + id));
}

static void count(uint64_t thread_id, uint64_t counter_id, uint64_t value)
{
    add(RECORD_EVENT(now_ns, count, .counter = counter_id, .value = value, .enabled_ns = now_ns,
                     .thread = thread_id, .pid = thread_id ? 0 : PID));
}

static int end_interval(void)
{
    int r;

    now_ns += SECOND;
    add(RECORD_EVENT(now_ns, resource, .pid = PID));
    r = add(RECORD_EVENT(now_ns, health, .ticks = 1));
    return r;
}

/* The number of an event in the last interval; NULL: there is none. */
static const struct pam_counter_use *find(uint64_t thread_id, const char *event)
{
    size_t number;
    const struct pam_counter_use *all = pam_counter_uses_get(uses, &number);
    const struct pam_counter_use *found = NULL;

    for (size_t i = 0; i < number; i++)
        if (all[i].thread == thread_id && !strcmp(all[i].event, event)) {
            assert_null(found); /* once */
            found = &all[i];
        }
    return found;
}

static double value(uint64_t thread_id, const char *event)
{
    const struct pam_counter_use *use = find(thread_id, event);

    return use ? use->value : -1;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

/* What was counted before the first interval was over belongs to the second. */
static void totals_become_differences(void **state)
{
    (void)state;
    counter(1, "page-faults", 99, 1, true);
    thread(1);
    count(1, 1, 10);
    add(RECORD_EVENT(now_ns, health, .ticks = 1));
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "page-faults"), 10) && near(find(1, "page-faults")->per_second, 10));
    count(1, 1, 25);
    count(0, 1, 40);
    now_ns += SECOND; /* two seconds */
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "page-faults"), 15) && near(find(1, "page-faults")->per_second, 7.5));
    assert_true(near(value(0, "page-faults"), 40) && near(find(1, "page-faults")->counted_percent, 100));
    assert_int_equal(end_interval(), 1);
    assert_null(find(1, "page-faults"));            /* a thread that did nothing has no number */
    assert_true(near(value(0, "page-faults"), 0)); /* a process has */
}

static void what_was_not_counted_is_scaled_and_marked(void **state)
{
    (void)state;
    counter(1, "x", 99, 1, true);
    thread(1);
    (void)end_interval();
    add(RECORD_EVENT(now_ns, count, .counter = 1, .value = 100, .enabled_ns = 1000, .waited_ns = 750,
                     .thread = 1));
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "x"), 400) && near(find(1, "x")->counted_percent, 25));
    add(RECORD_EVENT(now_ns, count, .counter = 1, .value = 150, .enabled_ns = 1100, .waited_ns = 750,
                     .thread = 1));
    assert_int_equal(end_interval(), 1); /* now it had its place all the time */
    assert_true(near(value(1, "x"), 50) && near(find(1, "x")->counted_percent, 100));
    add(RECORD_EVENT(now_ns, count, .counter = 1, .value = 150, .enabled_ns = 1200, .waited_ns = 850,
                     .thread = 1));
    assert_int_equal(end_interval(), 1); /* and now never: nobody knows */
    assert_true(isnan(value(1, "x")) && near(find(1, "x")->counted_percent, 0));
}

/* Threads that came and went between two intervals included. */
static void a_process_without_a_count_is_the_sum_of_its_threads(void **state)
{
    (void)state;
    counter(1, "x", 99, 1, false);
    (void)end_interval();
    for (uint64_t id = 1; id <= 50; id++) {
        thread(id);
        count(id, 1, id);
        if (id % 2)
            add(RECORD_EVENT(now_ns, thread_exit, .thread = id));
    }
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(0, "x"), 50 * 51 / 2) && near(value(49, "x"), 49));
    count(2, 1, 7);
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(0, "x"), 5) && near(value(2, "x"), 5));
    assert_null(find(49, "x"));
}

static void ipc_and_misses(void **state)
{
    (void)state;
    counter(1, "cycles", 0, 1, true);
    counter(2, "instructions", 1, 1, true);
    counter(3, "cache-misses", 3, 2, true);
    add(RECORD_EVENT(now_ns, counter, .id = 4, .name = pam_text("arm_ac53::L1D_CACHE_REFILL"),
                     .type_plus1 = 5, .config = 3, .group = 3, .whole_process = 1));
    thread(1);
    (void)end_interval();
    count(1, 1, 1000);
    count(1, 2, 2500);
    count(1, 3, 5);
    count(1, 4, 10);
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "IPC"), 2.5) && find(1, "IPC")->is_ratio && isnan(find(1, "IPC")->per_second));
    assert_true(near(value(1, "cache-misses MPKI"), 2));
    assert_true(near(value(1, "arm_ac53::L1D_CACHE_REFILL MPKI"), 4));
    assert_string_equal(find(1, "IPC")->unit, "instructions per cycle");
    assert_null(find(0, "IPC")); /* the process counted no cycles */
}

/* Instructions of user mode by all cycles would be no IPC. */
static void ratios_need_the_same_modes(void **state)
{
    (void)state;
    add(RECORD_EVENT(now_ns, counter, .id = 1, .name = pam_text("cycles"), .type_plus1 = 1, .group = 1));
    add(RECORD_EVENT(now_ns, counter, .id = 2, .name = pam_text("instructions:u"), .type_plus1 = 1,
                     .config = 1, .group = 1, .excludes = PAM_EXCLUDE_KERNEL));
    thread(1);
    (void)end_interval();
    count(1, 1, 1000);
    count(1, 2, 500);
    assert_int_equal(end_interval(), 1);
    assert_null(find(1, "IPC"));
    assert_null(find(1, "IPC:u"));
    add(RECORD_EVENT(now_ns, counter, .id = 3, .name = pam_text("cycles:u"), .type_plus1 = 1, .group = 2,
                     .excludes = PAM_EXCLUDE_KERNEL));
    count(1, 2, 600);
    count(1, 3, 400);
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "IPC:u"), 0.25));
}

static void a_ratio_of_scaled_numbers_is_marked(void **state)
{
    (void)state;
    counter(1, "cycles", 0, 1, true);
    counter(2, "instructions", 1, 2, true);
    thread(1);
    (void)end_interval();
    add(RECORD_EVENT(now_ns, count, .counter = 1, .value = 100, .enabled_ns = 1000, .waited_ns = 500, .thread = 1));
    add(RECORD_EVENT(now_ns, count, .counter = 2, .value = 100, .enabled_ns = 1000, .waited_ns = 100, .thread = 1));
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "IPC"), 100 / 0.9 / 200) && near(find(1, "IPC")->counted_percent, 50));
}

static void what_comes_at_the_very_end(void **state)
{
    (void)state;
    counter(1, "x", 99, 1, true);
    thread(1);
    (void)end_interval();
    (void)end_interval();
    assert_int_equal(add(RECORD_EVENT(now_ns + 5, health, .ticks = 1)), 0); /* nothing happened since */
    count(0, 1, 8);
    assert_int_equal(pam_counter_uses_finish(uses, &error), 1);
    assert_true(near(value(0, "x"), 8));
    assert_int_equal(pam_counter_uses_finish(uses, &error), 0);
}

static void another_capture_counts_anew(void **state)
{
    (void)state;
    counter(1, "x", 99, 1, true);
    thread(1);
    (void)end_interval();
    count(1, 1, 100);
    (void)end_interval();
    add(PLAIN_EVENT(0, CAPTURE));
    now_ns = SECOND / 2; /* it started earlier */
    add(RECORD_EVENT(now_ns, session, .start_monotonic_ns = now_ns));
    counter(1, "y", 99, 1, true);
    thread(1);
    count(1, 1, 3);
    (void)end_interval();
    assert_int_equal(end_interval(), 1);
    assert_true(near(value(1, "y"), 3));
}

static void hostile_records(void **state)
{
    (void)state;
    for (uint64_t id = 0; id < 3000; id++)
        counter(id * 7919, "cycles", id % 4, id, id % 2);
    counter(UINT64_MAX, "z", 0, 0, true);
    count(1, 12345, 1);                 /* a counter that is not known */
    count(UINT64_MAX, 7919, UINT64_MAX); /* a thread that is not known */
    count(UINT64_MAX, 0, UINT64_MAX);
    (void)end_interval();
    count(UINT64_MAX, 7919, 1); /* back */
    add(RECORD_EVENT(now_ns, count, .counter = 7919, .value = UINT64_MAX, .enabled_ns = 1,
                     .waited_ns = UINT64_MAX, .thread = 3));
    add(RECORD_EVENT(now_ns, thread_exit, .thread = 77));
    add(RECORD_EVENT(now_ns, process_exit, .pid = UINT64_MAX));
    (void)end_interval();
    for (uint64_t id = 1; id < 2000; id++)
        thread(id << 40);
    (void)end_interval();
    add(RECORD_EVENT(0, health, .ticks = 1)); /* time goes back */
    assert_true(pam_counter_uses_finish(uses, &error) >= 0);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)
    const struct CMUnitTest tests[] = {
        TEST(totals_become_differences),
        TEST(what_was_not_counted_is_scaled_and_marked),
        TEST(a_process_without_a_count_is_the_sum_of_its_threads),
        TEST(ipc_and_misses),
        TEST(ratios_need_the_same_modes),
        TEST(a_ratio_of_scaled_numbers_is_marked),
        TEST(what_comes_at_the_very_end),
        TEST(another_capture_counts_anew),
        TEST(hostile_records),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
