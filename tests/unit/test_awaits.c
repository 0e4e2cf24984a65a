/* test_awaits.c - what tasks wait for: chains of awaits in a target that stands still, moves, or lies. */
#include "python/task_list.h"

#include "unit.h"
#include "waiting.h"

static const uint32_t versions[] = PYTHON_VERSIONS;

static void a_chain_down_to_a_future(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        uint64_t future, inner, outer;

        begin(versions[i]);
        future = object(asyncio.future_type, 0);
        inner = waiting("inner", object(asyncio.iterator_type, future));
        outer = waiting("outer", inner);
        assert_int_equal(follow(task_of(outer, future)), PAM_AWAITS_FOLLOWED);
        assert_int_equal(awaits[0].state, PAM_TASK_WAITS);
        assert_int_equal(awaits[0].depth, 2);
        assert_int_equal(awaits[0].chain[0].object, outer);
        assert_int_equal(awaits[0].chain[1].object, inner);
        assert_int_equal(awaits[0].end, future);
        assert_int_equal(awaits[0].end_type, asyncio.future_type);
        rig_done(&rig);
    }
}

static void states(void **state)
{
    uint64_t coroutine, future;

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        begin(versions[i]);
        coroutine = asyncio_coroutine(&asyncio, rig_code(&rig, "new"));
        assert_int_equal(follow(task_of(coroutine, 0)), PAM_AWAITS_FOLLOWED);
        assert_int_equal(awaits[0].state, PAM_TASK_NOT_STARTED);
        assert_int_equal(awaits[0].depth, 1);
        rig_done(&rig);
    }
    begin(0x030c);
    coroutine = asyncio_coroutine(&asyncio, rig_code(&rig, "new"));
    rig_call(&rig, "run", 1);
    (void)asyncio_resume(&asyncio, &rig.threads[0], coroutine, 2);
    assert_int_equal(follow(task_of(coroutine, 0)), PAM_AWAITS_FOLLOWED);
    assert_int_equal(awaits[0].state, PAM_TASK_RUNS);
    assert_int_equal(awaits[0].depth, 0);
    future = object(asyncio.future_type, 0);
    coroutine = waiting("ready", object(asyncio.iterator_type, future));
    assert_int_equal(follow(task_of(coroutine, 0)), PAM_AWAITS_FOLLOWED);
    assert_int_equal(awaits[0].state, PAM_TASK_READY);
    rig_done(&rig);
}

/* The instruction behind the one at which waiting() leaves a coroutine. */
static void put_next_unit(uint64_t coroutine, uint32_t opcode, uint32_t argument)
{
    const struct pam_layout *layout = rig.python.layout;
    const uint64_t code =
        target_get(&rig.target, asyncio_frame(&asyncio, coroutine) + layout->frame_code, 8);
    const uint64_t units = layout->code_bytes
                               ? target_get(&rig.target, code + layout->code_bytes, 8) + layout->bytes_data
                               : code + layout->code_first_unit;

    target_put(&rig.target, units + 2 * (uint64_t)5, opcode, 1);
    target_put(&rig.target, units + 2 * (uint64_t)5 + 1, argument, 1);
}

/* A generator says since 3.13 whether it is in a `yield from`; before, the next instruction does. What it
 * awaits is not told when it is in a `yield`; then the task tells what it waits for. */
static void generators(void **state)
{
    (void)state;
    for (size_t i = 0; i < 2 * COUNT(versions); i++) {
        const bool delegates = i % 2;
        uint64_t future, generator;

        begin(versions[i / 2]);
        future = object(asyncio.future_type, 0);
        generator = waiting("generator", object(asyncio.iterator_type, future));
        target_put(&rig.target, generator + rig.python.layout->object_type, asyncio.generator_type, 8);
        if (rig.python.layout->await_opcode)
            put_next_unit(generator, delegates ? rig.python.layout->await_opcode_too : 1,
                          rig.python.layout->await_argument);
        else if (!delegates)
            target_put(&rig.target, generator + rig.python.layout->generator_state,
                       rig.python.layout->frame_suspended, 1);
        assert_int_equal(follow(task_of(waiting("outer", generator), future)), PAM_AWAITS_FOLLOWED);
        assert_int_equal(awaits[0].depth, 2);
        assert_int_equal(awaits[0].chain[1].awaited != 0, delegates);
        assert_int_equal(awaits[0].end, future);
        rig_done(&rig);
    }
}

/* Where frames are objects, one can be gone, or another's, when it is read. */
static void frames_of_others(void **state)
{
    uint64_t coroutine, other;

    (void)state;
    begin(0x0309);
    coroutine = waiting("w", object(asyncio.future_type, 0));
    other = waiting("other", object(asyncio.future_type, 0));
    target_put(&rig.target, coroutine + rig.python.layout->wrapped, asyncio_frame(&asyncio, other), 8);
    assert_int_equal(follow(task_of(coroutine, 0)), PAM_AWAITS_CHANGED);
    target_put(&rig.target, coroutine + rig.python.layout->wrapped, 0, 8);
    assert_int_equal(follow(task_of(coroutine, 0)), PAM_AWAITS_CHANGED);
    assert_int_equal(follow(task_of(asyncio_frame(&asyncio, other), 0)), PAM_AWAITS_CHANGED);
    rig_done(&rig);
}

/* Round and round, and deeper than the bound: both end. */
static void chains_without_an_end(void **state)
{
    uint64_t coroutine, code;

    (void)state;
    begin(0x030b);
    code = rig_code(&rig, "circle");
    coroutine = asyncio_coroutine(&asyncio, code);
    asyncio_suspend(&asyncio, coroutine, code, 5, coroutine);
    assert_int_equal(follow(task_of(coroutine, 0)), PAM_AWAITS_FOLLOWED);
    assert_int_equal(awaits[0].depth, PAM_AWAIT_DEPTH);
    coroutine = object(asyncio.iterator_type, 0);
    target_put(&rig.target, coroutine + rig.python.layout->wrapped, coroutine, 8);
    assert_int_equal(follow(task_of(waiting("w", coroutine), 0)), PAM_AWAITS_FOLLOWED);
    assert_int_equal(awaits[0].depth, 1);
    rig_done(&rig);
}

static void what_is_no_task(void **state)
{
    const uint64_t none = (begin(0x030b), asyncio_type(&asyncio, "NoneType", 0));
    uint64_t task, coroutine;

    (void)state;
    assert_int_equal(follow(object(none, 0)), PAM_AWAITS_NONE);
    assert_int_equal(follow(object(asyncio.future_type, 0)), PAM_AWAITS_UNREADABLE);
    assert_int_equal(follow(TARGET_BASE - 4096), PAM_AWAITS_UNREADABLE);
    assert_int_equal(follow(0), PAM_AWAITS_NONE);
    coroutine = waiting("w", object(asyncio.future_type, 0));
    task = task_of(coroutine, 0);
    target_put(&rig.target, task + rig.python.layout->task_state, 2, 4); /* finished */
    assert_int_equal(follow(task), PAM_AWAITS_NONE);
    target_put(&rig.target, task + rig.python.layout->task_state, 0, 4);
    target_put(&rig.target, coroutine + rig.python.layout->generator_state, 77, 1);
    assert_int_equal(follow(task), PAM_AWAITS_CHANGED);
    target_put(&rig.target, task + rig.python.layout->task_coroutine, 4096 + TARGET_BASE / 2, 8);
    assert_int_equal(follow(task), PAM_AWAITS_UNREADABLE);
    rig_done(&rig);
}

static struct change {
    uint64_t watched, at, value;
    unsigned seen;
} change;

static void make_change(struct target *target, uint64_t address, unsigned seen)
{
    (void)seen;
    if (address == change.watched && change.seen++ == 1) /* the second reading */
        target_put(target, change.at, change.value, 8);
}

/* Of a task that goes on between the two readings nothing is told, whatever it is that changed. */
static void tasks_that_go_on_are_dropped(void **state)
{
    (void)state;
    for (int what = 0; what < 4; what++) {
        const struct pam_layout *layout;
        uint64_t inner, outer, task, frame;

        begin(0x030b);
        layout = rig.python.layout;
        inner = waiting("inner", object(asyncio.future_type, 0));
        outer = waiting("outer", inner);
        task = task_of(outer, 0);
        frame = outer + layout->generator_frame;
        change = (struct change){.watched = outer, .value = inner};
        change.at = what == 0   ? frame + layout->frame_instruction
                    : what == 1 ? inner + layout->generator_frame + layout->frame_code
                    : what == 2 ? task + layout->task_waiter
                                : frame + layout->frame_bytes + 8 * (uint64_t)5; /* the stack's top */
        change.value += what == 3 ? 64 : 0;
        if (what == 2) { /* the task is read again before its coroutines */
            change.watched = task;
        }
        rig.target.before_piece = make_change;
        assert_int_equal(follow(task), PAM_AWAITS_CHANGED);
        rig.target.before_piece = NULL;
        rig_done(&rig);
    }
}

/* A set's table has holes, keys that were deleted, and weak references to what is gone. */
static void the_set_of_tasks(void **state)
{
    enum { SLOTS = 8 };
    static struct pam_task_list list;
    const struct pam_layout *layout;
    uint64_t set, table, task, reference;

    (void)state;
    begin(0x030c);
    layout = rig.python.layout;
    set = object(asyncio_type(&asyncio, "set", 0), 0);
    table = target_alloc(&rig.target, 16 * SLOTS);
    task = task_of(waiting("w", object(asyncio.future_type, 0)), 0);
    reference = object(asyncio_type(&asyncio, "weakref", 0), 0);
    target_put(&rig.target, reference + layout->weakref_object, task, 8);
    target_put(&rig.target, set + layout->set_mask, SLOTS - 1, 8);
    target_put(&rig.target, set + layout->set_table, table, 8);
    target_put(&rig.target, table + 16 * 2, task, 8);
    target_put(&rig.target, table + 16 * 5, task, 8);
    target_put(&rig.target, table + 16 * 5 + 8, UINT64_MAX, 8); /* deleted */
    asyncio_put(&asyncio, "_eager_tasks", set);
    pam_task_list_sets(&list, &rig.tasks);
    assert_int_equal(list.count, 1);
    assert_int_equal(list.items[0], task);
    assert_false(list.unreadable);
    target_put(&rig.target, set + layout->set_mask, UINT64_MAX, 8);
    pam_task_list_sets(&list, &rig.tasks);
    assert_int_equal(list.count, 0);
    assert_true(list.unreadable);
    list.items[0] = reference | 1;
    assert_int_equal(pam_awaits_follow(&rig.tasks, list.items, 1, awaits), 0);
    assert_int_equal(awaits[0].outcome, PAM_AWAITS_FOLLOWED);
    assert_int_equal(awaits[0].task.address, task);
    rig_done(&rig);
}

/* Since 3.14 tasks are linked in a circle, whose head is one of them; a circle that never closes ends. */
static void lists_of_tasks(void **state)
{
    static struct pam_task_list list;
    uint64_t nodes[3];

    (void)state;
    begin(0x030d);
    for (size_t i = 0; i < COUNT(nodes); i++)
        nodes[i] = target_alloc(&rig.target, 64);
    for (size_t i = 0; i < COUNT(nodes); i++)
        target_put(&rig.target, nodes[i], nodes[(i + 1) % COUNT(nodes)], 8);
    list = (struct pam_task_list){.count = 0};
    pam_task_list_linked(&list, &rig.tasks, nodes[0]);
    assert_int_equal(list.count, 2);
    target_put(&rig.target, nodes[2], nodes[1], 8);
    pam_task_list_linked(&list, &rig.tasks, nodes[0]);
    assert_int_equal(list.count, PAM_MAX_WALKED);
    assert_int_equal(list.left_out, 1);
    list.count = 0;
    target_put(&rig.target, nodes[1], 12, 8);
    pam_task_list_linked(&list, &rig.tasks, nodes[0]);
    assert_true(list.unreadable);
    rig_done(&rig);
}

/* What threads left behind is listed of the interpreter, elsewhere in a debug build. */
static void lists_of_what_was_left(void **state)
{
    static struct pam_task_list list;

    (void)state;
    for (int debug = 0; debug < 2; debug++) {
        const struct pam_layout *layout;
        uint64_t head, task;

        begin(0x030e);
        layout = rig.python.layout;
        head = target_alloc(&rig.target, layout->interp_tasks_debug + 64);
        rig.tasks.interpreter = head;
        head += debug ? layout->interp_tasks_debug : layout->interp_tasks;
        task = task_of(waiting("left", object(asyncio.future_type, 0)), 0);
        for (uint64_t link = 0; link < 16; link += 8) {
            target_put(&rig.target, head + link, task + layout->task_node, 8);
            target_put(&rig.target, task + layout->task_node + link, head, 8);
        }
        list = (struct pam_task_list){.count = 0};
        pam_task_list_left(&list, &rig.tasks);
        assert_int_equal(list.count, 1);
        assert_int_equal(list.items[0], task);
        assert_false(list.unreadable);
        rig_done(&rig);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_chain_down_to_a_future),
        cmocka_unit_test(states),
        cmocka_unit_test(generators),
        cmocka_unit_test(frames_of_others),
        cmocka_unit_test(chains_without_an_end),
        cmocka_unit_test(what_is_no_task),
        cmocka_unit_test(tasks_that_go_on_are_dropped),
        cmocka_unit_test(the_set_of_tasks),
        cmocka_unit_test(lists_of_tasks),
        cmocka_unit_test(lists_of_what_was_left),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
