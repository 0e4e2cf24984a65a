/* test_collect_options.c - numbers on pamcollect's command line. */
#include "options.h"

#include "unit.h"

static const char *const no_numbers[] = {
    "",         "-1",    "-0",  "+1",           " 1",    "1 ",       "nan",   "NaN",  "inf",
    "Infinity", "-inf",  "0x1", "0X1",          "0x1p3", "1p3",      "1e",    "e1",   ".",
    "..1",      "1.2.3", "1,5", "1s",           "1 s",   "one",      "1e999", "9e99", "1\n",
    "1e+",      "--1",   "1-",  "\xef\xbc\x91", "1e308", "infinite", "1_000",
};

static void texts_that_are_no_numbers(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(no_numbers); i++) {
        uint64_t value;

        assert_row(no_numbers[i], !pam_parse_seconds(no_numbers[i], &value));
        assert_row(no_numbers[i], !pam_parse_rate(no_numbers[i], &value));
    }
}

static void seconds(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t ns;
    } rows[] = {
        {"0", true, 0},
        {"0.0", true, 0},
        {"1", true, UINT64_C(1000000000)},
        {"01", true, UINT64_C(1000000000)},
        {"0.5", true, 500000000},
        {".5", true, 500000000},
        {"5.", true, UINT64_C(5000000000)},
        {"0.1", true, 100000000},
        {"0.000000001", true, 1},
        {"0.0000000004", true, 0},
        {"1e-400", true, 0},
        {"1e3", true, UINT64_C(1000000000000)},
        {"1E3", true, UINT64_C(1000000000000)},
        {"315360000", true, UINT64_C(315360000000000000)},
        {"315360000.1", false, 0},
        {"315360001", false, 0},
        {"1e300", false, 0},
        {"99999999999999999999999999999999999999999", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t ns = 42;

        assert_row(rows[i].text, pam_parse_seconds(rows[i].text, &ns) == rows[i].good);
        if (rows[i].good)
            assert_row(rows[i].text, ns == rows[i].ns);
    }
}

static void rates(void **state)
{
    static const struct {
        const char *text;
        bool good;
        uint64_t rate_mhz;
    } rows[] = {
        {"100", true, 100000},     {"1", true, 1000},       {"0.5", true, 500},
        {"0.001", true, 1},        {"33.333", true, 33333}, {"33.3335", true, 33334},
        {"10000", true, 10000000}, {"1e4", true, 10000000}, {"0", false, 0},
        {"0.0", false, 0},         {"0.0001", false, 0},    {"1e-400", false, 0},
        {"10000.001", false, 0},   {"10001", false, 0},     {"1e5", false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        uint64_t rate_mhz;

        assert_row(rows[i].text, pam_parse_rate(rows[i].text, &rate_mhz) == rows[i].good);
        if (rows[i].good)
            assert_row(rows[i].text, rate_mhz == rows[i].rate_mhz);
    }
}

static void a_very_long_number(void **state)
{
    static char text[100000];
    uint64_t value;

    (void)state;
    memset(text, '9', sizeof text - 1);
    assert_false(pam_parse_seconds(text, &value));
    memset(text, '0', sizeof text - 1);
    assert_true(pam_parse_seconds(text, &value));
    assert_int_equal(value, 0);
    text[1] = '.';
    text[sizeof text - 2] = '1';
    assert_true(pam_parse_seconds(text, &value));
    assert_false(pam_parse_rate(text, &value));
}

static void defaults_and_options(void **state)
{
    static char *none[] = {"pamcollect", NULL};
    static char *some[] = {"pamcollect", "-r", "0.5",    "-i", "0.25", "-d", "1.5", "--no-children",
                           "-s",         "x",  "--sync", "0",  "-p",   "1",  "-q",  NULL};
    static char *command[] = {"pamcollect", "-r", "7", "--", "python3", "-r", "9", NULL};
    struct pam_options options;

    (void)state;
    pam_options_parse(&options, 1, none);
    assert_int_equal(options.rate_mhz, 100000);
    assert_true(options.interval_ns == UINT64_C(1000000000) && options.duration_ns == 0);
    assert_true(options.sync_ns == UINT64_C(10000000000) && options.follow_children);
    assert_string_equal(options.scenario, "unnamed");
    assert_true(!options.pid && !options.match && !options.command && !options.output);
    pam_options_parse(&options, COUNT(some) - 1, some);
    assert_true(options.rate_mhz == 500 && options.interval_ns == 250000000);
    assert_true(options.duration_ns == 1500000000 && options.sync_ns == 0);
    assert_true(options.pid == 1 && !options.follow_children && options.verbosity == -1);
    pam_options_parse(&options, COUNT(command) - 1, command);
    assert_int_equal(options.rate_mhz, 7000);
    assert_ptr_equal(options.command, &command[4]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(texts_that_are_no_numbers),
        cmocka_unit_test(seconds),
        cmocka_unit_test(rates),
        cmocka_unit_test(a_very_long_number),
        cmocka_unit_test(defaults_and_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
