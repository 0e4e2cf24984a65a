/* test_stack.c - stacks of a fake target that can be read: chunks, generators, growth, many
 * threads. */
#include "rig.h"

#include "unit.h"

static struct rig rig;

static const uint32_t versions[] = PYTHON_VERSIONS;

static void whole_stacks_of_each_version(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        rig_init(&rig, versions[i], RIG_CHUNK_BYTES);
        rig_call(&rig, "main", 3);
        rig_call(&rig, "serve", 20);
        rig_call(&rig, "read", 0); /* just called, nothing started yet */
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:serve@20;f.py:read@0");
        assert_int_equal(rig.health.whole, 1);
        assert_int_equal(rig.health.frames_kept, 3);
        assert_int_equal(rig.health.retried + rig.health.frames_dropped + rig.health.failed, 0);
        rig_done(&rig);
    }
}

/* What is in use of the data stack beyond the leaf's frame is that of a Python function; so is what a frame
 * calls that says how much of its own stack is in use. */
static void between_two_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        const struct python_thread *thread = &rig.threads[0];
        const struct pam_layout *layout;

        rig_init(&rig, versions[i], RIG_CHUNK_BYTES);
        layout = rig.python.layout;
        rig_call(&rig, "main", 3);
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3");
        assert_false(rig.results[0].between);
        if (layout->tstate_chunk) {
            target_put(&rig.target, thread->tstate + layout->tstate_chunk_top, thread->top + 96, 8);
            rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3");
            assert_true(rig.results[0].between);
            (void)python_push_heap(&rig.threads[0], rig_code(&rig, "generator"), 2);
            rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:generator@2");
            assert_false(rig.results[0].between);
        }
        if (layout->frame_stack_index && !layout->frame_stack_base) {
            target_put(&rig.target, thread->current + layout->frame_stack_index, 2, 4);
            rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:generator@2");
            assert_true(rig.results[0].between);
        }
        rig_done(&rig);
    }
}

static void a_stack_that_stays_needs_one_call(void **state)
{
    uint64_t calls, stack;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    rig_call(&rig, "main", 3);
    rig_call(&rig, "sleep", 4);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:sleep@4");
    stack = rig.results[0].stack_id;
    calls = rig.remote.calls;
    for (int i = 0; i < 10; i++) {
        rig_expect(&rig, PAM_STACK_WHOLE, NULL);
        assert_int_equal(rig.results[0].stack_id, stack);
    }
    assert_int_equal(rig.remote.calls, calls + 10);
    python_set_unit(&rig.threads[0], rig.threads[0].current, 5);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:sleep@5");
    assert_int_not_equal(rig.results[0].stack_id, stack);
    assert_int_equal(rig.remote.calls, calls + 11);
    rig_done(&rig);
}

static void a_thread_without_a_frame(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        rig_init(&rig, versions[i], RIG_CHUNK_BYTES);
        rig_expect(&rig, PAM_STACK_NO_FRAME, NULL);
        rig_call(&rig, "main", 1);
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@1");
        python_pop(&rig.threads[0]);
        rig_expect(&rig, PAM_STACK_NO_FRAME, NULL);
        assert_int_equal(rig.health.no_frame, 2);
        rig_done(&rig);
    }
}

/* 3.12 and later put a frame that runs no code where C calls Python. */
static void frames_that_run_no_code(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        uint64_t entry;

        if (pam_layout_for(versions[i] << 16, false)->frame_idle_owner > UINT8_MAX)
            continue;
        rig_init(&rig, versions[i], RIG_CHUNK_BYTES);
        rig_call(&rig, "main", 3);
        entry = python_push_heap(&rig.threads[0], rig_code(&rig, "none"), 0);
        target_put(&rig.target, entry + rig.python.layout->frame_owner,
                   rig.python.layout->frame_idle_owner, 1);
        rig_call(&rig, "callback", 4);
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;^f.py:callback@4");
        rig_done(&rig);
    }
}

/* In 3.11 the frame itself tells that C called it; the same place called from Python is another stack. */
static void frames_that_tell_that_c_called_them(void **state)
{
    uint64_t stack;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    rig_call(&rig, "main", 3);
    rig_call(&rig, "callback", 4);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;f.py:callback@4");
    stack = rig.results[0].stack_id;
    target_put(&rig.target, rig.threads[0].current + rig.python.layout->frame_is_entry, 1, 1);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@3;^f.py:callback@4");
    assert_int_not_equal(rig.results[0].stack_id, stack);
    rig_done(&rig);
}

static void stacks_over_several_chunks(void **state)
{
    static const char text[] = "f.py:a@1;f.py:b@2;f.py:c@3;f.py:d@4;f.py:e@5;f.py:f@6;f.py:g@7";

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++)
        for (uint64_t chunk_bytes = 256; chunk_bytes <= 512; chunk_bytes += 64) {
            rig_init(&rig, versions[i], chunk_bytes);
            for (uint64_t frame = 0; frame < 7; frame++) {
                const char name[] = {(char)('a' + frame), '\0'};

                rig_call(&rig, name, frame + 1);
            }
            rig_expect(&rig, PAM_STACK_WHOLE, text);
            rig_done(&rig);
        }
}

/* A large frame gets a chunk of its own size. */
static void a_frame_larger_than_a_chunk(void **state)
{
    (void)state;
    rig_init(&rig, 0x030b, 1024);
    rig_call(&rig, "main", 1);
    python_push(&rig.threads[0], python_code(&rig.python, "large", 20, 5000), 2);
    rig_call(&rig, "leaf", 3);
    rig_expect(&rig, PAM_STACK_WHOLE, "f.py:main@1;f.py:large@2;f.py:leaf@3");
    rig_done(&rig);
}

static void generators_between_functions(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct python_thread *thread = &rig.threads[0];

        rig_init(&rig, versions[i], RIG_CHUNK_BYTES);
        rig_call(&rig, "run", 1);
        rig_call(&rig, "step", 2);
        python_push_heap(thread, rig_code(&rig, "task"), 3);
        python_push_heap(thread, rig_code(&rig, "inner"), 4);
        rig_expect(&rig, PAM_STACK_WHOLE, "f.py:run@1;f.py:step@2;f.py:task@3;f.py:inner@4");
        rig_call(&rig, "read", 5);
        python_push_heap(thread, rig_code(&rig, "lines"), 6);
        rig_expect(&rig, PAM_STACK_WHOLE,
                   "f.py:run@1;f.py:step@2;f.py:task@3;f.py:inner@4;f.py:read@5;f.py:lines@6");
        rig_done(&rig);
    }
}

static unsigned pieces;

static void count_piece(struct target *target, uint64_t address, unsigned seen)
{
    (void)target;
    (void)address;
    (void)seen;
    pieces++;
}

/* What is in one page is one piece, and a page that has gone takes nothing of another one with it. */
static void neighbours_are_copied_as_one(void **state)
{
    enum { COROUTINES = 44, FRAMES_A_PAGE = 8, PAGE_BYTES = 4096 };
    struct python_thread *const thread = &rig.threads[0];
    uint64_t code, frames[COROUTINES];
    unsigned left = COROUTINES / 2;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    rig_call(&rig, "run", 1);
    code = rig_code(&rig, "task");
    for (unsigned i = 0; i < COROUTINES; i++)
        frames[i] = python_push_heap(thread, code, 2);
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    rig.target.before_piece = count_piece;
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    assert_int_equal(rig.py[0].depth, COROUTINES + 1);
    /* both copies: of its state, C frame and chunk, too; and there are lists and the GIL */
    assert_true(pieces <= 2 * (COROUTINES / FRAMES_A_PAGE + 2 + 3) + 6);
    while (frames[left - 1] / PAGE_BYTES == frames[left] / PAGE_BYTES)
        left++;
    for (unsigned i = left; i < COROUTINES; i++)
        python_pop(thread);
    target_hide(&rig.target, frames[left] / PAGE_BYTES * PAGE_BYTES,
                frames[COROUTINES - 1] - frames[left] + PAGE_BYTES);
    rig.health.retried = 0;
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    assert_int_equal(rig.py[0].depth, left + 1);
    assert_int_equal(rig.health.retried, 0);
    rig_done(&rig);
}

/* An event loop that runs ever other coroutines: what no walk meets is forgotten. */
static void coroutines_come_and_go(void **state)
{
    struct python_thread *thread = &rig.threads[0];

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    rig_call(&rig, "run", 1);
    for (uint64_t i = 0; i < 300; i++) {
        python_push_heap(thread, rig_code(&rig, "task"), 2);
        rig_expect(&rig, PAM_STACK_WHOLE, i % 50 ? NULL : "f.py:run@1;f.py:task@2");
        python_pop(thread);
        assert_true(rig.py[0].heap_count < 32);
    }
    rig_done(&rig);
}

static void a_stack_that_grows_and_shrinks(void **state)
{
    const uint64_t code = (rig_init(&rig, 0x030b, 4096), rig_code(&rig, "r"));
    uint64_t random = 1;
    size_t depth = 0;

    (void)state;
    for (unsigned i = 0; i < 500; i++) {
        size_t wanted;

        random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
        wanted = (random >> 40) % (i % 10 ? 20 : 300);
        for (; depth < wanted; depth++)
            python_push(&rig.threads[0], code, 2);
        for (; depth > wanted; depth--)
            python_pop(&rig.threads[0]);
        rig_expect(&rig, depth ? PAM_STACK_WHOLE : PAM_STACK_NO_FRAME, NULL);
        assert_int_equal(rig.py[0].depth, depth);
    }
    rig_done(&rig);
}

/* As deep as the collector goes, in chunks or all in coroutines. */
static void the_deepest_stack(void **state)
{
    (void)state;
    for (int on_heap = 0; on_heap <= 1; on_heap++) {
        const size_t depth = on_heap ? PAM_MAX_HEAP_FRAMES : PAM_MAX_DEPTH;
        const uint64_t code = (rig_init(&rig, 0x030b, RIG_CHUNK_BYTES), rig_code(&rig, "r"));

        for (size_t i = 0; i < depth; i++)
            (void)(on_heap ? python_push_heap : python_push)(&rig.threads[0], code, 2);
        rig_expect(&rig, PAM_STACK_WHOLE, NULL);
        assert_int_equal(rig.py[0].depth, depth);
        assert_int_equal(rig.health.frames_kept, depth);
        rig_done(&rig);
    }
}

static void many_threads_need_one_call(void **state)
{
    uint64_t calls;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    while (rig.count < RIG_THREADS)
        rig_add_thread(&rig);
    for (size_t i = 0; i < rig.count; i++) {
        python_push(&rig.threads[i], rig_code(&rig, "main"), 1);
        python_push(&rig.threads[i], rig_code(&rig, i % 2 ? "odd" : "even"), i % 20);
    }
    assert_int_equal(rig_read(&rig), 0);
    calls = rig.remote.calls;
    assert_int_equal(rig_read(&rig), 0);
    assert_int_equal(rig.remote.calls, calls + 1);
    for (size_t i = 0; i < rig.count; i++)
        assert_int_equal(rig.results[i].outcome, PAM_STACK_WHOLE);
    rig_expect_stack(&rig, rig.results[0].stack_id, "f.py:main@1;f.py:even@0");
    rig_expect_stack(&rig, rig.results[7].stack_id, "f.py:main@1;f.py:odd@7");
    rig_expect_stack(&rig, rig.results[63].stack_id, "f.py:main@1;f.py:odd@3");
    assert_int_equal(rig.health.whole, 2 * RIG_THREADS);
    rig_done(&rig);
}

/* Threads with so much memory that one call cannot take them all. */
static void more_threads_than_one_call_takes(void **state)
{
    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    while (rig.count < 12)
        rig_add_thread(&rig);
    for (size_t i = 0; i < rig.count; i++) {
        const uint64_t code = python_code(&rig.python, "large", 20, 8000); /* 64 KB a frame */

        for (unsigned depth = 0; depth < 50; depth++)
            python_push(&rig.threads[i], code, 1);
        python_push(&rig.threads[i], rig_code(&rig, "leaf"), i);
    }
    for (int round = 0; round < 3; round++) {
        assert_int_equal(rig_read(&rig), 0);
        for (size_t i = 0; i < rig.count; i++) {
            assert_int_equal(rig.results[i].outcome, PAM_STACK_WHOLE);
            assert_int_equal(rig.py[i].depth, 51);
        }
    }
    rig_done(&rig);
}

static void the_list_of_threads_is_read_along(void **state)
{
    const struct pam_thread_list *list;

    (void)state;
    rig_init(&rig, 0x030b, RIG_CHUNK_BYTES);
    rig_call(&rig, "main", 1);
    target_put(&rig.target, rig.python.interpreter + rig.python.layout->interp_next_thread_id, 42,
               8);
    target_put(&rig.target, rig.python.interpreter + rig.python.layout->interp_threads_head, 4096,
               8);
    rig_expect(&rig, PAM_STACK_WHOLE, NULL);
    list = pam_stack_thread_list(rig.reader);
    assert_true(list->of[0][0] == 42 && list->of[0][1] == 4096 &&
                list->interpreters[0] == rig.python.interpreter);
    rig_done(&rig);
}

/* A thread that entered another interpreter has a state there too: the stack goes on in it. */
static void a_stack_that_goes_on_in_another_interpreter(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        rig_init(&rig, versions[i], RIG_CHUNK_BYTES);
        rig_add_thread(&rig);
        rig_add_thread(&rig);
        rig.py[1].is_inner = true;
        rig_call(&rig, "main", 3);
        rig_expect(&rig, PAM_STACK_WHOLE, NULL); /* nothing runs there */
        rig_expect_stack(&rig, rig.results[1].stack_id, "f.py:main@3");
        (void)python_push(&rig.threads[1], rig_code(&rig, "entered"), 2);
        (void)python_push(&rig.threads[2], rig_code(&rig, "apart"), 2);
        for (int again = 0; again < 2; again++) {
            rig_expect(&rig, PAM_STACK_WHOLE, NULL);
            assert_int_equal(rig.results[1].outcome, PAM_STACK_WHOLE);
            rig_expect_stack(&rig, rig.results[1].stack_id, "f.py:main@3;f.py:entered@2");
            rig_expect_stack(&rig, rig.results[2].stack_id, "f.py:apart@2");
        }
        python_set_unit(&rig.threads[0], rig.threads[0].current, 5); /* entered again, from elsewhere */
        rig_expect(&rig, PAM_STACK_WHOLE, NULL);
        rig_expect_stack(&rig, rig.results[1].stack_id, "f.py:main@5;f.py:entered@2");
        python_pop(&rig.threads[1]);
        rig_expect(&rig, PAM_STACK_WHOLE, NULL);
        rig_expect_stack(&rig, rig.results[1].stack_id, "f.py:main@5");
        assert_int_equal(rig.health.whole + rig.health.no_frame, 2 * 5); /* two threads, five times */
        assert_int_equal(rig.health.whole, 2 * 5 - 1);
        target_put(&rig.target, rig.threads[1].tstate + rig.python.layout->tstate_unique_id, 9, 8);
        rig_expect(&rig, PAM_STACK_WHOLE, NULL); /* it has left, and its state is another's */
        assert_true(rig.results[1].gone && rig.results[1].outcome == PAM_STACK_WHOLE);
        rig_expect_stack(&rig, rig.results[1].stack_id, "f.py:main@5");
        rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(whole_stacks_of_each_version),
        cmocka_unit_test(between_two_functions),
        cmocka_unit_test(a_stack_that_stays_needs_one_call),
        cmocka_unit_test(a_thread_without_a_frame),
        cmocka_unit_test(frames_that_run_no_code),
        cmocka_unit_test(a_stack_that_goes_on_in_another_interpreter),
        cmocka_unit_test(frames_that_tell_that_c_called_them),
        cmocka_unit_test(stacks_over_several_chunks),
        cmocka_unit_test(a_frame_larger_than_a_chunk),
        cmocka_unit_test(generators_between_functions),
        cmocka_unit_test(neighbours_are_copied_as_one),
        cmocka_unit_test(coroutines_come_and_go),
        cmocka_unit_test(a_stack_that_grows_and_shrinks),
        cmocka_unit_test(the_deepest_stack),
        cmocka_unit_test(many_threads_need_one_call),
        cmocka_unit_test(more_threads_than_one_call_takes),
        cmocka_unit_test(the_list_of_threads_is_read_along),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
