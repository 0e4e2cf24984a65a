/* test_waiting.c - what waits, the GIL and garbage collection become in collapsed stacks and in CSV. */
#include <stdlib.h>
#include <unistd.h>

#include "convert.h"
#include "maker.h"

#include "unit.h"

static const uint64_t START_NS = UINT64_C(5000000000000);

enum {
    ONLY = PAM_BLOCK_EPOCH_STARTS | PAM_BLOCK_FRAME_STARTS | PAM_BLOCK_FRAME_ENDS,
    PID = 4711,
    FILE_TEXT = 10,
    SOCKET_TEXT = 11,
    NO = 0, /* no such text */
};

static struct maker maker;

static void start(const char *arch, bool gil_told)
{
    maker_init(&maker);
    maker.clock_base_ns = START_NS;
    maker_put(&maker, PAM_session, &(struct pam_session){.start_monotonic_ns = START_NS});
    maker_put(&maker, PAM_host, &(struct pam_host){.arch = pam_text(arch)});
    maker_put(&maker, PAM_mode, &(struct pam_mode){.mode = 3, .rate_mhz = 100000});
    maker_put(&maker, PAM_process, &(struct pam_process){.pid = PID, .is_target = 1});
    if (gil_told)
        maker_put(&maker, PAM_insight,
                  &(struct pam_insight){.pid = PID, .gil_address = 4096, .gil_bytes = 200});
    maker_put_string(&maker, 1, "f.py");
    maker_put_string(&maker, 2, "serve");
    maker_put_code(&maker, 1, 1, 2);
    maker_put_frame(&maker, 1, 1, 0);
    maker_put_stack(&maker, 1, 0, 1);
    maker_put_thread(&maker, 1, PID, NO);
}

/* `stack_plus1` at a tick 10 ms later, off since then or running. */
static void sample(uint64_t stack_plus1, uint64_t flags, bool off)
{
    maker_put_tick(&maker, 10000);
    maker_put(&maker, PAM_sample,
              &(struct pam_sample){.thread = 1, .stack_plus1 = stack_plus1,
                                   .flags = flags | PAM_SAMPLE_EXACT,
                                   .first_on_steps_plus1 = 1, .last_off_steps_plus1 = off});
}

/* Converts and ends the capture, 10 ms after its last tick; the text is to be freed. */
static char *finish(const char *format, bool gil)
{
    struct pam_filter filter = {.gil = gil};
    const struct pam_conversion options = {.weight = PAM_WEIGHT_WALL, .filter = &filter};
    struct pam_output output = {.format = pam_format_by_name(format)};
    struct pam_outcome outcome;
    struct pam_source source = {.name = "x"};
    struct pam_error error;
    char path[64], *text;
    size_t size;
    const int out = memory_file("", 0);

    maker_put(&maker, PAM_tick, &(struct pam_tick){.delta_us = 10000, .not_sampling = 1});
    maker_put(&maker, PAM_end, &(struct pam_end){pam_text("done")});
    maker_end_block(&maker, ONLY);
    source.fd = memory_file(maker.bytes, maker.size);
    (void)snprintf(path, sizeof path, "/proc/self/fd/%d", out);
    output.path = path;
    assert_int_equal(pam_convert(&source, 1, &options, &output, 1, &outcome, &error), 0);
    text = file_text(out, &size);
    (void)close(source.fd);
    (void)close(out);
    maker_done(&maker);
    return text;
}

static void expect(bool gil, const char *expected)
{
    char *text = finish("collapsed", gil);

    assert_string_equal(text, expected);
    free(text);
}

struct case_ {
    const char *arch, *file, *socket, *text;
    struct pam_wait wait;
};

/* poll 7, read 0, recvfrom 45, epoll_wait 232, nanosleep 35, futex 202 on x86-64; read is 63 on arm64 */
static const struct case_ cases[] = {
    {"x86_64", "pipe:[12]", "", "read(pipe)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"aarch64", "/var/log/a;b", "", "read(/var/log/a:b)", {.syscall_plus1 = 64, .fd_plus1 = 4}},
    {"riscv64", "", "", "system call 63", {.syscall_plus1 = 64}},
    {"x86_64", "anon_inode:[eventfd]", "", "read(eventfd)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "anon_inode:inotify", "", "read(inotify)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "tcp 0100007F:1F90 0A00000A:01BB 01", "recvfrom(socket 10.0.0.10:443)",
     {.syscall_plus1 = 46, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "tcp 00000000:1F90 00000000:0000 0A", "read(socket 0.0.0.0:8080)",
     {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]",
     "tcp6 00000000000000000000000001000000:1F90 0000000000000000FFFF00000100007F:0050 01",
     "read(socket 127.0.0.1:80)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]",
     "tcp6 00000000000000000000000001000000:1F90 00000000000000000000000001000000:0050 01",
     "read(socket [::1]:80)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "udp 00000000:37F6 00000000:0000 07", "read(udp socket 0.0.0.0:14326)",
     {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "unix /run/x.sock", "read(unix socket /run/x.sock)",
     {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "unix ", "read(unix socket)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "tcp junk:zz 12", "read(socket)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "", "read(socket)", {.syscall_plus1 = 1, .fd_plus1 = 4}},
    {"x86_64", "socket:[12]", "unix /a", "poll(unix socket /a and 2 more, timeout 5 s)",
     {.syscall_plus1 = 8, .fd_plus1 = 4, .argument_1 = 3, .argument_2 = 5000}},
    {"x86_64", "", "", "poll", {.syscall_plus1 = 8, .argument_2 = UINT32_MAX}},
    {"x86_64", "anon_inode:[eventpoll]", "", "epoll_wait(timeout 25 ms)",
     {.syscall_plus1 = 233, .fd_plus1 = 4, .argument_3 = 25}},
    {"x86_64", "anon_inode:[eventpoll]", "", "epoll_wait",
     {.syscall_plus1 = 233, .fd_plus1 = 4, .argument_3 = UINT64_MAX}},
    {"x86_64", "", "", "nanosleep(timeout 1.5 s)",
     {.syscall_plus1 = 36, .timeout_ns_plus1 = 1500000001}},
    {"x86_64", "", "", "futex", {.syscall_plus1 = 203, .timeout_ns_plus1 = UINT64_MAX}},
};

static void waits_as_frames(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(cases); i++) {
        struct pam_wait wait = cases[i].wait;
        char expected[300];

        start(cases[i].arch, true);
        wait.thread = wait.stack = 1;
        if (cases[i].file[0]) {
            maker_put_string(&maker, wait.file = FILE_TEXT, cases[i].file);
            if (cases[i].socket[0])
                maker_put_string(&maker, wait.socket = SOCKET_TEXT, cases[i].socket);
        }
        sample(2, 0, false);
        maker_put(&maker, PAM_wait, &wait);
        sample(0, 0, true); /* it ran until here */
        (void)snprintf(expected, sizeof expected,
                       "process 4711;MainThread (4711);serve (f.py:10) 10000\n"
                       "process 4711;MainThread (4711);serve (f.py:10);%s [wait] 10000\n",
                       cases[i].text);
        expect(false, expected);
    }
}

/* Of another thread or stack, or of none. */
static void waits_of_others(void **state)
{
    static const struct pam_wait others[] = {
        {.thread = 2, .stack = 1, .syscall_plus1 = 1}, {.thread = 1, .stack = 0, .syscall_plus1 = 1},
        {.thread = 1, .stack = 9, .syscall_plus1 = 1}, {.thread = 1, .stack = 1, .syscall_plus1 = 0},
        {.thread = UINT64_MAX, .stack = UINT64_MAX, .syscall_plus1 = UINT64_MAX},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(others); i++) {
        start("x86_64", true);
        maker_put(&maker, PAM_wait, &others[i]);
        sample(2, 0, true);
        expect(false, "process 4711;MainThread (4711);serve (f.py:10) 10000\n");
    }
}

static void put_states(void)
{
    sample(2, PAM_SAMPLE_HOLDS_GIL, false);
    sample(0, PAM_SAMPLE_HOLDS_GIL | PAM_SAMPLE_COLLECTS, false);
    sample(0, PAM_SAMPLE_WAITS_GIL, true);
    sample(0, 0, false);
    sample(0, PAM_SAMPLE_GIL_UNKNOWN, true);
}

static void gil_and_garbage(void **state)
{
    (void)state;
    start("x86_64", true);
    put_states();
    expect(false, "process 4711;MainThread (4711);serve (f.py:10) 30000\n"
                  "process 4711;MainThread (4711);serve (f.py:10);<garbage collection> [C] 10000\n"
                  "process 4711;MainThread (4711);serve (f.py:10);waiting for the GIL [wait] 10000\n");
    start("x86_64", true);
    put_states();
    expect(true, "process 4711;MainThread (4711);serve (f.py:10) 10000\n"
                 "process 4711;MainThread (4711);serve (f.py:10);<garbage collection> [C] 10000\n");
    start("x86_64", false);
    sample(2, 0, false);
    expect(true, "");
}

/* A thread without a Python frame waits too; of one of which nothing or only a part is known it is not told. */
static void other_stacks(void **state)
{
    (void)state;
    start("x86_64", true);
    maker_put(&maker, PAM_wait, &(struct pam_wait){.thread = 1, .stack = 0, .syscall_plus1 = 203});
    sample(1, PAM_SAMPLE_NO_FRAME, true);
    expect(false, "process 4711;MainThread (4711);[no Python frame];futex [wait] 10000\n");
    start("x86_64", true);
    sample(0, PAM_SAMPLE_FAILED | PAM_SAMPLE_WAITS_GIL, true);
    expect(false, "process 4711;MainThread (4711);[unknown] 10000\n");
    start("x86_64", true);
    sample(2, PAM_SAMPLE_LEAF_CUT | PAM_SAMPLE_WAITS_GIL, true);
    expect(false, "process 4711;MainThread (4711);serve (f.py:10);[unknown] 10000\n");
}

static void put_interval(uint64_t cpu_us)
{
    maker_put(&maker, PAM_tick, &(struct pam_tick){.delta_us = 50000, .not_sampling = 1});
    maker_put(&maker, PAM_resource,
              &(struct pam_resource){.pid = PID, .cpu_ns_plus1 = 1 + cpu_us * 1000, .rss_bytes_plus1 = 2});
    maker_put(&maker, PAM_thread_cpu, &(struct pam_thread_cpu){.thread = 1, .cpu_us = cpu_us});
    maker_put(&maker, PAM_health, &(struct pam_health){.ticks = 1});
}

/* In 100 ms it held it for 20, waited for 10, perhaps waited for the last 50; without a word, unknown. */
static void shares_of_an_interval(void **state)
{
    (void)state;
    for (int told = 0; told < 2; told++) {
        char *text;

        start("x86_64", told);
        put_interval(0);
        put_states();
        put_interval(50000);
        text = finish("csv-threads", false);
        assert_non_null(strstr(text, told ? ",20.00,10.00,50.00\r\n" : ",,,\r\n"));
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(waits_as_frames), cmocka_unit_test(waits_of_others),
        cmocka_unit_test(gil_and_garbage), cmocka_unit_test(other_stacks),
        cmocka_unit_test(shares_of_an_interval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
