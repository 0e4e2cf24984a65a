/* test_mode.c - when switch records give way to schedstat, and when they come back. */
#include "mode.h"

#include "unit.h"

static const struct pam_mode_choice calibrated = {
    .free = true, .burst_price_ns = 700, .look_price_ns = 2000};

/* How many reviews it takes until the mode changes; 0: it does not. */
static int reviews(struct pam_mode_choice *choice, uint64_t bursts_a_s, uint64_t looks_a_s, bool records)
{
    const struct pam_mode_costs costs = pam_mode_costs(choice, bursts_a_s, looks_a_s);

    for (int i = 1; i <= 100; i++)
        if (pam_mode_decide(choice, &costs, records))
            return i;
    return 0;
}

static void costs_are_per_second(void **state)
{
    const struct pam_mode_costs costs = pam_mode_costs(&calibrated, 10000, 1500);

    (void)state;
    assert_int_equal(costs.records_ns, 10000 * 1000);
    assert_int_equal(costs.looks_ns, 1500 * 2000);
}

static void records_stay_where_they_are_cheap(void **state)
{
    struct pam_mode_choice choice = calibrated;

    (void)state;
    assert_int_equal(reviews(&choice, 2750, 1500, true), 0); /* PAM that idles */
    assert_int_equal(reviews(&choice, 4600, 1500, true), 0); /* and flies */
    assert_int_equal(reviews(&choice, 4600, 15000, true), 0);
    assert_int_equal(reviews(&choice, 5000, 100, true), 0);  /* not worth it */
    assert_int_equal(reviews(&choice, 30000, 15000, true), 0);
}

static void many_switches_are_not_recorded(void **state)
{
    struct pam_mode_choice choice = calibrated;

    (void)state;
    assert_int_equal(reviews(&choice, 50000, 200, true), 3);
}

static void after_a_change_it_settles(void **state)
{
    struct pam_mode_choice choice = calibrated;

    (void)state;
    assert_int_equal(reviews(&choice, 50000, 200, true), 3);
    assert_int_equal(reviews(&choice, 50000, 200, false), 0);
    choice.agreed = 0;
    assert_int_equal(reviews(&choice, 50000, 200, true), 3);
    assert_int_equal(reviews(&choice, 100, 15000, false), 13);
}

/* Neither way wins where both are about as dear: the mode stays, whichever it is. */
static void between_the_two_nothing_changes(void **state)
{
    struct pam_mode_choice choice = calibrated;

    (void)state;
    for (uint64_t bursts = 16000; bursts <= 58000; bursts += 2000) {
        assert_int_equal(reviews(&choice, bursts, 15000, true), 0);
        assert_int_equal(reviews(&choice, bursts, 15000, false), 0);
    }
}

static void one_busy_second_changes_nothing(void **state)
{
    struct pam_mode_choice choice = calibrated;
    const struct pam_mode_costs busy = pam_mode_costs(&choice, 50000, 200);
    const struct pam_mode_costs calm = pam_mode_costs(&choice, 500, 200);

    (void)state;
    for (int i = 0; i < 100; i++) {
        assert_false(pam_mode_decide(&choice, &busy, true));
        assert_false(pam_mode_decide(&choice, &busy, true));
        assert_false(pam_mode_decide(&choice, &calm, true));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(costs_are_per_second),
        cmocka_unit_test(records_stay_where_they_are_cheap),
        cmocka_unit_test(many_switches_are_not_recorded),
        cmocka_unit_test(after_a_change_it_settles),
        cmocka_unit_test(between_the_two_nothing_changes),
        cmocka_unit_test(one_busy_second_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
