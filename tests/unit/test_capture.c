/* test_capture.c - the headers of files and blocks, and the codes of errors. */
#include <pam/capture.h>
#include <pam/error.h>

#include "unit.h"

static void the_file_header(void **state)
{
    static const unsigned char expected[PAM_FILE_HEADER_BYTES] = {0x89, 'P',  'A', 'M', 'C', 'A',
                                                                  'P',  '\n', 1,   0,   0,   0};
    unsigned char header[PAM_FILE_HEADER_BYTES];

    (void)state;
    memset(header, 0xaa, sizeof header);
    pam_put_file_header(header);
    assert_memory_equal(header, expected, sizeof expected);
}

static void integers_are_little_endian(void **state)
{
    static const unsigned char expected[8] = {0x08, 0x07, 0x06, 0x05, 0x04, 0x03, 0x02, 0x01};
    unsigned char bytes[8];

    (void)state;
    pam_put_le(bytes, UINT64_C(0x0102030405060708), 8);
    assert_memory_equal(bytes, expected, sizeof expected);
    for (unsigned size = 1; size <= 8; size++) {
        const uint64_t mask = UINT64_MAX >> (64 - 8 * size);

        assert_true(pam_get_le(bytes, size) == (UINT64_C(0x0102030405060708) & mask));
        pam_put_le(bytes, UINT64_MAX, size);
        assert_true(pam_get_le(bytes, size) == mask);
        memcpy(bytes, expected, sizeof bytes);
    }
}

static const struct pam_block_header headers[] = {
    {0},
    {.payload_crc = 0xcbf43926,
     .flags = 7,
     .sequence = 1,
     .epoch = 2,
     .raw_bytes = 3,
     .stored_bytes = 4,
     .clock_base_ns = 5},
    {.payload_crc = UINT32_MAX,
     .flags = UINT8_MAX,
     .sequence = UINT32_MAX,
     .epoch = UINT32_MAX,
     .raw_bytes = PAM_MAX_BLOCK,
     .stored_bytes = PAM_MAX_STORED,
     .clock_base_ns = UINT64_MAX},
};

static void block_headers_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(headers); i++) {
        unsigned char bytes[PAM_BLOCK_HEADER_BYTES];
        struct pam_block_header back;

        memset(bytes, 0xaa, sizeof bytes);
        pam_put_block_header(bytes, &headers[i]);
        assert_memory_equal(bytes, PAM_SYNC, PAM_SYNC_BYTES);
        assert_true(pam_get_block_header(bytes, &back));
        assert_int_equal(back.payload_crc, headers[i].payload_crc);
        assert_int_equal(back.flags, headers[i].flags);
        assert_int_equal(back.sequence, headers[i].sequence);
        assert_int_equal(back.epoch, headers[i].epoch);
        assert_int_equal(back.raw_bytes, headers[i].raw_bytes);
        assert_int_equal(back.stored_bytes, headers[i].stored_bytes);
        assert_true(back.clock_base_ns == headers[i].clock_base_ns);
    }
}

/* As docs/capture-format.md has it, byte by byte. */
static void fields_stand_where_the_format_says(void **state)
{
    static const struct pam_block_header header = {.payload_crc = 0x0b0a0908,
                                                   .flags = 0x0c,
                                                   .sequence = 0x13121110,
                                                   .epoch = 0x17161514,
                                                   .raw_bytes = 0x1a18,
                                                   .stored_bytes = 0x1e1c,
                                                   .clock_base_ns = UINT64_C(0x2726252423222120)};
    unsigned char bytes[PAM_BLOCK_HEADER_BYTES];

    (void)state;
    pam_put_block_header(bytes, &header);
    assert_memory_equal(bytes, "\xf1PB\x9d", 4);
    for (unsigned i = 8; i < 12; i++)
        assert_int_equal(bytes[i], i);
    assert_int_equal(bytes[12], 12);
    for (unsigned i = 13; i < 16; i++)
        assert_int_equal(bytes[i], 0);
    for (unsigned i = 16; i < 24; i++)
        assert_int_equal(bytes[i], i);
    assert_int_equal(pam_get_le(bytes + 24, 4), 0x1a18);
    assert_int_equal(pam_get_le(bytes + 28, 4), 0x1e1c);
    for (unsigned i = 32; i < 40; i++)
        assert_int_equal(bytes[i], i);
}

static void sizes_over_their_bounds(void **state)
{
    static const struct {
        uint32_t raw, stored;
        bool good;
    } rows[] = {
        {0, 0, true},
        {PAM_MAX_BLOCK, PAM_MAX_STORED, true},
        {PAM_MAX_BLOCK + 1, 0, false},
        {0, PAM_MAX_STORED + 1, false},
        {UINT32_MAX, UINT32_MAX, false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pam_block_header header = {.raw_bytes = rows[i].raw,
                                                .stored_bytes = rows[i].stored};
        unsigned char bytes[PAM_BLOCK_HEADER_BYTES];
        struct pam_block_header back;

        pam_put_block_header(bytes, &header);
        assert_int_equal(pam_get_block_header(bytes, &back), rows[i].good);
    }
}

static void every_code_has_its_exit_status(void **state)
{
    static const struct {
        int code, status;
    } rows[] = {
        {0, 0},
        {17, 0},
        {PAM_FAILED, 1},
        {PAM_DAMAGED, 1},
        {PAM_MEMORY, 1},
        {PAM_USAGE, 2},
        {PAM_NO_TARGET, 3},
        {PAM_AMBIGUOUS, 3},
        {PAM_NOT_PYTHON, 3},
        {PAM_UNSUPPORTED, 3},
        {PAM_PERMISSION, 4},
        {PAM_LAUNCH, 125},
        {PAM_NOT_EXECUTABLE, 126},
        {PAM_NOT_FOUND, 127},
        {-1000, 1},
        {INT32_MIN, 1},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_int_equal(pam_exit_status(rows[i].code), rows[i].status);
}

static void a_long_sentence_is_cut(void **state)
{
    static char name[2 * PAM_ERROR_TEXT_BYTES];
    struct pam_error error;

    (void)state;
    memset(name, 'x', sizeof name - 1);
    assert_int_equal(pam_fail(&error, PAM_USAGE, "no file %s", name), PAM_USAGE);
    assert_int_equal(strlen(error.text), PAM_ERROR_TEXT_BYTES - 1);
    assert_memory_equal(error.text, "no file xxx", 11);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_file_header),
        cmocka_unit_test(integers_are_little_endian),
        cmocka_unit_test(block_headers_come_back),
        cmocka_unit_test(fields_stand_where_the_format_says),
        cmocka_unit_test(sizes_over_their_bounds),
        cmocka_unit_test(every_code_has_its_exit_status),
        cmocka_unit_test(a_long_sentence_is_cut),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
