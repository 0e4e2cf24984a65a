/* test_formats.c - one capture with hostile names through pam_convert into each format. */
#include <unistd.h>

#include "convert.h"
#include "maker.h"

#include "unit.h"

#define SECOND_NS UINT64_C(1000000000)

static const uint64_t START_NS = UINT64_C(5000000000000);

enum {
    ONLY = PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS | PAM_BLOCK_FRAME_ENDS,
    PID = 4711,
};

static struct maker maker;

static void put_session(int64_t utc_offset_s)
{
    maker_put(&maker, PAM_session,
              &(struct pam_session){.scenario = pam_text("hostile"),
                                    .start_monotonic_ns = START_NS,
                                    .start_realtime_ns = UINT64_C(1770820222) * SECOND_NS,
                                    .utc_offset_s = utc_offset_s});
    maker_put(&maker, PAM_host,
              &(struct pam_host){.memory_bytes = UINT64_C(1) << 30, .clock_ticks_hz = 100});
    maker_put(&maker, PAM_process,
              &(struct pam_process){
                  .pid = PID, .is_target = 1, .command_line = pam_text("python3 x.py")});
}

static void put_reading(uint64_t cpu_ms)
{
    maker_put(&maker, PAM_tick, &(struct pam_tick){.delta_us = 1000000, .not_sampling = 1});
    maker_put(&maker, PAM_resource,
              &(struct pam_resource){.pid = PID,
                                     .cpu_ns_plus1 = 1 + cpu_ms * 1000000,
                                     .rss_bytes_plus1 = 1 + (100 << 20)});
    maker_put(&maker, PAM_health, &(struct pam_health){.ticks = 1});
}

/* A thread with one stack of two frames, for a second. */
static void make_capture(struct pam_bytes thread, struct pam_bytes function, struct pam_bytes file)
{
    maker_init(&maker);
    maker.clock_base_ns = START_NS;
    put_session(3600);
    maker_put(&maker, PAM_string, &(struct pam_string){1, thread});
    maker_put(&maker, PAM_string, &(struct pam_string){2, function});
    maker_put(&maker, PAM_string, &(struct pam_string){3, file});
    maker_put_code(&maker, 1, 3, 2);
    maker_put_frame(&maker, 1, 1, 0);
    maker_put_stack(&maker, 1, 0, 1);
    maker_put_stack(&maker, 2, 1, 1);
    maker_put_thread(&maker, 1, PID, 1);
    put_reading(0);
    maker_put_tick(&maker, 0);
    maker_put_sample(&maker, 1, 3, 100);
    put_reading(500);
    maker_put_tick(&maker, 0);
    maker_put_sample(&maker, 1, 3, 200000);
    maker_put(&maker, PAM_end, &(struct pam_end){pam_text("done")});
    maker_end_block(&maker, ONLY);
}

/* Converts and ends the capture; the text is to be freed. */
static char *convert(const char *format, enum pam_weight weight)
{
    const int in = memory_file(maker.bytes, maker.size), out = memory_file("", 0);
    struct pam_filter filter = {0};
    const struct pam_conversion options = {.weight = weight, .filter = &filter};
    struct pam_output output = {.format = pam_format_by_name(format)};
    struct pam_source source = {.name = "x", .fd = in};
    struct pam_outcome outcome;
    struct pam_error error;
    char path[64], *text;
    size_t size;

    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", out);
    output.path = path;
    assert_non_null(output.format);
    assert_int_equal(pam_convert(&source, 1, &options, &output, 1, &outcome, &error), 0);
    assert_true(source.damage.complete);
    text = file_text(out, &size);
    assert_int_equal(strlen(text), size); /* no zero byte in any text format */
    (void)close(in);
    (void)close(out);
    maker_done(&maker);
    return text;
}

static void check(const char *format, const char *expected)
{
    char *text = convert(format, PAM_WEIGHT_WALL);

    assert_string_equal(text, expected);
    free(text);
}

static void collapsed_stacks(void **state)
{
    (void)state;
    make_capture(pam_text("MainThread"), pam_text("main"), pam_text("app.py"));
    check("collapsed",
          "process 4711;MainThread (4711);main (app.py:10);main (app.py:10) 1000000\n");
}

/* ';' parts frames and a line end stacks: no name may have either. */
static void collapsed_stacks_with_hostile_names(void **state)
{
    (void)state;
    make_capture((struct pam_bytes)BYTES("a;b\nc\0d"),
                 (struct pam_bytes)BYTES("f;g\r\n\t\x1b[0m\x7f"),
                 (struct pam_bytes)BYTES("x;\0y.py"));
    check("collapsed", "process 4711;a:b c (4711);f:g    [0m  (x: y.py:10);"
                       "f:g    [0m  (x: y.py:10) 1000000\n");
    make_capture(pam_text("über"), pam_text("日本 🚁"), pam_text(""));
    check("collapsed", "process 4711;über (4711);日本 🚁;日本 🚁 1000000\n");
    make_capture(pam_text(""), pam_text(""), pam_text(""));
    check("collapsed", "process 4711; (4711);; 1000000\n");
}

static void weights_of_collapsed_stacks(void **state)
{
    static const struct {
        enum pam_weight weight;
        const char *end;
    } rows[] = {{PAM_WEIGHT_WALL, " 1000000\n"},
                {PAM_WEIGHT_CPU, " 200100\n"},
                {PAM_WEIGHT_SAMPLES, " 2\n"}};

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char *text;

        make_capture(pam_text("t"), pam_text("main"), pam_text("app.py"));
        text = convert("collapsed", rows[i].weight);
        assert_true(strlen(text) > strlen(rows[i].end));
        assert_string_equal(text + strlen(text) - strlen(rows[i].end), rows[i].end);
        free(text);
    }
}

static void csv_of_the_monitor(void **state)
{
    (void)state;
    make_capture(pam_text("t"), pam_text("main"), pam_text("app.py"));
    check("csv", "elapsed_seconds,cpu_percent,memory_mb,memory_percent,timestamp\r\n"
                 "2.00,50.00,100.00,9.77,2026-02-11T15:30:24.000000\r\n");
}

static void json_with_hostile_names(void **state)
{
    char *text;

    (void)state;
    make_capture((struct pam_bytes)BYTES("\"\\\xff"), (struct pam_bytes)BYTES("</script>\n\""),
                 (struct pam_bytes)BYTES("\xed\xa0\x80"));
    text = convert("speedscope", PAM_WEIGHT_WALL);
    assert_non_null(strstr(text, "\"name\":\"</script>\\u000a\\\"\""));
    assert_non_null(strstr(text, "\"\\\"\\\\\xef\xbf\xbd (4711)\""));
    assert_non_null(strstr(text, "\"file\":\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\",\"line\":10"));
    assert_null(strpbrk(text, "\xff\xed"));
    free(text);
}

static void a_dump_has_a_line_for_each_record(void **state)
{
    char *text;
    unsigned lines = 0;

    (void)state;
    make_capture(pam_text("a\nb"), pam_text("main"), pam_text("app.py"));
    text = convert("dump", PAM_WEIGHT_WALL);
    for (const char *at = text; (at = strchr(at, '\n')); at++)
        lines++;
    assert_int_equal(lines, 2 + 22); /* epoch and block, and the records */
    assert_non_null(strstr(text, "string id=1 text=\"a\\u000ab\"\n"));
    free(text);
}

/* A frame may have the longest name, file and line that there are. */
static void the_longest_names(void **state)
{
    static unsigned char name[PAM_MAX_TEXT], file[PAM_MAX_TEXT];

    (void)state;
    memset(name, 'n', sizeof name);
    memset(file, 'f', sizeof file);
    for (size_t i = 0; pam_formats[i]; i++) {
        make_capture((struct pam_bytes){name, sizeof name}, (struct pam_bytes){name, sizeof name},
                     (struct pam_bytes){file, sizeof file});
        free(convert(pam_formats[i]->name, PAM_WEIGHT_WALL));
    }
}

static void convert_at_the_ends_of_time(void *context)
{
    static const int64_t offsets[] = {
        INT64_MAX, INT64_MIN, INT64_C(67768036191676799), /* 2^31 years */
        INT64_C(67768036191676799) - 1770820300, INT64_C(67767976233532799) - 1770820222};

    (void)context;
    for (size_t i = 0; i < COUNT(offsets); i++) {
        maker_init(&maker);
        maker.clock_base_ns = START_NS;
        put_session(offsets[i]);
        put_reading(0);
        put_reading(1);
        maker_put(&maker, PAM_end, &(struct pam_end){pam_text("done")});
        maker_end_block(&maker, ONLY);
        free(convert("csv", PAM_WEIGHT_WALL));
    }
}

/* A capture may say anything of its clocks. */
static void clocks_that_cannot_be(void **state)
{
    (void)state;
    assert_true(survives(convert_at_the_ends_of_time, NULL));
}

static void every_format_has_a_row(void **state)
{
    (void)state;
    for (size_t i = 0; pam_formats[i]; i++) {
        const struct pam_format *format = pam_formats[i];

        assert_true(*format->name && *format->suffix && *format->what && format->open &&
                    format->free);
        assert_ptr_equal(pam_format_by_name(format->name), format);
        for (size_t k = 0; k < i; k++)
            assert_string_not_equal(format->name, pam_formats[k]->name);
    }
    assert_null(pam_format_by_name("none"));
    assert_null(pam_format_by_path("x.none"));
    assert_null(pam_format_by_path(".csv")); /* no suffix, but a name */
    assert_string_equal(pam_format_by_path("x_cpu.csv")->name, "csv");
    assert_string_equal(pam_format_by_path("a.b.json")->name, "speedscope");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(collapsed_stacks),
        cmocka_unit_test(collapsed_stacks_with_hostile_names),
        cmocka_unit_test(weights_of_collapsed_stacks),
        cmocka_unit_test(csv_of_the_monitor),
        cmocka_unit_test(json_with_hostile_names),
        cmocka_unit_test(a_dump_has_a_line_for_each_record),
        cmocka_unit_test(the_longest_names),
        cmocka_unit_test(clocks_that_cannot_be),
        cmocka_unit_test(every_format_has_a_row),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
