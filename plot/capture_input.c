/* capture_input.c - runs a capture through reader and series, and keeps points and markers. */
#include "capture_input.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include <pam/naming.h>

#include "reader.h"
#include "series.h"

enum {
    COMMAND_BYTES = 64, /* what the second line has room for beside the rest */
    HOST_BYTES = 24,
    TIME_BYTES = 32, /* YYYY-MM-DD HH:MM:SS, whatever the year */
    NS_PER_S = 1000000000,
};

static const char CUT[] = " \xe2\x80\xa6"; /* an ellipsis */
static const double BYTES_PER_MB = 1024 * 1024;

/* What no machine can have used is not known. */
static double sensible(double value)
{
    return fabs(value) <= PLOT_MAX_VALUE ? value : NAN;
}

static int add_point(struct plot_data *data, const struct pam_point *point, struct pam_error *error)
{
    const struct plot_row row = {
        .elapsed_s = point->elapsed_s,
        .value = {[PLOT_CPU] = sensible(point->cpu_percent),
                  [PLOT_MEMORY] = sensible(point->memory_bytes / BYTES_PER_MB)},
    };

    if (!(fabs(row.elapsed_s) <= PLOT_MAX_ELAPSED_S) ||
        (data->count && row.elapsed_s < data->rows[data->count - 1].elapsed_s)) {
        data->damaged = true; /* no clock of a whole capture says that */
        return 0;
    }
    return plot_data_add_row(data, &row, error);
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

/* Negative when reading failed; then what was read until there is in `data`. */
static int read_events(struct plot_data *data, struct pam_reader *reader, struct pam_series *series,
                       struct pam_error *error)
{
    struct pam_event event;
    struct pam_point point;
    int result;

    while ((result = pam_reader_next(reader, &event, error)) > 0) {
        result = pam_series_add(series, &event, &point, error);
        if (result > 0)
            result = add_point(data, &point, error);
        if (result >= 0 && event.kind == PAM_EVENT_RECORD && event.record.type == PAM_marker)
            result = add_marker(data, pam_series_about(series), &event, error);
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

int plot_capture_read(struct plot_data *data, int fd, const char *name, unsigned columns,
                      struct pam_error *error)
{
    struct pam_reader *reader = NULL;
    struct pam_series *series = NULL;
    int result = pam_reader_open(&reader, fd, name, error);

    if (result >= 0)
        result = pam_series_new(&series, error);
    if (result >= 0) {
        result = read_events(data, reader, series, error);
        if (result < 0 && result != PAM_MEMORY && plot_data_has(data, columns)) {
            plot_data_warn(data, "%s", error->text);
            data->damaged = true;
            result = 0;
        }
    }
    if (result >= 0) {
        report_damage(data, pam_reader_damage(reader), name);
        result = plot_data_has(data, columns)
                     ? describe(data, pam_series_about(series), error)
                     : pam_fail(error, PAM_DAMAGED,
                                "%s has nothing to draw: not one whole interval of readings", name);
    }
    pam_series_free(series);
    pam_reader_free(reader);
    return result;
}
