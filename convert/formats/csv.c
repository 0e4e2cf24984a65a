/* csv.c - the resource monitor as CSV: the five columns of PAM's old monitor, and more if asked.
 *
 * CRLF, no quoting, two decimals; an unknown value is an empty cell. */
#include <stdlib.h>

#include <pam/naming.h>

#include "formats/cells.h"
#include "formats/format.h"

struct csv {
    const struct pam_output_context *context;
    bool header_written;
};

#define AT(field) offsetof(struct pam_point, field)
#define TIME_OF_DAY SIZE_MAX /* in the place of an offset */

/* The first ones are the old monitor's; all of them stand there with --columns all. */
static const struct pam_column columns[] = {
    {"elapsed_seconds", AT(elapsed_s), 0, 2},
    {"cpu_percent", AT(target.cpu_percent), 0, 2},
    {"memory_mb", AT(target.memory_bytes), PAM_BYTES_PER_MB, 2},
    {"memory_percent", AT(memory_percent), 0, 2},
    {"timestamp", TIME_OF_DAY, 0, 0},
    {"user_percent", AT(target.user_percent), 0, 2},
    {"system_percent", AT(target.system_percent), 0, 2},
    {"threads", AT(target.threads), 0, 0},
    {"children", AT(children), 0, 0},
    {"children_cpu_percent", AT(children_cpu_percent), 0, 2},
    {"children_memory_mb", AT(children_memory_bytes), PAM_BYTES_PER_MB, 2},
    {"collector_cpu_percent", AT(own_cpu_percent), 0, 2},
    {"run_queue_percent", AT(run_queue_percent), 0, 2},
    {"switches_per_second", AT(switches_per_s), 0, 1},
    {"main_voluntary_per_second", AT(target.main_voluntary_per_s), 0, 1},
    {"main_involuntary_per_second", AT(target.main_involuntary_per_s), 0, 1},
    {"minor_faults_per_second", AT(target.minor_faults_per_s), 0, 1},
    {"major_faults_per_second", AT(target.major_faults_per_s), 0, 1},
    {"pss_mb", AT(target.pss_bytes), PAM_BYTES_PER_MB, 2},
    {"open_files", AT(target.fds), 0, 0},
    {"read_bytes_per_second", AT(target.read_bytes_per_s), 0, 0},
    {"written_bytes_per_second", AT(target.written_bytes_per_s), 0, 0},
    {"read_calls_per_second", AT(target.read_calls_per_s), 0, 1},
    {"write_calls_per_second", AT(target.write_calls_per_s), 0, 1},
    {"disk_read_bytes_per_second", AT(target.disk_read_bytes_per_s), 0, 0},
    {"disk_written_bytes_per_second", AT(target.disk_written_bytes_per_s), 0, 0},
    {"board_cpu_percent", AT(board.cpu_percent), 0, 2},
    {"board_io_wait_percent", AT(board.io_wait_percent), 0, 2},
    {"board_stolen_percent", AT(board.stolen_percent), 0, 2},
    {"load_1", AT(board.load_1), 0, 2},
    {"load_5", AT(board.load_5), 0, 2},
    {"load_15", AT(board.load_15), 0, 2},
    {"memory_available_mb", AT(board.available_bytes), PAM_BYTES_PER_MB, 2},
    {"swap_used_mb", AT(board.swap_used_bytes), PAM_BYTES_PER_MB, 2},
    {"cpu_some_pressure_percent", AT(board.cpu_some_percent), 0, 2},
    {"memory_some_pressure_percent", AT(board.memory_some_percent), 0, 2},
    {"memory_full_pressure_percent", AT(board.memory_full_percent), 0, 2},
    {"io_some_pressure_percent", AT(board.io_some_percent), 0, 2},
    {"io_full_pressure_percent", AT(board.io_full_percent), 0, 2},
    {"temperature_celsius", AT(board.temperature_c), 0, 1},
    {"cpu_mhz", AT(board.frequency_mhz), 0, 0},
    {"throttled", AT(board.throttled), 0, 0},
};

enum { OLD_COLUMNS = 5, COLUMNS = sizeof columns / sizeof *columns };

static int csv_open(void **state, const struct pam_output_context *context, struct pam_error *error)
{
    struct csv *csv = calloc(1, sizeof *csv);

    if (!csv)
        return pam_fail(error, PAM_MEMORY, "not enough memory for csv");
    csv->context = context;
    *state = csv;
    return 0;
}

static size_t shown(const struct csv *csv)
{
    return csv->context->all_columns ? COLUMNS : OLD_COLUMNS;
}

static void write_header(const struct csv *csv)
{
    for (size_t i = 0; i < shown(csv); i++)
        fprintf(csv->context->out, "%s%s", i ? "," : "", columns[i].name);
    fputs("\r\n", csv->context->out);
}

/* ISO 8601 without a zone, microseconds, in the board's own local time. */
static void write_time(const struct csv *csv, const struct pam_point *point)
{
    struct tm local;

    pam_local_time(point->realtime_ns, pam_series_about(csv->context->series)->utc_offset_s, &local);
    fprintf(csv->context->out, "%04ld-%02d-%02dT%02d:%02d:%02d.%06u", local.tm_year + 1900L,
            local.tm_mon + 1, local.tm_mday, local.tm_hour, local.tm_min, local.tm_sec,
            (unsigned)(point->realtime_ns / 1000 % 1000000));
}

static int csv_point(void *state, const struct pam_point *point, struct pam_error *error)
{
    struct csv *csv = state;
    FILE *out = csv->context->out;

    (void)error;
    if (!csv->header_written)
        write_header(csv);
    csv->header_written = true;
    for (size_t i = 0; i < shown(csv); i++) {
        if (i)
            fputc(',', out);
        if (columns[i].offset == TIME_OF_DAY)
            write_time(csv, point);
        else
            pam_put_column(out, &columns[i], point);
    }
    fputs("\r\n", out);
    if (csv->context->live)
        (void)fflush(out);
    return 0;
}

static int csv_finish(void *state, struct pam_error *error)
{
    struct csv *csv = state;

    (void)error;
    if (!csv->header_written)
        write_header(csv);
    return 0;
}

const struct pam_format pam_format_csv = {
    .name = "csv",
    .suffix = ".csv",
    .name_suffix = "_cpu.csv",
    .what = "CPU and memory, as PAM's old monitor wrote them",
    .open = csv_open,
    .point = csv_point,
    .finish = csv_finish,
    .free = free,
};
