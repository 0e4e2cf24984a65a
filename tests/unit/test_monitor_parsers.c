/* test_monitor_parsers.c - texts of /proc and /sys that the resource monitor takes apart. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "kernel/procfs.h"
#include "kernel/procsys.h"

static void faults_in_stat(void **state)
{
    struct pam_stat stat;

    (void)state;
    assert_true(pam_parse_stat("831 (a) R 1 2) S 1 831 831 0 -1 4194560 37030 2705 23 9 21875 3641 1 1 "
                               "20 0 18 0 241320 1275637760 39183 18446744073709551615\n",
                               &stat));
    assert_int_equal(stat.minor_faults, 37030);
    assert_int_equal(stat.major_faults, 23);
    assert_int_equal(stat.user_ticks, 21875);
}

static void io(void **state)
{
    static const char text[] = "rchar: 40171113\nwchar: 1055496\nsyscr: 93550\nsyscw: 91647\n"
                               "read_bytes: 68132864\nwrite_bytes: 0\ncancelled_write_bytes: 7\n";
    struct pam_io io;
    char cut[sizeof text];

    (void)state;
    assert_true(pam_parse_io(text, &io));
    assert_int_equal(io.read_bytes, 40171113);
    assert_int_equal(io.written_bytes, 1055496);
    assert_int_equal(io.read_calls, 93550);
    assert_int_equal(io.write_calls, 91647);
    assert_int_equal(io.disk_read_bytes, 68132864);
    assert_int_equal(io.disk_written_bytes, 0);
    assert_false(pam_parse_io("", &io));
    for (size_t size = 0; size < strlen(text); size++) { /* no cut text is read beyond its end */
        memcpy(cut, text, size);
        cut[size] = '\0';
        (void)pam_parse_io(cut, &io);
    }
}

static void switches(void **state)
{
    struct pam_switches switches;

    (void)state;
    assert_true(pam_parse_switches("Name:\tvoluntary_ctxt_switches: 1\nvoluntary_ctxt_switches:\t216073\n"
                                   "nonvoluntary_ctxt_switches:\t0\n",
                                   &switches));
    assert_int_equal(switches.voluntary, 216073);
    assert_int_equal(switches.involuntary, 0);
    assert_false(pam_parse_switches("voluntary_ctxt_switches:\t216073\n", &switches));
}

static void cpu_times(void **state)
{
    struct pam_cpu_times times;

    (void)state;
    assert_true(pam_parse_cpu_times("cpu  1 20 300 4000 50000 6 70 800 9 10\ncpu0 1 2 3 4\n", &times));
    assert_int_equal(times.core, PAM_ALL_CORES);
    assert_int_equal(times.user, 21);
    assert_int_equal(times.system, 376);
    assert_int_equal(times.idle, 4000);
    assert_int_equal(times.io_wait, 50000);
    assert_int_equal(times.stolen, 800);
    assert_true(pam_parse_cpu_times("cpu127 1 2 3 4", &times));
    assert_int_equal(times.core, 127);
    assert_int_equal(times.stolen, 0);
}

static void cpu_times_that_are_none(void **state)
{
    static const char *const texts[] = {
        "", "cp", "cpu", "cpu ", "cpu0", "cpu  1 2 3", "cpufreq 1 2 3 4", "cpu-1 1 2 3 4", "intr 1 2 3 4 5",
        "cpu99999999999 1 2 3 4", "cpu0 1 2 x 4", " cpu0 1 2 3 4",
    };
    struct pam_cpu_times times;

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        assert_false(pam_parse_cpu_times(texts[i], &times));
}

static void pressure(void **state)
{
    struct pam_pressure pressure;

    (void)state;
    assert_true(pam_parse_pressure("some avg10=15.36 avg60=11.55 avg300=10.72 total=222388093\n"
                                   "full avg10=0.00 avg60=0.00 avg300=0.00 total=0\n",
                                   &pressure));
    assert_int_equal(pressure.some_us, 222388093);
    assert_int_equal(pressure.full_us, 0);
    assert_true(pressure.has_full);
    assert_true(pam_parse_pressure("some avg10=0.00 avg60=0.00 avg300=0.00 total=5", &pressure));
    assert_int_equal(pressure.some_us, 5);
    assert_false(pressure.has_full);
    assert_false(pam_parse_pressure("", &pressure));
    assert_false(pam_parse_pressure("some avg10=0.00\nfull total=5\n", &pressure));
    assert_false(pam_parse_pressure("some avg10=0.00 total=\n3", &pressure));
    assert_false(pam_parse_pressure("something total=3\n", &pressure));
}

static void load(void **state)
{
    struct pam_load load;

    (void)state;
    assert_true(pam_parse_load("1.92 0.05 110.12 4/135 4619\n", &load));
    assert_int_equal(load.of_1_min, 192);
    assert_int_equal(load.of_5_min, 5);
    assert_int_equal(load.of_15_min, 11012);
    assert_false(pam_parse_load("", &load));
    assert_false(pam_parse_load("1.92 0.05", &load));
    assert_false(pam_parse_load("1.9 0.05 0.01", &load));
    assert_false(pam_parse_load("1,92 0,05 0,01", &load));
}

static void integers(void **state)
{
    int64_t value;

    (void)state;
    assert_true(pam_parse_integer("48312\n", &value));
    assert_int_equal(value, 48312);
    assert_true(pam_parse_integer("-5000\n", &value));
    assert_int_equal(value, -5000);
    assert_true(pam_parse_integer("0", &value));
    assert_int_equal(value, 0);
    assert_false(pam_parse_integer("", &value));
    assert_false(pam_parse_integer("\n", &value));
    assert_false(pam_parse_integer("<unknown>\n", &value));
    assert_false(pam_parse_integer("1500000 kHz\n", &value));
    assert_false(pam_parse_integer("99999999999999999999\n", &value));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(faults_in_stat), cmocka_unit_test(io),
        cmocka_unit_test(switches),       cmocka_unit_test(cpu_times),
        cmocka_unit_test(pressure),       cmocka_unit_test(cpu_times_that_are_none),
        cmocka_unit_test(load),           cmocka_unit_test(integers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
