/* test_native_ids.c - the kernel's ids of threads whose states do not tell them. */
#include "python/native_ids.h"

#include "python.h"
#include "unit.h"

enum {
    SIZE = 8 << 20,
    MAIN = 4000,
    PLACE = 720,           /* of the id in glibc's struct pthread, x86-64 */
    PTHREAD_BYTES = 2304,  /* its size */
    STATES = 5,
};

static struct target target;
static struct pam_remote remote;
static struct python python;
static struct pam_runtime runtime;
static struct pam_native_ids ids;
static struct pam_tstate states[STATES]; /* newest first: the last is the main thread's */
static size_t asked;

/* The process has the threads 4000 to 4009. */
static bool has(pid_t own_tid, void *context)
{
    (void)context;
    asked++;
    return own_tid >= MAIN && own_tid < MAIN + 10;
}

static const struct pam_own_threads own = {MAIN, has, NULL};

static void begin(void)
{
    target_init(&target, &remote, SIZE);
    python_init(&python, &target, &remote, 0x030a);
    runtime = (struct pam_runtime){.layout = python.layout, .interpreter = python.interpreter};
    ids = (struct pam_native_ids){0};
}

/* A thread's struct pthread, with much in it that is no thread id. */
static uint64_t make_pthread(uint32_t tid)
{
    const uint64_t address = target_alloc(&target, PTHREAD_BYTES);

    for (uint64_t at = 0; at < PTHREAD_BYTES; at += 8)
        target_put(&target, address + at, at % 64 ? at : address + at, 8);
    target_put(&target, address + PLACE, tid, 4);
    return address;
}

static void make_states(void)
{
    for (size_t i = 0; i < STATES; i++)
        states[i] = (struct pam_tstate){.ident = make_pthread((uint32_t)(MAIN + STATES - 1 - i)),
                                        .unique_id = STATES - i};
}

/* Forgets what the states were given and reads the last `count` of them. */
static void fill(size_t count)
{
    for (size_t i = 0; i < STATES; i++)
        states[i].tid = 0;
    pam_native_ids_fill(&ids, &remote, &runtime, &own, states + STATES - count, count);
}

static void every_thread_is_found(void **state)
{
    uint64_t calls;

    (void)state;
    begin();
    make_states();
    fill(STATES);
    for (size_t i = 0; i < STATES; i++)
        assert_int_equal(states[i].tid, MAIN + STATES - 1 - i);
    assert_int_equal(ids.place_plus1, 1 + PLACE);
    calls = remote.calls;
    asked = 0;
    fill(STATES);
    assert_int_equal(states[0].tid, MAIN + STATES - 1);
    assert_int_equal(remote.calls, calls + 1); /* all by one read, and nobody is asked */
    assert_int_equal(asked, 0);
    target_done(&target);
}

static void the_main_thread_alone_then_others(void **state)
{
    (void)state;
    begin();
    make_states();
    fill(1);
    assert_int_equal(states[STATES - 1].tid, MAIN);
    assert_false(ids.confirmed);
    fill(2);
    assert_int_equal(states[STATES - 2].tid, MAIN + 1);
    assert_true(ids.confirmed);
    target_done(&target);
}

/* Old glibcs have the process id behind the thread id, in every thread. */
static void the_process_id_is_no_thread_id(void **state)
{
    (void)state;
    begin();
    make_states();
    for (size_t i = 0; i < STATES; i++)
        target_put(&target, states[i].ident + 200, MAIN, 4);
    fill(1);
    assert_int_equal(states[STATES - 1].tid, MAIN);
    fill(3);
    for (size_t i = STATES - 3; i < STATES; i++)
        assert_int_equal(states[i].tid, MAIN + STATES - 1 - i);
    target_done(&target);
}

/* It has the ident of its parent, and so gets its id; who is the older tells them apart. */
static void a_thread_that_starts(void **state)
{
    (void)state;
    begin();
    make_states();
    states[0].ident = states[STATES - 1].ident;
    fill(STATES);
    assert_int_equal(states[0].tid, MAIN);
    assert_int_equal(states[1].tid, MAIN + STATES - 2);
    target_done(&target);
}

static void threads_that_are_gone(void **state)
{
    (void)state;
    begin();
    make_states();
    target_hide(&target, states[1].ident, PTHREAD_BYTES);
    states[2].ident = 0;
    fill(STATES);
    assert_int_equal(states[0].tid, MAIN + STATES - 1);
    assert_int_equal(states[1].tid, 0);
    assert_int_equal(states[2].tid, 0);
    assert_int_equal(states[STATES - 1].tid, MAIN);
    target_done(&target);
}

/* A C library with a small struct pthread, at the end of what is mapped. */
static void a_short_one_at_the_end_of_memory(void **state)
{
    (void)state;
    begin();
    make_states();
    for (size_t i = 0; i < STATES; i++) {
        target_put(&target, states[i].ident + PLACE, 0, 4);
        target_put(&target, states[i].ident + 48, MAIN + STATES - 1 - i, 4);
        target_hide(&target, states[i].ident + 256, PTHREAD_BYTES - 256);
    }
    fill(STATES);
    for (size_t i = 0; i < STATES; i++)
        assert_int_equal(states[i].tid, MAIN + STATES - 1 - i);
    target_done(&target);
}

/* threading._active: {ident: Thread with _native_id}. */
static void make_threading(const uint32_t *native_ids)
{
    const uint64_t module = target_alloc(&target, 64);
    struct python_entry active[STATES], dict, modules;

    for (size_t i = 0; i < STATES; i++) {
        const uint32_t ident[3] = {(uint32_t)(states[i].ident & 0x3fffffff),
                                   (uint32_t)(states[i].ident >> 30 & 0x3fffffff),
                                   (uint32_t)(states[i].ident >> 60)};
        const struct python_entry attribute = {python_str(&python, "_native_id"),
                                               python_int(&python, 1, &native_ids[i])};

        active[i].key = python_int(&python, 2, ident);
        active[i].value = python_instance(&python, python_keys(&python, &attribute, 1, false),
                                          &attribute.value, 1, 0);
    }
    dict = (struct python_entry){python_str(&python, "_active"),
                                 python_dict(&python, active, STATES, true)};
    target_put(&target, module + python.layout->module_dict, python_dict(&python, &dict, 1, false),
               8);
    modules = (struct python_entry){python_str(&python, "threading"), module};
    target_put(&target, python.interpreter + python.layout->interp_modules,
               python_dict(&python, &modules, 1, false), 8);
}

/* Where no struct pthread has them. One is of the parent that the process was forked from. */
static void what_threading_says(void **state)
{
    static const uint32_t native_ids[STATES] = {MAIN + 4, MAIN + 3, MAIN + 2, MAIN + 1, MAIN - 50};

    (void)state;
    begin();
    for (size_t i = 0; i < STATES; i++)
        states[i] = (struct pam_tstate){.ident = make_pthread(7)};
    fill(STATES);
    for (size_t i = 0; i < STATES; i++)
        assert_int_equal(states[i].tid, 0); /* not guessed */
    make_threading(native_ids);
    fill(STATES);
    for (size_t i = 0; i + 1 < STATES; i++)
        assert_int_equal(states[i].tid, native_ids[i]);
    assert_int_equal(states[STATES - 1].tid, 0);
    target_done(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_thread_is_found),
        cmocka_unit_test(the_main_thread_alone_then_others),
        cmocka_unit_test(the_process_id_is_no_thread_id),
        cmocka_unit_test(a_thread_that_starts),
        cmocka_unit_test(threads_that_are_gone),
        cmocka_unit_test(a_short_one_at_the_end_of_memory),
        cmocka_unit_test(what_threading_says),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
