/* python.c - objects, threads and frames in a fake target, laid out as CPython does. */
#include "python.h"

#include <string.h>

/* --- objects -------------------------------------------------------------------------------------
 */

static uint64_t new_object(struct python *python, size_t size, uint64_t type)
{
    const uint64_t object = target_alloc(python->target, size);

    target_put(python->target, object, 1, 8); /* reference count */
    target_put(python->target, object + python->layout->object_type, type, 8);
    return object;
}

void python_init(struct python *python, struct target *target, struct pam_remote *remote,
                 uint32_t version)
{
    *python = (struct python){
        .target = target,
        .layout = pam_layout_for((version & 0xffff) << 16, version & PYTHON_FREE_THREADED)};
    (void)target_alloc(target, 4096);
    python->interpreter = target_alloc(target, 16384);
    python->runtime = target_alloc(target, 8192);
    target_put(target, python->runtime + python->layout->runtime_initialized, 1, 4);
    target_put(target, python->runtime + python->layout->runtime_interpreters, python->interpreter, 8);
    target_put(target, python->runtime + python->layout->runtime_main_interpreter, python->interpreter, 8);
    target_put(target, python->runtime + python->layout->runtime_main_interpreter + 8, 1, 8); /* next_id */
    python->gil = python->runtime + python->layout->runtime_gil;
    if (!python->layout->runtime_gil) {
        python->gil = target_alloc(target, 256);
        target_put(target, python->interpreter + python->layout->interp_gil, python->gil, 8);
    }
    python->code_type = target_alloc(target, 1024);
    python->str_type = target_alloc(target, 1024);
    python->heap = (struct pam_heap){remote, python->layout};
}

/* state: kind, compact, ascii (and ready, which 3.12 dropped). */
static uint64_t new_str(struct python *python, unsigned kind, bool ascii, const void *characters,
                        size_t length)
{
    const struct pam_layout *layout = python->layout;
    const uint32_t header = ascii ? layout->str_ascii_data : layout->str_compact_data;
    const uint64_t str = new_object(python, header + (length + 1) * kind, python->str_type);

    target_put(python->target, str + layout->str_length, length, 8);
    target_put(python->target, str + layout->str_hash, 77 * length + kind, 8);
    target_put(python->target, str + layout->str_state, (kind | 1u << 3 | (unsigned)ascii << 4) << layout->str_kind_shift, 4);
    if (length)
        memcpy(target_at(python->target, str + header, length * kind), characters, length * kind);
    return str;
}

uint64_t python_str(struct python *python, const char *ascii)
{
    return new_str(python, 1, true, ascii, strlen(ascii));
}

uint64_t python_wide_str(struct python *python, unsigned kind, const void *characters,
                         size_t length)
{
    return new_str(python, kind, false, characters, length);
}

uint64_t python_bytes(struct python *python, const void *bytes, size_t size)
{
    const uint64_t object = new_object(python, python->layout->bytes_data + size + 1, 0);

    target_put(python->target, object + python->layout->bytes_size, size, 8);
    if (size)
        memcpy(target_at(python->target, object + python->layout->bytes_data, size), bytes, size);
    return object;
}

uint64_t python_tuple(struct python *python, const uint64_t *items, size_t count)
{
    const uint64_t tuple = new_object(python, python->layout->tuple_items + 8 * count, 0);

    target_put(python->target, tuple + python->layout->tuple_size, count, 8);
    for (size_t i = 0; i < count; i++)
        target_put(python->target, tuple + python->layout->tuple_items + 8 * i, items[i], 8);
    return tuple;
}

uint64_t python_int(struct python *python, int64_t digits, const uint32_t *digit)
{
    const struct pam_layout *layout = python->layout;
    const uint64_t count = (uint64_t)(digits < 0 ? -digits : digits);
    const uint64_t object = new_object(python, layout->long_digits + 4 * count + 16, 0);
    uint64_t size = (uint64_t)digits; /* 3.11: negative for a negative number */

    if (layout->long_size_shift)
        size = count << layout->long_size_shift | (digits < 0 ? 2 : digits == 0 ? 1 : 0);
    target_put(python->target, object + layout->long_size, size, 8);
    for (uint64_t i = 0; i < count; i++)
        target_put(python->target, object + layout->long_digits + 4 * i, digit[i], 4);
    return object;
}

/* Slots of one byte while they are fewer than 256, then of two, then of four. */
static unsigned slot_bytes(unsigned log2_index_bytes)
{
    return log2_index_bytes < 8 ? 1 : log2_index_bytes < 17 ? 2 : 4;
}

uint64_t python_keys(struct python *python, const struct python_entry *entries, size_t count,
                     bool general)
{
    const struct pam_layout *layout = python->layout;
    const bool hashed = general || layout->keys_size;
    const unsigned entry_bytes = hashed ? 24 : 16;
    unsigned log2_index_bytes = 3;
    uint64_t keys, at;

    while ((UINT64_C(1) << log2_index_bytes) / slot_bytes(log2_index_bytes) < 2 * count)
        log2_index_bytes++;
    log2_index_bytes += log2_index_bytes == 8 || log2_index_bytes == 17;
    keys = target_alloc(python->target, layout->keys_indices + (UINT64_C(1) << log2_index_bytes) +
                                            count * entry_bytes);
    at = keys + layout->keys_indices + (UINT64_C(1) << log2_index_bytes);
    if (layout->keys_size) {
        target_put(python->target, keys + layout->keys_size,
                   (UINT64_C(1) << log2_index_bytes) / slot_bytes(log2_index_bytes), 8);
    } else {
        target_put(python->target, keys + layout->keys_log2_index_bytes, log2_index_bytes, 1);
        target_put(python->target, keys + layout->keys_kind, general ? 0 : 1, 1);
    }
    target_put(python->target, keys + layout->keys_entries, count, 8);
    for (size_t i = 0; i < count; i++, at += entry_bytes) {
        target_put(python->target, at + (hashed ? 8 : 0), entries[i].key, 8);
        target_put(python->target, at + (hashed ? 16 : 8), entries[i].value, 8);
    }
    return keys;
}

static uint64_t new_dict(struct python *python, uint64_t keys, uint64_t values)
{
    const uint64_t dict = new_object(python, python->layout->dict_values + 8, 0);

    target_put(python->target, dict + python->layout->dict_keys, keys, 8);
    target_put(python->target, dict + python->layout->dict_values, values, 8);
    return dict;
}

uint64_t python_dict(struct python *python, const struct python_entry *entries, size_t count,
                     bool general)
{
    return new_dict(python, python_keys(python, entries, count, general), 0);
}

void python_refill(struct python *python, uint64_t dict, const struct python_entry *entries,
                   size_t count)
{
    const struct pam_layout *layout = python->layout;
    const uint64_t keys = target_get(python->target, dict + layout->dict_keys, 8);
    uint64_t at = keys + layout->keys_indices +
                  (UINT64_C(1) << target_get(python->target, keys + layout->keys_log2_index_bytes, 1));

    for (size_t i = 0; i < count; i++, at += 24) {
        target_put(python->target, at + 8, entries[i].key, 8);
        target_put(python->target, at + 16, entries[i].value, 8);
    }
}

static void put_values(struct python *python, uint64_t at, const uint64_t *values, size_t count)
{
    if (python->layout->values_valid)
        target_put(python->target, at + python->layout->values_valid, 1, 1);
    for (size_t i = 0; i < count; i++)
        target_put(python->target, at + python->layout->values_first + 8 * i, values[i], 8);
}

uint64_t python_split_dict(struct python *python, uint64_t keys, const uint64_t *values,
                           size_t count)
{
    const uint64_t at = target_alloc(python->target, python->layout->values_first + 8 * count);

    put_values(python, at, values, count);
    return new_dict(python, keys, at);
}

uint64_t python_instance(struct python *python, uint64_t keys, const uint64_t *values, size_t count,
                         uint64_t dict)
{
    enum { BEFORE = 64 };
    const struct pam_layout *layout = python->layout;
    const uint32_t basic = layout->object_type + 8; /* of a PyObject */
    const uint64_t type = target_alloc(python->target, 1024);
    const uint64_t object = target_alloc(python->target, BEFORE + basic + 8 * count + 64) + BEFORE;

    target_put(python->target, object + layout->object_type, type, 8);
    target_put(python->target, type + layout->type_cached_keys, keys, 8);
    target_put(python->target, type + layout->type_basic_size, basic, 8);
    if (layout->type_dict_offset) { /* values are in no other place than a dict */
        target_put(python->target, type + layout->type_dict_offset, basic, 8);
        target_put(python->target, object + basic,
                   dict || !keys ? dict : python_split_dict(python, keys, values, count), 8);
        return object;
    }
    target_put(python->target, object - layout->instance_dict_before, dict, 8);
    if (dict) { /* and behind the object stands whatever it is */
        target_put(python->target, object + basic + layout->values_valid, 0xfd, 1);
        return object;
    }
    if (layout->instance_values_before) {
        const uint64_t at = target_alloc(python->target, layout->values_first + 8 * count);

        put_values(python, at, values, count);
        target_put(python->target, object - layout->instance_values_before,
                   at - layout->instance_values_tag, 8);
    } else {
        target_put(python->target, type + layout->type_flags, layout->type_values_flag, 8);
        put_values(python, object + basic, values, count);
    }
    return object;
}

static uint64_t new_code_bytes(struct python *python, uint32_t units)
{
    const size_t size = 2 * (size_t)units;
    const uint64_t bytes = new_object(python, python->layout->bytes_data + size + 1, 0);

    target_put(python->target, bytes + python->layout->bytes_size, size, 8);
    return bytes;
}

uint64_t python_code(struct python *python, const char *name, uint32_t units, uint32_t words)
{
    const struct pam_layout *layout = python->layout;
    const uint64_t code = new_object(
        python, layout->code_header_bytes + 2 * (size_t)units, python->code_type);
    const uint64_t str = python_str(python, name);
    const uint64_t names = python_tuple(python, &str, 1);

    if (layout->code_bytes) {
        const uint64_t none = python_tuple(python, NULL, 0);

        target_put(python->target, code + layout->code_bytes, new_code_bytes(python, units), 8);
        target_put(python->target, code + layout->code_cell_names, none, 8);
        target_put(python->target, code + layout->code_free_names, none, 8);
    } else {
        target_put(python->target, code + layout->code_units, units, 8);
    }
    target_put(python->target, code + layout->code_names, names, 8);
    target_put(python->target, code + layout->code_local_names, names, 8);
    target_put(python->target, code + layout->code_stack_size, words / 2, 4);
    target_put(python->target, code + layout->code_locals, words - words / 2, 4);
    target_put(python->target, code + layout->code_first_line, 7, 4);
    target_put(python->target, code + layout->code_file, python_str(python, "f.py"), 8);
    target_put(python->target, code + layout->code_name, str, 8);
    target_put(python->target, code + layout->code_qualname, str, 8);
    target_put(python->target, code + layout->code_line_table, python_bytes(python, "\x80\0", 2),
               8);
    return code;
}

/* --- threads
 * -------------------------------------------------------------------------------------- */

static void publish(struct python_thread *thread)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;

    if (layout->tstate_chunk) {
        target_put(target, thread->tstate + layout->tstate_chunk, thread->chunk, 8);
        target_put(target, thread->tstate + layout->tstate_chunk_top, thread->top, 8);
    }
    if (layout->tstate_cframe)
        target_put(target, thread->cframe + layout->cframe_current, thread->current, 8);
    else
        target_put(target, thread->tstate + layout->tstate_current, thread->current, 8);
}

void python_thread(struct python_thread *thread, struct python *python, uint64_t unique_id,
                   uint64_t chunk_bytes)
{
    const struct pam_layout *layout = python->layout;

    *thread = (struct python_thread){.python = python, .chunk_bytes = chunk_bytes};
    thread->tstate = target_alloc(python->target, layout->tstate_bytes);
    thread->cframe = target_alloc(python->target, 64);
    target_put(python->target, thread->tstate + layout->tstate_interp, python->interpreter, 8);
    target_put(python->target, thread->tstate + layout->tstate_unique_id, unique_id, 8);
    if (layout->tstate_cframe)
        target_put(python->target, thread->tstate + layout->tstate_cframe, thread->cframe, 8);
    publish(thread);
}

void python_set_unit(struct python_thread *thread, uint64_t frame, uint64_t unit_plus1)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;
    const uint64_t code = target_get(target, frame + layout->frame_code, 8) & ~(uint64_t)layout->frame_code_tags;

    if (layout->frame_lasti_bytes)
        target_put(target, frame + layout->frame_instruction,
                   unit_plus1 ? 2 / layout->frame_lasti_bytes * (unit_plus1 - 1) : UINT32_MAX, 4);
    else
        target_put(target, frame + layout->frame_instruction,
                   code + layout->code_first_unit - 2 + 2 * unit_plus1, 8);
}

/* 3.8 and 3.9 say whether it is executed, 3.10 in what state it is: 0 is executed there. */
static void set_running(struct python_thread *thread, uint64_t frame, bool running)
{
    const struct pam_layout *layout = thread->python->layout;

    if (layout->frame_state)
        target_put(thread->python->target, frame + layout->frame_state,
                   layout->frame_running & 1 ? (running ? 0 : 255) : running, 1);
}

/* From 3.11 to 3.13 a frame says how much of its stack is in use while a Python function that it called runs. */
static void set_calling(struct python_thread *thread, uint64_t frame, bool calling)
{
    const struct pam_layout *layout = thread->python->layout;

    if (frame && layout->frame_stack_index && !layout->frame_stack_base)
        target_put(thread->python->target, frame + layout->frame_stack_index, calling ? 1 : UINT32_MAX, 4);
}

static void enter(struct python_thread *thread, uint64_t frame, uint64_t code, uint64_t unit_plus1)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;

    target_put(target, frame + layout->frame_code, code | (layout->frame_code_tags & 1), 8);
    target_put(target, frame + layout->frame_previous, thread->current, 8);
    if (layout->frame_owner)
        target_put(target, frame + layout->frame_owner, 0, 1);
    set_running(thread, frame, true);
    set_calling(thread, thread->current, true);
    set_calling(thread, frame, false);
    python_set_unit(thread, frame, unit_plus1);
    thread->current = frame;
    publish(thread);
}

/* push_chunk() of Python/pystate.c: the first word of the first chunk stays unused. */
static void push_chunk(struct python_thread *thread, uint64_t bytes)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;
    uint64_t size = thread->chunk_bytes, chunk;

    while (size < bytes + layout->chunk_data + 8)
        size *= 2;
    chunk = size == thread->chunk_bytes && thread->spare_count
                ? thread->spare[--thread->spare_count]
                : target_alloc(target, size);
    if (thread->chunk)
        target_put(target, thread->chunk + layout->chunk_top,
                   (thread->top - thread->chunk - layout->chunk_data) / 8, 8);
    target_put(target, chunk + layout->chunk_previous, thread->chunk, 8);
    target_put(target, chunk + layout->chunk_size, size, 8);
    thread->top = chunk + layout->chunk_data + (thread->chunk ? 0 : 8);
    thread->chunk = chunk;
}

/* _PyFrame_New_NoTrack() of Objects/frameobject.c: the one kept for the code, else any that is free. */
static uint64_t push_object(struct python_thread *thread, uint64_t code, uint64_t unit_plus1)
{
    uint64_t frame = 0;

    for (size_t i = 0; !frame && i < sizeof thread->kept / sizeof *thread->kept; i++)
        if (thread->kept[i].code == code && thread->kept[i].frame) {
            frame = thread->kept[i].frame;
            thread->kept[i].frame = 0;
        }
    if (!frame)
        frame = thread->free_count ? thread->free_frames[--thread->free_count]
                                   : target_alloc(thread->python->target, 512);
    enter(thread, frame, code, unit_plus1);
    return frame;
}

/* frame_dealloc() */
static void pop_object(struct python_thread *thread, uint64_t frame)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;
    const uint64_t code = target_get(target, frame + layout->frame_code, 8);

    set_running(thread, frame, false);
    target_put(target, frame + layout->frame_previous, 0, 8);
    for (size_t i = 0; i < sizeof thread->kept / sizeof *thread->kept; i++)
        if (!thread->kept[i].code || (thread->kept[i].code == code && !thread->kept[i].frame)) {
            thread->kept[i].code = code;
            thread->kept[i].frame = frame;
            return;
        } else if (thread->kept[i].code == code) {
            break;
        }
    if (thread->free_count < sizeof thread->free_frames / sizeof *thread->free_frames)
        thread->free_frames[thread->free_count++] = frame;
}

uint64_t python_push(struct python_thread *thread, uint64_t code, uint64_t unit_plus1)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;
    const uint64_t bytes =
        8 * (target_get(target, code + layout->code_locals, 4) +
             target_get(target, code + layout->code_stack_size, 4) + layout->frame_words);
    uint64_t frame;

    if (!layout->tstate_chunk)
        return push_object(thread, code, unit_plus1);
    if (!thread->chunk ||
        thread->top + bytes >
            thread->chunk + target_get(target, thread->chunk + layout->chunk_size, 8))
        push_chunk(thread, bytes);
    frame = thread->top;
    thread->top += bytes;
    enter(thread, frame, code, unit_plus1);
    return frame;
}

void python_push_at(struct python_thread *thread, uint64_t frame, uint64_t code, uint64_t unit_plus1)
{
    const uint32_t owner = thread->python->layout->frame_owner;

    enter(thread, frame, code, unit_plus1);
    if (owner)
        target_put(thread->python->target, frame + owner, 1 /* FRAME_OWNED_BY_GENERATOR */, 1);
}

uint64_t python_push_heap(struct python_thread *thread, uint64_t code, uint64_t unit_plus1)
{
    const uint64_t frame = target_alloc(thread->python->target, 512) + 64; /* within a generator */

    python_push_at(thread, frame, code, unit_plus1);
    return frame;
}

void python_pop(struct python_thread *thread)
{
    const struct pam_layout *layout = thread->python->layout;
    struct target *target = thread->python->target;
    const uint64_t frame = thread->current;

    thread->current = target_get(target, frame + layout->frame_previous, 8);
    set_calling(thread, thread->current, false);
    if (!layout->tstate_chunk)
        pop_object(thread, frame);
    if (thread->chunk &&
        frame - thread->chunk < target_get(target, thread->chunk + layout->chunk_size, 8)) {
        thread->top = frame;
        if (frame == thread->chunk + layout->chunk_data) {
            if (thread->spare_count < sizeof thread->spare / sizeof *thread->spare &&
                target_get(target, thread->chunk + layout->chunk_size, 8) == thread->chunk_bytes)
                thread->spare[thread->spare_count++] = thread->chunk;
            thread->chunk = target_get(target, thread->chunk + layout->chunk_previous, 8);
            thread->top = thread->chunk + layout->chunk_data +
                          8 * target_get(target, thread->chunk + layout->chunk_top, 8);
        }
    }
    publish(thread);
}
