/* test_blocked.c - the texts of /proc that tell what a thread is blocked in, and what its sockets are. */
#include "kernel/blocked.h"

#include <pam/syscalls.h>

#include "unit.h"

static void a_system_call(void **state)
{
    struct pam_blocked blocked;

    (void)state;
    assert_true(pam_parse_blocked("232 0x4 0x7ffd10 0xff 0xffffffffffffffff 0x0 0x8 0x7ffd00 0x7f24\n",
                                  &blocked));
    assert_true(blocked.in_syscall);
    assert_int_equal(blocked.number, 232);
    assert_int_equal(blocked.arguments[0], 4);
    assert_int_equal(blocked.arguments[2], 255);
    assert_true(blocked.arguments[3] == UINT64_MAX);
    assert_int_equal(blocked.arguments[5], 8);
    assert_int_equal(blocked.stack_pointer, 0x7ffd00);
    assert_int_equal(blocked.program_counter, 0x7f24);
}

static void no_system_call(void **state)
{
    struct pam_blocked blocked;

    (void)state;
    assert_true(pam_parse_blocked("-1 0x7ffd00 0x7f24\n", &blocked));
    assert_false(blocked.in_syscall);
    assert_int_equal(blocked.stack_pointer, 0x7ffd00);
    assert_int_equal(blocked.program_counter, 0x7f24);
}

static void no_answer(void **state)
{
    static const char *const texts[] = {"running\n", "", "\n", "x", "232", "232 0x4 0x5\n", "-1\n",
                                        "-1 0x5\n", "0 0x1 0x2 0x3 0x4 0x5 0x6 0x7\n"};
    struct pam_blocked blocked;

    (void)state;
    for (size_t i = 0; i < COUNT(texts); i++)
        assert_row(texts[i], !pam_parse_blocked(texts[i], &blocked));
}

static void lines_of_sockets(void **state)
{
    static const struct {
        const char *line;
        bool is_unix;
        uint64_t inode;
        const char *text; /* NULL: another socket, or no line */
    } rows[] = {
        {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout "
         "inode\n", false, 0, NULL},
        {"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
         "4711 1 ff 100 0 0 10 0\n", false, 4711, "0100007F:1F90 00000000:0000 0A"},
        {"   0: 0100007F:1F90 00000000:0000 0A 00000000:00000000 00:00000000 00000000  1000        0 "
         "4711 1 ff 100 0 0 10 0\n", false, 471, NULL},
        {"  12: 00000000000000000000000001000000:0016 0000000000000000FFFF00000100007F:D2A4 01 00000000:"
         "00000000 00:00000000 00000000     0        0 99 1 ff 20 4 30 10 -1\n", false, 99,
         "00000000000000000000000001000000:0016 0000000000000000FFFF00000100007F:D2A4 01"},
        {"Num       RefCount Protocol Flags    Type St Inode Path\n", true, 0, NULL},
        {"ffff8881: 00000002 00000000 00010000 0001 01 4711 /run/a b.sock\n", true, 4711, "/run/a b.sock"},
        {"ffff8881: 00000003 00000000 00000000 0001 03 4712\n", true, 4712, ""},
        {"ffff8881: 00000003 00000000 00000000 0001 03 4712\n", true, 4711, NULL},
    };
    char text[PAM_SOCKET_TEXT_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const bool found = pam_parse_socket_line(rows[i].line, rows[i].is_unix, rows[i].inode, text);

        assert_row(rows[i].line, found == (rows[i].text != NULL));
        if (found)
            assert_string_equal(text, rows[i].text);
    }
}

static void links_of_descriptors(void **state)
{
    (void)state;
    assert_int_equal(pam_socket_inode("socket:[4711]"), 4711);
    assert_int_equal(pam_socket_inode("pipe:[4711]"), 0);
    assert_int_equal(pam_socket_inode("/tmp/socket:[4711]"), 0);
    assert_int_equal(pam_socket_inode(""), 0);
}

static void system_calls_by_architecture(void **state)
{
    (void)state;
    assert_string_equal(pam_syscall_find(PAM_ARCH_X86_64, 0)->name, "read");
    assert_string_equal(pam_syscall_find(PAM_ARCH_AARCH64, 63)->name, "read");
    assert_string_equal(pam_syscall_find(PAM_ARCH_X86_64, 202)->name, "futex");
    assert_string_equal(pam_syscall_find(PAM_ARCH_AARCH64, 98)->name, "futex");
    assert_string_equal(pam_syscall_find(PAM_ARCH_X86_64, 7)->name, "poll");
    assert_null(pam_syscall_find(PAM_ARCH_X86_64, 1 << 20));
    assert_null(pam_syscall_find(PAM_ARCH_X86_64, UINT64_MAX));
    assert_null(pam_syscall_find(PAM_ARCH_UNKNOWN, 0));
    assert_int_equal(pam_arch_named("aarch64", 7), PAM_ARCH_AARCH64);
    assert_int_equal(pam_arch_named("x86_64", 6), PAM_ARCH_X86_64);
    assert_int_equal(pam_arch_named("x86", 3), PAM_ARCH_UNKNOWN);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_system_call),
        cmocka_unit_test(no_system_call),
        cmocka_unit_test(no_answer),
        cmocka_unit_test(lines_of_sockets),
        cmocka_unit_test(links_of_descriptors),
        cmocka_unit_test(system_calls_by_architecture),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
