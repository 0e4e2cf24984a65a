/* test_record_print.c - records as a person reads them. */
#include <pam/record.h>

#include "unit.h"

static void check_printed(const struct pam_record *record, const char *expected)
{
    char *text;
    size_t size;
    FILE *out = open_memstream(&text, &size);

    assert_non_null(out);
    pam_record_print(out, record);
    (void)fclose(out);
    assert_string_equal(text, expected);
    free(text);
}

static void numbers(void **state)
{
    const struct pam_record sample = {
        .type = PAM_sample,
        .sample = {.thread = 3, .stack_plus1 = UINT64_MAX, .flags = PAM_SAMPLE_LEAF_CUT}};
    const struct pam_record session = {.type = PAM_session,
                                       .session = {.rate_mhz = 100000, .utc_offset_s = -12600}};
    const struct pam_record west = {.type = PAM_session, .session = {.utc_offset_s = INT64_MIN}};

    (void)state;
    check_printed(&sample, "sample thread=3 stack_plus1=18446744073709551615 flags=1");
    check_printed(&session, "session rate_mhz=100000 utc_offset_s=-12600");
    check_printed(&west, "session utc_offset_s=-9223372036854775808");
}

static void zero_fields_are_left_out(void **state)
{
    (void)state;
    for (unsigned id = 1; id <= PAM_RECORD_TYPES; id++) {
        const struct pam_record empty = {.type = id};

        check_printed(&empty, pam_record_type(id)->name);
    }
}

static void blobs_are_hexadecimal(void **state)
{
    const struct pam_record module = {.type = PAM_module,
                                      .module = {.pid = 7,
                                                 .path = pam_text("/usr/lib/libc.so.6"),
                                                 .build_id = BYTES("\x00\xff\x1a")}};

    (void)state;
    check_printed(&module, "module pid=7 path=\"/usr/lib/libc.so.6\" build_id=00ff1a");
}

static void unknown_types_have_their_number(void **state)
{
    const struct pam_record none = {.type = 0}, newer = {.type = 4000000000u};

    (void)state;
    check_printed(&none, "unknown type=0");
    check_printed(&newer, "unknown type=4000000000");
}

static void texts_stay_on_one_line(void **state)
{
    static const struct {
        struct pam_bytes text;
        const char *printed;
    } rows[] = {
        {BYTES("idle"), "marker name=\"idle\""},
        {BYTES("a\"b\\c"), "marker name=\"a\\\"b\\\\c\""},
        {BYTES("a\nb\r\t\x1b[0m\x7f"), "marker name=\"a\\u000ab\\u000d\\u0009\\u001b[0m\\u007f\""},
        {BYTES("a\0b"), "marker name=\"a\\u0000b\""},
        {BYTES("Flug über 日本 🚁"), "marker name=\"Flug über 日本 🚁\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pam_record marker = {.type = PAM_marker, .marker = {rows[i].text}};

        check_printed(&marker, rows[i].printed);
    }
}

/* record.h: "bytes that are not printable ASCII or UTF-8 as \u00XX". */
static void bytes_that_are_not_utf8(void **state)
{
    static const struct {
        struct pam_bytes text;
        const char *printed;
    } rows[] = {
        {BYTES("\xff"), "marker name=\"\\u00ff\""},
        {BYTES("a\xc3"), "marker name=\"a\\u00c3\""},
        {BYTES("\xed\xa0\x80"), "marker name=\"\\u00ed\\u00a0\\u0080\""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pam_record marker = {.type = PAM_marker, .marker = {rows[i].text}};

        check_printed(&marker, rows[i].printed);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(numbers),
        cmocka_unit_test(zero_fields_are_left_out),
        cmocka_unit_test(blobs_are_hexadecimal),
        cmocka_unit_test(unknown_types_have_their_number),
        cmocka_unit_test(texts_stay_on_one_line),
        cmocka_unit_test(bytes_that_are_not_utf8),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
