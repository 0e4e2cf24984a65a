/* csv_counters.c - how often each event of --event happened, interval by interval, as CSV.
 *
 * One number a row: which events there are is the user's choice. Whole processes come first, with no
 * thread; numbers of less than 100 counted_percent are scaled. */
#include <inttypes.h>
#include <stdlib.h>

#include "counter_use.h"
#include "formats/cells.h"
#include "formats/format.h"

struct csv_counters {
    const struct pam_output_context *context;
    struct pam_counter_uses *uses;
    bool header_written;
};

static void csv_counters_free(void *state)
{
    struct csv_counters *csv = state;

    pam_counter_uses_free(csv->uses);
    free(csv);
}

static int csv_counters_open(void **state, const struct pam_output_context *context,
                             struct pam_error *error)
{
    struct csv_counters *csv = calloc(1, sizeof *csv);

    if (!csv)
        return pam_fail(error, PAM_MEMORY, "not enough memory for csv-counters");
    csv->context = context;
    *state = csv;
    return pam_counter_uses_new(&csv->uses, error);
}

static void write_header(struct csv_counters *csv)
{
    if (!csv->header_written)
        fputs("elapsed_seconds,pid,tid,thread,event,value,unit,per_second,counted_percent\r\n",
              csv->context->out);
    csv->header_written = true;
}

/* Seconds since the start of the first capture. */
static double elapsed_s(const struct csv_counters *csv, uint64_t time_ns)
{
    return (double)(int64_t)(time_ns - csv->context->about->start_monotonic_ns) / 1e9;
}

/* Whose number it is: false when it was not asked for, or the thread's name was lost. */
static bool put_owner(const struct csv_counters *csv, double at_s, const struct pam_counter_use *use)
{
    const struct pam_output_context *context = csv->context;
    const struct pam_filter *filter = context->filter;
    const struct pam_thread_model *thread;
    int64_t index;

    if (!use->thread) {
        if (filter->by_thread || (filter->process && filter->process != use->pid))
            return false;
        fprintf(context->out, "%.2f,%" PRIu64 ",,,", at_s, use->pid);
        return true;
    }
    index = pam_model_thread_index(context->model, use->thread);
    if (index < 0 || !pam_filter_thread(filter, context->model, (size_t)index))
        return false;
    thread = pam_model_thread(context->model, (size_t)index);
    fprintf(context->out, "%.2f,%" PRIu64 ",%" PRIu64 ",", at_s, thread->pid, thread->tid);
    pam_put_name(context->out, pam_model_text(context->model, thread->name));
    fputc(',', context->out);
    return true;
}

static void put_use(const struct csv_counters *csv, double at_s, const struct pam_counter_use *use)
{
    FILE *out = csv->context->out;

    if (!put_owner(csv, at_s, use))
        return;
    pam_put_name(out, pam_text(use->event));
    fputc(',', out);
    pam_put_number(out, use->value, use->is_ratio ? 4 : 0);
    fputc(',', out);
    pam_put_name(out, pam_text(use->unit));
    fputc(',', out);
    pam_put_number(out, use->per_second, 2);
    fputc(',', out);
    pam_put_number(out, use->counted_percent, 2);
    fputs("\r\n", out);
}

static void put_interval(struct csv_counters *csv)
{
    uint64_t from_ns, to_ns;
    size_t count;
    const struct pam_counter_use *uses = pam_counter_uses_get(csv->uses, &count);

    pam_counter_uses_interval(csv->uses, &from_ns, &to_ns);
    write_header(csv);
    if (!pam_filter_interval(csv->context->filter, elapsed_s(csv, from_ns), elapsed_s(csv, to_ns)))
        return;
    for (size_t i = 0; i < count; i++)
        put_use(csv, elapsed_s(csv, to_ns), &uses[i]);
    if (csv->context->live)
        (void)fflush(csv->context->out);
}

static int csv_counters_event(void *state, const struct pam_event *event, struct pam_error *error)
{
    struct csv_counters *csv = state;
    const int r = pam_counter_uses_add(csv->uses, event, error);

    if (r > 0)
        put_interval(csv);
    return r < 0 ? r : 0;
}

static int csv_counters_finish(void *state, struct pam_error *error)
{
    struct csv_counters *csv = state;
    const int r = pam_counter_uses_finish(csv->uses, error);

    if (r > 0)
        put_interval(csv);
    write_header(csv);
    return r < 0 ? r : 0;
}

const struct pam_format pam_format_csv_counters = {
    .name = "csv-counters",
    .suffix = "_counters.csv",
    .what = "the events of pamcollect --event, IPC and misses",
    .open = csv_counters_open,
    .event = csv_counters_event,
    .finish = csv_counters_finish,
    .free = csv_counters_free,
};
