/* test_bounds.c - targets that lead on and on: what one look at them costs has an end. */
#include "python/threads.h"
#include "rig.h"

#include "unit.h"

enum {
    CALL_LIMIT = 140000, /* of any look: below it, 0.2 s */
    STACK_LIMIT = 51000, /* of one look at the stacks of all threads */
};

static struct rig rig;

static uint64_t text(const char *ascii)
{
    return python_str(&rig.python, ascii);
}

/* A tuple of names each of which has to be read for itself, as it stands at the end of what is mapped. */
static uint64_t names_one_by_one(size_t count)
{
    const uint64_t gap = target_alloc(&rig.target, 16), name = gap - 16;
    uint64_t *const items = calloc(count, sizeof *items);
    uint64_t tuple;

    assert_non_null(items);
    for (size_t i = 0; i < count; i++)
        items[i] = name - 48;
    target_hide(&rig.target, gap, 8);
    tuple = python_tuple(&rig.python, items, count);
    free(items);
    return tuple;
}

static void many_codes_of_many_names(void **state)
{
    enum { CODES = 200 };
    uint64_t calls, names;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    (void)text("x");
    names = names_one_by_one(PAM_MAX_TUPLE);
    for (size_t i = 0; i < CODES; i++) {
        const uint64_t code = rig_code(&rig, "f");

        target_put(&rig.target, code + rig.python.layout->code_names, names, 8);
        target_put(&rig.target, code + rig.python.layout->code_local_names, names, 8);
        python_push(&rig.threads[0], code, 1);
    }
    calls = rig.remote.calls;
    assert_int_equal(rig_read(&rig), 0);
    assert_true(rig.remote.calls - calls < STACK_LIMIT);
    assert_int_equal(rig.health.whole, 0);
    assert_int_equal(rig.health.truncated + rig.health.failed, 1);
    for (int i = 0; i < CODES && rig.results[0].outcome != PAM_STACK_WHOLE; i++)
        assert_int_equal(rig_read(&rig), 0); /* what was learnt stays: at last it is whole */
    assert_int_equal(rig.results[0].outcome, PAM_STACK_WHOLE);
    rig_done(&rig);
}

static void threads_that_all_lead_on(void **state)
{
    uint64_t calls;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    while (rig.count < RIG_THREADS)
        rig_add_thread(&rig);
    for (size_t i = 0; i < rig.count; i++) {
        struct python_thread *thread = &rig.threads[i];
        const uint64_t code = rig_code(&rig, "f");

        for (size_t depth = 0; depth < 1000; depth++)
            python_push_heap(thread, code, 1);
        target_put(&rig.target, thread->current + rig.python.layout->frame_previous, thread->current, 8);
    }
    calls = rig.remote.calls;
    assert_int_equal(rig_read(&rig), 0);
    assert_true(rig.remote.calls - calls < STACK_LIMIT);
    assert_int_equal(rig.health.truncated + rig.health.failed, RIG_THREADS);
    rig_done(&rig);
}

static void a_list_of_threads_in_a_circle(void **state)
{
    enum { COUNT_OF_THREADS = 40 };
    struct pam_tstate states[COUNT_OF_THREADS];
    size_t count;

    (void)state;
    for (size_t back = 0; back < COUNT_OF_THREADS; back++) { /* the last one leads to any of them */
        uint64_t head, calls;

        rig_init(&rig, 0x030c, RIG_CHUNK_BYTES);
        while (rig.count < COUNT_OF_THREADS)
            rig_add_thread(&rig);
        head = rig.python.interpreter + rig.python.layout->interp_threads_head;
        for (size_t i = 0; i < COUNT_OF_THREADS; i++) {
            target_put(&rig.target, rig.threads[i].tstate + rig.python.layout->tstate_next,
                       target_get(&rig.target, head, 8), 8);
            target_put(&rig.target, head, rig.threads[i].tstate, 8);
        }
        assert_int_equal(pam_tstates_list(&rig.remote, &rig.runtime, states, COUNT_OF_THREADS, &count), PAM_LISTED);
        assert_int_equal(count, COUNT_OF_THREADS);
        target_put(&rig.target, rig.threads[0].tstate + rig.python.layout->tstate_next,
                   rig.threads[back].tstate, 8);
        calls = rig.remote.calls;
        assert_int_equal(pam_tstates_list(&rig.remote, &rig.runtime, states, COUNT_OF_THREADS, &count),
                         PAM_LIST_ENDLESS);
        assert_true(rig.remote.calls - calls <= 4 * COUNT_OF_THREADS);
        rig_done(&rig);
    }
}

static void a_list_of_threads_without_end(void **state)
{
    enum { MOST = 1 << 17 };
    struct pam_tstate states[8];
    uint64_t next = 0, oldest = 0, calls;
    size_t count;

    (void)state;
    rig_init(&rig, 0x030c, RIG_CHUNK_BYTES);
    for (size_t i = 0; i <= MOST; i++) {
        const uint64_t tstate = target_alloc(&rig.target, rig.python.layout->tstate_bytes);

        target_put(&rig.target, tstate + rig.python.layout->tstate_interp, rig.python.interpreter, 8);
        target_put(&rig.target, tstate + rig.python.layout->tstate_next, next, 8);
        next = tstate;
        if (i == 1)
            oldest = tstate; /* of those that are counted */
    }
    target_put(&rig.target, rig.python.interpreter + rig.python.layout->interp_threads_head, next, 8);
    calls = rig.remote.calls;
    assert_int_equal(pam_tstates_list(&rig.remote, &rig.runtime, states, COUNT(states), &count), PAM_LISTED);
    assert_int_equal(count, MOST);
    assert_int_equal(states[0].address, next);
    assert_int_equal(states[COUNT(states) - 1].address, oldest);
    assert_true(rig.remote.calls - calls < CALL_LIMIT);
    rig_done(&rig);
}

static bool count_names(const struct pam_thread_name *name, void *context)
{
    (void)name;
    ++*(size_t *)context;
    return true;
}

/* threading._active has very many threads, each of very many attributes, and none is the name. */
static void threads_of_many_attributes(void **state)
{
    enum { THREADS = 2000, ATTRIBUTES = 2000 };
    static struct python_entry entries[ATTRIBUTES];
    static uint64_t values[ATTRIBUTES];
    struct pam_thread_names names;
    uint32_t digit = 1;
    uint64_t keys, thread, calls;
    size_t named = 0;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    for (size_t i = 0; i < ATTRIBUTES; i++) {
        values[i] = text("value");
        entries[i] = (struct python_entry){values[i], values[i]};
    }
    keys = python_keys(&rig.python, entries, ATTRIBUTES, false);
    thread = python_instance(&rig.python, keys, values, ATTRIBUTES, 0);
    for (size_t i = 0; i < THREADS; i++)
        entries[i] = (struct python_entry){python_int(&rig.python, 1, &digit), thread};
    names = (struct pam_thread_names){
        .heap = rig.python.heap,
        .runtime = &rig.runtime,
        .active = python_dict(&rig.python, entries, THREADS, true),
    };
    calls = rig.remote.calls;
    pam_thread_names_each(&names, count_names, &named);
    assert_true(rig.remote.calls - calls < CALL_LIMIT);
    assert_int_equal(named, 0);
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(many_codes_of_many_names),
        cmocka_unit_test(threads_that_all_lead_on),
        cmocka_unit_test(a_list_of_threads_in_a_circle),
        cmocka_unit_test(a_list_of_threads_without_end),
        cmocka_unit_test(threads_of_many_attributes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
