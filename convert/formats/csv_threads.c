/* csv_threads.c - what each thread used, interval by interval, as CSV. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/format.h"

struct thread_totals {
    struct pam_thread_cpu before; /* at the interval before */
    bool known;
    bool seen;                    /* alive: in the capture and not yet gone */
    struct pam_thread_cpu now;
};

struct csv_threads {
    const struct pam_output_context *context;
    struct thread_totals *threads; /* by index in the model */
    size_t room;
    uint64_t before_ns;            /* time of the interval before, 0: there is none */
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

static struct thread_totals *totals_for(struct csv_threads *csv, uint64_t thread_id)
{
    const int64_t index = pam_model_thread_index(csv->context->model, thread_id);

    if (index < 0)
        return NULL;
    if ((size_t)index >= csv->room) {
        const size_t room = 2 * ((size_t)index + 32);
        struct thread_totals *grown = realloc(csv->threads, room * sizeof *grown);

        if (!grown)
            return NULL;
        memset(grown + csv->room, 0, (room - csv->room) * sizeof *grown);
        csv->threads = grown;
        csv->room = room;
    }
    return &csv->threads[index];
}

/* Quoted as RFC 4180 says when it has to be: names are the service's own. */
static void put_name(FILE *out, struct pam_bytes name)
{
    bool quote = false;

    for (size_t i = 0; i < name.size; i++)
        quote |= name.data[i] == ',' || name.data[i] == '"' || name.data[i] < 0x20;
    if (quote)
        fputc('"', out);
    for (size_t i = 0; i < name.size; i++) {
        if (name.data[i] == '"')
            fputc('"', out);
        fputc(name.data[i] < 0x20 ? ' ' : name.data[i], out);
    }
    if (quote)
        fputc('"', out);
}

static void put_row(const struct csv_threads *csv, size_t index, uint64_t time_ns)
{
    const struct thread_totals *totals = &csv->threads[index];
    const struct pam_thread_model *thread = pam_model_thread(csv->context->model, index);
    const double seconds = (double)(time_ns - csv->before_ns) / 1e9;
    FILE *out = csv->context->out;

    fprintf(out, "%.2f,%" PRIu64 ",",
            (double)(int64_t)(time_ns - csv->context->about->start_monotonic_ns) / 1e9, thread->tid);
    put_name(out, pam_model_text(csv->context->model, thread->name));
    fprintf(out, ",%.2f,%.2f,%.1f\r\n",
            (double)(totals->now.cpu_ns - totals->before.cpu_ns) / seconds / 1e7,
            (double)(totals->now.wait_ns - totals->before.wait_ns) / seconds / 1e7,
            (double)(totals->now.switches - totals->before.switches) / seconds);
}

/* A health record closes an interval: a row for each thread that is alive and was known before. */
static void close_interval(struct csv_threads *csv, uint64_t time_ns)
{
    if (!csv->header_written)
        fputs("elapsed_seconds,tid,thread,cpu_percent,run_queue_percent,switches_per_second\r\n",
              csv->context->out);
    csv->header_written = true;
    for (size_t i = 0; i < csv->room; i++) {
        struct thread_totals *totals = &csv->threads[i];

        if (!totals->seen)
            continue;
        if (totals->known && csv->before_ns && time_ns > csv->before_ns &&
            totals->now.cpu_ns >= totals->before.cpu_ns &&
            totals->now.wait_ns >= totals->before.wait_ns &&
            totals->now.switches >= totals->before.switches)
            put_row(csv, i, time_ns);
        totals->before = totals->now;
        totals->known = true;
    }
    csv->before_ns = time_ns;
    if (csv->context->live)
        (void)fflush(csv->context->out);
}

static int csv_threads_event(void *state, const struct pam_event *event, struct pam_error *error)
{
    struct csv_threads *csv = state;
    struct thread_totals *totals;

    (void)error;
    if (event->kind != PAM_EVENT_RECORD)
        return 0;
    switch (event->record.type) {
    case PAM_thread_cpu:
        totals = totals_for(csv, event->record.thread_cpu.thread);
        if (totals) {
            totals->now = event->record.thread_cpu;
            totals->seen = true;
        }
        break;
    case PAM_thread_exit:
        totals = totals_for(csv, event->record.thread_exit.thread);
        if (totals)
            totals->seen = false;
        break;
    case PAM_health: close_interval(csv, event->time_ns); break;
    default: break;
    }
    return 0;
}

static void csv_threads_free(void *state)
{
    struct csv_threads *csv = state;

    free(csv->threads);
    free(csv);
}

const struct pam_format pam_format_csv_threads = {
    .name = "csv-threads",
    .suffix = "_threads.csv",
    .what = "CPU, run-queue wait and switches of each thread over time",
    .open = csv_threads_open,
    .event = csv_threads_event,
    .free = csv_threads_free,
};
