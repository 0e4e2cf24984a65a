/* test_writer.c - outputs that are slow, full or gone: what is lost, counted and told. */
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include "kernel/clocks.h"
#include "recording.h"
#include "unit.h"

static const uint64_t START_NS = UINT64_C(5000000000000);

enum { BUFFERS = 8, MARKER_BYTES = 4000 };

/* A pipe whose reading end is emptied into a file in memory as soon as somebody says so. */
struct drain {
    int from, to;
    pthread_t thread;
};

static void *run_drain(void *context)
{
    const struct drain *drain = context;
    static char bytes[1 << 16];
    ssize_t got;

    while ((got = read(drain->from, bytes, sizeof bytes)) > 0)
        if (write(drain->to, bytes, (size_t)got) != got)
            break;
    return NULL;
}

static struct recording recording;
static struct drain drain;

static int open_pipe(void **state)
{
    int ends[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    drain = (struct drain){.from = ends[0], .to = memory_file("", 0)};
    recording_start(&recording, ends[1], START_NS);
    return 0;
}

static int close_pipe(void **state)
{
    (void)state;
    (void)close(drain.from);
    (void)close(drain.to);
    return 0;
}

static void start_drain(void)
{
    assert_int_equal(pthread_create(&drain.thread, NULL, run_drain, &drain), 0);
}

static struct contents finish_and_read(void)
{
    struct pam_error error;

    assert_int_equal(recording_finish(&recording, &error), 0);
    (void)close(recording.fd);
    (void)pthread_join(drain.thread, NULL);
    return contents_of(drain.to);
}

/* A new epoch starts as soon as there is room. */
static void start_epoch_in_time(void)
{
    for (unsigned i = 0; i < 20000; i++) {
        if (pam_recorder_start_epoch(&recording.recorder, START_NS + 1000))
            return;
        (void)usleep(1000);
    }
    fail_msg("no room after 20 s");
}

static void a_pipe_with_a_reader(void **state)
{
    struct contents contents;

    (void)state;
    assert_int_equal(fcntl(recording.fd, F_SETFL, O_NONBLOCK), 0); /* as a socket may be */
    for (uint64_t number = 0; number < 300; number++)
        recording_put_marker(&recording, number, MARKER_BYTES);
    start_drain();
    contents = finish_and_read();
    assert_int_equal(contents.records[PAM_marker], 300);
    assert_true(contents.markers_in_order && contents.damage.complete);
    assert_int_equal(contents.gaps, 0);
}

/* Puts markers until a block had to be given up; returns how many were put before. */
static uint64_t fill_queue(void)
{
    uint64_t number = 0;

    while (recording.recorder.block) {
        const uint64_t dropped = recording.recorder.dropped_bytes;

        recording_put_marker(&recording, number, MARKER_BYTES);
        number += recording.recorder.dropped_bytes == dropped;
        assert_true(number < 10000);
    }
    return number;
}

static void a_full_queue_drops_counts_and_recovers(void **state)
{
    struct contents contents;
    uint64_t kept;

    (void)state;
    kept = fill_queue();
    assert_true(kept > (BUFFERS - 1) * (PAM_MAX_BLOCK / (MARKER_BYTES + 10)));
    assert_int_equal(recording.recorder.dropped_blocks, 1);
    assert_int_equal(recording.recorder.dropped_bytes, MARKER_BYTES + 2 + 1 + 2);
    assert_true(pam_recorder_epoch_due(&recording.recorder, START_NS));
    assert_false(pam_recorder_start_epoch(&recording.recorder, START_NS));
    recording_put_marker(&recording, 7777777, MARKER_BYTES);
    pam_recorder_time(&recording.recorder, START_NS + 500, 0, true);
    pam_recorder_reserve(&recording.recorder, 100);
    assert_int_equal(recording.recorder.dropped_blocks, 1);
    assert_in_range(recording.recorder.dropped_bytes, 2 * (MARKER_BYTES + 5) + 1,
                    2 * (MARKER_BYTES + 5) + 10);
    start_drain();
    start_epoch_in_time();
    assert_false(pam_recorder_epoch_due(&recording.recorder, START_NS + 1000));
    assert_int_equal(pam_recorder_string(&recording.recorder, pam_text("again")), 1);
    recording_put_marker(&recording, kept, MARKER_BYTES);
    contents = finish_and_read();
    assert_int_equal(contents.records[PAM_marker], kept + 1);
    assert_true(contents.markers_in_order && contents.first_marker == 0);
    assert_int_equal(contents.gaps, 1);
    assert_int_equal(contents.epochs, 2);
    assert_int_equal(contents.damage.lost_blocks, 1);
    assert_int_equal(contents.damage.damaged_blocks + contents.damage.skipped_bytes, 0);
    assert_true(contents.damage.complete);
}

/* An epoch falls due by size, age or a full table, and just then no buffer is free: what is put
 * until one is was lost, so the reader must see a gap (docs/capture-format.md, section 3). */
static void an_epoch_that_cannot_start_leaves_a_gap(void **state)
{
    struct contents contents;
    uint64_t number = 0;

    (void)state;
    while (recording.recorder.block_number < BUFFERS)
        recording_put_marker(&recording, number++, MARKER_BYTES);
    pam_recorder_want_epoch(&recording.recorder);
    assert_false(pam_recorder_start_epoch(&recording.recorder, START_NS));
    recording_put_marker(&recording, number, MARKER_BYTES);
    assert_true(recording.recorder.dropped_bytes > 0);
    start_drain();
    start_epoch_in_time();
    recording_put_marker(&recording, number + 1, MARKER_BYTES);
    contents = finish_and_read();
    assert_int_equal(contents.records[PAM_marker], number + 1);
    assert_false(contents.markers_in_order);
    assert_int_equal(contents.gaps, 1);
    assert_int_equal(contents.damage.lost_blocks, 1);
}

static bool woken(void)
{
    const uint64_t until_ns = pam_monotonic_ns() + UINT64_C(20000000000);

    while (!recording.wake.heard && pam_monotonic_ns() < until_ns)
        pam_wake_sleep(&recording.wake, until_ns);
    return recording.wake.heard;
}

static void a_pipe_that_is_closed(void **state)
{
    struct pam_error error;

    (void)state;
    fill_queue();
    assert_int_equal(pam_writer_state(recording.writer), PAM_WRITER_RUNNING);
    (void)close(drain.from);
    drain.from = -1;
    assert_true(woken());
    assert_int_equal(pam_writer_state(recording.writer), PAM_WRITER_CLOSED_PIPE);
    start_epoch_in_time(); /* buffers come back although nothing is written */
    assert_int_equal(recording_finish(&recording, &error), 0);
    (void)close(recording.fd);
}

static void a_pipe_that_never_was_read(void **state)
{
    struct pam_error error;
    int ends[2];

    (void)state;
    (void)signal(SIGPIPE, SIG_IGN);
    assert_int_equal(pipe(ends), 0);
    (void)close(ends[0]);
    recording_start(&recording, ends[1], START_NS);
    assert_true(woken());
    assert_int_equal(pam_writer_state(recording.writer), PAM_WRITER_CLOSED_PIPE);
    assert_int_equal(recording_finish(&recording, &error), 0);
    recording_done(&recording);
}

static void a_full_disk(void **state)
{
    const int fd = open("/dev/full", O_WRONLY | O_CLOEXEC);
    struct pam_error error;

    (void)state;
    assert_true(fd >= 0);
    recording_start(&recording, fd, START_NS);
    assert_true(woken());
    assert_int_equal(pam_writer_state(recording.writer), PAM_WRITER_FAILED);
    assert_int_equal(recording_finish(&recording, &error), PAM_FAILED);
    assert_non_null(strstr(error.text, "test.pamcap"));
    assert_non_null(strstr(error.text, "No space left"));
    recording_done(&recording);
}

/* In a process of its own, since the limit is the process's. */
static void fill_a_small_disk(void *context)
{
    const struct rlimit limit = {700000, 700000};
    const int *fd = context;
    struct pam_error error;

    (void)signal(SIGXFSZ, SIG_IGN);
    recording_start(&recording, *fd, START_NS);
    if (setrlimit(RLIMIT_FSIZE, &limit) != 0)
        _exit(2);
    for (uint64_t number = 0; pam_writer_state(recording.writer) == PAM_WRITER_RUNNING; number++) {
        const uint64_t blocks = recording.recorder.block_number;

        recording_put_marker(&recording, number, MARKER_BYTES);
        if (recording.recorder.block_number == blocks)
            continue;
        for (int i = 0; i < 5000 && pam_writer_bytes(recording.writer) == recording.written_bytes &&
                        pam_writer_state(recording.writer) == PAM_WRITER_RUNNING;
             i++)
            (void)usleep(1000);
        recording.written_bytes = pam_writer_bytes(recording.writer);
    }
    if (recording_finish(&recording, &error) != PAM_FAILED || !strstr(error.text, "File too large"))
        _exit(3);
}

static void a_disk_that_fills_up_keeps_whole_blocks(void **state)
{
    int fd = memory_file("", 0);
    struct contents contents;

    (void)state;
    assert_true(survives(fill_a_small_disk, &fd));
    contents = contents_of(fd);
    assert_int_equal(contents.blocks, 2); /* of 256 KiB each */
    assert_true(contents.records[PAM_marker] > 120 && contents.markers_in_order);
    assert_false(contents.damage.cut_tail || contents.damage.complete);
    assert_int_equal(contents.damage.damaged_blocks + contents.damage.skipped_bytes, 0);
    (void)close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(a_pipe_with_a_reader, open_pipe, close_pipe),
        cmocka_unit_test_setup_teardown(a_full_queue_drops_counts_and_recovers, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(an_epoch_that_cannot_start_leaves_a_gap, open_pipe,
                                        close_pipe),
        cmocka_unit_test_setup_teardown(a_pipe_that_is_closed, open_pipe, close_pipe),
        cmocka_unit_test(a_pipe_that_never_was_read),
        cmocka_unit_test(a_full_disk),
        cmocka_unit_test(a_disk_that_fills_up_keeps_whole_blocks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
