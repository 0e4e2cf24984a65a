/* test_callee.c - the names of what calls call: in real code objects, and in broken ones. */
#include "symbols/callee.h"

#include "code_cases.h"

static struct pam_code_model model_of(const struct code_case *code, struct pam_bytes bytecode)
{
    return (struct pam_code_model){
        .python_version = code->version,
        .first_line = (uint32_t)code->first_line,
        .line_table = code->line_table,
        .bytecode = bytecode,
        .names = code->names,
        .local_names = code->local_names,
        .first_cell = code->first_cell,
    };
}

/* Every call of the case in one form of its bytecode; returns how many names are wrong. */
static unsigned check_calls(const struct code_case *code, struct pam_bytes bytecode,
                            const char *form)
{
    const struct pam_code_model model = model_of(code, bytecode);
    unsigned wrong = 0;

    for (size_t i = 0; i < code->call_count; i++) {
        const struct call *call = &code->calls[i];
        char name[PAM_CALLEE_BYTES] = "#";
        const bool found = pam_callee_name(&model, call->unit, name);

        if (found ? call->callee && !strcmp(name, call->callee)
                  : !call->callee || code->kind != PLAIN)
            continue;
        print_error("%x %s: %.*s\n  call %zu: %s instead of %s\n", code->version, form,
                    (int)code->source.size, (const char *)code->source.data, i,
                    found ? name : "nothing", call->callee ? call->callee : "nothing");
        wrong++;
    }
    return wrong;
}

/* Specialised calls of Python functions are left out: while they run, their frame is the leaf. */
static bool is_left_out(const struct code_case *code, const struct call *call)
{
    const struct pam_code_model model = model_of(code, code->adaptive);
    char name[PAM_CALLEE_BYTES];

    return code->adaptive.data[2 * call->unit] != code->bytecode.data[2 * call->unit] &&
           !pam_callee_name(&model, call->unit, name);
}

static unsigned check_adaptive(const struct code_case *code)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < code->call_count; i++) {
        struct code_case one = *code;

        one.calls = &code->calls[i];
        one.call_count = 1;
        if (!is_left_out(code, &code->calls[i]))
            wrong += check_calls(&one, code->adaptive, "specialised");
    }
    return wrong;
}

static void check_kind(enum code_case_kind kind, uint32_t version)
{
    unsigned wrong = 0;

    for (size_t i = 0; i < COUNT(code_cases); i++)
        if (code_cases[i].kind == kind && (!version || code_cases[i].version >> 16 == version)) {
            wrong += check_calls(&code_cases[i], code_cases[i].bytecode, "plain");
            wrong += check_adaptive(&code_cases[i]);
        }
    if (wrong)
        fail_msg("%u names are wrong", wrong);
}

/* Calls have the name that the source wrote. */
static void calls_of_each_version(void **state)
{
    static const uint32_t versions[] = {0x0308, 0x0309, 0x030a, 0x030b, 0x030c, 0x030d, 0x030e};

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++)
        check_kind(PLAIN, versions[i]);
}

static void an_item_has_not_the_name_of_what_it_is_in(void **state)
{
    (void)state;
    check_kind(SUBSCRIPT, 0);
}

static void implicit_calls_have_no_wrong_name(void **state)
{
    (void)state;
    check_kind(IMPLICIT, 0);
}

static void units_that_are_no_calls(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(code_cases); i++) {
        const struct pam_code_model model = model_of(&code_cases[i], code_cases[i].bytecode);
        char name[PAM_CALLEE_BYTES];
        static const size_t outside[] = {0, 1 << 20, SIZE_MAX / 2, SIZE_MAX};

        for (size_t k = 1; k < COUNT(outside); k++)
            assert_false(pam_callee_name(&model, outside[k], name));
        assert_false(pam_callee_name(&model, 0, name)); /* RESUME or the like */
        assert_false(pam_callee_name(&model, model.bytecode.size / 2, name));
    }
}

/* Whatever bytes are taken for code, it ends, and soon. */
static void code_that_is_none(void **state)
{
    static unsigned char bytecode[1 << 15];
    uint64_t random = 1;

    (void)state;
    for (size_t i = 0; i < COUNT(code_cases); i++) {
        struct pam_code_model model = model_of(&code_cases[i], (struct pam_bytes)BYTES(""));
        char name[PAM_CALLEE_BYTES];

        if (i && code_cases[i].version == code_cases[i - 1].version)
            continue;
        for (int round = 0; round < 20; round++) {
            for (size_t k = 0; k < sizeof bytecode; k++) {
                random = random * UINT64_C(6364136223846793005) + 1442695040888963407;
                bytecode[k] = (unsigned char)(round % 2 && k % 2 ? 131 : random >> 56); /* CALL_FUNCTION */
            }
            model.bytecode = (struct pam_bytes){bytecode, sizeof bytecode >> round % 8};
            for (size_t unit = 0; unit < model.bytecode.size / 2; unit += 97)
                (void)pam_callee_name(&model, unit, name);
        }
    }
}

/* Without one of its tables a name is "?" or there is none; never anything else. */
static void check_empty_tables(const struct code_case *code, bool needs_lines)
{
    char name[PAM_CALLEE_BYTES];

    for (int table = 0; table < 4; table++) {
        struct pam_code_model model = model_of(code, code->bytecode);
        struct pam_bytes *const tables[] = {&model.line_table, &model.bytecode, &model.names,
                                            &model.local_names};
        bool found;

        tables[table]->size = 0;
        found = pam_callee_name(&model, code->calls[0].unit, name);
        if (table == 2)
            assert_true(found && !strcmp(name, "?.?"));
        else
            assert_int_equal(found, table == 3 || (table == 0 && !needs_lines)); /* it has no local */
    }
}

static void tables_that_are_empty(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(code_cases); i++)
        if (i == 0 || code_cases[i].version != code_cases[i - 1].version)
            check_empty_tables(&code_cases[i], code_cases[i].version >= 0x030b0000);
}

static void name_without_tables(void *context)
{
    struct pam_code_model model = model_of(&code_cases[0], code_cases[0].bytecode);
    char name[PAM_CALLEE_BYTES];

    (void)context;
    model.names = model.local_names = pam_text(NULL);
    (void)pam_callee_name(&model, code_cases[0].calls[0].unit, name);
    model.line_table = pam_text(NULL);
    (void)pam_callee_name(&model, code_cases[0].calls[0].unit, name);
}

static void tables_that_are_not_there(void **state)
{
    (void)state;
    assert_true(survives(name_without_tables, NULL));
}

static void names_that_are_not_closed(void **state)
{
    const struct code_case *code = &code_cases[0];
    struct pam_code_model model = model_of(code, code->bytecode);
    char name[PAM_CALLEE_BYTES];
    unsigned char *exact = malloc(model.names.size - 1);

    (void)state;
    assert_non_null(exact);
    memcpy(exact, model.names.data, model.names.size - 1);
    model.names = (struct pam_bytes){exact, model.names.size - 1};
    assert_true(pam_callee_name(&model, code->calls[0].unit, name));
    assert_string_equal(name, "?.?");
    free(exact);
}

static void versions_that_are_not_known(void **state)
{
    static const uint32_t versions[] = {0, 0x03070000, 0x03ff0000, UINT32_MAX};
    char name[PAM_CALLEE_BYTES];

    (void)state;
    for (size_t i = 0; i < COUNT(versions); i++) {
        struct pam_code_model model = model_of(&code_cases[0], code_cases[0].bytecode);

        model.python_version = versions[i];
        assert_false(pam_callee_name(&model, code_cases[0].calls[0].unit, name));
    }
}

/* A chain of attributes that does not fit is not cut in the middle of a name. */
static void a_name_longer_than_the_room(void **state)
{
    static unsigned char names[16 * 30], bytecode[2 * 20 * 11 + 64], table[64];
    struct pam_code_model model = {.python_version = 0x030b07f0, .first_line = 1};
    char name[PAM_CALLEE_BYTES];
    size_t units = 0, at = 0, entry = 0;

    (void)state;
    for (size_t i = 0; i < 16; i++) { /* "attribute....." of 29 characters each */
        memset(names + 30 * i, 'a' + (int)i, 29);
        names[30 * i + 29] = '\0';
    }
    bytecode[at] = 101; /* LOAD_NAME */
    bytecode[at + 1] = 0;
    at += 2;
    for (unsigned i = 1; i < 12; i++) { /* LOAD_ATTR and its four caches */
        bytecode[at] = 106;
        bytecode[at + 1] = (unsigned char)i;
        at += 10;
    }
    bytecode[at] = 171; /* CALL */
    units = at / 2;
    for (unsigned i = 0; i < 12; i++) { /* each ends one column later */
        table[entry++] = (unsigned char)(0x80 | 10 << 3 | (i ? 4 : 0));
        table[entry++] = 4;
        table[entry++] = (unsigned char)(5 + i);
    }
    memcpy(table + entry, "\xd0\x04\x40", 3);
    model.names = (struct pam_bytes){names, sizeof names};
    model.bytecode = (struct pam_bytes){bytecode, at + 10};
    model.line_table = (struct pam_bytes){table, entry + 3};
    assert_true(pam_callee_name(&model, units, name));
    assert_true(strlen(name) < PAM_CALLEE_BYTES);
    if (name[strlen(name) - 1] == '.')
        fail_msg("a name that ends in a dot: %s", name);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(calls_of_each_version),
        cmocka_unit_test(an_item_has_not_the_name_of_what_it_is_in),
        cmocka_unit_test(implicit_calls_have_no_wrong_name),
        cmocka_unit_test(units_that_are_no_calls),
        cmocka_unit_test(code_that_is_none),
        cmocka_unit_test(tables_that_are_empty),
        cmocka_unit_test(tables_that_are_not_there),
        cmocka_unit_test(names_that_are_not_closed),
        cmocka_unit_test(versions_that_are_not_known),
        cmocka_unit_test(a_name_longer_than_the_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
