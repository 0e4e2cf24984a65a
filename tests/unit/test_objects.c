/* test_objects.c - Python objects, whole and broken, out of a fake target of each version. */
#include "python.h"

#include "unit.h"

enum { SIZE = 1 << 20 };

static struct target target;
static struct pam_remote remote;
static struct python python;

static const uint32_t versions[] = PYTHON_VERSIONS;

static void begin(uint32_t version)
{
    target_init(&target, &remote, SIZE);
    python_init(&python, &target, &remote, version);
}

static void end(void)
{
    target_done(&target);
}

static void check_str(uint64_t str, const char *expected)
{
    char text[256];
    size_t size = 999;

    assert_true(pam_read_str(&python.heap, str, text, sizeof text, &size));
    assert_int_equal(size, strlen(expected));
    assert_memory_equal(text, expected, size);
}

static void strs_of_every_kind(void **state)
{
    static const unsigned char latin[] = {'f', 0xfc, 'r', 0x80, 0xff};
    static const uint16_t wide[] = {'x', 0x65e5, 0x7ff, 0x800, 0xfffd, 0xffff};
    static const uint32_t wider[] = {'x', 0x1f681, 0x10ffff, 0xffff, 0x10000};

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        begin(versions[i]);
        check_str(python_str(&python, "main"), "main");
        check_str(python_str(&python, ""), "");
        check_str(python_wide_str(&python, 1, latin, COUNT(latin)), "f\u00fcr\xc2\x80\u00ff");
        check_str(python_wide_str(&python, 2, wide, COUNT(wide)),
                  "x\u65e5\u07ff\u0800\ufffd\uffff");
        check_str(python_wide_str(&python, 4, wider, COUNT(wider)),
                  "x\U0001f681\U0010ffff\uffff\U00010000");
        end();
    }
}

static void characters_that_are_none(void **state)
{
    static const uint16_t surrogates[] = {0xd800, 'a', 0xdfff, 0xdc00, 0xd83d, 0xde81};
    static const uint32_t beyond[] = {0x110000, 0xffffffff, 0xd800, 0x7fffffff};

    (void)state;
    begin(0x030b);
    check_str(python_wide_str(&python, 2, surrogates, COUNT(surrogates)),
              "\ufffda\ufffd\ufffd\ufffd\ufffd");
    check_str(python_wide_str(&python, 4, beyond, COUNT(beyond)), "\ufffd\ufffd\ufffd\ufffd");
    end();
}

/* Text is cut between characters, and nothing is written behind the room. */
static void strs_larger_than_the_room(void **state)
{
    static const uint16_t wide[] = {0x65e5, 0x672c, 'x'};
    static const size_t kept[] = {0, 0, 0, 3, 3, 3, 6, 7, 7};
    uint64_t str;

    (void)state;
    begin(0x030b);
    str = python_wide_str(&python, 2, wide, COUNT(wide));
    for (size_t room = 0; room < COUNT(kept); room++) {
        char *text = malloc(room + 1);
        size_t size;

        assert_non_null(text);
        text[room] = '#';
        assert_true(pam_read_str(&python.heap, str, text, room, &size));
        assert_int_equal(size, kept[room]);
        assert_int_equal(text[room], '#');
        free(text);
    }
    end();
}

static void strs_larger_than_any_name(void **state)
{
    static char ascii[10000], text[10000];
    uint64_t str;
    size_t size;

    (void)state;
    begin(0x030b);
    memset(ascii, 'n', sizeof ascii - 1);
    str = python_str(&python, ascii);
    assert_true(pam_read_str(&python.heap, str, text, sizeof text, &size));
    assert_int_equal(size, 4096);
    target_put(&target, str + python.layout->str_length, UINT64_MAX, 8);
    assert_true(pam_read_str(&python.heap, str, text, sizeof text, &size));
    assert_int_equal(size, 4096);
    end();
}

static void garbage_instead_of_a_str(void **state)
{
    static const uint64_t pointers[] = {
        0,         1, 8, 4096, 0x7f0000000001, UINT64_C(1) << 55, UINT64_C(1) << 56, UINT64_MAX - 7,
        UINT64_MAX};
    char text[64];
    size_t size;

    (void)state;
    begin(0x030b);
    for (size_t i = 0; i < COUNT(pointers); i++)
        assert_false(pam_read_str(&python.heap, pointers[i], text, sizeof text, &size));
    for (uint32_t kinds = 0; kinds < 256; kinds++) {
        const uint64_t str = python_str(&python, "main");
        const bool good = (kinds & 1u << 5) &&
                          ((kinds >> 2 & 7) == 1 || (kinds >> 2 & 7) == 2 || (kinds >> 2 & 7) == 4);

        target_put(&target, str + python.layout->str_state, kinds, 4);
        assert_int_equal(pam_read_str(&python.heap, str, text, sizeof text, &size), good);
    }
    end();
}

/* The characters of a short str need not be followed by readable memory. */
static void a_str_at_the_end_of_memory(void **state)
{
    (void)state;
    begin(0x030b);
    const uint64_t str = python_str(&python, "ab");

    target_hide(&target, str + python.layout->str_ascii_data + 3, 4096);
    check_str(str, "ab");
    end();
}

static void bytes_objects(void **state)
{
    static unsigned char bytes[300], out[300];
    size_t size;

    (void)state;
    for (size_t i = 0; i < sizeof bytes; i++)
        bytes[i] = (unsigned char)i;
    for (size_t version = 0; version < COUNT(versions); version++) {
        begin(versions[version]);
        for (size_t length = 0; length <= sizeof bytes; length += 100) {
            const uint64_t object = python_bytes(&python, bytes, length);

            assert_true(pam_read_bytes(&python.heap, object, out, length, &size));
            assert_int_equal(size, length);
            assert_memory_equal(out, bytes, length);
            if (length)
                assert_false(pam_read_bytes(&python.heap, object, out, length - 1, &size));
            target_put(&target, object + python.layout->bytes_size, UINT64_MAX, 8);
            assert_false(pam_read_bytes(&python.heap, object, out, sizeof out, &size));
            assert_int_equal(size, 0);
        }
        assert_false(pam_read_bytes(&python.heap, 0, out, sizeof out, &size));
        end();
    }
}

static uint64_t tuple_of(const char *const *names, size_t count)
{
    uint64_t items[200];

    for (size_t i = 0; i < count; i++)
        items[i] = python_str(&python, names[i]);
    return python_tuple(&python, items, count);
}

static void tuples_of_names(void **state)
{
    static const char *const names[] = {"self", "", "client", "get"};
    static const char joined[] = "self\0\0client\0get";
    char out[64];
    size_t size;

    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++) {
        begin(versions[version]);
        assert_true(pam_read_names(&python.heap, tuple_of(names, 4), out, sizeof joined, &size));
        assert_int_equal(size, sizeof joined);
        assert_memory_equal(out, joined, sizeof joined);
        assert_true(pam_read_names(&python.heap, tuple_of(names, 0), out, sizeof out, &size));
        assert_int_equal(size, 0);
        end();
    }
}

static void a_tuple_of_many_names(void **state)
{
    static const char *names[200];
    static char out[1000];
    uint64_t tuple;
    size_t size;

    (void)state;
    begin(0x030b);
    for (size_t i = 0; i < COUNT(names); i++)
        names[i] = i % 2 ? "ab" : "xyz";
    tuple = tuple_of(names, COUNT(names));
    assert_true(pam_read_names(&python.heap, tuple, out, sizeof out, &size));
    assert_int_equal(size, 700);
    for (size_t i = 0; i < 700; i += 7)
        assert_memory_equal(out + i, "xyz\0ab", 7);
    target_put(&target, tuple + python.layout->tuple_size, PAM_MAX_TUPLE + 1, 8);
    assert_false(pam_read_names(&python.heap, tuple, out, sizeof out, &size));
    target_put(&target, tuple + python.layout->tuple_size, 200, 8);
    target_put(&target, tuple + python.layout->tuple_items + 8 * 150, 12345, 8);
    assert_false(pam_read_names(&python.heap, tuple, out, sizeof out, &size));
    assert_int_equal(size, 0);
    end();
}

/* objects.h: "false when they need more than `room`"; no name is cut. */
static void names_that_need_more_than_the_room(void **state)
{
    static const char *const names[] = {"abc", "defgh"};
    char out[16];
    uint64_t tuple;
    size_t size;

    (void)state;
    begin(0x030b);
    tuple = tuple_of(names, 2);
    assert_true(pam_read_names(&python.heap, tuple, out, 10, &size));
    for (size_t room = 0; room < 10; room++)
        if (pam_read_names(&python.heap, tuple, out, room, &size))
            fail_msg("room for %zu of 10 bytes: got %.*s", room, (int)size, out);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(strs_of_every_kind),
        cmocka_unit_test(characters_that_are_none),
        cmocka_unit_test(strs_larger_than_the_room),
        cmocka_unit_test(strs_larger_than_any_name),
        cmocka_unit_test(garbage_instead_of_a_str),
        cmocka_unit_test(a_str_at_the_end_of_memory),
        cmocka_unit_test(bytes_objects),
        cmocka_unit_test(tuples_of_names),
        cmocka_unit_test(a_tuple_of_many_names),
        cmocka_unit_test(names_that_need_more_than_the_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
