/* test_native_parts.c - what native names are made of: mappings, functions by address, pieces of files, symbols. */
#include <unistd.h>

#include "symbols/bundle.h"
#include "symbols/demangle.h"
#include "symbols/maps.h"
#include "symbols/ranges.h"
#include "unit.h"

/* --- mappings -------------------------------------------------------------------------------------------- */

static void map(struct pam_maps *maps, uint64_t pid, uint64_t start, uint64_t size, const char *path)
{
    const struct pam_module module = {.pid = pid, .start = start, .size_bytes = size, .path = pam_text(path)};
    struct pam_error error;

    assert_int_equal(pam_maps_add(maps, &module, &error), 0);
}

static void expect_path(const struct pam_maps *maps, uint64_t pid, uint64_t address, const char *path)
{
    const struct pam_process_maps *process = pam_maps_of(maps, pid);
    const struct pam_mapping *mapping = process ? pam_maps_find(process, address) : NULL;

    assert_int_equal(mapping != NULL, path != NULL);
    if (path)
        assert_true(bytes_equal(pam_maps_module(maps, mapping->module).path, pam_text(path)));
}

static void mappings_in_any_order(void **state)
{
    struct pam_maps maps = {.room = 0};

    (void)state;
    map(&maps, 1, 300, 100, "c");
    map(&maps, 1, 100, 100, "a");
    map(&maps, 2, 100, 100, "x");
    map(&maps, 1, 200, 50, "b");
    map(&maps, 1, 500, 0, "empty");
    map(&maps, 1, UINT64_MAX - 5, 10, "around the end");
    expect_path(&maps, 1, 99, NULL);
    expect_path(&maps, 1, 100, "a");
    expect_path(&maps, 1, 199, "a");
    expect_path(&maps, 1, 200, "b");
    expect_path(&maps, 1, 250, NULL);
    expect_path(&maps, 1, 399, "c");
    expect_path(&maps, 1, 400, NULL);
    expect_path(&maps, 1, 500, NULL);
    expect_path(&maps, 1, UINT64_MAX, NULL);
    expect_path(&maps, 2, 199, "x");
    expect_path(&maps, 3, 100, NULL);
    pam_maps_clear(&maps);
    expect_path(&maps, 1, 100, NULL);
    pam_maps_done(&maps);
}

/* Told again it is the same; what is mapped in its place is another. */
static void what_is_mapped_last_is_there(void **state)
{
    struct pam_maps maps = {.room = 0};
    uint32_t generation;

    (void)state;
    for (uint64_t i = 1; i < 10; i++)
        map(&maps, 1, 100 * i, 100, "old");
    generation = pam_maps_of(&maps, 1)->generation;
    map(&maps, 1, 300, 100, "old");
    assert_int_equal(pam_maps_of(&maps, 1)->generation, generation);
    assert_int_equal(pam_maps_of(&maps, 1)->count, 9);
    map(&maps, 1, 250, 200, "new");
    assert_int_not_equal(pam_maps_of(&maps, 1)->generation, generation);
    assert_int_equal(pam_maps_of(&maps, 1)->count, 7);
    expect_path(&maps, 1, 199, "old");
    expect_path(&maps, 1, 249, NULL);
    expect_path(&maps, 1, 250, "new");
    expect_path(&maps, 1, 449, "new");
    expect_path(&maps, 1, 450, NULL);
    expect_path(&maps, 1, 500, "old");
    pam_maps_done(&maps);
}

/* --- functions by address ------------------------------------------------------------------------------- */

static void put(struct pam_range_sets *sets, uint64_t pid, uint64_t start, uint64_t size, const char *name)
{
    const struct pam_range range = {start, size, pam_text(name), pam_text("m")};

    assert_true(pam_range_sets_add(sets, 0, pid, &range));
}

static void expect_function(struct pam_range_sets *sets, uint64_t pid, uint64_t address, const char *name)
{
    const int64_t set = pam_range_sets_id(sets, 0, pid);
    struct pam_range range;

    assert_true(set >= 0);
    assert_int_equal(pam_range_sets_find(sets, (uint32_t)set, address, &range), name != NULL);
    if (name)
        assert_true(bytes_equal(range.name, pam_text(name)) && bytes_equal(range.module, pam_text("m")));
}

static void functions_by_address(void **state)
{
    struct pam_range_sets sets = {.room = 0};

    (void)state;
    expect_function(&sets, 1, 100, NULL);
    put(&sets, 1, 200, 50, "late");
    put(&sets, 1, 100, 50, "early");
    put(&sets, PAM_KERNEL, UINT64_MAX - 9, 10, "last");
    expect_function(&sets, 1, 99, NULL);
    expect_function(&sets, 1, 100, "early");
    expect_function(&sets, 1, 149, "early");
    expect_function(&sets, 1, 150, NULL);
    expect_function(&sets, 1, 249, "late");
    put(&sets, 1, 100, 60, "compiled again"); /* also after one was looked for */
    put(&sets, 1, 300, 0, "empty");
    expect_function(&sets, 1, 100, "compiled again");
    expect_function(&sets, 1, 159, "compiled again");
    expect_function(&sets, 1, 300, NULL);
    expect_function(&sets, 2, 100, NULL);
    expect_function(&sets, PAM_KERNEL, UINT64_MAX, "last");
    assert_true(pam_range_sets_is_kernel(&sets, (uint32_t)pam_range_sets_id(&sets, 0, PAM_KERNEL)));
    assert_false(pam_range_sets_is_kernel(&sets, (uint32_t)pam_range_sets_id(&sets, 0, 1)));
    pam_range_sets_done(&sets);
}

/* --- pieces of files ------------------------------------------------------------------------------------- */

static const struct pam_bytes path = BYTES("/p"), id = BYTES("id");

static void add_piece(struct pam_bundles *bundles, uint64_t file_bytes, uint64_t offset, const char *bytes)
{
    const struct pam_bundle piece = {.build_id = id, .path = path, .file_bytes = file_bytes,
                                     .offset = offset, .bytes = pam_text(bytes)};
    struct pam_error error;

    assert_int_equal(pam_bundles_add(bundles, &piece, &error), 0);
}

static void pieces_and_holes(void **state)
{
    struct pam_bundles bundles = {.room = 0};
    size_t size;
    char *text;

    (void)state;
    assert_int_equal(pam_bundles_find(&bundles, path, id), -1);
    add_piece(&bundles, 8, 6, "gh");
    add_piece(&bundles, 8, 0, "ab");
    add_piece(&bundles, 8, 7, "over"); /* these cannot be */
    add_piece(&bundles, 8, UINT64_MAX, "x");
    add_piece(&bundles, UINT64_MAX, 3, "x");
    add_piece(&bundles, 1, 0, "long");
    assert_int_equal(pam_bundles_find(&bundles, path, path), -1);
    text = file_text(pam_bundles_find(&bundles, path, id), &size);
    assert_int_equal(size, 8);
    assert_memory_equal(text, "ab\0\0\0\0gh", 8);
    free(text);
    pam_bundles_done(&bundles);
}

/* --- symbols --------------------------------------------------------------------------------------------- */

static void names_as_the_source_has_them(void **state)
{
    static const struct {
        const char *symbol, *name;
    } rows[] = {
        {"PyObject_Call", "PyObject_Call"},
        {"_ZN5space5Class6methodEi", "space::Class::method"},
        {"_ZNSt6vectorIiSaIiEE9push_backEOi", "std::vector<int, std::allocator<int> >::push_back"},
        {"_ZN4core3ptr46drop_in_place$LT$alloc..vec..Vec$LT$u8$GT$$GT$17h0123456789abcdefE",
         "core::ptr::drop_in_place<alloc::vec::Vec<u8>>"},
        {"_ZN3app4main17h0123456789abcdefE", "app::main"},
        {"_RNvCsdBezzDwma51_7mycrate3foo", "mycrate::foo"},
        {"__pyx_pw_3pkg_3mod_1work", "pkg.mod.work"},
        {"__pyx_pf_3pkg_3mod_work", "pkg.mod.work"},
        {"__pyx_pw_3pkg_3mod_5Class_7method", "pkg.mod.Class.method"},
        {"__pyx_f_3mod_inner_loop", "mod.inner_loop"},
        {"__pyx_pw_", "__pyx_pw_"},
        {"__pyx_pw_99999999999999999999999_x", "_x"},
        {"__pyx_f_3mo", "mo"},
        {"_PyEval_EvalFrameDefault.cold", "_PyEval_EvalFrameDefault"},
        {"sort.lto_priv.3.lto_priv.0", "sort"},
        {"_ZN5space5Class6methodEi.constprop.0.isra.0", "space::Class::method"},
        {"a.b", "a.b"},
        {".cold", ".cold"},
        {"_ZN", "_ZN"},
        {"", ""},
    };
    char name[PAM_FUNCTION_NAME_BYTES], large[3 * PAM_FUNCTION_NAME_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        pam_demangle(rows[i].symbol, name);
        assert_string_equal(name, rows[i].name);
    }
    memset(large, 'x', sizeof large);
    large[sizeof large - 1] = '\0';
    pam_demangle(large, name);
    assert_int_equal(strlen(name), sizeof name - 1);
    memcpy(large, "__pyx_f_", 8);
    pam_demangle(large, name);
    assert_int_equal(strlen(name), sizeof name - 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mappings_in_any_order),
        cmocka_unit_test(what_is_mapped_last_is_there),
        cmocka_unit_test(functions_by_address),
        cmocka_unit_test(pieces_and_holes),
        cmocka_unit_test(names_as_the_source_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
