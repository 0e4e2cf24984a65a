/* test_naming.c - names of files from scenarios and times that may be anything. */
#include <pam/naming.h>

#include "unit.h"

enum { NAME_MAX_BYTES = 255 };

#define SECOND_NS UINT64_C(1000000000)

static const struct {
    struct pam_bytes scenario;
    const char *safe;
} scenarios[] = {
    {BYTES("idle"), "idle"},
    {BYTES("Mission-7_take.off"), "Mission-7_take.off"},
    {BYTES(""), "unnamed"},
    {BYTES("/"), "-"},
    {BYTES("../../etc/passwd"), "-.-..-etc-passwd"},
    {BYTES(".."), "-."},
    {BYTES("."), "-"},
    {BYTES(".hidden"), "-hidden"},
    {BYTES("a b\tc"), "a-b-c"},
    {BYTES("it's \"x\" `id` $(id)"), "it-s--x---id----id-"},
    {BYTES("two\nlines\r\n"), "two-lines--"},
    {BYTES("-rf"), "-rf"},
    {BYTES("a\0b"), "a-b"},
    {BYTES("über"), "--ber"},
    {BYTES("日本"), "------"},
    {BYTES("\xff\x80"), "--"},
    {BYTES("a;b|c&d>e<f*g?h[i]j{k}l~m!n#o%p^q=r+s,t:u@v\\w"),
     "a-b-c-d-e-f-g-h-i-j-k-l-m-n-o-p-q-r-s-t-u-v-w"},
};

static void scenarios_become_safe(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(scenarios); i++) {
        char safe[PAM_SAFE_SCENARIO_BYTES];

        memset(safe, 'X', sizeof safe);
        pam_safe_scenario(scenarios[i].scenario, safe);
        assert_string_equal(safe, scenarios[i].safe);
    }
}

static void every_byte_is_safe(void **state)
{
    (void)state;
    for (unsigned byte = 0; byte < 256; byte++) {
        const unsigned char text[] = {'x', (unsigned char)byte};
        char safe[PAM_SAFE_SCENARIO_BYTES];

        pam_safe_scenario((struct pam_bytes){text, sizeof text}, safe);
        assert_int_equal(strlen(safe), 2);
        assert_int_equal(strspn(safe, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"
                                      "0123456789.-_"),
                         2);
    }
}

static void a_long_scenario_leaves_room_for_the_rest(void **state)
{
    static unsigned char text[10000];
    char safe[PAM_SAFE_SCENARIO_BYTES], name[1000];
    int size;

    (void)state;
    memset(text, 'y', sizeof text);
    for (size_t length = 90; length < 100; length++) {
        pam_safe_scenario((struct pam_bytes){text, length}, safe);
        assert_int_equal(strlen(safe), length < sizeof safe ? length : sizeof safe - 1);
    }
    size = pam_file_name(name, sizeof name, (struct pam_bytes){text, sizeof text}, 0, 0,
                         "_profile.speedscope.json");
    assert_int_equal(size, strlen(name));
    assert_true(strlen(name) <= NAME_MAX_BYTES);
}

static const struct {
    uint64_t realtime_ns;
    int64_t utc_offset_s;
    const char *stamp;
} times[] = {
    {0, 0, "19700101_000000"},
    {UINT64_C(1770820222) * SECOND_NS, 0, "20260211_143022"},
    {UINT64_C(1770820222) * SECOND_NS + SECOND_NS - 1, 0, "20260211_143022"},
    {UINT64_C(1770820222) * SECOND_NS, 3600, "20260211_153022"},
    {UINT64_C(1770820222) * SECOND_NS, -34200, "20260211_050022"},
    {UINT64_C(1709164799) * SECOND_NS, 50400, "20240229_135959"},
    {0, -3600, "19691231_230000"},
    {UINT64_MAX, 0, "25540721_233433"},
};

static void stamps_are_local_times(void **state)
{
    (void)state;
    for (size_t i = 0; i < COUNT(times); i++) {
        char stamp[PAM_STAMP_BYTES];

        pam_stamp(times[i].realtime_ns, times[i].utc_offset_s, stamp);
        assert_string_equal(stamp, times[i].stamp);
    }
}

static void stamp_at_the_ends_of_time(void *context)
{
    static const int64_t offsets[] = {INT64_MAX, INT64_MAX - 5, INT64_MIN, INT64_MIN + 5,
                                      INT64_C(1) << 40}; /* a year of more than four digits */

    (void)context;
    for (size_t i = 0; i < COUNT(offsets); i++) {
        char stamp[PAM_STAMP_BYTES] = "";

        pam_stamp(UINT64_MAX, offsets[i], stamp);
        if (strlen(stamp) != PAM_STAMP_BYTES - 1)
            abort();
    }
}

/* utc_offset_s is read from captures, so it may be any number. */
static void an_offset_that_cannot_be(void **state)
{
    (void)state;
    assert_true(survives(stamp_at_the_ends_of_time, NULL));
}

static void file_names(void **state)
{
    const struct pam_bytes scenario = pam_text("no leaf/FC");
    static const char expected[] = "pam_no-leaf-FC_20260211_153022.pamcap";
    volatile size_t little = 10; /* the compiler would warn of what is meant */
    char name[100];

    (void)state;
    assert_int_equal(pam_file_name(name, sizeof name, scenario, UINT64_C(1770820222) * SECOND_NS,
                                   3600, ".pamcap"),
                     sizeof expected - 1);
    assert_string_equal(name, expected);
    assert_int_equal(
        pam_file_name(name, little, scenario, UINT64_C(1770820222) * SECOND_NS, 3600, ".pamcap"),
        sizeof expected - 1);
    assert_string_equal(name, "pam_no-le");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(scenarios_become_safe),
        cmocka_unit_test(every_byte_is_safe),
        cmocka_unit_test(a_long_scenario_leaves_room_for_the_rest),
        cmocka_unit_test(stamps_are_local_times),
        cmocka_unit_test(an_offset_that_cannot_be),
        cmocka_unit_test(file_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
