/* convert.c - captures through the read library into one or more outputs, in one pass. */
#include "convert.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

enum { MAX_OUTPUTS = 16, OUT_BUFFER_BYTES = 1 << 16 };

struct sink {
    const struct pam_format *format;
    struct pam_output_context context;
    const char *name;
    void *state;
    int error_number; /* of the first write that failed */
};

struct conversion {
    const struct pam_source *source; /* that is being read */
    struct pam_reader *reader;
    struct pam_model *model;
    struct pam_labels *labels;
    struct pam_natives *natives;
    struct pam_merger *merger;
    struct pam_series *first_series; /* of the first capture: what the whole is about */
    struct pam_series *series;       /* of the capture that is being read */
    struct pam_timeline *timeline;
    struct pam_filter *filter;
    bool looked_ahead;               /* in it, for names that stand at its end */
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

/* What natives need of a capture stands at its end. */
static bool is_of_the_end(const struct pam_event *event)
{
    return event->kind == PAM_EVENT_RECORD &&
           (event->record.type == PAM_jit_symbol || event->record.type == PAM_bundle);
}

/* Reads the rest of a file, to which there is another way than by the descriptor in use. */
static int look_ahead(struct conversion *conversion, struct pam_error *error)
{
    struct pam_reader *reader = NULL;
    struct pam_event event;
    char path[32];
    int fd, r;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", conversion->source->fd);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return pam_fail(error, PAM_FAILED, "cannot open %s again: %s", conversion->source->name,
                        strerror(errno));
    r = pam_reader_open(&reader, fd, conversion->source->name, error);
    while (r >= 0 && (r = pam_reader_next(reader, &event, error)) > 0)
        if (is_of_the_end(&event))
            r = pam_natives_add(conversion->natives, &event, error);
    pam_reader_free(reader);
    (void)close(fd);
    return r;
}

static int take_native(struct conversion *conversion, const struct pam_event *event,
                       struct pam_error *error)
{
    struct stat status;
    int r = 0;

    if (event->kind == PAM_EVENT_RECORD && event->record.type == PAM_native &&
        !conversion->looked_ahead && fstat(conversion->source->fd, &status) == 0 &&
        S_ISREG(status.st_mode)) {
        conversion->looked_ahead = true;
        r = look_ahead(conversion, error);
    }
    if (r < 0 || (conversion->looked_ahead && is_of_the_end(event)))
        return r;
    return pam_natives_add(conversion->natives, event, error);
}

static int take_event(struct conversion *conversion, const struct pam_event *event,
                      struct pam_error *error)
{
    struct pam_point point;
    int r = pam_model_add(conversion->model, event, error);
    int has_point = 0;

    if (r == 0 && conversion->wants_spans && event->kind != PAM_EVENT_CAPTURE)
        r = take_native(conversion, event, error);
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
    r = pam_timeline_add(conversion->timeline, event, error);
    if (r == 0 && event->kind == PAM_EVENT_CAPTURE) /* spans of the one before have been named by now */
        r = pam_natives_add(conversion->natives, event, error);
    return r;
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
        .merger = conversion->merger,
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
        r = pam_labels_new(&conversion->labels, conversion->model, options->positions, error);
    if (r == 0)
        r = pam_natives_new(&conversion->natives, conversion->model, conversion->labels,
                            options->sysroot, error);
    if (r == 0)
        r = pam_merger_new(&conversion->merger, conversion->model, conversion->labels,
                           conversion->natives, error);
    if (r == 0)
        r = pam_series_new(&conversion->first_series, 0, error);
    conversion->series = conversion->first_series;
    if (r == 0)
        r = pam_timeline_new(&conversion->timeline, conversion->model, take_span, conversion, error);
    if (r == 0 && options->weight == PAM_WEIGHT_EVENTS)
        pam_timeline_weigh(conversion->timeline, options->event);
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
static int read_source(struct conversion *conversion, struct pam_source *source,
                       struct pam_error *error)
{
    struct pam_event event;
    int r;

    conversion->source = source;
    conversion->looked_ahead = false;
    while ((r = pam_reader_next(conversion->reader, &event, error)) > 0) {
        pam_source_see(source, &event);
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

/* Only the captures tell whether an event is theirs. */
static int check_weight(const struct conversion *conversion, const struct pam_conversion *options,
                        struct pam_error *error)
{
    if (options->weight != PAM_WEIGHT_EVENTS || !conversion->wants_spans ||
        pam_timeline_weighs(conversion->timeline))
        return 0;
    return pam_fail(error, PAM_USAGE, "--weight: '%s' is none of wall, cpu, samples, and no event that was "
                                      "counted at samples (pamcollect --event '{%s}:S')",
                    options->event, options->event);
}

static void free_parts(struct conversion *conversion)
{
    pam_timeline_free(conversion->timeline);
    free_series(conversion);
    pam_series_free(conversion->first_series);
    pam_merger_free(conversion->merger);
    pam_natives_free(conversion->natives);
    pam_labels_free(conversion->labels);
    pam_model_free(conversion->model);
    pam_reader_free(conversion->reader);
    free(conversion);
}

/* NULL when there are none. */
static char *remarks_of(const struct conversion *conversion)
{
    char *text = NULL;
    size_t size;
    FILE *out = conversion->merger ? open_memstream(&text, &size) : NULL;

    if (!out)
        return NULL;
    pam_natives_remarks(conversion->natives, out);
    pam_merger_remarks(conversion->merger, out);
    if (fclose(out) == 0 && size)
        return text;
    free(text);
    return NULL;
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
    if (r == 0)
        r = check_weight(conversion, options, error);
    outcome->output_closed = conversion->count == 1 && conversion->sinks[0].error_number == EPIPE;
    for (size_t i = 0; i < conversion->count; i++) {
        const int closed = close_sink(&conversion->sinks[i], r == 0, r == 0 ? error : &later);

        r = r == 0 ? closed : r;
    }
    outcome->missing_marker = pam_filter_missing(conversion->filter);
    outcome->remarks = remarks_of(conversion);
    outcome->nothing_passed = !options->filter->passed;
    pam_filter_done(options->filter);
    free_parts(conversion);
    return r;
}
