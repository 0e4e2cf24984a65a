/* test_text.c - names of any bytes as JSON strings, and numbers. */
#include "formats/text.h"

#include "unit.h"

#define LOST "\xef\xbf\xbd" /* U+FFFD */

static const struct {
    struct pam_bytes text;
    const char *json;
} rows[] = {
    {BYTES(""), "\"\""},
    {BYTES("main"), "\"main\""},
    {BYTES("a\"b\\c/d"), "\"a\\\"b\\\\c/d\""},
    {BYTES("\0\x01\x1f"), "\"\\u0000\\u0001\\u001f\""},
    {BYTES("a\tb\nc\rd\be\f"), "\"a\\u0009b\\u000ac\\u000dd\\u0008e\\u000c\""},
    {BYTES("\x7f"), "\"\\u007f\""},
    {BYTES("über 日本 🚁"), "\"über 日本 🚁\""},
    {BYTES("\xc2\x80\xdf\xbf"), "\"\xc2\x80\xdf\xbf\""},
    {BYTES("\xe0\xa0\x80\xef\xbf\xbf"), "\"\xe0\xa0\x80\xef\xbf\xbf\""},
    {BYTES("\xf0\x90\x80\x80\xf4\x8f\xbf\xbf"), "\"\xf0\x90\x80\x80\xf4\x8f\xbf\xbf\""},
    {BYTES("\xed\x9f\xbf\xee\x80\x80"), "\"\xed\x9f\xbf\xee\x80\x80\""},
    {BYTES("\x80"), "\"" LOST "\""},          /* a continuation alone */
    {BYTES("\xff\xfe"), "\"" LOST LOST "\""}, /* no first byte at all */
    {BYTES("\xc0\x80"), "\"" LOST LOST "\""}, /* longer than needed: NUL */
    {BYTES("\xc1\xbf"), "\"" LOST LOST "\""},
    {BYTES("\xe0\x9f\xbf"), "\"" LOST LOST LOST "\""},
    {BYTES("\xf0\x8f\xbf\xbf"), "\"" LOST LOST LOST LOST "\""},
    {BYTES("\xed\xa0\x80"), "\"" LOST LOST LOST "\""}, /* a surrogate */
    {BYTES("\xed\xbf\xbf"), "\"" LOST LOST LOST "\""},
    {BYTES("\xf4\x90\x80\x80"), "\"" LOST LOST LOST LOST "\""}, /* beyond U+10FFFF */
    {BYTES("\xf5\x80\x80\x80"), "\"" LOST LOST LOST LOST "\""},
    {BYTES("\xc3"), "\"" LOST "\""}, /* cut */
    {BYTES("\xe6\x97"), "\"" LOST LOST "\""},
    {BYTES("\xf0\x9f\x9a"), "\"" LOST LOST LOST "\""},
    {BYTES("\xc3\""), "\"" LOST "\\\"\""}, /* cut by what must be escaped */
    {BYTES("\xe6\x97\\"), "\"" LOST LOST "\\\\\""},
    {BYTES("\xf0\x9f\x9a\n"), "\"" LOST LOST LOST "\\u000a\""},
    {BYTES("a\xc3z"), "\"a" LOST "z\""},
};

static char *json_of(struct pam_bytes text)
{
    char *json;
    size_t size;
    FILE *out = open_memstream(&json, &size);

    assert_non_null(out);
    pam_put_json(out, text);
    (void)fclose(out);
    return json;
}

static void json_strings(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        unsigned char *exact = malloc(rows[i].text.size + 1); /* at the end of its memory */
        struct pam_bytes text = {exact + 1, rows[i].text.size};
        char *json;

        assert_non_null(exact);
        memcpy(exact + 1, rows[i].text.data, text.size);
        json = json_of(text);
        assert_string_equal(json, rows[i].json);
        free(json);
        free(exact);
    }
}

static size_t count_lost(const char *text)
{
    size_t count = 0;

    while ((text = strstr(text, LOST))) {
        text += strlen(LOST);
        count++;
    }
    return count;
}

/* Whatever three bytes: what comes out has no controls, and is UTF-8: as a text of its own it loses
 * nothing more. */
static void any_bytes_make_valid_json(void **state)
{
    static const unsigned char kinds[] = {0x00, 0x1f, '"',  '\\', 'a',  0x7f, 0x80, 0x8f,
                                          0x90, 0x9f, 0xa0, 0xbf, 0xc0, 0xc2, 0xdf, 0xe0,
                                          0xe1, 0xed, 0xef, 0xf0, 0xf4, 0xf5, 0xff};

    (void)state;
    for (size_t i = 0; i < COUNT(kinds) * COUNT(kinds) * COUNT(kinds); i++) {
        const unsigned char bytes[] = {kinds[i % COUNT(kinds)],
                                       kinds[i / COUNT(kinds) % COUNT(kinds)],
                                       kinds[i / COUNT(kinds) / COUNT(kinds)]};
        char *once = json_of((struct pam_bytes){bytes, sizeof bytes});
        char *twice = json_of(pam_text(once));

        for (size_t k = 0; once[k]; k++)
            assert_true((unsigned char)once[k] >= 0x20 && once[k] != 0x7f);
        assert_true(once[0] == '"' && once[strlen(once) - 1] == '"');
        assert_int_equal(count_lost(once), count_lost(twice));
        free(twice);
        free(once);
    }
}

static void labels_of_threads(void **state)
{
    static unsigned char name[PAM_MAX_TEXT];
    static char room[PAM_THREAD_LABEL_BYTES];
    struct pam_model *model;
    struct pam_error error;
    struct pam_event event = {.kind = PAM_EVENT_RECORD, .record = {.type = PAM_string}};
    struct pam_bytes label;

    (void)state;
    assert_int_equal(pam_model_new(&model, &error), 0);
    memset(name, 'n', sizeof name);
    event.record.string = (struct pam_string){1, {name, sizeof name}};
    assert_int_equal(pam_model_add(model, &event, &error), 0);
    event.record =
        (struct pam_record){.type = PAM_thread, .thread = {.id = 1, .tid = UINT64_MAX, .name = 1}};
    assert_int_equal(pam_model_add(model, &event, &error), 0);
    event.record.thread = (struct pam_thread){.id = 2, .tid = 7};
    assert_int_equal(pam_model_add(model, &event, &error), 0);
    label = pam_thread_label(model, 0, room);
    assert_int_equal(label.size, PAM_MAX_TEXT + strlen(" (18446744073709551615)"));
    assert_memory_equal(label.data + PAM_MAX_TEXT, " (18446744073709551615)", 23);
    label = pam_thread_label(model, 1, room);
    assert_true(bytes_equal(label, pam_text("? (7)")));
    pam_model_free(model);
}

static void places(void **state)
{
    static const struct {
        struct pam_position place;
        const char *text;
    } rows_of_places[] = {
        {{7, 7, -1, -1}, ":7"},
        {{7, 9, -1, -1}, ":7"},
        {{7, 7, 0, 4}, ":7:1-7:4"}, /* the first four bytes */
        {{7, 9, 4, 1}, ":7:5-9:1"},
        {{7, 7, 0, 0}, ":7:1"},  /* a range of nothing */
        {{7, 7, 4, -1}, ":7:5"},
        {{7, 7, -1, 4}, ":7"},
        {{7, 7, 9, 4}, ":7:10"}, /* no table of CPython's: these end before they begin */
        {{7, 6, 4, 9}, ":7:5"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows_of_places); i++) {
        char *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        pam_put_place(out, &rows_of_places[i].place);
        (void)fclose(out);
        assert_string_equal(text, rows_of_places[i].text);
        free(text);
    }
}

static void numbers(void **state)
{
    static const uint64_t values[] = {0, 7, 10, 99, 1000000, UINT32_MAX, UINT64_MAX};

    (void)state;
    for (size_t i = 0; i < COUNT(values); i++) {
        char expected[32], *text;
        size_t size;
        FILE *out = open_memstream(&text, &size);

        assert_non_null(out);
        pam_put_uint(out, values[i]);
        (void)fclose(out);
        (void)snprintf(expected, sizeof expected, "%" PRIu64, values[i]);
        assert_string_equal(text, expected);
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(json_strings),
        cmocka_unit_test(any_bytes_make_valid_json),
        cmocka_unit_test(labels_of_threads),
        cmocka_unit_test(places),
        cmocka_unit_test(numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
