/* test_filter.c - which spans and points of a capture pass the filters, and what is cut off them.
 */
#include <math.h>

#include "feed.h"
#include "filter.h"

#include "unit.h"

#define SECOND_NS UINT64_C(1000000000)

static const uint64_t START_NS = 5000 * SECOND_NS;

static struct pam_model *model;
static struct pam_filter filter;

static int start(void **state)
{
    struct pam_error error;

    (void)state;
    filter = (struct pam_filter){0};
    assert_int_equal(pam_model_new(&model, &error), 0);
    assert_int_equal(
        pam_model_add(model, RECORD_EVENT(0, string, .id = 1, .text = pam_text("Worker")), &error),
        0);
    assert_int_equal(pam_model_add(model,
                                   RECORD_EVENT(0, thread, .id = 1, .pid = 7, .tid = 8, .name = 1),
                                   &error),
                     0);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    pam_model_free(model);
    return 0;
}

static void see_start(void)
{
    pam_filter_start(&filter);
    pam_filter_see(&filter, RECORD_EVENT(START_NS, session, .start_monotonic_ns = START_NS));
}

static void see_marker(const char *name, double at_s)
{
    pam_filter_see(&filter,
                   RECORD_EVENT(START_NS + (uint64_t)(at_s * 1e9), marker, .name = pam_text(name)));
}

/* A span of the thread between two seconds of the capture, with 1 s of CPU time and 100 ticks. */
static struct pam_span span_of(double from_s, double to_s)
{
    return (struct pam_span){.start_ns = START_NS + (uint64_t)(from_s * 1e9),
                             .end_ns = START_NS + (uint64_t)(to_s * 1e9),
                             .cpu_us = 1000000,
                             .ticks = 100};
}

static void moments(void **state)
{
    static const struct {
        const char *text;
        bool is_marker;
        double seconds;
    } rows[] = {
        {"0", false, 0},        {"12.5", false, 12.5}, {".5", false, 0.5}, {"take off", true, 0},
        {"", true, 0},          {"12.5s", true, 0},    {"-1", true, 0},    {"1 ", true, 0},
        {"landing 2", true, 0}, {"1e3", false, 1000},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pam_moment moment = pam_moment_parse(rows[i].text);

        assert_row(rows[i].text, moment.given);
        assert_row(rows[i].text, (moment.marker != NULL) == rows[i].is_marker);
        if (!rows[i].is_marker)
            assert_row(rows[i].text, fabs(moment.seconds - rows[i].seconds) < 1e-12);
    }
}

static void a_window_of_time(void **state)
{
    static const struct {
        double from_s, to_s; /* of the span; the window is 2 to 4 */
        bool passes;
        double start_s, end_s;
        unsigned ticks;
    } rows[] = {
        {0, 1, false, 0, 0, 0}, {0, 3, true, 2, 3, 33},  {2.5, 3.5, true, 2.5, 3.5, 100},
        {3, 5, true, 3, 4, 50}, {0, 8, true, 2, 4, 25},  {4, 5, false, 0, 0, 0},
        {6, 7, false, 0, 0, 0}, {2, 4, true, 2, 4, 100},
    };

    (void)state;
    filter.from = pam_moment_parse("2");
    filter.to = pam_moment_parse("4");
    see_start();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pam_span span = span_of(rows[i].from_s, rows[i].to_s);

        assert_int_equal(pam_filter_span(&filter, model, &span), rows[i].passes);
        if (!rows[i].passes)
            continue;
        assert_true(span.start_ns == START_NS + (uint64_t)(rows[i].start_s * 1e9));
        assert_true(span.end_ns == START_NS + (uint64_t)(rows[i].end_s * 1e9));
        assert_int_equal(span.ticks, rows[i].ticks);
        assert_in_range(span.cpu_us, 10000 * rows[i].ticks, 10000 * rows[i].ticks + 9999);
    }
}

static void a_window_between_markers(void **state)
{
    struct pam_span span = span_of(1, 9);

    (void)state;
    filter.from = pam_moment_parse("take off");
    filter.to = pam_moment_parse("landing");
    see_start();
    assert_string_equal(pam_filter_missing(&filter), "take off");
    assert_false(pam_filter_span(&filter, model, &span)); /* it has not come yet */
    see_marker("take off?", 1);
    see_marker("take off", 2);
    see_marker("take off", 3); /* the first counts */
    assert_string_equal(pam_filter_missing(&filter), "landing");
    see_marker("landing", 5);
    assert_null(pam_filter_missing(&filter));
    assert_true(pam_filter_span(&filter, model, &span));
    assert_true(span.start_ns == START_NS + 2 * SECOND_NS);
    assert_true(span.end_ns == START_NS + 5 * SECOND_NS);
}

static void threads_and_processes(void **state)
{
    static const struct {
        const char *pattern;
        uint64_t process;
        bool passes;
    } rows[] = {
        {"Worker", 0, true},  {"^Wor.er \\(8\\)$", 0, true}, {"\\(8\\)", 7, true},
        {"worker", 0, false}, {"Worker", 8, false},          {"^8", 0, false},
    };

    (void)state;
    see_start();
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pam_span span = span_of(1, 2);

        filter.by_thread = true;
        filter.process = rows[i].process;
        assert_int_equal(regcomp(&filter.thread, rows[i].pattern, REG_EXTENDED | REG_NOSUB), 0);
        assert_row(rows[i].pattern, pam_filter_span(&filter, model, &span) == rows[i].passes);
        regfree(&filter.thread);
    }
}

static void idle_spans_and_cpu_time(void **state)
{
    struct pam_span idle = span_of(1, 4), busy = span_of(1, 4), none = span_of(1, 4);

    (void)state;
    idle.idle = true;
    none.cpu_us = 0;
    see_start();
    assert_true(pam_filter_span(&filter, model, &idle));
    filter.no_idle = true;
    assert_false(pam_filter_span(&filter, model, &idle));
    assert_true(pam_filter_span(&filter, model, &busy));
    filter.on_cpu = true;
    assert_true(pam_filter_span(&filter, model, &busy));
    assert_true(busy.end_ns - busy.start_ns == SECOND_NS);
    assert_false(pam_filter_span(&filter, model, &none));
    assert_true(busy.start_ns == START_NS); /* CPU time begins at the start, whenever it was used */
    busy = span_of(5, 6);
    assert_true(pam_filter_span(&filter, model, &busy));
    assert_true(busy.start_ns == START_NS + SECOND_NS && busy.end_ns == START_NS + 2 * SECOND_NS);
    pam_filter_done(&filter);
}

/* A row is about the time before it: it is in the window when its middle is. */
static void rows_of_a_window(void **state)
{
    static const bool passes[] = {false, false, false, true, true, true, false};

    (void)state;
    filter.from = pam_moment_parse("3");
    filter.to = pam_moment_parse("6");
    see_start();
    for (size_t i = 0; i < COUNT(passes); i++) {
        const struct pam_point point = {.elapsed_s = (double)(i + 1) + 0.00002};

        assert_int_equal(pam_filter_point(&filter, &point), passes[i]);
    }
}

/* What a capture or a command line says may be anything. */
static void filter_odd_values(void *context)
{
    static const double elapsed[] = {-1, -9e18, 9e18, 1e300};
    static const char *const moments_of_nowhere[] = {"1e300", "inf", "1e19"};
    struct pam_point point = {0};
    struct pam_span span = span_of(0, 10);

    (void)context;
    filter.from = pam_moment_parse("1");
    see_start();
    span.cpu_us = span.ticks = UINT64_MAX;
    (void)pam_filter_span(&filter, model, &span);
    for (size_t i = 0; i < COUNT(elapsed); i++) {
        point.elapsed_s = elapsed[i];
        (void)pam_filter_point(&filter, &point);
    }
    for (size_t i = 0; i < COUNT(moments_of_nowhere); i++) {
        filter.to = pam_moment_parse(moments_of_nowhere[i]);
        see_start();
    }
}

static void values_that_cannot_be(void **state)
{
    (void)state;
    assert_true(survives(filter_odd_values, NULL));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, start, stop)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(moments),   TEST(a_window_of_time),        TEST(a_window_between_markers),
        TEST(threads_and_processes), TEST(idle_spans_and_cpu_time), TEST(values_that_cannot_be),
        TEST(threads_and_processes), TEST(rows_of_a_window), TEST(values_that_cannot_be),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
