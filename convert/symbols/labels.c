/* labels.c - frames and stacks of the model as names a person can read. */
#include "symbols/labels.h"

#include <stdlib.h>
#include <string.h>

#include "symbols/callee.h"
#include "symbols/lines.h"

/* A label as a key: kind, line, size of the name; then the name and the file. */
struct key {
    uint32_t kind;
    uint32_t name_size;
    int64_t line;
};

enum { KEY_TEXT_BYTES = 2 * PAM_MAX_TEXT };

/* What is known of a frame of the model; both are labels + 1, 0 while unknown. */
struct known_frame {
    uint32_t label;
    uint32_t callee; /* UINT32_MAX: it calls nothing in C */
};

struct pam_labels {
    const struct pam_model *model;
    struct pam_table table;
    struct known_frame *frames;
    size_t frame_room;
};

int pam_labels_new(struct pam_labels **ret, const struct pam_model *model, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (!*ret)
        return pam_fail(error, PAM_MEMORY, "not enough memory for names");
    (*ret)->model = model;
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
        .line = key.line,
    };
}

static int64_t label_id(struct pam_labels *labels, enum pam_label_kind kind, struct pam_bytes name,
                        struct pam_bytes file, int64_t line)
{
    const struct key key = {kind, (uint32_t)name.size, line};
    unsigned char bytes[sizeof key + KEY_TEXT_BYTES];

    memcpy(bytes, &key, sizeof key);
    if (name.size)
        memcpy(bytes + sizeof key, name.data, name.size);
    if (file.size)
        memcpy(bytes + sizeof key + name.size, file.data, file.size);
    return pam_table_id(&labels->table, bytes, sizeof key + name.size + file.size);
}

static int64_t line_of(const struct pam_code_model *code, uint32_t unit_plus1)
{
    struct pam_position *positions;
    int64_t line = 0;

    if (!unit_plus1 || unit_plus1 > PAM_MAX_TABLE)
        return code->first_line;
    positions = calloc(unit_plus1, sizeof *positions);
    if (positions && pam_lines_decode(code->python_version, code->line_table, code->first_line,
                                      positions, unit_plus1))
        line = positions[unit_plus1 - 1].line;
    free(positions);
    return line > 0 ? line : code->first_line;
}

static int64_t frame_label(struct pam_labels *labels, uint32_t frame)
{
    static const char mark[] = " [reused]";
    const struct pam_frame_model place = pam_model_frame(labels->model, frame);
    const struct pam_code_model code = pam_model_code(labels->model, place.code);
    struct pam_bytes name = pam_model_text(labels->model, code.qualname);
    unsigned char marked[PAM_MAX_TEXT];

    if (place.reused == 1 && name.size + sizeof mark <= sizeof marked) {
        memcpy(marked, name.data, name.size);
        memcpy(marked + name.size, mark, sizeof mark - 1);
        name = (struct pam_bytes){marked, name.size + sizeof mark - 1};
    }
    return label_id(labels, PAM_LABEL_PYTHON, name, pam_model_text(labels->model, code.file),
                    line_of(&code, place.unit_plus1));
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
    if (pam_model_calls(labels->model, frame, pam_text(last)))
        return UINT32_MAX - 1;
    return label_id(labels, PAM_LABEL_C, pam_text(name), pam_text(""), 0);
}

/* The cache entry of a frame, with its label. NULL when memory is short. */
static struct known_frame *know(struct pam_labels *labels, uint32_t frame)
{
    struct known_frame *known;

    if (frame >= labels->frame_room) {
        const size_t room = 2 * ((size_t)frame + 128);
        struct known_frame *grown = realloc(labels->frames, room * sizeof *grown);

        if (!grown)
            return NULL;
        memset(grown + labels->frame_room, 0, (room - labels->frame_room) * sizeof *grown);
        labels->frames = grown;
        labels->frame_room = room;
    }
    known = &labels->frames[frame];
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

static int64_t state_label(struct pam_labels *labels, const char *name, uint32_t *out,
                           struct pam_error *error)
{
    const int64_t label = label_id(labels, PAM_LABEL_STATE, pam_text(name), pam_text(""), 0);

    if (label < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for names");
    out[0] = (uint32_t)label;
    return 1;
}

static void reverse(uint32_t *values, size_t count)
{
    for (size_t i = 0; i < count / 2; i++) {
        const uint32_t swap = values[i];

        values[i] = values[count - 1 - i];
        values[count - 1 - i] = swap;
    }
}

int64_t pam_labels_stack(struct pam_labels *labels, uint32_t stack, bool leaf_cut, uint32_t *out,
                         struct pam_error *error)
{
    size_t count = 0;

    if (stack == PAM_UNKNOWN)
        return state_label(labels, "[unknown]", out, error);
    if (stack == PAM_NO_STACK)
        return state_label(labels, "[no Python frame]", out, error);
    while (stack < PAM_NO_STACK && count < PAM_MAX_LABELS_A_STACK) {
        const struct pam_stack_model node = pam_model_get_stack(labels->model, stack);
        struct known_frame *known = know(labels, node.frame);

        if (!known || (count == 0 && !leaf_cut && !know_callee(labels, known, node.frame)))
            return pam_fail(error, PAM_MEMORY, "not enough memory for names");
        if (count == 0 && !leaf_cut && known->callee != UINT32_MAX)
            out[count++] = known->callee - 1;
        out[count++] = known->label - 1;
        stack = node.parent;
    }
    reverse(out, count);
    return (int64_t)count;
}
