/* test_plot_axis.c - thinning, sums, ranges and ticks. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "axis.h"
#include "thin.h"

static void add(struct plot_data *data, double elapsed_s, double cpu, double memory)
{
    const struct plot_row row = {elapsed_s, {[PLOT_CPU] = cpu, [PLOT_MEMORY] = memory}};
    struct pam_error error;

    assert_int_equal(plot_data_add_row(data, &row, &error), 0);
}

static void few_rows_are_drawn_as_they_are(void **state)
{
    static struct plot_slice slices[PLOT_MAX_DRAWN];
    struct plot_data data;

    (void)state;
    plot_data_init(&data);
    for (int i = 0; i < PLOT_MAX_DRAWN; i++)
        add(&data, i, i % 7, i == 5 ? (double)NAN : i);
    assert_int_equal(plot_thin(&data, PLOT_CPU, slices), PLOT_MAX_DRAWN);
    assert_true(slices[8].mean == 1 && slices[8].high == 1 && slices[8].elapsed_s == 8);
    assert_int_equal(plot_thin(&data, PLOT_MEMORY, slices), PLOT_MAX_DRAWN);
    assert_true(isnan(slices[5].mean) && isnan(slices[5].high));
    assert_true(plot_slice_s(&data) == 0);
    plot_data_done(&data);
}

static void thinning_keeps_peaks_means_and_gaps(void **state)
{
    static struct plot_slice slices[PLOT_MAX_DRAWN];
    const int rows = 86400;
    struct plot_data data;
    size_t count;
    double peak = 0;
    double sum = 0;
    size_t gaps = 0;

    (void)state;
    plot_data_init(&data);
    for (int i = 0; i < rows; i++)
        add(&data, i, i == 50001 ? 99 : 1, i >= 40000 && i < 50000 ? NAN : 2);
    count = plot_thin(&data, PLOT_CPU, slices);
    assert_int_equal(count, PLOT_SLICES);
    for (size_t i = 0; i < count; i++) {
        assert_true(i == 0 || slices[i].elapsed_s > slices[i - 1].elapsed_s);
        peak = fmax(peak, slices[i].high);
        sum += slices[i].mean;
    }
    assert_true(peak == 99);
    assert_true(fabs(sum / (double)count - (1 + 98.0 / rows)) < 0.001);
    count = plot_thin(&data, PLOT_MEMORY, slices);
    for (size_t i = 0; i < count; i++)
        gaps += isnan(slices[i].mean) ? 1 : 0;
    assert_in_range(gaps, 114, 117); /* 10,000 of 86,400 rows */
    plot_data_done(&data);
}

static void thinning_stays_in_bounds(void **state)
{
    static struct plot_slice slices[PLOT_MAX_DRAWN];
    struct plot_data data;

    (void)state;
    plot_data_init(&data);
    for (int i = 0; i < 2 * PLOT_MAX_DRAWN; i++)
        add(&data, 7, i, i); /* no time passes */
    assert_int_equal(plot_thin(&data, PLOT_CPU, slices), 1);
    assert_true(slices[0].high == 2 * PLOT_MAX_DRAWN - 1);
    add(&data, PLOT_MAX_ELAPSED_S, 1, 1); /* the clock jumps */
    assert_int_equal(plot_thin(&data, PLOT_CPU, slices), 2);
    plot_data_done(&data);
}

static void statistics_pass_over_gaps(void **state)
{
    struct plot_statistics statistics;
    struct plot_data data;

    (void)state;
    plot_data_init(&data);
    add(&data, 1, 2, NAN);
    add(&data, 2, NAN, NAN);
    add(&data, 3, 4, NAN);
    statistics = plot_data_statistics(&data, PLOT_CPU);
    assert_int_equal(statistics.known, 2);
    assert_true(statistics.mean == 3 && statistics.low == 2 && statistics.peak == 4);
    statistics = plot_data_statistics(&data, PLOT_MEMORY);
    assert_int_equal(statistics.known, 0);
    assert_true(plot_data_has(&data, 1u << PLOT_CPU));
    assert_false(plot_data_has(&data, 1u << PLOT_MEMORY));
    plot_data_done(&data);
}

static void value_ranges_are_never_degenerate(void **state)
{
    static const double lows[] = {0, 0.01, 5, 100, 1e6, PLOT_MAX_VALUE};

    (void)state;
    for (size_t i = 0; i < sizeof lows / sizeof *lows; i++)
        for (size_t panel = 0; panel < plot_kind_at(0)->panel_count; panel++) {
            const struct plot_panel *of = &plot_kind_at(0)->panels[panel];
            const struct plot_statistics flat = {1, lows[i], lows[i], lows[i]};
            const struct plot_range range = plot_value_range(of, &flat);

            assert_true(range.high - range.low >= of->least_span);
            assert_true(range.low >= 0 && range.low <= lows[i] && range.high > lows[i]);
            assert_true(!of->from_zero || range.low == 0);
        }
}

static void time_axis_has_a_fitting_unit(void **state)
{
    static const struct {
        double first, last;
        double low, high, step; /* in the unit */
        const char *unit;
    } cases[] = {
        {1, 60, 0, 60, 5, "s"},      {1, 1, 0, 2, 0.2, "s"},
        {0, 0, -1, 1, 0.2, "s"},     {1, 3600, 0, 60, 5, "min"},
        {0, 86400, 0, 24, 2, "h"},   {80000, 87200, 80000 / 60.0, 87200 / 60.0, 10, "min"},
        {0, 0.5, 0, 0.5, 0.05, "s"}, {0, 30 * 86400, 0, 720, 72, "h"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct plot_data data;
        struct plot_time_axis axis;

        plot_data_init(&data);
        add(&data, cases[i].first, 1, 1);
        add(&data, cases[i].last, 1, 1);
        axis = plot_time_axis(&data);
        assert_string_equal(axis.unit, cases[i].unit);
        assert_true(fabs(axis.range.low - cases[i].low) < 1e-9);
        assert_true(fabs(axis.range.high - cases[i].high) < 1e-9);
        assert_true(fabs(axis.step - cases[i].step) < 1e-9);
        plot_data_done(&data);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(few_rows_are_drawn_as_they_are),
        cmocka_unit_test(thinning_keeps_peaks_means_and_gaps),
        cmocka_unit_test(thinning_stays_in_bounds),
        cmocka_unit_test(statistics_pass_over_gaps),
        cmocka_unit_test(value_ranges_are_never_degenerate),
        cmocka_unit_test(time_axis_has_a_fitting_unit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
