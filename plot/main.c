/* main.c - pamplot: draws each input and says what it wrote; the only part that prints messages. */
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "gnuplot.h"
#include "load.h"
#include "names.h"
#include "options.h"
#include "output.h"
#include "script.h"

/* Names in messages may hold anything; a terminal must not take orders from them. */
static void say(const char *sentence)
{
    fputs("pamplot: ", stderr);
    for (; *sentence; sentence++) {
        const unsigned char byte = (unsigned char)*sentence;

        fputc(byte < 0x20 || byte == 0x7f ? '?' : byte, stderr);
    }
    fputc('\n', stderr);
}

static int draw(const struct plot_options *options, const struct plot_data *data, const char *path,
                struct pam_error *error)
{
    const struct plot_picture picture = {data, options->kind, options->terminal, options->title};
    const int fd = memfd_create("pamplot-picture", MFD_CLOEXEC);
    int result;

    if (fd < 0)
        return pam_fail(error, PAM_FAILED, "cannot make room for a picture: %s", strerror(errno));
    result = plot_gnuplot_run(plot_script_write, &picture, fd, error);
    if (result >= 0)
        result = plot_output_save(fd, path, error);
    close(fd);
    return result;
}

/* A file given with -o, or a name made from the input's. */
static int output_path(char **ret, const struct plot_options *options, const char *input,
                       struct pam_error *error)
{
    struct stat in;
    struct stat out;
    const bool in_known = stat(input, &in) == 0;
    int result = 0;

    if (!options->output && in_known && !S_ISREG(in.st_mode) && !S_ISDIR(in.st_mode))
        return pam_fail(error, PAM_USAGE, "%s is a pipe; it needs -o PATH", input);
    if (!options->output || options->output_is_directory)
        result = plot_output_name(ret, input, options->output, options->kind->name,
                                  options->terminal->name, error);
    else if (!(*ret = strdup(options->output)))
        result = pam_fail(error, PAM_MEMORY, "no memory for a file name");
    if (result >= 0 && in_known && stat(*ret, &out) == 0 && in.st_dev == out.st_dev &&
        in.st_ino == out.st_ino)
        result = pam_fail(error, PAM_USAGE, "%s is the input; it is not overwritten", *ret);
    return result;
}

static int plot(const struct plot_options *options, const char *input, struct plot_data *data,
                char **path, struct pam_error *error)
{
    int result = output_path(path, options, input, error);

    if (result >= 0)
        result = plot_load(data, input, plot_kind_columns(options->kind), error);
    if (result >= 0)
        result = draw(options, data, *path, error);
    return result;
}

static int plot_one(const struct plot_options *options, const char *input)
{
    struct plot_data data;
    struct pam_error error = {""};
    char *path = NULL;
    int result;

    plot_data_init(&data);
    result = plot(options, input, &data, &path, &error);
    if (data.markers_left_out)
        plot_data_warn(&data, "%zu markers left out", data.markers_left_out);
    if (data.counters_left_out)
        plot_data_warn(&data, "only the first %d counters are drawn (pamconvert -f csv-counters has all)",
                       PLOT_MAX_COUNTERS);
    if (*data.warning)
        say(data.warning);
    if (result < 0)
        say(error.text);
    else if (!options->quiet && strcmp(path, "-") != 0)
        puts(path);
    if (result >= 0 && data.damaged)
        result = PAM_DAMAGED;
    plot_data_done(&data);
    free(path);
    return result;
}

/* A descriptor below 3 that we opened ourselves would be mistaken for stdin, stdout or stderr. */
static void fill_standard_descriptors(void)
{
    int fd;

    do
        fd = open("/dev/null", O_RDWR | O_CLOEXEC);
    while (fd >= 0 && fd <= STDERR_FILENO);
    if (fd >= 0)
        close(fd);
}

/* A user's terminal setting makes gnuplot-nox crash; ours is in the script. */
static void forget_terminal(void)
{
    (void)unsetenv("GNUTERM");
}

int main(int argc, char **argv)
{
    struct plot_options options;
    int status = 0;

    fill_standard_descriptors();
    forget_terminal();
    plot_options_parse(&options, argc, argv);
    for (size_t i = 0; i < options.input_count; i++) {
        const int result = plot_one(&options, options.inputs[i]);

        if (!status)
            status = pam_exit_status(result);
    }
    if (fflush(stdout) != 0 || ferror(stdout)) {
        say("cannot write to stdout");
        status = status ? status : 1;
    }
    return status;
}
