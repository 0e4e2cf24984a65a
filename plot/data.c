/* data.c - keeps rows and markers, and sums them up. */
#include "data.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

enum { FIRST_ROOM = 1024 };

void plot_data_init(struct plot_data *data)
{
    memset(data, 0, sizeof *data);
}

void plot_data_done(struct plot_data *data)
{
    for (size_t i = 0; i < data->marker_count; i++)
        free(data->markers[i].name);
    for (size_t i = 0; i < data->counter_count; i++)
        free(data->counters[i].name);
    plot_threads_done(&data->threads);
    free(data->rows);
    free(data->title);
    free(data->subtitle);
    plot_data_init(data);
}

int plot_data_add_row(struct plot_data *data, const struct plot_row *row, struct pam_error *error)
{
    if (data->count == PLOT_MAX_ROWS)
        return pam_fail(error, PAM_DAMAGED, "more than %d readings", PLOT_MAX_ROWS);
    if (data->count == data->room) {
        const size_t room = data->room ? 2 * data->room : FIRST_ROOM;
        struct plot_row *rows = realloc(data->rows, room * sizeof *rows);

        if (!rows)
            return pam_fail(error, PAM_MEMORY, "no memory for %zu readings", room);
        data->rows = rows;
        data->room = room;
    }
    data->rows[data->count++] = *row;
    return 0;
}

static int start_row(struct plot_data *data, double elapsed_s, struct pam_error *error)
{
    const struct plot_row row = {
        .elapsed_s = elapsed_s,
        .value = {[PLOT_CPU] = 0, [PLOT_MEMORY] = NAN, [PLOT_RUN_QUEUE] = 0},
    };

    return plot_data_add_row(data, &row, error);
}

int plot_data_add_thread_row(struct plot_data *data, const struct plot_thread_row *row,
                             struct pam_error *error)
{
    struct plot_thread *thread;
    struct plot_use use = {
        .cpu_percent = (float)row->cpu_percent,
        .run_queue_percent = (float)row->run_queue_percent,
    };
    int result = plot_threads_get(&thread, &data->threads, row->key, error);

    if (result < 0)
        return result;
    thread->tid = row->tid;
    result = plot_thread_rename(thread, row->name, row->name_size, error);
    if (result >= 0 && (!data->count || data->rows[data->count - 1].elapsed_s != row->elapsed_s ||
                        thread->rows_seen == data->count))
        result = start_row(data, row->elapsed_s, error);
    if (result < 0)
        return result;
    thread->rows_seen = data->count;
    use.row = (uint32_t)(data->count - 1);
    data->rows[use.row].value[PLOT_CPU] += row->cpu_percent;
    data->rows[use.row].value[PLOT_RUN_QUEUE] += row->run_queue_percent;
    return row->cpu_percent > 0 || row->run_queue_percent > 0
               ? plot_thread_add(&data->threads, thread, &use, error)
               : 0;
}

/* Units are of a small set; what is none of it is shown without. */
static const char *known_unit(const char *unit)
{
    static const char *const units[] = {"ns", "instructions per cycle", "per 1000 instructions"};

    for (size_t i = 0; i < sizeof units / sizeof *units; i++)
        if (!strcmp(units[i], unit))
            return units[i];
    return "";
}

int plot_data_counter(enum plot_column *column, struct plot_data *data, const char *name,
                      const char *unit, bool is_ratio, struct pam_error *error)
{
    char *copy;

    for (size_t i = 0; i < data->counter_count; i++)
        if (!strcmp(data->counters[i].name, name)) {
            *column = PLOT_COUNTER + (unsigned)i;
            return 0;
        }
    if (data->counter_count == PLOT_MAX_COUNTERS) {
        data->counters_left_out = true;
        return 1;
    }
    copy = strdup(name);
    if (!copy)
        return pam_fail(error, PAM_MEMORY, "no memory for the name of a counter");
    data->counters[data->counter_count] = (struct plot_counter){copy, known_unit(unit), is_ratio, false};
    *column = PLOT_COUNTER + (unsigned)data->counter_count++;
    return 0;
}

int plot_data_add_marker(struct plot_data *data, double elapsed_s, const void *name, size_t size,
                         struct pam_error *error)
{
    char *copy;

    if (data->marker_count == PLOT_MAX_MARKERS) {
        data->markers_left_out++;
        return 0;
    }
    copy = malloc(size + 1);
    if (!copy)
        return pam_fail(error, PAM_MEMORY, "no memory for a marker");
    if (size)
        memcpy(copy, name, size);
    copy[size] = '\0';
    data->markers[data->marker_count++] = (struct plot_marker){elapsed_s, copy};
    return 0;
}

void plot_data_warn(struct plot_data *data, const char *format, ...)
{
    const size_t used = strlen(data->warning);
    const char *separator = used ? "; " : "";
    va_list arguments;

    if (used + strlen(separator) + 1 >= sizeof data->warning)
        return;
    strcpy(data->warning + used, separator);
    va_start(arguments, format);
    (void)vsnprintf(data->warning + used + strlen(separator),
                    sizeof data->warning - used - strlen(separator), format, arguments);
    va_end(arguments);
}

bool plot_data_has(const struct plot_data *data, unsigned columns)
{
    if (columns & PLOT_BY_COUNTER)
        return data->count && data->counter_count;
    for (size_t i = 0; i < data->count; i++)
        for (unsigned column = 0; column < PLOT_COLUMNS; column++)
            if ((columns >> column & 1) && !isnan(data->rows[i].value[column]))
                return true;
    return false;
}

struct plot_statistics plot_data_statistics(const struct plot_data *data, enum plot_column column)
{
    struct plot_statistics statistics = {0, 0, INFINITY, -INFINITY};
    double sum = 0;

    for (size_t i = 0; i < data->count; i++) {
        const double value = data->rows[i].value[column];

        if (isnan(value))
            continue;
        statistics.known++;
        sum += value;
        statistics.low = fmin(statistics.low, value);
        statistics.peak = fmax(statistics.peak, value);
    }
    if (!statistics.known)
        return (struct plot_statistics){0, 0, 0, 0};
    statistics.mean = sum / (double)statistics.known;
    return statistics;
}
