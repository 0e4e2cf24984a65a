/* test_plot_input.c - what pamplot makes of a CSV file, and of files that are none. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <cmocka.h>

#include "csv_input.h"
#include "load.h"

#define HEADER "elapsed_seconds,cpu_percent,memory_mb,memory_percent,timestamp"

enum { BOTH = 1u << PLOT_CPU | 1u << PLOT_MEMORY };

static int memory_file(const void *bytes, size_t size)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static int read_named(struct plot_data *data, const char *name, const char *text,
                      struct pam_error *error)
{
    const int fd = memory_file(text, strlen(text));
    int result;

    plot_data_init(data);
    memset(error, 0, sizeof *error);
    result = plot_csv_read(data, fd, name, BOTH, error);
    close(fd);
    return result;
}

static int read_text(struct plot_data *data, const char *text, struct pam_error *error)
{
    return read_named(data, "x.csv", text, error);
}

static void csv_of_the_old_monitor(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    assert_int_equal(read_text(&data,
                               HEADER "\r\n"
                                      "1.00,12.50,100.25,1.5,2026-02-11T14:30:23.123\r\n"
                                      "2.00,0.00,101.00,1.6,2026-02-11T14:30:24.123\r\n",
                               &error),
                     0);
    assert_int_equal(data.count, 2);
    assert_true(data.rows[0].elapsed_s == 1);
    assert_true(data.rows[0].value[PLOT_CPU] == 12.5);
    assert_true(data.rows[0].value[PLOT_MEMORY] == 100.25);
    assert_string_equal(data.warning, "");
    assert_string_equal(data.title, "x");
    assert_string_equal(data.subtitle, "from 2026-02-11 14:30:23");
    plot_data_done(&data);
}

static void csv_in_any_shape(void **state)
{
    static const char *const texts[] = {
        "elapsed_seconds,cpu_percent,memory_mb\n1,2,3\n",
        "elapsed_seconds,cpu_percent,memory_mb\n1,2,3",
        "\ufeffelapsed_seconds,cpu_percent,memory_mb\r\n1,2,3\r\n",
        "more,memory_mb,and,cpu_percent,elapsed_seconds\nx,3,\"a,\n\"\"b\"\"\",2,1\n",
        "\n\nelapsed_seconds, cpu_percent ,memory_mb,cpu_percent\n\n\"1\",2.0,3e0,9\n\n",
    };

    (void)state;
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++) {
        struct plot_data data;
        struct pam_error error;

        assert_int_equal(read_text(&data, texts[i], &error), 0);
        assert_int_equal(data.count, 1);
        assert_true(data.rows[0].elapsed_s == 1);
        assert_true(data.rows[0].value[PLOT_CPU] == 2);
        assert_true(data.rows[0].value[PLOT_MEMORY] == 3);
        assert_string_equal(data.warning, "");
        plot_data_done(&data);
    }
}

static void csv_that_is_refused(void **state)
{
    static const struct {
        const char *text;
        const char *says;
    } cases[] = {
        {"", "x.csv is empty"},
        {"\n\r\n", "x.csv is empty"},
        {HEADER "\r\n", "x.csv has no row of numbers"},
        {HEADER "\na,b,c,d,e\n", "x.csv has no row of numbers"},
        {HEADER "\n1,,,,\n", "x.csv has no row of numbers"},
        {"elapsed_seconds,cpu_percent\n1,2\n", "x.csv has no column memory_mb"},
        {"cpu_percent,memory_mb\n1,2\n", "x.csv has no column elapsed_seconds"},
        {"1,2,3\n", "x.csv has no column elapsed_seconds"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plot_data data;
        struct pam_error error;

        assert_int_equal(read_text(&data, cases[i].text, &error), PAM_DAMAGED);
        assert_string_equal(error.text, cases[i].says);
        plot_data_done(&data);
    }
}

static void csv_leaves_bad_rows_out_and_says_so(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    assert_int_equal(read_text(&data,
                               "elapsed_seconds,cpu_percent,memory_mb\n"
                               "1,2,3\n"
                               "x,2,3\n"   /* not a number */
                               "2,2 %,3\n" /* nor this */
                               "2,inf,3\n" /* nor that */
                               ",2,3\n"    /* no time */
                               "nan,2,3\n"
                               "1e99,2,3\n"  /* no time that was ever measured */
                               "0.5,2,3\n"   /* back in time */
                               "2,nan,3\n"   /* unknown: a gap, not an error */
                               "3,4,\n"      /* the same */
                               "4,5,6,7,8\n" /* more than the header says */
                               "5,6",        /* cut */
                               &error),
                     0);
    assert_int_equal(data.count, 4);
    assert_true(isnan(data.rows[1].value[PLOT_CPU]));
    assert_true(isnan(data.rows[2].value[PLOT_MEMORY]));
    assert_true(data.rows[3].elapsed_s == 4);
    assert_string_equal(data.warning,
                        "8 rows of x.csv left out: not numbers, or going back in time");
    plot_data_done(&data);
}

static void csv_bounds_a_cell(void **state)
{
    const size_t size = 4 * PLOT_CSV_MAX_CELL;
    char *text = malloc(size + 1);
    struct plot_data data;
    struct pam_error error;

    (void)state;
    memset(text, 'x', size);
    text[0] = '"';
    text[size] = '\0';
    assert_int_equal(read_text(&data, text, &error), PAM_DAMAGED);
    assert_string_equal(error.text, "x.csv is no table: it has a cell of more than 65536 bytes");
    plot_data_done(&data);
    free(text);
}

static void csv_bounds_its_columns(void **state)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);
    struct plot_data data;
    struct pam_error error;

    (void)state;
    fputs("elapsed_seconds,cpu_percent,memory_mb", out);
    for (int i = 0; i < 3 * PLOT_CSV_MAX_COLUMNS; i++)
        fputs(",cpu_percent", out);
    fputs("\n1,2,3\n", out);
    fclose(out);
    assert_int_equal(read_text(&data, text, &error), 0);
    assert_true(data.rows[0].value[PLOT_CPU] == 2);
    plot_data_done(&data);
    free(text);
}

static void csv_title_comes_from_its_name(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    assert_int_equal(read_named(&data, "/a/pam_idle_no_x_20260211_143022_cpu.csv",
                                HEADER "\n1,2,3,4,\n", &error),
                     0);
    assert_string_equal(data.title, "idle_no_x");
    assert_string_equal(data.subtitle, "started 2026-02-11 14:30:22");
    plot_data_done(&data);
    assert_int_equal(
        read_named(&data, "pam_x.csv", HEADER "\n1,2,3,4,`evil evil evil evil`\n", &error), 0);
    assert_string_equal(data.title, "pam_x");
    assert_string_equal(data.subtitle, "");
    plot_data_done(&data);
}

static void input_refuses_what_it_cannot_draw(void **state)
{
    static const struct {
        const char *bytes;
        size_t size;
        const char *says;
    } cases[] = {
        {"", 0, "is empty"},
        {"\x1f\x8b\x08\x00", 4, "is compressed by gzip; unpack it first (gunzip)"},
        {"\x89PNG\r\n\x1a\n", 8, "is a picture already"},
        {"ab\0c", 4, "is neither a capture nor a CSV file"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char path[] = "/tmp/test_plot-XXXXXX";
        const int fd = mkstemp(path);
        struct plot_data data;
        struct pam_error error;

        assert_int_equal(write(fd, cases[i].bytes, cases[i].size), cases[i].size);
        plot_data_init(&data);
        assert_int_equal(plot_load(&data, path, BOTH, &error), PAM_DAMAGED);
        assert_non_null(strstr(error.text, cases[i].says));
        assert_non_null(strstr(error.text, path));
        plot_data_done(&data);
        close(fd);
        unlink(path);
    }
}

static void input_that_is_no_file(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    plot_data_init(&data);
    assert_int_equal(plot_load(&data, "/tmp", BOTH, &error), PAM_DAMAGED);
    assert_string_equal(error.text, "/tmp is a directory, not a capture or CSV file");
    assert_int_equal(plot_load(&data, "/no/such", BOTH, &error), PAM_FAILED);
    assert_string_equal(error.text, "cannot open /no/such: No such file or directory");
    plot_data_done(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(csv_of_the_old_monitor),
        cmocka_unit_test(csv_in_any_shape),
        cmocka_unit_test(csv_that_is_refused),
        cmocka_unit_test(csv_leaves_bad_rows_out_and_says_so),
        cmocka_unit_test(csv_bounds_a_cell),
        cmocka_unit_test(csv_bounds_its_columns),
        cmocka_unit_test(csv_title_comes_from_its_name),
        cmocka_unit_test(input_refuses_what_it_cannot_draw),
        cmocka_unit_test(input_that_is_no_file),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
