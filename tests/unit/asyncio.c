/* asyncio.c - tasks, coroutines and what they await in a fake target, laid out as CPython does. */
#include "asyncio.h"

#include <string.h>

static uint64_t c_string(struct python *python, const char *text)
{
    const uint64_t address = target_alloc(python->target, strlen(text) + 1);

    memcpy(target_at(python->target, address, strlen(text) + 1), text, strlen(text) + 1);
    (void)target_alloc(python->target, 256); /* names are read beyond their end */
    return address;
}

static void name_type(struct python *python, uint64_t type, const char *name)
{
    target_put(python->target, type + python->layout->type_name, c_string(python, name), 8);
}

uint64_t asyncio_type(struct asyncio *asyncio, const char *name, uint64_t base)
{
    const struct pam_layout *layout = asyncio->python->layout;
    struct target *target = asyncio->python->target;
    const uint64_t type = target_alloc(target, 1024);

    name_type(asyncio->python, type, name);
    target_put(target, type + layout->type_base, base, 8);
    target_put(target, type + layout->type_basic_size, layout->task_bytes, 8);
    return type;
}

static uint64_t new_object(struct asyncio *asyncio, size_t size, uint64_t type)
{
    const uint64_t object = target_alloc(asyncio->python->target, size);

    target_put(asyncio->python->target, object, 1, 8);
    target_put(asyncio->python->target, object + asyncio->python->layout->object_type, type, 8);
    return object;
}

static uint64_t new_module(struct asyncio *asyncio, uint64_t dict)
{
    const uint64_t module = new_object(asyncio, 64, 0);

    target_put(asyncio->python->target, module + asyncio->python->layout->module_dict, dict, 8);
    return module;
}

void asyncio_init(struct asyncio *asyncio, struct python *python)
{
    struct python_entry modules[1], names[1];

    memset(asyncio, 0, sizeof *asyncio);
    asyncio->python = python;
    name_type(python, python->str_type, "str");
    asyncio->int_type = asyncio_type(asyncio, "int", 0);
    asyncio->coroutine_type = asyncio_type(asyncio, "coroutine", 0);
    asyncio->generator_type = asyncio_type(asyncio, "generator", 0);
    asyncio->frame_type = asyncio_type(asyncio, "frame", 0);
    asyncio->future_type = asyncio_type(asyncio, "_asyncio.Future", 0);
    asyncio->iterator_type = asyncio_type(asyncio, "_asyncio.FutureIter", 0);
    asyncio->task_type = asyncio_type(asyncio, "_asyncio.Task", asyncio->future_type);
    asyncio->current = python_dict(python, asyncio->running, ASYNCIO_LOOPS, true);
    names[0] = (struct python_entry){python_str(python, "_current_tasks"), asyncio->current};
    asyncio->module = python_dict(python, names, 1, false);
    modules[0] = (struct python_entry){python_str(python, "_asyncio"),
                                       new_module(asyncio, asyncio->module)};
    target_put(python->target, python->interpreter + python->layout->interp_modules,
               python_dict(python, modules, 1, false), 8);
}

void asyncio_put(struct asyncio *asyncio, const char *name, uint64_t value)
{
    const struct pam_layout *layout = asyncio->python->layout;
    struct target *target = asyncio->python->target;
    const struct python_entry entry = {python_str(asyncio->python, name), value};
    const uint64_t keys = python_keys(asyncio->python, &entry, 1, false);

    target_put(target, asyncio->module + layout->dict_keys, keys, 8);
}

static void set_state(struct asyncio *asyncio, uint64_t coroutine, uint32_t state)
{
    target_put(asyncio->python->target, coroutine + asyncio->python->layout->generator_state, state,
               1);
}

uint64_t asyncio_frame(const struct asyncio *asyncio, uint64_t coroutine)
{
    const struct pam_layout *layout = asyncio->python->layout;

    return layout->generator_frame
               ? coroutine + layout->generator_frame
               : target_get(asyncio->python->target, coroutine + layout->wrapped, 8);
}

/* A frame object, which does not run. */
static void make_frame(struct asyncio *asyncio, uint64_t coroutine, uint64_t code)
{
    const struct pam_layout *layout = asyncio->python->layout;
    struct target *target = asyncio->python->target;
    const uint64_t frame = new_object(asyncio, layout->frame_locals + 256, asyncio->frame_type);

    target_put(target, coroutine + layout->wrapped, frame, 8);
    target_put(target, frame + layout->frame_generator, coroutine, 8);
    target_put(target, frame + layout->frame_code, code, 8);
    target_put(target, frame + layout->frame_instruction, UINT32_MAX, 4);
    target_put(target, frame + layout->frame_state, layout->frame_suspended, 1);
}

uint64_t asyncio_coroutine(struct asyncio *asyncio, uint64_t code)
{
    enum { CO_COROUTINE = 0x80 };
    const struct pam_layout *layout = asyncio->python->layout;
    struct target *target = asyncio->python->target;
    const uint64_t coroutine =
        new_object(asyncio, layout->generator_frame + 256, asyncio->coroutine_type);

    target_put(target, code + layout->code_flags, CO_COROUTINE, 4);
    target_put(target, coroutine + layout->generator_qualname,
               target_get(target, code + layout->code_qualname, 8), 8);
    target_put(target, coroutine + layout->generator_code, code, 8);
    if (layout->generator_frame) {
        target_put(target, coroutine + layout->generator_frame + layout->frame_code, code, 8);
        set_state(asyncio, coroutine, layout->frame_created);
    } else {
        make_frame(asyncio, coroutine, code);
    }
    return coroutine;
}

uint64_t asyncio_resume(struct asyncio *asyncio, struct python_thread *thread, uint64_t coroutine,
                        uint64_t unit_plus1)
{
    const struct pam_layout *layout = asyncio->python->layout;
    const uint64_t frame = coroutine + layout->generator_frame;

    set_state(asyncio, coroutine, layout->frame_executing);
    python_push_at(thread, frame,
                   target_get(asyncio->python->target, frame + layout->frame_code, 8), unit_plus1);
    return frame;
}

void asyncio_suspend(struct asyncio *asyncio, uint64_t coroutine, uint64_t code, uint64_t unit_plus1,
                     uint64_t awaited)
{
    const struct pam_layout *layout = asyncio->python->layout;
    struct target *target = asyncio->python->target;
    const uint64_t frame = asyncio_frame(asyncio, coroutine), used = awaited ? 1 : 0;
    const uint64_t locals = target_get(target, code + layout->code_locals, 4);
    const uint64_t stack = frame + layout->frame_locals + 8 * locals;
    struct python_thread nobody = {.python = asyncio->python};

    if (layout->generator_frame)
        set_state(asyncio, coroutine, awaited ? layout->frame_awaiting : layout->frame_suspended);
    python_set_unit(&nobody, frame, unit_plus1);
    if (layout->frame_stack_pointer)
        target_put(target, frame + layout->frame_stack_pointer, stack + 8 * used, 8);
    else
        target_put(target, frame + layout->frame_stack_index,
                   layout->frame_stack_base ? used : locals + used, 4);
    if (layout->frame_stack_base)
        target_put(target, frame + layout->frame_stack_base, stack, 8);
    target_put(target, stack, awaited, 8);
}

uint64_t asyncio_task(struct asyncio *asyncio, uint64_t coroutine, uint64_t name)
{
    const struct pam_layout *layout = asyncio->python->layout;
    const uint64_t task = new_object(asyncio, layout->task_bytes, asyncio->task_type);

    target_put(asyncio->python->target, task + layout->task_coroutine, coroutine, 8);
    target_put(asyncio->python->target, task + layout->task_name, name, 8);
    return task;
}

void asyncio_run(struct asyncio *asyncio, size_t loop, uint64_t task)
{
    const struct python_entry entry = {target_alloc(asyncio->python->target, 16), task};

    asyncio->running[loop] = entry;
    python_refill(asyncio->python, asyncio->current, asyncio->running, ASYNCIO_LOOPS);
}
