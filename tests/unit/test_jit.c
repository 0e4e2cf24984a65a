/* test_jit.c - names from a process's own jitdump, whatever it says: what is true is taken, no lie leads anywhere. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "native/jit.h"
#include "recording.h"
#include "unit.h"

enum {
    TEXT_BYTES = 4096,
    HEADER_BYTES = 40,
    LOAD_BYTES = 56, /* with what is before every record, up to the name */
    CODE_LOAD = 0, CODE_MOVE = 1, DEBUG_INFO = 2, CODE_CLOSE = 3, UNWINDING_INFO = 4,
};

static const uint64_t START_NS = UINT64_C(5000000000000);

/* A file of the process, from its start to its end. */
struct dump {
    unsigned char bytes[1 << 16];
    size_t size;
};

static void put(struct dump *dump, uint64_t value, unsigned bytes)
{
    assert_true(dump->size + bytes <= sizeof dump->bytes);
    pam_put_le(dump->bytes + dump->size, value, bytes);
    dump->size += bytes;
}

static struct dump *begin(uint32_t own_bytes)
{
    static struct dump dump;

    dump.size = 0;
    put(&dump, 0x4a695444, 4);
    put(&dump, 1, 4);
    put(&dump, own_bytes, 4);
    while (dump.size < HEADER_BYTES)
        put(&dump, 0, 4);
    return &dump;
}

static void put_prefix(struct dump *dump, uint32_t id, uint64_t size)
{
    put(dump, id, 4);
    put(dump, size, 4);
    put(dump, 1, 8);
}

/* A function of 16 bytes; its record tells `size`, 0: the true one. */
static void put_load(struct dump *dump, uint64_t at, uint64_t code_bytes, const char *name, size_t name_bytes,
                     uint64_t size)
{
    put_prefix(dump, CODE_LOAD, size ? size : LOAD_BYTES + name_bytes + 16);
    put(dump, 7, 4);
    put(dump, 7, 4);
    put(dump, at, 8);
    put(dump, at, 8);
    put(dump, code_bytes, 8);
    put(dump, 1, 8);
    assert_true(dump->size + name_bytes + 16 <= sizeof dump->bytes);
    memcpy(dump->bytes + dump->size, name, name_bytes);
    memset(dump->bytes + dump->size + name_bytes, 0xcc, 16); /* its code */
    dump->size += name_bytes + 16;
}

static void put_good(struct dump *dump, uint64_t at, const char *name)
{
    put_load(dump, at, 16, name, strlen(name) + 1, 0);
}

/* The names that get into a capture when code at 0x1000, 0x1010, ... 0x10f0 was met. */
static void expect(const struct dump *dump, const char *expected)
{
    struct pam_native_process process = {.pid = 7, .root_fd = -1, .proc_fd = -1, .map_fd = memfd_create("dump", 0)};
    struct recording recording;
    struct pam_reader *reader;
    struct pam_event event;
    struct pam_error error;
    char text[TEXT_BYTES] = "";
    size_t used = 0;

    assert_true(process.map_fd >= 0);
    assert_int_equal(pwrite(process.map_fd, dump->bytes, dump->size, 0), (ssize_t)dump->size);
    for (uint64_t at = 0x1000; at < 0x1100; at += 16)
        pam_addresses_add(&process.ranges.made, at + 8);
    recording_start(&recording, -1, START_NS);
    pam_jit_record(&process, &recording.recorder);
    assert_int_equal(process.map_fd, -1);
    assert_int_equal(recording_finish(&recording, &error), 0);
    reader = reader_of(recording.fd);
    while (pam_reader_next(reader, &event, &error) > 0)
        if (event.kind == PAM_EVENT_RECORD && event.record.type == PAM_jit_symbol) {
            const struct pam_bytes name = event.record.jit_symbol.name;

            used += (size_t)snprintf(text + used, sizeof text - used, "%s%.*s", used ? " " : "",
                                     name.size < 64 ? (int)name.size : 64, (const char *)name.data);
            assert_true(used < sizeof text);
        }
    assert_string_equal(text, expected);
    pam_reader_free(reader);
    recording_done(&recording);
    pam_addresses_done(&process.ranges.made);
}

static void functions_that_occurred_have_their_names(void **state)
{
    struct dump *dump = begin(HEADER_BYTES);

    (void)state;
    put_good(dump, 0x1000, "first");
    put_good(dump, 0x9000, "never_met");
    put_good(dump, 0x1010, "second");
    expect(dump, "first second");
}

/* Other records are passed over by their size, those that tell of unwinding among them: it is not needed for
 * Python's, and not used. */
static void other_records_are_passed_over(void **state)
{
    static const uint32_t ids[] = {CODE_MOVE, DEBUG_INFO, CODE_CLOSE, UNWINDING_INFO, 77, UINT32_MAX};
    struct dump *dump = begin(HEADER_BYTES);

    (void)state;
    for (size_t i = 0; i < COUNT(ids); i++) {
        put_prefix(dump, ids[i], 16 + 8 * 16);
        for (int word = 0; word < 16; word++)
            put(dump, UINT64_MAX, 8); /* of unwinding: its sizes, too */
        put_good(dump, 0x1000 + 16 * i, "f");
    }
    expect(dump, "f f f f f f");
}

static void lies_about_sizes_lead_nowhere(void **state)
{
    static const uint64_t sizes[] = {1, 15, 16, 17, LOAD_BYTES - 1, LOAD_BYTES, 1 << 20, UINT32_MAX};
    static const uint32_t headers[] = {HEADER_BYTES + 1, 1 << 30, UINT32_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(sizes); i++)
        for (uint32_t id = CODE_LOAD; id <= UNWINDING_INFO; id += UNWINDING_INFO) {
            struct dump *dump = begin(HEADER_BYTES);

            put_good(dump, 0x1000, "before");
            put_prefix(dump, id, sizes[i]);
            expect(dump, "before");
        }
    for (size_t i = 0; i < COUNT(headers); i++) {
        struct dump *dump = begin(headers[i]);

        put_good(dump, 0x1000, "behind");
        expect(dump, "");
    }
}

static void lies_about_functions_name_none(void **state)
{
    static char endless[PAM_MAX_TEXT + 100];
    struct dump *dump = begin(HEADER_BYTES);

    (void)state;
    put_load(dump, 0x1000, 0, "empty", 6, 0);
    put_load(dump, UINT64_MAX - 8, UINT64_MAX, "wraps", 6, 0);
    put_load(dump, 0x1000, 16, "unended", 7, LOAD_BYTES + 7); /* what follows is no record: its code */
    expect(dump, "");
    dump = begin(HEADER_BYTES);
    memset(endless, 'x', sizeof endless);
    put_load(dump, 0x1000, 16, endless, sizeof endless, 0);
    put_good(dump, 0x1010, "behind");
    expect(dump, "behind");
}

/* Python 3.13 writes 4 KB at a time: the end is often half a record. */
static void a_file_may_end_anywhere(void **state)
{
    struct dump *dump = begin(HEADER_BYTES);
    size_t first;

    (void)state;
    put_good(dump, 0x1000, "first");
    first = dump->size;
    put_good(dump, 0x1010, "second");
    for (size_t size = dump->size - 17; size > 0; size--) { /* the code itself is not needed */
        dump->size = size;
        expect(dump, size >= first - 16 ? "first" : "");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(functions_that_occurred_have_their_names),
        cmocka_unit_test(other_records_are_passed_over),
        cmocka_unit_test(lies_about_sizes_lead_nowhere),
        cmocka_unit_test(lies_about_functions_name_none),
        cmocka_unit_test(a_file_may_end_anywhere),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
