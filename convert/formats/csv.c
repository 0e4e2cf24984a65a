/* csv.c - the resource monitor as CSV: the five columns of PAM's old monitor, and more if asked.
 *
 * CRLF, no quoting, two decimals; an unknown value is an empty cell. */
#include <math.h>
#include <stdlib.h>

#include <pam/naming.h>

#include "formats/format.h"

struct csv {
    const struct pam_output_context *context;
    bool header_written;
};

static double megabytes(double bytes)
{
    return bytes / (1024.0 * 1024.0); /* what the old monitor called MB */
}

static double elapsed(const struct pam_point *p) { return p->elapsed_s; }
static double cpu(const struct pam_point *p) { return p->cpu_percent; }
static double memory_mb(const struct pam_point *p) { return megabytes(p->memory_bytes); }
static double memory(const struct pam_point *p) { return p->memory_percent; }
static double user(const struct pam_point *p) { return p->user_percent; }
static double system_cpu(const struct pam_point *p) { return p->system_percent; }
static double threads(const struct pam_point *p) { return p->threads; }
static double children(const struct pam_point *p) { return p->children; }
static double children_cpu(const struct pam_point *p) { return p->children_cpu_percent; }
static double children_mb(const struct pam_point *p) { return megabytes(p->children_memory_bytes); }
static double own_cpu(const struct pam_point *p) { return p->own_cpu_percent; }

/* The columns in order; the one without a function is the time of day. */
static const struct column {
    const char *name;
    double (*value)(const struct pam_point *point);
    int decimals;
    bool only_all;
} columns[] = {
    {"elapsed_seconds", elapsed, 2, false},
    {"cpu_percent", cpu, 2, false},
    {"memory_mb", memory_mb, 2, false},
    {"memory_percent", memory, 2, false},
    {"timestamp", NULL, 0, false},
    {"user_percent", user, 2, true},
    {"system_percent", system_cpu, 2, true},
    {"threads", threads, 0, true},
    {"children", children, 0, true},
    {"children_cpu_percent", children_cpu, 2, true},
    {"children_memory_mb", children_mb, 2, true},
    {"collector_cpu_percent", own_cpu, 2, true},
};

enum { COLUMNS = sizeof columns / sizeof *columns };

static int csv_open(void **state, const struct pam_output_context *context, struct pam_error *error)
{
    struct csv *csv = calloc(1, sizeof *csv);

    if (!csv)
        return pam_fail(error, PAM_MEMORY, "not enough memory for csv");
    csv->context = context;
    *state = csv;
    return 0;
}

static void write_header(const struct csv *csv)
{
    for (size_t i = 0; i < COLUMNS; i++)
        if (!columns[i].only_all || csv->context->all_columns)
            fprintf(csv->context->out, "%s%s", i ? "," : "", columns[i].name);
    fputs("\r\n", csv->context->out);
}

/* ISO 8601 without a zone, microseconds, in the board's own local time. */
static void write_time(const struct csv *csv, const struct pam_point *point)
{
    struct tm local;

    pam_local_time(point->realtime_ns, csv->context->about->utc_offset_s, &local);
    fprintf(csv->context->out, "%04d-%02d-%02dT%02d:%02d:%02d.%06u", local.tm_year + 1900,
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
    for (size_t i = 0; i < COLUMNS; i++) {
        double value;

        if (columns[i].only_all && !csv->context->all_columns)
            continue;
        if (i)
            fputc(',', out);
        if (!columns[i].value) {
            write_time(csv, point);
            continue;
        }
        value = columns[i].value(point);
        if (!isnan(value))
            fprintf(out, "%.*f", columns[i].decimals, value);
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
    .what = "CPU and memory over time, as PAM's old monitor wrote it",
    .open = csv_open,
    .point = csv_point,
    .finish = csv_finish,
    .free = free,
};
