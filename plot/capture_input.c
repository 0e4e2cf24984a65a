/* capture_input.c - runs a capture through reader and series, and keeps points and markers. */
#include "capture_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <pam/naming.h>

#include "counter_use.h"
#include "model.h"
#include "reader.h"
#include "series.h"

enum {
    COMMAND_BYTES = 64, /* what the second line has room for beside the rest */
    HOST_BYTES = 24,
    TIME_BYTES = 32, /* YYYY-MM-DD HH:MM:SS, whatever the year */
    NS_PER_S = 1000000000,
    MIN_INTERVAL_NS = 10000000, /* pamcollect's; the sliver at its end may be shorter, and has no rates */
};

static const char CUT[] = " \xe2\x80\xa6"; /* an ellipsis */
static const double BYTES_PER_MB = 1024 * 1024;

/* What reads the capture; `model` is there only for threads, whose names it knows. */
struct input {
    struct plot_data *data;
    struct pam_reader *reader;
    struct pam_series *series;
    struct pam_model *model;
    struct pam_counter_uses *counters; /* there only for them */
    struct pam_error *error;
};

/* What no machine can have used is not known. */
static double sensible(double value)
{
    return fabs(value) <= PLOT_MAX_VALUE ? value : NAN;
}

/* No clock of a whole capture says otherwise. */
static bool is_next(struct plot_data *data, double elapsed_s)
{
    if (fabs(elapsed_s) <= PLOT_MAX_ELAPSED_S &&
        !(data->count && elapsed_s < data->rows[data->count - 1].elapsed_s))
        return true;
    data->damaged = true;
    return false;
}

/* A thread whose record was lost has no name and is left out. */
static int add_threads(const struct input *input, double elapsed_s)
{
    size_t count;
    const struct pam_thread_use *uses = pam_series_threads(input->series, &count);
    int result = 0;

    for (size_t i = 0; i < count && result >= 0; i++) {
        const int64_t index = pam_model_thread_index(input->model, uses[i].thread);
        const struct pam_thread_model *thread;
        struct plot_thread_row row = {
            .elapsed_s = elapsed_s,
            .key = uses[i].thread,
            .cpu_percent = uses[i].cpu_percent,
            .run_queue_percent = uses[i].run_queue_percent,
        };
        struct pam_bytes name;

        if (index < 0 || !(row.cpu_percent + row.run_queue_percent <= PLOT_MAX_VALUE))
            continue;
        thread = pam_model_thread(input->model, (size_t)index);
        name = pam_model_text(input->model, thread->name);
        row.tid = thread->tid;
        row.name = name.data;
        row.name_size = name.size;
        result = plot_data_add_thread_row(input->data, &row, input->error);
    }
    return result;
}

/* Events that are times become CPU usage. */
static double drawn_value(const struct pam_counter_use *use)
{
    return use->is_ratio ? use->value : use->per_second / (strcmp(use->unit, "ns") ? 1 : 1e7);
}

/* Numbers of the target as a whole. */
static int add_counters(const struct input *input)
{
    const struct pam_about *about = pam_series_about(input->series);
    struct plot_row row;
    uint64_t from_ns, to_ns;
    size_t count;
    const struct pam_counter_use *uses = pam_counter_uses_get(input->counters, &count);
    int result = 0;

    for (size_t i = 0; i < PLOT_COLUMNS; i++)
        row.value[i] = NAN;
    pam_counter_uses_interval(input->counters, &from_ns, &to_ns);
    row.elapsed_s = (double)(int64_t)(to_ns - about->start_monotonic_ns) / NS_PER_S;
    if (to_ns - from_ns < MIN_INTERVAL_NS || !is_next(input->data, row.elapsed_s))
        return 0;
    for (size_t i = 0; i < count && result >= 0; i++) {
        enum plot_column column;

        if (uses[i].thread || uses[i].pid != about->pid)
            continue;
        result = plot_data_counter(&column, input->data, uses[i].event, uses[i].unit, uses[i].is_ratio,
                                   input->error);
        if (result == 0) {
            row.value[column] = sensible(drawn_value(&uses[i]));
            input->data->counters[column - PLOT_COUNTER].scaled |= uses[i].counted_percent < 100;
        }
    }
    return result < 0 ? result : plot_data_add_row(input->data, &row, input->error);
}

static int add_point(const struct input *input, const struct pam_point *point)
{
    struct plot_data *data = input->data;
    const struct plot_row row = {
        .elapsed_s = point->elapsed_s,
        .value = {[PLOT_CPU] = sensible(point->target.cpu_percent),
                  [PLOT_MEMORY] = sensible(point->target.memory_bytes / BYTES_PER_MB),
                  [PLOT_RUN_QUEUE] = sensible(point->run_queue_percent)},
    };

    if (!is_next(data, row.elapsed_s))
        return 0;
    return input->model ? add_threads(input, row.elapsed_s)
                        : plot_data_add_row(data, &row, input->error);
}

static int add_marker(struct plot_data *data, const struct pam_about *about,
                      const struct pam_event *event, struct pam_error *error)
{
    const struct pam_bytes name = event->record.marker.name;
    double elapsed_s;

    if (!about->start_monotonic_ns || event->time_ns < about->start_monotonic_ns)
        return 0;
    elapsed_s = (double)(event->time_ns - about->start_monotonic_ns) / NS_PER_S;
    return elapsed_s > PLOT_MAX_ELAPSED_S
               ? 0
               : plot_data_add_marker(data, elapsed_s, name.data, name.size, error);
}

static int take_event(const struct input *input, const struct pam_event *event)
{
    struct pam_point point;
    int result = input->model ? pam_model_add(input->model, event, input->error) : 0;

    if (result >= 0)
        result = pam_series_add(input->series, event, &point, input->error);
    if (result > 0 && !input->counters)
        result = add_point(input, &point);
    if (result >= 0 && input->counters)
        result = pam_counter_uses_add(input->counters, event, input->error);
    if (result > 0 && input->counters)
        result = add_counters(input);
    if (result >= 0 && event->kind == PAM_EVENT_RECORD && event->record.type == PAM_marker)
        result = add_marker(input->data, pam_series_about(input->series), event, input->error);
    return result;
}

/* Negative when reading failed; then what was read until there is in the data. */
static int read_events(const struct input *input)
{
    struct pam_event event;
    int result;

    while ((result = pam_reader_next(input->reader, &event, input->error)) > 0) {
        result = take_event(input, &event);
        if (result < 0)
            return result;
    }
    return result;
}

/* The arguments without the directories they lie in, as many as the title has room for. */
static void shorten_command(const char *command, char out[COMMAND_BYTES])
{
    size_t size = 0;

    while (*command) {
        const size_t length = strcspn(command, " ");
        const char *slash = *command == '/' ? memrchr(command, '/', length) : NULL;
        const char *word = slash && slash + 1 < command + length ? slash + 1 : command;
        const size_t shown = (size_t)(command + length - word);

        if (size + strlen(" ") + shown + sizeof CUT > COMMAND_BYTES)
            break;
        if (size)
            out[size++] = ' ';
        memcpy(out + size, word, shown);
        size += shown;
        command += length + (command[length] == ' ');
    }
    strcpy(out + size, *command ? CUT : "");
}

static int describe(struct plot_data *data, const struct pam_about *about, struct pam_error *error)
{
    const char *host = about->host ? about->host : "";
    char command[COMMAND_BYTES];
    char started[TIME_BYTES];
    struct tm local;

    shorten_command(about->command_line ? about->command_line : "", command);
    pam_local_time(about->start_realtime_ns, about->utc_offset_s, &local);
    if (!strftime(started, sizeof started, "%Y-%m-%d %H:%M:%S", &local))
        strcpy(started, "at an unknown time");
    data->title = strdup(about->scenario && *about->scenario ? about->scenario : "unnamed");
    if (asprintf(&data->subtitle, "%s%spid %llu%s%.*s, started %s", command, *command ? ", " : "",
                 (unsigned long long)about->pid, *host ? " on " : "", HOST_BYTES, host,
                 started) < 0)
        data->subtitle = NULL;
    return data->title && data->subtitle ? 0 : pam_fail(error, PAM_MEMORY, "no memory for a title");
}

static void report_damage(struct plot_data *data, const struct pam_damage *damage, const char *name)
{
    const uint64_t blocks = damage->damaged_blocks + damage->lost_blocks;

    if (blocks || damage->damaged_records || damage->skipped_bytes) {
        data->damaged = true;
        plot_data_warn(data,
                       "%s is damaged from byte %llu on (%llu blocks, %llu records, %llu bytes "
                       "skipped): the picture shows the rest",
                       name, (unsigned long long)damage->first_offset, (unsigned long long)blocks,
                       (unsigned long long)damage->damaged_records,
                       (unsigned long long)damage->skipped_bytes);
    } else if (data->damaged && !*data->warning) {
        plot_data_warn(data, "%s has readings that go back in time: they were left out", name);
    }
    if (damage->cut_tail)
        plot_data_warn(data, "%s ends in the middle of a block: the picture shows what is before",
                       name);
    else if (!damage->complete)
        plot_data_warn(data, "%s has no end: its collector was killed or still runs", name);
}

static int open_input(struct input *input, int fd, const char *name, unsigned columns)
{
    int result = pam_reader_open(&input->reader, fd, name, input->error);

    if (result >= 0)
        result = pam_series_new(&input->series, 0, input->error);
    if (result >= 0 && columns & PLOT_BY_THREAD)
        result = pam_model_new(&input->model, input->error);
    if (result >= 0 && columns & PLOT_BY_COUNTER)
        result = pam_counter_uses_new(&input->counters, input->error);
    return result;
}

static void close_input(struct input *input)
{
    pam_counter_uses_free(input->counters);
    pam_model_free(input->model);
    pam_series_free(input->series);
    pam_reader_free(input->reader);
}

int plot_capture_read(struct plot_data *data, int fd, const char *name, unsigned columns,
                      struct pam_error *error)
{
    struct input input = {.data = data, .error = error};
    int result = open_input(&input, fd, name, columns);

    if (result >= 0) {
        result = read_events(&input);
        if (result < 0 && result != PAM_MEMORY && plot_data_has(data, columns)) {
            plot_data_warn(data, "%s", error->text);
            data->damaged = true;
            result = 0;
        }
    }
    if (result >= 0) {
        report_damage(data, pam_reader_damage(input.reader), name);
        result = plot_data_has(data, columns)
                     ? describe(data, pam_series_about(input.series), error)
                     : pam_fail(error, PAM_DAMAGED,
                                "%s has nothing to draw: not one whole interval of %s", name,
                                columns & PLOT_BY_COUNTER  ? "events (pamcollect --event counts them)"
                                : columns & PLOT_BY_THREAD ? "CPU times of threads"
                                                           : "readings");
    }
    close_input(&input);
    return result;
}
