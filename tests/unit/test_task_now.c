/* test_task_now.c - the asyncio task that a thread runs: found, copied with the stack, never another. */
#include "asyncio.h"
#include "model.h"
#include "rig.h"

#include "unit.h"

static struct rig rig;
static struct asyncio asyncio;
static const uint32_t versions[] = {0x030b, 0x030c, 0x030d};

static void begin(uint32_t version)
{
    rig_init(&rig, version, RIG_CHUNK_BYTES);
    asyncio_init(&asyncio, &rig.python);
    rig_call(&rig, "run", 1);
}

/* A task that the thread is running from now on. */
static uint64_t run_task(size_t loop, uint64_t coroutine, const char *name)
{
    const uint64_t task = asyncio_task(&asyncio, coroutine, python_str(&rig.python, name));

    asyncio_run(&asyncio, loop, task);
    (void)asyncio_resume(&asyncio, &rig.threads[0], coroutine, 2);
    return task;
}

static void read_and_expect(bool has_task, uint32_t depth)
{
    assert_int_equal(rig_read(&rig), 0);
    assert_int_equal(rig.results[0].outcome, PAM_STACK_WHOLE);
    assert_int_equal(rig.results[0].task != 0, has_task);
    assert_int_equal(rig.results[0].task_depth, depth);
}

/* The recorded task with that id, as "name number coroutine"; the string id of the last as its text. */
static void recorded_task(uint64_t id, char text[256])
{
    struct pam_reader *reader;
    struct pam_model *model;
    struct pam_event event;
    struct pam_error error;

    assert_int_equal(recording_finish(&rig.recording, &error), 0);
    reader = reader_of(rig.recording.fd);
    assert_int_equal(pam_model_new(&model, &error), 0);
    text[0] = '\0';
    while (pam_reader_next(reader, &event, &error) > 0) {
        assert_int_equal(pam_model_add(model, &event, &error), 0);
        if (event.kind != PAM_EVENT_RECORD || event.record.type != PAM_task ||
            event.record.task.id != id)
            continue;
        const struct pam_task task = event.record.task;
        const struct pam_bytes shown = pam_model_text(model, pam_model_task(model, id));

        assert_int_equal(task.pid, 77);
        (void)snprintf(text, 256, "%.*s %d %.*s", (int)task.name.size, (const char *)task.name.data,
                       (int)task.number_plus1, (int)shown.size, (const char *)shown.data);
    }
    pam_model_free(model);
    pam_reader_free(reader);
}

static void a_task_is_found_and_then_copied_with_the_stack(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        char text[256];
        uint64_t id, calls;

        begin(versions[i]);
        run_task(3, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "first");
        rig_call(&rig, "spin", 4);
        read_and_expect(true, 1);
        id = rig.results[0].task;
        calls = rig.remote.calls;
        read_and_expect(true, 1);
        assert_int_equal(rig.results[0].task, id);
        assert_int_equal(rig.remote.calls, calls + 1);
        assert_int_equal(rig.health.tasks_unknown, 0);
        recorded_task(id, text);
        assert_string_equal(text, "first 0 first");
        rig_free(&rig);
    }
}

static void a_task_without_a_name(void **state)
{
    const uint32_t digits[] = {41};
    char text[256];
    uint64_t number, task;

    (void)state;
    begin(0x030c);
    task = run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "Task-7");
    number = python_int(&rig.python, 1, digits);
    target_put(&rig.target, number + rig.python.layout->object_type, asyncio.int_type, 8);
    (void)target_alloc(&rig.target, 128); /* names are read beyond their end */
    read_and_expect(true, 1);
    assert_int_equal(rig.results[0].task, 1);
    target_put(&rig.target, task + rig.python.layout->task_name, number, 8);
    read_and_expect(true, 1);
    assert_int_equal(rig.results[0].task, 2);
    recorded_task(2, text);
    assert_string_equal(text, " 42 work");
    rig_free(&rig);
}

/* One that ended gives its memory, and its coroutine's and name's, to the next. */
static void another_task_at_the_same_address(void **state)
{
    uint64_t name, task;
    char text[256];

    (void)state;
    begin(0x030b);
    task = run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "short 1");
    read_and_expect(true, 1);
    name = target_get(&rig.target, task + rig.python.layout->task_name, 8);
    memcpy(target_at(&rig.target, name + rig.python.layout->str_ascii_data, 7), "short 2", 7);
    read_and_expect(true, 1);
    assert_int_equal(rig.results[0].task, 2);
    recorded_task(2, text);
    assert_string_equal(text, "short 2 0 short 2");
    rig_free(&rig);
}

static void change_name(struct target *target, uint64_t address, unsigned seen)
{
    const uint64_t *name = target->context;

    if (address == *name && seen == 1)
        memcpy(target_at(target, address + rig.python.layout->str_ascii_data, 7), "short 2", 7);
}

/* A task that ends between the two copies of the stack: the copies disagree, so it is read again. */
static void a_task_that_ends_between_the_copies(void **state)
{
    uint64_t name, task, calls;

    (void)state;
    begin(0x030b);
    task = run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "short 1");
    read_and_expect(true, 1);
    name = target_get(&rig.target, task + rig.python.layout->task_name, 8);
    rig.target.context = &name;
    rig.target.before_piece = change_name;
    calls = rig.remote.calls;
    read_and_expect(true, 1);
    assert_true(rig.remote.calls > calls + 1);
    assert_int_equal(rig.results[0].task, 2);
    rig.target.before_piece = NULL;
    rig_done(&rig);
}

/* The coroutine that is in the stack, but a task that has another one by now, or none. */
static void a_task_that_is_gone_is_not_told(void **state)
{
    uint64_t task;

    (void)state;
    begin(0x030b);
    task = run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "a");
    target_put(&rig.target, task + rig.python.layout->task_coroutine,
               asyncio_coroutine(&asyncio, rig_code(&rig, "other")), 8);
    read_and_expect(false, 0);
    assert_int_equal(rig.health.tasks_unknown, 1);
    asyncio_run(&asyncio, 0, TARGET_BASE - 4096);
    read_and_expect(false, 0);
    asyncio_run(&asyncio, 0, 0);
    read_and_expect(false, 0);
    assert_int_equal(rig.health.tasks_unknown, 3);
    rig_done(&rig);
}

/* Of a type that is not asyncio's own, of one made of it, and of one of another size. */
static void only_asyncios_own_tasks(void **state)
{
    const struct pam_layout *layout;
    uint64_t task, derived;

    (void)state;
    begin(0x030d);
    layout = rig.python.layout;
    task = run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "a");
    target_put(&rig.target, task + layout->object_type, asyncio_type(&asyncio, "Task", 0), 8);
    read_and_expect(false, 0);
    derived = asyncio_type(&asyncio, "MyTask", asyncio.task_type);
    target_put(&rig.target, task + layout->object_type, derived, 8);
    read_and_expect(true, 1);
    target_put(&rig.target, asyncio.task_type + layout->type_basic_size, layout->task_bytes + 8, 8);
    pam_types_forget(&rig.tasks.types);
    read_and_expect(false, 0);
    rig_done(&rig);
}

/* An eager task starts on the stack of another one: asyncio tells which of the two is running. */
static void a_task_within_a_task(void **state)
{
    uint64_t outer;

    (void)state;
    begin(0x030c);
    outer = run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "outer")), "outer");
    read_and_expect(true, 1);
    rig_call(&rig, "create_task", 3);
    run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "inner")), "inner");
    read_and_expect(true, 3);
    assert_int_equal(rig.results[0].task, 2);
    asyncio_run(&asyncio, 0, outer); /* the inner coroutine is driven by something else */
    read_and_expect(true, 1);
    assert_int_equal(rig.results[0].task, 1);
    rig_done(&rig);
}

/* What a coroutine awaits, and generators that functions call, are within its task. */
static void awaits_and_generators_are_within(void **state)
{
    uint64_t awaited;

    (void)state;
    begin(0x030d);
    run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "a");
    awaited = asyncio_coroutine(&asyncio, rig_code(&rig, "awaited"));
    (void)asyncio_resume(&asyncio, &rig.threads[0], awaited, 3);
    rig_call(&rig, "call", 4);
    python_push_heap(&rig.threads[0], rig_code(&rig, "generator"), 5);
    read_and_expect(true, 1);
    rig_done(&rig);
}

/* Without a coroutine in the stack nothing more is read, and after a while the task is not copied. */
static void a_thread_without_coroutines_costs_nothing(void **state)
{
    uint64_t calls, bytes;

    (void)state;
    begin(0x030b);
    read_and_expect(false, 0);
    read_and_expect(false, 0);
    bytes = rig.remote.bytes;
    read_and_expect(false, 0);
    bytes = rig.remote.bytes - bytes;
    run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "a");
    read_and_expect(true, 1);
    python_pop(&rig.threads[0]);
    for (int i = 0; i < 40; i++)
        read_and_expect(false, 0);
    calls = rig.remote.calls;
    bytes += rig.remote.bytes;
    read_and_expect(false, 0);
    assert_int_equal(rig.remote.calls, calls + 1);
    assert_int_equal(rig.remote.bytes, bytes);
    assert_int_equal(rig.health.tasks_unknown, 0);
    rig_done(&rig);
}

/* It is in sys.modules before all of its attributes are there: it is looked for again. */
static void a_module_that_is_being_made(void **state)
{
    (void)state;
    begin(0x030c);
    asyncio_put(&asyncio, "Future", asyncio.future_type);
    run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "a");
    read_and_expect(false, 0);
    asyncio_put(&asyncio, "_current_tasks", asyncio.current);
    rig.tasks.recorder->time_ns += UINT64_C(1000000000);
    read_and_expect(true, 1);
    rig_done(&rig);
}

/* The dict of running tasks gets other keys every few tasks: those that it had before are read at once. */
static void keys_of_the_dict_change(void **state)
{
    static const uint32_t with_keys[] = {0x030b, 0x030d};

    (void)state;
    for (size_t v = 0; v < COUNT(with_keys); v++) {
        uint64_t calls[6], keys[2];
        const uint64_t code = (begin(with_keys[v]), rig_code(&rig, "work"));

        keys[0] = target_get(&rig.target, asyncio.current + rig.python.layout->dict_keys, 8);
        keys[1] = python_keys(&rig.python, asyncio.running, ASYNCIO_LOOPS, true);
        for (size_t i = 0; i < COUNT(calls); i++) {
            target_put(&rig.target, asyncio.current + rig.python.layout->dict_keys, keys[i % 2], 8);
            run_task(1, asyncio_coroutine(&asyncio, code), "a");
            calls[i] = rig.remote.calls;
            read_and_expect(true, 1);
            calls[i] = rig.remote.calls - calls[i];
            python_pop(&rig.threads[0]);
        }
        assert_true(calls[4] < calls[1]);
        assert_int_equal(calls[4], calls[5]);
        rig_done(&rig);
    }
}

/* The thread's second copy of the second try: by then the frame of the coroutine is known. */
static void go_on(struct target *target, uint64_t address, unsigned seen)
{
    unsigned *tries = target->context;

    if (address == rig.py[0].state.address && seen == 1 && ++*tries == 2)
        asyncio_run(&asyncio, 0, 0);
}

/* The loop goes on as soon as the stack is copied: the task is that which ran between the copies. */
static void a_task_that_stops_after_the_copies(void **state)
{
    static const uint32_t with_dict[] = {0x030b, 0x030d};

    (void)state;
    for (size_t v = 0; v < COUNT(with_dict); v++) {
        char text[256];
        unsigned tries = 0;

        begin(with_dict[v]);
        run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "first")), "first");
        read_and_expect(true, 1);
        python_pop(&rig.threads[0]);
        run_task(0, asyncio_coroutine(&asyncio, rig_code(&rig, "work")), "second");
        rig.target.context = &tries;
        rig.target.before_piece = go_on;
        read_and_expect(true, 1);
        rig.target.before_piece = NULL;
        assert_true(tries >= 2);
        assert_int_equal(rig.results[0].task, 2);
        recorded_task(2, text);
        assert_string_equal(text, "second 0 second");
        rig_free(&rig);
    }
}

/* More tasks than are remembered: the table starts anew. */
static void many_tasks(void **state)
{
    const uint64_t code = (begin(0x030b), rig_code(&rig, "work"));

    (void)state;
    for (unsigned i = 0; i < PAM_MAX_TASKS + 100; i++) {
        run_task(0, asyncio_coroutine(&asyncio, code), "a");
        read_and_expect(true, 1);
        python_pop(&rig.threads[0]);
    }
    assert_int_equal(rig.tasks.count, 100);
    rig_done(&rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_task_is_found_and_then_copied_with_the_stack),
        cmocka_unit_test(a_task_without_a_name),
        cmocka_unit_test(another_task_at_the_same_address),
        cmocka_unit_test(a_task_that_ends_between_the_copies),
        cmocka_unit_test(a_task_that_is_gone_is_not_told),
        cmocka_unit_test(only_asyncios_own_tasks),
        cmocka_unit_test(a_task_within_a_task),
        cmocka_unit_test(awaits_and_generators_are_within),
        cmocka_unit_test(a_thread_without_coroutines_costs_nothing),
        cmocka_unit_test(a_module_that_is_being_made),
        cmocka_unit_test(keys_of_the_dict_change),
        cmocka_unit_test(a_task_that_stops_after_the_copies),
        cmocka_unit_test(many_tasks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
