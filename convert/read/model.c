/* model.c - what the interned ids of a capture mean, over all its epochs. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

enum { MAX_MARKED_DEPTH = 8192 }; /* twice as deep as the collector goes */

/* From ids of the epoch to ids of the model. */
struct map {
    uint32_t *to;
    size_t room;
};

struct pam_model {
    struct pam_table texts, blobs, codes, frames, stacks;
    struct pam_table calls; /* (frame, name of a function it called) */
    struct map text_map, code_map, frame_map, stack_map, thread_map;
    struct pam_thread_model *threads;
    size_t thread_count, thread_room;
    struct capture_facts *captures;
    uint32_t capture_count;
};

/* What is known of one of several captures. */
struct capture_facts {
    uint64_t target_pid;
    uint32_t scenario; /* text */
};

/* A code as a key: numbers only, so that equal codes are equal bytes. */
struct code_key {
    uint32_t python_version, file, name, qualname, first_line;
    uint32_t line_table, bytecode, names, local_names; /* blobs */
};

void pam_model_free(struct pam_model *model)
{
    if (!model)
        return;
    pam_table_done(&model->texts);
    pam_table_done(&model->blobs);
    pam_table_done(&model->codes);
    pam_table_done(&model->frames);
    pam_table_done(&model->stacks);
    pam_table_done(&model->calls);
    free(model->text_map.to);
    free(model->code_map.to);
    free(model->frame_map.to);
    free(model->stack_map.to);
    free(model->thread_map.to);
    free(model->threads);
    free(model->captures);
    free(model);
}

static uint32_t map_get(const struct map *map, uint64_t id)
{
    return id < map->room ? map->to[id] : PAM_UNKNOWN;
}

/* Ids over the bound are ignored: what refers to them stays unknown. */
static int map_set(struct map *map, uint64_t id, int64_t value)
{
    if (value < 0)
        return -1;
    if (id >= PAM_MAX_ID)
        return 0;
    if (id >= map->room) {
        size_t room = map->room ? map->room : 256;
        uint32_t *grown;

        while (room <= id)
            room *= 2;
        grown = realloc(map->to, room * sizeof *grown);
        if (!grown)
            return -1;
        memset(grown + map->room, 0xff, (room - map->room) * sizeof *grown); /* PAM_UNKNOWN */
        map->to = grown;
        map->room = room;
    }
    map->to[id] = (uint32_t)value;
    return 0;
}

static void map_forget(struct map *map)
{
    if (map->room)
        memset(map->to, 0xff, map->room * sizeof *map->to);
}

static void start_epoch(struct pam_model *model)
{
    map_forget(&model->text_map);
    map_forget(&model->code_map);
    map_forget(&model->frame_map);
    map_forget(&model->stack_map);
}

/* Nothing that the capture before numbered means anything in this one. */
static int start_capture(struct pam_model *model)
{
    struct capture_facts *grown =
        realloc(model->captures, (model->capture_count + 1) * sizeof *grown);

    if (!grown)
        return -1;
    grown[model->capture_count++] = (struct capture_facts){.scenario = PAM_UNKNOWN};
    model->captures = grown;
    start_epoch(model);
    map_forget(&model->thread_map);
    return 0;
}

int pam_model_new(struct pam_model **ret, struct pam_error *error)
{
    *ret = calloc(1, sizeof **ret);
    if (*ret && start_capture(*ret) == 0)
        return 0;
    free(*ret);
    return pam_fail(error, PAM_MEMORY, "not enough memory for the model of a capture");
}

static int add_code(struct pam_model *model, const struct pam_code *code)
{
    const int64_t line_table = pam_table_id(&model->blobs, code->line_table.data, code->line_table.size);
    const int64_t bytecode = pam_table_id(&model->blobs, code->bytecode.data, code->bytecode.size);
    const int64_t names = pam_table_id(&model->blobs, code->names.data, code->names.size);
    const int64_t local_names =
        pam_table_id(&model->blobs, code->local_names.data, code->local_names.size);
    struct code_key key;

    if (line_table < 0 || bytecode < 0 || names < 0 || local_names < 0)
        return -1;
    key = (struct code_key){
        .python_version = (uint32_t)code->python_version,
        .file = map_get(&model->text_map, code->file),
        .name = map_get(&model->text_map, code->name),
        .qualname = map_get(&model->text_map, code->qualname),
        .first_line = (uint32_t)code->first_line,
        .line_table = (uint32_t)line_table,
        .bytecode = (uint32_t)bytecode,
        .names = (uint32_t)names,
        .local_names = (uint32_t)local_names,
    };
    return map_set(&model->code_map, code->id, pam_table_id(&model->codes, &key, sizeof key));
}

static int add_frame(struct pam_model *model, const struct pam_frame *frame)
{
    const struct pam_frame_model key = {map_get(&model->code_map, frame->code),
                                        (uint32_t)frame->unit_plus1, 0};

    if (key.code == PAM_UNKNOWN)
        return 0;
    return map_set(&model->frame_map, frame->id, pam_table_id(&model->frames, &key, sizeof key));
}

static int add_call(struct pam_model *model, const struct pam_stack_model *stack)
{
    const uint32_t caller = pam_model_get_stack(model, stack->parent).frame;
    const uint32_t code = pam_model_frame(model, stack->frame).code;
    const uint32_t key[2] = {caller, pam_model_code(model, code).name};

    return pam_table_id(&model->calls, key, sizeof key) < 0 ? -1 : 0;
}

bool pam_model_calls(const struct pam_model *model, uint32_t frame, struct pam_bytes name)
{
    const int64_t text = pam_table_find(&model->texts, name.data, name.size);
    const uint32_t key[2] = {frame, (uint32_t)text};

    return text >= 0 && pam_table_find(&model->calls, key, sizeof key) >= 0;
}

/* A stack whose callers are not known is not known itself: no stack is made up. */
static int add_stack(struct pam_model *model, const struct pam_stack *stack)
{
    const struct pam_stack_model key = {
        stack->parent ? map_get(&model->stack_map, stack->parent) : PAM_NO_STACK,
        map_get(&model->frame_map, stack->frame)};

    if (key.parent == PAM_UNKNOWN || key.frame == PAM_UNKNOWN)
        return 0;
    if (key.parent != PAM_NO_STACK && add_call(model, &key) < 0)
        return -1;
    return map_set(&model->stack_map, stack->id, pam_table_id(&model->stacks, &key, sizeof key));
}

static struct pam_thread_model *thread_for(struct pam_model *model, uint64_t id)
{
    const uint32_t known = map_get(&model->thread_map, id);

    if (known != PAM_UNKNOWN)
        return &model->threads[known];
    if (model->thread_count == model->thread_room) {
        const size_t room = model->thread_room ? 2 * model->thread_room : 64;
        struct pam_thread_model *grown = realloc(model->threads, room * sizeof *grown);

        if (!grown)
            return NULL;
        model->threads = grown;
        model->thread_room = room;
    }
    if (id >= PAM_MAX_ID || map_set(&model->thread_map, id, (int64_t)model->thread_count) < 0)
        return NULL;
    model->threads[model->thread_count] = (struct pam_thread_model){
        .id = id, .capture = model->capture_count - 1, .name = PAM_UNKNOWN};
    return &model->threads[model->thread_count++];
}

/* As threading would call it, had the program imported threading. */
static int name_main_thread(struct pam_model *model, struct pam_thread_model *thread)
{
    static const char name[] = "MainThread";
    const int64_t text = pam_table_id(&model->texts, name, sizeof name - 1);

    if (text < 0)
        return -1;
    thread->name = (uint32_t)text;
    return 0;
}

static int add_thread(struct pam_model *model, const struct pam_thread *thread)
{
    struct pam_thread_model *known;
    const uint64_t name = thread->name ? thread->name : thread->kernel_name;

    if (thread->id >= PAM_MAX_ID)
        return 0;
    known = thread_for(model, thread->id);
    if (!known)
        return -1;
    known->pid = thread->pid;
    known->tid = thread->tid;
    known->has_python |= thread->has_python != 0;
    if (!thread->name && thread->has_python && thread->tid == thread->pid && known->name == PAM_UNKNOWN)
        return name_main_thread(model, known);
    if (thread->name || known->name == PAM_UNKNOWN || !thread->has_python)
        known->name = map_get(&model->text_map, name);
    return 0;
}

static int add_session(struct pam_model *model, const struct pam_session *session)
{
    const int64_t text = pam_table_id(&model->texts, session->scenario.data, session->scenario.size);

    if (text < 0)
        return -1;
    model->captures[model->capture_count - 1].scenario = (uint32_t)text;
    return 0;
}

uint32_t pam_model_captures(const struct pam_model *model)
{
    return model->capture_count;
}

struct pam_bytes pam_model_scenario(const struct pam_model *model, uint32_t capture)
{
    return pam_model_text(model, model->captures[capture].scenario);
}

static int add_record(struct pam_model *model, const struct pam_record *record)
{
    switch (record->type) {
    case PAM_string:
        return map_set(&model->text_map, record->string.id,
                       pam_table_id(&model->texts, record->string.text.data, record->string.text.size));
    case PAM_code: return add_code(model, &record->code);
    case PAM_frame: return add_frame(model, &record->frame);
    case PAM_stack: return add_stack(model, &record->stack);
    case PAM_thread: return add_thread(model, &record->thread);
    case PAM_process:
        if (record->process.is_target)
            model->captures[model->capture_count - 1].target_pid = record->process.pid;
        return 0;
    case PAM_session: return add_session(model, &record->session);
    default: return 0;
    }
}

int pam_model_add(struct pam_model *model, const struct pam_event *event, struct pam_error *error)
{
    int r = 0;

    if (event->kind == PAM_EVENT_EPOCH)
        start_epoch(model);
    if (event->kind == PAM_EVENT_CAPTURE)
        r = start_capture(model);
    if (event->kind == PAM_EVENT_RECORD)
        r = add_record(model, &event->record);
    if (r < 0)
        return pam_fail(error, PAM_MEMORY, "not enough memory for the model of a capture");
    return 0;
}

uint32_t pam_model_stack(const struct pam_model *model, uint64_t stack_id)
{
    return stack_id ? map_get(&model->stack_map, stack_id) : PAM_NO_STACK;
}

uint32_t pam_model_code_id(const struct pam_model *model, uint64_t code_id)
{
    return map_get(&model->code_map, code_id);
}

/* Is it in the stack, and how deep is that? */
static bool has_code(const struct pam_model *model, uint32_t stack, uint32_t code, size_t *depth)
{
    bool found = false;

    for (*depth = 0; stack < PAM_NO_STACK; (*depth)++) {
        if (*depth == MAX_MARKED_DEPTH)
            return false;
        const struct pam_stack_model node = pam_model_get_stack(model, stack);
        const struct pam_frame_model frame = pam_model_frame(model, node.frame);

        found |= frame.code == code && !frame.reused;
        stack = node.parent;
    }
    return found;
}

int64_t pam_model_mark(struct pam_model *model, uint32_t stack, uint32_t code)
{
    int64_t marked = PAM_NO_STACK;
    uint32_t *frames;
    size_t depth;

    if (!has_code(model, stack, code, &depth))
        return stack;
    frames = calloc(depth, sizeof *frames);
    if (!frames)
        return -1;
    for (size_t i = depth; i-- > 0; stack = pam_model_get_stack(model, stack).parent)
        frames[i] = pam_model_get_stack(model, stack).frame;
    for (size_t i = 0; i < depth && marked >= 0; i++) {
        struct pam_frame_model frame = pam_model_frame(model, frames[i]);
        int64_t id = frames[i];

        if (frame.code == code) {
            frame.reused = 1;
            id = pam_table_id(&model->frames, &frame, sizeof frame);
        }
        marked = id < 0 ? -1 : pam_table_id(&model->stacks,
                                            &(struct pam_stack_model){(uint32_t)marked, (uint32_t)id},
                                            sizeof(struct pam_stack_model));
    }
    free(frames);
    return marked;
}

struct pam_bytes pam_model_text(const struct pam_model *model, uint32_t text)
{
    return text < model->texts.count ? pam_table_key(&model->texts, text) : pam_text("?");
}

static void get(const struct pam_table *table, uint32_t id, void *value, size_t size)
{
    if (id < table->count)
        memcpy(value, pam_table_key(table, id).data, size);
    else
        memset(value, 0xff, size); /* every id in it is PAM_UNKNOWN */
}

struct pam_code_model pam_model_code(const struct pam_model *model, uint32_t code)
{
    struct code_key key;

    get(&model->codes, code, &key, sizeof key);
    if (code >= model->codes.count)
        return (struct pam_code_model){.file = PAM_UNKNOWN, .name = PAM_UNKNOWN, .qualname = PAM_UNKNOWN};
    return (struct pam_code_model){
        .python_version = key.python_version,
        .file = key.file,
        .name = key.name,
        .qualname = key.qualname,
        .first_line = key.first_line,
        .line_table = pam_table_key(&model->blobs, key.line_table),
        .bytecode = pam_table_key(&model->blobs, key.bytecode),
        .names = pam_table_key(&model->blobs, key.names),
        .local_names = pam_table_key(&model->blobs, key.local_names),
    };
}

struct pam_frame_model pam_model_frame(const struct pam_model *model, uint32_t frame)
{
    struct pam_frame_model value;

    get(&model->frames, frame, &value, sizeof value);
    return value;
}

struct pam_stack_model pam_model_get_stack(const struct pam_model *model, uint32_t stack)
{
    struct pam_stack_model value;

    get(&model->stacks, stack, &value, sizeof value);
    return value;
}

size_t pam_model_threads(const struct pam_model *model)
{
    return model->thread_count;
}

const struct pam_thread_model *pam_model_thread(const struct pam_model *model, size_t index)
{
    return &model->threads[index];
}

int64_t pam_model_thread_index(const struct pam_model *model, uint64_t thread_id)
{
    const uint32_t index = map_get(&model->thread_map, thread_id);

    return index == PAM_UNKNOWN ? -1 : (int64_t)index;
}

static int rank(const struct pam_model *model, size_t index)
{
    const struct pam_thread_model *thread = &model->threads[index];

    if (thread->tid == thread->pid && thread->pid == model->captures[thread->capture].target_pid)
        return 0;
    return thread->has_python ? 1 : 2;
}

static int compare_threads(const void *a, const void *b, void *context)
{
    const struct pam_model *model = context;
    const size_t index_a = *(const size_t *)a, index_b = *(const size_t *)b;
    const struct pam_thread_model *thread_a = &model->threads[index_a];
    const struct pam_thread_model *thread_b = &model->threads[index_b];
    const int ranks = rank(model, index_a) - rank(model, index_b);

    if (thread_a->capture != thread_b->capture)
        return thread_a->capture < thread_b->capture ? -1 : 1;
    if (ranks)
        return ranks;
    if (thread_a->tid != thread_b->tid) /* kernel ids grow: the older thread comes first */
        return thread_a->tid < thread_b->tid ? -1 : 1;
    return index_a < index_b ? -1 : index_a > index_b;
}

void pam_model_order_threads(const struct pam_model *model, size_t *order)
{
    for (size_t i = 0; i < model->thread_count; i++)
        order[i] = i;
    qsort_r(order, model->thread_count, sizeof *order, compare_threads, (void *)(uintptr_t)model);
}
