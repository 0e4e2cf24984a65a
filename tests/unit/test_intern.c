/* test_intern.c - the collector's hash table of fixed capacity. */
#include "intern.h"

#include "unit.h"

enum { CAPACITY = 1000 };

static uint32_t id_of(struct pam_intern *intern, const char *key, bool expect_new)
{
    bool is_new;
    const uint32_t id = pam_intern_id(intern, key, strlen(key), &is_new);

    assert_int_equal(is_new, expect_new);
    return id;
}

static void distinct_keys_get_the_next_id(void **state)
{
    struct pam_intern intern;
    bool is_new;

    (void)state;
    assert_true(pam_intern_init(&intern, CAPACITY, 1 << 16));
    assert_int_equal(id_of(&intern, "one", true), 1);
    assert_int_equal(id_of(&intern, "two", true), 2);
    assert_int_equal(id_of(&intern, "one", false), 1);
    assert_int_equal(id_of(&intern, "", true), 3);
    assert_int_equal(pam_intern_id(&intern, NULL, 0, &is_new), 3);
    assert_int_equal(pam_intern_id(&intern, "one\0", 4, &is_new), 4);
    assert_true(is_new);
    assert_int_equal(id_of(&intern, "on", true), 5);
    pam_intern_done(&intern);
}

static void a_full_table_knows_what_it_has(void **state)
{
    struct pam_intern intern;
    bool is_new;

    (void)state;
    assert_true(pam_intern_init(&intern, CAPACITY, CAPACITY * sizeof(uint64_t)));
    for (uint64_t key = 0; key < CAPACITY; key++)
        assert_int_equal(pam_intern_id(&intern, &key, sizeof key, &is_new), key + 1);
    for (uint64_t key = CAPACITY; key < 2 * CAPACITY; key++) {
        assert_int_equal(pam_intern_id(&intern, &key, sizeof key, &is_new), 0);
        assert_false(is_new);
    }
    for (uint64_t key = 0; key < CAPACITY; key++) {
        assert_int_equal(pam_intern_id(&intern, &key, sizeof key, &is_new), key + 1);
        assert_false(is_new);
    }
    pam_intern_done(&intern);
}

static void a_full_arena_still_takes_what_fits(void **state)
{
    struct pam_intern intern;

    (void)state;
    assert_true(pam_intern_init(&intern, CAPACITY, 10));
    assert_int_equal(id_of(&intern, "12345678", true), 1);
    assert_int_equal(id_of(&intern, "abc", false), 0);
    assert_int_equal(id_of(&intern, "ab", true), 2);
    assert_int_equal(id_of(&intern, "c", false), 0);
    assert_int_equal(id_of(&intern, "", true), 3);
    assert_int_equal(id_of(&intern, "12345678", false), 1);
    pam_intern_done(&intern);
}

static void cleared_it_starts_afresh(void **state)
{
    struct pam_intern intern;
    bool is_new;

    (void)state;
    assert_true(pam_intern_init(&intern, CAPACITY, CAPACITY * sizeof(uint64_t)));
    for (unsigned round = 0; round < 3; round++) {
        for (uint64_t key = 0; key < CAPACITY; key++) {
            const uint64_t other = key * 1000 + round;

            assert_int_equal(pam_intern_id(&intern, &other, sizeof other, &is_new), key + 1);
            assert_true(is_new);
        }
        pam_intern_clear(&intern);
        assert_int_equal(intern.count, 0);
    }
    pam_intern_done(&intern);
}

static void done_twice_and_never_begun(void **state)
{
    struct pam_intern intern = {0};

    (void)state;
    pam_intern_done(&intern);
    assert_true(pam_intern_init(&intern, 1, 1));
    pam_intern_done(&intern);
    pam_intern_done(&intern);
    assert_false(pam_intern_init(&intern, 16, SIZE_MAX - 4095));
    assert_null(intern.slots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_keys_get_the_next_id),
        cmocka_unit_test(a_full_table_knows_what_it_has),
        cmocka_unit_test(a_full_arena_still_takes_what_fits),
        cmocka_unit_test(cleared_it_starts_afresh),
        cmocka_unit_test(done_twice_and_never_begun),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
