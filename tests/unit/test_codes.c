/* test_codes.c - code objects read once, recorded, and told from others at the same address. */
#include "rig.h"

#include "unit.h"

static uint32_t version; /* what the tests run with, one after the other */

static struct rig rig;

static struct pam_code_entry *get(uint64_t code)
{
    return pam_code_get(&rig.codes, &rig.recording.recorder, code);
}

static void check(void)
{
    pam_codes_check(&rig.codes, &rig.recording.recorder);
}

/* The first code record of the recording. */
static void recorded_code(struct pam_code *code, unsigned char tables[4][64])
{
    struct pam_reader *reader = reader_of(rig.recording.fd);
    struct pam_event event;
    struct pam_error error;
    struct pam_bytes *const fields[] = {&code->line_table, &code->bytecode, &code->names,
                                        &code->local_names};

    memset(code, 0, sizeof *code);
    while (!code->id && pam_reader_next(reader, &event, &error) > 0)
        if (event.kind == PAM_EVENT_RECORD && event.record.type == PAM_code)
            *code = event.record.code;
    for (size_t i = 0; i < COUNT(fields); i++) {
        assert_true(fields[i]->size <= 64);
        if (fields[i]->size)
            memcpy(tables[i], fields[i]->data, fields[i]->size);
        fields[i]->data = tables[i];
    }
    pam_reader_free(reader);
}

/* In the object itself, or in a bytes object of its own. */
static uint64_t first_unit(uint64_t object)
{
    const struct pam_layout *layout = rig.python.layout;

    return layout->code_bytes
               ? target_get(&rig.target, object + layout->code_bytes, 8) + layout->bytes_data
               : object + layout->code_first_unit;
}

static void what_is_recorded(void **state)
{
    unsigned char tables[4][64];
    struct pam_code_entry *entry;
    struct pam_code code;
    struct pam_error error;
    uint64_t object;

    (void)state;
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    object = python_code(&rig.python, "work", 3, 10);
    memcpy(target_at(&rig.target, first_unit(object), 6), "\x97\0d\1S\0", 6);
    entry = get(object);
    assert_non_null(entry);
    assert_ptr_equal(get(object), entry);
    assert_int_equal(entry->units, 3);
    assert_int_equal(entry->frame_bytes, 8 * (10 + rig.python.layout->frame_words));
    assert_int_equal(rig.codes.count, 1);
    assert_int_equal(recording_finish(&rig.recording, &error), 0);
    recorded_code(&code, tables);
    assert_int_equal(code.id, entry->id);
    assert_int_equal(code.python_version, rig.runtime.version_hex);
    assert_int_equal(code.first_line, 7);
    assert_true(code.file == 1 && code.name == 2 && code.qualname == 2);
    assert_true(bytes_equal(code.line_table, (struct pam_bytes)BYTES("\x80\0")));
    assert_true(bytes_equal(code.bytecode, (struct pam_bytes)BYTES("\x97\0d\1S\0")));
    assert_true(bytes_equal(code.names, (struct pam_bytes)BYTES("work\0")));
    assert_true(bytes_equal(code.local_names, (struct pam_bytes)BYTES("work\0")));
    assert_int_equal(code.first_cell, rig.python.layout->code_cell_names ? 5 : 0);
    rig_free(&rig);
}

static void tables_over_their_bounds_stay_empty(void **state)
{
    unsigned char tables[4][64];
    struct pam_code code;
    struct pam_error error;
    uint64_t object, names;

    (void)state;
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    object = python_code(&rig.python, "work", 40000, 10); /* 80,000 bytes of bytecode */
    target_put(&rig.target,
               target_get(&rig.target, object + rig.python.layout->code_line_table, 8) +
                   rig.python.layout->bytes_size,
               PAM_MAX_TABLE + 1, 8);
    names = target_get(&rig.target, object + rig.python.layout->code_names, 8);
    target_put(&rig.target, names + rig.python.layout->tuple_size, UINT64_MAX, 8);
    assert_non_null(get(object));
    assert_int_equal(recording_finish(&rig.recording, &error), 0);
    recorded_code(&code, tables);
    assert_int_equal(code.id, 1);
    assert_int_equal(code.line_table.size + code.bytecode.size + code.names.size, 0);
    rig_free(&rig);
}

static void objects_that_are_no_codes(void **state)
{
    static const struct {
        const char *name;
        size_t field; /* offset in the layout */
        unsigned bytes;
        uint64_t value;
    } rows[] = {
        {"another type", offsetof(struct pam_layout, object_type), 8, TARGET_BASE + 4096},
        {"no units", offsetof(struct pam_layout, code_units), 8, 0},
        {"no bytes", offsetof(struct pam_layout, code_bytes), 8, 0},
        {"bytes that are none", offsetof(struct pam_layout, code_bytes), 8, TARGET_BASE + 4096},
        {"too many units", offsetof(struct pam_layout, code_units), 8, UINT64_C(1) << 40},
        {"too many locals", offsetof(struct pam_layout, code_locals), 4, 1 << 20},
        {"too large a stack", offsetof(struct pam_layout, code_stack_size), 4, UINT32_MAX},
        {"no name", offsetof(struct pam_layout, code_name), 8, 0},
        {"no qualified name", offsetof(struct pam_layout, code_qualname), 8, 0},
        {"no file", offsetof(struct pam_layout, code_file), 8, 16},
        {"a name that is no str", offsetof(struct pam_layout, code_name), 8, TARGET_BASE + 4096},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t object, good;
        uint32_t offset;

        rig_init(&rig, version, RIG_CHUNK_BYTES);
        object = rig_code(&rig, "work");
        memcpy(&offset, (const char *)rig.python.layout + rows[i].field, sizeof offset);
        if (!offset) { /* this version has no such field */
            rig_done(&rig);
            continue;
        }
        good = target_get(&rig.target, object + offset, rows[i].bytes);
        target_put(&rig.target, object + offset, rows[i].value, rows[i].bytes);
        assert_row(rows[i].name, !get(object));
        assert_row(rows[i].name, !get(object));
        target_put(&rig.target, object + offset, good, rows[i].bytes);
        assert_row(rows[i].name, get(object) && rig.codes.count == 1);
        rig_done(&rig);
    }
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    assert_null(get(0));
    assert_null(get(TARGET_BASE + RIG_TARGET_BYTES));
    assert_null(get(TARGET_BASE + 3));
    rig_done(&rig);
}

static uint64_t change_and_check(size_t field, uint64_t value)
{
    const uint64_t object = rig_code(&rig, "work"), reused = rig.codes.reused;
    uint32_t offset;
    uint64_t id;

    memcpy(&offset, (const char *)rig.python.layout + field, sizeof offset);
    id = get(object)->id;
    check();
    assert_int_equal(rig.codes.reused, reused); /* still the same */
    assert_int_equal(get(object)->id, id);
    target_put(&rig.target, object + offset, value, 8);
    check();
    assert_int_equal(rig.codes.reused, reused + 1);
    return get(object) ? get(object)->id - id : 0;
}

/* Another code object at the address of one that was freed: another code, but if all is alike that is
 * recorded. */
static void reused_addresses_are_found(void **state)
{
    (void)state;
    for (size_t i = 0; i < 3; i++) {
        static const size_t fields[] = {offsetof(struct pam_layout, code_qualname),
                                        offsetof(struct pam_layout, code_line_table),
                                        offsetof(struct pam_layout, code_consts)};
        uint64_t other, more;

        rig_init(&rig, version, RIG_CHUNK_BYTES);
        other = python_str(&rig.python, "another");
        more = change_and_check(fields[i], other);
        assert_int_equal(more > 0, fields[i] != offsetof(struct pam_layout, code_consts));
        rig_done(&rig);
    }
}

/* The same addresses all over, but the name that the hash in it tells. */
static void a_name_reused_at_the_same_address(void **state)
{
    uint64_t object, name;

    (void)state;
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    object = rig_code(&rig, "work");
    name = target_get(&rig.target, object + rig.python.layout->code_qualname, 8);
    assert_non_null(get(object));
    target_put(&rig.target, name + rig.python.layout->str_hash, 123456, 8);
    check();
    assert_int_equal(rig.codes.reused, 1);
    target_hide(&rig.target, object, 8);
    assert_null(get(object));
    rig_done(&rig);
}

/* The record says which code, and since when it may have been another. */
static void what_is_recorded_of_a_reused_address(void **state)
{
    struct pam_recorder *recorder = &rig.recording.recorder;
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    uint64_t object;
    int found = 0;

    (void)state;
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    object = rig_code(&rig, "work");
    assert_int_equal(get(object)->id, 1);
    check();
    pam_recorder_time(recorder, recorder->time_ns + 90000000, 0, false);
    assert_int_equal(get(object)->id, 1); /* what was before is not in doubt */
    target_put(&rig.target, object + rig.python.layout->code_consts, 1, 8);
    pam_recorder_time(recorder, recorder->time_ns + 30000000, 0, false);
    assert_int_equal(get(object)->id, 1);
    check();
    assert_int_equal(recording_finish(&rig.recording, &error), 0);
    reader = reader_of(rig.recording.fd);
    while (pam_reader_next(reader, &event, &error) > 0)
        if (event.kind == PAM_EVENT_RECORD && event.record.type == PAM_code_reused) {
            found++;
            assert_int_equal(event.record.code_reused.code, 1);
            assert_int_equal(event.record.code_reused.since_us, 30000);
        }
    assert_int_equal(found, 1);
    pam_reader_free(reader);
    rig_free(&rig);
}

static void many_codes_are_checked_in_batches(void **state)
{
    enum { CODES = 700 };
    uint64_t objects[CODES];

    (void)state;
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    for (size_t i = 0; i < CODES; i++) {
        objects[i] = rig_code(&rig, "work");
        assert_non_null(get(objects[i]));
    }
    target_put(&rig.target, objects[0] + rig.python.layout->code_consts, 1, 8);
    target_put(&rig.target, objects[300] + rig.python.layout->code_consts, 1, 8);
    target_put(&rig.target, objects[CODES - 1] + rig.python.layout->code_consts, 1, 8);
    check();
    assert_int_equal(rig.codes.reused, 3);
    check();
    assert_int_equal(rig.codes.reused, 3);
    rig_done(&rig);
}

static void a_full_table_wants_an_epoch(void **state)
{
    uint64_t object = 0;

    (void)state;
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    for (uint32_t i = 0; i < PAM_MAX_CODES; i++) {
        object = python_code(&rig.python, "c", 1, 1);
        if (!get(object) && !rig.recording.recorder.epoch_wanted)
            fail_msg("code %u", i);
        if (rig.recording.recorder.block_number % 4 == 0)
            (void)recording_wait(&rig.recording);
    }
    assert_non_null(get(object));
    rig.recording.recorder.epoch_wanted = false;
    assert_null(get(python_code(&rig.python, "c", 1, 1)));
    assert_true(rig.recording.recorder.epoch_wanted);
    pam_codes_clear(&rig.codes);
    assert_true(pam_recorder_start_epoch(&rig.recording.recorder,
                                         rig.recording.recorder.time_ns));
    assert_int_equal(get(object)->id, 1);
    rig_done(&rig);
}

int main(void)
{
    static const uint32_t versions[] = PYTHON_VERSIONS;
    int failed = 0;
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_recorded),
        cmocka_unit_test(tables_over_their_bounds_stay_empty),
        cmocka_unit_test(objects_that_are_no_codes),
        cmocka_unit_test(reused_addresses_are_found),
        cmocka_unit_test(a_name_reused_at_the_same_address),
        cmocka_unit_test(what_is_recorded_of_a_reused_address),
        cmocka_unit_test(many_codes_are_checked_in_batches),
        cmocka_unit_test(a_full_table_wants_an_epoch),
    };

    for (size_t i = 0; i < COUNT(versions); i++) {
        version = versions[i];
        failed += cmocka_run_group_tests(tests, NULL, NULL);
    }
    return failed;
}
