/* test_events.c - the list of --event: names, groups, modifiers, and strings that mean harm. */
#include <linux/perf_event.h>

#include "kernel/events.h"

#include "unit.h"

static struct pam_events events;
static struct pam_error error;

static int parse(const char *text)
{
    error.text[0] = '\0';
    return pam_events_parse(&events, text, &error);
}

enum { K_OUT = PAM_EXCLUDE_KERNEL | PAM_EXCLUDE_HYPERVISOR, U_OUT = PAM_EXCLUDE_USER | PAM_EXCLUDE_HYPERVISOR };

static void single_names(void **state)
{
    static const struct {
        const char *text;
        uint32_t type;
        uint64_t config;
        unsigned excludes;
        const char *unit;
    } rows[] = {
        {"cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0, ""},
        {"CPU-Cycles", PERF_TYPE_HARDWARE, PERF_COUNT_HW_CPU_CYCLES, 0, ""},
        {"instructions:u", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, K_OUT, ""},
        {"instructions:k", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, U_OUT, ""},
        {"instructions:uk", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, PAM_EXCLUDE_HYPERVISOR, ""},
        {"instructions:ukh", PERF_TYPE_HARDWARE, PERF_COUNT_HW_INSTRUCTIONS, 0, ""},
        {"branch-misses", PERF_TYPE_HARDWARE, PERF_COUNT_HW_BRANCH_MISSES, 0, ""},
        {"task-clock", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_TASK_CLOCK, 0, "ns"},
        {" page-faults ", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_PAGE_FAULTS, 0, ""},
        {"cs", PERF_TYPE_SOFTWARE, PERF_COUNT_SW_CONTEXT_SWITCHES, 0, ""},
        {"L1-dcache-loads", PERF_TYPE_HW_CACHE, 0, 0, ""},
        {"L1-dcache-load-misses", PERF_TYPE_HW_CACHE, 0x10000, 0, ""},
        {"llc-stores", PERF_TYPE_HW_CACHE, 0x102, 0, ""},
        {"iTLB-load-misses:u", PERF_TYPE_HW_CACHE, 0x10004, K_OUT, ""},
        {"node-prefetch-misses", PERF_TYPE_HW_CACHE, 0x10206, 0, ""},
        {"r1a8", PERF_TYPE_RAW, 0x1a8, 0, ""},
        {"rFFFFFFFFFFFFFFFF:u", PERF_TYPE_RAW, UINT64_MAX, K_OUT, ""},
        {"r0", PERF_TYPE_RAW, 0, 0, ""},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const struct pam_event_spec *spec = &events.list[0];

        assert_row(rows[i].text, parse(rows[i].text) == 0 && events.count == 1);
        assert_row(rows[i].text, spec->code.type == rows[i].type && spec->code.config == rows[i].config);
        assert_row(rows[i].text, spec->code.excludes == rows[i].excludes);
        assert_row(rows[i].text, !strcmp(spec->unit, rows[i].unit) && spec->group == 1 && !spec->per_sample);
    }
    assert_int_equal(parse("instructions:u"), 0);
    assert_string_equal(events.list[0].name, "instructions:u"); /* as it was asked for */
}

static void groups(void **state)
{
    (void)state;
    assert_int_equal(parse("page-faults,{cycles,instructions:u}, {cs , faults}:kS,r1"), 0);
    assert_int_equal(events.count, 6);
    assert_int_equal(events.list[0].group, 1);
    assert_true(events.list[1].group == 2 && events.list[2].group == 2);
    assert_true(events.list[3].group == 3 && events.list[4].group == 3);
    assert_int_equal(events.list[5].group, 4);
    assert_int_equal(pam_events_group_end(&events, 1), 3);
    assert_int_equal(pam_events_group_end(&events, 5), 6);
    assert_true(events.list[1].code.excludes == 0 && events.list[2].code.excludes == K_OUT);
    assert_true(events.list[3].code.excludes == U_OUT && events.list[4].code.excludes == U_OUT);
    assert_true(!events.list[2].per_sample && events.list[3].per_sample && events.list[4].per_sample);
    assert_string_equal(events.list[4].name, "faults");
}

static void what_is_no_list(void **state)
{
    static const char *const rows[] = {
        "",         " ",         ",",          "cycles,",      ",cycles",     "cycles,,cs",   "{",
        "}",        "{}",        "{cycles",    "cycles}",      "{{cycles}}",  "{cycles,}",    "{,cycles}",
        "{cycles}x", "{cycles}:", "{cycles}:x", "{cycles}:S:u", "{cycles}u",   "{cycles}{cs}", "cyc les",
        "cycles\n", "cycles\x1b[2J", "\xff\xfe",   "sched:*",      "cycles?",     "a{b}",         "{a,{b}}",
        "\t",       "{cycles} :u",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        assert_row(rows[i], parse(rows[i]) == PAM_USAGE);
        assert_row(rows[i], !strncmp(error.text, "--event: ", 9));
        for (const char *c = error.text; *c; c++)
            assert_row(rows[i], *c >= ' '); /* nothing that a terminal would obey */
    }
}

/* Refused by their name, with what to do about it. */
static void names_that_nobody_knows(void **state)
{
    static const char *const rows[] = {
        "no-such-event", "rx",           "r",         "r1z",      "r-1",         "r10000000000000000",
        "cycles:x",      "cycles:",      "cycles:S",  ":u",       "::",          "a::b",
        "page-faults:",  "../../etc:id", "sched:../x", "/sys:x",  "sched:",      ":sched_wakeup",
        "%s%n%s%n",      "-",            "cycles:uu=", "perf::x", "no_sub:no_event",
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        const int r = parse(rows[i]);

        assert_row(rows[i], r == PAM_FAILED || r == PAM_PERMISSION);
        assert_row(rows[i], strstr(error.text, "cannot count '") && strstr(error.text, rows[i]));
        assert_row(rows[i], events.count == 0);
    }
    (void)parse("cycles:S");
    assert_non_null(strstr(error.text, "{NAME}:S"));
}

static void tracepoints_have_plain_names(void **state)
{
    static const struct {
        const char *name;
        bool good;
    } rows[] = {
        {"sched:sched_wakeup", true}, {"a:b", true},       {"amd-cpu:x-1", true}, {"sched", false},
        {":", false},                 {"sched:", false},   {":x", false},         {"a:b:c", false},
        {"../x:y", false},            {"a:../../id", false}, {"a:b/c", false},      {"a:.", false},
        {"a b:c", false},             {"a::b", false},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++)
        assert_row(rows[i].name, pam_tracepoint_is_name(rows[i].name) == rows[i].good);
}

static void bounds(void **state)
{
    char text[4096] = "", long_name[PAM_EVENT_NAME_BYTES + 1];

    (void)state;
    for (int i = 0; i < PAM_MAX_EVENTS; i++)
        strcat(text, i ? ",cs" : "cs");
    assert_int_equal(parse(text), 0);
    assert_int_equal(events.count, PAM_MAX_EVENTS);
    strcat(text, ",cs");
    assert_int_equal(parse(text), PAM_USAGE);
    assert_non_null(strstr(error.text, "64"));
    memset(long_name, 'x', sizeof long_name);
    long_name[PAM_EVENT_NAME_BYTES] = '\0';
    assert_int_equal(parse(long_name), PAM_USAGE);
    long_name[PAM_EVENT_NAME_BYTES - 1] = '\0';
    assert_int_equal(parse(long_name), PAM_FAILED); /* it fits, and is unknown */
}

static void a_megabyte_of_anything(void **state)
{
    static const char letters[] = ",{}:x ";
    char *text = malloc((1 << 20) + 1);

    (void)state;
    assert_non_null(text);
    text[1 << 20] = '\0';
    for (size_t i = 0; i < sizeof letters - 1; i++) {
        memset(text, letters[i], 1 << 20);
        assert_int_equal(parse(text), PAM_USAGE);
        assert_true(strlen(error.text) < 400);
    }
    free(text);
}

/* Lists put together by chance: each is taken or refused with a sentence, and groups are neighbours. */
static void by_chance(void **state)
{
    static const char *const names[] = {"cycles", "cs", "{cs", "{r1", "page-faults", "faults:u", " ", "sched:x"};
    static const char *const others[] = {",", ",", ",", "}", ":u", ":S", "},", "}:uS,"};
    uint64_t random = 88172645463325252u;
    size_t taken = 0;

    (void)state;
    for (int i = 0; i < 3000; i++) {
        char text[256] = "";

        for (int k = 0; k < 1 + i % 12; k++) {
            random ^= random << 13;
            random ^= random >> 7;
            random ^= random << 17;
            strcat(text, k % 2 ? others[random >> 20 & 7] : names[random >> 20 & 7]);
            if (random >> 60 == 0)
                k++;
        }
        if (parse(text) < 0) {
            assert_row(text, error.text[0]);
            continue;
        }
        taken++;
        assert_row(text, events.count > 0 && events.count <= 6);
        for (size_t k = 1; k < events.count; k++)
            assert_row(text, events.list[k].group - events.list[k - 1].group <= 1);
    }
    assert_true(taken > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(single_names),
        cmocka_unit_test(groups),
        cmocka_unit_test(what_is_no_list),
        cmocka_unit_test(names_that_nobody_knows),
        cmocka_unit_test(tracepoints_have_plain_names),
        cmocka_unit_test(bounds),
        cmocka_unit_test(a_megabyte_of_anything),
        cmocka_unit_test(by_chance),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
