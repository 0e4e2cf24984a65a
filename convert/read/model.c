/* model.c - what the interned ids of a capture mean, over all its epochs. */
#include "model.h"

#include <stdlib.h>
#include <string.h>

#include "members.h"
#include "task_names.h"

enum { MAX_MARKED_DEPTH = 8192 }; /* twice as deep as the collector goes */

struct pam_model {
    struct pam_table texts, blobs, codes, frames, stacks;
    struct pam_table calls; /* (frame, name of a function it called) */
    struct pam_id_map text_map, code_map, frame_map, stack_map, native_map, thread_map;
    struct pam_task_names tasks;
    struct pam_members members;
    struct pam_wait_table waits;
};

/* A code as a key: numbers only, so that equal codes are equal bytes. */
struct code_key {
    uint32_t python_version, file, name, qualname, first_line;
    uint32_t line_table, bytecode, names, local_names; /* blobs */
    uint32_t first_cell;
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
    pam_id_map_done(&model->text_map);
    pam_id_map_done(&model->code_map);
    pam_id_map_done(&model->frame_map);
    pam_id_map_done(&model->stack_map);
    pam_id_map_done(&model->native_map);
    pam_id_map_done(&model->thread_map);
    pam_task_names_done(&model->tasks);
    pam_members_done(&model->members);
    pam_wait_table_done(&model->waits);
    free(model);
}

static void start_epoch(struct pam_model *model)
{
    pam_id_map_forget(&model->text_map);
    pam_id_map_forget(&model->code_map);
    pam_id_map_forget(&model->frame_map);
    pam_id_map_forget(&model->stack_map);
    pam_id_map_forget(&model->native_map);
    pam_id_map_forget(&model->tasks.map);
}

/* Nothing that the capture before numbered means anything in this one. */
static int start_capture(struct pam_model *model)
{
    start_epoch(model);
    pam_id_map_forget(&model->thread_map);
    return pam_members_start_capture(&model->members);
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
        .file = pam_id_map_get(&model->text_map, code->file),
        .name = pam_id_map_get(&model->text_map, code->name),
        .qualname = pam_id_map_get(&model->text_map, code->qualname),
        .first_line = (uint32_t)code->first_line,
        .line_table = (uint32_t)line_table,
        .bytecode = (uint32_t)bytecode,
        .names = (uint32_t)names,
        .local_names = (uint32_t)local_names,
        .first_cell = (uint32_t)code->first_cell,
    };
    return pam_id_map_set(&model->code_map, code->id, pam_table_id(&model->codes, &key, sizeof key));
}

int64_t pam_model_put_text(struct pam_model *model, struct pam_bytes text)
{
    return pam_table_id(&model->texts, text.data, text.size);
}

int64_t pam_model_put_frame(struct pam_model *model, const struct pam_frame_model *frame)
{
    return pam_table_id(&model->frames, frame, sizeof *frame);
}

int64_t pam_model_put_stack(struct pam_model *model, const struct pam_stack_model *stack)
{
    return pam_table_id(&model->stacks, stack, sizeof *stack);
}

uint32_t pam_model_string(const struct pam_model *model, uint64_t string_id)
{
    return pam_id_map_get(&model->text_map, string_id);
}

static int add_frame(struct pam_model *model, const struct pam_frame *frame)
{
    const struct pam_frame_model key = {.code = pam_id_map_get(&model->code_map, frame->code),
                                        .unit_plus1 = (uint32_t)frame->unit_plus1};

    if (key.code == PAM_UNKNOWN)
        return 0;
    return pam_id_map_set(&model->frame_map, frame->id, pam_model_put_frame(model, &key));
}

static int add_call(struct pam_model *model, const struct pam_stack_model *stack)
{
    const uint32_t caller = pam_model_get_stack(model, stack->parent).frame;
    const uint32_t code = pam_model_frame(model, stack->frame).code;
    const uint32_t key[2] = {caller, pam_model_code(model, code).name};
    const uint32_t from_any[2] = {PAM_UNKNOWN, key[1]};

    return pam_table_id(&model->calls, key, sizeof key) < 0 ||
                   pam_table_id(&model->calls, from_any, sizeof from_any) < 0
               ? -1
               : 0;
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
        stack->parent ? pam_id_map_get(&model->stack_map, stack->parent) : PAM_NO_STACK,
        pam_id_map_get(&model->frame_map, stack->frame), stack->entered == 1};

    if (key.parent == PAM_UNKNOWN || key.frame == PAM_UNKNOWN)
        return 0;
    if (key.parent != PAM_NO_STACK && add_call(model, &key) < 0)
        return -1;
    return pam_id_map_set(&model->stack_map, stack->id, pam_model_put_stack(model, &key));
}

static int add_thread(struct pam_model *model, const struct pam_thread *thread)
{
    const uint64_t name = thread->name ? thread->name : thread->kernel_name;
    const uint32_t known = pam_id_map_get(&model->thread_map, thread->id);
    int64_t index;

    if (thread->id >= PAM_MAX_ID)
        return 0;
    index = known == PAM_UNKNOWN ? pam_members_new_thread(&model->members, thread->id) : (int64_t)known;
    if (index < 0 || pam_id_map_set(&model->thread_map, thread->id, index) < 0)
        return -1;
    return pam_members_add_thread(&model->members, (size_t)index, thread,
                                  pam_id_map_get(&model->text_map, name), &model->texts);
}

uint32_t pam_model_captures(const struct pam_model *model)
{
    return model->members.capture_count;
}

struct pam_bytes pam_model_scenario(const struct pam_model *model, uint32_t capture)
{
    return pam_model_text(model, model->members.captures[capture].scenario);
}

static struct pam_capture_facts *this_capture(const struct pam_model *model)
{
    return &model->members.captures[model->members.capture_count - 1];
}

static int add_wait(struct pam_model *model, const struct pam_wait *wait)
{
    const uint32_t thread = pam_id_map_get(&model->thread_map, wait->thread);
    const uint32_t stack = pam_model_stack(model, wait->stack);
    const struct pam_wait_model known =
        pam_wait_read(wait, this_capture(model)->arch, pam_id_map_get(&model->text_map, wait->file),
                      pam_id_map_get(&model->text_map, wait->socket));

    if (thread == PAM_UNKNOWN || stack == PAM_UNKNOWN || !wait->syscall_plus1)
        return 0;
    return pam_wait_table_set(&model->waits, thread, stack, &known);
}

uint32_t pam_model_wait_plus1(const struct pam_model *model, size_t thread, uint32_t stack)
{
    return pam_wait_table_get(&model->waits, thread, stack);
}

struct pam_wait_model pam_model_wait(const struct pam_model *model, uint32_t wait)
{
    return pam_wait_table_wait(&model->waits, wait);
}

static int add_record(struct pam_model *model, const struct pam_record *record)
{
    switch (record->type) {
    case PAM_string:
        return pam_id_map_set(&model->text_map, record->string.id,
                       pam_table_id(&model->texts, record->string.text.data, record->string.text.size));
    case PAM_code: return add_code(model, &record->code);
    case PAM_frame: return add_frame(model, &record->frame);
    case PAM_stack: return add_stack(model, &record->stack);
    case PAM_thread: return add_thread(model, &record->thread);
    case PAM_wait: return add_wait(model, &record->wait);
    case PAM_host:
        this_capture(model)->arch = pam_arch_named(record->host.arch.data, record->host.arch.size);
        return 0;
    case PAM_process:
        return pam_members_add_process(&model->members, &record->process, &model->texts);
    case PAM_session:
        return pam_members_add_session(&model->members, &record->session, &model->texts);
    case PAM_task: return pam_task_names_add(&model->tasks, model, &record->task);
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
    return stack_id ? pam_id_map_get(&model->stack_map, stack_id) : PAM_NO_STACK;
}

uint32_t pam_model_task(const struct pam_model *model, uint64_t task_id)
{
    return pam_id_map_get(&model->tasks.map, task_id);
}

int64_t pam_model_with_task(struct pam_model *model, uint32_t stack, uint64_t task_id, uint64_t depth)
{
    const uint32_t text = pam_model_task(model, task_id);

    return text == PAM_UNKNOWN ? stack
                               : pam_task_names_stack(&model->tasks, model, stack, text, depth);
}

uint32_t pam_model_code_id(const struct pam_model *model, uint64_t code_id)
{
    return pam_id_map_get(&model->code_map, code_id);
}

uint32_t pam_model_native_plus1(const struct pam_model *model, uint64_t native_id)
{
    const uint32_t number = pam_id_map_get(&model->native_map, native_id);

    return number == PAM_UNKNOWN ? 0 : number + 1;
}

int pam_model_set_native(struct pam_model *model, uint64_t native_id, uint32_t number)
{
    return pam_id_map_set(&model->native_map, native_id, number);
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
    struct pam_stack_model *nodes;
    size_t depth;

    if (!has_code(model, stack, code, &depth))
        return stack;
    nodes = calloc(depth, sizeof *nodes);
    if (!nodes)
        return -1;
    for (size_t i = depth; i-- > 0; stack = nodes[i].parent)
        nodes[i] = pam_model_get_stack(model, stack);
    for (size_t i = 0; i < depth && marked >= 0; i++) {
        struct pam_frame_model frame = pam_model_frame(model, nodes[i].frame);
        int64_t id = nodes[i].frame;

        if (frame.code == code) {
            frame.reused = 1;
            id = pam_model_put_frame(model, &frame);
        }
        nodes[i].parent = (uint32_t)marked;
        nodes[i].frame = (uint32_t)id;
        marked = id < 0 ? -1 : pam_model_put_stack(model, &nodes[i]);
    }
    free(nodes);
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
        .first_cell = key.first_cell,
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
    return model->members.thread_count;
}

const struct pam_thread_model *pam_model_thread(const struct pam_model *model, size_t index)
{
    return &model->members.threads[index];
}

int64_t pam_model_thread_index(const struct pam_model *model, uint64_t thread_id)
{
    const uint32_t index = pam_id_map_get(&model->thread_map, thread_id);

    return index == PAM_UNKNOWN ? -1 : (int64_t)index;
}

void pam_model_order_threads(const struct pam_model *model, size_t *order)
{
    pam_members_order(&model->members, order);
}
