/* test_varint.c - integers and byte strings as they stand in a capture. */
#include <pam/varint.h>

#include "unit.h"

static const struct {
    const char *name;
    size_t size;
    unsigned char bytes[12];
    bool good;
    size_t taken; /* of a good one */
    uint64_t value;
} readings[] = {
    {"nothing", 0, {0}, false, 0, 0},
    {"zero", 1, {0}, true, 1, 0},
    {"one byte", 1, {0x7f}, true, 1, 127},
    {"two bytes", 2, {0x80, 0x01}, true, 2, 128},
    {"what follows stays", 3, {0xff, 0x7f, 0xff}, true, 2, 16383},
    {"longer than needed", 3, {0x81, 0x80, 0x00}, true, 3, 1},
    {"zero in ten bytes",
     10,
     {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},
     true,
     10,
     0},
    {"the largest",
     10,
     {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x01},
     true,
     10,
     UINT64_MAX},
    {"the highest bit",
     10,
     {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01},
     true,
     10,
     UINT64_C(1) << 63},
    {"65 bits", 10, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x02}, false, 0, 0},
    {"70 bits", 10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x7f}, false, 0, 0},
    {"eleven bytes",
     11,
     {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x81, 0x00},
     false,
     0,
     0},
    {"eleven bytes of nothing",
     11,
     {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x00},
     false,
     0,
     0},
    {"cut", 1, {0x80}, false, 0, 0},
    {"cut later", 3, {0xff, 0xff, 0xff}, false, 0, 0},
};

static void reading_a_varint(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(readings); i++) {
        unsigned char *exact = malloc(readings[i].size + 1);
        struct pam_cursor cursor;
        uint64_t value;

        assert_non_null(exact);
        memcpy(exact, readings[i].bytes, readings[i].size);
        cursor = pam_cursor(exact, readings[i].size);
        value = pam_get_varint(&cursor);
        assert_row(readings[i].name, value == readings[i].value);
        assert_row(readings[i].name, cursor.failed == !readings[i].good);
        assert_row(readings[i].name,
                   pam_left(&cursor) ==
                       (readings[i].good ? readings[i].size - readings[i].taken : 0));
        free(exact);
    }
}

static void a_failed_cursor_stays_failed(void **state)
{
    const unsigned char cut[] = {0x80};
    struct pam_cursor cursor = pam_cursor(cut, sizeof cut);

    (void)state;
    assert_int_equal(pam_get_varint(&cursor), 0);
    assert_int_equal(pam_get_varint(&cursor), 0);
    assert_int_equal(pam_get_bytes(&cursor, 10).size, 0);
    assert_true(cursor.failed);
    cursor = pam_cursor(NULL, 0);
    assert_int_equal(pam_left(&cursor), 0);
    assert_int_equal(pam_get_bytes(&cursor, 10).size, 0);
    assert_true(cursor.failed);
}

static void check_round_trip(uint64_t value)
{
    unsigned char bytes[PAM_VARINT_BYTES + 1];
    const size_t size = pam_put_varint(bytes, value);
    struct pam_cursor cursor = pam_cursor(bytes, size);
    int64_t number;

    memcpy(&number, &value, sizeof number);
    assert_in_range(size, 1, PAM_VARINT_BYTES);
    assert_int_equal(size, pam_varint_size(value));
    assert_true(pam_get_varint(&cursor) == value);
    assert_false(cursor.failed);
    assert_int_equal(pam_left(&cursor), 0);
    assert_true(pam_unzigzag(pam_zigzag(number)) == number);
    assert_true(pam_zigzag(pam_unzigzag(value)) == value);
}

static void round_trips_around_every_power_of_two(void **state)
{
    (void)state;
    for (unsigned bit = 0; bit < 64; bit++)
        for (uint64_t around = 0; around <= 2; around++) {
            check_round_trip((UINT64_C(1) << bit) + around - 1);
            check_round_trip(0 - ((UINT64_C(1) << bit) + around - 1));
        }
}

static void zigzag_keeps_small_numbers_small(void **state)
{
    static const struct {
        int64_t number;
        uint64_t zigzag;
    } rows[] = {
        {0, 0},
        {-1, 1},
        {1, 2},
        {-2, 3},
        {2, 4},
        {-64, 127},
        {64, 128},
        {3600, 7200},
        {-86400, 172799},
        {INT64_MAX, UINT64_MAX - 1},
        {INT64_MIN, UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(pam_zigzag(rows[i].number) == rows[i].zigzag);
        assert_true(pam_unzigzag(rows[i].zigzag) == rows[i].number);
    }
}

static void reading_bytes(void **state)
{
    static const struct {
        const char *name;
        size_t size;
        unsigned char bytes[12];
        size_t max;
        bool good;
        size_t got;
    } rows[] = {
        {"none", 1, {0}, 0, true, 0},
        {"all that is left", 4, {3, 'a', 'b', 'c'}, 3, true, 3},
        {"more than is left", 4, {4, 'a', 'b', 'c'}, 9, false, 0},
        {"more than the bound", 4, {3, 'a', 'b', 'c'}, 2, false, 0},
        {"no bytes at all", 1, {1}, 9, false, 0},
        {"size of 2^63",
         10,
         {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 1},
         SIZE_MAX,
         false,
         0},
        {"size of 2^64-1",
         10,
         {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 1},
         SIZE_MAX,
         false,
         0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pam_cursor cursor = pam_cursor(rows[i].bytes, rows[i].size);
        const struct pam_bytes bytes = pam_get_bytes(&cursor, rows[i].max);

        assert_row(rows[i].name, cursor.failed == !rows[i].good);
        assert_row(rows[i].name, bytes.size == rows[i].got);
        assert_row(rows[i].name, pam_left(&cursor) == 0);
    }
}

static void a_text_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(pam_text(NULL).size, 0);
    assert_int_equal(pam_text("").size, 0);
    assert_int_equal(pam_text("abc").size, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading_a_varint),
        cmocka_unit_test(a_failed_cursor_stays_failed),
        cmocka_unit_test(round_trips_around_every_power_of_two),
        cmocka_unit_test(zigzag_keeps_small_numbers_small),
        cmocka_unit_test(reading_bytes),
        cmocka_unit_test(a_text_of_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
