/* test_place.c - where frames stand in their code when threads of a fake target have copies of its bytecode. */
#include "rig.h"

#include "unit.h"

enum { UNITS = 20, COPIES = 4 };

static struct rig rig;
static uint64_t code, array, copies[COPIES];

/* Two frames of the first thread; the inner one runs a copy of its bytecode. */
static void begin(void)
{
    rig_init(&rig, PYTHON_FREE_THREADED | 0x030e, RIG_CHUNK_BYTES);
    rig_call(&rig, "main", 3);
    code = rig_code(&rig, "work");
    array = target_alloc(&rig.target, 8 + 8 * COPIES);
    target_put(&rig.target, code + rig.python.layout->code_bytecodes, array, 8);
    target_put(&rig.target, array, COPIES, 8);
    for (size_t i = 0; i < COPIES; i++) {
        copies[i] = i ? target_alloc(&rig.target, 2 * UNITS) : code + rig.python.layout->code_first_unit;
        target_put(&rig.target, array + 8 + 8 * i, copies[i], 8);
    }
    (void)python_push(&rig.threads[0], code, 0);
}

/* The inner frame runs that copy and stands at the address. */
static void stand(uint32_t copy, uint64_t address)
{
    const struct pam_layout *layout = rig.python.layout;

    target_put(&rig.target, rig.threads[0].current + layout->frame_bytecode, copy, 4);
    target_put(&rig.target, rig.threads[0].current + layout->frame_instruction, address, 8);
}

static void each_copy(void **state)
{
    (void)state;
    begin();
    for (uint32_t i = 0; i < COPIES; i++) {
        stand(i, copies[i] + 2 * 4);
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:work@5");
        stand(i, copies[i] - 2);
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:work@0");
    }
    rig_done(&rig);
}

static void a_copy_that_is_known_needs_no_further_read(void **state)
{
    uint64_t calls;

    (void)state;
    begin();
    stand(1, copies[1]);
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    calls = rig.remote.calls;
    stand(1, copies[1] + 2);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:work@2");
    assert_int_equal(rig.remote.calls, calls + 1);
    rig_done(&rig);
}

/* A garbage collection freed it, and a new thread has made another. */
static void a_copy_that_was_replaced(void **state)
{
    uint64_t other;

    (void)state;
    begin();
    stand(2, copies[2]);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:work@1");
    other = target_alloc(&rig.target, 2 * UNITS);
    target_put(&rig.target, array + 8 + 8 * 2, other, 8);
    stand(2, other + 2 * 6);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:work@7");
    rig_done(&rig);
}

static void expect_no_leaf(void)
{
    rig_expect(&rig, PAM_STACK_TRUNCATED, "f.py:main@3");
    assert_true(rig.results[0].dropped > 0);
    rig_done(&rig);
}

/* Nothing is guessed of an instruction that is in no copy, and of copies that are none. */
static void what_makes_no_sense(void **state)
{
    const uint32_t numbers[] = {COPIES, 1000000, INT32_MAX, UINT32_MAX, 0x80000000};
    const uint64_t pointers[] = {0, 1, UINT64_MAX - 7, 4097};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        begin();
        stand(numbers[i], copies[1]);
        expect_no_leaf();
    }
    for (size_t i = 0; i < COUNT(pointers); i++) {
        begin();
        stand(1, copies[1]);
        target_put(&rig.target, array + 8 + 8, pointers[i], 8);
        expect_no_leaf();
        begin();
        stand(1, copies[1]);
        target_put(&rig.target, code + rig.python.layout->code_bytecodes, pointers[i], 8);
        expect_no_leaf();
    }
    begin();
    stand(1, copies[1] + 2 * UNITS);
    expect_no_leaf();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_copy),
        cmocka_unit_test(a_copy_that_is_known_needs_no_further_read),
        cmocka_unit_test(a_copy_that_was_replaced),
        cmocka_unit_test(what_makes_no_sense),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
