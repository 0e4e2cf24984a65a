/* test_recorder.c - what the recorder puts comes back from the reader: ids, epochs, blocks, time.
 */
#include "model.h"
#include "recording.h"

#include "unit.h"

#define SECOND_NS UINT64_C(1000000000)

static const uint64_t START_NS = UINT64_C(5000000000000);

static struct recording recording;

static int open_recording(void **state)
{
    (void)state;
    recording_start(&recording, -1, START_NS);
    return 0;
}

static int close_recording(void **state)
{
    (void)state;
    recording_done(&recording);
    return 0;
}

static void finish(void)
{
    struct pam_error error;

    assert_int_equal(recording_finish(&recording, &error), 0);
}

static struct contents whole_contents(void)
{
    struct contents contents;

    finish();
    contents = contents_of(recording.fd);
    assert_true(contents.damage.complete && !contents.damage.cut_tail);
    assert_int_equal(contents.damage.damaged_blocks + contents.damage.lost_blocks +
                         contents.damage.skipped_bytes + contents.damage.damaged_records,
                     0);
    return contents;
}

static uint64_t string_id(const char *text)
{
    return pam_recorder_string(&recording.recorder, pam_text(text));
}

static uint64_t code_id(uint64_t first_line, const char *line_table, const char *bytecode)
{
    struct pam_code code = {.name = 1, .first_line = first_line, .line_table = pam_text(line_table),
                            .bytecode = pam_text(bytecode)};
    const uint64_t id = pam_recorder_code(&recording.recorder, &code);

    assert_int_equal(code.id, id);
    return id;
}

static void equal_things_have_one_id(void **state)
{
    struct pam_recorder *recorder = &recording.recorder;
    struct contents contents;
    uint64_t root, leaf;

    (void)state;
    assert_int_equal(string_id("main"), 1);
    assert_int_equal(string_id("work"), 2);
    assert_int_equal(string_id("main"), 1);
    assert_int_equal(code_id(10, "ab", "xx"), 1);
    assert_int_equal(code_id(11, "ab", "xx"), 2);
    assert_int_equal(code_id(10, "cd", "xx"), 3);
    assert_int_equal(code_id(10, "ab", "yy"), 1); /* its instructions were specialised */
    assert_int_equal(code_id(10, "ab", "xxyy"), 4);
    assert_int_equal(pam_recorder_frame(recorder, 1, 0), 1);
    assert_int_equal(pam_recorder_frame(recorder, 1, 7), 2);
    assert_int_equal(pam_recorder_frame(recorder, 2, 7), 3);
    assert_int_equal(pam_recorder_frame(recorder, 1, 7), 2);
    root = pam_recorder_stack(recorder, 0, 1, false);
    leaf = pam_recorder_stack(recorder, root, 3, false);
    assert_int_equal(root, 1);
    assert_int_equal(leaf, 2);
    assert_int_equal(pam_recorder_stack(recorder, 0, 3, false), 3);
    assert_int_equal(pam_recorder_stack(recorder, root, 3, false), leaf);
    contents = whole_contents();
    assert_int_equal(contents.records[PAM_string], 2);
    assert_int_equal(contents.records[PAM_code], 4);
    assert_int_equal(contents.records[PAM_frame], 3);
    assert_int_equal(contents.records[PAM_stack], 3);
    assert_int_equal(contents.epochs, 1);
}

static void long_texts_are_cut_and_still_one(void **state)
{
    static unsigned char text[2 * PAM_MAX_TEXT];
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    uint64_t id;

    (void)state;
    memset(text, 'x', sizeof text);
    id = pam_recorder_string(&recording.recorder, (struct pam_bytes){text, sizeof text});
    assert_int_equal(
        id, pam_recorder_string(&recording.recorder, (struct pam_bytes){text, PAM_MAX_TEXT}));
    assert_int_not_equal(
        id, pam_recorder_string(&recording.recorder, (struct pam_bytes){text, PAM_MAX_TEXT - 1}));
    finish();
    reader = reader_of(recording.fd);
    while (pam_reader_next(reader, &event, &error) > 0)
        if (event.kind == PAM_EVENT_RECORD && event.record.type == PAM_string)
            assert_int_equal(event.record.string.text.size,
                             event.record.string.id == id ? PAM_MAX_TEXT : PAM_MAX_TEXT - 1);
    pam_reader_free(reader);
}

/* Interns until a table is full, starts an epoch, and interns again from 1. */
static void fill_table(uint64_t (*intern)(uint64_t number), uint64_t capacity)
{
    uint64_t blocks = recording.recorder.block_number;

    for (unsigned epoch = 0; epoch < 2; epoch++) {
        for (uint64_t number = 1; number <= capacity; number++) {
            assert_int_equal(intern(number), number);
            if (recording.recorder.block_number != blocks)
                assert_true(recording_wait(&recording));
            blocks = recording.recorder.block_number;
        }
        assert_false(recording.recorder.epoch_wanted);
        assert_int_equal(intern(capacity + 1), 0);
        assert_int_equal(intern(1), 1);
        assert_true(pam_recorder_epoch_due(&recording.recorder, START_NS));
        assert_true(pam_recorder_start_epoch(&recording.recorder, START_NS));
        assert_false(pam_recorder_epoch_due(&recording.recorder, START_NS));
        assert_true(recording_wait(&recording));
        blocks = recording.recorder.block_number;
    }
    assert_int_equal(recording.recorder.dropped_blocks, 0);
}

static uint64_t intern_string(uint64_t number)
{
    char text[32];

    (void)snprintf(text, sizeof text, "name %u", (unsigned)number);
    return string_id(text);
}

static uint64_t intern_long_string(uint64_t number)
{
    static unsigned char text[PAM_MAX_TEXT];

    pam_put_le(text, number, 8);
    return pam_recorder_string(&recording.recorder, (struct pam_bytes){text, sizeof text});
}

static uint64_t intern_frame(uint64_t number)
{
    return pam_recorder_frame(&recording.recorder, number, number + 1);
}

static uint64_t intern_stack(uint64_t number)
{
    return pam_recorder_stack(&recording.recorder, number - 1, number, false);
}

static void full_tables_want_a_new_epoch(void **state)
{
    static const struct {
        uint64_t (*intern)(uint64_t number);
        uint64_t capacity;
        enum pam_record_id type;
    } rows[] = {
        {intern_string, PAM_MAX_STRINGS, PAM_string},
        {intern_long_string, PAM_STRING_ARENA_BYTES / PAM_MAX_TEXT, PAM_string},
        {intern_frame, PAM_MAX_FRAMES, PAM_frame},
        {intern_stack, PAM_MAX_STACKS, PAM_stack},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct contents contents;

        if (i > 0) {
            recording_done(&recording);
            recording_start(&recording, -1, START_NS);
        }
        fill_table(rows[i].intern, rows[i].capacity);
        contents = whole_contents();
        assert_int_equal(contents.records[rows[i].type], 2 * rows[i].capacity);
        assert_int_equal(contents.epochs, 3);
    }
}

/* After a new epoch the same ids mean other things, and the model knows. */
static void ids_hold_within_an_epoch(void **state)
{
    struct pam_model *model;
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    unsigned strings = 0;

    (void)state;
    assert_int_equal(string_id("first"), 1);
    pam_recorder_want_epoch(&recording.recorder);
    assert_true(pam_recorder_start_epoch(&recording.recorder, START_NS + SECOND_NS));
    assert_int_equal(string_id("second"), 1);
    assert_int_equal(string_id("first"), 2);
    finish();
    assert_int_equal(pam_model_new(&model, &error), 0);
    reader = reader_of(recording.fd);
    while (pam_reader_next(reader, &event, &error) > 0) {
        assert_int_equal(pam_model_add(model, &event, &error), 0);
        if (event.kind == PAM_EVENT_RECORD && event.record.type == PAM_string)
            strings++;
    }
    assert_int_equal(strings, 3);
    assert_true(bytes_equal(pam_model_text(model, 0), pam_text("first")));
    assert_true(bytes_equal(pam_model_text(model, 1), pam_text("second")));
    assert_true(bytes_equal(pam_model_text(model, 2), pam_text("?"))); /* "first" is still 0 */
    pam_model_free(model);
    pam_reader_free(reader);
}

/* More than 16 blocks, so several zstd frames; every record once and in order. */
static void blocks_roll_over(void **state)
{
    enum { MARKERS = 2600, SIZE = 2000 }; /* 5 MB */
    uint64_t blocks = recording.recorder.block_number;
    struct contents contents;

    (void)state;
    for (uint64_t number = 0; number < MARKERS; number++) {
        recording_put_marker(&recording, number, SIZE);
        if (recording.recorder.block_number != blocks)
            assert_true(recording_wait(&recording));
        blocks = recording.recorder.block_number;
    }
    assert_true(blocks > 17);
    assert_int_equal(recording.recorder.dropped_blocks, 0);
    contents = whole_contents();
    assert_int_equal(contents.records[PAM_marker], MARKERS);
    assert_true(contents.markers_in_order && contents.first_marker == 0);
    assert_int_equal(contents.blocks, blocks);
    assert_int_equal(contents.epochs, 1);
}

static void a_reserved_room_is_in_one_block(void **state)
{
    struct pam_recorder *recorder = &recording.recorder;
    uint64_t number;

    (void)state;
    while (PAM_MAX_BLOCK - recorder->block->size >= 1000)
        recording_put_marker(&recording, 1, 900);
    number = recorder->block_number;
    pam_recorder_reserve(recorder, PAM_MAX_BLOCK - recorder->block->size);
    assert_int_equal(recorder->block_number, number);
    pam_recorder_reserve(recorder, PAM_MAX_BLOCK - recorder->block->size + 1);
    assert_int_equal(recorder->block_number, number + 1);
    assert_int_equal(recorder->block->size, 0);
    finish();
}

static void old_and_large_blocks_are_handed_over(void **state)
{
    struct pam_recorder *recorder = &recording.recorder;
    uint64_t number = recorder->block_number;

    (void)state;
    pam_recorder_time(recorder, START_NS + SECOND_NS / 2, 0, true);
    assert_int_equal(recorder->block_number, number);
    pam_recorder_time(recorder, START_NS + SECOND_NS, 0, true);
    assert_int_equal(recorder->block_number, number + 1);
    while (recorder->block->size < (64 << 10))
        recording_put_marker(&recording, 1, 1000);
    pam_recorder_time(recorder, START_NS + SECOND_NS + 1000, 0, true);
    assert_int_equal(recorder->block_number, number + 2);
    assert_false(pam_recorder_epoch_due(recorder, START_NS + 60 * SECOND_NS));
    assert_true(pam_recorder_epoch_due(recorder, START_NS + 3600 * SECOND_NS));
    finish();
}

/* Ticks are whole microseconds; what is less must not add up to a drift. */
static void time_does_not_drift(void **state)
{
    enum { TICKS = 10000 };
    const uint64_t step_ns = 12345678;
    uint64_t ticks = 0, empty = 0;
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;

    (void)state;
    for (uint64_t i = 1; i <= TICKS; i++) {
        const uint64_t blocks = recording.recorder.block_number;

        pam_recorder_time(&recording.recorder, START_NS + i * step_ns, i % 3, i % 2);
        if (recording.recorder.block_number != blocks)
            assert_true(recording_wait(&recording));
    }
    pam_recorder_time(&recording.recorder, START_NS, 0, false); /* a clock never goes back */
    finish();
    reader = reader_of(recording.fd);
    while (pam_reader_next(reader, &event, &error) > 0) {
        if (event.kind != PAM_EVENT_RECORD || event.record.type != PAM_tick)
            continue;
        ticks++;
        empty += event.record.tick.empty;
        if (ticks > TICKS)
            continue;
        assert_int_equal(event.record.tick.not_sampling, ticks % 2 == 0);
        assert_true(event.time_ns <= START_NS + ticks * step_ns);
        assert_true(event.time_ns + 1000 > START_NS + ticks * step_ns);
    }
    assert_int_equal(ticks, TICKS + 1);
    assert_int_equal(empty, TICKS);
    pam_reader_free(reader);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(equal_things_have_one_id, open_recording, close_recording),
        cmocka_unit_test_setup_teardown(long_texts_are_cut_and_still_one, open_recording,
                                        close_recording),
        cmocka_unit_test_setup_teardown(full_tables_want_a_new_epoch, open_recording,
                                        close_recording),
        cmocka_unit_test_setup_teardown(ids_hold_within_an_epoch, open_recording, close_recording),
        cmocka_unit_test_setup_teardown(blocks_roll_over, open_recording, close_recording),
        cmocka_unit_test_setup_teardown(a_reserved_room_is_in_one_block, open_recording,
                                        close_recording),
        cmocka_unit_test_setup_teardown(old_and_large_blocks_are_handed_over, open_recording,
                                        close_recording),
        cmocka_unit_test_setup_teardown(time_does_not_drift, open_recording, close_recording),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
