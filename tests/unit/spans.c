/* spans.c - a capture through reader, model, timeline and series, as spans with readable stacks. */
#include "spans.h"

#include <unistd.h>

#include "unit.h"

void stack_text(const struct pam_model *model, uint32_t stack, char text[SPAN_STACK_BYTES])
{
    char frame[SPAN_STACK_BYTES], below[SPAN_STACK_BYTES];

    text[0] = '\0';
    if (stack == PAM_UNKNOWN || stack == PAM_NO_STACK)
        strcpy(text, stack == PAM_UNKNOWN ? "?" : "-");
    while (stack < PAM_NO_STACK) {
        const struct pam_stack_model node = pam_model_get_stack(model, stack);
        const struct pam_frame_model place = pam_model_frame(model, node.frame);
        const struct pam_code_model code = pam_model_code(model, place.code);
        const struct pam_bytes file = pam_model_text(model, code.file);
        const struct pam_bytes name = pam_model_text(model, code.qualname);

        (void)snprintf(frame, sizeof frame, "%s%.*s:%.*s@%u", node.entered ? "^" : "",
                       (int)file.size, (const char *)file.data, (int)name.size,
                       (const char *)name.data, place.unit_plus1);
        strcpy(below, text);
        if ((size_t)snprintf(text, SPAN_STACK_BYTES, "%s%s%s", frame, *below ? ";" : "", below) >=
            SPAN_STACK_BYTES)
            fail_msg("a stack is too long for the test");
        stack = node.parent;
    }
}

static int take_span(const struct pam_span *span, void *context, struct pam_error *error)
{
    struct spans *spans = context;
    struct text_span *text = &spans->list[spans->count++];

    (void)error;
    assert_true(spans->count < MAX_SPANS);
    text->span = *span;
    text->tid = pam_model_thread(spans->model, span->thread)->tid;
    stack_text(spans->model, span->stack, text->stack);
    return 0;
}

static void take_event(struct spans *spans, const struct pam_event *event, struct pam_model *model,
                       struct pam_series *series, struct pam_timeline *timeline)
{
    struct pam_error error;
    int r;

    spans->events++;
    spans->gaps += event->kind == PAM_EVENT_GAP;
    assert_int_equal(pam_model_add(model, event, &error), 0);
    r = pam_series_add(series, event, &spans->points[spans->point_count], &error);
    assert_in_range(r, 0, 1);
    spans->point_count += (size_t)r;
    assert_true(spans->point_count < MAX_POINTS);
    assert_int_equal(pam_timeline_add(timeline, event, &error), 0);
}

int spans_read(struct spans *spans, const void *capture, size_t size)
{
    const int fd = memory_file(capture, size);
    struct pam_reader *reader;
    struct pam_model *model;
    struct pam_series *series;
    struct pam_timeline *timeline;
    struct pam_event event;
    struct pam_error error;
    int r;

    memset(spans, 0, sizeof *spans);
    r = pam_reader_open(&reader, fd, "test.pamcap", &error);
    if (r == 0) {
        assert_int_equal(pam_model_new(&model, &error), 0);
        assert_int_equal(pam_series_new(&series, 0, &error), 0);
        assert_int_equal(pam_timeline_new(&timeline, model, take_span, spans, &error), 0);
        spans->model = model;
        while ((r = pam_reader_next(reader, &event, &error)) > 0)
            take_event(spans, &event, model, series, timeline);
        assert_int_equal(pam_timeline_finish(timeline, &error), 0);
        spans->damage = *pam_reader_damage(reader);
        pam_timeline_free(timeline);
        pam_series_free(series);
        pam_model_free(model);
        pam_reader_free(reader);
        spans->model = NULL;
    }
    (void)close(fd);
    return r;
}

bool spans_have(const struct spans *spans, uint64_t tid, const char *stack)
{
    for (size_t i = 0; i < spans->count; i++)
        if (spans->list[i].tid == tid && !strcmp(spans->list[i].stack, stack))
            return true;
    return false;
}
