/* test_identify.c - telling a CPython runtime from what is none, in a fake target of each layout. */
#include "python/identify.h"

#include <stdlib.h>

#include "python.h"
#include "unit.h"

enum { SIZE = 1 << 20 };

static struct target target;
static struct pam_remote remote;
static struct python python;
static struct pam_runtime runtime;
static struct pam_error error;
static uint64_t thread, version_address, version_object, function, code_type, type_type;

static uint64_t module(const char *name, uint64_t value)
{
    const struct python_entry entry = {python_str(&python, name), value};
    const uint64_t object = target_alloc(&target, 128);

    target_put(&target, object + python.layout->module_dict, python_dict(&python, &entry, 1, false), 8);
    return object;
}

static void make_types(void)
{
    const struct pam_layout *layout = python.layout;
    const uint64_t code = python_code(&python, "_find_and_load", 4, 4);

    code_type = python.code_type;
    type_type = target_alloc(&target, 1024);
    target_put(&target, type_type + layout->object_type, type_type, 8);
    target_put(&target, code_type + layout->object_type, type_type, 8);
    target_put(&target, code_type + layout->type_name, python_bytes(&python, "", 0) + 8, 8);
    memcpy(target_at(&target, target_get(&target, code_type + layout->type_name, 8), 5), "code", 5);
    function = target_alloc(&target, 256);
    target_put(&target, function + layout->function_code, code, 8);
}

/* A runtime as it is when Python runs; `layout` is one of the table. */
static void begin(const struct pam_layout *layout)
{
    uint32_t digit = layout->version << 16 | 0x01f0;
    struct python_entry modules[2];

    target_init(&target, &remote, SIZE);
    python_init(&python, &target, &remote, layout->version);
    python.layout = python.heap.layout = layout;
    thread = target_alloc(&target, layout->tstate_bytes);
    target_put(&target, python.interpreter + layout->interp_threads_head, thread, 8);
    target_put(&target, thread + layout->tstate_interp, python.interpreter, 8);
    make_types();
    version_object = python_int(&python, 1, &digit);
    modules[0] = (struct python_entry){python_str(&python, "sys"), module("hexversion", version_object)};
    modules[1] = (struct python_entry){python_str(&python, "_frozen_importlib"),
                                       module("_find_and_load", function)};
    target_put(&target, python.interpreter + layout->interp_modules,
               python_dict(&python, modules, 2, false), 8);
    version_address = target_alloc(&target, 8);
    target_put(&target, version_address, digit, 8);
    if (!layout->debug_bytes)
        return;
    memcpy(target_at(&target, python.runtime, 8), "xdebugpy", 8);
    target_put(&target, python.runtime + 8, digit, 8);
    for (const struct pam_layout_check *check = layout->checks; check->name; check++)
        target_put(&target, python.runtime + check->at, check->expected, 8);
}

static void expect_version(enum pam_identity expected, uint64_t address)
{
    memset(&runtime, 0, sizeof runtime);
    memset(&error, 0, sizeof error);
    assert_int_equal(pam_identify(&runtime, &remote, python.runtime, address, &error), expected);
    assert_true((expected == PAM_IS_UNSUPPORTED) == (error.text[0] != '\0'));
    assert_true((expected == PAM_IS_RUNTIME) == (runtime.interpreter != 0));
}

static void expect(enum pam_identity expected)
{
    expect_version(expected, version_address);
}

static void each_layout_is_told_with_and_without_its_version(void **state)
{
    (void)state;
    for (size_t i = 0; pam_layout_at(i); i++) {
        begin(pam_layout_at(i));
        for (int known = 0; known < 2; known++) {
            expect_version(PAM_IS_RUNTIME, known ? version_address : 0);
            assert_ptr_equal(runtime.layout, python.layout);
            assert_int_equal(runtime.version_hex, python.layout->version << 16 | 0x01f0);
            assert_int_equal(runtime.interpreter, python.interpreter);
            assert_int_equal(runtime.code_type, code_type);
        }
        target_done(&target);
    }
}

/* What is not there yet when Python starts, or no more when it ends. */
static void an_interpreter_that_starts_or_ends(void **state)
{
    (void)state;
    for (size_t i = 0; pam_layout_at(i); i++) {
        const struct pam_layout *layout = pam_layout_at(i);
        const uint64_t none = (begin(layout), python_dict(&python, NULL, 0, false));

        target_put(&target, python.interpreter + layout->interp_modules, none, 8);
        expect(PAM_IS_ASLEEP);
        target_put(&target, python.interpreter + layout->interp_modules, 0, 8);
        expect(PAM_IS_ASLEEP);
        target_put(&target, python.interpreter + layout->interp_threads_head, 0, 8);
        expect(PAM_IS_ASLEEP);
        target_put(&target, python.runtime + layout->runtime_main_interpreter, 0, 8);
        expect(PAM_IS_ASLEEP);
        expect_version(PAM_IS_ASLEEP, 0);
        target_done(&target);
    }
}

/* Each link that is wrong: then it is another layout where the version is known, else no runtime. */
static void what_does_not_fit(void **state)
{
    (void)state;
    for (size_t i = 0; pam_layout_at(i); i++) {
        const struct pam_layout *layout = pam_layout_at(i);
        const uint64_t places[] = {
            (begin(layout), thread + layout->tstate_interp),
            python.interpreter + layout->interp_threads_head,
            python.runtime + layout->runtime_main_interpreter,
            python.interpreter + layout->interp_modules,
            version_object + layout->long_digits,
        };

        for (size_t at = 0; at < COUNT(places); at++) {
            const uint64_t right = target_get(&target, places[at], 8);

            target_put(&target, places[at], at + 1 == COUNT(places) ? 0x020700f0 : right + 3, 4);
            expect(PAM_IS_UNSUPPORTED);
            expect_version(layout->debug_bytes ? PAM_IS_UNSUPPORTED : PAM_IS_NO_RUNTIME, 0);
            target_put(&target, python.runtime + layout->runtime_initialized, 0, 4);
            expect(PAM_IS_ASLEEP); /* it is starting, or ending */
            target_put(&target, python.runtime + layout->runtime_initialized, 1, 4);
            target_put(&target, places[at], right, 8);
        }
        expect(PAM_IS_RUNTIME);
        target_done(&target);
    }
}

static void functions_whose_code_is_none(void **state)
{
    (void)state;
    for (size_t i = 0; pam_layout_at(i); i++) {
        const struct pam_layout *layout = pam_layout_at(i);
        const uint64_t places[] = {
            (begin(layout), function + layout->function_code),
            code_type + layout->type_name,
            code_type + layout->object_type,
            type_type + layout->object_type,
        };

        for (size_t at = 0; at < COUNT(places); at++) {
            const uint64_t right = target_get(&target, places[at], 8);

            target_put(&target, places[at], version_object, 8);
            expect(PAM_IS_ASLEEP); /* importlib may not be there yet */
            target_put(&target, places[at], right, 8);
        }
        target_done(&target);
    }
}

static void a_layout_that_differs_by_its_own_account(void **state)
{
    (void)state;
    for (size_t i = 0; pam_layout_at(i); i++) {
        const struct pam_layout *layout = pam_layout_at(i);

        if (!layout->debug_bytes)
            continue;
        begin(layout);
        for (const struct pam_layout_check *check = layout->checks + 1; check->name; check++) {
            target_put(&target, python.runtime + check->at, check->expected + 8, 8);
            expect(PAM_IS_UNSUPPORTED);
            assert_non_null(strstr(error.text, check->name));
            target_put(&target, python.runtime + check->at, check->expected, 8);
        }
        target_done(&target);
    }
}

static void versions_without_a_row(void **state)
{
    (void)state;
    begin(pam_layout_for(0x030e0000, false));
    target_put(&target, python.runtime + 8, 0x030700f0, 8);
    expect(PAM_IS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "CPython 3.7"));
    target_put(&target, python.runtime + 8, 0x030f00f0, 8);
    target_put(&target, python.runtime + 16, 1, 8);
    expect(PAM_IS_UNSUPPORTED);
    assert_non_null(strstr(error.text, "free-threaded build of CPython 3.15"));
    assert_non_null(strstr(error.text, "3.13t"));
    assert_non_null(strstr(error.text, "3.14t"));
    target_done(&target);
}

/* A scan of memory hands in whatever looks a little like a runtime. */
static void random_memory(void **state)
{
    (void)state;
    srandom(11);
    begin(pam_layout_for(0x030b0000, false));
    for (int round = 0; round < 2000; round++) {
        const uint64_t address = TARGET_BASE + (uint64_t)random() % (target.used / 8) * 8;

        memset(&runtime, 0, sizeof runtime);
        if (address != python.runtime)
            assert_int_not_equal(pam_identify(&runtime, &remote, address, 0, &error), PAM_IS_RUNTIME);
    }
    target_done(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_layout_is_told_with_and_without_its_version),
        cmocka_unit_test(an_interpreter_that_starts_or_ends),
        cmocka_unit_test(what_does_not_fit),
        cmocka_unit_test(functions_whose_code_is_none),
        cmocka_unit_test(a_layout_that_differs_by_its_own_account),
        cmocka_unit_test(versions_without_a_row),
        cmocka_unit_test(random_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
