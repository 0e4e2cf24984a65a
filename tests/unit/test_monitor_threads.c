/* test_monitor_threads.c - pamplot's threads: what is kept of each, who gets a colour, what is drawn. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "csv_input.h"
#include "gnuplot.h"
#include "names.h"
#include "script.h"
#include "stack.h"
#include "thin.h"

#define HEADER "elapsed_seconds,tid,thread,cpu_percent,run_queue_percent,switches_per_second\r\n"

static int memory_file(const void *bytes, size_t size)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int read_text(struct plot_data *data, const char *text, struct pam_error *error)
{
    const int fd = memory_file(text, strlen(text));
    const unsigned columns = plot_kind_columns(plot_kind_find("threads"));
    int result;

    plot_data_init(data);
    memset(error, 0, sizeof *error);
    result = plot_csv_read(data, fd, "pam_idle_20260211_143022_threads.csv", columns, error);
    close(fd);
    return result;
}

static void add(struct plot_data *data, double elapsed_s, uint64_t tid, const char *name, double cpu)
{
    const struct plot_thread_row row = {
        .elapsed_s = elapsed_s,
        .key = tid,
        .tid = tid,
        .name = name,
        .name_size = strlen(name),
        .cpu_percent = cpu,
        .run_queue_percent = cpu / 4,
    };
    struct pam_error error;

    assert_int_equal(plot_data_add_thread_row(data, &row, &error), 0);
}

static void csv_of_threads(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    assert_int_equal(read_text(&data,
                               HEADER "1.00,7,\"a,\"\"b\"\"\",12.50,1.00,3.0\r\n"
                                      "1.00,8,worker,7.50,0.00,3.0\r\n"
                                      "2.00,7,renamed,0.00,0.00,0.0\r\n"
                                      "2.00,9,,1.25,,0.0\r\n"   /* unknown */
                                      "x,9,,1.25,1,0.0\r\n"     /* no number */
                                      "2.00,-1,,1.25,1,0.0\r\n" /* no thread */
                                      "1.50,8,,1.25,1,0.0\r\n"  /* back in time */
                                      "3.00,8,worker,2.50,4.00,1.0\r\n",
                               &error),
                     0);
    assert_int_equal(data.count, 3);
    assert_true(data.rows[0].value[PLOT_CPU] == 20 && data.rows[0].value[PLOT_RUN_QUEUE] == 1);
    assert_true(data.rows[1].value[PLOT_CPU] == 0);
    assert_true(data.rows[2].elapsed_s == 3 && data.rows[2].value[PLOT_CPU] == 2.5);
    assert_int_equal(data.threads.count, 2);
    assert_string_equal(data.threads.all[0].name, "renamed");
    assert_int_equal(data.threads.all[0].count, 1); /* where it did not run it costs nothing */
    assert_int_equal(data.threads.all[1].uses[1].row, 2);
    assert_string_equal(data.title, "idle");
    assert_non_null(strstr(data.warning, "3 rows"));
    plot_data_done(&data);
}

static void csv_that_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"elapsed_seconds,cpu_percent,memory_mb,memory_percent,timestamp\r\n1,2,3,4,5\r\n",
         "has no column run_queue_percent"},
        {"elapsed_seconds,cpu_percent,run_queue_percent\r\n1,2,3\r\n", "has no column tid"},
        {"elapsed_seconds,cpu_percent,run_queue_percent,tid\r\n1,2,3\r\n", "has no column thread"},
        {HEADER, "has no row of numbers"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plot_data data;
        struct pam_error error;

        assert_int_equal(read_text(&data, cases[i].text, &error), PAM_DAMAGED);
        assert_non_null(strstr(error.text, cases[i].says));
        plot_data_done(&data);
    }
}

/* Two intervals may end in the same hundredth of a second. */
static void a_thread_is_in_a_row_once(void **state)
{
    struct plot_data data;

    (void)state;
    plot_data_init(&data);
    add(&data, 1, 7, "a", 10);
    add(&data, 1, 8, "b", 0);
    add(&data, 1, 7, "a", 20);
    add(&data, 1, 8, "b", 0);
    assert_int_equal(data.count, 2);
    assert_true(data.rows[0].value[PLOT_CPU] == 10 && data.rows[1].value[PLOT_CPU] == 20);
    plot_data_done(&data);
}

static void the_busiest_have_colours(void **state)
{
    struct plot_data data;
    struct plot_stack stack;

    (void)state;
    plot_data_init(&data);
    stack = plot_stack_of(&data);
    assert_int_equal(stack.count, 0);
    for (uint64_t tid = 0; tid < 100; tid++)
        add(&data, 1, tid, "t", (double)(tid * 37 % 100));
    stack = plot_stack_of(&data);
    assert_int_equal(stack.count, PLOT_STACKED);
    assert_int_equal(stack.others, 100 - PLOT_STACKED);
    for (size_t i = 0; i < PLOT_STACKED; i++)
        assert_true(data.threads.all[stack.threads[i]].cpu_sum == (double)(99 - i));
    plot_data_done(&data);
}

/* The numbers of the script: the upper edge of the last area is the sum, also of slices. */
static void edges_add_up(void **state)
{
    static char text[1 << 21];
    struct plot_data data;
    struct plot_stack stack;
    FILE *out = fmemopen(text, sizeof text, "w");
    char *line = text;
    double sum = 0;
    size_t lines = 0;

    (void)state;
    plot_data_init(&data);
    for (size_t i = 0; i < 2 * PLOT_MAX_DRAWN; i++) {
        add(&data, (double)i, 1, "a", 30);
        if (i % 2)
            add(&data, (double)i, 2, "b", 40); /* half of the time */
    }
    stack = plot_stack_of(&data);
    plot_stack_write_numbers(out, &stack, 0, PLOT_CPU, 1);
    fclose(out);
    while ((line = strchr(line, '\n')) && strncmp(++line, "END", 3)) {
        const char *last = line + strcspn(line, "\n");

        while (last[-1] != ' ')
            last--;
        sum += atof(last);
        lines++;
    }
    assert_int_equal(lines, PLOT_SLICES);
    assert_true(fabs(sum / (double)lines - 50) < 0.1);
    plot_data_done(&data);
}

static void names_of_threads_are_not_executed(void **state)
{
    static const char *const names[] = {
        "", "`touch EXECUTED`", "'; system('touch EXECUTED'); '", "' . system('touch EXECUTED') . '",
        "a\nsystem('touch EXECUTED')\n", "\\\n!touch EXECUTED", "@GPVAL_PWD {/Symbol a}_b^c %s%n %",
        "\xff\xfe\xc0\xa7", "'", "\\",
    };
    char directory[] = "/tmp/test_plot-XXXXXX";
    char *before = getcwd(NULL, 0);

    (void)state;
    if (system("command -v gnuplot > /dev/null 2>&1") != 0)
        skip();
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    for (size_t terminal = 0; plot_terminal_at(terminal); terminal++)
        for (size_t shared = 0; shared < 2; shared++) { /* with and without the thread id */
            const int fd = memory_file("", 0);
            struct plot_data data;
            struct plot_picture picture = {&data, plot_kind_find("threads"),
                                           plot_terminal_at(terminal), NULL};
            struct pam_error error = {""};
            struct stat status;

            plot_data_init(&data);
            for (size_t i = 0; i < sizeof names / sizeof *names; i++)
                for (size_t copy = 0; copy <= shared; copy++)
                    for (int second = 0; second < 3; second++)
                        add(&data, second, 10 * i + copy, names[i], 1 + second);
            data.title = strdup("title");
            assert_int_equal(plot_gnuplot_run(plot_script_write, &picture, fd, &error), 0);
            assert_string_equal(error.text, "");
            assert_int_equal(fstat(fd, &status), 0);
            assert_true(status.st_size > 1000);
            assert_int_equal(access("EXECUTED", F_OK), -1);
            plot_data_done(&data);
            close(fd);
        }
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(directory), 0); /* empty: nothing else was made either */
    free(before);
}

static void name_of_the_picture(void **state)
{
    struct pam_error error;
    char *path;

    (void)state;
    assert_int_equal(plot_output_name(&path, "d/x_threads.csv", NULL, "threads", "png", &error), 0);
    assert_string_equal(path, "d/x_threads.png");
    free(path);
    assert_int_equal(plot_output_name(&path, "d/x.pamcap", NULL, "threads", "png", &error), 0);
    assert_string_equal(path, "d/x_threads.png");
    free(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_of_threads),
        cmocka_unit_test(csv_that_is_refused),
        cmocka_unit_test(a_thread_is_in_a_row_once),
        cmocka_unit_test(the_busiest_have_colours),
        cmocka_unit_test(edges_add_up),
        cmocka_unit_test(names_of_threads_are_not_executed),
        cmocka_unit_test(name_of_the_picture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
