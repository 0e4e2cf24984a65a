/* test_status.c - what the summary says of a capture without samples, and of what was left out. */
#include "status.h"

#include "python/threads.h"
#include "unit.h"

enum { SUMMARY_BYTES = 2048 };

static void summarise(const struct pam_progress *progress, char text[SUMMARY_BYTES])
{
    static const struct pam_output output = {.is_stdout = true};
    FILE *out = fmemopen(text, SUMMARY_BYTES, "w");

    assert_non_null(out);
    pam_status_summary(out, progress, &output);
    assert_int_equal(fclose(out), 0);
}

static void causes_and_losses(void **state)
{
    static const struct {
        struct pam_progress progress;
        const char *told; /* the lines between that of the samples and that of the output */
    } rows[] = {
        {{.python_version = 0x030b0000, .wanted = 9, .threads = 1}, ""},
        {{.python_version = 0x030b0000, .threads = 1}, ""}, /* it ended before a tick */
        {{.wanted = 0}, "  the target never was a Python that can be read: there are no stacks, only resources\n"},
        {{.native = true}, "  the target never was a Python that can be read: there are native stacks only\n"},
        {{.python_version = 0x030b0000},
         "  no thread of the target could be sampled: its Python has none that the kernel knows\n"},
        {{.python_version = 0x030b0000, .unlisted = "is torn"},
         "  no thread of the target could be sampled: its list of threads is torn\n"},
        {{.python_version = 0x030b0000, .wanted = 9, .unlisted = "is torn"}, ""}, /* at the end it was exiting */
        {{.python_version = 0x030b0000, .wanted = 9, .dropped_blocks = 3, .threads_left_out = 5905},
         "  the output was too slow: 3 blocks were dropped\n"
         "  there were too many threads: 5905 were left out\n"},
    };

    (void)state;
    for (size_t i = 0; i < COUNT(rows); i++) {
        char text[SUMMARY_BYTES], *told, *end;

        summarise(&rows[i].progress, text);
        told = strstr(text, "% failed\n");
        end = strstr(text, "  own memory");
        assert_non_null(told);
        assert_non_null(end);
        *end = '\0';
        assert_string_equal(told + strlen("% failed\n"), rows[i].told);
    }
}

static void every_failed_listing_has_a_text(void **state)
{
    (void)state;
    assert_null(pam_listing_text(PAM_LISTED));
    for (int listing = PAM_LIST_UNREADABLE; listing <= PAM_LIST_ENDLESS; listing++)
        assert_non_null(pam_listing_text((enum pam_listing)listing));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(causes_and_losses),
        cmocka_unit_test(every_failed_listing_has_a_text),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
