/* test_lines.c - source positions from line tables: those of real code objects, and broken ones. */
#include "code_cases.h"

enum { MOST_UNITS = 4096 };

static struct pam_position positions[MOST_UNITS];

static bool is_at(const struct pam_position *position, const struct run *run)
{
    return position->line == run->line && position->end_line == run->end_line &&
           position->column == run->column && position->end_column == run->end_column;
}

static void every_position_of_real_codes(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(code_cases); i++) {
        const struct code_case *code = &code_cases[i];
        const size_t units = code->bytecode.size / 2;
        size_t unit = 0;

        assert_true(units < MOST_UNITS);
        assert_true(pam_lines_decode(code->version, code->line_table, code->first_line, positions,
                                     units + 1));
        for (size_t run = 0; run < code->run_count; run++)
            for (unsigned k = 0; k < code->runs[run].count; k++, unit++)
                if (!is_at(&positions[unit], &code->runs[run]))
                    fail_msg("%x, %.*s: unit %zu", code->version, (int)code->source.size,
                             (const char *)code->source.data, unit);
        assert_int_equal(unit, units);
        /* behind the table; that of 3.8 and 3.9 has no end */
        assert_int_equal(positions[units].line,
                         code->version >= 0x030a0000 ? 0 : positions[units - 1].line);
    }
}

/* The first units can be asked for alone. */
static void a_few_positions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(code_cases); i++) {
        const struct code_case *code = &code_cases[i];

        for (size_t count = 0; count < 20; count++) {
            struct pam_position *few = calloc(count + 1, sizeof *few);

            assert_non_null(few);
            few[count].line = 4242;
            assert_true(
                pam_lines_decode(code->version, code->line_table, code->first_line, few, count));
            assert_int_equal(few[count].line, 4242);
            if (count)
                assert_true(is_at(&few[0], &code->runs[0]));
            free(few);
        }
    }
}

static void versions_without_a_decoder(void **state)
{
    static const uint32_t versions[] = {0, 0x02070000, 0x03070000, 0x0307ffff};

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        positions[0].line = 5;
        assert_false(
            pam_lines_decode(versions[i], (struct pam_bytes)BYTES("\x80\0"), 1, positions, 2));
        assert_int_equal(positions[0].line, 0);
    }
}

/* Every kind of entry by hand, as Objects/locations.md has them. */
static void entries_of_every_kind(void **state)
{
    static const struct {
        const char *name;
        struct pam_bytes table;
        struct run run; /* the count is 0 when there is no position */
    } rows[] = {
        {"short form 0", BYTES("\x80\x34"), {10, 10, 3, 7, 1}},
        {"short form 9", BYTES("\xcf\x7f"), {10, 10, 79, 94, 8}},
        {"one line, + 0", BYTES("\xd0\x05\x09"), {10, 10, 5, 9, 1}},
        {"one line, + 2", BYTES("\xe1\xff\xff"), {12, 12, 255, 255, 2}},
        {"no columns, + 1", BYTES("\xe8\x02"), {11, 11, -1, -1, 1}},
        {"no columns, - 1", BYTES("\xe8\x03"), {9, 9, -1, -1, 1}},
        {"no columns, + 1000", BYTES("\xe8\x50\x1f"), {1010, 1010, -1, -1, 1}},
        {"long", BYTES("\xf0\x02\x03\x05\x09"), {11, 14, 4, 8, 1}},
        {"long, no columns", BYTES("\xf0\x02\x03\x00\x00"), {11, 14, -1, -1, 1}},
        {"none", BYTES("\xf8"), {0, 0, -1, -1, 1}},
        {"nothing", BYTES(""), {0, 0, -1, -1, 0}},
        {"cut short form", BYTES("\x80"), {0, 0, -1, -1, 0}},
        {"cut one line", BYTES("\xd0\x05"), {0, 0, -1, -1, 0}},
        {"cut number", BYTES("\xe8\x42"), {0, 0, -1, -1, 0}},
        {"cut long", BYTES("\xf0\x02\x03\x05"), {0, 0, -1, -1, 0}},
        {"a number without end",
         BYTES("\xe8\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x7f\x00"),
         {0, 0, -1, -1, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(pam_lines_decode(0x030b0000, rows[i].table, 10, positions, 10));
        for (unsigned unit = 0; unit < 10; unit++) {
            static const struct run none = {0, 0, -1, -1, 1};

            assert_row(rows[i].name,
                       is_at(&positions[unit], unit < rows[i].run.count ? &rows[i].run : &none));
        }
    }
}

/* Pairs by hand, as Objects/lnotab_notes.txt of 3.9 and of 3.10 have them. */
static void pairs_of_older_versions(void **state)
{
    static const struct {
        uint32_t version;
        struct pam_bytes table;
        int64_t lines[6];
    } rows[] = {
        {0x03090000, BYTES(""), {10, 10, 10, 10, 10, 10}},
        {0x03090000, BYTES("\2\1\4\5"), {10, 11, 11, 16, 16, 16}},
        {0x03080000, BYTES("\0\7\4\375"), {17, 17, 14, 14, 14, 14}}, /* lines go back, too */
        {0x03090000, BYTES("\2\177\0\177\2\1"), {10, 264, 265, 265, 265, 265}},
        {0x03090000, BYTES("\2\1\4"), {10, 11, 11, 0, 0, 0}}, /* cut in the middle */
        {0x030a0000, BYTES(""), {0, 0, 0, 0, 0, 0}},
        {0x030a0000, BYTES("\2\1\4\5"), {11, 16, 16, 0, 0, 0}},
        {0x030a0000, BYTES("\4\0\2\200\2\377"), {10, 10, 0, 9, 0, 0}}, /* -128: none */
        {0x030a0000, BYTES("\0\177\4\1\2\200\4"), {138, 138, 0, 0, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_true(pam_lines_decode(rows[i].version, rows[i].table, 10, positions, 6));
        for (unsigned unit = 0; unit < 6; unit++)
            assert_int_equal(positions[unit].line, rows[i].lines[unit]);
    }
}

static void every_table_cut_everywhere(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(code_cases); i++)
        for (size_t size = 0; size < code_cases[i].line_table.size; size++) {
            unsigned char *exact = malloc(size ? size : 1);

            assert_non_null(exact);
            if (size)
                memcpy(exact, code_cases[i].line_table.data, size);
            assert_true(pam_lines_decode(code_cases[i].version, (struct pam_bytes){exact, size},
                                         code_cases[i].first_line, positions, MOST_UNITS));
            free(exact);
        }
}

/* Line steps of 2^58 each; what the lines are then does not matter. */
static void decode_huge_steps(void *context)
{
    static unsigned char table[40 * 11];
    static const unsigned char step[] = {0xf0, 0x7e, 0x7f, 0x7f, 0x7f, 0x7f,
                                         0x7f, 0x7f, 0x7f, 0x7f, 0x3f};
    const bool *back = context;

    for (size_t i = 0; i < sizeof table; i++)
        table[i] = step[i % sizeof step];
    for (size_t i = 0; i < sizeof table; i += sizeof step) {
        table[i] = 0xe8; /* kind 13: only a line */
        table[i + 1] = (unsigned char)(table[i + 1] | *back);
    }
    (void)pam_lines_decode(0x030b0000, (struct pam_bytes){table, sizeof table}, 1, positions,
                           MOST_UNITS);
}

static void lines_beyond_all_bounds(void **state)
{
    bool back = false;

    (void)state;
    assert_true(survives(decode_huge_steps, &back));
    back = true;
    assert_true(survives(decode_huge_steps, &back));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_position_of_real_codes), cmocka_unit_test(a_few_positions),
        cmocka_unit_test(versions_without_a_decoder),   cmocka_unit_test(entries_of_every_kind),
        cmocka_unit_test(pairs_of_older_versions),
        cmocka_unit_test(every_table_cut_everywhere),   cmocka_unit_test(lines_beyond_all_bounds),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
