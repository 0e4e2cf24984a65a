/* csv_threads.c - what each thread used, interval by interval, as CSV. */
#include <inttypes.h>
#include <stddef.h>
#include <stdlib.h>

#include "formats/cells.h"
#include "formats/format.h"

#define COLUMN(name, member, decimals) {name, offsetof(struct pam_thread_use, member), 0, decimals}

static const struct pam_column columns[] = {
    COLUMN("cpu_percent", cpu_percent, 2),
    COLUMN("run_queue_percent", run_queue_percent, 2),
    COLUMN("switches_per_second", switches_per_s, 1),
    COLUMN("on_cpu_samples", on_cpu_samples, 0),
    COLUMN("kernel_samples", kernel_samples, 0),
    COLUMN("gil_percent", gil_percent, 2),
    COLUMN("gil_wait_percent", gil_wait_percent, 2),
    COLUMN("gil_unknown_percent", gil_unknown_percent, 2),
};

enum { COLUMNS = sizeof columns / sizeof *columns };

struct csv_threads {
    const struct pam_output_context *context;
    bool header_written;
};

static int csv_threads_open(void **state, const struct pam_output_context *context,
                            struct pam_error *error)
{
    struct csv_threads *csv = calloc(1, sizeof *csv);

    if (!csv)
        return pam_fail(error, PAM_MEMORY, "not enough memory for csv-threads");
    csv->context = context;
    *state = csv;
    return 0;
}

static void write_header(struct csv_threads *csv)
{
    FILE *out = csv->context->out;

    if (csv->header_written)
        return;
    fputs("elapsed_seconds,tid,thread", out);
    for (size_t i = 0; i < COLUMNS; i++)
        fprintf(out, ",%s", columns[i].name);
    fputs("\r\n", out);
    csv->header_written = true;
}

/* A row for each thread that is alive; one whose name was lost is left out. */
static int csv_threads_point(void *state, const struct pam_point *point, struct pam_error *error)
{
    struct csv_threads *csv = state;
    const struct pam_model *model = csv->context->model;
    FILE *out = csv->context->out;
    size_t count;
    const struct pam_thread_use *uses = pam_series_threads(csv->context->series, &count);

    (void)error;
    write_header(csv);
    for (size_t i = 0; i < count; i++) {
        const int64_t index = pam_model_thread_index(model, uses[i].thread);
        const struct pam_thread_model *thread;

        if (index < 0 || !pam_filter_thread(csv->context->filter, model, (size_t)index))
            continue;
        thread = pam_model_thread(model, (size_t)index);
        fprintf(out, "%.2f,%" PRIu64 ",", point->elapsed_s, thread->tid);
        pam_put_name(out, pam_model_text(model, thread->name));
        for (size_t c = 0; c < COLUMNS; c++) {
            fputc(',', out);
            pam_put_column(out, &columns[c], &uses[i]);
        }
        fputs("\r\n", out);
    }
    if (csv->context->live)
        (void)fflush(out);
    return 0;
}

static int csv_threads_finish(void *state, struct pam_error *error)
{
    (void)error;
    write_header(state);
    return 0;
}

const struct pam_format pam_format_csv_threads = {
    .name = "csv-threads",
    .suffix = "_threads.csv",
    .what = "CPU, waits, switches of each thread",
    .open = csv_threads_open,
    .point = csv_threads_point,
    .finish = csv_threads_finish,
    .free = free,
};
