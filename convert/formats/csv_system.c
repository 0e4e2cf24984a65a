/* csv_system.c - each core and each sensor of the board, interval by interval, as CSV.
 *
 * One number a row: boards differ in what they have. What they have in common is in csv, in the
 * columns that --columns all adds. */
#include <inttypes.h>
#include <stdlib.h>

#include "formats/cells.h"
#include "formats/format.h"

struct csv_system {
    const struct pam_output_context *context;
    bool header_written;
};

/* How a kind of sensor is shown. */
static const struct kind {
    const char *what;
    const char *unit;
    double divisor;
    int decimals;
} kinds[] = {
    [PAM_SENSOR_TEMPERATURE] = {"temperature", "celsius", 1000, 1},
    [PAM_SENSOR_FREQUENCY] = {"frequency", "MHz", 1000, 0},
    [PAM_SENSOR_ALARM] = {"voltage alarm", "", 1, 0},
    [PAM_SENSOR_THROTTLE_COUNT] = {"throttle count", "", 1, 0},
    [PAM_SENSOR_COOLING] = {"cooling", "", 1, 0},
};

enum { KINDS = sizeof kinds / sizeof *kinds };

static int csv_system_open(void **state, const struct pam_output_context *context,
                           struct pam_error *error)
{
    struct csv_system *csv = calloc(1, sizeof *csv);

    if (!csv)
        return pam_fail(error, PAM_MEMORY, "not enough memory for csv-system");
    csv->context = context;
    *state = csv;
    return 0;
}

static void write_header(struct csv_system *csv)
{
    if (!csv->header_written)
        fputs("elapsed_seconds,what,which,value,unit\r\n", csv->context->out);
    csv->header_written = true;
}

static void put_cores(const struct csv_system *csv, double elapsed_s)
{
    FILE *out = csv->context->out;
    size_t count;
    const struct pam_core_use *cores = pam_series_cores(csv->context->series, &count);

    for (size_t i = 0; i < count; i++) {
        fprintf(out, "%.2f,core,%" PRIu64 ",", elapsed_s, cores[i].core);
        pam_put_number(out, cores[i].busy_percent, 2);
        fputs(",percent\r\n", out);
    }
}

static void put_sensors(const struct csv_system *csv, double elapsed_s)
{
    FILE *out = csv->context->out;
    size_t count;
    const struct pam_sensor_state *sensors = pam_series_sensors(csv->context->series, &count);

    for (size_t i = 0; i < count; i++) {
        const struct kind *kind = (size_t)sensors[i].kind < KINDS ? &kinds[sensors[i].kind] : kinds;

        if (!kind->what)
            continue; /* of a newer version */
        fprintf(out, "%.2f,%s,", elapsed_s, kind->what);
        pam_put_name(out, pam_text(*sensors[i].name ? sensors[i].name : sensors[i].path));
        fputc(',', out);
        if (sensors[i].known)
            pam_put_number(out, (double)sensors[i].value / kind->divisor, kind->decimals);
        fprintf(out, ",%s\r\n", kind->unit);
    }
}

static int csv_system_point(void *state, const struct pam_point *point, struct pam_error *error)
{
    struct csv_system *csv = state;

    (void)error;
    write_header(csv);
    put_cores(csv, point->elapsed_s);
    put_sensors(csv, point->elapsed_s);
    if (csv->context->live)
        (void)fflush(csv->context->out);
    return 0;
}

static int csv_system_finish(void *state, struct pam_error *error)
{
    (void)error;
    write_header(state);
    return 0;
}

const struct pam_format pam_format_csv_system = {
    .name = "csv-system",
    .suffix = "_system.csv",
    .what = "each core and each sensor of the board",
    .open = csv_system_open,
    .point = csv_system_point,
    .finish = csv_system_finish,
    .free = free,
};
