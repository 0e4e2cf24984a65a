/* test_perf.c - what switch records add up to, on the thread that runs the test. */
#include <fcntl.h>
#include <unistd.h>

#include "kernel/activity.h"
#include "kernel/clocks.h"

#include "unit.h"

enum { PAIRS_NS = 5000000 }; /* between the times at which it came on and went off */

/* The thread's clock was read just now, and a record came since. */
static struct pam_watch watched(void)
{
    struct pam_watch watch = {.tid = gettid(), .proc_fd = open("/proc/self", O_RDONLY | O_DIRECTORY | O_CLOEXEC), .fd = -1};

    assert_true(watch.proc_fd >= 0);
    if (pam_schedstat_open(&watch) < 0)
        skip(); /* a kernel without it */
    (void)pam_schedstat_look(&watch, pam_monotonic_ns(), 0);
    watch.read_cpu_ns = watch.total.cpu_ns;
    watch.read_ns = pam_monotonic_ns();
    watch.heard = watch.moved = watch.ran = true;
    watch.bursts = 1;
    watch.since_ns = PAIRS_NS;
    return watch;
}

static void look(struct pam_watch *watch)
{
    assert_true(pam_activity_perf.look(NULL, watch, pam_monotonic_ns(), 0));
}

static void done(struct pam_watch *watch)
{
    pam_schedstat_close(watch);
    (void)close(watch->proc_fd);
}

static void pairs_are_added(void **state)
{
    struct pam_watch watch = watched();

    (void)state;
    look(&watch);
    assert_int_equal(watch.total.cpu_ns, watch.read_cpu_ns + PAIRS_NS);
    assert_false(pam_activity_perf.look(NULL, &watch, pam_monotonic_ns(), 0)); /* no record since */
    assert_int_equal(watch.total.cpu_ns, watch.read_cpu_ns + PAIRS_NS);
    done(&watch);
}

/* It came on and went off, but not in one go: what there was in between is lost. */
static void a_pair_with_a_gap_is_none(void **state)
{
    struct pam_watch watch = watched();
    const uint64_t before_ns = watch.total.cpu_ns;

    (void)state;
    watch.since_ns = INT64_C(1000000000) * 1000;
    watch.gap = true;
    look(&watch);
    assert_true(watch.total.cpu_ns >= before_ns && watch.total.cpu_ns < before_ns + UINT64_C(1000000000));
    assert_int_equal(watch.read_cpu_ns, watch.total.cpu_ns); /* the clock was read, and counting begins anew */
    assert_false(watch.gap);
    assert_int_equal(watch.learnt_bursts, 0);
    done(&watch);
}

/* One that came on without having gone off before, or the other way round. */
static void half_a_pair_is_none(void **state)
{
    static const int halves[] = {-1, 2};

    (void)state;
    for (size_t i = 0; i < COUNT(halves); i++) {
        struct pam_watch watch = watched();
        const uint64_t before_ns = watch.total.cpu_ns;

        watch.runs = halves[i];
        look(&watch);
        assert_true(watch.total.cpu_ns >= before_ns && watch.total.cpu_ns < before_ns + UINT64_C(1000000000));
        done(&watch);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(pairs_are_added),
        cmocka_unit_test(a_pair_with_a_gap_is_none),
        cmocka_unit_test(half_a_pair_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
