/* test_search.c - where in a sorted array a number belongs. */
#include <pam/search.h>

#include "unit.h"

struct element {
    uint32_t other; /* so that the number has an offset */
    uint64_t number;
};

static size_t above(const struct element *elements, size_t count, uint64_t value)
{
    return pam_first_above(elements, count, sizeof *elements, offsetof(struct element, number), value);
}

static void an_array_of_nothing(void **state)
{
    (void)state;
    assert_int_equal(above(NULL, 0, 0), 0);
    assert_int_equal(above(NULL, 0, UINT64_MAX), 0);
}

/* Of every length, for every number in, between and around the elements. */
static void every_place(void **state)
{
    enum { MOST = 40 };
    struct element elements[MOST];

    (void)state;
    for (uint64_t i = 0; i < MOST; i++)
        elements[i] = (struct element){.other = UINT32_MAX, .number = 10 * (i + 1)};
    for (size_t count = 1; count <= MOST; count++)
        for (uint64_t value = 0; value <= 10 * (MOST + 1); value++) {
            const size_t expected = value / 10;

            assert_int_equal(above(elements, count, value), expected < count ? expected : count);
        }
}

static void equal_and_extreme_numbers(void **state)
{
    static const struct element elements[] = {{0, 0}, {0, 0}, {0, 7}, {0, 7}, {0, 7}, {0, UINT64_MAX}};

    (void)state;
    assert_int_equal(above(elements, COUNT(elements), 0), 2);
    assert_int_equal(above(elements, COUNT(elements), 6), 2);
    assert_int_equal(above(elements, COUNT(elements), 7), 5);
    assert_int_equal(above(elements, COUNT(elements), UINT64_MAX - 1), 5);
    assert_int_equal(above(elements, COUNT(elements), UINT64_MAX), COUNT(elements));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_array_of_nothing),
        cmocka_unit_test(every_place),
        cmocka_unit_test(equal_and_extreme_numbers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
