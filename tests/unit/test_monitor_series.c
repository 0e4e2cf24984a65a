/* test_monitor_series.c - rates and states that are computed from the records of the monitor. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "series.h"

enum { PID = 4711, CHILD = 4712 };

static const uint64_t START_NS = UINT64_C(5000000000000);
static const uint64_t SECOND_NS = 1000000000;

static struct pam_series *series;
static struct pam_point point;
static unsigned now_s;

static int give(const struct pam_event *event)
{
    struct pam_error error;
    const int r = pam_series_add(series, event, &point, &error);

    assert_true(r >= 0);
    return r;
}

#define PUT(type_name, ...)                                                                        \
    give(&(struct pam_event){.kind = PAM_EVENT_RECORD,                                             \
                             .time_ns = START_NS + now_s * SECOND_NS,                              \
                             .record = {.type = PAM_##type_name,                                   \
                                        .type_name = (struct pam_##type_name){__VA_ARGS__}}})

static int set_up(void **state)
{
    struct pam_error error;

    (void)state;
    assert_int_equal(pam_series_new(&series, 0, &error), 0);
    now_s = 0;
    PUT(session, .start_monotonic_ns = START_NS, .start_realtime_ns = 1);
    PUT(host, .clock_ticks_hz = 100, .memory_bytes = 1 << 30);
    PUT(process, .pid = PID, .is_target = 1);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    pam_series_free(series);
    return 0;
}

/* All that a process can have used, growing by `step` each. */
static struct pam_resource resource(uint64_t pid, uint64_t step)
{
    return (struct pam_resource){
        .pid = pid,
        .cpu_ns_plus1 = 1 + step * SECOND_NS / 2,
        .user_ticks_plus1 = 1 + 40 * step,
        .system_ticks_plus1 = 1 + 10 * step,
        .rss_bytes_plus1 = 1 + (1 << 28),
        .threads = 3,
        .minor_faults_plus1 = 1 + step,
        .major_faults_plus1 = 1,
        .main_voluntary_plus1 = 1 + 3 * step,
        .main_involuntary_plus1 = 1 + 4 * step,
        .fds_plus1 = 6,
        .read_bytes_plus1 = 1 + 5 * step,
        .written_bytes_plus1 = 1 + 6 * step,
        .read_calls_plus1 = 1 + 7 * step,
        .write_calls_plus1 = 1 + 8 * step,
        .disk_read_bytes_plus1 = 1 + 9 * step,
        .disk_written_bytes_plus1 = 1 + 10 * step,
    };
}

static void rates_of_the_target(void **state)
{
    struct pam_event event = {.kind = PAM_EVENT_RECORD, .record = {.type = PAM_resource}};

    (void)state;
    event.record.resource = resource(PID, 0);
    give(&event);
    assert_int_equal(PUT(health, 0), 0); /* there is nothing before it */
    now_s = 2;
    event.record.resource = resource(PID, 2);
    give(&event);
    assert_int_equal(PUT(health, 0), 1);
    assert_true(point.elapsed_s == 2 && point.target.cpu_percent == 50);
    assert_true(point.target.user_percent == 40 && point.target.system_percent == 10);
    assert_true(point.memory_percent == 25 && point.target.threads == 3);
    assert_true(point.target.minor_faults_per_s == 1 && point.target.major_faults_per_s == 0);
    assert_true(point.target.main_voluntary_per_s == 3 && point.target.main_involuntary_per_s == 4);
    assert_true(point.target.read_bytes_per_s == 5 && point.target.written_bytes_per_s == 6);
    assert_true(point.target.read_calls_per_s == 7 && point.target.write_calls_per_s == 8);
    assert_true(point.target.disk_read_bytes_per_s == 9);
    assert_true(point.target.disk_written_bytes_per_s == 10);
    assert_true(point.target.fds == 5 && point.children == 0);
}

/* An older collector, or a process that forbids it: nothing is 0 that is not known. */
static void unknown_is_not_zero(void **state)
{
    (void)state;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(health, 0);
    now_s = 1;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    assert_int_equal(PUT(health, 0), 1);
    assert_true(point.target.cpu_percent == 0);
    for (const double *value = &point.target.user_percent; value <= &point.target.disk_written_bytes_per_s;
         value++)
        assert_true(isnan(*value));
    assert_true(isnan(point.switches_per_s) && isnan(point.run_queue_percent));
    for (const double *value = &point.board.cpu_percent; value <= &point.board.throttled; value++)
        assert_true(isnan(*value));
}

static void pss_holds_until_it_is_read_again(void **state)
{
    (void)state;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1, .pss_bytes_plus1 = 1001);
    PUT(health, 0);
    for (now_s = 1; now_s < 200; now_s++) {
        PUT(resource, .pid = PID, .cpu_ns_plus1 = 1, .pss_bytes_plus1 = now_s == 10 ? 2001 : 0);
        assert_int_equal(PUT(health, 0), 1);
        if (now_s > 130)
            assert_true(isnan(point.target.pss_bytes)); /* that is too long ago */
        else
            assert_true(point.target.pss_bytes == (now_s < 10 ? 1000 : 2000));
    }
}

static void children_one_by_one(void **state)
{
    const struct pam_usage *usages;
    size_t count;

    (void)state;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(health, 0);
    now_s = 1;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(resource, .pid = CHILD, .cpu_ns_plus1 = 1 + SECOND_NS / 4, .read_calls_plus1 = 11);
    assert_int_equal(PUT(health, 0), 1);
    usages = pam_series_processes(series, &count);
    assert_int_equal(count, 2);
    assert_int_equal(usages[1].pid, CHILD);
    assert_true(usages[1].cpu_percent == 25); /* it is new: all it has used was in this interval */
    assert_true(usages[1].read_calls_per_s == 10);
    assert_true(point.children == 1 && point.children_cpu_percent == 25);
    now_s = 2;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(resource, .pid = CHILD, .cpu_ns_plus1 = 1 + SECOND_NS / 10); /* another of the same id */
    assert_int_equal(PUT(health, 0), 1);
    assert_true(fabs(point.children_cpu_percent - 10) < 1e-9);
}

/* After a loss it is not known when a process that is new was born. */
static void a_gap(void **state)
{
    (void)state;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(health, 0);
    give(&(struct pam_event){.kind = PAM_EVENT_GAP});
    now_s = 5;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1 + SECOND_NS);
    PUT(resource, .pid = CHILD, .cpu_ns_plus1 = 1 + 100 * SECOND_NS);
    PUT(thread, .id = 9, .pid = PID, .tid = 9);
    PUT(thread_cpu, .thread = 9, .cpu_ns = 100 * SECOND_NS);
    assert_int_equal(PUT(health, 0), 1);
    assert_true(point.target.cpu_percent == 20); /* over all 5 s */
    assert_true(point.children == 1 && point.children_cpu_percent == 0);
    assert_true(isnan(point.switches_per_s));
}

static void threads(void **state)
{
    const struct pam_thread_use *uses;
    size_t count;

    (void)state;
    PUT(thread, .id = 1, .pid = PID, .tid = PID);
    PUT(thread, .id = 2, .pid = PID, .tid = PID + 1);
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(thread_cpu, .thread = 1, .cpu_ns = SECOND_NS, .wait_ns = 0, .switches = 100);
    PUT(thread_cpu, .thread = 2, .cpu_ns = SECOND_NS, .wait_ns = 0, .switches = 5);
    PUT(health, 0);
    (void)pam_series_threads(series, &count);
    assert_int_equal(count, 0);
    now_s = 1;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(thread_cpu, .thread = 1, .cpu_ns = SECOND_NS * 3 / 2, .wait_ns = SECOND_NS / 4, .switches = 110);
    PUT(thread, .id = 3, .pid = PID, .tid = PID + 2); /* born in this interval */
    PUT(thread_cpu, .thread = 3, .cpu_ns = SECOND_NS / 8, .wait_ns = SECOND_NS / 4, .switches = 1);
    assert_int_equal(PUT(health, 0), 1);
    uses = pam_series_threads(series, &count);
    assert_int_equal(count, 3);
    assert_true(uses[0].thread == 1 && uses[0].cpu_percent == 50 && uses[0].run_queue_percent == 25);
    assert_true(uses[1].thread == 2 && uses[1].cpu_percent == 0); /* it has no record: it did not run */
    assert_true(uses[2].thread == 3 && uses[2].cpu_percent == 12.5);
    assert_true(point.switches_per_s == 11 && point.run_queue_percent == 50);
    now_s = 2;
    PUT(thread_exit, .thread = 1);
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    assert_int_equal(PUT(health, 0), 1);
    uses = pam_series_threads(series, &count);
    assert_int_equal(count, 2);
    assert_int_equal(uses[0].thread, 2);
}

static void the_machine(void **state)
{
    const struct pam_core_use *cores;
    size_t count;

    (void)state;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(system, .user_ticks_plus1 = 1, .system_ticks_plus1 = 1, .idle_ticks_plus1 = 1,
        .io_wait_ticks_plus1 = 50, .stolen_ticks_plus1 = 1, .cpu_some_us_plus1 = 1);
    PUT(core, .core_plus1 = 1, .busy_ticks_plus1 = 1, .idle_ticks_plus1 = 1);
    PUT(health, 0);
    now_s = 1;
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    PUT(system, .user_ticks_plus1 = 31, .system_ticks_plus1 = 11, .idle_ticks_plus1 = 141,
        .io_wait_ticks_plus1 = 40, .stolen_ticks_plus1 = 21, .load_1_plus1 = 1, .load_5_plus1 = 193,
        .available_bytes_plus1 = 101, .swap_used_bytes_plus1 = 1, .cpu_some_us_plus1 = 250001);
    PUT(core, .core_plus1 = 1, .busy_ticks_plus1 = 61, .idle_ticks_plus1 = 41);
    PUT(core, .core_plus1 = 4, .busy_ticks_plus1 = 61, .idle_ticks_plus1 = 41); /* just switched on */
    assert_int_equal(PUT(health, 0), 1);
    assert_true(point.board.cpu_percent == 30); /* 30 + 10 + 20 of 200 */
    assert_true(point.board.stolen_percent == 10);
    assert_true(point.board.io_wait_percent == 0); /* it went back: none has passed */
    assert_true(point.board.load_1 == 0 && point.board.load_5 == 1.92 && isnan(point.board.load_15));
    assert_true(point.board.available_bytes == 100 && point.board.swap_used_bytes == 0);
    assert_true(point.board.cpu_some_percent == 25 && isnan(point.board.io_some_percent));
    cores = pam_series_cores(series, &count);
    assert_int_equal(count, 1);
    assert_true(cores[0].core == 0 && cores[0].busy_percent == 60);
}

static void sensors(void **state)
{
    const struct pam_sensor_state *all;
    size_t count;

    (void)state;
    PUT(sensor, .id = 1, .kind = PAM_SENSOR_TEMPERATURE, .name = pam_text("cpu-thermal"));
    PUT(sensor, .id = 2, .kind = PAM_SENSOR_TEMPERATURE);
    PUT(sensor, .id = 3, .kind = PAM_SENSOR_FREQUENCY);
    PUT(sensor, .id = 4, .kind = PAM_SENSOR_COOLING, .name = pam_text("pwm-fan"));
    PUT(sensor, .id = 5, .kind = PAM_SENSOR_THROTTLE_COUNT);
    PUT(sensor, .id = 6, .kind = 99);
    for (now_s = 0; now_s < 4; now_s++) {
        PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
        PUT(sensor, .id = 1, .kind = PAM_SENSOR_TEMPERATURE); /* as in a new epoch */
        PUT(reading, .sensor = 1, .value = -1500);
        PUT(reading, .sensor = 3, .value = 1500000);
        PUT(reading, .sensor = 4, .value = 1); /* a fan does not slow anything down */
        PUT(reading, .sensor = 5, .value = now_s < 3 ? 7 : 8);
        PUT(reading, .sensor = 6, .value = 8);
        PUT(reading, .sensor = 77, .value = 8);
        assert_int_equal(PUT(health, 0), now_s ? 1 : 0);
        assert_true(point.board.temperature_c == -1.5 && point.board.frequency_mhz == 1500);
        assert_true(point.board.throttled == (now_s < 3 ? 0 : 1));
    }
    all = pam_series_sensors(series, &count);
    assert_int_equal(count, 6);
    assert_string_equal(all[0].name, "cpu-thermal");
    assert_false(all[1].known);
    now_s = 5; /* one reading may be missing */
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    assert_int_equal(PUT(health, 0), 1);
    assert_true(point.board.temperature_c == -1.5);
    now_s = 6; /* it came every second, and stays away */
    PUT(resource, .pid = PID, .cpu_ns_plus1 = 1);
    assert_int_equal(PUT(health, 0), 1);
    assert_true(isnan(point.board.temperature_c) && isnan(point.board.throttled));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(rates_of_the_target, set_up, tear_down),
        cmocka_unit_test_setup_teardown(unknown_is_not_zero, set_up, tear_down),
        cmocka_unit_test_setup_teardown(pss_holds_until_it_is_read_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(children_one_by_one, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_gap, set_up, tear_down),
        cmocka_unit_test_setup_teardown(threads, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_machine, set_up, tear_down),
        cmocka_unit_test_setup_teardown(sensors, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
