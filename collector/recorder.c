/* recorder.c - records into blocks: interning, epochs, time, and the hand-over to the writer. */
#include "recorder.h"

#include <string.h>
#include <time.h>

enum {
    MAX_KEY_BYTES = 16,            /* of a frame or a stack: two ids */
    CODE_KEY_BYTES = 64,           /* of a code: eight numbers */
    BLOCK_SEND_BYTES = 64 << 10,   /* a block is handed over at this size ... */
    MOST_MOMENTS = 5000,           /* of a millisecond each */
    EPOCH_RAW_BYTES = 4 << 20,
};

static const uint64_t BLOCK_SEND_NS = UINT64_C(800000000); /* ... or age: SIGKILL loses < 1 s */
static const uint64_t EPOCH_NS = UINT64_C(1800000000000);  /* what a damaged block costs at most */

int pam_recorder_init(struct pam_recorder *recorder, struct pam_writer *writer,
                      struct pam_error *error)
{
    memset(recorder, 0, sizeof *recorder);
    recorder->writer = writer;
    recorder->epoch_wanted = true;
    if (pam_intern_init(&recorder->strings, PAM_MAX_STRINGS, PAM_STRING_ARENA_BYTES) &&
        pam_intern_init(&recorder->codes, PAM_MAX_CODES, (size_t)PAM_MAX_CODES * CODE_KEY_BYTES) &&
        pam_intern_init(&recorder->frames, PAM_MAX_FRAMES, (size_t)PAM_MAX_FRAMES * MAX_KEY_BYTES) &&
        pam_intern_init(&recorder->stacks, PAM_MAX_STACKS, (size_t)PAM_MAX_STACKS * MAX_KEY_BYTES))
        return 0;
    pam_recorder_done(recorder);
    return pam_fail(error, PAM_MEMORY, "not enough memory for the tables of a capture");
}

void pam_recorder_done(struct pam_recorder *recorder)
{
    pam_intern_done(&recorder->strings);
    pam_intern_done(&recorder->codes);
    pam_intern_done(&recorder->frames);
    pam_intern_done(&recorder->stacks);
}

/* A free buffer, or NULL. A patient recorder waits a while, until the output is really stuck. */
static struct pam_buffer *take_buffer(struct pam_recorder *recorder)
{
    const struct timespec moment = {.tv_nsec = 1000000};
    struct pam_buffer *buffer = pam_writer_take(recorder->writer);

    for (int i = 0; !buffer && recorder->patient && i < MOST_MOMENTS; i++) {
        if (pam_writer_state(recorder->writer) != PAM_WRITER_RUNNING)
            break;
        (void)nanosleep(&moment, NULL);
        buffer = pam_writer_take(recorder->writer);
    }
    return buffer;
}

static bool open_block(struct pam_recorder *recorder, uint8_t flags)
{
    recorder->block = take_buffer(recorder);
    if (!recorder->block)
        return false;
    recorder->block_number++;
    recorder->block_started_ns = recorder->time_ns;
    recorder->block->size = 0;
    recorder->block->header = (struct pam_block_header){
        .flags = flags,
        .sequence = recorder->sequence++,
        .epoch = recorder->epoch,
        .clock_base_ns = recorder->time_ns,
    };
    return true;
}

static void close_block(struct pam_recorder *recorder)
{
    if (recorder->block)
        pam_writer_give(recorder->writer, recorder->block);
    recorder->block = NULL;
}

/* What would have been a block is lost; its place in the sequence stays empty, so that a reader sees
 * the gap. */
static void drop_block(struct pam_recorder *recorder)
{
    recorder->dropped_blocks++;
    recorder->sequence++;
    recorder->block_started_ns = recorder->time_ns;
    recorder->epoch_wanted = true;
}

/* Goes on in a new block of the same epoch. When there is none, all that follows is lost until a
 * new epoch can start. */
static void next_block(struct pam_recorder *recorder)
{
    close_block(recorder);
    if (!open_block(recorder, 0))
        drop_block(recorder);
}

void pam_recorder_put(struct pam_recorder *recorder, enum pam_record_id id, const void *body)
{
    struct pam_buffer *block = recorder->block;
    size_t size = 0;

    if (block) {
        size = pam_record_encode(id, body, block->data + block->size, PAM_MAX_BLOCK - block->size);
        if (!size)
            next_block(recorder);
    }
    if (!size && recorder->block)
        size = pam_record_encode(id, body, recorder->block->data, PAM_MAX_BLOCK);
    if (!size) {
        recorder->dropped_bytes += pam_record_size(id, body);
        return;
    }
    recorder->block->size += size;
    recorder->epoch_raw_bytes += size;
}

void pam_recorder_reserve(struct pam_recorder *recorder, size_t bytes)
{
    if (recorder->block && PAM_MAX_BLOCK - recorder->block->size < bytes)
        next_block(recorder);
}

void pam_recorder_time(struct pam_recorder *recorder, uint64_t now_ns, uint64_t empty, bool sampling)
{
    const uint64_t grid_us = sampling && recorder->tick_grid_us ? recorder->tick_grid_us : 1;
    struct pam_tick tick = {.empty = empty, .not_sampling = !sampling};

    if (recorder->block && (now_ns - recorder->block_started_ns >= BLOCK_SEND_NS ||
                            recorder->block->size >= BLOCK_SEND_BYTES))
        next_block(recorder);
    if (!recorder->block && now_ns - recorder->block_started_ns >= BLOCK_SEND_NS)
        drop_block(recorder);
    /* What is less than the grid stays for the next: no drift. */
    if (now_ns > recorder->time_ns)
        tick.delta_us = (now_ns - recorder->time_ns) / 1000 / grid_us * grid_us;
    recorder->time_ns += tick.delta_us * 1000;
    pam_recorder_put(recorder, PAM_tick, &tick);
}

void pam_recorder_want_epoch(struct pam_recorder *recorder)
{
    recorder->epoch_wanted = true;
}

bool pam_recorder_epoch_due(const struct pam_recorder *recorder, uint64_t now_ns)
{
    return recorder->epoch_wanted || recorder->epoch_raw_bytes >= EPOCH_RAW_BYTES ||
           now_ns - recorder->epoch_started_ns >= EPOCH_NS;
}

bool pam_recorder_start_epoch(struct pam_recorder *recorder, uint64_t now_ns)
{
    const bool was_recording = recorder->block != NULL;

    close_block(recorder);
    recorder->time_ns = now_ns;
    if (!open_block(recorder, PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS)) {
        if (was_recording)
            drop_block(recorder);
        return false;
    }
    recorder->block->header.epoch = ++recorder->epoch;
    pam_intern_clear(&recorder->strings);
    pam_intern_clear(&recorder->codes);
    pam_intern_clear(&recorder->frames);
    pam_intern_clear(&recorder->stacks);
    recorder->tasks = 0;
    recorder->epoch_raw_bytes = 0;
    recorder->epoch_started_ns = now_ns;
    recorder->epoch_wanted = false;
    return true;
}

uint64_t pam_recorder_string(struct pam_recorder *recorder, struct pam_bytes text)
{
    struct pam_string record = {.text = text};
    bool is_new;

    if (record.text.size > PAM_MAX_TEXT)
        record.text.size = PAM_MAX_TEXT;
    record.id = pam_intern_id(&recorder->strings, record.text.data, record.text.size, &is_new);
    if (is_new)
        pam_recorder_put(recorder, PAM_string, &record);
    else if (!record.id)
        recorder->epoch_wanted = true;
    return record.id;
}

/* Frames and stacks are pairs of ids. */
static uint64_t pair_id(struct pam_recorder *recorder, struct pam_intern *table, uint64_t first,
                        uint64_t second, bool *is_new)
{
    const uint64_t key[2] = {first, second};
    const uint64_t id = pam_intern_id(table, key, sizeof key, is_new);

    if (!id)
        recorder->epoch_wanted = true;
    return id;
}

uint64_t pam_recorder_frame(struct pam_recorder *recorder, uint64_t code, uint64_t unit_plus1)
{
    struct pam_frame record = {.code = code, .unit_plus1 = unit_plus1};
    bool is_new;

    record.id = pair_id(recorder, &recorder->frames, code, unit_plus1, &is_new);
    if (is_new)
        pam_recorder_put(recorder, PAM_frame, &record);
    return record.id;
}

uint64_t pam_recorder_stack(struct pam_recorder *recorder, uint64_t parent, uint64_t frame,
                            bool entered)
{
    struct pam_stack record = {.parent = parent, .frame = frame, .entered = entered};
    bool is_new;

    record.id = pair_id(recorder, &recorder->stacks, parent, frame << 1 | entered, &is_new);
    if (is_new)
        pam_recorder_put(recorder, PAM_stack, &record);
    return record.id;
}

/* FNV-1a, going on from `hash`. */
static uint64_t hash_of(uint64_t hash, struct pam_bytes bytes)
{
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.data[i]) * UINT64_C(0x100000001b3);
    return (hash ^ bytes.size) * UINT64_C(0x100000001b3);
}

uint64_t pam_recorder_code(struct pam_recorder *recorder, struct pam_code *code)
{
    const uint64_t tables = hash_of(
        hash_of(hash_of(UINT64_C(0xcbf29ce484222325), code->line_table), code->names), code->local_names);
    const uint64_t key[] = {code->python_version, code->file, code->name, code->qualname,
                            code->first_line, code->bytecode.size, code->first_cell, tables};
    bool is_new;

    code->id = pam_intern_id(&recorder->codes, key, sizeof key, &is_new);
    if (is_new)
        pam_recorder_put(recorder, PAM_code, code);
    else if (!code->id)
        recorder->epoch_wanted = true;
    return code->id;
}

uint64_t pam_recorder_new_task_id(struct pam_recorder *recorder)
{
    return ++recorder->tasks;
}

void pam_recorder_finish(struct pam_recorder *recorder)
{
    if (recorder->block)
        recorder->block->header.flags |= PAM_BLOCK_FRAME_ENDS;
    close_block(recorder);
}
