/* test_monitor_kernel.c - the resource monitor on real processes, and on a /sys made of files. */
#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "kernel/monitor.h"
#include "kernel/procfile.h"

static const uint64_t SECOND_NS = 1000000000;
static char root[] = "/tmp/test_monitor-XXXXXX";

/* --- a /sys made of files -------------------------------------------------------------------- */

static void put(const char *path, const char *text)
{
    char whole[256];
    FILE *file;

    (void)snprintf(whole, sizeof whole, "%s/%s", root, path);
    for (char *slash = whole + strlen(root) + 1; (slash = strchr(slash, '/')); slash++) {
        *slash = '\0';
        (void)mkdir(whole, 0700);
        *slash = '/';
    }
    file = fopen(whole, "w");
    assert_non_null(file);
    fputs(text, file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    strcpy(root + strlen(root) - 6, "XXXXXX");
    return mkdtemp(root) ? 0 : -1;
}

static int tear_down(void **state)
{
    char command[64];

    (void)state;
    (void)snprintf(command, sizeof command, "rm -rf %s", root);
    return system(command);
}

static void a_raspberry_pi(void **state)
{
    static struct pam_sensors sensors;
    struct pam_reading reading;

    (void)state;
    put("class/thermal/thermal_zone0/temp", "48312\n");
    put("class/thermal/thermal_zone0/type", "cpu-thermal\n");
    put("devices/system/cpu/cpufreq/policy0/scaling_cur_freq", "1500000\n");
    put("class/hwmon/hwmon1/in0_lcrit_alarm", "0\n");
    put("class/hwmon/hwmon1/name", "rpi_volt\n");
    put("class/thermal/cooling_device0/cur_state", "2\n");
    put("class/thermal/cooling_device0/type", "cpufreq-cpu0\n");
    put("devices/platform/soc/soc:firmware/get_throttled", "50005\n"); /* not to be read */
    pam_sensors_init(&sensors, root);
    assert_int_equal(sensors.count, 4);
    assert_int_equal(sensors.watched[0].kind, PAM_SENSOR_TEMPERATURE);
    assert_string_equal(sensors.watched[0].name, "cpu-thermal");
    assert_string_equal(sensors.watched[0].path, "class/thermal/thermal_zone0/temp");
    assert_int_equal(sensors.watched[1].kind, PAM_SENSOR_FREQUENCY);
    assert_string_equal(sensors.watched[1].name, "policy0");
    assert_int_equal(sensors.watched[2].kind, PAM_SENSOR_ALARM);
    assert_string_equal(sensors.watched[2].name, "rpi_volt");
    assert_int_equal(sensors.watched[3].kind, PAM_SENSOR_COOLING);
    assert_int_equal(pam_sensors_describe(&sensors, 3).id, 4);
    assert_true(pam_sensors_read(&sensors, 0, SECOND_NS, &reading));
    assert_int_equal(reading.sensor, 1);
    assert_int_equal(reading.value, 48312);
    put("class/thermal/thermal_zone0/temp", "-250\n");
    assert_false(pam_sensors_read(&sensors, 0, SECOND_NS + 1000, &reading)); /* heat is slow */
    assert_true(pam_sensors_read(&sensors, 0, 5 * SECOND_NS, &reading));
    assert_int_equal(reading.value, -250);
    put("class/thermal/thermal_zone0/temp", "N/A\n");
    assert_false(pam_sensors_read(&sensors, 0, 9 * SECOND_NS, &reading));
    put("class/thermal/thermal_zone0/temp", "1\n");
    assert_false(pam_sensors_read(&sensors, 0, 20 * SECOND_NS, &reading));
    assert_true(pam_sensors_read(&sensors, 0, 70 * SECOND_NS, &reading));
    pam_sensors_done(&sensors);
}

static void a_board_with_more_than_there_is_room_for(void **state)
{
    static struct pam_sensors sensors;
    char path[96];

    (void)state;
    for (int i = 0; i < 40; i++) {
        (void)snprintf(path, sizeof path, "class/thermal/thermal_zone%d/temp", i);
        put(path, i % 2 ? "1\n" : "broken\n");
        (void)snprintf(path, sizeof path, "devices/system/cpu/cpufreq/policy%d/scaling_cur_freq", i);
        put(path, "1\n");
        (void)snprintf(path, sizeof path, "class/hwmon/hwmon%d/in0_lcrit_alarm", i);
        put(path, "1\n");
        (void)snprintf(path, sizeof path,
                       "devices/system/cpu/cpu%d/thermal_throttle/core_throttle_count", i);
        put(path, "1\n");
        (void)snprintf(path, sizeof path, "class/thermal/cooling_device%d/cur_state", i);
        put(path, "1\n");
    }
    pam_sensors_init(&sensors, root);
    assert_in_range(sensors.count, 40, PAM_MAX_SENSORS);
    pam_sensors_done(&sensors);
}

static void nothing_there(void **state)
{
    static struct pam_sensors sensors;

    (void)state;
    pam_sensors_init(&sensors, root);
    assert_int_equal(sensors.count, 0);
    pam_sensors_done(&sensors);
}

/* --- files that are kept open ------------------------------------------------------------------ */

static void a_file_that_is_refused_is_left_alone(void **state)
{
    struct pam_kept kept = pam_kept_closed();
    const int directory = open(root, O_RDONLY | O_DIRECTORY);
    char text[16];

    (void)state;
    assert_int_equal(pam_kept_read(&kept, directory, "x", text, sizeof text, 5 * SECOND_NS), 0);
    assert_string_equal(text, "");
    put("x", "here");
    assert_int_equal(pam_kept_read(&kept, directory, "x", text, sizeof text, 64 * SECOND_NS), 0);
    assert_int_equal(pam_kept_read(&kept, directory, "x", text, sizeof text, 65 * SECOND_NS), 4);
    assert_string_equal(text, "here");
    assert_true(kept.fd >= 0);
    put("x", "");
    assert_int_equal(pam_kept_read(&kept, directory, "x", text, sizeof text, 66 * SECOND_NS), 0);
    assert_int_equal(kept.fd, -1);
    put("x", "longer than the room there is");
    assert_int_equal(pam_kept_read(&kept, directory, "x", text, sizeof text, 200 * SECOND_NS), 15);
    assert_int_equal(strlen(text), 15);
    pam_kept_close(&kept);
    close(directory);
}

static void what_is_dear_is_rare(void **state)
{
    (void)state;
    assert_int_equal(pam_due_again_ns(7, 1000, 10 * SECOND_NS), 7 + 10 * SECOND_NS);
    assert_int_equal(pam_due_again_ns(7, SECOND_NS / 10, 10 * SECOND_NS), 7 + 100 * SECOND_NS);
}

/* --- processes ----------------------------------------------------------------------------------- */

static size_t count_fds(void)
{
    DIR *folder = opendir("/proc/self/fd");
    size_t count = 0;

    while (readdir(folder))
        count++;
    closedir(folder);
    return count - 3; /* ".", ".." and this one */
}

/* Both ways to count say the same, and what is read of this process makes sense. */
static void this_process(void **state)
{
    struct pam_usage_files files;
    struct pam_resource resource = {0}, later = {0};
    const int proc_fd = pam_open_proc(getpid());
    char text[4096];
    int more;

    (void)state;
    pam_usage_init(&files);
    pam_usage_read(&files, proc_fd, false, SECOND_NS, &resource);
    assert_int_equal(resource.fds_plus1 - 1, count_fds() + 1); /* that of the folder counts, too */
    assert_true(resource.main_voluntary_plus1 > 0 && resource.main_involuntary_plus1 > 0);
    more = open("/proc/self/maps", O_RDONLY);
    while (read(more, text, sizeof text) > 0)
        continue;
    (void)usleep(1000);
    pam_usage_read(&files, proc_fd, pam_usage_fds_by_stat(), 5 * SECOND_NS, &later);
    assert_int_equal(later.fds_plus1 - 1, count_fds() + !pam_usage_fds_by_stat());
    assert_true(later.main_voluntary_plus1 > resource.main_voluntary_plus1);
    assert_true(later.read_bytes_plus1 > resource.read_bytes_plus1);
    assert_true(later.read_calls_plus1 > resource.read_calls_plus1);
    assert_int_equal(later.pss_bytes_plus1, 0);
    pam_usage_read_pss(&files, proc_fd, 5 * SECOND_NS, &later);
    assert_true(later.pss_bytes_plus1 > 4096);
    later.pss_bytes_plus1 = 0;
    pam_usage_read_pss(&files, proc_fd, 14 * SECOND_NS, &later); /* 10 s have not passed */
    assert_int_equal(later.pss_bytes_plus1, 0);
    close(more);
    pam_usage_done(&files);
    close(proc_fd);
}

static void count_left(const struct pam_process_watch *process, void *context)
{
    (void)process;
    ++*(size_t *)context;
}

/* How many processes were read, and of how many the PSS. */
static size_t read_all(struct pam_monitor *monitor, uint64_t now_ns, size_t *with_pss)
{
    size_t left = 0;

    *with_pss = 0;
    pam_monitor_find_children(monitor);
    pam_monitor_check_exits(monitor, true, count_left, &left);
    pam_monitor_begin(monitor, now_ns);
    for (size_t i = 0; i < monitor->count; i++) {
        struct pam_resource resource;

        assert_true(pam_monitor_read(monitor, &monitor->processes[i], now_ns, &resource));
        assert_true(resource.minor_faults_plus1 > 0 && resource.rss_bytes_plus1 > 4096);
        *with_pss += resource.pss_bytes_plus1 != 0;
    }
    return left;
}

static void one_pss_in_an_interval(void **state)
{
    static struct pam_monitor monitor;
    const int proc_fd = pam_open_proc(getpid());
    pid_t children[3];
    size_t with_pss, sum = 0;

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        children[i] = fork();
        if (children[i] == 0) {
            pause();
            _exit(0);
        }
    }
    pam_monitor_init(&monitor, getpid(), proc_fd);
    for (unsigned i = 0; i < 8; i++) {
        assert_int_equal(read_all(&monitor, (i + 1) * SECOND_NS, &with_pss), 0);
        assert_int_equal(monitor.count, 4);
        assert_true(with_pss <= 1);
        sum += with_pss;
    }
    assert_int_equal(sum, 4); /* each once; the first is not due again before 11 s */
    for (size_t i = 0; i < 3; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    assert_int_equal(read_all(&monitor, 11 * SECOND_NS, &with_pss), 3);
    assert_int_equal(with_pss, 1);
    assert_int_equal(monitor.count, 1);
    pam_monitor_done(&monitor);
    close(proc_fd);
}

static void take_status(const struct pam_process_watch *process, void *context)
{
    *(uint64_t *)context = process->exit_status_plus1;
}

/* A child that has exited is told once, with its status, and forgotten when it is reaped. */
static void a_zombie(void **state)
{
    static struct pam_monitor monitor;
    const int proc_fd = pam_open_proc(getpid());
    uint64_t status_plus1 = UINT64_MAX;
    size_t told = 0;
    siginfo_t info;
    pid_t child;

    (void)state;
    child = fork();
    if (child == 0) {
        pause();
        _exit(0);
    }
    pam_monitor_init(&monitor, getpid(), proc_fd);
    assert_ptr_equal(pam_monitor_adopt(&monitor, child), &monitor.processes[1]);
    assert_ptr_equal(pam_monitor_adopt(&monitor, child), &monitor.processes[1]);
    pam_monitor_check_exits(&monitor, true, take_status, &status_plus1);
    assert_true(status_plus1 == UINT64_MAX);
    monitor.processes[1].exiting = true;
    assert_int_equal(pam_monitor_check_exits(&monitor, false, take_status, &status_plus1), 1);
    kill(child, SIGTERM);
    assert_int_equal(waitid(P_PID, (id_t)child, &info, WEXITED | WNOWAIT), 0);
    assert_int_equal(pam_monitor_check_exits(&monitor, false, take_status, &status_plus1), 0);
    assert_int_equal(status_plus1, 1 + SIGTERM);
    pam_monitor_find_children(&monitor);
    pam_monitor_check_exits(&monitor, true, count_left, &told);
    assert_true(told == 0 && monitor.count == 2);
    waitpid(child, NULL, 0);
    pam_monitor_check_exits(&monitor, true, count_left, &told);
    assert_true(told == 0 && monitor.count == 1);
    pam_monitor_done(&monitor);
    close(proc_fd);
}

static void the_system(void **state)
{
    static struct pam_system_watch watch;
    struct pam_system system;
    uint64_t busy = 0, idle = 0;
    char text[256];

    (void)state;
    pam_system_init(&watch);
    pam_system_read(&watch, SECOND_NS, &system);
    assert_in_range(watch.core_count, 1, sysconf(_SC_NPROCESSORS_CONF));
    for (size_t i = 0; i < watch.core_count; i++) {
        assert_true(watch.cores[i].core_plus1 > 0);
        busy += watch.cores[i].busy_ticks_plus1 - 1;
        idle += watch.cores[i].idle_ticks_plus1 - 1;
    }
    if (watch.core_count < PAM_MAX_CORES) {
        const uint64_t all = system.user_ticks_plus1 + system.system_ticks_plus1 +
                             system.stolen_ticks_plus1 - 3;

        assert_in_range(busy, all - 10 * watch.core_count, all + 10 * watch.core_count);
        assert_true(idle > 0);
    }
    assert_true(system.load_1_plus1 > 0 && system.available_bytes_plus1 > 1 << 20);
    assert_true(system.swap_used_bytes_plus1 > 0);
    assert_int_equal(system.cpu_some_us_plus1 > 0,
                     pam_read_file(AT_FDCWD, "/proc/pressure/cpu", text, sizeof text) > 0);
    pam_system_done(&watch);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_raspberry_pi, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_board_with_more_than_there_is_room_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(nothing_there, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_file_that_is_refused_is_left_alone, set_up, tear_down),
        cmocka_unit_test(what_is_dear_is_rare),
        cmocka_unit_test(this_process),
        cmocka_unit_test(one_pss_in_an_interval),
        cmocka_unit_test(a_zombie),
        cmocka_unit_test(the_system),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
