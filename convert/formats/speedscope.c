/* speedscope.c - speedscope's JSON: a profile per thread, main first, and one of all threads.
 *
 * Schema: https://www.speedscope.app/file-format-schema.json ("sampled" profiles). Weights are
 * durations in microseconds on one clock; equal neighbours are one sample. */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "formats/aggregate.h"
#include "formats/text.h"
#include "room.h"
#include "symbols/place.h"

struct segment {
    uint32_t stack; /* of labels, in the aggregate */
    uint64_t start_ns, end_ns;
};

struct thread_segments {
    struct segment *segments;
    size_t count, room;
    uint64_t events; /* so far, where they are the weight */
};

struct speedscope {
    const struct pam_output_context *context;
    struct pam_aggregate aggregate;
    struct thread_segments *threads; /* by index in the model */
    size_t thread_room;
};

static int speedscope_open(void **state, const struct pam_output_context *context,
                           struct pam_error *error)
{
    struct speedscope *speedscope = calloc(1, sizeof *speedscope);

    if (!speedscope)
        return pam_fail(error, PAM_MEMORY, "not enough memory for speedscope");
    speedscope->context = context;
    *state = speedscope;
    return 0;
}

static struct thread_segments *segments_for(struct speedscope *speedscope, size_t thread)
{
    struct thread_segments *threads =
        pam_with_room(speedscope->threads, &speedscope->thread_room, thread, sizeof *threads);

    if (!threads)
        return NULL;
    speedscope->threads = threads;
    return &threads[thread];
}

static bool add_segment(struct thread_segments *thread, uint32_t stack, const struct pam_span *span)
{
    struct segment *last = thread->count ? &thread->segments[thread->count - 1] : NULL;

    if (span->end_ns <= span->start_ns)
        return true; /* the instant of a sample, after which the thread was idle */
    if (last && last->stack == stack && last->end_ns == span->start_ns) {
        last->end_ns = span->end_ns;
        return true;
    }
    if (thread->count == thread->room) {
        const size_t room = thread->room ? 2 * thread->room : 64;
        struct segment *grown = realloc(thread->segments, room * sizeof *grown);

        if (!grown)
            return false;
        thread->segments = grown;
        thread->room = room;
    }
    thread->segments[thread->count++] = (struct segment){stack, span->start_ns, span->end_ns};
    return true;
}

/* A thread's axis is events instead of time: its spans follow each other, one event as long as one
 * microsecond. */
static struct pam_span place_events(const struct speedscope *speedscope, struct thread_segments *thread,
                                    const struct pam_span *span)
{
    static const uint64_t most = UINT64_C(1) << 50; /* that fit as nanoseconds */
    const uint64_t start_ns = speedscope->context->about->start_monotonic_ns;
    struct pam_span placed = *span;

    if (thread->events > most || span->events > most)
        placed.events = 0;
    placed.start_ns = start_ns + thread->events * 1000;
    thread->events += placed.events;
    placed.end_ns = start_ns + thread->events * 1000;
    return placed;
}

static int speedscope_span(void *state, const struct pam_span *whole, struct pam_error *error)
{
    struct speedscope *speedscope = state;
    const int64_t stack =
        pam_aggregate_stack(&speedscope->aggregate, speedscope->context->merger, whole, error);
    struct thread_segments *thread;
    struct pam_span span = *whole;

    if (stack < 0)
        return (int)stack;
    thread = segments_for(speedscope, span.thread);
    if (thread && speedscope->context->weight == PAM_WEIGHT_EVENTS)
        span = place_events(speedscope, thread, whole);
    if (!thread || !add_segment(thread, (uint32_t)stack, &span))
        return pam_fail(error, PAM_MEMORY, "not enough memory for the segments of a thread");
    return pam_aggregate_add(&speedscope->aggregate, &span, (uint32_t)stack, error);
}

/* Microseconds since the start of the capture. Differences of these, not of nanoseconds, are the
 * weights, so that they add up to the end without rounding errors. */
static uint64_t microseconds(const struct speedscope *speedscope, uint64_t time_ns)
{
    const uint64_t start_ns = speedscope->context->about->start_monotonic_ns;

    return time_ns > start_ns ? (time_ns - start_ns) / 1000 : 0;
}

/* speedscope counts lines and columns from 1. It knows of no end, and passes over what it does not know. */
static void put_place(FILE *out, const struct pam_position *place)
{
    if (place->line > 0)
        fprintf(out, ",\"line\":%" PRId64, place->line);
    if (place->line > 0 && place->column >= 0)
        fprintf(out, ",\"col\":%" PRId64, place->column + 1);
    if (place->line > 0 && pam_place_has_end(place))
        fprintf(out, ",\"endLine\":%" PRId64 ",\"endCol\":%" PRId64, place->end_line, place->end_column);
}

static void put_frames(const struct speedscope *speedscope, const size_t *order, size_t threads)
{
    const struct pam_output_context *context = speedscope->context;
    const uint32_t labels = pam_labels_count(context->labels);
    FILE *out = context->out;

    for (uint32_t i = 0; i < labels; i++) {
        const struct pam_label label = pam_labels_get(context->labels, i);
        char marked[PAM_MAX_TEXT + 16];
        const int size = snprintf(marked, sizeof marked, "%.*s%s", (int)label.name.size,
                                  (const char *)label.name.data,
                                  pam_label_mark(label.kind));

        fputs(i ? ",\n{\"name\":" : "\n{\"name\":", out);
        pam_put_json(out, (struct pam_bytes){(unsigned char *)marked, (size_t)size});
        if (label.file.size) {
            fputs(",\"file\":", out);
            pam_put_json(out, label.file);
            put_place(out, &label.at);
        }
        fputc('}', out);
    }
    for (size_t i = 0; i < threads; i++) { /* the roots of "all threads" */
        char name[PAM_THREAD_LABEL_BYTES];

        fputs(labels || i ? ",\n{\"name\":" : "\n{\"name\":", out);
        pam_put_json(out, pam_profile_title(context->model, order[i], name));
        fputc('}', out);
    }
}

static void put_stack(const struct speedscope *speedscope, uint32_t stack, int64_t root)
{
    FILE *out = speedscope->context->out;
    size_t count;
    const uint32_t *labels = pam_aggregate_labels(&speedscope->aggregate, stack, &count);

    putc_unlocked('[', out);
    if (root >= 0)
        pam_put_uint(out, (uint64_t)root);
    for (size_t i = 0; i < count; i++) {
        if (i || root >= 0)
            putc_unlocked(',', out);
        pam_put_uint(out, labels[i]);
    }
    putc_unlocked(']', out);
}

static void open_profile(const struct speedscope *speedscope, struct pam_bytes name,
                         uint64_t start_us, uint64_t end_us)
{
    FILE *out = speedscope->context->out;

    fputs("\n{\"type\":\"sampled\",\"name\":", out);
    pam_put_json(out, name);
    fprintf(out,
            ",\"unit\":\"%s\",\"startValue\":%" PRIu64 ",\"endValue\":%" PRIu64
            ",\n\"samples\":[",
            speedscope->context->weight == PAM_WEIGHT_EVENTS ? "none" : "microseconds", start_us, end_us);
}

/* Lists samples, then weights; a hole between segments is a sample without frames. */
static void put_segments(const struct speedscope *speedscope, const struct thread_segments *thread,
                         bool weights)
{
    FILE *out = speedscope->context->out;
    uint64_t at = microseconds(speedscope, thread->segments[0].start_ns);
    const char *comma = "";

    for (size_t i = 0; i < thread->count; i++) {
        const uint64_t start = microseconds(speedscope, thread->segments[i].start_ns);
        const uint64_t end = microseconds(speedscope, thread->segments[i].end_ns);

        if (start > at) {
            fputs(comma, out);
            if (weights)
                pam_put_uint(out, start - at);
            else
                fputs("[]", out);
            comma = ",";
        }
        fputs(comma, out);
        if (weights)
            pam_put_uint(out, end - start);
        else
            put_stack(speedscope, thread->segments[i].stack, -1);
        comma = ",";
        at = end;
    }
}

static void put_thread(const struct speedscope *speedscope, size_t thread)
{
    const struct thread_segments *segments = &speedscope->threads[thread];
    char name[PAM_THREAD_LABEL_BYTES];

    open_profile(speedscope, pam_profile_title(speedscope->context->model, thread, name),
                 microseconds(speedscope, segments->segments[0].start_ns),
                 microseconds(speedscope, segments->segments[segments->count - 1].end_ns));
    put_segments(speedscope, segments, false);
    fputs("],\n\"weights\":[", speedscope->context->out);
    put_segments(speedscope, segments, true);
    fputs("]}", speedscope->context->out);
}

/* Every thread's time summed by stack, under a root frame with the thread's name: who did what in
 * all, for the left-heavy and sandwich views. */
static void put_all_threads(const struct speedscope *speedscope, const size_t *order, size_t threads)
{
    const struct pam_aggregate *aggregate = &speedscope->aggregate;
    const uint32_t labels = pam_labels_count(speedscope->context->labels);
    FILE *out = speedscope->context->out;
    uint64_t total = 0;

    for (size_t i = 0; i < aggregate->keys.count; i++)
        total += aggregate->entries[i].wall_ns / 1000;
    open_profile(speedscope, pam_text("all threads"), 0, total);
    for (int weights = 0; weights <= 1; weights++) {
        const char *comma = "";

        if (weights)
            fputs("],\n\"weights\":[", out);
        for (size_t t = 0; t < threads; t++)
            for (size_t i = 0; i < aggregate->keys.count; i++) {
                const struct pam_aggregate_entry *entry = &aggregate->entries[i];

                if (entry->thread != order[t])
                    continue;
                fputs(comma, out);
                if (weights)
                    pam_put_uint(out, entry->wall_ns / 1000);
                else
                    put_stack(speedscope, entry->stack, (int64_t)(labels + t));
                comma = ",";
            }
    }
    fputs("]}", out);
}

static void put_document(const struct speedscope *speedscope, const size_t *order, size_t threads)
{
    const struct pam_about *about = speedscope->context->about;
    FILE *out = speedscope->context->out;
    char name[512];

    (void)snprintf(name, sizeof name, "%.200s: %.200s (%" PRIu64 ")%s",
                   about->scenario ? about->scenario : "unnamed",
                   about->command_line ? about->command_line : "", about->pid,
                   pam_model_captures(speedscope->context->model) > 1 ? " and others" : "");
    fputs("{\"$schema\":\"https://www.speedscope.app/file-format-schema.json\",\n\"exporter\":"
          "\"pamconvert " PAM_PROJECT_VERSION "\",\n\"name\":", out);
    pam_put_json(out, pam_text(name));
    fputs(",\n\"activeProfileIndex\":0,\n\"shared\":{\"frames\":[", out);
    put_frames(speedscope, order, threads);
    fputs("\n]},\n\"profiles\":[", out);
    for (size_t i = 0; i < threads; i++) {
        put_thread(speedscope, order[i]);
        fputc(',', out);
    }
    put_all_threads(speedscope, order, threads);
    fputs("\n]}\n", out);
}

static int speedscope_finish(void *state, struct pam_error *error)
{
    struct speedscope *speedscope = state;
    const size_t count = pam_model_threads(speedscope->context->model);
    size_t *order = calloc(count + 1, sizeof *order);
    size_t kept = 0;

    if (!order)
        return pam_fail(error, PAM_MEMORY, "not enough memory to order threads");
    pam_model_order_threads(speedscope->context->model, order);
    for (size_t i = 0; i < count; i++) /* threads that had samples */
        if (order[i] < speedscope->thread_room && speedscope->threads[order[i]].count)
            order[kept++] = order[i];
    put_document(speedscope, order, kept);
    free(order);
    return 0;
}

static void speedscope_free(void *state)
{
    struct speedscope *speedscope = state;

    for (size_t i = 0; i < speedscope->thread_room; i++)
        free(speedscope->threads[i].segments);
    free(speedscope->threads);
    pam_aggregate_done(&speedscope->aggregate);
    free(speedscope);
}

const struct pam_format pam_format_speedscope = {
    .name = "speedscope",
    .suffix = ".json",
    .name_suffix = "_profile.speedscope.json",
    .what = "JSON for speedscope: flame graphs, per thread",
    .open = speedscope_open,
    .span = speedscope_span,
    .finish = speedscope_finish,
    .free = speedscope_free,
};
