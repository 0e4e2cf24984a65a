/* test_counters.c - counters of the kernel on threads of this program: exact, to their end, and refusals. */
#include <errno.h>
#include <linux/perf_event.h>
#include <pthread.h>
#include <sys/mman.h>
#include <unistd.h>

#include "kernel/counters.h"

#include "unit.h"

enum { PAGES = 64 };

static struct pam_events events;
static struct pam_error error;

static void want(const char *list)
{
    assert_int_equal(pam_events_parse(&events, list, &error), 0);
    if (pam_counters_try(&events, &error) < 0)
        skip(); /* a kernel that refuses perf_event */
}

static void touch_pages(void)
{
    const size_t page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory = mmap(NULL, PAGES * page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    assert_true(memory != MAP_FAILED);
    (void)madvise(memory, PAGES * page, MADV_NOHUGEPAGE);
    for (size_t i = 0; i < PAGES; i++)
        memory[i * page] = 1;
    (void)munmap(memory, PAGES * page);
}

/* Tells its id, waits for the word, touches pages and ends. */
struct worker {
    pthread_t thread;
    pid_t tid;
    int told[2], go[2];
};

static void *work(void *context)
{
    struct worker *worker = context;
    char word;

    worker->tid = gettid();
    assert_int_equal(write(worker->told[1], "x", 1), 1);
    assert_int_equal(read(worker->go[0], &word, 1), 1);
    touch_pages();
    return NULL;
}

static void start_worker(struct worker *worker)
{
    char word;

    assert_int_equal(pipe(worker->told) | pipe(worker->go), 0);
    assert_int_equal(pthread_create(&worker->thread, NULL, work, worker), 0);
    assert_int_equal(read(worker->told[0], &word, 1), 1);
}

static void finish_worker(struct worker *worker)
{
    assert_int_equal(write(worker->go[1], "x", 1), 1);
    assert_int_equal(pthread_join(worker->thread, NULL), 0);
    for (int i = 0; i < 2; i++) {
        (void)close(worker->told[i]);
        (void)close(worker->go[i]);
    }
}

static uint64_t faults(const struct pam_counters *counters)
{
    struct pam_counted counted[PAM_MAX_EVENTS] = {{0}};

    assert_true(pam_counters_read(counters, &events, 0, counted));
    assert_int_equal(counted[0].enabled_ns, counted[0].running_ns); /* a software event always has a place */
    return counted[0].value;
}

static void a_thread_to_its_end_and_beyond(void **state)
{
    struct pam_counters counters;
    struct worker worker;
    size_t refused;

    (void)state;
    want("{page-faults,context-switches}");
    start_worker(&worker);
    assert_int_equal(pam_counters_open(&counters, &events, worker.tid, PAM_COUNTERS_OF_THREAD, &refused), 0);
    assert_true(faults(&counters) < PAGES);
    finish_worker(&worker);
    assert_true(faults(&counters) >= PAGES && faults(&counters) < PAGES + 32);
    pam_counters_close(&counters, &events);
    assert_null(counters.fds);
    assert_int_equal(pam_counters_open(&counters, &events, worker.tid, PAM_COUNTERS_OF_THREAD, &refused), -ESRCH);
    assert_null(counters.fds);
}

/* Threads that are born later are of the family, and are not of the thread. */
static void a_family(void **state)
{
    struct pam_counters family, thread;
    struct worker worker;
    size_t refused;

    (void)state;
    want("page-faults");
    if (!events.list[0].whole_process)
        skip(); /* before Linux 5.13 */
    assert_int_equal(pam_counters_open(&family, &events, gettid(), PAM_COUNTERS_OF_FAMILY, &refused), 0);
    assert_int_equal(pam_counters_open(&thread, &events, gettid(), PAM_COUNTERS_OF_THREAD, &refused), 0);
    for (int i = 0; i < 3; i++) {
        start_worker(&worker);
        finish_worker(&worker);
    }
    assert_true(faults(&family) >= 3 * PAGES + faults(&thread));
    assert_true(faults(&thread) < PAGES);
    pam_counters_close(&family, &events);
    pam_counters_close(&thread, &events);
}

/* From the first moment on, though the thread was on a CPU then. */
static void groups_are_read_one_by_one(void **state)
{
    struct pam_counted counted[PAM_MAX_EVENTS] = {{0}};
    struct pam_counters counters;
    size_t refused;

    (void)state;
    want("context-switches,{task-clock,page-faults}");
    assert_int_equal(pam_counters_open(&counters, &events, 0, PAM_COUNTERS_OF_THREAD, &refused), 0);
    touch_pages();
    assert_true(pam_counters_read(&counters, &events, 1, counted));
    assert_true(counted[0].enabled_ns == 0 && counted[1].value > 0 && counted[2].value >= PAGES);
    assert_true(pam_counters_read(&counters, &events, 0, counted));
    assert_true(counted[0].enabled_ns > 0);
    pam_counters_close(&counters, &events);
    assert_false(pam_counters_read(&counters, &events, 0, counted));
}

static void refusals_name_the_event(void **state)
{
    static const int numbers[] = {ENOENT, ENODEV, EOPNOTSUPP, EINVAL, EBUSY, ENOSPC, EMFILE, ENOSYS, EIO};
    struct pam_event_spec spec = {.name = "some-event"};

    (void)state;
    for (size_t i = 0; i < COUNT(numbers); i++) {
        assert_int_equal(pam_counters_refused(&spec, numbers[i], &error), PAM_FAILED);
        assert_non_null(strstr(error.text, "cannot count 'some-event': "));
    }
    assert_int_equal(pam_counters_refused(&spec, EACCES, &error), PAM_PERMISSION);
    assert_non_null(strstr(error.text, "perf_event_paranoid"));
    spec.code.type = PERF_TYPE_TRACEPOINT;
    assert_int_equal(pam_counters_refused(&spec, EPERM, &error), PAM_PERMISSION);
    assert_null(strstr(error.text, "NAME:u"));
}

/* An event that no kernel has, in the middle of a group: nothing of it stays open. */
static void what_cannot_be_had(void **state)
{
    int first, after;

    (void)state;
    want("page-faults,{task-clock,context-switches}");
    events.list[2].code = (struct pam_event_code){.type = PERF_TYPE_SOFTWARE, .config = 4711};
    strcpy(events.list[2].name, "bad");
    first = dup(0);
    assert_true(pam_counters_try(&events, &error) < 0);
    assert_non_null(strstr(error.text, "'bad'"));
    after = dup(0);
    assert_int_equal(after, first + 1);
    (void)close(first);
    (void)close(after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_thread_to_its_end_and_beyond), cmocka_unit_test(a_family),
        cmocka_unit_test(groups_are_read_one_by_one),     cmocka_unit_test(refusals_name_the_event),
        cmocka_unit_test(what_cannot_be_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
