/* dump.c - every record of a capture, one a line: the debugging tool. */
#include <inttypes.h>
#include <stdlib.h>

#include "formats/format.h"
#include "symbols/place.h"

struct dump {
    const struct pam_output_context *context;
    uint64_t start_ns;
};

static int dump_open(void **state, const struct pam_output_context *context, struct pam_error *error)
{
    struct dump *dump = calloc(1, sizeof *dump);

    if (!dump)
        return pam_fail(error, PAM_MEMORY, "not enough memory for dump");
    dump->context = context;
    *state = dump;
    return 0;
}

/* Behind '#', as it is not in the record: what the frame's code says of its instruction, as co_positions() does. Columns
 * are bytes from 0, the end is behind the last one; what is not told is left out. */
static void put_place(const struct dump *dump, const struct pam_frame *frame)
{
    const struct pam_model *model = dump->context->model;
    const uint32_t id = pam_model_code_id(model, frame->code);
    const struct pam_code_model code = pam_model_code(model, id);
    const struct pam_position place = pam_place(&code, frame->unit_plus1);

    if (place.line)
        fprintf(dump->context->out, " # line=%" PRId64 " end_line=%" PRId64, place.line, place.end_line);
    if (place.line && place.column >= 0)
        fprintf(dump->context->out, " column=%" PRId64, place.column);
    if (place.line && place.end_column >= 0)
        fprintf(dump->context->out, " end_column=%" PRId64, place.end_column);
}

static int dump_event(void *state, const struct pam_event *event, struct pam_error *error)
{
    static const char *const marks[] = {
        [PAM_EVENT_EPOCH] = "-- epoch --",
        [PAM_EVENT_BLOCK] = "-- block --",
        [PAM_EVENT_CAPTURE] = "-- capture --",
        [PAM_EVENT_GAP] = "-- gap: blocks were lost here --",
    };
    struct dump *dump = state;
    FILE *out = dump->context->out;

    (void)error;
    if (event->kind == PAM_EVENT_RECORD && event->record.type == PAM_session && !dump->start_ns)
        dump->start_ns = event->record.session.start_monotonic_ns;
    if (event->kind != PAM_EVENT_RECORD) {
        fprintf(out, "%s\n", marks[event->kind]);
        return 0;
    }
    fprintf(out, "%12.6f ", (double)(int64_t)(event->time_ns - dump->start_ns) / 1e9);
    pam_record_print(out, &event->record);
    if (event->record.type == PAM_frame)
        put_place(dump, &event->record.frame);
    fputc('\n', out);
    return 0;
}

const struct pam_format pam_format_dump = {
    .name = "dump",
    .suffix = ".dump",
    .what = "every record, one a line, for debugging",
    .open = dump_open,
    .event = dump_event,
    .free = free,
};
