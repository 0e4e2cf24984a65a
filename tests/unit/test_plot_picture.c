/* test_plot_picture.c - gnuplot run for real and for worse, and pictures saved. */
#include <fcntl.h>
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

#include "gnuplot.h"
#include "output.h"
#include "script.h"

static int memory_file(const void *bytes, size_t size)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);

    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, size), size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    return fd;
}

static void add(struct plot_data *data, double elapsed_s, double cpu, double memory)
{
    const struct plot_row row = {elapsed_s, {[PLOT_CPU] = cpu, [PLOT_MEMORY] = memory}};
    struct pam_error error;

    assert_int_equal(plot_data_add_row(data, &row, &error), 0);
}

static void write_to(FILE *out, const void *text)
{
    fputs(text, out);
}

static void write_much(FILE *out, const void *unused)
{
    (void)unused;
    for (int i = 0; i < 100000; i++)
        fputs("x = 1\n", out);
}

/* Puts a shell script in the place of gnuplot and runs it. */
static int run_fake(const char *script, void (*write_script)(FILE *, const void *),
                    struct pam_error *error)
{
    char directory[] = "/tmp/test_plot-XXXXXX";
    char path[64];
    char *before = strdup(getenv("PATH"));
    const int fd = memory_file("", 0);
    FILE *out;
    int result;

    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/gnuplot", directory);
    if (script) {
        out = fopen(path, "w");
        fprintf(out, "#!/bin/sh\nPATH=%s\n%s\n", before, script);
        fclose(out);
        chmod(path, 0700);
    }
    setenv("PATH", directory, 1);
    result = plot_gnuplot_run(write_script, "", fd, error);
    setenv("PATH", before, 1);
    unlink(path);
    rmdir(directory);
    free(before);
    close(fd);
    return result;
}

static void gnuplot_that_fails(void **state)
{
    struct pam_error error;

    (void)state;
    assert_int_equal(run_fake(NULL, write_to, &error), PAM_FAILED);
    assert_non_null(strstr(error.text, "apt-get install gnuplot-nox"));
    assert_int_equal(run_fake("exit 3", write_much, &error), PAM_FAILED); /* no SIGPIPE */
    assert_string_equal(error.text, "gnuplot failed: it gave no picture and no reason");
    assert_int_equal(run_fake("echo picture; exec <&-", write_much, &error), PAM_FAILED);
    assert_int_equal(run_fake("yes | head -c 300000 >&2; cat >&2; exit 1", write_much, &error),
                     PAM_FAILED); /* no deadlock */
    assert_int_equal(
        run_fake("(echo; echo ' no  such'; echo ' font') >&2; exit 1", write_to, &error),
        PAM_FAILED);
    assert_string_equal(error.text, "gnuplot failed: no such font");
    assert_int_equal(run_fake("cat > /dev/null", write_to, &error), PAM_FAILED);
    assert_int_equal(run_fake("kill -9 $$", write_much, &error), PAM_FAILED);
    assert_string_equal(error.text, "gnuplot was ended by signal 9 (Killed)");
    assert_int_equal(run_fake("cat > /dev/null; echo picture", write_much, &error), 0);
}

static bool gnuplot_is_here(void)
{
    return system("command -v gnuplot > /dev/null 2>&1") == 0;
}

/* Draws `title` as title, subtitle and marker and returns the picture's size. */
static long long draw(const char *title, const struct plot_terminal *terminal)
{
    const int fd = memory_file("", 0);
    const struct plot_kind *kind = plot_kind_at(0);
    struct plot_data data;
    struct plot_picture picture = {&data, kind, terminal, NULL};
    struct pam_error error = {""};
    struct stat status;

    plot_data_init(&data);
    for (int i = 0; i < 5; i++)
        add(&data, i, i == 1 ? (double)NAN : i, 1);
    data.title = strdup(title);
    data.subtitle = strdup(title);
    assert_int_equal(plot_data_add_marker(&data, 2, title, strlen(title), &error), 0);
    assert_int_equal(plot_gnuplot_run(plot_script_write, &picture, fd, &error), 0);
    assert_string_equal(error.text, "");
    assert_int_equal(fstat(fd, &status), 0);
    plot_data_done(&data);
    close(fd);
    return status.st_size;
}

static void no_text_is_executed(void **state)
{
    static const char *const titles[] = {
        "`touch EXECUTED`",
        "'`touch EXECUTED`'",
        "\"`touch EXECUTED`\"",
        "'; system('touch EXECUTED'); '",
        "'; system(\"touch EXECUTED\") #",
        "' . system('touch EXECUTED') . '",
        "''. system(\"touch EXECUTED\") .''",
        "\\'; system(\"touch EXECUTED\") #",
        "a\nsystem('touch EXECUTED')\n",
        "a\r!touch EXECUTED\r",
        "\n!touch EXECUTED\n",
        "\\\n!touch EXECUTED",
        "\\U+000A!touch EXECUTED",
        "|touch EXECUTED",
        "@GPVAL_PWD {/Symbol a}_b^c { } {{{ # \" ; %s%n",
        "\xff\xfe\xc0\xa7",
    };
    char directory[] = "/tmp/test_plot-XXXXXX";
    char *before = getcwd(NULL, 0);

    (void)state;
    if (!gnuplot_is_here())
        skip();
    assert_non_null(mkdtemp(directory));
    assert_int_equal(chdir(directory), 0);
    for (size_t i = 0; i < sizeof titles / sizeof *titles; i++)
        for (size_t terminal = 0; plot_terminal_at(terminal); terminal++) {
            assert_true(draw(titles[i], plot_terminal_at(terminal)) > 1000);
            assert_int_equal(access("EXECUTED", F_OK), -1);
        }
    assert_int_equal(chdir(before), 0);
    assert_int_equal(rmdir(directory), 0); /* empty: nothing else was made either */
    free(before);
}

static void picture_is_replaced_whole_or_not_at_all(void **state)
{
    char directory[] = "/tmp/test_plot-XXXXXX";
    char path[64];
    char bytes[16] = {0};
    const int fd = memory_file("picture", 7);
    const int unreadable = open("/dev/null", O_WRONLY);
    struct pam_error error;
    struct stat status;
    FILE *file;

    (void)state;
    assert_non_null(mkdtemp(directory));
    umask(027);
    snprintf(path, sizeof path, "%s/a'`\n.png", directory);
    assert_int_equal(plot_output_save(fd, path, &error), 0);
    assert_int_equal(plot_output_save(fd, path, &error), 0);
    assert_int_equal(plot_output_save(unreadable, path, &error), PAM_FAILED);
    file = fopen(path, "r");
    assert_int_equal(fread(bytes, 1, sizeof bytes, file), 7);
    assert_string_equal(bytes, "picture");
    fclose(file);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0640); /* as any new file, not as mkostemp's */
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(directory), 0); /* no temporary name is left */
    assert_int_equal(plot_output_save(fd, path, &error), PAM_FAILED);
    assert_non_null(strstr(error.text, "No such file or directory"));
    assert_int_equal(plot_output_save(fd, "/dev/null", &error), 0);
    assert_int_equal(stat("/dev/null", &status), 0);
    assert_true(S_ISCHR(status.st_mode));
    close(unreadable);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(gnuplot_that_fails),
        cmocka_unit_test(no_text_is_executed),
        cmocka_unit_test(picture_is_replaced_whole_or_not_at_all),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
