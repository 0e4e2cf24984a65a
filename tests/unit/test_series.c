/* test_series.c - intervals of resource records into points. */
#include <math.h>

#include "feed.h"
#include "series.h"

#include "unit.h"

#define SECOND_NS UINT64_C(1000000000)

enum { TARGET = 100, CHILD = 200, MIB = 1 << 20 };

static const uint64_t START_NS = 5000 * SECOND_NS;
static const uint64_t REAL_NS = 1770820222 * SECOND_NS;

static struct pam_series *series;
static uint64_t now_ns;

static int add(const struct pam_event *event, struct pam_point *point)
{
    struct pam_point ignored;
    struct pam_error error;

    return pam_series_add(series, event, point ? point : &ignored, &error);
}

static int start(void **state)
{
    struct pam_error error;

    (void)state;
    now_ns = START_NS;
    assert_int_equal(pam_series_new(&series, 0, &error), 0);
    add(RECORD_EVENT(now_ns, session, .scenario = pam_text("idle"), .start_monotonic_ns = START_NS,
                     .start_realtime_ns = REAL_NS, .utc_offset_s = 3600),
        NULL);
    add(RECORD_EVENT(now_ns, host, .hostname = pam_text("petal"), .clock_ticks_hz = 100,
                     .memory_bytes = UINT64_C(1000) * MIB),
        NULL);
    add(RECORD_EVENT(now_ns, process, .pid = TARGET, .is_target = 1, .command_line = pam_text("x")),
        NULL);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pam_series_free(series);
    return 0;
}

/* CPU in milliseconds, all in all. */
static void resource(uint64_t pid, uint64_t cpu_ms, uint64_t mib)
{
    assert_int_equal(
        add(RECORD_EVENT(now_ns, resource, .pid = pid, .cpu_ns_plus1 = 1 + cpu_ms * 1000000,
                         .user_ticks_plus1 = 1 + cpu_ms / 20, .system_ticks_plus1 = 1 + cpu_ms / 40,
                         .rss_bytes_plus1 = 1 + mib * MIB, .threads = 7),
            NULL),
        0);
}

static int close_interval(struct pam_point *point)
{
    return add(RECORD_EVENT(now_ns, health, .ticks = 1), point);
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

static void two_readings_make_a_point(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 1000, 100);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    resource(TARGET, 1400, 250);
    assert_int_equal(close_interval(&point), 1);
    assert_true(near(point.elapsed_s, 1) && point.realtime_ns == REAL_NS + SECOND_NS);
    assert_true(near(point.target.cpu_percent, 40));
    assert_true(near(point.target.user_percent, 20) && near(point.target.system_percent, 10));
    assert_true(near(point.target.memory_bytes, 250.0 * MIB) && near(point.memory_percent, 25));
    assert_true(near(point.target.threads, 7) && near(point.children, 0));
    assert_true(near(point.children_cpu_percent, 0) && near(point.children_memory_bytes, 0));
}

static void percent_is_of_the_time_that_passed(void **state)
{
    static const struct {
        uint64_t interval_ns;
        uint64_t cpu_ms;
        double percent;
    } rows[] = {
        {SECOND_NS, 0, 0},          {SECOND_NS, 1000, 100},    {SECOND_NS, 4000, 400},
        {SECOND_NS / 100, 10, 100}, {SECOND_NS * 10, 10, 0.1}, {SECOND_NS / 4, 125, 50},
    };
    uint64_t cpu_ms = 0;
    struct pam_point point;

    (void)state;
    resource(TARGET, cpu_ms, 1);
    assert_int_equal(close_interval(&point), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        now_ns += rows[i].interval_ns;
        cpu_ms += rows[i].cpu_ms;
        resource(TARGET, cpu_ms, 1);
        assert_int_equal(close_interval(&point), 1);
        assert_true(near(point.target.cpu_percent, rows[i].percent));
    }
}

static void children_come_run_and_go(void **state)
{
    static const struct {
        uint64_t cpu_ms[3]; /* of up to three children, UINT64_MAX: not there */
        double children, percent, mib;
    } rows[] = {
        {{UINT64_MAX, UINT64_MAX, UINT64_MAX}, 0, 0, 0},
        {{300, UINT64_MAX, UINT64_MAX}, 1, 30, 10}, /* new: all it has is since the last */
        {{500, 100, 0}, 3, 30, 60},                 /* 20 + 10 + 0 */
        {{UINT64_MAX, 150, 2000}, 2, 205, 50},      /* one has gone */
        {{UINT64_MAX, 150, 2000}, 2, 0, 50},
        {{UINT64_MAX, UINT64_MAX, 100}, 1, 10, 30}, /* another process of that id */
    };
    struct pam_point point;

    (void)state;
    resource(TARGET, 0, 1);
    assert_int_equal(close_interval(&point), 0);
    for (size_t i = 0; i < COUNT(rows); i++) {
        now_ns += SECOND_NS;
        for (uint64_t child = 0; child < 3; child++)
            if (rows[i].cpu_ms[child] != UINT64_MAX)
                resource(CHILD + child, rows[i].cpu_ms[child], 10 * (child + 1));
        resource(TARGET, 10 * (i + 1), 1);
        assert_int_equal(close_interval(&point), 1);
        assert_true(near(point.target.cpu_percent, 1));
        assert_true(near(point.children, rows[i].children));
        assert_true(near(point.children_cpu_percent, rows[i].percent));
        assert_true(near(point.children_memory_bytes, rows[i].mib * MIB));
    }
}

static void unknown_values_are_nan(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 100, 1);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    add(RECORD_EVENT(now_ns, resource, .pid = TARGET), NULL);
    assert_int_equal(close_interval(&point), 1);
    assert_true(isnan(point.target.cpu_percent) && isnan(point.target.user_percent) &&
                isnan(point.target.memory_bytes));
    assert_true(isnan(point.memory_percent) && isnan(point.target.threads));
    now_ns += SECOND_NS;
    resource(TARGET, 200, 1);
    assert_int_equal(close_interval(&point), 1);
    assert_true(isnan(point.target.cpu_percent) && near(point.target.memory_bytes, MIB));
}

/* Without a CPU clock the ticks of user and system time stand in. */
static void ticks_stand_in_for_the_clock(void **state)
{
    struct pam_point point;

    (void)state;
    add(RECORD_EVENT(now_ns, resource, .pid = TARGET, .user_ticks_plus1 = 1,
                     .system_ticks_plus1 = 1),
        NULL);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    add(RECORD_EVENT(now_ns, resource, .pid = TARGET, .user_ticks_plus1 = 31,
                     .system_ticks_plus1 = 21),
        NULL);
    assert_int_equal(close_interval(&point), 1);
    assert_true(near(point.target.cpu_percent, 50) && near(point.target.user_percent, 30));
}

/* A child whose CPU time was not known before did not use all of it in this interval. */
static void a_child_that_was_unknown_before(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 0, 1);
    add(RECORD_EVENT(now_ns, resource, .pid = CHILD), NULL);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    resource(TARGET, 0, 1);
    resource(CHILD, 3600000, 1); /* an hour, in all its life */
    assert_int_equal(close_interval(&point), 1);
    assert_true(!(point.children_cpu_percent > 100));
}

static void a_counter_that_goes_back_is_unknown(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 1000, 1);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    resource(TARGET, 500, 1);
    assert_int_equal(close_interval(&point), 1);
    assert_true(isnan(point.target.cpu_percent) && !isnan(point.target.memory_bytes));
}

static void an_interval_without_the_target(void **state)
{
    struct pam_point point;

    (void)state;
    assert_int_equal(close_interval(&point), 0); /* nothing was read */
    resource(TARGET, 0, 1);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    assert_int_equal(close_interval(&point), 0); /* nor now */
    now_ns += SECOND_NS;
    resource(TARGET, 1000, 1);
    assert_int_equal(close_interval(&point), 1); /* both seconds */
    assert_true(near(point.target.cpu_percent, 50));
    resource(TARGET, 1000, 1);
    assert_int_equal(close_interval(&point), 0); /* no time passed */
    now_ns -= SECOND_NS;
    resource(TARGET, 1000, 1);
    assert_int_equal(close_interval(&point), 0); /* or it went back */
}

/* A board that learns the time in mid-capture: the newest pair of clocks counts. */
static void the_wall_clock_jumps(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 0, 1);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    add(RECORD_EVENT(now_ns, clock, .monotonic_ns = now_ns, .realtime_ns = REAL_NS + 7 * SECOND_NS),
        NULL);
    resource(TARGET, 0, 1);
    assert_int_equal(close_interval(&point), 1);
    assert_true(point.realtime_ns == REAL_NS + 7 * SECOND_NS);
    now_ns += SECOND_NS;
    resource(TARGET, 0, 1);
    assert_int_equal(close_interval(&point), 1);
    assert_true(point.realtime_ns == REAL_NS + 8 * SECOND_NS);
}

/* Every epoch repeats the session as it was at the start, so its clocks are the older pair. */
static void a_repeated_session_does_not_set_the_clock_back(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 0, 1);
    add(RECORD_EVENT(now_ns, clock, .monotonic_ns = now_ns,
                     .realtime_ns = REAL_NS + 900 * SECOND_NS),
        NULL);
    assert_int_equal(close_interval(&point), 0);
    add(PLAIN_EVENT(now_ns, EPOCH), NULL);
    add(RECORD_EVENT(now_ns, session, .scenario = pam_text("idle"), .start_monotonic_ns = START_NS,
                     .start_realtime_ns = REAL_NS, .utc_offset_s = 3600),
        NULL);
    now_ns += SECOND_NS;
    resource(TARGET, 0, 1);
    assert_int_equal(close_interval(&point), 1);
    assert_true(point.realtime_ns == REAL_NS + 901 * SECOND_NS);
}

static void the_collectors_own_use(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 0, 1);
    assert_int_equal(
        add(RECORD_EVENT(now_ns, health, .own_user_us = 1000, .own_system_us = 500), &point), 0);
    now_ns += 2 * SECOND_NS;
    resource(TARGET, 0, 1);
    assert_int_equal(
        add(RECORD_EVENT(now_ns, health, .own_user_us = 11000, .own_system_us = 10500), &point), 1);
    assert_true(near(point.own_cpu_percent, 1));
}

static void what_a_title_needs(void **state)
{
    const struct pam_about *about = pam_series_about(series);

    (void)state;
    assert_string_equal(about->scenario, "idle");
    assert_string_equal(about->command_line, "x");
    assert_string_equal(about->host, "petal");
    assert_int_equal(about->pid, TARGET);
    assert_int_equal(about->utc_offset_s, 3600);
    add(RECORD_EVENT(now_ns, process, .pid = CHILD, .command_line = pam_text("child")), NULL);
    assert_int_equal(about->pid, TARGET);
    assert_string_equal(about->command_line, "x");
}

static void more_processes_than_can_be(void **state)
{
    struct pam_point point;

    (void)state;
    resource(TARGET, 0, 1);
    for (uint64_t pid = 1000; pid < 7000; pid++)
        resource(pid, 0, 1);
    assert_int_equal(close_interval(&point), 0);
    now_ns += SECOND_NS;
    resource(TARGET, 10, 1);
    assert_int_equal(close_interval(&point), 1);
    assert_true(near(point.target.cpu_percent, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(two_readings_make_a_point),
        TEST(percent_is_of_the_time_that_passed),
        TEST(children_come_run_and_go),
        TEST(unknown_values_are_nan),
        TEST(ticks_stand_in_for_the_clock),
        TEST(a_child_that_was_unknown_before),
        TEST(a_counter_that_goes_back_is_unknown),
        TEST(an_interval_without_the_target),
        TEST(the_wall_clock_jumps),
        TEST(a_repeated_session_does_not_set_the_clock_back),
        TEST(the_collectors_own_use),
        TEST(what_a_title_needs),
        TEST(more_processes_than_can_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
