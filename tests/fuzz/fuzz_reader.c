/* fuzz_reader.c - bytes as a whole capture, through reader, model, timeline and series. */
#include "fuzz.h"
#include "series.h"
#include "timeline.h"

struct reading {
    const struct pam_model *model;
    struct pam_model *owned_model;
    struct pam_timeline *timeline;
    struct pam_series *series;
};

/* Every stack that is told can be walked to its root. */
static int take_span(const struct pam_span *span, void *context, struct pam_error *error)
{
    const struct reading *reading = context;
    uint32_t before = UINT32_MAX;

    (void)error;
    demand(span->thread < pam_model_threads(reading->model));
    demand(span->end_ns >= span->start_ns);
    for (uint32_t stack = span->stack; stack < PAM_NO_STACK;) {
        const struct pam_stack_model node = pam_model_get_stack(reading->model, stack);

        demand(stack < before && node.frame != PAM_UNKNOWN);
        (void)pam_model_code(reading->model, pam_model_frame(reading->model, node.frame).code);
        before = stack;
        stack = node.parent;
    }
    return 0;
}

static void read_all(struct pam_reader *reader, struct reading *reading)
{
    struct pam_event event;
    struct pam_error error;
    struct pam_point point;

    while (pam_reader_next(reader, &event, &error) > 0) {
        demand(pam_model_add(reading->owned_model, &event, &error) == 0);
        demand(pam_series_add(reading->series, &event, &point, &error) >= 0);
        demand(pam_timeline_add(reading->timeline, &event, &error) == 0);
    }
    demand(pam_timeline_finish(reading->timeline, &error) == 0);
    demand(pam_reader_damage(reader)->first_offset <= pam_reader_input_bytes(reader));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reading reading = {0};
    struct pam_reader *reader;
    struct pam_error error;

    if (pam_reader_open(&reader, fuzz_file(data, size), "input", &error) < 0)
        return 0;
    demand(pam_model_new(&reading.owned_model, &error) == 0);
    reading.model = reading.owned_model;
    demand(pam_series_new(&reading.series, 0, &error) == 0);
    demand(pam_timeline_new(&reading.timeline, reading.owned_model, take_span, &reading, &error) == 0);
    read_all(reader, &reading);
    pam_timeline_free(reading.timeline);
    pam_series_free(reading.series);
    pam_model_free(reading.owned_model);
    pam_reader_free(reader);
    return 0;
}
