/* convert.c - captures through the read library into one or more outputs, in one pass. */
#include "convert.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

enum { MAX_OUTPUTS = 16, OUT_BUFFER_BYTES = 1 << 16 };

struct sink {
    const struct pam_format *format;
    struct pam_output_context context;
    const char *name;
    void *state;
    int error_number; /* of the first write that failed */
};

struct conversion {
    struct pam_reader *reader;
    struct pam_model *model;
    struct pam_labels *labels;
    struct pam_series *first_series; /* of the first capture: what the whole is about */
    struct pam_series *series;       /* of the capture that is being read */
    struct pam_timeline *timeline;
    struct pam_filter *filter;
    bool wants_spans; /* for an output, or to see whether the filter leaves any */
    struct sink sinks[MAX_OUTPUTS];
    size_t count;
};

static int take_span(const struct pam_span *whole, void *context, struct pam_error *error)
{
    struct conversion *conversion = context;
    struct pam_span span = *whole;
    int r = 0;

    if (!pam_filter_span(conversion->filter, conversion->model, &span))
        return 0;
    for (size_t i = 0; i < conversion->count && r == 0; i++)
        if (conversion->sinks[i].format->span)
            r = conversion->sinks[i].format->span(conversion->sinks[i].state, &span, error);
    return r;
}

static int take_event(struct conversion *conversion, const struct pam_event *event,
                      struct pam_error *error)
{
    struct pam_point point;
    int r = pam_model_add(conversion->model, event, error);
    int has_point = 0;

    pam_filter_see(conversion->filter, event);
    for (size_t i = 0; i < conversion->count && r == 0; i++)
        if (conversion->sinks[i].format->event)
            r = conversion->sinks[i].format->event(conversion->sinks[i].state, event, error);
    if (r == 0)
        r = has_point = pam_series_add(conversion->series, event, &point, error);
    if (has_point > 0 && !pam_filter_point(conversion->filter, &point))
        has_point = 0;
    for (size_t i = 0; i < conversion->count && r >= 0 && has_point > 0; i++)
        if (conversion->sinks[i].format->point)
            r = conversion->sinks[i].format->point(conversion->sinks[i].state, &point, error);
    if (r < 0 || !conversion->wants_spans)
        return r < 0 ? r : 0;
    return pam_timeline_add(conversion->timeline, event, error);
}

static int open_sink(struct conversion *conversion, const struct pam_conversion *options,
                     const struct pam_output *output, bool live, struct pam_error *error)
{
    struct sink *sink = &conversion->sinks[conversion->count];

    sink->format = output->format;
    sink->name = output->path ? output->path : "standard output";
    sink->context = (struct pam_output_context){
        .out = output->path ? fopen(output->path, "we") : stdout,
        .live = live,
        .all_columns = options->all_columns,
        .weight = options->weight,
        .model = conversion->model,
        .labels = conversion->labels,
        .about = pam_series_about(conversion->series),
        .filter = options->filter,
        .series = conversion->series,
    };
    if (!sink->context.out)
        return pam_fail(error, PAM_FAILED, "cannot write %s: %s", sink->name, strerror(errno));
    conversion->count++;
    conversion->wants_spans |= sink->format->span != NULL;
    return sink->format->open(&sink->state, &sink->context, error);
}

/* Finishes the output; `good` is false when it is only to be closed. */
static int close_sink(struct sink *sink, bool good, struct pam_error *error)
{
    FILE *out = sink->context.out;
    int r = 0;

    errno = 0;
    if (good && sink->state && sink->format->finish)
        r = sink->format->finish(sink->state, error);
    if (!sink->error_number && ferror(out))
        sink->error_number = errno ? errno : EIO;
    if (sink->state)
        sink->format->free(sink->state);
    errno = 0;
    if ((fflush(out) != 0 || ferror(out)) && !sink->error_number)
        sink->error_number = errno ? errno : EIO;
    if (r == 0 && sink->error_number && sink->error_number != EPIPE) /* a reader may leave early */
        r = pam_fail(error, PAM_FAILED, "writing %s failed: %s", sink->name,
                     strerror(sink->error_number));
    if (out != stdout)
        (void)fclose(out);
    return r;
}

static int set_up(struct conversion *conversion, const struct pam_conversion *options, bool live,
                  const struct pam_output *outputs, size_t count, struct pam_error *error)
{
    int r = pam_model_new(&conversion->model, error);

    if (r == 0)
        r = pam_labels_new(&conversion->labels, conversion->model, error);
    if (r == 0)
        r = pam_series_new(&conversion->first_series, 0, error);
    conversion->series = conversion->first_series;
    if (r == 0)
        r = pam_timeline_new(&conversion->timeline, conversion->model, take_span, conversion, error);
    for (size_t i = 0; i < count && i < MAX_OUTPUTS && r == 0; i++)
        r = open_sink(conversion, options, &outputs[i], live, error);
    return r;
}

/* errno is only good right after the write. True when the only output is gone. */
static bool note_write_errors(struct conversion *conversion)
{
    for (size_t i = 0; i < conversion->count; i++) {
        struct sink *sink = &conversion->sinks[i];

        if (!sink->error_number && ferror(sink->context.out))
            sink->error_number = errno ? errno : EIO;
    }
    return conversion->count == 1 && conversion->sinks[0].error_number;
}

/* Reads one capture. 1: nobody reads along any more. */
static int read_source(struct conversion *conversion, const struct pam_source *source,
                       struct pam_error *error)
{
    struct pam_event event;
    int r;

    while ((r = pam_reader_next(conversion->reader, &event, error)) > 0) {
        pam_source_shift(source, &event);
        errno = 0;
        r = take_event(conversion, &event, error);
        if (r < 0)
            return r;
        if (note_write_errors(conversion))
            return 1;
    }
    return r;
}

static void free_series(struct conversion *conversion)
{
    if (conversion->series != conversion->first_series)
        pam_series_free(conversion->series);
    conversion->series = NULL;
}

/* Another capture: its series begins anew, with time since the start of the first. */
static int start_source(struct conversion *conversion, struct pam_error *error)
{
    const struct pam_event event = {.kind = PAM_EVENT_CAPTURE};
    const uint64_t origin_ns = pam_series_about(conversion->first_series)->start_monotonic_ns;
    int r;

    free_series(conversion);
    r = pam_series_new(&conversion->series, origin_ns, error);
    for (size_t i = 0; i < conversion->count && r == 0; i++)
        conversion->sinks[i].context.series = conversion->series;
    return r == 0 ? take_event(conversion, &event, error) : r;
}

/* The first reader has been opened, before any output was created. */
static int run(struct conversion *conversion, struct pam_source *sources, size_t count,
               struct pam_error *error)
{
    int r = 0;

    for (size_t i = 0; i < count && r == 0; i++) {
        if (i > 0)
            r = pam_reader_open(&conversion->reader, sources[i].fd, sources[i].name, error);
        if (r == 0 && i > 0)
            r = start_source(conversion, error);
        if (r == 0)
            r = read_source(conversion, &sources[i], error);
        if (conversion->reader)
            sources[i].damage = *pam_reader_damage(conversion->reader);
        pam_reader_free(conversion->reader);
        conversion->reader = NULL;
    }
    return r == 0 ? pam_timeline_finish(conversion->timeline, error) : r < 0 ? r : 0;
}

static void free_parts(struct conversion *conversion)
{
    pam_timeline_free(conversion->timeline);
    free_series(conversion);
    pam_series_free(conversion->first_series);
    pam_labels_free(conversion->labels);
    pam_model_free(conversion->model);
    pam_reader_free(conversion->reader);
    free(conversion);
}

int pam_convert(struct pam_source *sources, size_t source_count,
                const struct pam_conversion *options, const struct pam_output *outputs,
                size_t output_count, struct pam_outcome *outcome, struct pam_error *error)
{
    struct conversion *conversion = calloc(1, sizeof *conversion);
    struct pam_error later;
    int r;

    memset(outcome, 0, sizeof *outcome);
    if (!conversion)
        return pam_fail(error, PAM_MEMORY, "not enough memory to convert");
    conversion->filter = options->filter;
    conversion->wants_spans = pam_filter_is_set(options->filter);
    pam_filter_start(conversion->filter);
    r = pam_reader_open(&conversion->reader, sources[0].fd, sources[0].name, error);
    if (r == 0)
        r = set_up(conversion, options, sources[0].live, outputs, output_count, error);
    if (r == 0)
        r = run(conversion, sources, source_count, error);
    outcome->output_closed = conversion->count == 1 && conversion->sinks[0].error_number == EPIPE;
    for (size_t i = 0; i < conversion->count; i++) {
        const int closed = close_sink(&conversion->sinks[i], r == 0, r == 0 ? error : &later);

        r = r == 0 ? closed : r;
    }
    outcome->missing_marker = pam_filter_missing(conversion->filter);
    outcome->nothing_passed = !options->filter->passed;
    pam_filter_done(options->filter);
    free_parts(conversion);
    return r;
}
