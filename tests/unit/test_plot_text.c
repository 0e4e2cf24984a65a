/* test_plot_text.c - texts as gnuplot may see them, and the names of pictures. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#include "kinds.h"
#include "names.h"
#include "terminals.h"
#include "text.h"

static void check_quoted(const char *text, size_t max, const char *expected)
{
    char *quoted;
    size_t size;
    FILE *out = open_memstream(&quoted, &size);

    plot_text_quote(out, text, max);
    fclose(out);
    assert_string_equal(quoted, expected);
    free(quoted);
}

static void quoting_disarms_text(void **state)
{
    (void)state;
    check_quoted("idle-no-leaffc", 90, "'idle-no-leaffc'");
    check_quoted("", 90, "''");
    check_quoted("'; system('x')", 90, "'\u2019; system(\u2019x\u2019)'");
    check_quoted("`x` $(x) @x \\", 90, "'\u02cbx\u02cb $(x) @x \u2216'");
    check_quoted("a\nb\r\tc\x1b[2J\x7f", 90, "'a\ufffdb\ufffd\ufffdc\ufffd[2J\ufffd'");
    check_quoted("\u00fc \u65e5\u672c \U0001f681", 90, "'\u00fc \u65e5\u672c \U0001f681'");
    check_quoted("a]]>b", 90, "'a]] >b'");
}

static void quoting_mends_utf8(void **state)
{
    (void)state;
    check_quoted("\xff", 90, "'\ufffd'");
    check_quoted("\xc3", 90, "'\ufffd'");                               /* cut */
    check_quoted("\xe2\x80", 90, "'\ufffd\ufffd'");                     /* cut */
    check_quoted("\xc0\xa7x", 90, "'\ufffd\ufffdx'");                   /* a quote, overlong */
    check_quoted("\xe0\x80\xa7", 90, "'\ufffd\ufffd\ufffd'");           /* the same */
    check_quoted("\xed\xa0\x80", 90, "'\ufffd\ufffd\ufffd'");           /* a surrogate */
    check_quoted("\xf4\x90\x80\x80", 90, "'\ufffd\ufffd\ufffd\ufffd'"); /* over U+10FFFF */
    check_quoted("\xc2\x85", 90, "'\ufffd'");                           /* NEL */
    check_quoted("\u202e\u2066\u2028\ufeff\ufffe", 90, "'\ufffd\ufffd\ufffd\ufffd\ufffd'");
}

static void quoting_shortens_by_characters(void **state)
{
    (void)state;
    check_quoted("abcdef", 6, "'abcdef'");
    check_quoted("abcdefg", 6, "'abcde\u2026'");
    check_quoted("\u00fc\u00fc\u00fc", 2, "'\u00fc\u2026'");
    check_quoted("''''", 3, "'\u2019\u2019\u2026'");
    check_quoted("ab", 1, "'\u2026'");
    check_quoted("ab", 0, "''");
}

static void names_of_pictures(void **state)
{
    static const struct {
        const char *input, *directory, *suffix, *name;
    } cases[] = {
        {"pam_x_20260211_143022.pamcap", NULL, "png", "pam_x_20260211_143022_cpu.png"},
        {"d/pam_x_20260211_143022_cpu.csv", NULL, "png", "d/pam_x_20260211_143022_cpu.png"},
        {"/d.csv/x.csv", NULL, "svg", "/d.csv/x_cpu.svg"},
        {"d/x.csv", "e", "pdf", "e/x_cpu.pdf"},
        {"d/x.csv", "e/", "png", "e/x_cpu.png"},
        {"d/x.csv", "/", "png", "/x_cpu.png"},
        {"x", NULL, "png", "x_cpu.png"},
        {".csv", NULL, "png", ".csv_cpu.png"},
        {"_cpu.csv", NULL, "png", "_cpu_cpu.png"},
        {"x.txt", NULL, "png", "x.txt_cpu.png"},
        {"a\n'`b.csv", NULL, "png", "a\n'`b_cpu.png"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *name = NULL;
        struct pam_error error;

        assert_int_equal(plot_output_name(&name, cases[i].input, cases[i].directory, "cpu",
                                          cases[i].suffix, &error),
                         0);
        assert_string_equal(name, cases[i].name);
        free(name);
    }
}

static void suffixes(void **state)
{
    (void)state;
    assert_string_equal(plot_suffix("a/b.png"), "png");
    assert_null(plot_suffix("a.b/c"));
    assert_null(plot_suffix(".png"));
    assert_null(plot_suffix("a/.png"));
    assert_string_equal(plot_suffix("a."), "");
    assert_string_equal(plot_terminal_find("svg")->name, "svg");
    assert_null(plot_terminal_find(""));
    assert_string_equal(plot_kind_find("cpu")->name, "cpu");
    assert_null(plot_kind_find("CPU"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(quoting_disarms_text),
        cmocka_unit_test(quoting_mends_utf8),
        cmocka_unit_test(quoting_shortens_by_characters),
        cmocka_unit_test(names_of_pictures),
        cmocka_unit_test(suffixes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
