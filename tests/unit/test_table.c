/* test_table.c - the converter's hash table, which grows. */
#include "intern.h"

#include "unit.h"

enum { MANY = 100000, LARGE = 1 << 20 };

static void distinct_keys_get_the_next_id(void **state)
{
    struct pam_table table = {0};

    (void)state;
    assert_int_equal(pam_table_id(&table, "one", 3), 0);
    assert_int_equal(pam_table_id(&table, "two", 3), 1);
    assert_int_equal(pam_table_id(&table, "one", 3), 0);
    assert_int_equal(pam_table_id(&table, NULL, 0), 2);
    assert_int_equal(pam_table_id(&table, "", 0), 2);
    assert_int_equal(pam_table_id(&table, "one", 4), 3);
    assert_int_equal(table.count, 4);
    assert_true(bytes_equal(pam_table_key(&table, 1), pam_text("two")));
    assert_int_equal(pam_table_key(&table, 2).size, 0);
    pam_table_done(&table);
}

static void keys_stay_where_they_are(void **state)
{
    struct pam_table table = {0};
    const unsigned char *first;

    (void)state;
    assert_int_equal(pam_table_id(&table, "first", 5), 0);
    first = pam_table_key(&table, 0).data;
    for (uint64_t key = 0; key < MANY; key++)
        assert_int_equal(pam_table_id(&table, &key, sizeof key), key + 1);
    for (uint64_t key = 0; key < MANY; key++) {
        uint64_t kept;

        assert_int_equal(pam_table_id(&table, &key, sizeof key), key + 1);
        memcpy(&kept, pam_table_key(&table, (uint32_t)key + 1).data, sizeof kept);
        assert_true(kept == key);
    }
    assert_ptr_equal(pam_table_key(&table, 0).data, first);
    assert_int_equal(table.count, MANY + 1);
    pam_table_done(&table);
}

/* A key that stood in memory of somebody else may change there afterwards. */
static void keys_are_copied(void **state)
{
    struct pam_table table = {0};
    char key[] = "volatile";

    (void)state;
    assert_int_equal(pam_table_id(&table, key, sizeof key), 0);
    memset(key, 'x', sizeof key);
    assert_int_equal(pam_table_id(&table, "volatile", sizeof key), 0);
    assert_int_equal(pam_table_id(&table, key, sizeof key), 1);
    pam_table_done(&table);
    assert_int_equal(table.count, 0);
    pam_table_done(&table);
    assert_int_equal(pam_table_id(&table, "again", 5), 0);
    pam_table_done(&table);
}

static void one_large_key(void **state)
{
    static unsigned char key[LARGE];
    struct pam_table table = {0};

    (void)state;
    assert_int_equal(pam_table_id(&table, key, sizeof key), 0);
    key[sizeof key - 1] = 1;
    assert_int_equal(pam_table_id(&table, key, sizeof key), 1);
    assert_int_equal(pam_table_key(&table, 1).size, sizeof key);
    pam_table_done(&table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(distinct_keys_get_the_next_id),
        cmocka_unit_test(keys_stay_where_they_are),
        cmocka_unit_test(keys_are_copied),
        cmocka_unit_test(one_large_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
