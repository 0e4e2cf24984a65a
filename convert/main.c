/* main.c - pamconvert: opens captures, names outputs, speaks to the user. */
#include <inttypes.h>
#include <signal.h>
#include <stdlib.h>
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

static void warn(const struct pam_source *source, const struct pam_outcome *outcome)
{
    const struct pam_damage *damage = &source->damage;
    const char *name = source->name;

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
    if (damage->unknown_records)
        fprintf(stderr, "%s: %s: %" PRIu64 " records of a newer version were skipped\n", program,
                name, damage->unknown_records);
    if (source->threads_left_out)
        fprintf(stderr, "%s: %s: there were too many threads: %" PRIu64 " were left out\n", program, name,
                source->threads_left_out);
    if (!damage->complete && !outcome->output_closed)
        fprintf(stderr, "%s: warning: %s ends early (the collector was killed, or still runs); all "
                "that it holds is converted\n", program, name);
}

/* Damage that costs data is a failure; a collector that dropped blocks, or an early end, is not. */
static bool is_damaged(const struct pam_damage *damage)
{
    return damage->damaged_blocks || damage->skipped_bytes || damage->damaged_records;
}

/* A line each. */
static void print_remarks(char *remarks)
{
    for (char *line = remarks ? strtok(remarks, "\n") : NULL; line; line = strtok(NULL, "\n"))
        fprintf(stderr, "%s: note: %s\n", program, line);
}

/* Several captures of which every one is good become one output. */
static int convert_open(struct pam_options *options, struct pam_source *sources, size_t count)
{
    static char paths[ALL_FORMATS][PATH_BYTES];
    struct pam_output outputs[ALL_FORMATS];
    const struct pam_conversion conversion = {
        .all_columns = options->all_columns,
        .positions = options->positions,
        .weight = options->weight,
        .event = options->event,
        .filter = &options->filter,
        .sysroot = options->sysroot,
    };
    struct pam_outcome outcome = {0};
    struct pam_error error = {""};
    size_t output_count = 0;
    bool damaged = false;
    int r = choose_outputs(options, sources[0].live ? NULL : sources[0].name, outputs, paths,
                           &output_count, &error);

    for (size_t i = 0; i < count && r == 0; i++)
        r = check_distinct(sources[i].fd, outputs, output_count, &error);
    if (r == 0)
        r = pam_sources_order(sources, count, &error);
    if (r == 0)
        r = pam_convert(sources, count, &conversion, outputs, output_count, &outcome, &error);
    if (!options->quiet)
        print_remarks(outcome.remarks);
    free(outcome.remarks);
    if (r < 0) {
        fprintf(stderr, "%s: %s\n", program, error.text);
        return pam_exit_status(r);
    }
    for (size_t i = 0; i < count; i++) {
        damaged |= is_damaged(&sources[i].damage);
        if (!options->quiet || is_damaged(&sources[i].damage))
            warn(&sources[i], &outcome);
    }
    if (outcome.missing_marker)
        fprintf(stderr, "%s: %s has no marker '%s', so nothing is in that part of it\n", program,
                sources[0].name, outcome.missing_marker);
    if (outcome.nothing_passed && !outcome.missing_marker && pam_filter_is_set(&options->filter))
        fprintf(stderr, "%s: warning: no time of any thread is in the part that was asked for%s\n",
                program, !options->filter.gil ? ""
                         : options->filter.no_gil && !options->filter.has_gil
                             ? ": this CPython has no GIL: it is free-threaded, and runs with the GIL disabled"
                             : " (or the capture does not tell who held the GIL)");
    for (size_t i = 0; i < output_count && !options->quiet; i++)
        if (outputs[i].path)
            fprintf(stderr, "%s: wrote %s\n", program, outputs[i].path);
    return damaged || outcome.missing_marker ? 1 : 0;
}

static int convert(struct pam_options *options, char *const *captures, size_t count)
{
    struct pam_source *sources = calloc(count, sizeof *sources);
    struct pam_error error = {""};
    size_t opened = 0;
    int status;
    int r = sources ? 0 : pam_fail(&error, PAM_MEMORY, "not enough memory for %zu captures", count);

    while (r == 0 && opened < count) {
        r = pam_source_open(&sources[opened], captures ? captures[opened] : NULL, &error);
        opened += r == 0;
    }
    if (r == 0) {
        status = convert_open(options, sources, count);
    } else {
        fprintf(stderr, "%s: %s\n", program, error.text);
        status = pam_exit_status(r);
    }
    for (size_t i = 0; i < opened; i++)
        pam_source_close(&sources[i]);
    free(sources);
    return status;
}

static void ignore_once(int signal_number)
{
    (void)signal_number; /* SA_RESETHAND: the next one ends us */
}

static int convert_all(struct pam_options *options)
{
    int status = 0;

    if (options->merge)
        return convert(options, options->captures, (size_t)options->capture_count);
    for (int i = 0; i < options->capture_count; i++) {
        const int one = convert(options, &options->captures[i], 1);

        status = one > status ? one : status;
    }
    return status;
}

/* Ctrl-C in a pipeline reaches the collector too: wait for its last block and finish. */
static int convert_input(struct pam_options *options)
{
    struct sigaction action = {.sa_handler = ignore_once, .sa_flags = (int)SA_RESETHAND | SA_RESTART};

    if (isatty(STDIN_FILENO)) {
        fprintf(stderr, "%s: standard input is a terminal: name a capture, or pipe one in from "
                "pamcollect\n", program);
        return 2;
    }
    (void)sigaction(SIGINT, &action, NULL);
    return convert(options, NULL, 1);
}

int main(int argc, char **argv)
{
    struct pam_options options;
    int status;

    pam_options_parse(&options, argc, argv);
    (void)signal(SIGPIPE, SIG_IGN);
    status = options.capture_count ? convert_all(&options) : convert_input(&options);
    if (options.filter.by_thread)
        regfree(&options.filter.thread);
    return status;
}
