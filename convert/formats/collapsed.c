/* collapsed.c - collapsed stacks: process;thread;frame;...;frame N, for flamegraph.pl and the rest. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/aggregate.h"
#include "formats/text.h"

struct collapsed {
    const struct pam_output_context *context;
    struct pam_aggregate aggregate;
};

static int collapsed_open(void **state, const struct pam_output_context *context,
                          struct pam_error *error)
{
    struct collapsed *collapsed = calloc(1, sizeof *collapsed);

    if (!collapsed)
        return pam_fail(error, PAM_MEMORY, "not enough memory for collapsed stacks");
    collapsed->context = context;
    *state = collapsed;
    return 0;
}

static int collapsed_span(void *state, const struct pam_span *span, struct pam_error *error)
{
    struct collapsed *collapsed = state;
    const int64_t stack =
        pam_aggregate_stack(&collapsed->aggregate, collapsed->context->merger, span, error);

    return stack < 0 ? (int)stack
                     : pam_aggregate_add(&collapsed->aggregate, span, (uint32_t)stack, error);
}

/* The format has ';' between frames and a line end between stacks: neither may be in a name. */
static void put_name(FILE *out, struct pam_bytes name)
{
    for (size_t i = 0; i < name.size; i++) {
        const unsigned char c = name.data[i];

        fputc(c == ';' ? ':' : c < 0x20 || c == 0x7f ? ' ' : c, out);
    }
}

static void put_frame(FILE *out, const struct pam_label *label)
{
    fputc(';', out);
    put_name(out, label->name);
    fputs(pam_label_mark(label->kind), out);
    if (label->file.size) {
        fputs(" (", out);
        put_name(out, label->file);
        if (label->kind == PAM_LABEL_PYTHON)
            pam_put_place(out, &label->at);
        fputc(')', out);
    }
}

static uint64_t weight_of(const struct pam_aggregate_entry *entry, enum pam_weight weight)
{
    switch (weight) {
    case PAM_WEIGHT_CPU: return entry->cpu_us;
    case PAM_WEIGHT_SAMPLES: return entry->ticks;
    case PAM_WEIGHT_EVENTS: return entry->events;
    case PAM_WEIGHT_WALL: break;
    }
    return (entry->wall_ns + 500) / 1000;
}

static void put_entry(FILE *out, const struct collapsed *collapsed,
                      const struct pam_aggregate_entry *entry)
{
    const struct pam_output_context *context = collapsed->context;
    const uint64_t weight = weight_of(entry, context->weight);
    char name[PAM_THREAD_LABEL_BYTES];
    size_t count;
    const uint32_t *labels = pam_aggregate_labels(&collapsed->aggregate, entry->stack, &count);

    if (!weight)
        return;
    put_name(out, pam_process_label(context->model, entry->thread, name));
    fputc(';', out);
    put_name(out, pam_thread_title(context->model, entry->thread, name));
    for (size_t i = 0; i < count; i++) {
        const struct pam_label label = pam_labels_get(context->labels, labels[i]);

        put_frame(out, &label);
    }
    fprintf(out, " %" PRIu64 "\n", weight);
}

static int compare_lines(const void *a, const void *b)
{
    return strcmp(*(char *const *)a, *(char *const *)b);
}

/* Sorted, so that the same profile is the same file. */
static int collapsed_finish(void *state, struct pam_error *error)
{
    struct collapsed *collapsed = state;
    const size_t count = collapsed->aggregate.keys.count;
    char **lines = calloc(count + 1, sizeof *lines);
    int r = lines ? 0 : pam_fail(error, PAM_MEMORY, "not enough memory to sort stacks");

    for (size_t i = 0; i < count && r == 0; i++) {
        size_t size;
        FILE *line = open_memstream(&lines[i], &size);

        if (line)
            put_entry(line, collapsed, &collapsed->aggregate.entries[i]);
        if (!line || fclose(line) != 0)
            r = pam_fail(error, PAM_MEMORY, "not enough memory to sort stacks");
    }
    if (r == 0) {
        qsort(lines, count, sizeof *lines, compare_lines);
        for (size_t i = 0; i < count; i++)
            fputs(lines[i], collapsed->context->out);
    }
    for (size_t i = 0; lines && i < count; i++)
        free(lines[i]);
    free(lines);
    return r;
}

static void collapsed_free(void *state)
{
    struct collapsed *collapsed = state;

    pam_aggregate_done(&collapsed->aggregate);
    free(collapsed);
}

const struct pam_format pam_format_collapsed = {
    .name = "collapsed",
    .suffix = ".collapsed",
    .what = "stacks for flamegraph.pl, inferno and the like",
    .open = collapsed_open,
    .span = collapsed_span,
    .finish = collapsed_finish,
    .free = collapsed_free,
};
