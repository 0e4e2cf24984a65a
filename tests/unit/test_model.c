/* test_model.c - what interned ids mean, over epochs, and what they mean when they were lost. */
#include "feed.h"
#include "model.h"

#include "unit.h"

static struct pam_model *model;

static int new_model(void **state)
{
    struct pam_error error;

    (void)state;
    return pam_model_new(&model, &error);
}

static int free_model(void **state)
{
    (void)state;
    pam_model_free(model);
    return 0;
}

static void add(const struct pam_event *event)
{
    struct pam_error error;

    assert_int_equal(pam_model_add(model, event, &error), 0);
}

static void add_string(uint64_t id, const char *text)
{
    add(RECORD_EVENT(0, string, .id = id, .text = pam_text(text)));
}

static void add_stack(uint64_t id, uint64_t parent, uint64_t frame)
{
    add(RECORD_EVENT(0, stack, .id = id, .parent = parent, .frame = frame));
}

static void one_epoch(uint64_t file, uint64_t name, uint64_t code, uint64_t frame, uint64_t stack)
{
    add(PLAIN_EVENT(0, EPOCH));
    add_string(file, "app.py");
    add_string(name, "main");
    add(RECORD_EVENT(0, code, .id = code, .file = file, .name = name, .qualname = name,
                     .first_line = 7, .bytecode = pam_text("ab")));
    add(RECORD_EVENT(0, frame, .id = frame, .code = code, .unit_plus1 = 3));
    add(RECORD_EVENT(0, frame, .id = frame + 1, .code = code, .unit_plus1 = 4));
    add_stack(stack, 0, frame);
    add_stack(stack + 1, stack, frame + 1);
}

static void equal_things_are_one_over_epochs(void **state)
{
    uint32_t root, leaf;
    struct pam_frame_model place;
    struct pam_code_model code;

    (void)state;
    one_epoch(1, 2, 1, 1, 1);
    root = pam_model_stack(model, 1);
    leaf = pam_model_stack(model, 2);
    one_epoch(20, 10, 30, 40, 50);
    assert_int_equal(pam_model_stack(model, 50), root);
    assert_int_equal(pam_model_stack(model, 51), leaf);
    assert_int_equal(pam_model_stack(model, 1), PAM_UNKNOWN);
    assert_int_equal(pam_model_stack(model, 0), PAM_NO_STACK);
    assert_int_equal(pam_model_get_stack(model, leaf).parent, root);
    assert_int_equal(pam_model_get_stack(model, root).parent, PAM_NO_STACK);
    place = pam_model_frame(model, pam_model_get_stack(model, leaf).frame);
    assert_int_equal(place.unit_plus1, 4);
    code = pam_model_code(model, place.code);
    assert_int_equal(code.first_line, 7);
    assert_true(bytes_equal(code.bytecode, pam_text("ab")));
    assert_true(bytes_equal(pam_model_text(model, code.file), pam_text("app.py")));
    assert_true(bytes_equal(pam_model_text(model, code.qualname), pam_text("main")));
}

/* Codes that differ only in a table are two. */
static void codes_differ_in_any_part(void **state)
{
    static const struct pam_code codes[] = {
        {.id = 1, .file = 1, .first_line = 5},
        {.id = 2, .file = 1, .first_line = 6},
        {.id = 3, .file = 1, .first_line = 5, .python_version = 0x030b0000},
        {.id = 4, .file = 1, .first_line = 5, .line_table = BYTES("x")},
        {.id = 5, .file = 1, .first_line = 5, .bytecode = BYTES("x")},
        {.id = 6, .file = 1, .first_line = 5, .names = BYTES("x")},
        {.id = 7, .file = 1, .first_line = 5, .local_names = BYTES("x")},
        {.id = 8, .file = 1, .first_line = 5},
    };
    uint32_t seen[COUNT(codes)];

    (void)state;
    add_string(1, "app.py");
    for (size_t i = 0; i < COUNT(codes); i++) {
        struct pam_event event = {.kind = PAM_EVENT_RECORD, .record = {.type = PAM_code}};

        event.record.code = codes[i];
        add(&event);
        add(RECORD_EVENT(0, frame, .id = i + 1, .code = i + 1));
        add_stack(i + 1, 0, i + 1);
        seen[i] = pam_model_stack(model, i + 1);
        for (size_t k = 0; k < i; k++)
            assert_int_equal(seen[i] == seen[k], i == 7 && k == 0);
    }
}

static void what_depends_on_lost_things_is_unknown(void **state)
{
    (void)state;
    add_string(1, "main");
    add(RECORD_EVENT(0, code, .id = 1, .name = 1, .qualname = 1, .file = 77));
    add(RECORD_EVENT(0, frame, .id = 1, .code = 1));
    add_stack(1, 0, 1);
    add_stack(2, 99, 1); /* its caller was lost */
    add_stack(3, 2, 1);
    add_stack(4, 0, 99); /* its frame was lost */
    add_stack(5, 4, 1);
    assert_int_not_equal(pam_model_stack(model, 1), PAM_UNKNOWN);
    for (uint64_t id = 2; id <= 6; id++)
        assert_int_equal(pam_model_stack(model, id), PAM_UNKNOWN);
    assert_true(bytes_equal(pam_model_text(model, PAM_UNKNOWN), pam_text("?")));
    assert_int_equal(pam_model_code(model, PAM_UNKNOWN).qualname, PAM_UNKNOWN);
    assert_int_equal(pam_model_frame(model, PAM_UNKNOWN).code, PAM_UNKNOWN);
    assert_int_equal(pam_model_get_stack(model, PAM_UNKNOWN).frame, PAM_UNKNOWN);
}

static void ids_that_no_collector_gives(void **state)
{
    static const uint64_t ids[] = {PAM_MAX_ID - 1, PAM_MAX_ID, UINT32_MAX, UINT64_MAX};

    (void)state;
    add_string(1, "main");
    add(RECORD_EVENT(0, code, .id = 1, .qualname = 1));
    add(RECORD_EVENT(0, frame, .id = 1, .code = 1));
    for (size_t i = 0; i < COUNT(ids); i++) {
        add_string(ids[i], "far");
        add(RECORD_EVENT(0, frame, .id = ids[i], .code = 1));
        add_stack(ids[i], 0, 1);
        add(RECORD_EVENT(0, thread, .id = ids[i], .tid = 5, .name = ids[i]));
        assert_int_equal(pam_model_stack(model, ids[i]) == PAM_UNKNOWN, ids[i] >= PAM_MAX_ID);
        assert_int_equal(pam_model_thread_index(model, ids[i]), ids[i] >= PAM_MAX_ID ? -1 : 0);
    }
    assert_int_equal(pam_model_threads(model), 1);
}

/* Whatever refers to itself or in circles: parents were defined before, so walks always end. */
static void stacks_in_circles(void **state)
{
    uint32_t stack;
    unsigned depth = 0;

    (void)state;
    add_string(1, "main");
    add(RECORD_EVENT(0, code, .id = 1, .qualname = 1));
    add(RECORD_EVENT(0, frame, .id = 1, .code = 1));
    add_stack(1, 1, 1);
    assert_int_equal(pam_model_stack(model, 1), PAM_UNKNOWN);
    add_stack(1, 0, 1);
    add_stack(1, 1, 1);
    add_stack(2, 1, 1);
    add_stack(1, 2, 1);
    add_stack(2, 2, 1);
    for (stack = pam_model_stack(model, 2); stack < PAM_NO_STACK; depth++) {
        assert_true(depth < 10);
        stack = pam_model_get_stack(model, stack).parent;
    }
    assert_int_equal(depth, 4);
}

static const char *name_of(uint64_t thread)
{
    static char name[64];
    const int64_t index = pam_model_thread_index(model, thread);
    const struct pam_bytes text =
        pam_model_text(model, pam_model_thread(model, (size_t)index)->name);

    (void)snprintf(name, sizeof name, "%.*s", (int)text.size, (const char *)text.data);
    return name;
}

static void names_of_threads(void **state)
{
    (void)state;
    add_string(1, "python3");
    add_string(2, "Worker");
    add_string(3, "Renamed");
    add(RECORD_EVENT(0, thread, .id = 1, .tid = 10, .kernel_name = 1));
    assert_string_equal(name_of(1), "python3");
    add(RECORD_EVENT(0, thread, .id = 1, .tid = 10, .kernel_name = 1, .name = 2, .has_python = 1));
    assert_string_equal(name_of(1), "Worker");
    add(RECORD_EVENT(0, thread, .id = 1, .tid = 10, .kernel_name = 1, .name = 3, .has_python = 1));
    assert_string_equal(name_of(1), "Renamed");
    add(PLAIN_EVENT(0, EPOCH)); /* a name, once known, stays when an epoch does not tell it */
    add_string(1, "python3");
    add(RECORD_EVENT(0, thread, .id = 1, .tid = 10, .kernel_name = 1, .has_python = 1));
    assert_string_equal(name_of(1), "Renamed");
    add(RECORD_EVENT(0, thread, .id = 2, .tid = 11, .kernel_name = 99));
    assert_string_equal(name_of(2), "?");
    assert_int_equal(pam_model_threads(model), 2);
    assert_int_equal(pam_model_thread_index(model, 3), -1);
}

static void the_main_thread_comes_first(void **state)
{
    static const size_t expected[] = {3, 2, 1, 0, 4};
    size_t order[COUNT(expected)];

    (void)state;
    add(RECORD_EVENT(0, process, .pid = 100, .is_target = 1));
    add(RECORD_EVENT(0, process, .pid = 50));
    add(RECORD_EVENT(0, thread, .id = 1, .pid = 100, .tid = 101));
    add(RECORD_EVENT(0, thread, .id = 2, .pid = 100, .tid = 104, .has_python = 1));
    add(RECORD_EVENT(0, thread, .id = 3, .pid = 100, .tid = 103, .has_python = 1));
    add(RECORD_EVENT(0, thread, .id = 4, .pid = 100, .tid = 100, .has_python = 1));
    add(RECORD_EVENT(0, thread, .id = 5, .pid = 100, .tid = 105));
    assert_int_equal(pam_model_threads(model), COUNT(expected));
    pam_model_order_threads(model, order);
    for (size_t i = 0; i < COUNT(expected); i++)
        assert_int_equal(order[i], expected[i]);
}

/* "root-first frames"; a task as its name in brackets, a function as its unit. */
static const char *stack_of_units(int64_t stack)
{
    static char text[128];
    char below[128];

    text[0] = '\0';
    while (stack < PAM_NO_STACK) {
        const struct pam_stack_model node = pam_model_get_stack(model, (uint32_t)stack);
        const struct pam_frame_model place = pam_model_frame(model, node.frame);
        const struct pam_bytes task =
            place.task_plus1 ? pam_model_text(model, place.task_plus1 - 1) : pam_text("");

        strcpy(below, text);
        if (place.task_plus1)
            (void)snprintf(text, sizeof text, "[%.*s]%.60s", (int)task.size,
                           (const char *)task.data, below);
        else
            (void)snprintf(text, sizeof text, "%u%.60s", place.unit_plus1, below);
        stack = node.parent;
    }
    return text;
}

static const char *with_task(uint64_t stack, uint64_t task, uint64_t depth)
{
    return stack_of_units(pam_model_with_task(model, pam_model_stack(model, stack), task, depth));
}

static void tasks_are_frames(void **state)
{
    (void)state;
    one_epoch(1, 2, 1, 1, 1); /* the stacks 1 and 2: of the units 3, and 3 and 4 */
    add_string(3, "wrapped");
    add(RECORD_EVENT(0, task, .id = 1, .name = pam_text("given"), .code = 1));
    add(RECORD_EVENT(0, task, .id = 2, .name = pam_text("Task-12"), .code = 1));
    add(RECORD_EVENT(0, task, .id = 3, .number_plus1 = 13, .code = 1, .coroutine = 3));
    add(RECORD_EVENT(0, task, .id = 4, .number_plus1 = 14));
    add(RECORD_EVENT(0, task, .id = 5, .name = pam_text("Task-15"), .code = 99));
    add(RECORD_EVENT(0, task, .id = 6, .name = pam_text("Task-1b")));
    add(RECORD_EVENT(0, task, .id = 7));
    assert_string_equal(with_task(2, 1, 0), "[given]34");
    assert_string_equal(with_task(2, 1, 1), "3[given]4");
    assert_string_equal(with_task(2, 1, 1), "3[given]4");
    assert_string_equal(with_task(2, 1, 2), "34[given]");
    assert_string_equal(with_task(2, 1, 3), "34");
    assert_string_equal(with_task(2, 1, UINT64_MAX), "34");
    assert_string_equal(with_task(2, 2, 1), "3[main]4");
    assert_string_equal(with_task(2, 3, 1), "3[wrapped]4");
    assert_string_equal(with_task(2, 4, 1), "3[Task-13]4");
    assert_string_equal(with_task(2, 5, 1), "3[Task-15]4");
    assert_string_equal(with_task(1, 6, 0), "[Task-1b]3");
    assert_string_equal(with_task(1, 7, 0), "[?]3");
    assert_string_equal(with_task(1, 8, 0), "3"); /* of a task that was never told */
    assert_int_equal(pam_model_with_task(model, PAM_NO_STACK, 1, 0), PAM_NO_STACK);
    assert_int_equal(pam_model_with_task(model, PAM_UNKNOWN, 1, 0), PAM_UNKNOWN);
    add(PLAIN_EVENT(0, EPOCH));
    assert_int_equal(pam_model_task(model, 1), PAM_UNKNOWN);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_model, free_model)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(equal_things_are_one_over_epochs),
        TEST(codes_differ_in_any_part),
        TEST(what_depends_on_lost_things_is_unknown),
        TEST(ids_that_no_collector_gives),
        TEST(stacks_in_circles),
        TEST(names_of_threads),
        TEST(tasks_are_frames),
        TEST(the_main_thread_comes_first),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
