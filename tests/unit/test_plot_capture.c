/* test_plot_capture.c - what pamplot makes of a capture: points, markers, titles, damage. */
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include <zlib.h>
#include <zstd.h>

#include <cmocka.h>

#include <pam/capture.h>
#include <pam/record.h>

#include "capture_input.h"

enum {
    BOTH = 1u << PLOT_CPU | 1u << PLOT_MEMORY,
    PID = 4711,
    MAX_CAPTURE = 1 << 20,
};

static const uint64_t START_NS = UINT64_C(5000000000000);
static const uint64_t SECOND_NS = 1000000000;

/* One epoch a block, each a whole zstd frame: the simplest capture there is. */
struct capture {
    unsigned char bytes[MAX_CAPTURE];
    size_t size;
    unsigned char raw[PAM_MAX_BLOCK];
    size_t raw_size;
    uint32_t blocks;
};

static struct capture capture;

static void put(unsigned type, const void *body)
{
    const size_t size = pam_record_encode(type, body, capture.raw + capture.raw_size,
                                          sizeof capture.raw - capture.raw_size);

    assert_true(size > 0);
    capture.raw_size += size;
}

static void put_session(const char *scenario)
{
    const struct pam_session session = {
        .scenario = pam_text(scenario),
        .start_realtime_ns = UINT64_C(1770820222) * SECOND_NS, /* 2026-02-11 14:30:22 UTC */
        .start_monotonic_ns = START_NS,
        .utc_offset_s = 3600,
    };
    const struct pam_host host = {.hostname = pam_text("petal"), .clock_ticks_hz = 100};
    const struct pam_process process = {
        .pid = PID,
        .is_target = 1,
        .command_line = pam_text("/venv/bin/python3 /venv/bin/uvicorn app.main:app --port 9000 "
                                 "--log-level info --no-access-log"),
    };

    put(PAM_session, &session);
    put(PAM_host, &host);
    put(PAM_process, &process);
}

/* Half a core and 100 MiB in every interval; health closes it. */
static void put_reading(unsigned second)
{
    const struct pam_tick tick = {.delta_us = 1000000, .not_sampling = 1};
    const struct pam_resource resource = {
        .pid = PID,
        .cpu_ns_plus1 = 1 + second * SECOND_NS / 2,
        .rss_bytes_plus1 = 1 + (UINT64_C(100) << 20),
        .threads = 3,
    };
    const struct pam_health health = {.ticks = 1 + second};

    put(PAM_tick, &tick);
    put(PAM_resource, &resource);
    put(PAM_health, &health);
}

/* The block's clock base is `second` after the start. */
static void end_block(unsigned second)
{
    unsigned char *header = capture.bytes + capture.size;
    unsigned char *stored = header + PAM_BLOCK_HEADER_BYTES;
    const size_t size =
        ZSTD_compress(stored, PAM_MAX_STORED, capture.raw, capture.raw_size, ZSTD_CLEVEL_DEFAULT);
    const struct pam_block_header fields = {
        .payload_crc = (uint32_t)crc32(0, stored, (uInt)size),
        .flags = PAM_BLOCK_FRAME_STARTS | PAM_BLOCK_FRAME_ENDS | PAM_BLOCK_EPOCH_STARTS,
        .sequence = capture.blocks,
        .epoch = capture.blocks,
        .raw_bytes = (uint32_t)capture.raw_size,
        .stored_bytes = (uint32_t)size,
        .clock_base_ns = START_NS + second * SECOND_NS,
    };

    assert_false(ZSTD_isError(size));
    pam_put_block_header(header, &fields);
    pam_put_le(header + PAM_BLOCK_CRC_AT,
               crc32(0, header + PAM_BLOCK_CRC_FROM, PAM_BLOCK_HEADER_BYTES - PAM_BLOCK_CRC_FROM),
               4);
    capture.size += PAM_BLOCK_HEADER_BYTES + size;
    capture.raw_size = 0;
    capture.blocks++;
}

/* Three blocks of 10 s: readings at 1 s ... 30 s, a marker at 5 s, the end. */
static void make_capture(const char *scenario)
{
    const struct pam_marker marker = {.name = pam_text("take\noff")};
    const struct pam_end end = {.reason = pam_text("duration")};

    memset(&capture, 0, sizeof capture);
    pam_put_file_header(capture.bytes);
    capture.size = PAM_FILE_HEADER_BYTES;
    for (unsigned second = 0; second < 30; second++) {
        if (second % 10 == 0)
            put_session(scenario);
        put_reading(second + 1);
        if (second == 4)
            put(PAM_marker, &marker);
        if (second == 29)
            put(PAM_end, &end);
        if (second % 10 == 9)
            end_block(second - 9);
    }
}

static int read_capture(struct plot_data *data, struct pam_error *error)
{
    const int fd = memfd_create("test", MFD_CLOEXEC);
    int result;

    assert_int_equal(write(fd, capture.bytes, capture.size), capture.size);
    assert_int_equal(lseek(fd, 0, SEEK_SET), 0);
    plot_data_init(data);
    memset(error, 0, sizeof *error);
    result = plot_capture_read(data, fd, "x.pamcap", BOTH, error);
    close(fd);
    return result;
}

static void a_whole_capture(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    make_capture("idle");
    assert_int_equal(read_capture(&data, &error), 0);
    assert_int_equal(data.count, 29);
    for (size_t i = 0; i < data.count; i++) {
        assert_true(fabs(data.rows[i].elapsed_s - (double)(i + 2)) < 1e-6);
        assert_true(fabs(data.rows[i].value[PLOT_CPU] - 50) < 1e-6);
        assert_true(data.rows[i].value[PLOT_MEMORY] == 100);
    }
    assert_int_equal(data.marker_count, 1);
    assert_true(fabs(data.markers[0].elapsed_s - 5) < 1e-6);
    assert_string_equal(data.markers[0].name, "take\noff");
    assert_string_equal(data.title, "idle");
    assert_string_equal(data.subtitle, "python3 uvicorn app.main:app --port 9000 --log-level info "
                                       "\u2026, pid 4711 on petal, started 2026-02-11 15:30:22");
    assert_string_equal(data.warning, "");
    assert_false(data.damaged);
    plot_data_done(&data);
}

static void a_capture_without_a_scenario(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    make_capture("");
    assert_int_equal(read_capture(&data, &error), 0);
    assert_string_equal(data.title, "unnamed");
    plot_data_done(&data);
}

/* However it is cut: no reading of a block before the cut is lost, and it is no damage. */
static void a_cut_tail(void **state)
{
    size_t whole;
    struct plot_data data;
    struct pam_error error;

    (void)state;
    make_capture("idle");
    whole = capture.size;
    for (size_t cut = 1; cut < PAM_BLOCK_HEADER_BYTES + 20; cut++) {
        capture.size = whole - cut;
        assert_int_equal(read_capture(&data, &error), 0);
        assert_true(data.count >= 19);
        assert_false(data.damaged);
        assert_non_null(strstr(data.warning, "x.pamcap"));
        plot_data_done(&data);
    }
}

static void a_damaged_block(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    make_capture("idle");
    capture.bytes[PAM_FILE_HEADER_BYTES + PAM_BLOCK_HEADER_BYTES + 30] ^= 1;
    assert_int_equal(read_capture(&data, &error), 0);
    assert_int_equal(data.count, 19);
    assert_true(data.damaged);
    assert_non_null(strstr(data.warning, "x.pamcap is damaged from byte"));
    plot_data_done(&data);
}

static void nothing_to_draw(void **state)
{
    struct plot_data data;
    struct pam_error error;

    (void)state;
    make_capture("idle");
    capture.size = PAM_FILE_HEADER_BYTES;
    assert_int_equal(read_capture(&data, &error), PAM_DAMAGED);
    assert_non_null(strstr(error.text, "x.pamcap has nothing to draw"));
    plot_data_done(&data);
    capture.size = 0;
    assert_true(read_capture(&data, &error) < 0);
    plot_data_done(&data);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_capture), cmocka_unit_test(a_capture_without_a_scenario),
        cmocka_unit_test(a_cut_tail),      cmocka_unit_test(a_damaged_block),
        cmocka_unit_test(nothing_to_draw),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
