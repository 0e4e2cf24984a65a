/* test_gil.c - who holds the GIL and who collects garbage, of a fake target that can be read. */
#include <limits.h>
#include <pthread.h>

#include "rig.h"

#include "unit.h"

static struct rig rig;

static const uint32_t free_threaded[] = {PYTHON_FREE_THREADED | 0x030d, PYTHON_FREE_THREADED | 0x030e};
static const uint32_t versions[] = {0x030b, 0x030c, 0x030d, 0x030e, PYTHON_FREE_THREADED | 0x030d,
                                    PYTHON_FREE_THREADED | 0x030e};

static void set_gil(uint64_t holder, uint64_t locked)
{
    const struct pam_layout *layout = rig.python.layout;

    target_put(&rig.target, rig.python.gil + layout->gil_last_holder, holder, 8);
    target_put(&rig.target, rig.python.gil + layout->gil_locked, locked, 4);
}

/* Of a free-threaded build: INT_MAX for good, a small number while a module is being imported. */
static void set_enabled(uint64_t enabled)
{
    target_put(&rig.target, rig.python.gil + rig.python.layout->gil_enabled, enabled, 4);
}

static void set_stopper(uint64_t tstate)
{
    target_put(&rig.target,
               rig.python.interpreter + rig.python.layout->interp_stopper + 2 * sizeof(pthread_mutex_t),
               tstate, 8);
}

static void set_collecting(uint64_t collecting)
{
    const struct pam_layout *layout = rig.python.layout;

    target_put(&rig.target,
               layout->runtime_collecting ? rig.python.runtime + layout->runtime_collecting
                                          : rig.python.interpreter + layout->interp_collecting,
               collecting, 4);
}

static void begin(uint32_t version)
{
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    if (rig.python.layout->free_threaded)
        set_enabled(INT_MAX);
    rig_add_thread(&rig);
    for (size_t i = 0; i < rig.count; i++)
        python_push(&rig.threads[i], rig_code(&rig, "main"), 1);
}

static void expect(enum pam_gil_state first, enum pam_gil_state second, bool first_collects)
{
    assert_int_equal(rig_read(&rig), 0);
    assert_int_equal(rig.results[0].gil, first);
    assert_int_equal(rig.results[1].gil, second);
    assert_int_equal(rig.results[0].collecting, first_collects);
    assert_false(rig.results[1].collecting);
}

static void its_holder(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        begin(versions[i]);
        set_gil(rig.threads[0].tstate, 0);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        set_gil(rig.threads[0].tstate, 1);
        expect(PAM_GIL_HELD, PAM_GIL_OTHERS, false);
        set_gil(rig.threads[1].tstate, 1);
        expect(PAM_GIL_OTHERS, PAM_GIL_HELD, false);
        set_gil(0, 1); /* being taken for the first time */
        expect(PAM_GIL_OTHERS, PAM_GIL_OTHERS, false);
        set_gil(0, UINT32_MAX);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        rig_done(&rig);
    }
}

/* From 3.12 on another interpreter may have its own, or not. */
static void of_another_interpreter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        const bool one_for_all = versions[i] < 0x030c;

        begin(versions[i]);
        set_gil(rig.threads[0].tstate, 1);
        rig.py[1].interpreter++;
        expect(PAM_GIL_HELD, one_for_all ? PAM_GIL_OTHERS : PAM_GIL_UNKNOWN, false);
        rig_done(&rig);
    }
}

static void who_collects(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        begin(versions[i]);
        set_collecting(1);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        set_gil(rig.threads[0].tstate, 1);
        expect(PAM_GIL_HELD, PAM_GIL_OTHERS, true);
        set_collecting(0);
        expect(PAM_GIL_HELD, PAM_GIL_OTHERS, false);
        rig_done(&rig);
    }
}

/* A disabled GIL has a holder of the past, or none; nobody has it, whatever it says. */
static void without_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(free_threaded); i++) {
        begin(free_threaded[i]);
        set_gil(rig.threads[0].tstate, 1);
        set_enabled(0);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        assert_true(pam_stack_gil(rig.reader)->disabled);
        set_enabled(1);
        expect(PAM_GIL_HELD, PAM_GIL_OTHERS, false);
        assert_false(pam_stack_gil(rig.reader)->disabled);
        rig_done(&rig);
    }
}

/* Who collects has stopped the others, now or in an earlier copy of the same collection; who stops the world for
 * something else does not collect. */
static void who_collects_without_one(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(free_threaded); i++) {
        begin(free_threaded[i]);
        set_enabled(0);
        set_collecting(1);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        set_stopper(rig.threads[0].tstate);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, true);
        set_stopper(0);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, true);
        set_collecting(0);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        set_collecting(1); /* another collection */
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        set_collecting(0);
        set_stopper(rig.threads[0].tstate);
        expect(PAM_GIL_FREE, PAM_GIL_FREE, false);
        rig_done(&rig);
    }
}

static void what_cannot_be_read(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        begin(versions[i]);
        set_gil(rig.threads[0].tstate, 1);
        target_hide(&rig.target, rig.python.gil, 64);
        expect(PAM_GIL_UNKNOWN, PAM_GIL_UNKNOWN, false);
        assert_int_equal(rig.results[0].outcome, PAM_STACK_WHOLE);
        target_show_all(&rig.target);
        expect(PAM_GIL_HELD, PAM_GIL_OTHERS, false);
        rig_done(&rig);
    }
}

/* From 3.12 on the interpreter points to it: there is none yet. */
static void none(void **state)
{
    struct pam_gil gil;

    (void)state;
    begin(0x030c);
    target_put(&rig.target, rig.python.interpreter + rig.python.layout->interp_gil, 0, 8);
    pam_gil_find(&gil, &rig.runtime, &rig.remote);
    assert_int_equal(gil.address, 0);
    assert_false(pam_gil_has_futex(&gil, 0));
    rig_done(&rig);
}

static void hand_over(struct target *target, uint64_t address, unsigned seen)
{
    (void)target;
    if (address == rig.py[0].state.address && seen == 1)
        set_gil(rig.threads[1].tstate, 1);
}

/* It is read between the two copies of the stacks. */
static void the_moment_of_the_stack(void **state)
{
    (void)state;
    begin(0x030b);
    set_gil(rig.threads[0].tstate, 1);
    expect(PAM_GIL_HELD, PAM_GIL_OTHERS, false);
    rig.target.before_piece = hand_over; /* as the second copy begins */
    expect(PAM_GIL_HELD, PAM_GIL_OTHERS, false);
    expect(PAM_GIL_OTHERS, PAM_GIL_HELD, false);
    rig_done(&rig);
}

static void futexes(void **state)
{
    const struct pam_gil gil = {.address = 4096, .bytes = 200};

    (void)state;
    assert_true(pam_gil_has_futex(&gil, 4096));
    assert_true(pam_gil_has_futex(&gil, 4295));
    assert_false(pam_gil_has_futex(&gil, 4296));
    assert_false(pam_gil_has_futex(&gil, 4095));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(its_holder),          cmocka_unit_test(of_another_interpreter),
        cmocka_unit_test(who_collects),
        cmocka_unit_test(without_one),
        cmocka_unit_test(who_collects_without_one),
        cmocka_unit_test(what_cannot_be_read), cmocka_unit_test(none),
        cmocka_unit_test(the_moment_of_the_stack), cmocka_unit_test(futexes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
