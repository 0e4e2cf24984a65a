/* test_procfs.c - texts of /proc, true to life, hostile and broken, through the parsers. */
#include "kernel/procfs.h"

#include "unit.h"

#define TAIL                                                                                       \
    " 7 8 9 10 11 12 13 140 150 16 17 20 0 21 0 2200 23000 240 18446744073709551615 1 1 0 0 0"

static const struct {
    const char *name, *text;
    bool good;
    const char *comm;
    char state;
    uint64_t parent, reaped;
} stats[] = {
    {"a process", "4711 (python3) S 1 4711 4711" TAIL, true, "python3", 'S', 1, 33},
    {"spaces", "4711 (tmux: server) R 1 5 6" TAIL "\n", true, "tmux: server", 'R', 1, 33},
    {"hostile comm", "4711 (a) R 1 () S 99 5 6" TAIL, true, "a) R 1 (", 'S', 99, 33},
    {"parentheses", "1 (((()))) R 7 5 6" TAIL, true, "((()))", 'R', 7, 33},
    {"line end in comm", "1 (a\nb) R 7 5 6" TAIL, true, "a\nb", 'R', 7, 33},
    {"empty comm", "1 () R 7 5 6" TAIL, true, "", 'R', 7, 33},
    {"negative fields",
     "1 (x) R 7 -1 -1 0 -1 9 10 11 12 13 140 150 -16 17 -20 0 21 0 2200 23000 240", true, "x", 'R',
     7, 17},
    {"ends at rss", "1 (x) R 7 5 6 7 8 9 10 11 12 13 140 150 16 17 20 0 21 0 2200 23000 240", true,
     "x", 'R', 7, 33},
    {"no rss", "1 (x) R 7 5 6 7 8 9 10 11 12 13 140 150 16 17 20 0 21 0 2200 23000", false, "", 0,
     0, 0},
    {"nothing", "", false, "", 0, 0, 0},
    {"no comm", "4711 python3 S 1 5 6" TAIL, false, "", 0, 0, 0},
    {"open comm", "4711 (python3 S 1 5 6" TAIL, false, "", 0, 0, 0},
    {"closed before it opens", "4711 )python3( S 1 5 6" TAIL, false, "", 0, 0, 0},
    {"ends at comm", "4711 (x)", false, "", 0, 0, 0},
    {"ends before state", "4711 (x) ", false, "", 0, 0, 0},
    {"ends at state", "4711 (x) S", false, "", 0, 0, 0},
    {"no number", "4711 (x) S 1 x 6" TAIL, false, "", 0, 0, 0},
};

static void stat_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(stats); i++) {
        struct pam_stat stat = {.comm = "old"};

        assert_row(stats[i].name, pam_parse_stat(stats[i].text, &stat) == stats[i].good);
        if (!stats[i].good)
            continue;
        assert_row(stats[i].name, !strcmp(stat.comm, stats[i].comm));
        assert_row(stats[i].name, stat.state == stats[i].state);
        assert_row(stats[i].name, stat.parent_pid == stats[i].parent);
        assert_row(stats[i].name, stat.user_ticks == 140 && stat.system_ticks == 150);
        assert_row(stats[i].name, stat.reaped_ticks == stats[i].reaped);
        assert_row(stats[i].name, stat.start_ticks == 2200 && stat.rss_pages == 240);
    }
}

static void a_stat_with_a_long_comm(void **state)
{
    char text[PAM_STAT_BYTES], comm[PAM_COMM_BYTES + 10];
    struct pam_stat stat;

    (void)state;
    for (size_t size = PAM_COMM_BYTES - 2; size < sizeof comm; size++) {
        memset(comm, 'c', sizeof comm);
        comm[size] = '\0';
        (void)snprintf(text, sizeof text, "1 (%s) R 1 5 6" TAIL, comm);
        assert_true(pam_parse_stat(text, &stat));
        assert_int_equal(strlen(stat.comm), size < PAM_COMM_BYTES ? size : PAM_COMM_BYTES - 1);
        assert_int_equal(stat.rss_pages, 240);
    }
}

/* However the text is cut, it is a stat with all fields or none. */
static void a_stat_cut_at_every_byte(void **state)
{
    static const char text[] = "4711 (a) R 1 () S 99 5 6" TAIL;
    const char *rss = strstr(text, " 240");

    (void)state;
    for (size_t cut = 0; cut < sizeof text; cut++) {
        char *exact = strndup(text, cut);
        struct pam_stat stat;

        assert_int_equal(pam_parse_stat(exact, &stat), text + cut >= rss + 2);
        free(exact);
    }
}

static void schedstat_lines(void **state)
{
    static const struct {
        const char *text;
        bool good;
        struct pam_schedstat stat;
    } rows[] = {
        {"123456789 42 7\n", true, {123456789, 42, 7}},
        {"0 0 0", true, {0, 0, 0}},
        {"18446744073709551615 18446744073709551615 18446744073709551615",
         true,
         {UINT64_MAX, UINT64_MAX, UINT64_MAX}},
        {"99999999999999999999999 1 1", true, {UINT64_MAX, 1, 1}},
        {"1 2", false, {0, 0, 0}},
        {"", false, {0, 0, 0}},
        {"x 1 2", false, {0, 0, 0}},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pam_schedstat stat;

        assert_row(rows[i].text, pam_parse_schedstat(rows[i].text, &stat) == rows[i].good);
        if (rows[i].good)
            assert_memory_equal(&stat, &rows[i].stat, sizeof stat);
    }
}

static const struct {
    const char *line;
    bool good;
    uint64_t start, end, offset, inode;
    bool executable, deleted;
    const char *path;
} maps[] = {
    {"55d4f0a00000-55d4f0a28000 r-xp 00028000 fd:01 1573 /usr/bin/python3.11\n", true,
     0x55d4f0a00000, 0x55d4f0a28000, 0x28000, 1573, true, false, "/usr/bin/python3.11"},
    {"55d4f0a00000-55d4f0a28000 rw-p 00000000 00:00 0 \n", true, 0x55d4f0a00000, 0x55d4f0a28000, 0,
     0, false, false, ""},
    {"55d4f0a00000-55d4f0a28000 rw-p 00000000 00:00 0", true, 0x55d4f0a00000, 0x55d4f0a28000, 0, 0,
     false, false, ""},
    {"7ffd5000-7ffd6000 r-xp 00000000 00:00 0                          [vdso]\n", true, 0x7ffd5000,
     0x7ffd6000, 0, 0, true, false, "[vdso]"},
    {"ffffffffff600000-ffffffffff601000 --xp 00000000 00:00 0 [vsyscall]\n", true,
     UINT64_C(0xffffffffff600000), UINT64_C(0xffffffffff601000), 0, 0, true, false, "[vsyscall]"},
    {"1000-2000 r--p 00000000 08:01 9 /tmp/lib.so (deleted)\n", true, 0x1000, 0x2000, 0, 9, false,
     true, "/tmp/lib.so"},
    {"1000-2000 r--p 00000000 08:01 9 /tmp/a b  (deleted) (deleted)\n", true, 0x1000, 0x2000, 0, 9,
     false, true, "/tmp/a b  (deleted)"},
    {"1000-2000 rw-s 00000000 00:01 9 /memfd:x (deleted)\n", true, 0x1000, 0x2000, 0, 9, false,
     true, "/memfd:x"},
    {"1000-2000 r--p 00000000 08:01 9 /tmp/two\\012lines\n", true, 0x1000, 0x2000, 0, 9, false,
     false, "/tmp/two\\012lines"},
    {"1000-1000 r--p 00000000 08:01 9 /x\n", true, 0x1000, 0x1000, 0, 9, false, false, "/x"},
    {"2000-1000 r--p 00000000 08:01 9 /x\n", false, 0, 0, 0, 0, false, false, ""},
    {"1000-2000 r--p 00000000 08:01\n", false, 0, 0, 0, 0, false, false, ""},
    {"1000 2000 r--p 00000000 08:01 9 /x\n", false, 0, 0, 0, 0, false, false, ""},
    {"", false, 0, 0, 0, 0, false, false, ""},
    {"no map at all", false, 0, 0, 0, 0, false, false, ""},
};

static void maps_lines(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(maps); i++) {
        static struct pam_map map;

        assert_row(maps[i].line, pam_parse_map(maps[i].line, &map) == maps[i].good);
        if (!maps[i].good)
            continue;
        assert_row(maps[i].line, map.start == maps[i].start && map.end == maps[i].end);
        assert_row(maps[i].line, map.offset == maps[i].offset && map.inode == maps[i].inode);
        assert_row(maps[i].line, map.executable == maps[i].executable);
        assert_row(maps[i].line, map.deleted == maps[i].deleted);
        assert_row(maps[i].line, !strcmp(map.path, maps[i].path));
    }
}

static void paths_as_long_as_can_be_and_longer(void **state)
{
    static char line[2 * PAM_PATH_BYTES];
    static struct pam_map map;
    const int at = sprintf(line, "1000-2000 r-xp 00000000 08:01 9 ");

    (void)state;
    for (size_t size = PAM_PATH_BYTES - 2; size < PAM_PATH_BYTES + 2; size++) {
        memset(line + at, '/', size);
        line[(size_t)at + size] = '\0';
        assert_int_equal(pam_parse_map(line, &map), size < PAM_PATH_BYTES);
        if (size < PAM_PATH_BYTES)
            assert_int_equal(strlen(map.path), size);
    }
}

#define REST " 00000000:00000000 00:00000000 00000000  1000        0 "

static void socket_lines(void **state)
{
    static const struct {
        const char *line;
        bool good;
        unsigned port;
        bool listening;
        uint64_t inode;
    } rows[] = {
        {"   0: 0100007F:2328 00000000:0000 0A" REST "25837 1 ffff 100 0 0 10 0\n", true, 9000,
         true, 25837},
        {"   1: 0100007F:0016 0200007F:D431 01" REST "99 1 ffff 20 4 30 10 -1\n", true, 22, false,
         99},
        {"  12: 00000000000000000000000001000000:FFFF 00000000000000000000000000000000:0000 0A" REST
         "18446744073709551615 1\n",
         true, 65535, true, UINT64_MAX},
        {"  sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  "
         "timeout"
         " inode\n",
         false, 0, false, 0},
        {"   0: 0100007F 00000000:0000 0A" REST "25837\n", false, 0, false, 0},
        {"   0: 0100007F:2328 00000000:0000 0A", false, 0, false, 0},
        {"   0: 0100007F:2328 00000000:0000 zz" REST "1\n", false, 0, false, 0},
        {"", false, 0, false, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pam_socket socket;

        assert_row(rows[i].line, pam_parse_socket(rows[i].line, &socket) == rows[i].good);
        if (!rows[i].good)
            continue;
        assert_row(rows[i].line, socket.port == rows[i].port);
        assert_row(rows[i].line, socket.listening == rows[i].listening);
        assert_row(rows[i].line, socket.inode == rows[i].inode);
    }
}

static void huge_lines(void **state)
{
    static char line[1 << 20];
    struct pam_socket socket;
    struct pam_stat stat;
    static struct pam_map map;
    uint64_t value;

    (void)state;
    for (const char *byte = "0f:-( )9\n"; *byte; byte++) {
        memset(line, *byte, sizeof line - 1);
        (void)pam_parse_stat(line, &stat);
        (void)pam_parse_map(line, &map);
        assert_false(pam_parse_socket(line, &socket));
        assert_false(pam_parse_key(line, "MemTotal", &value));
    }
}

static void numbers(void **state)
{
    static const struct {
        const char *text;
        int base;
        bool good;
        uint64_t value;
        const char *rest;
    } rows[] = {
        {"0", 10, true, 0, ""},
        {" \t42 43", 10, true, 42, " 43"},
        {"-7 8", 10, true, 0, " 8"},
        {"18446744073709551615", 10, true, UINT64_MAX, ""},
        {"18446744073709551616,", 10, true, UINT64_MAX, ","},
        {"99999999999999999999999999 1", 10, true, UINT64_MAX, " 1"},
        {"12f", 10, true, 12, "f"},
        {"12f", 16, true, 0x12f, ""},
        {"0xFfffffffffffffff 0x1", 16, true, UINT64_MAX, " 0x1"},
        {"0x10", 10, true, 0, "x10"},
        {"0xg", 16, true, 0, "xg"},
        {"x1", 16, false, 0, NULL},
        {"-", 10, false, 0, NULL},
        {"\n1", 10, false, 0, NULL},
        {"", 10, false, 0, NULL},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *at = rows[i].text;
        uint64_t value = 1;

        assert_row(rows[i].text, pam_take_number(&at, rows[i].base, &value) == rows[i].good);
        assert_row(rows[i].text, rows[i].good ? value == rows[i].value : at == rows[i].text);
        if (rows[i].good)
            assert_string_equal(at, rows[i].rest);
    }
}

static void the_pages_in_memory(void **state)
{
    uint64_t pages = 0;

    (void)state;
    assert_true(pam_parse_statm("4096 1234 800 2 0 500 0\n", &pages));
    assert_int_equal(pages, 1234);
    assert_false(pam_parse_statm("4096\n", &pages));
    assert_false(pam_parse_statm("", &pages));
}

static void keys(void **state)
{
    static const char text[] =
        "MemTotal:        8000000 kB\nMemFree:\t123 kB\n\nNoNumber:\nNext:\t5\n"
        "Cpus:\t-1\nPairs:x\nLast: 7";
    static const struct {
        const char *key;
        bool good;
        uint64_t value;
    } rows[] = {
        {"MemTotal", true, 8000000}, {"MemFree", true, 123}, {"Next", true, 5},
        {"Cpus", true, 0},           {"Last", true, 7},      {"Mem", false, 0},
        {"Free", false, 0},          {"Pairs", false, 0},    {"Nothing", false, 0},
        {"NoNumber", false, 0},      {"Last: ", false, 0},
    };
    uint64_t value;

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_row(rows[i].key, pam_parse_key(text, rows[i].key, &value) == rows[i].good);
        if (rows[i].good)
            assert_row(rows[i].key, value == rows[i].value);
    }
    assert_false(pam_parse_key("", "MemTotal", &value));
}

/* A value is looked for in the key's own line. */
static void a_key_without_a_value_has_none(void **state)
{
    uint64_t value = 42;

    (void)state;
    assert_false(pam_parse_key("Key:\n5\n", "Key", &value));
}

static void namespace_ids(void **state)
{
    static const struct {
        const char *name, *text;
        bool good;
        pid_t outer, inner;
    } rows[] = {
        {"one namespace", "Pid:\t7\nNSpid:\t71\nNSpgid:\t3\n", true, 71, 71},
        {"a container", "Pid:\t71\nNSpid:\t71\t5\nNSpgid:\t71\t5\n", true, 71, 5},
        {"three deep", "\nNSpid:\t71\t5\t1\n", true, 71, 1},
        {"no number", "\nNSpid:\t\nNSpgid:\t4\n", false, 0, 0},
        {"an old kernel", "Pid:\t7\n", false, 0, 0},
        {"in a name", "Name:\tNSpid:\t71\t5\n", false, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        pid_t outer = 0, inner = 0;

        assert_row(rows[i].name, pam_parse_namespace_ids(rows[i].text, &outer, &inner) == rows[i].good);
        assert_row(rows[i].name, outer == rows[i].outer && inner == rows[i].inner);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(stat_lines),
        cmocka_unit_test(namespace_ids),
        cmocka_unit_test(a_stat_with_a_long_comm),
        cmocka_unit_test(a_stat_cut_at_every_byte),
        cmocka_unit_test(schedstat_lines),
        cmocka_unit_test(maps_lines),
        cmocka_unit_test(paths_as_long_as_can_be_and_longer),
        cmocka_unit_test(socket_lines),
        cmocka_unit_test(huge_lines),
        cmocka_unit_test(numbers),
        cmocka_unit_test(the_pages_in_memory),
        cmocka_unit_test(keys),
        cmocka_unit_test(a_key_without_a_value_has_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
