/* main.c - pamconvert: opens captures, names outputs, speaks to the user. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "convert.h"
#include "options.h"

static const char program[] = "pamconvert";

enum { PATH_BYTES = 4096, ALL_FORMATS = 8 };

/* "/a/b.pamcap" with suffix ".csv" is "/a/b.csv", or DIR/b.csv. */
static int output_path(char path[PATH_BYTES], const char *capture, const char *folder,
                       const char *suffix, struct pam_error *error)
{
    static const char ending[] = ".pamcap";
    const char *base = strrchr(capture, '/');
    size_t stem;
    int size;

    if (folder)
        capture = base ? base + 1 : capture;
    stem = strlen(capture);
    if (stem > sizeof ending - 1 && !strcmp(capture + stem - (sizeof ending - 1), ending))
        stem -= sizeof ending - 1;
    size = snprintf(path, PATH_BYTES, "%s%s%.*s%s", folder ? folder : "", folder ? "/" : "",
                    (int)stem, capture, suffix);
    if (size < 0 || size >= PATH_BYTES)
        return pam_fail(error, PAM_USAGE, "the name '%.100s...' is too long", capture);
    return 0;
}

/* The outputs of one capture: the usual set, a file in a folder, or what --output says. */
static int choose_outputs(const struct pam_options *options, const char *capture,
                          struct pam_output *outputs, char paths[][PATH_BYTES], size_t *count,
                          struct pam_error *error)
{
    struct stat status;
    int r = 0;

    *count = 0;
    if (options->all) {
        for (size_t i = 0; pam_formats[i] && r == 0; i++)
            if (pam_formats[i]->name_suffix && *count < ALL_FORMATS) {
                r = output_path(paths[*count], capture, options->output, pam_formats[i]->name_suffix,
                                error);
                outputs[*count] = (struct pam_output){pam_formats[i], paths[*count]};
                (*count)++;
            }
        return r;
    }
    outputs[0] = (struct pam_output){options->format, options->output};
    *count = 1;
    if (options->output && !strcmp(options->output, "-"))
        outputs[0].path = NULL;
    else if (options->output && stat(options->output, &status) == 0 && S_ISDIR(status.st_mode)) {
        r = output_path(paths[0], capture ? capture : "capture", options->output,
                        options->format->suffix, error);
        outputs[0].path = paths[0];
    }
    return r;
}

/* An output that is the input would destroy it before it is read. */
static int check_distinct(int fd, const struct pam_output *outputs, size_t count,
                          struct pam_error *error)
{
    struct stat input, output;

    for (size_t i = 0; i < count; i++)
        if (outputs[i].path && fstat(fd, &input) == 0 && stat(outputs[i].path, &output) == 0 &&
            input.st_dev == output.st_dev && input.st_ino == output.st_ino &&
            S_ISREG(input.st_mode))
            return pam_fail(error, PAM_USAGE, "%s is the capture itself: name another output",
                            outputs[i].path);
    return 0;
}

static int open_capture(const char *path, struct pam_error *error)
{
    struct stat status;
    const int fd = open(path, O_RDONLY | O_CLOEXEC);

    if (fd < 0)
        return pam_fail(error, PAM_FAILED, "cannot open %s: %s", path, strerror(errno));
    if (fstat(fd, &status) == 0 && S_ISDIR(status.st_mode)) {
        (void)close(fd);
        return pam_fail(error, PAM_DAMAGED, "%s is a directory, not a capture", path);
    }
    return fd;
}

static void warn(const char *name, const struct pam_outcome *outcome)
{
    const struct pam_damage *damage = &outcome->damage;

    if (damage->damaged_blocks || damage->skipped_bytes || damage->damaged_records)
        fprintf(stderr,
                "%s: %s is damaged from byte %" PRIu64 " on: %" PRIu64 " blocks and %" PRIu64
                " records could not be read, %" PRIu64 " bytes belong to none; the rest is "
                "converted, what threads did meanwhile is shown as [unknown]\n",
                program, name, damage->first_offset, damage->damaged_blocks,
                damage->damaged_records, damage->skipped_bytes);
    if (damage->lost_blocks)
        fprintf(stderr, "%s: %s: %" PRIu64 " blocks are missing or depend on missing ones\n",
                program, name, damage->lost_blocks);
    if (outcome->missing_marker)
        fprintf(stderr, "%s: %s has no marker '%s', so nothing is in that part of it\n", program, name,
                outcome->missing_marker);
    if (damage->unknown_records)
        fprintf(stderr, "%s: %s: %" PRIu64 " records of a newer version were skipped\n", program,
                name, damage->unknown_records);
    if (!damage->complete && !outcome->output_closed)
        fprintf(stderr, "%s: warning: %s ends early (the collector was killed, or still runs); all "
                "that it holds is converted\n", program, name);
}

/* Damage that costs data is a failure; a collector that dropped blocks, or an early end, is not. */
static bool is_damaged(const struct pam_damage *damage)
{
    return damage->damaged_blocks || damage->skipped_bytes || damage->damaged_records;
}

static int convert_one(struct pam_options *options, const char *capture)
{
    static char paths[ALL_FORMATS][PATH_BYTES];
    struct pam_output outputs[ALL_FORMATS];
    struct pam_conversion conversion = {
        .input_name = capture ? capture : "standard input",
        .live = !capture,
        .all_columns = options->all_columns,
        .weight = options->weight,
        .filter = &options->filter,
    };
    struct pam_outcome outcome = {0};
    struct pam_error error = {""};
    size_t count = 0;
    int fd = capture ? open_capture(capture, &error) : STDIN_FILENO;
    int r = fd < 0 ? fd : choose_outputs(options, capture, outputs, paths, &count, &error);

    if (r == 0)
        r = check_distinct(fd, outputs, count, &error);
    if (r == 0)
        r = pam_convert(fd, &conversion, outputs, count, &outcome, &error);
    if (capture && fd >= 0)
        (void)close(fd);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", program, error.text);
        return pam_exit_status(r);
    }
    if (!options->quiet || is_damaged(&outcome.damage) || outcome.missing_marker)
        warn(conversion.input_name, &outcome);
    for (size_t i = 0; i < count && !options->quiet; i++)
        if (outputs[i].path)
            fprintf(stderr, "%s: wrote %s\n", program, outputs[i].path);
    return is_damaged(&outcome.damage) || outcome.missing_marker ? 1 : 0;
}

static void ignore_once(int signal_number)
{
    (void)signal_number; /* SA_RESETHAND: the next one ends us */
}

int main(int argc, char **argv)
{
    struct pam_options options;
    int status = 0;

    pam_options_parse(&options, argc, argv);
    (void)signal(SIGPIPE, SIG_IGN);
    if (!options.capture_count) {
        /* Ctrl-C in a pipeline reaches the collector too: wait for its last block and finish. */
        struct sigaction action = {.sa_handler = ignore_once, .sa_flags = (int)SA_RESETHAND | SA_RESTART};

        if (isatty(STDIN_FILENO)) {
            fprintf(stderr, "%s: standard input is a terminal: name a capture, or pipe one in from "
                    "pamcollect\n", program);
            return 2;
        }
        (void)sigaction(SIGINT, &action, NULL);
        return convert_one(&options, NULL);
    }
    for (int i = 0; i < options.capture_count; i++) {
        const int one = convert_one(&options, options.captures[i]);

        status = one > status ? one : status;
    }
    return status;
}
