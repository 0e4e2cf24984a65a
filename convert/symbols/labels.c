/* labels.c - frames and stacks of the model as names a person can read. */
#include "symbols/labels.h"

#include <stdlib.h>
#include <string.h>

#include "room.h"
#include "symbols/callee.h"
#include "symbols/place.h"
#include "symbols/waiting.h"

/* A label as a key: kind, size of the name, place in the file; then the name and the file. */
struct key {
    uint32_t kind;
    uint32_t name_size;
    struct pam_position at;
};

static const struct pam_position nowhere = {0, 0, -1, -1};

enum { KEY_TEXT_BYTES = 2 * PAM_MAX_TEXT + 8 }; /* of a name with its mark, and a file */

/* What is known of a frame of the model; both are labels + 1, 0 while unknown. */
struct known_frame {
    uint32_t label;
    uint32_t callee; /* UINT32_MAX: it calls nothing in C */
};

struct pam_labels {
    const struct pam_model *model;
    bool positions;
    struct pam_table table;
    struct known_frame *frames;
    size_t frame_room;
};

int pam_labels_new(struct pam_labels **ret, const struct pam_model *model, bool positions,
                   struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return pam_fail(error, PAM_MEMORY, "not enough memory for names");
    (*ret)->model = model;
    (*ret)->positions = positions;
    return 0;
}

void pam_labels_free(struct pam_labels *labels)
{
    if (!labels)
        return;
    pam_table_done(&labels->table);
    free(labels->frames);
    free(labels);
}

uint32_t pam_labels_count(const struct pam_labels *labels)
{
    return labels->table.count;
}

struct pam_label pam_labels_get(const struct pam_labels *labels, uint32_t label)
{
    const struct pam_bytes bytes = pam_table_key(&labels->table, label);
    struct key key;

    memcpy(&key, bytes.data, sizeof key);
    return (struct pam_label){
        .kind = (enum pam_label_kind)key.kind,
        .name = {bytes.data + sizeof key, key.name_size},
        .file = {bytes.data + sizeof key + key.name_size, bytes.size - sizeof key - key.name_size},
        .at = key.at,
    };
}

static int64_t label_id(struct pam_labels *labels, enum pam_label_kind kind, struct pam_bytes name,
                        struct pam_bytes file, struct pam_position at)
{
    const struct key key = {kind, (uint32_t)name.size, at};
    unsigned char bytes[sizeof key + KEY_TEXT_BYTES];

    memcpy(bytes, &key, sizeof key);
    if (name.size)
        memcpy(bytes + sizeof key, name.data, name.size);
    if (file.size)
        memcpy(bytes + sizeof key + name.size, file.data, file.size);
    return pam_table_id(&labels->table, bytes, sizeof key + name.size + file.size);
}

static struct pam_bytes cut(struct pam_bytes text)
{
    return (struct pam_bytes){text.data, text.size < PAM_MAX_TEXT ? text.size : PAM_MAX_TEXT};
}

int64_t pam_labels_add(struct pam_labels *labels, const struct pam_label *label)
{
    return label_id(labels, label->kind, cut(label->name), cut(label->file), label->at);
}

const char *pam_label_mark(enum pam_label_kind kind)
{
    static const char *const marks[PAM_LABEL_KINDS] = {
        [PAM_LABEL_C] = " [C]", [PAM_LABEL_KERNEL] = " [kernel]", [PAM_LABEL_WAIT] = " [wait]"};

    return marks[kind] ? marks[kind] : "";
}

/* Where a frame stands, as far as that tells labels apart. An instruction without a line counts as one of the first. */
static struct pam_position place_of(const struct pam_labels *labels, const struct pam_code_model *code,
                                    uint32_t unit_plus1)
{
    const struct pam_position place = pam_place(code, unit_plus1);
    const int64_t line = place.line ? place.line : code->first_line;

    return labels->positions && place.line ? place : (struct pam_position){line, line, -1, -1};
}

static int64_t task_label(struct pam_labels *labels, struct pam_bytes name)
{
    static const char mark[] = "task: ";
    unsigned char marked[sizeof mark + PAM_MAX_TEXT];

    memcpy(marked, mark, sizeof mark - 1);
    if (name.size)
        memcpy(marked + sizeof mark - 1, name.data, name.size);
    return label_id(labels, PAM_LABEL_TASK, (struct pam_bytes){marked, sizeof mark - 1 + name.size},
                    pam_text(""), nowhere);
}

static int64_t frame_label(struct pam_labels *labels, uint32_t frame)
{
    static const char mark[] = " [reused]";
    const struct pam_frame_model place = pam_model_frame(labels->model, frame);
    const struct pam_code_model code = pam_model_code(labels->model, place.code);
    struct pam_bytes name = pam_model_text(labels->model, code.qualname);
    unsigned char marked[PAM_MAX_TEXT];

    if (place.task_plus1 && place.task_plus1 != PAM_UNKNOWN)
        return task_label(labels, pam_model_text(labels->model, place.task_plus1 - 1));
    if (place.reused == 1 && name.size + sizeof mark <= sizeof marked) {
        memcpy(marked, name.data, name.size);
        memcpy(marked + name.size, mark, sizeof mark - 1);
        name = (struct pam_bytes){marked, name.size + sizeof mark - 1};
    }
    return label_id(labels, PAM_LABEL_PYTHON, name, pam_model_text(labels->model, code.file),
                    place_of(labels, &code, place.unit_plus1));
}

static int64_t callee_label(struct pam_labels *labels, uint32_t frame)
{
    const struct pam_frame_model place = pam_model_frame(labels->model, frame);
    const struct pam_code_model code = pam_model_code(labels->model, place.code);
    char name[PAM_CALLEE_BYTES];
    const char *last;

    if (place.reused == 1 || !place.unit_plus1 ||
        !pam_callee_name(&code, place.unit_plus1 - 1, name))
        return UINT32_MAX - 1;
    last = strrchr(name, '.') ? strrchr(name, '.') + 1 : name;
    if (pam_model_calls(labels->model,
                        pam_callee_may_be_python(code.python_version) ? PAM_UNKNOWN : frame,
                        pam_text(last)))
        return UINT32_MAX - 1;
    return label_id(labels, PAM_LABEL_C, pam_text(name), pam_text(""), nowhere);
}

/* The cache entry of a frame, with its label. NULL when memory is short. */
static struct known_frame *know(struct pam_labels *labels, uint32_t frame)
{
    struct known_frame *frames = pam_with_room(labels->frames, &labels->frame_room, frame, sizeof *frames);
    struct known_frame *known;

    if (!frames)
        return NULL;
    labels->frames = frames;
    known = &frames[frame];
    if (!known->label) {
        const int64_t label = frame_label(labels, frame);

        if (label < 0)
            return NULL;
        known->label = (uint32_t)label + 1;
    }
    return known;
}

static bool know_callee(struct pam_labels *labels, struct known_frame *known, uint32_t frame)
{
    if (!known->callee) {
        const int64_t label = callee_label(labels, frame);

        if (label < 0)
            return false;
        known->callee = (uint32_t)label + 1;
    }
    return true;
}

int64_t pam_labels_wait(struct pam_labels *labels, const struct pam_span *span)
{
    char text[PAM_WAITING_BYTES];

    if (span->gil == PAM_SPAN_GIL_WAITS)
        return label_id(labels, PAM_LABEL_WAIT, pam_text("waiting for the GIL"), pam_text(""), nowhere);
    if (!span->wait_plus1)
        return UINT32_MAX;
    pam_waiting_text(labels->model, span->wait_plus1 - 1, text);
    return label_id(labels, PAM_LABEL_WAIT, pam_text(text), pam_text(""), nowhere);
}

/* What a span says beyond its stack goes on top of it; of a cut one nobody knows whether that was called where it
 * ends, and that it called something is all there is to say. */
static int64_t top_label(struct pam_labels *labels, const struct pam_span *span)
{
    if (span->stack == PAM_UNKNOWN)
        return UINT32_MAX;
    if (span->leaf_cut && span->stack != PAM_NO_STACK)
        return label_id(labels, PAM_LABEL_STATE, pam_text("[unknown]"), pam_text(""), nowhere);
    return span->collecting ? label_id(labels, PAM_LABEL_C, pam_text("<garbage collection>"), pam_text(""), nowhere)
                            : pam_labels_wait(labels, span);
}

static void reverse(uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const uint32_t swap = values[i];

        values[i] = values[count - 1 - i];
        values[count - 1 - i] = swap;
    }
}

/* The frames of a stack, leaf first; `calls`: with what the leaf calls in C. How many, or -1. */
static int64_t frame_labels(struct pam_labels *labels, uint32_t stack, bool calls, uint32_t *out,
                            size_t room)
{
    size_t count = 0;

    while (stack < PAM_NO_STACK && count + 1 < room) { /* a leaf has two */
        const struct pam_stack_model node = pam_model_get_stack(labels->model, stack);
        struct known_frame *known = know(labels, node.frame);

        if (!known || (count == 0 && calls && !know_callee(labels, known, node.frame)))
            return -1;
        if (count == 0 && calls && known->callee != UINT32_MAX)
            out[count++] = known->callee - 1;
        out[count++] = known->label - 1;
        stack = node.parent;
    }
    return (int64_t)count;
}

int64_t pam_labels_frames(struct pam_labels *labels, uint32_t stack, uint32_t *out, struct pam_error *error)
{
    const int64_t count = frame_labels(labels, stack, false, out, PAM_MAX_LABELS_A_STACK);

    if (count < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for names");
    reverse(out, (size_t)count);
    return count;
}

int64_t pam_labels_stack(struct pam_labels *labels, const struct pam_span *span, uint32_t *out,
                         struct pam_error *error)
{
    const char *state = span->stack == PAM_UNKNOWN    ? "[unknown]"
                        : span->stack == PAM_NO_STACK ? "[no Python frame]"
                                                      : NULL;
    const int64_t top = top_label(labels, span);
    const size_t above = top != UINT32_MAX;
    const int64_t label =
        state ? label_id(labels, PAM_LABEL_STATE, pam_text(state), pam_text(""), nowhere) : 0;
    int64_t count = 1;

    if (state)
        out[above] = (uint32_t)label;
    else
        count = frame_labels(labels, span->stack, !span->leaf_cut && !span->between, out + above,
                             PAM_MAX_LABELS_A_STACK - above);
    if (top < 0 || label < 0 || count < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for names");
    if (above)
        out[0] = (uint32_t)top;
    reverse(out, (size_t)count + above);
    return count + (int64_t)above;
}
