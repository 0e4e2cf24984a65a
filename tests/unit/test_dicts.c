/* test_dicts.c - ints, dicts, instances and the names of threads out of a fake target. */
#include "python.h"
#include "python/threads.h"

#include "unit.h"

enum { SIZE = 8 << 20 };

static struct target target;
static struct pam_remote remote;
static struct python python;

static const uint32_t versions[] = PYTHON_VERSIONS;

static void begin(uint32_t version)
{
    target_init(&target, &remote, SIZE);
    python_init(&python, &target, &remote, version);
}

static void end(void)
{
    target_done(&target);
}

static void ints(void **state)
{
    enum { DIGIT = (1 << 30) - 1 };
    static const struct {
        const char *name;
        int64_t digits;
        uint32_t digit[4];
        bool good;
        uint64_t value;
    } rows[] = {
        {"zero", 0, {0}, true, 0},
        {"small", 1, {42}, true, 42},
        {"one digit", 1, {DIGIT}, true, DIGIT},
        {"two digits", 2, {1, 1}, true, (UINT64_C(1) << 30) + 1},
        {"an ident", 2, {0x2345678, 0x1fc00}, true, UINT64_C(0x1fc00) << 30 | 0x2345678},
        {"the largest", 3, {DIGIT, DIGIT, 15}, true, UINT64_MAX},
        {"four digits", 4, {0, 0, 0, 1}, false, 0},
    };

    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++)
        for (size_t i = 0; i < COUNT(rows); i++) {
            uint64_t value, object;

            begin(versions[version]);
            object = python_int(&python, rows[i].digits, rows[i].digit);
            assert_row(rows[i].name, pam_read_int(&python.heap, object, &value) == rows[i].good);
            if (rows[i].good)
                assert_row(rows[i].name, value == rows[i].value);
            assert_false(pam_read_int(&python.heap, 0, &value));
            end();
        }
}

/* objects.h: "a non-negative int below 2^64". */
static void ints_of_2_to_the_64_and_more(void **state)
{
    static const uint32_t digits[][3] = {{0, 0, 16}, {(1 << 30) - 1, (1 << 30) - 1, (1 << 30) - 1}};

    (void)state;
    for (size_t i = 0; i < COUNT(digits); i++) {
        uint64_t value;

        begin(0x030b);
        assert_false(pam_read_int(&python.heap, python_int(&python, 3, digits[i]), &value));
        end();
    }
}

static void negative_ints(void **state)
{
    static const uint32_t digits[] = {42, 1, 1};

    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++)
        for (int64_t size = 1; size <= 3; size++) {
            uint64_t value;

            begin(versions[version]);
            if (pam_read_int(&python.heap, python_int(&python, -size, digits), &value))
                fail_msg("CPython %x: a negative int of %d digits", versions[version], (int)size);
            end();
        }
}

static struct python_entry entries[1000];

/* Keys "key0", "key1", ...; the value of each is its address plus 16, just to be told apart. */
static void make_entries(size_t count)
{
    for (size_t i = 0; i < count; i++) {
        char name[32];

        (void)snprintf(name, sizeof name, "key%zu", i);
        entries[i].key = python_str(&python, name);
        entries[i].value = entries[i].key + 16;
    }
}

static void dicts_of_both_kinds(void **state)
{
    static const size_t counts[] = {0, 1, 5, 63, 64, 65, 1000};

    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++)
        for (size_t i = 0; i < COUNT(counts); i++)
            for (int general = 0; general <= 1; general++) {
                uint64_t dict;

                begin(versions[version]);
                make_entries(counts[i]);
                dict = python_dict(&python, entries, counts[i], general);
                for (size_t k = 0; k < counts[i]; k += 31) {
                    char name[32];

                    (void)snprintf(name, sizeof name, "key%zu", k);
                    assert_int_equal(pam_dict_get(&python.heap, dict, name), entries[k].value);
                }
                assert_int_equal(pam_dict_get(&python.heap, dict, "key"), 0);
                assert_int_equal(pam_dict_get(&python.heap, dict, "key00"), 0);
                assert_int_equal(pam_dict_get(&python.heap, dict, ""), 0);
                end();
            }
}

static void split_dicts(void **state)
{
    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++) {
        uint64_t keys, dict, values[70];

        begin(versions[version]);
        make_entries(COUNT(values));
        for (size_t i = 0; i < COUNT(values); i++)
            values[i] = entries[i].value;
        values[1] = 0; /* not set yet */
        keys = python_keys(&python, entries, COUNT(values), false);
        dict = python_split_dict(&python, keys, values, COUNT(values));
        assert_int_equal(pam_dict_get(&python.heap, dict, "key0"), entries[0].value);
        assert_int_equal(pam_dict_get(&python.heap, dict, "key1"), 0);
        assert_int_equal(pam_dict_get(&python.heap, dict, "key69"), entries[69].value);
        end();
    }
}

static bool count_entry(uint64_t key, uint64_t value, void *context)
{
    size_t *left = context;

    assert_true(pam_is_pointer(key) && pam_is_pointer(value));
    return --*left > 0;
}

static void a_visitor_may_stop(void **state)
{
    uint64_t dict;
    size_t left = 70;

    (void)state;
    begin(0x030b);
    make_entries(100);
    entries[3].value = 0; /* deleted */
    entries[4].key = 0;
    entries[5].value = 77;
    dict = python_dict(&python, entries, 100, false);
    assert_true(pam_each_entry(&python.heap, dict, count_entry, &left));
    assert_int_equal(left, 0);
    left = 1000;
    assert_true(pam_each_entry(&python.heap, dict, count_entry, &left));
    assert_int_equal(left, 1000 - 97);
    end();
}

static void garbage_instead_of_a_dict(void **state)
{
    static const uint64_t pointers[] = {0, 8, 12345, TARGET_BASE + SIZE, UINT64_C(1) << 60};
    uint64_t dict, keys;
    size_t left = 1000;

    (void)state;
    begin(0x030b);
    make_entries(10);
    dict = python_dict(&python, entries, 10, false);
    keys = target_get(&target, dict + python.layout->dict_keys, 8);
    for (size_t i = 0; i < COUNT(pointers); i++) {
        assert_false(pam_each_entry(&python.heap, pointers[i], count_entry, &left));
        target_put(&target, dict + python.layout->dict_keys, pointers[i], 8);
        assert_false(pam_each_entry(&python.heap, dict, count_entry, &left));
        target_put(&target, dict + python.layout->dict_keys, keys, 8);
        if (pointers[i]) {
            target_put(&target, dict + python.layout->dict_values, pointers[i], 8);
            assert_false(pam_each_entry(&python.heap, dict, count_entry, &left));
            target_put(&target, dict + python.layout->dict_values, 0, 8);
        }
    }
    for (unsigned log2 = 0; log2 < 256; log2++) {
        target_put(&target, keys + python.layout->keys_log2_index_bytes, log2, 1);
        if (log2 < 3 || log2 > 22)
            assert_false(pam_each_entry(&python.heap, dict, count_entry, &left));
    }
    target_put(&target, keys + python.layout->keys_log2_index_bytes, 5, 1);
    target_put(&target, keys + python.layout->keys_entries, PAM_MAX_DICT + 1, 8);
    assert_false(pam_each_entry(&python.heap, dict, count_entry, &left));
    target_put(&target, keys + python.layout->keys_entries, UINT64_MAX, 8);
    assert_false(pam_each_entry(&python.heap, dict, count_entry, &left));
    assert_int_equal(left, 1000);
    end();
}

static void attributes_of_instances(void **state)
{
    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++) {
        uint64_t keys, dict, object, values[4];

        begin(versions[version]);
        make_entries(4);
        for (size_t i = 0; i < 4; i++)
            values[i] = entries[i].value;
        keys = python_keys(&python, entries, 4, false);
        object = python_instance(&python, keys, values, 4, 0);
        assert_int_equal(pam_instance_get(&python.heap, object, "key2"), entries[2].value);
        assert_int_equal(pam_instance_get(&python.heap, object, "other"), 0);
        dict = python_dict(&python, entries, 4, false);
        object = python_instance(&python, 0, NULL, 0, dict);
        assert_int_equal(pam_instance_get(&python.heap, object, "key3"), entries[3].value);
        assert_int_equal(pam_instance_get(&python.heap, object, "other"), 0);
        object = python_instance(&python, 0, NULL, 0, python.interpreter); /* no dict */
        assert_int_equal(pam_instance_get(&python.heap, object, "key3"), 0);
        assert_int_equal(pam_instance_get(&python.heap, 0, "key3"), 0);
        assert_int_equal(pam_instance_get(&python.heap, TARGET_BASE + SIZE, "key3"), 0);
        end();
    }
}

/* A type whose dict has a descriptor for a name, of a type with that name; instances have its value at `offset`. */
static uint64_t type_with_slot(const char *name, const char *descriptor_type, uint64_t offset, uint64_t base)
{
    const struct pam_layout *layout = python.layout;
    const uint64_t type = target_alloc(python.target, 1024), kind = target_alloc(python.target, 1024);
    const uint64_t descriptor = target_alloc(python.target, 128), definition = target_alloc(python.target, 64);
    const uint64_t text = target_alloc(python.target, 64);
    const struct python_entry entry = {python_str(&python, name), descriptor};

    memcpy(target_at(python.target, text, 32), descriptor_type, strlen(descriptor_type) + 1);
    target_put(python.target, kind + layout->type_name, text, 8);
    target_put(python.target, descriptor + layout->object_type, kind, 8);
    target_put(python.target, descriptor + layout->member_definition, definition, 8);
    target_put(python.target, definition + layout->member_offset, offset, 8);
    target_put(python.target, type + layout->type_dict, python_dict(&python, &entry, 1, true), 8);
    target_put(python.target, type + layout->type_basic_size, 96, 8);
    target_put(python.target, type + layout->type_base, base, 8);
    return type;
}

static uint64_t with_slots(uint64_t type)
{
    const uint64_t object = target_alloc(python.target, 256) + 64;

    target_put(python.target, object + python.layout->object_type, type, 8);
    for (uint64_t i = 40; i < 128; i += 8)
        target_put(python.target, object + i, TARGET_BASE + 8 * i, 8);
    return object;
}

static void attributes_in_slots(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        uint64_t base, object, circle;

        begin(versions[i]);
        base = type_with_slot("inherited", "member_descriptor", 40, 0);
        object = with_slots(type_with_slot("own", "member_descriptor", 88, base));
        assert_int_equal(pam_instance_get(&python.heap, object, "own"), TARGET_BASE + 8 * 88);
        assert_int_equal(pam_instance_get(&python.heap, object, "inherited"), TARGET_BASE + 8 * 40);
        assert_int_equal(pam_instance_get(&python.heap, object, "other"), 0);
        object = with_slots(type_with_slot("own", "member_descriptor", 96, 0)); /* behind its end */
        assert_int_equal(pam_instance_get(&python.heap, object, "own"), 0);
        object = with_slots(type_with_slot("own", "member_descriptor_too", 88, 0));
        assert_int_equal(pam_instance_get(&python.heap, object, "own"), 0);
        object = with_slots(type_with_slot("own", "property", 88, 0));
        assert_int_equal(pam_instance_get(&python.heap, object, "own"), 0);
        circle = type_with_slot("own", "member_descriptor", 88, 0);
        target_put(python.target, circle + python.layout->type_base, circle, 8);
        assert_int_equal(pam_instance_get(&python.heap, with_slots(circle), "other"), 0);
        end();
    }
}

/* threading._active: {ident: Thread}; the name of each is in its instance. */
static void make_threading(const char *const *names, size_t count)
{
    const uint64_t module = target_alloc(&target, 64);
    struct python_entry active[3];
    struct python_entry dict, modules;

    for (size_t i = 0; i < count; i++) {
        const uint32_t ident[2] = {(uint32_t)i, 1};
        const struct python_entry attribute = {python_str(&python, "_name"),
                                               python_str(&python, names[i])};

        active[i].key = python_int(&python, 2, ident);
        active[i].value = python_instance(&python, python_keys(&python, &attribute, 1, false),
                                          &attribute.value, 1, 0);
    }
    dict = (struct python_entry){python_str(&python, "_active"),
                                 python_dict(&python, active, count, true)};
    target_put(&target, module + python.layout->module_dict, python_dict(&python, &dict, 1, false),
               8);
    modules = (struct python_entry){python_str(&python, "threading"), module};
    target_put(&target, python.interpreter + python.layout->interp_modules,
               python_dict(&python, &modules, 1, false), 8);
}

static bool take_name(const struct pam_thread_name *name, void *context)
{
    char *all = context;

    (void)snprintf(all + strlen(all), 64, "%u=%.*s ", (unsigned)(name->ident & 0xff),
                   (int)name->text.size, (const char *)name->text.data);
    return true;
}

static struct pam_runtime runtime;

static void names_of_threads(void **state)
{
    static const char *const names[] = {"MainThread", "RedisProxy_0", "MavLinkFTPProxyWorker_0"};

    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++) {
        struct pam_thread_names reader;
        char all[200] = "";

        begin(versions[version]);
        runtime = (struct pam_runtime){.interpreter = python.interpreter};
        reader = (struct pam_thread_names){.heap = python.heap, .runtime = &runtime};
        pam_thread_names_each(&reader, take_name, all); /* threading is not imported yet */
        assert_string_equal(all, "");
        make_threading(names, COUNT(names));
        pam_thread_names_each(&reader, take_name, all);
        assert_string_equal(all, "0=MainThread 1=RedisProxy_0 2=MavLinkFTPProxyWorker_0 ");
        end();
    }
}

static void link_threads(struct python_thread *threads, size_t count)
{
    runtime = (struct pam_runtime){
        .layout = python.layout, .runtime = python.runtime, .interpreter = python.interpreter};
    target_put(&target, python.interpreter + python.layout->interp_threads_head,
               count ? threads[0].tstate : 0, 8);
    for (size_t i = 0; i < count; i++) {
        target_put(&target, threads[i].tstate + python.layout->tstate_next,
                   i + 1 < count ? threads[i + 1].tstate : 0, 8);
        if (python.layout->tstate_native_id)
            target_put(&target, threads[i].tstate + python.layout->tstate_native_id, 100 + i, 8);
        target_put(&target, threads[i].tstate + python.layout->tstate_ident, 7000 + i, 8);
    }
}

static void thread_states(void **state)
{
    struct python_thread threads[5];
    struct pam_tstate states[5];
    size_t count;

    (void)state;
    for (size_t version = 0; version < COUNT(versions); version++) {
        begin(versions[version]);
        for (size_t i = 0; i < COUNT(threads); i++)
            python_thread(&threads[i], &python, 50 + i, 4096);
        link_threads(threads, 0);
        assert_true(pam_tstates_list(&remote, &runtime, states, 5, &count) == PAM_LISTED && count == 0);
        link_threads(threads, 5);
        assert_true(pam_tstates_list(&remote, &runtime, states, 5, &count) == PAM_LISTED && count == 5);
        for (size_t i = 0; i < 5; i++)
            assert_true(states[i].address == threads[i].tstate && states[i].unique_id == 50 + i &&
                        states[i].tid == (python.layout->tstate_native_id ? 100 + (pid_t)i : 0) &&
                        states[i].ident == 7000 + i);
        states[2].address = 0;
        assert_true(pam_tstates_list(&remote, &runtime, states, 2, &count) == PAM_LISTED && count == 5);
        assert_int_equal(states[2].address, 0);
        end();
    }
}

static void thread_lists_that_are_none(void **state)
{
    struct python_thread threads[3];
    struct pam_tstate states[3];
    size_t count;

    (void)state;
    begin(0x030b);
    for (size_t i = 0; i < COUNT(threads); i++)
        python_thread(&threads[i], &python, i, 4096);
    link_threads(threads, 3);
    target_put(&target, threads[2].tstate + python.layout->tstate_next, threads[0].tstate, 8);
    assert_int_equal(pam_tstates_list(&remote, &runtime, states, 3, &count), PAM_LIST_ENDLESS);
    target_put(&target, threads[2].tstate + python.layout->tstate_next, 12345, 8);
    assert_int_equal(pam_tstates_list(&remote, &runtime, states, 3, &count), PAM_LIST_BROKEN);
    target_put(&target, threads[2].tstate + python.layout->tstate_next, TARGET_BASE + SIZE, 8);
    assert_int_equal(pam_tstates_list(&remote, &runtime, states, 3, &count), PAM_LIST_UNREADABLE);
    target_put(&target, threads[2].tstate + python.layout->tstate_next, 0, 8);
    target_put(&target, threads[1].tstate + python.layout->tstate_interp, python.code_type, 8);
    assert_int_equal(pam_tstates_list(&remote, &runtime, states, 3, &count), PAM_LIST_BROKEN);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(ints),
        cmocka_unit_test(negative_ints),
        cmocka_unit_test(ints_of_2_to_the_64_and_more),
        cmocka_unit_test(dicts_of_both_kinds),
        cmocka_unit_test(split_dicts),
        cmocka_unit_test(a_visitor_may_stop),
        cmocka_unit_test(garbage_instead_of_a_dict),
        cmocka_unit_test(attributes_of_instances),
        cmocka_unit_test(attributes_in_slots),
        cmocka_unit_test(names_of_threads),
        cmocka_unit_test(thread_states),
        cmocka_unit_test(thread_lists_that_are_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
