/* test_plot_counters.c - pamplot's counters: a panel for each event of a capture, whatever it is called. */
#include <math.h>
#include <sys/mman.h>
#include <unistd.h>

#include "capture_input.h"
#include "csv_input.h"
#include "maker.h"
#include "script.h"

#include "unit.h"

enum { PID = 4711, SECOND_US = 1000000, ONLY = PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS | PAM_BLOCK_FRAME_ENDS };

static struct plot_data data;
static struct pam_error error;

struct event {
    const char *name, *unit;
    uint64_t type_plus1, config;
};

/* Three seconds; each event happens 1000 times a second times its number, in the process and in a thread. */
static void read_capture(const struct event *events, size_t count, uint64_t waited_ns)
{
    struct maker maker;
    int fd;

    maker_init(&maker);
    maker_put(&maker, PAM_session, &(struct pam_session){.start_monotonic_ns = maker.clock_base_ns});
    maker_put(&maker, PAM_process, &(struct pam_process){.pid = PID, .is_target = 1});
    for (uint64_t i = 0; i < count; i++)
        maker_put(&maker, PAM_counter, &(struct pam_counter){.id = i + 1, .name = pam_text(events[i].name),
                                                             .unit = pam_text(events[i].unit),
                                                             .type_plus1 = events[i].type_plus1,
                                                             .config = events[i].config, .group = 1,
                                                             .whole_process = 1});
    maker_put(&maker, PAM_thread, &(struct pam_thread){.id = 1, .pid = PID, .tid = PID});
    maker_put(&maker, PAM_health, &(struct pam_health){.ticks = 1});
    for (uint64_t second = 1; second <= 3; second++) {
        maker_put_tick(&maker, SECOND_US);
        for (uint64_t i = 0; i < 2 * count; i++)
            maker_put(&maker, PAM_count,
                      &(struct pam_count){.counter = i / 2 + 1, .value = 1000 * (i / 2 + 1) * second,
                                          .enabled_ns = 1000 * second, .waited_ns = waited_ns * second,
                                          .thread = i % 2, .pid = i % 2 ? 0 : PID});
        maker_put(&maker, PAM_resource, &(struct pam_resource){.pid = PID, .cpu_ns_plus1 = second});
        maker_put(&maker, PAM_health, &(struct pam_health){.ticks = 1});
    }
    maker_put(&maker, PAM_end, &(struct pam_end){pam_text("done")});
    maker_end_block(&maker, ONLY);
    fd = memory_file(maker.bytes, maker.size);
    plot_data_init(&data);
    assert_int_equal(plot_capture_read(&data, fd, "x.pamcap", PLOT_BY_COUNTER, &error), 0);
    assert_false(data.damaged);
    (void)close(fd);
    maker_done(&maker);
}

static char *script(void)
{
    const struct plot_picture picture = {&data, plot_kind_find("counters"), plot_terminal_at(0), NULL};
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    plot_script_write(out, &picture);
    (void)fclose(out);
    return text;
}

static bool near(double a, double b)
{
    return fabs(a - b) < 1e-6;
}

static void rates_times_and_ratios(void **state)
{
    static const struct event events[] = {
        {"cycles", "", 1, 0}, {"instructions", "", 1, 1}, {"task-clock", "ns", 2, 1}, {"cache-misses", "", 1, 3}};
    char *text;

    (void)state;
    read_capture(events, COUNT(events), 0);
    assert_int_equal(data.counter_count, 6);
    assert_string_equal(data.counters[4].name, "IPC");
    assert_string_equal(data.counters[5].name, "cache-misses MPKI");
    assert_int_equal(data.count, 3);
    for (size_t i = 0; i < data.count; i++) {
        const double *value = data.rows[i].value + PLOT_COUNTER;

        assert_true(near(value[0], 1000) && near(value[1], 2000));
        assert_true(near(value[2], 3000 / 1e7)); /* percent of a core */
        assert_true(near(value[4], 2) && near(value[5], 2000));
    }
    text = script();
    assert_non_null(strstr(text, "'cycles (mean 1000.0 /s, peak 1000.0 /s)'"));
    assert_non_null(strstr(text, "'IPC (mean 2.0, peak 2.0)'"));
    assert_null(strstr(text, "scaled"));
    free(text);
    plot_data_done(&data);
}

static void what_is_scaled_says_so(void **state)
{
    static const struct event events[] = {{"cycles", "", 1, 0}};
    char *text;

    (void)state;
    read_capture(events, 1, 750);
    assert_true(near(data.rows[1].value[PLOT_COUNTER], 4000));
    text = script();
    assert_non_null(strstr(text, "'scaled'"));
    free(text);
    plot_data_done(&data);
}

static void more_than_a_picture_has_room_for(void **state)
{
    static const struct event events[] = {{"a", "", 2, 0}, {"b", "", 2, 0}, {"c", "", 2, 0}, {"d", "", 2, 0},
                                          {"e", "", 2, 0}, {"f", "", 2, 0}, {"g", "", 2, 0}, {"h", "", 2, 0}};

    (void)state;
    read_capture(events, COUNT(events), 0);
    assert_int_equal(data.counter_count, PLOT_MAX_COUNTERS);
    assert_true(data.counters_left_out);
    assert_true(near(data.rows[2].value[PLOT_COUNTER + 5], 6000));
    plot_data_done(&data);
}

/* Each statement of the script is a line; none may come out of a name. */
static void names_that_mean_harm(void **state)
{
    static const struct event events[] = {{"'\nsystem('id')\n#`id`\\", "", 2, 0}, {"%s%n\x1b[2J", "'\n!id", 2, 0}};
    char long_name[3000];
    char *text;

    (void)state;
    read_capture(events, COUNT(events), 0);
    text = script();
    assert_null(strstr(text, "\nsystem"));
    assert_null(strstr(text, "\n!"));
    assert_null(strchr(text, '`'));
    assert_null(strchr(text, '\x1b'));
    free(text);
    plot_data_done(&data);
    memset(long_name, 'x', sizeof long_name);
    long_name[sizeof long_name - 1] = '\0';
    read_capture(&(const struct event){long_name, "", 2, 0}, 1, 0);
    text = script();
    assert_non_null(strstr(text, "(mean 1000.0 /s, peak 1000.0 /s)")); /* whatever is cut, it is not that */
    free(text);
    plot_data_done(&data);
}

static void a_table_has_none(void **state)
{
    const int fd = memory_file("elapsed_seconds\r\n", 17);

    (void)state;
    plot_data_init(&data);
    assert_int_equal(plot_csv_read(&data, fd, "x.csv", PLOT_BY_COUNTER, &error), PAM_USAGE);
    assert_non_null(strstr(error.text, "x.csv"));
    plot_data_done(&data);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(rates_times_and_ratios),
        cmocka_unit_test(what_is_scaled_says_so),
        cmocka_unit_test(more_than_a_picture_has_room_for),
        cmocka_unit_test(names_that_mean_harm),
        cmocka_unit_test(a_table_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
