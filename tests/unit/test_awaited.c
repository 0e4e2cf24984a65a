/* test_awaited.c - the tasks that a task waits for, in a target that stands still, or is full of garbage. */
#include "python/awaited.h"

#include "unit.h"
#include "waiting.h"

static const uint32_t versions[] = PYTHON_VERSIONS;

static uint64_t pointers_to(const uint64_t *values, size_t count)
{
    const uint64_t at = target_alloc(&rig.target, 8 * count);

    for (size_t i = 0; i < count; i++)
        target_put(&rig.target, at + 8 * i, values[i], 8);
    return at;
}

static uint64_t list_of(const uint64_t *values, size_t count)
{
    const uint64_t list = object(asyncio_type(&asyncio, "list", 0), count);

    target_put(&rig.target, list + rig.python.layout->list_items, pointers_to(values, count), 8);
    return list;
}

/* The future of a gather(); its attributes are in a dict. */
static uint64_t gathering_of(const uint64_t *children, size_t count)
{
    const struct python_entry entry = {python_str(&rig.python, "_children"), list_of(children, count)};
    const uint64_t dict = python_dict(&rig.python, &entry, 1, false);
    const struct pam_layout *layout = rig.python.layout;
    const uint64_t type = asyncio_type(&asyncio, "_GatheringFuture", asyncio.future_type);
    const uint64_t future = object(type, 0);

    if (layout->future_dict) {
        target_put(&rig.target, future + layout->future_dict, dict, 8);
    } else if (layout->type_dict_offset) {
        target_put(&rig.target, type + layout->type_dict_offset, layout->task_bytes, 8);
        target_put(&rig.target, future + layout->task_bytes, dict, 8);
    } else {
        target_put(&rig.target, future - layout->instance_dict_before, dict, 8);
    }
    return future;
}

/* The tasks of a gather(), and the one that is awaited itself. */
static void tasks_that_are_waited_for(void **state)
{
    unsigned char ids[PAM_MAX_AWAITED];
    uint64_t inner, gathering, items[3];

    (void)state;
    begin(0x030b);
    inner = task_of(waiting("inner", object(asyncio.future_type, 0)), 0);
    assert_int_equal(follow(task_of(waiting("outer", inner), inner)), PAM_AWAITS_FOLLOWED);
    assert_int_equal(awaits[0].end, inner);
    assert_int_equal(pam_awaited_ids(&rig.tasks, &awaits[0], ids), 1);
    assert_int_equal(ids[0], 1);
    items[0] = inner;
    items[1] = object(asyncio.future_type, 0); /* no task */
    items[2] = task_of(waiting("other", inner), 0);
    gathering = gathering_of(items, COUNT(items));
    assert_int_equal(follow(task_of(waiting("gathers", gathering), gathering)), PAM_AWAITS_FOLLOWED);
    assert_int_equal(pam_awaited_ids(&rig.tasks, &awaits[0], ids), 2);
    assert_int_equal(ids[0], 1);
    assert_int_equal(ids[1], 2);
    rig_done(&rig);
}

static uint64_t cell_of(uint64_t value)
{
    const uint64_t cell = object(asyncio_type(&asyncio, "cell", 0), 0);

    target_put(&rig.target, cell + rig.python.layout->cell_value, value, 8);
    return cell;
}

/* A function of that name and file, with two cells, the second having the value. */
static uint64_t closure_of(const char *name, const char *file, const char *cell, uint64_t value)
{
    const struct pam_layout *layout = rig.python.layout;
    const uint64_t names[] = {python_str(&rig.python, "a"), python_str(&rig.python, cell)};
    const uint64_t cells[] = {cell_of(0), cell_of(value)};
    const uint64_t code = rig_code(&rig, name), function = object(asyncio_type(&asyncio, "function", 0), 0);

    target_put(&rig.target, code + layout->code_file, python_str(&rig.python, file), 8);
    target_put(&rig.target,
               code + (layout->code_free_names ? layout->code_free_names : layout->code_local_names),
               python_tuple(&rig.python, names, COUNT(names)), 8);
    target_put(&rig.target, function + layout->function_code, code, 8);
    target_put(&rig.target, function + layout->function_closure,
               python_tuple(&rig.python, cells, COUNT(cells)), 8);
    return function;
}

/* A future whose first callback is such a function; and another one. */
static uint64_t shield_of(uint64_t inner, const char *name, const char *file)
{
    const struct pam_layout *layout = rig.python.layout;
    const uint64_t function = closure_of(name, file, "inner", inner), future = object(asyncio.future_type, 0);

    target_put(&rig.target, future + layout->future_callback, function, 8);
    target_put(&rig.target, future + layout->future_callbacks, pointers_to(&function, 1), 8);
    return future;
}

static size_t awaited_by(uint64_t coroutine, uint64_t waiter)
{
    static unsigned char ids[PAM_MAX_AWAITED];

    assert_int_equal(follow(task_of(coroutine, waiter)), PAM_AWAITS_FOLLOWED);
    return pam_awaited_ids(&rig.tasks, &awaits[0], ids);
}

/* The future of a shield() stands for what it shields; other callbacks say nothing. */
static void what_is_shielded(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        uint64_t inner, future;

        begin(versions[i]);
        inner = task_of(waiting("inner", object(asyncio.future_type, 0)), 0);
        future = shield_of(inner, "_outer_done_callback", "/usr/lib/asyncio/tasks.py");
        assert_int_equal(awaited_by(waiting("w", future), future), 1);
        future = shield_of(inner, "_outer_done_callback", "/usr/lib/other/tasks.py");
        assert_int_equal(awaited_by(waiting("w", future), future), 0);
        future = shield_of(inner, "another", "/usr/lib/asyncio/tasks.py");
        assert_int_equal(awaited_by(waiting("w", future), future), 0);
        target_put(&rig.target, inner + rig.python.layout->task_state, 2, 4); /* finished */
        future = shield_of(inner, "_outer_done_callback", "/usr/lib/asyncio/tasks.py");
        assert_int_equal(awaited_by(waiting("w", future), future), 0);
        rig_done(&rig);
    }
}

/* What a function of asyncio waits for is its first argument: a list here, which has itself in it. */
static void what_functions_wait_for(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        const struct pam_layout *layout;
        uint64_t future, coroutine, list, items[3], code;

        begin(versions[i]);
        layout = rig.python.layout;
        future = object(asyncio.future_type, 0);
        list = object(asyncio_type(&asyncio, "list", 0), COUNT(items));
        items[0] = task_of(waiting("inner", future), 0);
        items[1] = list;
        items[2] = 8; /* no object */
        target_put(&rig.target, list + layout->list_items, pointers_to(items, COUNT(items)), 8);
        code = rig_code(&rig, "_wait");
        coroutine = asyncio_coroutine(&asyncio, code);
        asyncio_suspend(&asyncio, coroutine, code, 5, future);
        target_put(&rig.target, asyncio_frame(&asyncio, coroutine) + layout->frame_locals, list, 8);
        assert_int_equal(awaited_by(coroutine, future), 0); /* its file is another */
        target_put(&rig.target, code + layout->code_file, python_str(&rig.python, "/asyncio/tasks.py"), 8);
        pam_codes_clear(&rig.codes);
        assert_true(awaited_by(coroutine, future) > 0);
        assert_int_equal(awaited_by(coroutine, 0), 0); /* it waits for nothing any more */
        rig_done(&rig);
    }
}


static uint64_t with_attribute(const char *name, uint64_t value)
{
    const struct python_entry entry = {python_str(&rig.python, name), value};

    return python_instance(&rig.python, python_keys(&rig.python, &entry, 1, false), &value, 1, 0);
}

static uint64_t with_callback(uint64_t callback)
{
    const uint64_t task = task_of(waiting("member", object(asyncio.future_type, 0)), 0);

    target_put(&rig.target, task + rig.python.layout->future_callback, callback, 8);
    return task;
}

/* A task whose first callback is a TaskGroup's: a method of that name, bound to an object that knows its task. */
static uint64_t member_of(uint64_t owner, const char *file)
{
    const struct pam_layout *layout = rig.python.layout;
    const uint64_t method = object(asyncio_type(&asyncio, "method", 0), 0);

    target_put(&rig.target, method + layout->method_function, closure_of("_on_task_done", file, "self", 0), 8);
    target_put(&rig.target, method + layout->method_self, with_attribute("_parent_task", owner), 8);
    return with_callback(method);
}

/* The same of anyio's: a function within which `self` is an object whose scope knows its task. */
static uint64_t member_in_anyio(uint64_t owner, const char *cell)
{
    const uint64_t group = with_attribute("cancel_scope", with_attribute("_host_task", owner));

    return with_callback(closure_of("task_done", "/anyio/_backends/_asyncio.py", cell, group));
}

static uint64_t owner_of(uint64_t member)
{
    assert_int_equal(follow(member), PAM_AWAITS_FOLLOWED);
    return pam_group_owner_id(&rig.tasks, &awaits[0]);
}

static void members_of_groups(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        uint64_t owner;

        begin(versions[i]);
        owner = task_of(waiting("owner", object(asyncio.future_type, 0)), 0);
        assert_int_equal(owner_of(owner), 0);
        assert_int_equal(owner_of(member_of(owner, "/asyncio/taskgroups.py")), 1);
        assert_int_equal(owner_of(member_of(owner, "/other/taskgroups.py")), 0);
        assert_int_equal(owner_of(member_of(object(asyncio.future_type, 0), "/asyncio/taskgroups.py")), 0); /* no task's */
        assert_int_equal(owner_of(member_in_anyio(owner, "self")), 1);
        assert_int_equal(owner_of(member_in_anyio(owner, "other")), 0);
        assert_int_equal(owner_of(with_callback(closure_of("_on_task_done", "/asyncio/taskgroups.py", "self", owner))), 0);
        rig_done(&rig);
    }
}

/* A task that waits for a gather() of a shield() of a task, each a wreck in another place each time: what
 * comes out has its bounds, and costs so many calls at most. */
static void garbage(void **state)
{
    enum { ROUNDS = 20000, MOST_CALLS = 40000, NEWEST = 16384 };
    uint64_t random = 88172645463325252U, followed = 0;

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        static unsigned char ids[PAM_MAX_AWAITED];
        uint64_t inner, future, gathering, task;
        unsigned char *memory;

        begin(versions[i]);
        inner = task_of(waiting("inner", object(asyncio.future_type, 0)), 0);
        future = shield_of(inner, "_outer_done_callback", "/asyncio/tasks.py");
        gathering = gathering_of(&future, 1);
        task = i % 2 ? member_of(inner, "/asyncio/taskgroups.py") : member_in_anyio(inner, "self");
        target_put(&rig.target, task + rig.python.layout->task_coroutine,
                   waiting("outer", waiting("middle", gathering)), 8);
        target_put(&rig.target, task + rig.python.layout->task_waiter, gathering, 8);
        rig.target.forgiving = true;
        memory = rig.target.memory + rig.target.used - NEWEST;
        for (unsigned round = 0; round < ROUNDS / COUNT(versions); round++) {
            uint64_t *word, was, calls = rig.remote.calls;

            do {
                random ^= random << 13, random ^= random >> 7, random ^= random << 17;
                word = (uint64_t *)(void *)(memory + random % (NEWEST / 8) * 8);
            } while (!*word);
            was = *word;
            *word = random & 1 << 20 ? random : TARGET_BASE + (random >> 24) % rig.target.used / 8 * 8;
            followed += follow(task) == PAM_AWAITS_FOLLOWED;
            assert_true(awaits[0].depth <= PAM_AWAIT_DEPTH);
            if (awaits[0].outcome == PAM_AWAITS_FOLLOWED)
                assert_true(pam_awaited_ids(&rig.tasks, &awaits[0], ids) <= PAM_MAX_AWAITED &&
                            pam_group_owner_id(&rig.tasks, &awaits[0]) <= 2 * ROUNDS);
            assert_true(rig.remote.calls - calls < MOST_CALLS);
            *word = was;
        }
        rig_done(&rig);
    }
    print_message("%u followed\n", (unsigned)followed);
    assert_true(followed > 0 && followed < ROUNDS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(tasks_that_are_waited_for),
        cmocka_unit_test(what_is_shielded),
        cmocka_unit_test(what_functions_wait_for),
        cmocka_unit_test(members_of_groups),
        cmocka_unit_test(garbage),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
